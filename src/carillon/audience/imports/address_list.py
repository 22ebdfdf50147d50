"""Files of addresses that must not be written to: a plain column, with or without a name, or columns of a table."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from carillon.audience.export_columns import BLOCK_COLUMNS
from carillon.audience.imports.cell_forms import read_cell_forms
from carillon.audience.imports.column_names import address_columns
from carillon.errors import InvalidInputError
from carillon.tabular import BadColumnsError, FileShape, NoHeaderError, Table, as_csv, read_chunks, restore
from carillon.tabular.private import create_private

_NAMELESS = "address"
_TEXTS = dict.fromkeys(BLOCK_COLUMNS[:2], pl.String)


@contextmanager
def as_suppressions(path: Path) -> Iterator[Table]:
    """Give a file of addresses as one of suppressions while the context is open; of an export those that it has.

    Phones are suppressed for SMS, e-mails for e-mail. Raises TabularError, and InvalidInputError for `file` where no
    column holds addresses.
    """
    with as_csv(path) as given, tempfile.TemporaryDirectory(prefix="carillon-import-") as folder:
        try:
            shape = given.shape()
        except NoHeaderError:
            shape = _nameless(given)
        suppressions = Path(folder) / "suppressions.csv"
        with create_private(suppressions) as file:
            for frame in _suppressions(given.path, shape, was_defused=given.may_be_defused):
                frame.write_csv(file, include_header=file.tell() == 0)
        yield Table(path=suppressions, form="records")


def _nameless(given: Table) -> FileShape:
    try:
        return given.shape(columns=[_NAMELESS])
    except BadColumnsError as error:
        message = "The file has several columns and no header: name them in a first line, such as phone,email."
        raise InvalidInputError("file", message) from error


def _suppressions(table: Path, shape: FileShape, *, was_defused: bool) -> Iterator[pl.DataFrame]:
    """Yield frames of the columns of suppressions, at first one without rows."""
    yield pl.DataFrame(schema=dict.fromkeys(BLOCK_COLUMNS, pl.String))
    nothing = pl.lit(None, pl.String)
    chunks = (chunk.frame for chunk in read_chunks(table, shape))
    if set(shape.header) >= set(BLOCK_COLUMNS[:2]):
        ours = [pl.col(name) if name in shape.header else nothing.alias(name) for name in BLOCK_COLUMNS]
        for frame in chunks:
            blocks = frame.select(ours).filter(pl.col(BLOCK_COLUMNS[0]).is_not_null())
            yield restore(blocks) if was_defused else blocks
        return
    columns = shape.header if len(shape.header) == 1 else address_columns(shape.header)
    if not columns:
        raise InvalidInputError("file", "No column holds a phone or an e-mail: name one of them phone or email.")
    as_emails = dict.fromkeys(columns, "email")
    for frame in chunks:
        plain = read_cell_forms(frame.select(columns), as_emails, {})
        cells = [cell for row in plain.iter_rows() for cell in row if cell]
        channels = ["email" if "@" in cell else "sms" for cell in cells]
        found = pl.DataFrame({BLOCK_COLUMNS[0]: cells, BLOCK_COLUMNS[1]: channels}, schema_overrides=_TEXTS)
        yield found.with_columns([nothing.alias(name) for name in BLOCK_COLUMNS[2:]])
