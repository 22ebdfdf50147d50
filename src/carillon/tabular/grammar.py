"""What a record is, on canonical bytes.

A cell that begins with a quote runs to the next lone quote, may hold delimiters and line breaks, and writes a quote
as two. In any other cell a quote is a character like others (6" or a Hebrew abbreviation). Behind a closing quote
only a delimiter or the line's end may follow.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

RECORD_LIMIT: Final = 1024 * 1024
"""Bytes of canonical text above which a record is too long."""

SPARE_CELLS: Final = 16
"""A record of several lines with so many cells more than columns is a run of stray quotes."""

_RUN: Final = re.compile(rb'"+')
_QUOTE: Final = 0x22
_BREAKS: Final = b"\r\n"


class Grammar:
    """The patterns for one delimiter, which is one ASCII character."""

    def __init__(self, delimiter: str) -> None:
        self.delimiter = delimiter.encode("ascii")
        mark = re.escape(self.delimiter)
        # Only single characters repeat possessively: Python 3.11.2 matches possessive groups wrongly.
        quoted, bare = rb'"[^"]*+(?:""[^"]*+)*"(?!")', rb'(?!")[^%b\r\n]*+' % mark
        # Every pattern reads a record with one delimiter put before it, so that all cells look alike.
        self._whole = re.compile(rb"(?:%b(?:%b|%b))+" % (mark, quoted, bare))
        self._cell = re.compile(rb'%b(?:"([^"]*+(?:""[^"]*+)*)"(?!")|([^%b\r\n]*+))' % (mark, mark))
        loose = rb'"([^"]*+(?:"(?:"|(?!["%b]|\Z))[^"]*+)*)"(?=%b|\Z)' % (mark, mark)
        self._loose_cell = re.compile(rb"%b(?:%b|(%b))" % (mark, loose, bare))
        self._loose_whole = re.compile(rb"(?:%b(?:%b|%b))+" % (mark, loose, bare))
        self.cell_end = re.compile(rb"[%b\r\n]" % mark)

    def strict(self, columns: int) -> re.Pattern[bytes]:
        """Make the pattern of a record of at most so many cells whose quotes all belong to quoted cells."""
        cell = rb'(?:"[^"]*+(?:""[^"]*+)*"(?!")|[^"%b\r\n]*+)' % re.escape(self.delimiter)
        mark = re.escape(self.delimiter)
        return re.compile(rb"%b(?:%b%b){0,%d}(?=[\r\n]|\Z)" % (cell, mark, cell, columns - 1))

    def cells(self, record: bytes) -> list[bytes] | None:
        """Part one record without its line end into cells, or None when it is not well formed by itself."""
        padded = self.delimiter + record
        if b'"' not in record:
            return record.split(self.delimiter)
        if self._whole.fullmatch(padded) is None:
            return None
        return [quoted.replace(b'""', b'"') or bare for quoted, bare in self._cell.findall(padded)]

    def loose_cells(self, line: bytes) -> list[bytes] | None:
        """Part one line into cells when a quote that should have been doubled is taken as it stands: `"6" pipe"`."""
        padded = self.delimiter + line
        if self._loose_whole.fullmatch(padded) is None:
            return None
        return [quoted.replace(b'""', b'"') or bare for quoted, bare in self._loose_cell.findall(padded)]


@dataclass(frozen=True, slots=True)
class RecordEnd:
    """Where a record that begins somewhere ends.

    `at` is the index behind its last cell when it is whole, of the offending quote when it is malformed, of the
    cell's start when it is open (its end is not within the limit or not in the file) or crowded (far more cells than
    columns); `cell` counts cells from 0.
    """

    kind: Literal["whole", "malformed", "open", "crowded"]
    at: int
    cell: int


class RecordFinder:
    """Finds the ends of records in one window of text that goes RECORD_LIMIT behind each start, or to the end.

    A file made of stray quotes does not make this slow: where a quoted cell has no end, no other quoted cell begins
    either; and a record of far too many cells is rejected.
    """

    def __init__(self, text: bytes, grammar: Grammar, columns: int) -> None:
        self._text = text
        self._grammar = grammar
        self._most_cells = columns + SPARE_CELLS

    def end(self, start: int) -> RecordEnd:
        """Find the end of the record that begins at `start`."""
        text, limit, delimiter = self._text, start + RECORD_LIMIT, self._grammar.delimiter[0]
        at, cell = start, 0
        while True:
            begin = at
            if at < len(text) and text[at] == _QUOTE:
                close = self._closing_quote(at + 1, limit)
                if close < 0 or close > limit:
                    return RecordEnd("open", begin, cell)
                at = close + 1
                if at < len(text) and text[at] != delimiter and text[at] not in _BREAKS:
                    return RecordEnd("malformed", close, cell)
            else:
                found = self._grammar.cell_end.search(text, at, limit + 1)
                at = found.start() if found else len(text)
            if at > limit:
                return RecordEnd("open", begin, cell)
            if at == len(text) or text[at] != delimiter:
                return RecordEnd("whole", at, cell)
            at, cell = at + 1, cell + 1
            if cell > self._most_cells:
                return RecordEnd("crowded", at, cell)

    def _closing_quote(self, inside: int, limit: int) -> int:
        """Find the quote that closes a cell whose text begins at `inside`, or -1: the last of the first odd run."""
        for run in _RUN.finditer(self._text, inside, limit + 2):
            if (run.end() - run.start()) % 2:
                return run.end() - 1
        return -1
