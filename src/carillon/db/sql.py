"""SQL lives in named statements in ``.sql`` files, beside the module that runs them.

A file is a series of ``-- name: what_it_does`` lines, each followed by one statement. Comments below the name line and
before the statement belong to it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

_NAME = re.compile(r"^-- name: ([a-z][a-z0-9_]*)$", re.MULTILINE)
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
_COMMENT_EDGE = re.compile(r"/\*|\*/")


def parse_statements(text: str) -> dict[str, str]:
    """Split a file's text into its statements by name.

    Raises ValueError for a name given twice, an empty statement, or text before the first name.
    """
    head, *parts = _NAME.split(text)
    if any(line and not line.startswith("--") for line in head.splitlines()):
        raise ValueError("a statement stands before the first name")
    statements: dict[str, str] = {}
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        statement = body.strip().rstrip(";")
        if name in statements or not statement:
            raise ValueError(f"the statement {name} is empty or named twice")
        statements[name] = statement
    return statements


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
