"""Records that need a closer look: of several lines, with NULs, undecodable bytes, surplus cells or broken quotes.

One bad row must not cost the good ones behind it. So a record whose quotes are broken releases the lines that it
would swallow from the first of them that reads as a row by itself: whole, with no more cells than columns, and with
no fewer than the broken record's own first line shows.
"""

import re
from dataclasses import dataclass
from typing import Final

from carillon.tabular.encoding import is_text, readable
from carillon.tabular.grammar import RECORD_LIMIT, Grammar, RecordEnd, RecordFinder

VALUE_LIMIT: Final = 200
"""Characters of a bad value that a report shows."""

RAW_LIMIT: Final = 10_000
"""Characters of a record that could not be parted into cells that a report keeps."""

GLANCE: Final = 16 * 1024
"""Bytes in which a well-formed record is found quickly; a longer one is found all the same, a little slower."""

SURE: Final = 3
"""Rows in succession that outweigh an open quote which may be a very long field of prose."""

FIELD_TOO_LONG: Final = "field too long: the record is over 1 MB"
ENDS_IN_QUOTES: Final = "the file ends inside a quoted field"
NEVER_CLOSED: Final = "a quoted field is not closed within 1 MB, and rows follow it"
QUOTE_NOT_DOUBLED: Final = "a quote inside a quoted field is not doubled, or a quoted field is not closed"
NUL_IN_CELL: Final = "the cell holds a NUL character"
NO_TEXT: Final = "the cell holds bytes that are no text in the file's encoding"
TOO_MANY_CELLS: Final = "the record has more cells than the header has names"

