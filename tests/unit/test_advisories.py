"""The check of locked packages against a copy of the advisory database."""

from pathlib import Path

import pytest
from packaging.version import Version
from tests.advisories import LOCK, advisories, concerns, locked

ADVISORY = """\
id: PYSEC-2031-1
aliases: [CVE-2031-1]
affected:
- package: {ecosystem: PyPI, name: Some_Package}
  ranges:
  - type: GIT
    events: [{introduced: "0"}]
  - type: ECOSYSTEM
    events: [{introduced: "0"}, {fixed: 1.2}, {introduced: "2.0"}, {last_affected: "2.3"}]
  versions: [0.1rc1]
"""


def test_a_lock_is_read_whole() -> None:
    packages = locked(LOCK.read_text("utf-8"))
    assert packages["uvicorn"] >= Version("0.40")
    assert len(packages) > 50


@pytest.mark.parametrize(
    ("version", "is_concerned"),
    [("0.1rc1", True), ("1.1.9", True), ("1.2", False), ("1.9", False), ("2.0", True), ("2.3", True), ("2.4", False)],
)
def test_an_advisory_concerns_the_versions_of_its_ranges(tmp_path: Path, version: str, is_concerned: bool) -> None:  # noqa: FBT001
    folder = tmp_path / "vulns" / "some-package"
    folder.mkdir(parents=True)
    (folder / "PYSEC-2031-1.yaml").write_text(ADVISORY, "utf-8")
    found = list(advisories(tmp_path, {"some-package": Version(version), "other": Version("1")}))
    assert found == ([f"some-package {version}: PYSEC-2031-1 (CVE-2031-1)"] if is_concerned else [])
    assert list(advisories(tmp_path, {"other": Version("1")})) == []


def test_an_advisory_without_ranges_concerns_the_versions_that_it_names() -> None:
    assert concerns({"versions": ["1.0"]}, Version("1.0.0"))
    assert not concerns({"versions": ["1.0", "no version"]}, Version("1.1"))
