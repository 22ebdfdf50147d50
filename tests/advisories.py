"""Hold the locked packages against a copy of PyPA's advisory database, where no vulnerability service can be reached.

    git clone https://github.com/pypa/advisory-database
    .venv/bin/python tests/advisories.py advisory-database

It prints each advisory that concerns a locked version and fails when there is one; it can't know what was published
after its copy was made. Where the network is open, `pip-audit` asks a service that is up to date (contributing.md).
"""

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped] # comes with schemathesis
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

LOCK = Path(__file__).parents[1] / "requirements.lock"
_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)


def locked(text: str) -> dict[str, Version]:
    """Read a lock's packages."""
    return {canonicalize_name(name): Version(version) for name, version in _LOCKED.findall(text)}


def advisories(folder: Path, packages: Mapping[str, Version]) -> Iterator[str]:
    """Yield a line for each advisory that concerns one of the packages."""
    for path in sorted(folder.glob("vulns/*/*.yaml")):
        if canonicalize_name(path.parent.name) not in packages:
            continue
        advisory = yaml.safe_load(path.read_text("utf-8"))
        if "withdrawn" in advisory:
            continue
        for affected in advisory.get("affected", ()):
            name = canonicalize_name(affected["package"]["name"])
            if name in packages and concerns(affected, packages[name]):
                yield f"{name} {packages[name]}: {advisory['id']} ({', '.join(advisory.get('aliases', ()))})"


def concerns(affected: Mapping[str, Any], version: Version) -> bool:
    """Whether a version is one that an advisory names, or in one of its ranges (OSV schema, `affected`)."""
    if any(_version(text) == version for text in affected.get("versions", ())):
        return True
    ranges = (one["events"] for one in affected.get("ranges", ()) if one["type"] == "ECOSYSTEM")
    return any(_is_in(events, version) for events in ranges)


def _is_in(events: list[dict[str, str]], version: Version) -> bool:
    inside = False
    for event in events:  # in the order of versions
        for kind, text in event.items():
            at = Version("0.dev0") if str(text) == "0" else _version(text)
            if at is None:
                continue
            if kind == "introduced" and version >= at:
                inside = True
            elif (kind == "fixed" and version >= at) or (kind == "last_affected" and version > at):
                inside = False
    return inside


def _version(text: object) -> Version | None:
    try:
        return Version(str(text))
    except InvalidVersion:
        return None


if __name__ == "__main__":
    found = list(advisories(Path(sys.argv[1]), locked(LOCK.read_text("utf-8"))))
    print("\n".join(found) or "No advisory concerns a locked version.")
    sys.exit(bool(found))
