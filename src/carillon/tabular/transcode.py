"""Files that are no CSV as CSV: what is read has one form, from any record of which reading can go on.

The CSV is a private temporary file; the same file always gives the same one, so that an interrupted import goes on.
"""

import csv
import json
import re
import tempfile
from codecs import BOM_UTF8
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, TypeVar

import msgspec
import polars as pl

from carillon.tabular.archives import GZIP, ZIP, open_zip, unpack_gzip, unpack_zip
from carillon.tabular.csv_lines import CsvLines
from carillon.tabular.encoding import readable
from carillon.tabular.errors import BadColumnsError, TabularError, UnreadableFileError
from carillon.tabular.grammar import RECORD_LIMIT
from carillon.tabular.numbered import NAMELESS, BadLine, bad_cells
from carillon.tabular.private import create_private
from carillon.tabular.records import FIELD_TOO_LONG, RAW_LIMIT
from carillon.tabular.rejects import REJECT_COLUMNS
from carillon.tabular.shape import FileShape, inspect, open_regular, unique_names

if TYPE_CHECKING:
    from carillon.tabular.workbook import MergedCells, WrittenSheet

_Written = TypeVar("_Written")
Kind = Literal["text", "ndjson", "parquet", "workbook", "gzip", "zip"]

_PARQUET: Final = b"PAR1"
_OLE: Final = b"\xd0\xcf\x11\xe0"
# What tells archives that are documents from others, by a file in them.
_DOCUMENTS: Final = {
    "xl/workbook.bin": "a binary workbook (.xlsb)",
    "content.xml": "an OpenDocument file",
    "Index/Document.iwa": "a document of Numbers",
}
# As programs begin them that call a table of a web page a workbook.
_PAGES: Final = (b"<html", b"<!doctype", b"<?xml", b"<table", b"<meta")
_START: Final = 64
_JSON_ARRAY: Final = re.compile(rb"(\xef\xbb\xbf)?\s*\[\s*[{\[]")
_ROWS: Final = 65_536
# Each record is written with a cell for each name: names without end would make a file without end.
_MOST_NAMES: Final = 1_000
_MOST_NAMELESS: Final = 100
_FLOAT32_WHOLE: Final = 2**24  # 32-bit floats have all whole numbers up to this one
_NESTED: Final = (dict, list)
# What may be a name in a record, or stand in a text.
_NAME = re.compile(rb'"\s*:')
# Numbers keep the digits that they are written with.
_decode = msgspec.json.Decoder(dict[str, Any], float_hook=str).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The CSV that a file is read as.

    A `text` is somebody's CSV, whose encoding and delimiter have to be found. The others were written here, in UTF-8
    with commas: the rows of a `sheet` of a workbook, or `records` (NDJSON, Parquet), whose values have names. Records
    of lines are numbered as these are (`tabular.numbered`), and `nested` are the places, among their columns, of those
    with objects or lists, which are JSON. `sheets` are those of a workbook that are shown, first the one that is read,
    of which `merged` are cells, and whose
    widest row has `width`.
    """

    path: Path
    form: Literal["text", "sheet", "records"]
    is_numbered: bool = False
    sheets: Sequence[str] = ()
    width: int = 0
    merged: Sequence["MergedCells"] = ()
    nested: Collection[int] = ()

    @property
    def may_be_defused(self) -> bool:
        """Whether cells may have been made safe for spreadsheets (`formulas`)."""
        return self.form != "records"

    def shape(
        self,
        *,
        delimiter: str | None = None,
        encoding: str | None = None,
        columns: Sequence[str] | None = None,
        country: str | None = None,
    ) -> FileShape:
        """Say how to read it: `inspect`, of whose arguments `delimiter` and `encoding` are those of a `text`.

        Raises TabularError; BadColumnsError for `columns` of records.
        """
        if self.form == "text":
            return inspect(self.path, delimiter=delimiter, encoding=encoding, columns=columns, country=country)
        if columns is not None and self.form == "records":
            raise BadColumnsError("The file's records have names: columns are not named a second time.")
        shape = inspect(self.path, delimiter=",", encoding="utf-8", columns=columns, may_be_binary=False)
        return replace(shape, header=shape.header[len(NAMELESS) :], is_numbered=True) if self.is_numbered else shape

    def with_nameless(self, shape: FileShape) -> FileShape:
        """Give the columns behind the last name of a sheet's header names (`column_N`), where rows have cells there.

        A sheet's cells have places, and what is written beside a table is no other column's. Of what is farther away
        than any remark is, rows stay broken: a chunk would be of columns without end.
        """
        missing = min(self.width - len(shape.header), _MOST_NAMELESS)
        return shape if missing <= 0 else replace(shape, header=unique_names([*shape.header, *[""] * missing]))


@contextmanager
def as_csv(path: Path, *, sheet: str | None = None) -> Iterator[Table]:
    """Open a file as CSV while the context is: NDJSON, Parquet, a workbook, or one of these or a CSV in an archive.

    Other files are taken for CSV. `sheet` names a sheet of a workbook, of which the first is read without it; the
    rejects of one have none.
    Raises TabularError.
    """
    with ExitStack() as stack:
        found, kind = path, _kind(path)
        if kind == "gzip" or kind == "zip":  # noqa: PLR1714 - so that the type of the rest is known
            unpack = unpack_gzip if kind == "gzip" else unpack_zip
            found, _ = _new_file(stack, path, partial(unpack, path))
            kind = _kind(found)
        if sheet is not None and kind != "workbook" and not (kind == "text" and _has_rejects(found)):
            raise TabularError("Only a workbook has sheets.")
        if kind == "text":
            yield Table(path=found, form="text")
        elif kind == "workbook":
            file, written = _new_file(stack, path, partial(_from_workbook, found, sheet))
            yield Table(path=file, form="sheet", sheets=written.sheets, merged=written.merged, width=written.width)
        elif kind == "parquet":
            file, nested = _new_file(stack, path, partial(_from_parquet, found))
            yield Table(path=file, form="records", nested=nested)
        elif kind == "ndjson":
            file, nested = _new_file(stack, path, partial(_from_ndjson, found))
            yield Table(path=file, form="records", is_numbered=True, nested=nested)
        else:
            raise UnreadableFileError(f"“{path.name}” holds an archive that is in another.")


def _kind(path: Path) -> Kind:
    """Tell what a file is by what it begins with. Raises UnreadableFileError for documents of other kinds."""
    with open_regular(path) as file:
        start = file.read(_START)
    if start.startswith(_PARQUET):
        return "parquet"
    if start.startswith(GZIP):
        return "gzip"
    if start.startswith(ZIP):
        return _kind_of_zip(path)
    if start.startswith(_OLE):
        raise UnreadableFileError(
            f"“{path.name}” is an old workbook (.xls), or has a password: save it as .xlsx or CSV."
        )
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGES):
        raise UnreadableFileError(f"“{path.name}” is a web page or XML, whatever its name is: save it as .xlsx or CSV.")
    if _JSON_ARRAY.match(start):
        raise UnreadableFileError(
            f"“{path.name}” is a JSON array: write each of its objects on a line of its own, without the brackets and "
            "the commas between them (NDJSON)."
        )
    return "ndjson" if start.removeprefix(BOM_UTF8).lstrip().startswith(b"{") else "text"


def _kind_of_zip(path: Path) -> Kind:
    with open_zip(path) as archive:
        names = set(archive.namelist())
    if document := next((what for name, what in _DOCUMENTS.items() if name in names), None):
        raise UnreadableFileError(f"“{path.name}” is {document}: save it as .xlsx or CSV.")
    return "workbook" if "[Content_Types].xml" in names else "zip"


def _new_file(stack: ExitStack, path: Path, write: Callable[[BinaryIO], _Written]) -> tuple[Path, _Written]:
    """Make a private file of what `path` holds, which goes with the stack, and return what writing it does, too."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="carillon-import-")))
    try:
        with create_private(folder / "table") as target:
            written = write(target)
    except OSError as error:
        raise UnreadableFileError(f"“{path.name}” cannot be unpacked: {error.strerror or error}.") from error
    return folder / "table", written


