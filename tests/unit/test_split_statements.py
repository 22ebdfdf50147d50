"""A script is split into the statements that PostgreSQL would run."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.db.migrate import known_migrations
from carillon.db.sql import split_statements

STATEMENTS = [
    "SELECT 1",
    "SELECT 'a;b', 'it''s; all', ''",
    r"SELECT E'it\'s; all\\', e'x;'",
    r"SELECT 'no escape\'",
    'SELECT 1 AS "a;""b"',
    "DO $$ BEGIN PERFORM 1; PERFORM $x$;$x$; END $$",
    "DO $body$ BEGIN PERFORM '$$;'; END $body$",
    "SELECT a$b$c FROM d$b$ WHERE e = $1 AND f = $2",
    "SELECT 1 -- no; end, it's open\n, 2",
    "SELECT 1 /* no; /* end; */ it's open; */, 2",
    "SELECT 5 - - 3, 6 / 2, 3 * 4",
    "-- Comments stay; with what is behind.\n/* ; */ SELECT 1",
]


@given(st.lists(st.sampled_from(STATEMENTS)), st.sampled_from(["", ";", "\n;\n;  ", "; -- the end; of it", ";/* ; */"]))
def test_a_script_is_split_where_its_statements_end(statements: list[str], end: str) -> None:
    assert split_statements(";\n".join(statements) + (end if statements else "")) == statements


@pytest.mark.parametrize("script", ["", " \n", ";;", "-- nothing; here", "/* nothing; here */;"])
def test_a_script_without_statements_has_none(script: str) -> None:
    assert split_statements(script) == []


@pytest.mark.parametrize("script", ["SELECT 'a;b", 'SELECT "a;b', "DO $$ a; $x$", "DO $x$ a; $$", "/* /* */ ;"])
def test_what_is_not_closed_is_refused(script: str) -> None:
    with pytest.raises(ValueError, match="not closed"):
        split_statements(script)


def test_every_migration_has_statements() -> None:
    assert all(split_statements(migration.statements) for migration in known_migrations())
