"""Every dialect's folder has the same names for the same things, and nothing below knows a vendor."""

import re
from pathlib import Path

import pytest

import carillon
from carillon.dialects.registry import DIALECTS

ROOT = Path(carillon.__file__).parent
FILES = {
    "README.md",
    "__init__.py",
    "auth.py",
    "dialect.py",
    "errors.py",
    "examples.py",
    "mapping.py",
    "operations.py",
    "replies.py",
    "schemas.py",
}
NAMES = re.compile(rf"['\"](?:{'|'.join(one.name for one in DIALECTS)})['\"]")


@pytest.mark.parametrize("name", [one.name for one in DIALECTS])
def test_every_dialects_folder_has_the_same_files(name: str) -> None:
    assert {path.name for path in (ROOT / "dialects" / name).iterdir()} >= FILES


def test_every_folder_of_a_dialect_is_served() -> None:
    folders = {path.name for path in (ROOT / "dialects").iterdir() if (path / "dialect.py").exists()}
    assert folders == {one.name for one in DIALECTS}


def test_nothing_below_the_dialects_names_one() -> None:
    above = {ROOT / "dialects", ROOT / "cli"}
    below = [path for path in ROOT.rglob("*.py") if not above & set(path.parents)]
    assert len(below) > 50
    assert [path for path in below if NAMES.search(path.read_text())] == []
