"""Terms that were retired stay retired (docs/contributing.md, Terms): in code, docs, tests and file names."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("src", "tests", "bench", "docs")
SUFFIXES = {".py", ".sql", ".md", ".json", ".toml"}

RETIRED = {
    "optimistic insert": "hop(e|es|ed|ing)",
    "matched_none": "met_nobody",
    "lock_audience_set": "(hold|held)_back",
    "WritePolicy": r"(?-i:Terms(?=[(\[,:]))",
    "alternative_phones, resolve_phone": "doubts?|settle_phone",
    "tolerant": "careful(ly)?",
    "fast path": r"_plain(?=\b)",
    "SubscriptionStatus": "(?<!0010_post_own_)standings?",
    "custom fields": "own[_ ]fields",
    "suppress": "silenc(e|es|ed|ing)",
    "interdependent rows": "tangl(e|ed|es)",
    "wire cases, make_fixtures, last write wins": "stor(y|ies)|teller|furnish(ed)?|later_word",
    "process": "work(s|ed|ing)?[_ ]off",
    "reschedule": "put_back",
    "fail": "(give|gave)_up|given[_ ]up",
    "SessionPool": "lenders?",
    "CredentialFormat": "key_?words(?-i:(?<=Words))",
    "dialect, API": "keyboards?|doors?",
    "authenticated": "let[_ ]in",
    "reported": r"_told|told(?= ?[=(])",
    "Return, or nothing": r'"""gives?(?= [^."]{1,25}\.""")',
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
    # A name's parts are words, too.
    retired = re.compile(rf"(?<![a-z])(?:{RETIRED[term]})(?![a-z])", re.IGNORECASE)
    found = [f"{name}:{number}: {line.strip()}" for name, number, line in lines() if retired.search(line)]
    assert found == [], f"the term is: {term}"
