"""A sheet of a workbook (XLSX) as CSV, row by row in constant memory.

The rows, and the texts that they share, are as many as they like. No kept library reads them in constant memory; here
they go through expat a piece at a time, with the formats and days of openpyxl (docs/adr/0058).
"""

import csv
import mmap
import re
import sys
import tempfile
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Context
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Final, Generic, NamedTuple, TypeVar
from xml.etree.ElementTree import ParseError
from xml.parsers import expat
from zipfile import BadZipFile, ZipFile

from openpyxl.utils.datetime import from_excel

from carillon.kit.floats import FLOATS_ARE_WHOLE
from carillon.tabular.archives import open_zip
from carillon.tabular.cell_errors import UNCALCULATED
from carillon.tabular.csv_lines import CsvLines
from carillon.tabular.errors import UnreadableFileError
from carillon.tabular.grammar import RECORD_LIMIT
from carillon.tabular.workbook_parts import WorkbookParts, read_parts

_MAX_ROWS: Final = 1_048_576
"""The rows that a sheet has; a row's number beyond them would make blank rows without end."""

_MAX_COLUMNS: Final = 1_000
_PIECE: Final = 256 * 1024
_ESCAPED: Final = re.compile("_x([0-9A-Fa-f]{4})_")
_DIGITS: Final = "0123456789"
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MIDNIGHT: Final = time()
_FIFTEEN_DIGITS: Final = Context(prec=15, traps=[])
# What is raised for parts that are not as they should be.
_BROKEN: Final = (
    *(ParseError, expat.ExpatError, BadZipFile, EOFError, OSError),
    *(LookupError, ValueError, TypeError, AttributeError, OverflowError, NotImplementedError),
)


class MergedCells(NamedTuple):
    """Cells that were made one, of which a table has the value in the first: `range` is as spreadsheets name it."""

    column: int
    range: str
    in_first_row: bool


@dataclass(frozen=True, slots=True)
class WrittenSheet:
    """What was written: the names of the sheets that are shown, first that one, and the last merged cells by column.

    Of these `column` is the place of the one that has their value, and `in_first_row` tells whether they begin in the
    first row with a value. The widest row has `width` cells.
    """

    sheets: Sequence[str]
    merged: Sequence[MergedCells]
    width: int


def write_sheet(path: Path, sheet: str | None, target: BinaryIO) -> WrittenSheet:
    """Write the first visible sheet of a workbook, or the one that is named, as CSV in UTF-8 with commas.

    A row is a line, a blank one where it has no value, so that lines are numbered as rows are. Numbers have all their
    digits, with the leading zeros that are shown, or an exponent where a spreadsheet lost some. Dates are in ISO 8601,
    truths are `true` and `false`, formulas have the value that was last calculated, or are UNCALCULATED, and errors are
    as they are shown (`#N/A`). Raises TabularError.
    """
    with open_zip(path) as archive, tempfile.TemporaryFile(prefix="carillon-import-") as file:
        try:
            parts = read_parts(archive)
            shared = _Texts(file)
            if parts.texts is not None:
                _read(archive, parts.texts, _TextReader(), shared.append)
            shared.close()
            writer = csv.writer(CsvLines(target))
            written = parts.chosen(sheet)
            rows = _RowReader(parts, shared)
            _read(archive, parts.sheets[written], rows, writer.writerows)
            names = (written, *(name for name in parts.sheets if name != written))
            return WrittenSheet(names, rows.merged(), rows.width)
        except _BROKEN as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # no room on the disk, say
            raise UnreadableFileError(f"“{path.name}” is a broken workbook, or one that isn't read.") from error


