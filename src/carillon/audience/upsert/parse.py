"""Batches: rows as callers gave them, read into what the upsert engine resolves. Pure: no database is asked."""

from collections.abc import Mapping, Sequence

import polars as pl

from carillon.audience.field_types import CANONICAL, Kind
from carillon.audience.upsert.parse_columns import read_frame
from carillon.audience.upsert.parse_row import read_row_values
from carillon.audience.upsert.rows import (
    ATTRIBUTES,
    FRAME_SCHEMA,
    MAX_GROUP_CHARACTERS,
    Batch,
    ContactRow,
    RowError,
    problem,
)
from carillon.errors import InvalidInputError

# Up to so many rows, parsing row by row is quicker: columns have a fixed cost, whatever their length.
_FEW = 50


def read_row(row: ContactRow, country: str | None, kinds: Mapping[str, Kind]) -> Batch:
    """Read one row as `read_rows` does, but for one thing: it needs no key, as its contact is known or has a landline.

    Raises InvalidInputError for the first value that can't be read.
    """
    reading = read_row_values(1, row, country, kinds)
    moves, bad_names = _checked_moves([(1, name, joins) for names, joins in _moves_of(row) for name in names])
    for error in (*row.errors, *reading.errors, *bad_names):
        if error.field != "row":  # which says only that there is no key
            raise InvalidInputError(error.field, error.message)
    frame = pl.DataFrame([reading.values], schema=FRAME_SCHEMA)
    return Batch(size=1, frame=frame, moves=moves, join_all=(), errors=(), failed=frozenset())


def read_rows(
    rows: Sequence[ContactRow],
    country: str | None,
    *,
    kinds: Mapping[str, Kind] = CANONICAL,
    keyless: bool = False,
) -> Batch:
    """Read rows of an API call; national phones with the country, fields by their kinds.

    With `keyless` a row without a key is kept too: it always makes a contact.
    """
    kept = [(number, row) for number, row in enumerate(rows, 1) if row.failure is None]
    batch = (
        _read_few(kept, country, kinds, keyless=keyless)
        if len(rows) <= _FEW
        else read_frame(_as_frame(kept), country, kinds=kinds, keyless=keyless)
    )
    moves = [(number, name, joins) for number, row in kept for names, joins in _moves_of(row) for name in names]
    good_moves, bad_names = _checked_moves(moves)
    unread = [error for row in rows for error in row.errors]
    unreadable = {number: row.failure for number, row in enumerate(rows, 1) if row.failure}
    return Batch(
        size=len(rows),
        frame=batch.frame,
        moves=good_moves,
        join_all=(),
        errors=sorted([*unreadable.values(), *unread, *batch.errors, *bad_names], key=lambda error: error.row),
        failed=batch.failed | unreadable.keys(),
    )


def _moves_of(row: ContactRow) -> tuple[tuple[list[str], bool], ...]:
    return (row.remove_from, False), (row.add_to, True)


def _as_frame(rows: Sequence[tuple[int, ContactRow]]) -> pl.DataFrame:
    """Lay rows out in columns of raw texts, one for each attribute and field that any of them has."""
    texts: dict[str, list[str | None]] = {}
    for attribute in ATTRIBUTES:
        column = [getattr(row, attribute) for _, row in rows]
        if any(value is not None for value in column):
            texts[attribute] = column
    for place, (_, row) in enumerate(rows):
        for name, value in row.fields.items():
            if name not in texts:
                texts[name] = [None] * len(rows)
            texts[name][place] = value
    columns = {name: pl.Series(name, column, dtype=pl.String) for name, column in texts.items()}
    return pl.DataFrame({"row": pl.Series([number for number, _ in rows], dtype=pl.Int64), **columns})


def _read_few(
    rows: Sequence[tuple[int, ContactRow]], country: str | None, kinds: Mapping[str, Kind], *, keyless: bool
) -> Batch:
    """Read rows one by one, as `read_frame` reads them: for a few, columns cost more than they save."""
    readings = [read_row_values(number, row, country, kinds) for number, row in rows]
    kept = [reading for reading in readings if reading.has_key or keyless]
    errors = (error for reading in readings for error in reading.errors)
    return Batch(
        size=len(rows),
        frame=pl.DataFrame([reading.values for reading in kept], schema=FRAME_SCHEMA),
        moves=(),
        join_all=(),
        errors=[error for error in errors if not (keyless and error.field == "row")],
        failed=frozenset(reading.row for reading in readings if not (reading.has_key or keyless)),
    )


def _checked_moves(moves: list[tuple[int, str, bool]]) -> tuple[list[tuple[int, str, bool]], list[RowError]]:
    kept: list[tuple[int, str, bool]] = []
    errors: list[RowError] = []
    for row, given, joins in moves:
        name = given.strip()
        if len(name) > MAX_GROUP_CHARACTERS or "\0" in name:
            errors.append(problem(row, "group", name))
        elif name:
            kept.append((row, name, joins))
    return kept, errors
