"""House rules for SQL (scale.md, Statements), as lints over every `.sql` file."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import carillon
from carillon.db.sql import all_statements, parse_statements, with_parts
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
    "a CASE is searched": r"\bcase\s+(?!when\b)",
}
ACCOUNTS_TABLES = "|".join(table for table, kind in TABLES.items() if kind != "control")
# Behind a comma a name of a table is one where an alias follows: there is a column that is called as a table is.
READS_A_TABLE = re.compile(
    rf"\b(from|join|using|update)\s+({ACCOUNTS_TABLES})\b|,\s*({ACCOUNTS_TABLES})\s+(as\s+)?[a-z]"
)


def code_of(statement: str) -> str:
    """The statement without its comments, in lower case."""
    return re.sub(r"--.*", "", statement).lower()


def breaches(statement: str) -> list[str]:
    """The rules that a statement breaks."""
    code = code_of(statement)
    found = [rule for rule, pattern in FORBIDDEN.items() if re.search(pattern, code)]
    of_no_table = not re.search(r"\b(from|into|update|join)\b", code)
    of_control = any(re.search(rf"\b{table}\b", code) for table in CONTROL_TABLES)
    named = re.search(r"\b(account_id|shard_key)\b", code) or "-- across accounts: " in statement
    if not (named or of_no_table or of_control):
        found.append("every statement names its account")
    if "-- across accounts: " not in statement and any(map(reads_without_account, selects(code))):
        found.append("every subselect names the account itself")
    if joins_after_waiting(code):
        found.append("rows that were waited for are joined to nothing else")
    return found


def joins_after_waiting(code: str) -> bool:
    """Tell whether a change of rows that a CTE has locked, and may have waited for, has a join.

    PostgreSQL looks at a row again that was changed meanwhile. Where a CTE is in the statement twice, it then finds
    neither that row nor those behind it: what the change needs is taken through the CTE that locks.
    """
    locks = re.search(r"\bfor (no key )?update\b(?!( of \w+)?\s+skip locked)", code)
    *_, main = selects(code)
    changed = re.search(r"\b(?:update|delete)\b.*?\b(?:from|using)\b(?P<joined>.*?)(\bwhere\b|$)", main, re.DOTALL)
    if not code.lstrip().startswith("with") or not locks or not changed:
        return False
    return bool(re.search(r",|\bjoin\b", re.sub(r"\([^()]*\)", "", changed["joined"])))


def selects(code: str) -> Iterator[str]:
    """A statement and the subselects in it, each without those inside of it, and the parts of a UNION apart."""
    levels = [""]
    for part in re.split(r"([()])", code):
        if part == "(":
            levels.append("")
        elif part == ")":
            inner = levels.pop()
            is_select = re.match(r"\s*(select|with|insert|update|delete)\b", inner)
            levels[-1] += "()" if is_select else f"({inner})"
            yield from re.split(r"\bunion\b", inner) if is_select else ()
        else:
            levels[-1] += part
    yield from re.split(r"\bunion\b", levels[0])


def reads_without_account(code: str) -> bool:
    """Citus looks in each for its account: equal to another table's, which is equal to $1, is not enough."""
    return bool(READS_A_TABLE.search(code)) and not re.search(r"\b(account_id|shard_key) = \$1(?!\d)", code)


def sql_texts_of(module: Path) -> Iterator[str]:
    """The texts of a module that read a table of accounts, what is filled into them left out."""
    tree = ast.parse(module.read_text("utf-8"))
    joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    inside = {part for node in joined for part in node.values}
    texts = [
        *("".join(str(part.value) for part in node.values if isinstance(part, ast.Constant)) for node in joined),
        *(
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in inside
        ),
    ]
    for text in texts:
        if "SELECT" in text and READS_A_TABLE.search(text.lower()):
            yield text


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


COUNTED = "SELECT name, (SELECT count(*) FROM contact c WHERE {}) FROM account a WHERE a.account_id = $1"