def _from_workbook(path: Path, sheet: str | None, target: BinaryIO) -> "WrittenSheet":
    from carillon.tabular.workbook import write_sheet  # noqa: PLC0415 - openpyxl is slow to load, and most files need none

    return write_sheet(path, sheet, target)


def _from_parquet(path: Path, target: BinaryIO) -> Collection[int]:
    """Write a table's rows, and return the places of the columns with objects or lists."""
    try:
        table = pl.scan_parquet(path)
        _require_whole_numbers(path, table)
        kinds = [*table.collect_schema().items()]
        if any(kind.is_nested() and _has_bytes(kind) for _, kind in kinds):
            raise UnreadableFileError(f"“{path.name}” is no Parquet file of plain columns.")
        rows = table.select(_as_json(name) if kind.is_nested() else _as_text(name, kind) for name, kind in kinds)
        height, place = table.select(pl.len()).collect().item(), 0
        names = rows.collect_schema().names()
        pl.DataFrame(schema=dict.fromkeys(names, pl.String)).write_csv(target)
        while place < height:
            rows.slice(place, _ROWS).collect().write_csv(target, include_header=False)
            place += _ROWS
        return [number for number, (_, kind) in enumerate(kinds) if kind.is_nested()]
    except pl.exceptions.PolarsError as error:
        raise UnreadableFileError(f"“{path.name}” is no Parquet file of plain columns.") from error


def _has_rejects(path: Path) -> bool:
    return set(inspect(path).header) >= set(REJECT_COLUMNS)


