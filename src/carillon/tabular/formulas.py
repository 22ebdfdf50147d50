"""Cells that a spreadsheet would run as a formula, and how to take the sting out of them and put it back.

The rule is OWASP's for CSV injection: a cell that begins with `=`, `+`, `-`, `@`, a tab or a line break (or the full-
width form of one of the signs) gets a leading apostrophe, which spreadsheets take for "this is text". One exception:
a sign with nothing but digits, spaces, points and commas behind it can do no more than be a number, so `-12.5` and
`+972521234567` stay as they are. A text that a spreadsheet would take for an error (`#N/A`), or round as a number with
a power of ten (`9.72E+11`), gets one, too. A cell that begins with apostrophes and such a character gets one more, so
that `restored` always gives back what `defused` was given, and an export can be imported again.
"""

import re
from typing import Final

import polars as pl

from carillon.tabular.cell_errors import CELL_ERRORS

_ERRORS: Final = "|".join(map(re.escape, CELL_ERRORS))
_POWERS: Final = "[0-9]{1,3}(?:[.,][0-9]+)?[eE]\\+?[0-9]{1,3}"
_BEGINNING: Final = f"(?:[=+\\-@\\t\\r\\n＝＋－＠]|\\s*(?:{_ERRORS}|{_POWERS})\\s*$)"  # noqa: RUF001 - the full-width signs are meant
_RISKY: Final = f"^'*{_BEGINNING}"
_HARMLESS: Final = "^[+-][0-9][0-9 .,]*$"
_DEFUSED: Final = f"^'('*{_BEGINNING})"

_RISKY_TEXT: Final = re.compile(_RISKY)
_HARMLESS_TEXT: Final = re.compile(_HARMLESS.replace("$", r"\Z"))
_DEFUSED_TEXT: Final = re.compile(_DEFUSED)


def defused(text: str) -> str:
    """Put an apostrophe before a cell that needs one."""
    return "'" + text if _RISKY_TEXT.match(text) and not _HARMLESS_TEXT.match(text) else text


def restored(text: str) -> str:
    """Take the apostrophe off one cell that `defused` gave it."""
    return _DEFUSED_TEXT.sub(r"\1", text, count=1)


def defuse(frame: pl.DataFrame) -> pl.DataFrame:
    """Put an apostrophe before the cells of String columns that need one."""
    column = pl.col(pl.String)
    risky = column.str.contains(_RISKY) & ~column.str.contains(_HARMLESS)
    return frame.with_columns(pl.when(~risky).then(column).otherwise("'" + column))


def restore(frame: pl.DataFrame) -> pl.DataFrame:
    """Take the apostrophes off again; an import does so for files that came out of an export or a rejects file."""
    return frame.with_columns(pl.col(pl.String).str.replace(_DEFUSED, "$1"))