class _Texts:
    """The texts that cells share, in a file: memory has where each begins."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._ends = array("Q", [0])
        self._mapped: mmap.mmap | None = None

    def append(self, texts: list[str]) -> None:
        for text in texts:
            written = text.encode()
            self._file.write(written)
            self._ends.append(self._ends[-1] + len(written))

    def close(self) -> None:
        """End the writing: the texts can be read now."""
        self._file.flush()
        if self._ends[-1]:
            self._mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)

    def __getitem__(self, place: int) -> str:
        if place < 0:
            raise IndexError(place)
        start, end = self._ends[place], self._ends[place + 1]
        return self._mapped[start:end].decode() if self._mapped and start < end else ""


_Item = TypeVar("_Item")


class _Reader(Generic[_Item]):
    """What becomes of the elements of a part: `done` are the items that were read and not yet taken.

    A text may be in pieces with formats of their own, and have others that say how they are spoken (`rPh`).
    """

    def __init__(self) -> None:
        self.done: list[_Item] = []
        self._pieces: list[str] = []
        self._size = 0
        self._takes = self._is_spoken = False

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        if name == "t":
            self._takes = not self._is_spoken
        elif name == "rPh":
            self._is_spoken = True

    def end(self, name: str) -> None:
        if name == "t":
            self._takes = False
        elif name == "rPh":
            self._is_spoken = False

    def text(self, text: str) -> None:
        if not self._takes:
            return
        self._size += len(text)
        if self._size > RECORD_LIMIT:
            raise UnreadableFileError(f"A cell of the workbook has more than {RECORD_LIMIT:,} characters.")
        self._pieces.append(text)

    def _taken_text(self) -> str:
        text = "".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        return _ESCAPED.sub(_unescaped, text) if "_x" in text else text


class _TextReader(_Reader[str]):
    """Reads the texts that cells share."""

    def end(self, name: str) -> None:
        if name == "si":
            self.done.append(self._taken_text())
        else:
            super().end(name)


class _RowReader(_Reader[list[str]]):
    """Reads rows: the texts of their cells up to the last that has one."""

    def __init__(self, parts: WorkbookParts, shared: _Texts) -> None:
        super().__init__()
        self._parts = parts
        self._shared = shared
        self._row: list[str] = []
        self.width = 0
        self._number = self._column = self._first = 0
        self._merged: dict[int, tuple[int, str]] = {}
        self._kind = self._style = ""
        self._is_formula = self._has_value = False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            reference = attributes.get("r")
            self._column = _column(reference.rstrip(_DIGITS)) if reference else self._column + 1
            self._kind = attributes.get("t", "n")
            self._style = attributes.get("s", "0")
            self._is_formula = self._has_value = False
        elif name == "v":
            self._takes = self._has_value = True
        elif name == "f":
            self._is_formula = True
        elif name == "row":
            self._begin_row(attributes.get("r"))
        elif name == "mergeCell":
            self._merge(attributes["ref"])
        else:
            super().start(name, attributes)

    def merged(self) -> list[MergedCells]:
        """Return the last merged cells of each column."""
        return [
            MergedCells(column - 1, cells, row == self._first) for column, (row, cells) in sorted(self._merged.items())
        ]

    def _merge(self, cells: str) -> None:
        start, _, end = cells.partition(":")
        column, row = _column(start.rstrip(_DIGITS)), int(start.lstrip(_LETTERS))
        if end and column <= _MAX_COLUMNS and row >= self._merged.get(column, (self._first, ""))[0]:
            self._merged[column] = row, cells

    def end(self, name: str) -> None:
        if name == "v":
            self._takes = False
        elif name == "c":
            text = self._taken_text()
            if text and (value := self._value(text)):
                self._put(value)
            elif not text and (self._kind == "e" or self._is_uncalculated()):
                self._put(UNCALCULATED)
        elif name == "row":
            self.done.append(self._row)
            self.width = max(self.width, len(self._row))
            self._first = self._first or (self._number if self._row else 0)
        else:
            super().end(name)

    def _is_uncalculated(self) -> bool:
        """Tell whether a cell without text is a formula that was not calculated; the value of others is a blank."""
        return self._is_formula and not (self._kind == "str" and self._has_value)

    def _begin_row(self, number: str | None) -> None:
        before, self._number = self._number, self._number + 1 if number is None else int(number)
        if self._number <= before:
            raise ValueError("a row before one that was there")
        if self._number > _MAX_ROWS:
            raise UnreadableFileError(f"The sheet has more than {_MAX_ROWS:,} rows.")
        self.done += [[]] * (self._number - before - 1)
        self._row = []
        self._column = 0

    def _put(self, value: str) -> None:
        missing = self._column - len(self._row) - 1
        if self._column > _MAX_COLUMNS or missing < 0:
            raise UnreadableFileError(f"Row {self._number} has more than {_MAX_COLUMNS:,} cells, or one twice.")
        if missing:
            self._row += [""] * missing
        self._row.append(value)

    def _value(self, text: str) -> str:
        match self._kind:
            case "s":
                value = self._shared[int(text)]
            case "n" if self._style in self._parts.date_styles:
                value = _moment(text, self._parts.epoch, self._style in self._parts.duration_styles)
            case "n":
                value = text if text.isdigit() and not _is_rounded(text) else _digits(text)
                if (width := self._parts.widths.get(self._style)) and "E" not in value:
                    value = value.zfill(width)
            case "b":
                value = "true" if text == "1" else "false"
            case "d":
                value = text.removesuffix("T00:00:00")
            case _:
                value = text
        return value


@lru_cache(_MAX_COLUMNS)
def _column(letters: str) -> int:
    """Count to a column: 1 for A, 27 for AA."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _digits(text: str) -> str:
    """Write a number with the 15 digits that spreadsheets have and show; one of more before its point with an exponent.

    So it passes for no whole number: which digits the others were, nobody knows.
    """
    number = _FIFTEEN_DIGITS.create_decimal(text)
    if not number.is_finite() or abs(number.adjusted()) > sys.float_info.max_10_exp:
        raise ValueError("no number of a spreadsheet")
    form = "f" if number.adjusted() < _FIFTEEN_DIGITS.prec else "E"
    return format(number.normalize(_FIFTEEN_DIGITS), form)


