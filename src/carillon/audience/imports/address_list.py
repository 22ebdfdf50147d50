"""Files of addresses that must not be written to: a plain column, with or without a name, or columns of a table."""

import re
from collections.abc import Sequence

import polars as pl

from carillon.addresses.phone_readings import PhoneForm, phone_readings
from carillon.audience.consent_names import compared
from carillon.audience.export_columns import BLOCK_COLUMNS
from carillon.audience.imports.carried import Block, Blocks
from carillon.audience.imports.cell_forms import read_cell_forms
from carillon.audience.imports.column_names import address_columns
from carillon.audience.imports.column_plan import ColumnPlan
from carillon.audience.suppression_records import SuppressionRecord
from carillon.audience.suppressions import Channel
from carillon.audience.upsert.rows import RowError
from carillon.errors import InvalidInputError
from carillon.tabular import LINE_COLUMN, REJECT_COLUMNS, BadColumnsError, FileShape, NoHeaderError, Table

_NAMELESS = "address"
_NUMBER = re.compile(r"(?i)[\s_-]*\d+(?:\s*-\s*value)?\s*$")  # Google Contacts has "Phone 2 - Value"


def address_shape(
    table: Table, *, delimiter: str | None = None, encoding: str | None = None, country: str | None = None
) -> FileShape:
    """Say how to read a file of addresses: as any table, and a plain column of them without a name.

    The first line of a plain column is an address, whatever it looks like, but for the name of such a column.
    Raises TabularError, and InvalidInputError for `file` where several columns have no names.
    """
    try:
        shape = table.shape(delimiter=delimiter, encoding=encoding, country=country)
    except NoHeaderError:
        pass
    else:
        if table.form == "records" or len(shape.header) > 1 or _is_name(shape.header[0]):
            return shape
    try:
        return table.shape(delimiter=delimiter, encoding=encoding, columns=[_NAMELESS], country=country)
    except BadColumnsError as error:
        message = "The file has several columns and no header: name them in a first line, such as phone,email."
        raise InvalidInputError("file", message) from error


def _is_name(text: str) -> bool:
    """Tell whether a text names a column of addresses, of one or in the plural."""
    name = compared(text)
    return bool(address_columns([name, name.removesuffix("s")])) or name.removesuffix("es") == _NAMELESS


def _address_columns(columns: Sequence[str]) -> dict[str, str]:
    """Return the columns that hold phones or e-mails by their names, also by numbered ones, and which of both."""
    held = address_columns(columns)
    numbered = {column: _NUMBER.sub("", column) for column in columns if column not in held}
    return held | {
        column: attribute for column, name in numbered.items() for attribute in address_columns([name]).values()
    }


def plan_addresses(header: Sequence[str]) -> ColumnPlan:
    """Decide which columns hold addresses: the suppressions of an export, the only column, or those that say so.

    Raises InvalidInputError for `file` where none does.
    """
    given = [column for column in header if column not in REJECT_COLUMNS]
    own = frozenset(BLOCK_COLUMNS).intersection(header) if set(header) >= set(BLOCK_COLUMNS[:2]) else frozenset()
    addresses = () if own else tuple(given if len(given) == 1 else _address_columns(given))
    if not own and not addresses:
        raise InvalidInputError("file", "No column holds a phone or an e-mail: name one of them phone or email.")
    unmapped = tuple(column for column in given if column not in own and column not in addresses)
    return ColumnPlan(attributes={}, unmapped=unmapped, own=own, addresses=addresses)


def read_addresses(frame: pl.DataFrame, columns: Sequence[str], country: str) -> Blocks:
    """Read each cell of the columns of a chunk's frame as an address to suppress: phones for SMS, e-mails for e-mail.

    What has no @ is a phone, unless its column holds e-mails by its name and it is none. No row is a contact, and one
    without an address is an error.
    """
    of_emails = {column for column, attribute in _address_columns(columns).items() if attribute == "email"}

    def channel(column: str, cell: str) -> Channel:
        if "@" in cell:
            return Channel.EMAIL
        is_phone = column not in of_emails or phone_readings(cell, country, PhoneForm.NATIONAL_IF_VALID)
        return Channel.SMS if is_phone else Channel.EMAIL

    cells = read_cell_forms(frame.select(LINE_COLUMN, *columns), dict.fromkeys(columns, "email"), {})
    records = [
        Block(row, column, SuppressionRecord(channel=channel(column, cell), address=address))
        for row, *texts in cells.iter_rows()
        for column, cell in zip(columns, texts, strict=True)
        if cell and (address := cell.strip())
    ]
    given = {one.row for one in records}
    errors = [
        RowError(row, "row", "missing_key", "", f"There is no address in {' or '.join(f'“{one}”' for one in columns)}.")
        for row in cells[LINE_COLUMN]
        if row not in given
    ]
    return Blocks(records=records, errors=errors, contacts=frame.clear())
