"""Forms of values that stand in files alone: e-mails as links and with names, dates and errors of spreadsheets.

They become what the engine reads; a cell in no such form stays as it is, and is judged there.
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote

import polars as pl

from carillon.audience.field_types import Kind
from carillon.audience.upsert.rows import RowError
from carillon.tabular import CELL_ERRORS, LINE_COLUMN

# A link may carry a subject, and a name may stand before it. RFC 6068 has characters of the address in percents.
_MAILTO = r"(?i)^\s*(?:.*<\s*)?mailto:\s*([^/?<>\s][^?<>\s]*(?:@|%40)[^?<>\s]+)(?:\?[^<>]*)?\s*>?\s*$"
_NAMED = r"^[^<>]*<\s*([^<>\s]+@[^<>\s]+)\s*>\s*$"
# Five digits: 18 May 1927 to 13 October 2173. Four of them are a year, and six may be a day without its marks.
_SERIAL = r"^\s*([1-9][0-9]{4})(?:[.,]([0-9]{1,17}))?\s*$"
_is_serial = re.compile(_SERIAL).match
_LAST_SERIAL = 73_415  # 31 December 2100: beyond that, five digits are rather an id
_DAY_ZERO = pl.datetime(1899, 12, 30)
_SECONDS_OF_A_DAY = 86_400
_DATES = {Kind.DATE, Kind.DATETIME}
_FAILED = (
    "The spreadsheet shows an error here, or has a formula that was not calculated: "
    "mend it, or open the file in the spreadsheet and save it again."
)


def take_errors(frame: pl.DataFrame, columns: Mapping[str, str]) -> tuple[pl.DataFrame, list[RowError]]:
    """Take the errors of spreadsheets out of columns, and report them; `columns` are attributes by column.

    They are no values: two people whose ids are `#N/A` are not the same one.
    """
    if not frame.select(pl.any_horizontal(pl.col(*columns).str.starts_with("#")).any()).item():
        return frame, []
    errors: list[RowError] = []
    for column, attribute in columns.items():
        is_error = pl.col(column).str.strip_chars().is_in(CELL_ERRORS)
        for row, text in frame.filter(is_error).select(LINE_COLUMN, column).iter_rows():
            errors.append(RowError(row, attribute, "invalid", text, _FAILED))
        frame = frame.with_columns(pl.when(~is_error).then(pl.col(column)).alias(column))
    return frame, errors


def read_cell_forms(frame: pl.DataFrame, columns: Mapping[str, str], kinds: Mapping[str, Kind]) -> pl.DataFrame:
    """Replace such forms in the columns that hold e-mails and dates; `columns` are attributes by column."""
    for column, attribute in columns.items():
        if attribute == "email":
            frame = _where(frame, column, pl.col(column).str.contains("[<:]"), _address(pl.col(column)))
        elif kinds.get(attribute) in _DATES:
            frame = _where(frame, column, pl.col(column).str.contains(_SERIAL), _moment(pl.col(column)))
    return frame


def is_serial_moment(text: str) -> bool:
    """Tell whether a text that may be a moment is one from 1927 to 2100, as spreadsheets count days."""
    serial = _is_serial(text)
    return serial is not None and int(serial[1]) <= _LAST_SERIAL


def plain_email(text: str) -> str:
    """Read one text as a cell of a column of e-mails."""
    if "<" not in text and ":" not in text:
        return text
    return str(read_cell_forms(pl.DataFrame({"email": [text]}), {"email": "email"}, {}).item())


def _decoded(link: pl.Expr) -> pl.Expr:
    """Read the percents; what is no e-mail then is none."""
    return link.map_batches(_unquoted, return_dtype=pl.String)


def _unquoted(links: pl.Series) -> pl.Series:
    rows = links.str.contains("%", literal=True).arg_true()
    if rows.is_empty():
        return links
    return links.clone().scatter(rows, [_text_of(link) for link in links.gather(rows)])


def _text_of(link: str) -> str:
    """Read the percents of a link; where they are no UTF-8 it stays as it is, and is no e-mail."""
    try:
        return unquote(link, errors="strict")
    except UnicodeDecodeError:
        return f"mailto:{link}"


def _where(frame: pl.DataFrame, column: str, is_form: pl.Expr, read: pl.Expr) -> pl.DataFrame:
    """Replace what is in a form and can be read; a column without one costs a look at it."""
    if not frame.select(is_form.any()).item():
        return frame
    return frame.with_columns(pl.when(is_form).then(pl.coalesce(read, column)).otherwise(column).alias(column))


def _address(cell: pl.Expr) -> pl.Expr:
    return pl.coalesce(_decoded(cell.str.extract(_MAILTO)), cell.str.extract(_NAMED))


def _moment(cell: pl.Expr) -> pl.Expr:
    """Count from 30 December 1899, as spreadsheets do; the fraction of a day is a time, to the second."""
    days = cell.str.extract(_SERIAL, 1).cast(pl.Int64)
    fraction = ("0." + cell.str.extract(_SERIAL, 2)).cast(pl.Float64).fill_null(0)
    seconds = (fraction * _SECONDS_OF_A_DAY).round().cast(pl.Int64)
    moment = _DAY_ZERO + pl.duration(days=days, seconds=seconds)
    return moment.dt.strftime("%Y-%m-%d %H:%M:%S")
