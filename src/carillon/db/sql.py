"""SQL lives in named statements in ``.sql`` files, beside the module that runs them.

A file is a series of ``-- name: what_it_does`` lines, each followed by one statement. Comments below the name line and
before the statement belong to it. What statements share is written once, below ``-- fragment: what_it_is``, and later
ones have it as ``{what_it_is}``. A statement may have optional parts, ``/* part: */ … /* :part */``.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from importlib.resources import files
from importlib.resources.abc import Traversable

_NAME = re.compile(r"^-- (name|fragment): ([a-z][a-z0-9_]*)$", re.MULTILINE)
_FRAGMENT = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_PART = re.compile(r"/\* ([a-z_]+): \*/(.*?)/\* :\1 \*/", re.DOTALL)
# What a semicolon may be part of. A quote inside a quote is two: 'it''s' reads as two texts side by side.
_LEXEME = re.compile(
    r"""(?P<comment>--[^\n]*)
    | (?<![\w$])[eE]'(?:[^'\\]|\\.|'')*'
    | '[^']*'
    | "[^"]*"
    | (?<![\w$])\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$
    | (?P<nested>/\*)
    | (?P<end>;)
    | (?P<open>['"]|(?<![\w$])\$(?:[^\W\d]\w*)?\$)""",
    re.DOTALL | re.VERBOSE,
)
_PARAMETER = re.compile(r"\$(\d+)")
# Of arrays that are parameters and nothing else, without their ordinals.
_UNNEST = re.compile(r"unnest\(((?:\$\d+::\w+\[\],?\s*)+)\)(?=\s+AS\b)")
_HOLDS = "SELECT holds FROM assumed"
_IF_ASSUMED = f"WHERE ({_HOLDS})"
_COMMENT_EDGE = re.compile(r"/\*|\*/")


def parse_statements(text: str) -> dict[str, str]:
    """Split a file's text into its statements by name, with its fragments in them.

    Raises ValueError for a name given twice, an empty statement, text before the first name, and an unknown fragment.
    """
    head, *parts = _NAME.split(text)
    if any(line and not line.startswith("--") for line in head.splitlines()):
        raise ValueError("a statement stands before the first name")
    known: dict[str, str] = {}
    statements: dict[str, str] = {}
    for kind, name, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        statement = _FRAGMENT.sub(lambda found: _fragment(known, found[1]), body.strip().rstrip(";"))
        if name in known or name in statements or not statement:
            raise ValueError(f"the statement {name} is empty or named twice")
        (statements if kind == "name" else known)[name] = statement
    return statements


def _fragment(known: Mapping[str, str], name: str) -> str:
    if name not in known:
        raise ValueError(f"no fragment {name} stands before the statement")
    return known[name]


def with_parts(statement: str, parts: Collection[str]) -> str:
    """Return a statement with those of its optional parts that are named, and without the others."""
    return _PART.sub(lambda found: found[2].strip() if found[1] in parts else "", statement)


@lru_cache(maxsize=200)
def side_by_side(inserts: tuple[tuple[str, int], ...], assumed: tuple[tuple[str, int], ...] = ()) -> str:
    """Make one of plain INSERTs, each with the number of its parameters, which follow each other then.

    None of them sees what another one writes. `assumed` are reads of one truth value, whose parameters come first: rows
    are written if all are true, which is what the statement returns. The INSERTs end in their FROM then.
    """
    shifted: list[str] = []
    before = 0
    for one, count in (*assumed, *inserts):
        shifted.append(_PARAMETER.sub(partial(_shifted, by=before), one))
        before += count
    if assumed:
        reads, written = shifted[: len(assumed)], shifted[len(assumed) :]
        holds = " AND ".join(f"({one}\n)" for one in reads)
        parts = [f"p{place} AS ({one}\n{_IF_ASSUMED})" for place, one in enumerate(written)]
        return "\n".join((f"WITH {', '.join((f'assumed AS MATERIALIZED (SELECT {holds} AS holds)', *parts))}", _HOLDS))
    *others, last = shifted
    parts = [f"p{place} AS ({one}\n)" for place, one in enumerate(others)]
    return f"WITH {', '.join(parts)}\n{last}"


@lru_cache(maxsize=200)
def of_one_row(insert: str) -> tuple[str, frozenset[int]]:
    """Make an INSERT of unnested columns one of a single row, and name the parameters that are values then, from 1.

    It runs in two thirds of the time.
    """
    found = _UNNEST.search(insert)
    if found is None:
        return insert, frozenset()
    row = f"(VALUES ({found[1].replace('[]', '')}))"
    return f"{insert[: found.start()]}{row}{insert[found.end() :]}", frozenset(map(int, _PARAMETER.findall(found[1])))


def _shifted(parameter: re.Match[str], by: int) -> str:
    return f"${int(parameter[1]) + by}"


def split_statements(script: str) -> list[str]:
    """Split a script at the semicolons that end its statements: not those in comments, texts, names and dollar quotes.

    Comments stay with the statement behind them, and one behind the last is dropped. Raises ValueError for what is
    opened and not closed.
    """
    statements: list[str] = []
    start = position = 0
    is_empty = True
    while found := _LEXEME.search(script, position):
        is_empty = is_empty and not script[position : found.start()].strip()
        position = found.end()
        if found["open"]:
            raise ValueError(f"{found['open']} is opened and not closed")
        if found["nested"]:
            position = _end_of_comment(script, position)
        elif found["end"]:
            if not is_empty:
                statements.append(script[start : found.start()].strip())
            start, is_empty = position, True
        elif not found["comment"]:
            is_empty = False
    if not is_empty or script[position:].strip():
        statements.append(script[start:].strip())
    return statements


def _end_of_comment(script: str, position: int) -> int:
    """Find the end of a comment that is open at a position; comments in it have ends of their own."""
    depth = 1
    while depth:
        edge = _COMMENT_EDGE.search(script, position)
        if edge is None:
            raise ValueError("/* is opened and not closed")
        depth += 1 if edge[0] == "/*" else -1
        position = edge.end()
    return position


def load_statements(package: str, file: str) -> Mapping[str, str]:
    """Read the statements of a ``.sql`` file beside the modules of a package."""
    return parse_statements(files(package).joinpath(file).read_text("utf-8"))


def all_statements() -> Iterator[tuple[str, str, str]]:
    """Yield (file, name, statement) of every ``.sql`` file of Carillon but the schema's own."""
    yield from _walk(files("carillon"))


def _walk(folder: Traversable) -> Iterator[tuple[str, str, str]]:
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name not in {"__pycache__", "migrations"}:
            yield from _walk(entry)
        elif entry.name.endswith(".sql") and entry.name != "schema.sql":
            for name, statement in parse_statements(entry.read_text("utf-8")).items():
                yield entry.name, name, statement


def one_text(keys: Iterable[str]) -> str:
    """Put many keys into one parameter: a statement takes them apart with `string_to_array($1::text, chr(31))`.

    No key has that control character in it, and the driver takes five times as long over an array.
    """
    return "\x1f".join(keys)
