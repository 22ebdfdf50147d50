"""Records of a file that is no CSV, with what its lines are numbered and which of them can't be read.

In the CSV that they are written as, three cells come before a record's own: the line's number, and, of a line that is
no record, why, and what stands there.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from carillon.tabular.records import RAW_LIMIT, VALUE_LIMIT, BadRecord
from carillon.tabular.shape import LINE_COLUMN

_NUMBER, _REASON, _TEXT = NUMBER_COLUMNS = ("\0number", "\0reason", "\0text")
"""The names of the three, as no column of a file is called."""

NAMELESS: Final = ("", "", "")
"""What stands for them in the header."""

_START: Final = re.compile(r"(\d+),,,")


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no record, and why."""

    text: str
    reason: str


def bad_cells(number: int, bad: BadLine) -> Sequence[object]:
    """Make the cells of a line that is no record; before a record's own cells come its number and two blanks."""
    return number, bad.reason, bad.text[:RAW_LIMIT].replace("\0", "\ufffd")


def read_numbers(frame: pl.DataFrame, broken: Sequence[BadRecord]) -> tuple[pl.DataFrame, list[BadRecord]]:
    """Take the three columns out of a chunk's frame: its rows get their lines' numbers, or are bad records.

    `broken` are rows that can't be read as CSV.
    """
    bad = [_numbered(record) for record in broken]
    for number, reason, text in frame.filter(pl.col(_REASON).is_not_null()).select(NUMBER_COLUMNS).iter_rows():
        bad.append(BadRecord(line=int(number), field="", value=text[:VALUE_LIMIT], reason=reason, raw=text))
    rows = frame.filter(pl.col(_REASON).is_null())
    rows = rows.with_columns(pl.col(_NUMBER).cast(pl.Int64).alias(LINE_COLUMN)).drop(NUMBER_COLUMNS)
    return rows, sorted(bad, key=lambda record: record.line)


def _numbered(record: BadRecord) -> BadRecord:
    if isinstance(record.raw, str):
        start = _START.match(record.raw)
        line, raw = (int(start[1]), record.raw[start.end() :]) if start else (record.line, record.raw)
        return BadRecord(line=line, field=record.field, value=record.value, reason=record.reason, raw=raw)
    number, _, _, *cells = record.raw
    return BadRecord(line=int(number), field=record.field, value=record.value, reason=record.reason, raw=tuple(cells))
