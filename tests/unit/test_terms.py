"""Terms that were retired stay retired (docs/contributing.md, Terms): in code, docs, tests and file names."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("src", "tests", "bench", "docs")
SUFFIXES = {".py", ".sql", ".md", ".json", ".toml"}

RETIRED = {
    "optimistic insert": r"\bhop(e|es|ed|ing)\b",
    "matched_none": r"met_nobody",
    "lock_audience_set": r"\bhold_back|\bheld_back",
    "WritePolicy": r"(?<!\w)Terms(?=[(\[,:])",
    "alternative_phones, resolve_phone": r"\bdoubts?\b|\bsettle_phone",
    "tolerant": r"\bcareful",
    "SubscriptionStatus": r"\bstandings?\b",
    "custom fields": r"\bown[_ ]fields\b",
    "suppress": r"\bsilenc",
    "interdependent rows": r"\btangl",
    "wire cases, make_fixtures, last write wins": r"\bstor(y|ies)\b|\b[Tt]eller\b|\bfurnish|later_word",
    "process": r"\bwork(s|ed|ing)?[_ ]off\b",
    "reschedule": r"\bput_back\b",
    "fail": r"\b(give|gave|given)_up\b",
    "SessionPool": r"\bLender\b|\blender",
    "CredentialFormat": r"\bKeyWords\b",
    "dialect, API": r"\bkeyboards?\b|\bdoors?\b",
    "authenticated": r"\blet in\b",
    "Return, or nothing": r'"""Gives? (?!turns|a list)',
}

# Decisions and migrations are not changed afterwards, and links to them keep the names of their files.
UNCHANGED = re.compile(r"docs/adr/00(0\d|1[0-7])-|/db/migrations/|^docs/index\.md")
LINK = re.compile(r"\]\([^)]*\)")
# The list itself; and what uploads that an earlier version accepted have in their rows.
EXEMPT = {
    "tests/unit/test_terms.py": None,
    "src/carillon/audience/contacts/batch_write.py": '"alternative_phones": "doubts"',
    "tests/integration/test_uploads.py": '"doubts": {}',
}


def lines() -> Iterator[tuple[str, int, str]]:
    """Every line of the project's own files, with its place; a file's path is its line 0."""
    paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
    for path in [*paths, ROOT / "README.md", ROOT / "CHANGELOG.md"]:
        name = path.relative_to(ROOT).as_posix()
        if UNCHANGED.search(name):
            continue
        exempt = EXEMPT.get(name, "")
        if exempt is None:
            continue
        yield name, 0, name
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not (exempt and exempt in line):
                yield name, number, LINK.sub("]", line)


@pytest.mark.parametrize("term", RETIRED)
def test_a_retired_term_is_not_used_again(term: str) -> None:
    retired = re.compile(RETIRED[term])
    found = [f"{name}:{number}: {line.strip()}" for name, number, line in lines() if retired.search(line)]
    assert found == [], f"the term is: {term}"
