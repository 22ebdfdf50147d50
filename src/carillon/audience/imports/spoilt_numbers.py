"""Ids, landlines and numbers that a spreadsheet, or a column of floats, wrote: mended, or refused with the cause.

Phones are not among them: what was made of these is the engine's to mend (`addresses.spreadsheets`), as calls may have
it, too.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal

import polars as pl

from carillon.addresses.spreadsheets import DECIMAL, NUMBER, THOUSANDS, whole_number
from carillon.audience.field_types import Kind
from carillon.audience.upsert.rows import ROUNDED, RowError, shown
from carillon.kit.floats import FLOATS_ARE_WHOLE
from carillon.tabular import LINE_COLUMN

# As pandas writes whole numbers of a column in which some are missing: 17.0. Ids that people make (1.10) are others.
_WHOLE = r"^-?(?:0|[1-9][0-9]*)\.0$"
# As spreadsheets and programs write what has too many digits for them. With neither point nor plus it may be anybody's
# id (1e5).
_POWER = r"^[0-9]{1,3}(?:[.,][0-9]+[eE]\+?|[eE]\+)[0-9]{1,3}$"
_LANDLINE = f"{DECIMAL}|{THOUSANDS}|{NUMBER}"
_NUMBER_POWER = r"^[+-]?[0-9]{1,20}(?:\.[0-9]{1,20})?[eE][+-]?[0-9]{1,2}$"
_SPOILT_ID = (
    "A spreadsheet, or a column of floats, kept only some digits of this id, so that others may look the same: "
    "format the column as text where the digits still are, and save the file again."
)
_SPOILT_LANDLINE = (
    "A spreadsheet reckoned with this number, or there are two in the cell: it is no landline. "
    "Make the column text where the numbers still are, and save the file again."
)


def _lost(_text: str) -> None:
    return None


_READ_POWERS: Mapping[str, tuple[Callable[[str], str | None], str]] = {
    "external_id": (_lost, _SPOILT_ID),
    "landline": (whole_number, ROUNDED),
}


def mend_powers(frame: pl.DataFrame, columns: Mapping[str, str]) -> tuple[pl.DataFrame, list[RowError]]:
    """Mend landlines with a power of ten; take out, and report, those of which digits are lost, and all such ids.

    `columns` are attributes by column.
    """
    errors: list[RowError] = []
    for column, attribute in columns.items():
        if attribute in _READ_POWERS:
            read, reason = _READ_POWERS[attribute]
            cells = _Cells(frame[column])
            cells.change(_POWER, read)
            errors += cells.spoilt(frame, attribute, reason)
            frame = frame.with_columns(cells.now.alias(column))
    return frame, errors


def mend_numbers(
    frame: pl.DataFrame, columns: Mapping[str, str], kinds: Mapping[str, Kind], *, is_export: bool
) -> tuple[pl.DataFrame, list[RowError]]:
    """Mend cells of ids, landlines and numbers; take out, and report, ids and landlines of which digits are lost.

    `columns` are attributes by column. In an export of ours ids and landlines are as they are.
    """
    errors: list[RowError] = []
    if not is_export:
        frame, errors = mend_powers(frame, columns)
    for column, attribute in columns.items():
        cells = _Cells(frame[column])
        if attribute == "external_id" and not is_export:
            cells.change(_WHOLE, _whole_id)
            errors += cells.spoilt(frame, attribute, _SPOILT_ID)
        elif attribute == "landline" and not is_export:
            cells.change(_LANDLINE, whole_number)
            errors += cells.spoilt(frame, attribute, _SPOILT_LANDLINE)
        elif kinds.get(attribute) is Kind.NUMBER:
            cells.change(_NUMBER_POWER, lambda text: f"{Decimal(text):f}")
        frame = frame.with_columns(cells.now.alias(column))
    return frame, errors


class _Cells:
    """The cells of a column: as they were, and as they are `now`."""

    def __init__(self, given: pl.Series) -> None:
        self._given = given
        self.now = given.str.strip_chars()

    def change(self, form: str, read: Callable[[str], str | None]) -> None:
        """Read the cells of a form, each distinct one once; None takes one out."""
        rows = self.now.str.contains(form).arg_true()
        if not rows.is_empty():
            found = self.now.gather(rows)
            texts = found.unique().to_list()
            changed = found.replace_strict(texts, [read(text) for text in texts], return_dtype=pl.String)
            self.now = self.now.clone().scatter(rows, changed)

    def spoilt(self, frame: pl.DataFrame, attribute: str, reason: str) -> list[RowError]:
        """Report the cells that were taken out."""
        if self.now.null_count() == self._given.null_count():
            return []
        lost = frame.filter(self.now.is_null() & self._given.is_not_null())
        cells = lost.select(LINE_COLUMN, self._given.name).iter_rows()
        return [RowError(row, attribute, "invalid", shown(text), reason) for row, text in cells]


def _whole_id(text: str) -> str | None:
    whole = text.removesuffix(".0")
    return whole if abs(int(whole)) < FLOATS_ARE_WHOLE else None
