"""NDJSON and Parquet as CSV: what is read has one form, from any record of which reading can go on.

The CSV is a private temporary file; the same file always gives the same one, so that an interrupted import goes on.
"""

import csv
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import msgspec
import polars as pl

from carillon.tabular.errors import BadColumnsError, TabularError, UnreadableFileError
from carillon.tabular.grammar import RECORD_LIMIT
from carillon.tabular.private import create_private
from carillon.tabular.shape import FileShape, inspect, open_regular

_PARQUET: Final = b"PAR1"
_ROWS: Final = 65_536
# Each record is written with a cell for each name: names without end would make a file without end.
_MOST_NAMES: Final = 1_000
# Numbers keep the digits that they are written with.
_decode = msgspec.json.Decoder(dict[str, Any], float_hook=str).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The CSV that a file is read as.

    A `text` is somebody's CSV, whose encoding and delimiter have to be found. `records` (NDJSON, Parquet) were written
    here, in UTF-8 with commas, from values under names.
    """

    path: Path
    form: Literal["text", "records"]

    @property
    def may_be_defused(self) -> bool:
        """Whether cells may have been made safe for spreadsheets (`formulas`)."""
        return self.form == "text"

    def shape(
        self,
        *,
        delimiter: str | None = None,
        encoding: str | None = None,
        columns: Sequence[str] | None = None,
        country: str | None = None,
    ) -> FileShape:
        """Say how to read it: `inspect`, whose arguments say nothing of what was written here.

        Raises TabularError; BadColumnsError for `columns` of records.
        """
        if self.form == "text":
            return inspect(self.path, delimiter=delimiter, encoding=encoding, columns=columns, country=country)
        if columns is not None:
            raise BadColumnsError("The file's records have names: columns are not named a second time.")
        return inspect(self.path, delimiter=",", encoding="utf-8")


@contextmanager
def as_csv(path: Path) -> Iterator[Table]:
    """Give a file of NDJSON or Parquet as one of CSV while the context is open, and any other as it is.

    Raises TabularError, with the line where a record is none.
    """
    with open_regular(path) as file:
        start = file.read(len(_PARQUET))
        if start != _PARQUET and not start.lstrip().startswith(b"{"):
            yield Table(path=path, form="text")
            return
        with tempfile.TemporaryDirectory(prefix="carillon-import-") as folder:
            table = Path(folder) / "table.csv"
            with create_private(table) as target:
                if start == _PARQUET:
                    _from_parquet(path, target)
                else:
                    _from_ndjson(file, target)
            yield Table(path=table, form="records")


def _from_parquet(path: Path, target: BinaryIO) -> None:
    try:
        rows = pl.scan_parquet(path).select(pl.all().cast(pl.String))
        height, place = pl.scan_parquet(path).select(pl.len()).collect().item(), 0
        names = rows.collect_schema().names()
        pl.DataFrame(schema=dict.fromkeys(names, pl.String)).write_csv(target)
        while place < height:
            rows.slice(place, _ROWS).collect().write_csv(target, include_header=False)
            place += _ROWS
    except pl.exceptions.PolarsError as error:
        raise UnreadableFileError(f"“{path.name}” is no Parquet file of plain columns.") from error


def _from_ndjson(file: BinaryIO, target: BinaryIO) -> None:
    """Write a record's values under the names that any record has, in the order in which these come first."""
    names: dict[str, None] = {}
    for record in _records(file):
        names |= dict.fromkeys(record)
        if len(names) > _MOST_NAMES:
            raise TabularError(f"The records have more than {_MOST_NAMES:,} names.")
    writer = csv.writer(_Lines(target), lineterminator="\n")
    writer.writerow(names)
    for record in _records(file):
        writer.writerow([_cell(record.get(name)) for name in names])


class _Lines:
    """What a csv.writer writes to, of a file of bytes."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target

    def write(self, text: str) -> int:
        return self._target.write(text.encode())


def _records(file: BinaryIO) -> Iterator[dict[str, Any]]:
    file.seek(0)
    number = 0
    while line := file.readline(RECORD_LIMIT + 1):
        number += 1
        if len(line) > RECORD_LIMIT:
            raise TabularError(f"Line {number} is longer than a record may be: {RECORD_LIMIT:,} bytes.")
        if line.strip():
            try:
                yield _decode(line)
            except msgspec.DecodeError as error:
                raise TabularError(f"Line {number} is no JSON object.") from error


def _cell(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)  # true and numbers as they are written
