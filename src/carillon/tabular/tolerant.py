"""The way through text that may hold anything.

Well-formed records go to the fast parser in one block, each other record gets a closer look.
"""

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate

import polars as pl

from carillon.tabular.encoding import is_text
from carillon.tabular.fast_path import FastText
from carillon.tabular.grammar import RECORD_LIMIT, Grammar
from carillon.tabular.records import BadRecord, RecordReader
from carillon.tabular.shape import LINE_COLUMN


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What to read: at most `most` records that start before index `stop` of `text`, which is a line's end.

    `text` begins with a record, on physical line `first_line`, and goes on RECORD_LIMIT behind `stop`, or is `ended`.
    """

    text: bytes
    stop: int
    first_line: int
    most: int
    ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What was read from one stretch of text.

    `length` is in bytes of it, `breaks` the number of line ends in them where that is known; `too_long` says that a
    record begins behind them which does not fit.
    """

    frame: pl.DataFrame
    bad: list[BadRecord]
    length: int
    breaks: int | None = None
    too_long: bool = False

    @property
    def records(self) -> int:
        """Good and bad ones."""
        return self.frame.height + len(self.bad)


class TolerantText:
    """Reads stretches of text record by record."""

    def __init__(self, delimiter: str, names: tuple[str, ...]) -> None:
        self._names = names
        self._delimiter = delimiter
        self._grammar = Grammar(delimiter)
        self._fast_path = FastText(delimiter, names)

    def read(self, stretch: Stretch, *, fast: bool = True) -> Piece:
        """Read a stretch; without `fast` every record goes the slow way, to the same result."""
        lines = stretch.text[: stretch.stop].splitlines(keepends=True)
        bodies = [line.rstrip(b"\r\n") for line in lines]
        records = RecordReader(stretch.text, self._grammar, self._names, ended=stretch.ended)
        walk = _Walk(lines, bodies, records, stretch)
        if fast:
            walk.run(*self._sorted_lines(bodies), fast=True)
        else:
            walk.run([], [index for index, body in enumerate(bodies) if body], fast=False)
        frame = self._parsed(walk)
        if frame is None:
            return self.read(stretch, fast=False)
        return Piece(frame=frame, bad=walk.bad, length=walk.length, too_long=walk.too_long)

    def _sorted_lines(self, bodies: list[bytes]) -> tuple[list[int], list[int]]:
        """Sort the indexes of lines: records by themselves, and those that need a look. Blank ones are in neither."""
        joined = b"\n".join(bodies)
        lines = pl.Series("line", joined.decode("utf-8", "replace").split("\n"))
        filled = lines.str.len_bytes() > 0
        odd = ~filled
        if joined.count(self._grammar.delimiter) >= len(self._names):
            delimiters = lines.str.count_matches(self._delimiter, literal=True)
            trailing = lines.str.len_bytes() - lines.str.strip_chars_end(self._delimiter).str.len_bytes()
            # Delimiters inside quotes count here too: such a line only gets a look that it does not need.
            odd |= delimiters.cast(pl.Int64) - trailing.cast(pl.Int64) >= len(self._names)
        if b'"' in joined:
            odd |= ~self._fast_path.are_regular(lines)
        if b"\0" in joined:
            odd |= lines.str.contains("\0", literal=True)
        if len(joined) > RECORD_LIMIT:
            odd |= lines.str.len_bytes() > RECORD_LIMIT
        if not is_text(joined):
            suspects = lines.str.contains("�", literal=True).arg_true().to_list()
            broken = [index for index in suspects if not is_text(bodies[index])]
            odd |= pl.Series(range(len(bodies)), dtype=pl.Int64).is_in(broken)
        return (~odd).arg_true().to_list(), (filled & odd).arg_true().to_list()

    def _parsed(self, walk: "_Walk") -> pl.DataFrame | None:
        """Put both kinds of rows into one frame, or None where the fast parser disagrees about its records."""
        slow = self._frame(walk.rows, walk.row_lines)
        if not walk.records:
            return slow
        block = b"\n".join(walk.records)
        parsed = self._fast_path.parse(block, len(walk.records), quotes=b'"' in block, surplus=True)
        if parsed is None:
            return None
        parsed = parsed.with_columns(pl.Series(LINE_COLUMN, walk.record_lines, dtype=pl.Int64))
        return pl.concat([parsed, slow]).sort(LINE_COLUMN) if slow.height else parsed

    def _frame(self, rows: list[list[str | None]], lines: list[int]) -> pl.DataFrame:
        columns = list(zip(*rows, strict=True)) or [()] * len(self._names)
        series = [pl.Series(name, column, dtype=pl.String) for name, column in zip(self._names, columns, strict=True)]
        return pl.DataFrame([*series, pl.Series(LINE_COLUMN, lines, dtype=pl.Int64)])


class _Walk:
    """One pass over lines, from odd line to odd line; a record at one may take lines that look regular with it."""

    def __init__(self, lines: list[bytes], bodies: list[bytes], reader: RecordReader, stretch: Stretch) -> None:
        self.records: list[bytes] = []  # well-formed ones, for the fast parser
        self.record_lines: list[int] = []
        self.rows: list[list[str | None]] = []
        self.row_lines: list[int] = []
        self.bad: list[BadRecord] = []
        self.length = 0  # bytes walked; the last record may end behind the lines
        self.too_long = False
        self._starts = [0, *accumulate(map(len, lines))]
        self._bodies = bodies
        self._reader = reader
        self._first_line = stretch.first_line
        self._left = stretch.most
        self._next = 0

    def run(self, regular: list[int], odd: list[int], *, fast: bool) -> None:
        """Walk until the lines or the wanted records are used up, or a record is too long."""
        for index in odd:
            if index < self._next:
                continue
            self._take_regular(regular, index)
            if self._left and not (fast and self._take_well_formed(index)):
                self._take_odd(index)
            if self.too_long or not self._left:
                return
        self._take_regular(regular, len(self._bodies))

    def _take_regular(self, regular: list[int], stop: int) -> None:
        if stop <= self._next:
            return
        taken = regular[bisect_left(regular, self._next) : bisect_left(regular, stop)][: self._left]
        self.records += [self._bodies[index] for index in taken]
        self.record_lines += [self._first_line + index for index in taken]
        self._left -= len(taken)
        self._next = stop if self._left else taken[-1] + 1
        self.length = self._starts[self._next]

    def _take_well_formed(self, index: int) -> bool:
        found = self._reader.well_formed(self._starts[index])
        if found is None:
            return False
        record, end = found
        self.records.append(record)
        self.record_lines.append(self._first_line + index)
        self._went_to(end)
        return True

    def _take_odd(self, index: int) -> None:
        line = self._first_line + index
        reading = self._reader.read(self._starts[index], line)
        if reading.cells is not None:
            self.rows.append(reading.cells)
            self.row_lines.append(line)
        elif reading.bad is not None:
            self.bad.append(reading.bad)
        else:
            self.too_long = True
            return
        self._went_to(reading.end)

    def _went_to(self, end: int) -> None:
        self._left -= 1
        self.length = end
        self._next = bisect_left(self._starts, end, self._next)
