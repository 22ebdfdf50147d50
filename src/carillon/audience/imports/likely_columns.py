"""Columns whose names say nothing, and whose cells are phones or e-mails: what is proposed where no column is a key."""

from collections.abc import Callable, Sequence

import polars as pl

from carillon.addresses.normalise import normalise_emails, normalise_phones
from carillon.addresses.phones import MIN_VALID_QUALITY

LIKELY_ROWS = 100
"""So many rows are looked at."""

_MOST_COLUMNS = 50  # a file may have thousands


def likely_key(frame: pl.DataFrame, columns: Sequence[str], country: str) -> tuple[str, str] | None:
    """Return the first column of which most cells are valid phones, else e-mails; with phone or email."""
    looked_at = [(column, _cells(frame[column])) for column in columns[:_MOST_COLUMNS]]
    keys: dict[str, Callable[[pl.Series], pl.Series]] = {
        "phone": lambda cells: normalise_phones(cells, country)["quality"] >= MIN_VALID_QUALITY,
        "email": lambda cells: normalise_emails(cells)["key"].is_not_null(),
    }
    for attribute, are_keys in keys.items():
        for column, cells in looked_at:
            if not cells.is_empty() and 2 * are_keys(cells).sum() > cells.len():
                return column, attribute
    return None


def _cells(column: pl.Series) -> pl.Series:
    cells = column.str.strip_chars()
    return cells.filter(cells != "")