@pytest.mark.parametrize(
    "statement",
    [
        COUNTED.format("c.account_id = a.account_id"),
        COUNTED.format("c.account_id = $12"),
        COUNTED.format("EXISTS (SELECT FROM audience b WHERE b.account_id = $1 AND (b.country = $2 OR (b.name = $3)))"),
        "WITH k AS (SELECT contact_id FROM contact LIMIT 5) DELETE FROM contact WHERE account_id = $1",
        "SELECT name FROM account WHERE account_id = $1 UNION ALL SELECT a.name FROM unnest($2::text[]) n, audience a",
    ],
)
def test_the_lint_sees_a_subselect_that_does_not_name_the_account(statement: str) -> None:
    assert breaches(statement) == ["every subselect names the account itself"]


def test_the_lint_sees_a_join_of_rows_that_were_waited_for() -> None:
    change = """-- A comment.
    WITH g AS (SELECT id, n FROM unnest($2::int[], $3::int[]) AS g (id, n)), h AS MATERIALIZED (
        SELECT c.id, g.n FROM g JOIN campaign c ON c.account_id = $1 AND c.id = g.id
        WHERE c.account_id = $1 FOR UPDATE OF c)
    UPDATE campaign c SET n = c.n + h.n FROM {} WHERE c.account_id = $1 AND c.id = h.id"""
    assert breaches(change.format("g JOIN h ON h.id = g.id")) == [
        "rows that were waited for are joined to nothing else"
    ]
    assert breaches(change.format("h")) == []


def test_the_lint_sees_a_simple_case() -> None:
    case = "UPDATE contact SET sms_status = CASE {} THEN 3 ELSE 4 END WHERE account_id = $1"
    assert breaches(case.format("$2 WHEN 1")) == ["a CASE is searched"]
    assert breaches(case.format("WHEN $2 = 1")) == []


@pytest.mark.parametrize(
    "statement",
    [
        COUNTED.format("c.account_id = $1 AND (c.audience_id = a.account_id)"),
        COUNTED.format("c.account_id = $1 AND c.contact_id = (SELECT max(n) FROM unnest($3) n)"),
        "INSERT INTO contact (account_id, audience_id) SELECT $1, s.id FROM unnest($2::bigint[]) AS s (id)",
        "SELECT c.phone FROM membership m JOIN contact c ON c.account_id = m.account_id WHERE m.account_id = $1",
    ],
)
def test_the_lint_passes_what_keeps_the_rules(statement: str) -> None:
    assert breaches(statement) == []


SQL_TEXTS = [
    pytest.param(text, id=f"{module.stem}-{number}")
    for module in sorted(SOURCE.rglob("*.py"))
    for number, text in enumerate(sql_texts_of(module))
]


@pytest.mark.parametrize("text", SQL_TEXTS)
def test_the_parts_of_statements_that_modules_add_name_the_account_too(text: str) -> None:
    assert [select for select in selects(code_of(text)) if reads_without_account(select)] == []


def test_the_modules_add_some() -> None:
    assert len(SQL_TEXTS) >= 3


def test_a_statement_across_accounts_says_why() -> None:
    assert breaches("-- across accounts: the operator sees all.\nSELECT name FROM account") == []


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1;\n-- name: late\nSELECT 2;",
        "-- name: twice\nSELECT 1;\n-- name: twice\nSELECT 2;",
        "-- name: nothing\n\n-- name: something\nSELECT 1;",
        "-- name: one\nSELECT {columns};\n-- fragment: columns\na, b",
        "-- fragment: twice\na\n-- name: twice\nSELECT 1;",
    ],
)
def test_a_file_that_is_not_a_series_of_named_statements_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="statement"):
        parse_statements(text)


def test_fragments_come_into_the_statements_behind_them() -> None:
    text = "-- fragment: columns\na, b\n-- fragment: all\n{columns}, c\n-- name: one\nSELECT {all}, '{}';"
    assert parse_statements(text) == {"one": "SELECT a, b, c, '{}'"}


def test_a_statement_has_the_optional_parts_that_are_named() -> None:
    statement = "SELECT a /* b: */, b /* :b */ FROM t WHERE true /* c: */ AND c = 1 /* :c *//* b: */ AND b = 1 /* :b */"
    assert with_parts(statement, {"b"}) == "SELECT a , b FROM t WHERE true AND b = 1"
    assert with_parts(statement, {"c"}) == "SELECT a  FROM t WHERE true AND c = 1"


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