_BREAK: Final = re.compile(rb"\r\n?|\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRecord:
    """A record that is no row.

    `line` is the 1-based physical line where it starts. `field` is the column at fault, empty when it is the whole
    record. `value` is what stands there, cut to 200 characters. `raw` is the record's cells, as many as it has; or
    its text, cut, when it could not be parted into cells.
    """

    line: int
    field: str
    value: str
    reason: str
    raw: tuple[str, ...] | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one look brought: cells (None where empty) or a bad record, and the index behind it.

    Both are None when the record is too long for this window, and begins where it was looked for.
    """

    end: int
    cells: list[str | None] | None = None
    bad: BadRecord | None = None


class RecordReader:
    """Reads single records of a window of text that goes RECORD_LIMIT behind each start, or to the end."""

    def __init__(self, text: bytes, grammar: Grammar, names: tuple[str, ...], *, ended: bool) -> None:
        self._text = text
        self._grammar = grammar
        self._names = names
        self._ended = ended
        self._finder = RecordFinder(text, grammar, len(names))
        self._strict = grammar.strict(len(names))

    def read(self, start: int, line: int) -> Reading:
        """Read the record that begins at index `start`, on physical line `line`."""
        line_end, behind = next_break(self._text, start)
        first = self._text[start:line_end]
        if len(first) <= RECORD_LIMIT:
            cells = self._grammar.cells(first)
            if cells is not None:
                return self._judged(cells, line, behind)
        end = self._finder.end(start)
        if end.kind == "whole":
            cells = self._grammar.cells(self._text[start : end.at])
            if cells is not None:
                return self._judged(cells, line, next_break(self._text, end.at)[1])
        if len(first) <= RECORD_LIMIT:
            cells = self._grammar.loose_cells(first)
            if cells is not None and len(cells) == len(self._names):
                return self._judged(cells, line, behind)
        return self._broken(start, line, end)

    def well_formed(self, start: int) -> tuple[bytes, int] | None:
        """Find a record, of any number of lines, that the fast parser reads alike; and the index behind it."""
        limit = start + GLANCE
        found = self._strict.match(self._text, start, limit)
        if found is None or found.end() == limit:
            return None
        record = found[0]
        if b"\0" in record or not is_text(record):
            return None
        return record, next_break(self._text, found.end())[1]

    def report(self, start: int, line: int, reason: str) -> BadRecord:
        """Report a record that has no cells to show, with the text of its first line."""
        text, end = self._text, self._finder.end(start)
        field = self._names[end.cell] if end.kind != "crowded" and end.cell < len(self._names) else ""
        begin = start if end.kind == "malformed" else end.at
        value = text[begin : min(begin + 4 * VALUE_LIMIT, start + RECORD_LIMIT)]
        first = text[start : min(next_break(text, start)[0], start + 4 * RAW_LIMIT, start + RECORD_LIMIT)]
        return BadRecord(
            line=line,
            field=field,
            value=readable(value)[:VALUE_LIMIT],
            reason=reason,
            raw=readable(first)[:RAW_LIMIT],
        )

    def _judged(self, cells: list[bytes], line: int, end: int) -> Reading:
        width = len(self._names)
        fault = self._fault(cells)
        if fault is None:
            row: list[str | None] = [cell.decode() or None for cell in cells[:width]]
            row.extend([None] * (width - len(row)))
            return Reading(end=end, cells=row)
        index, value, reason = fault
        bad = BadRecord(
            line=line,
            field=self._names[index] if index < width else f"column {index + 1}",
            value=readable(value)[:VALUE_LIMIT],
            reason=reason,
            raw=tuple(readable(cell) for cell in cells),
        )
        return Reading(end=end, bad=bad)

    def _fault(self, cells: list[bytes]) -> tuple[int, bytes, str] | None:
        """Name the first cell that makes the record bad: its index, what to show of it, and why."""
        for index, cell in enumerate(cells):
            if b"\0" in cell:
                return index, cell, NUL_IN_CELL
            if not is_text(cell):
                return index, cell, NO_TEXT
        surplus = cells[len(self._names) :]
        if any(surplus):
            return len(self._names), self._grammar.delimiter.join(surplus), TOO_MANY_CELLS
        return None

    def _broken(self, start: int, line: int, end: RecordEnd) -> Reading:
        text = self._text
        floor = fewest_cells(text, start, self._grammar, len(self._names))
        stop = len(text) if end.kind == "open" else next_break(text, end.at)[1]
        if stop - start > RECORD_LIMIT:
            # All is decided by what is within the limit, so that it does not matter how far this window goes.
            stop, needed, reason = start + RECORD_LIMIT, SURE, NEVER_CLOSED
        elif end.kind == "open":
            needed, reason = 1, ENDS_IN_QUOTES
        else:
            needed, reason = 1, QUOTE_NOT_DOUBLED if end.kind == "malformed" else TOO_MANY_CELLS
        streak = Streak(self._grammar, floor, len(self._names), needed)
        resume = streak.search(text, next_break(text, start)[1], stop, ended=self._ended)
        if resume < 0:
            if needed == SURE:
                return Reading(end=start)
            resume = stop
        return Reading(end=resume, bad=self.report(start, line, reason))


class Streak:
    """Looks for lines that read as rows by themselves, so many in succession as it needs to be sure."""

    def __init__(self, grammar: Grammar, fewest: int, most: int, needed: int) -> None:
        self._grammar = grammar
        self._fewest = fewest
        self._most = most
        self._needed = needed
        self.start = -1  # of a streak that may go on behind what was searched

    def search(self, text: bytes, begin: int, stop: int, *, ended: bool) -> int:
        """Find the first row of a streak of whole lines between the two indexes, or -1."""
        at, seen, self.start = begin, 0, -1
        while at < stop:
            line_end, behind = next_break(text, at)
            if behind > stop or (behind == line_end and not ended):
                break  # not all of this line is here
            if line_end > at:
                if self._is_row(text[at:line_end]):
                    self.start = at if seen == 0 else self.start
                    seen += 1
                    if seen == self._needed:
                        return self.start
                else:
                    seen, self.start = 0, -1
            at = behind
        return -1

    def _is_row(self, line: bytes) -> bool:
        cells = self._grammar.cells(line)
        return cells is not None and self._fewest <= len(cells) <= self._most


def fewest_cells(text: bytes, start: int, grammar: Grammar, columns: int) -> int:
    """Count the cells that a line needs to pass for a row behind the broken record that begins at `start`."""
    line_end = min(next_break(text, start)[0], start + RECORD_LIMIT)
    return min(columns, text.count(grammar.delimiter, start, line_end) + 1)


def next_break(text: bytes, at: int) -> tuple[int, int]:
    """Find where the physical line at index `at` ends, and where the next one begins."""
    found = _BREAK.search(text, at)
    return found.span() if found else (len(text), len(text))
