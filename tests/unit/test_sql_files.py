"""House rules for SQL (scale.md, Statements), as lints over every `.sql` file."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import carillon
from carillon.db.sql import all_statements, parse_statements
from carillon.db.tables import TABLES

SOURCE = Path(carillon.__file__).parent
STATEMENTS = sorted(all_statements())
NAMES = [f"{file}-{name}" for file, name, _ in STATEMENTS]
SQL_FILES = [path for path in SOURCE.rglob("*.sql") if path.name != "schema.sql" and path.parent.name != "migrations"]
CONTROL_TABLES = [table for table, kind in TABLES.items() if kind == "control"]

FORBIDDEN = {
    "time is a parameter": r"\b(now|clock_timestamp|statement_timestamp|transaction_timestamp)\s*\(|"
    r"\b(current_timestamp|current_date|current_time|localtimestamp|localtime)\b",
    "randomness is a parameter": r"\b(random|gen_random_uuid|uuidv7|uuidv4|nextval)\s*\(",
    "columns are named": r"\bselect\s+(distinct\s+)?(\w+\.)?\*|\breturning\s+(\w+\.)?\*",
    "a claim is a materialized CTE": r"\bin\s*\(\s*select\b[^()]*\bskip\s+locked",
    "no table is merged into": r"\bmerge\s+into\b",
    "staging is temporary": r"\bunlogged\b",
}


def code_of(statement: str) -> str:
    """The statement without its comments, in lower case."""
    return re.sub(r"--.*", "", statement).lower()


def breaches(statement: str) -> list[str]:
    """The rules that a statement breaks."""
    code = code_of(statement)
    found = [rule for rule, pattern in FORBIDDEN.items() if re.search(pattern, code)]
    of_no_table = not re.search(r"\b(from|into|update|join)\b", code)
    of_control = any(re.search(rf"\b{table}\b", code) for table in CONTROL_TABLES)
    named = re.search(r"\baccount_id\b", code) or "-- across accounts: " in statement
    if not (named or of_no_table or of_control):
        found.append("every statement names its account")
    return found


@pytest.mark.parametrize(("file", "name", "statement"), STATEMENTS, ids=NAMES)
def test_a_statement_keeps_the_rules(file: str, name: str, statement: str) -> None:
    assert breaches(statement) == [], f"{name} of {file}"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE contact SET updated_at = now() WHERE account_id = $1",
        "DELETE FROM contact WHERE account_id = $1 AND created_at < CURRENT_TIMESTAMP",
        "SELECT * FROM contact WHERE account_id = $1",
        "SELECT c.* FROM contact c WHERE account_id = $1",
        "INSERT INTO contact (account_id) VALUES ($1) RETURNING *",
        "INSERT INTO audit_entry (account_id, entry_id) VALUES ($1, gen_random_uuid())",
        "UPDATE t SET a = 1 WHERE account_id = $1 AND id IN (SELECT id FROM t LIMIT 3 FOR UPDATE SKIP LOCKED)",
        "SELECT name FROM contact",
        "-- account_id in a comment is not enough\nSELECT name FROM contact",
    ],
)
def test_the_lint_sees_a_breach(statement: str) -> None:
    assert breaches(statement) != []


def test_a_statement_across_accounts_says_why() -> None:
    assert breaches("-- across accounts: the operator sees all.\nSELECT name FROM account") == []


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1;\n-- name: late\nSELECT 2;",
        "-- name: twice\nSELECT 1;\n-- name: twice\nSELECT 2;",
        "-- name: nothing\n\n-- name: something\nSELECT 1;",
    ],
)
def test_a_file_that_is_not_a_series_of_named_statements_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="statement"):
        parse_statements(text)


def modules_of(sql_file: Path) -> list[ast.Module]:
    """The modules beside a `.sql` file that load it."""
    trees = [ast.parse(module.read_text("utf-8")) for module in sql_file.parent.glob("*.py")]
    return [tree for tree in trees if sql_file.name in set(texts_in(tree))]


def texts_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def patterns_in(tree: ast.AST) -> Iterator[str]:
    """The f-strings under a tree, as patterns: what is filled in may be any word."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"\w+" for part in node.values
            )


def asked_for(tree: ast.AST) -> Iterator[ast.AST]:
    """What stands between the brackets of `SQL[…]`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "SQL":
            yield node.slice


SQL_FILES = sorted(
    path for path in SOURCE.rglob("*.sql") if path.name != "schema.sql" and path.parent.name != "migrations"
)


@pytest.mark.parametrize("path", SQL_FILES, ids=[path.name for path in SQL_FILES])
def test_every_statement_is_used_by_a_module_beside_it(path: Path) -> None:
    modules = modules_of(path)
    texts = {text for tree in modules for text in texts_in(tree)}
    patterns = {pattern for tree in modules for key in asked_for(tree) for pattern in patterns_in(key)}
    names = parse_statements(path.read_text("utf-8"))
    unused = [name for name in names if name not in texts and not any(re.fullmatch(one, name) for one in patterns)]
    assert unused == []


@pytest.mark.parametrize("path", SQL_FILES, ids=[path.name for path in SQL_FILES])
def test_every_statement_that_a_module_asks_for_exists(path: Path) -> None:
    names = list(parse_statements(path.read_text("utf-8")))
    for tree in modules_of(path):
        for key in asked_for(tree):
            if isinstance(key, ast.Constant):
                assert key.value in names
            for pattern in patterns_in(key):
                assert any(re.fullmatch(pattern, name) for name in names), pattern