def _is_rounded(digits: str) -> bool:
    """Tell whether a whole number is as a spreadsheet, or a program that reckons like one, leaves others.

    Spreadsheets keep fifteen digits, and libraries write sixteen of a float, which stands for several numbers then.
    More digits are written by who has them all.
    """
    behind = digits[_FIFTEEN_DIGITS.prec :]
    return bool(behind) and (not behind.strip("0") or (len(behind) == 1 and int(digits) >= FLOATS_ARE_WHOLE))


@lru_cache(65_536)  # birthdays come again
def _moment(text: str, epoch: datetime, is_duration: bool) -> str:  # noqa: FBT001 - by its place it is cached
    """Write a date, a time or both in ISO 8601; a number that is none of them stays a number."""
    try:
        moment = from_excel(float(text), epoch, timedelta=is_duration)
    except (OverflowError, ValueError):
        return _digits(text)
    if isinstance(moment, datetime):
        return str(moment.date()) if moment.time() == _MIDNIGHT else moment.isoformat(" ", "seconds")
    return str(moment)


def _unescaped(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return match[0] if character == "\0" or "\ud800" <= character <= "\udfff" else character


def _read(archive: ZipFile, part: str, reader: _Reader[_Item], take: Callable[[list[_Item]], None]) -> None:
    """Feed a part to a reader a piece at a time, and take what it has read of each."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse

    def start(root: str, _attributes: dict[str, str]) -> None:
        prefix = root[: root.rfind(":") + 1]
        parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
        if prefix:
            parser.StartElementHandler = lambda name, attributes: reader.start(name.removeprefix(prefix), attributes)
            parser.EndElementHandler = lambda name: reader.end(name.removeprefix(prefix))

    parser.StartElementHandler = start
    parser.CharacterDataHandler = reader.text
    fed = 0
    with archive.open(part) as source:
        while piece := source.read(_PIECE):
            parser.Parse(piece)
            fed += len(piece)
            if fed - parser.CurrentByteIndex > RECORD_LIMIT + _PIECE:
                raise UnreadableFileError("A tag of the workbook is longer than any is.")
            take(reader.done)
            reader.done.clear()
        parser.Parse(b"", True)  # noqa: FBT003 - expat takes it by its place
        take(reader.done)


def _refuse(*_: object) -> None:
    raise ValueError("a document type")