def _has_bytes(kind: pl.DataType) -> bool:
    """Tell whether values of a kind have bytes in them, which JSON doesn't."""
    if isinstance(kind, pl.Struct):
        return any(_has_bytes(one.dtype) for one in kind.fields)  # type: ignore[arg-type]
    if isinstance(kind, pl.List | pl.Array):
        return _has_bytes(kind.inner)  # type: ignore[arg-type]
    return kind == pl.Binary


def _as_text(name: str, kind: pl.DataType) -> pl.Expr:
    """Write a column of plain values; moments without the fractions that they haven't got."""
    if not isinstance(kind, pl.Datetime):
        return pl.col(name).cast(pl.String)
    return pl.col(name).dt.to_string("%Y-%m-%d %H:%M:%S%.f" + ("%:z" if kind.time_zone else ""))


def _as_json(name: str) -> pl.Expr:
    written = pl.struct(pl.col(name).alias("v")).struct.json_encode().str.slice(len('{"v":'))
    return pl.when(pl.col(name).is_not_null()).then(written.str.head(-1)).alias(name)


def _require_whole_numbers(path: Path, table: pl.LazyFrame) -> None:
    """Refuse 32-bit floats from which digits may be missing: one number stands for several whole ones there.

    The column is not known to be of phones here, and its texts would not tell what was lost.
    """
    floats = [name for name, dtype in table.collect_schema().items() if dtype == pl.Float32]
    if not floats:
        return
    finite = [pl.col(name).filter(pl.col(name).is_finite()).abs().max() for name in floats]
    largest = table.select(finite).collect()
    for name, most in zip(floats, largest.row(0), strict=True):
        if most is not None and most >= _FLOAT32_WHOLE:
            raise UnreadableFileError(
                f"Column “{name}” of “{path.name}” has 32-bit floats, in which numbers over {_FLOAT32_WHOLE:,} lose "
                "their last digits. Make the column text (or 64-bit integers) where the digits still are, and save "
                "the file again."
            )


def _from_ndjson(path: Path, target: BinaryIO) -> Collection[int]:
    """Write a record's values under the names that any record has, in the order in which these come first.

    A line that is no record is a bad row. Returns the places of the names that have objects or lists. Raises
    TabularError where all lines are bad.
    """
    with open_regular(path) as file:
        names: dict[str, None] = {}
        nested: set[str] = set()
        first_bad = None
        has_records = False
        for number, record in _records(file):
            if isinstance(record, BadLine):
                first_bad = first_bad or f"Line {number}: {record.reason}."
                continue
            has_records = True
            names |= dict.fromkeys(record)
            nested.update([name for name, value in record.items() if type(value) in _NESTED])
            if len(names) > _MOST_NAMES:
                raise TabularError(f"The records have more than {_MOST_NAMES:,} names.")
        if not has_records:
            raise TabularError(f"No line of the file is a JSON object that can be read. {first_bad}")
        writer = csv.writer(CsvLines(target))
        writer.writerow([*NAMELESS, *names])
        for number, record in _records(file):
            if isinstance(record, BadLine):
                writer.writerow(bad_cells(number, record))
            else:
                writer.writerow([number, "", "", *[_cell(record.get(name)) for name in names]])
        return [place for place, name in enumerate(names) if name in nested]


def _records(file: BinaryIO) -> Iterator[tuple[int, dict[str, Any] | BadLine]]:
    """Read the lines that aren't blank, with their numbers."""
    file.seek(0)
    number = 0
    while line := file.readline(RECORD_LIMIT + 1):
        number += 1
        line = line.removeprefix(BOM_UTF8) if number == 1 else line
        if len(line) > RECORD_LIMIT:
            yield number, _bad(line, FIELD_TOO_LONG)
            while line and not line.endswith(b"\n"):
                line = file.readline(RECORD_LIMIT)
        elif line.strip():
            yield number, _record(line)


def _record(line: bytes) -> dict[str, Any] | BadLine:
    try:
        record = _decode(line)
        if len(_NAME.findall(line)) > len(record) and _has_name_twice(line):
            return _bad(line, "it has a name twice")  # of two statuses, which one counts?
        if b"[" in line or line.find(b"{", 1) > 0:
            json.dumps(record)  # what is nested too deep to be written again is no record either
    except RecursionError:
        return _bad(line, "its JSON is nested too deep")
    except (msgspec.DecodeError, UnicodeError):
        return _bad(line, "it is no JSON object")
    return record


def _has_name_twice(line: bytes) -> bool:
    pairs: list[list[tuple[str, object]]] = []  # of each object, the outermost last
    json.loads(line, object_pairs_hook=pairs.append)
    return len(dict(pairs[-1])) < len(pairs[-1])


def _bad(line: bytes, reason: str) -> BadLine:
    return BadLine(readable(line.rstrip()[: 4 * RAW_LIMIT]), reason)


def _cell(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)  # true and numbers as they are written
