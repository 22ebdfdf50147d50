"""Passing over a record of any length in constant memory."""

import re
from typing import Final

from carillon.tabular.grammar import Grammar
from carillon.tabular.records import (
    ENDS_IN_QUOTES,
    FIELD_TOO_LONG,
    NEVER_CLOSED,
    QUOTE_NOT_DOUBLED,
    SURE,
    Streak,
)
from carillon.tabular.source import Source, line_breaks

WINDOW: Final = 1024 * 1024

_QUOTED_TEXT: Final = re.compile(rb'[^"]*+(?:""[^"]*+)*')
_INSIDE: Final = re.compile(rb"[\x80-\xbf]")
_QUOTE: Final = 0x22


class Skipper:
    """Moves a source behind the record it stands at, which is known to be too long for a window.

    It goes window by window from the record's start, so where it comes out does not depend on where reading began. A
    quoted field that never ends well gives way to rows: three lines in succession that read as such.
    """

    def __init__(self, source: Source, grammar: Grammar, fewest: int, columns: int) -> None:
        self._source = source
        self._delimiter = grammar.delimiter[0]
        self._cell_end = grammar.cell_end
        self._streak = Streak(grammar, fewest, columns, SURE)
        self._place = "cell"  # "cell" (at its start), "bare" or "quoted"
        self._reason = FIELD_TOO_LONG
        self._lines_are_whole = False

    def skip(self) -> tuple[int, str]:
        """Move on; return the number of physical lines passed and the reason to report."""
        lines = 0
        while True:
            self._source.fill(WINDOW + 2)
            text, last = self._window()
            at, done = self._walk(text, last=last)
            rows = self._rows(text, at, last=last)
            if rows >= 0:
                at, done = rows, True
                self._reason = NEVER_CLOSED if self._reason == FIELD_TOO_LONG else self._reason
            elif not done and self._streak.start > 0:
                at = self._streak.start
                self._place = "quoted"  # all that a streak is looked for in is
            if at == len(text) and last:
                done = True
            lines += line_breaks(text[:at])
            self._lines_are_whole = text[at - 1 : at] in {b"\n", b"\r"}
            self._source.advance(at)
            if done:
                return lines, self._reason

    def _window(self) -> tuple[bytes, bool]:
        """Take up to WINDOW bytes that end with a line, or between characters; and whether the file ends there."""
        text = self._source.text
        if len(text) <= WINDOW and self._source.ended:
            return text, True
        cut = max(text.rfind(b"\n", 0, WINDOW), text.rfind(b"\r", 0, WINDOW)) + 1
        if cut:
            return text[: cut + (text[cut - 1 : cut + 1] == b"\r\n")], False
        # No line ends here: end between characters, of four bytes at most (what cannot be decoded may look longer).
        cut = next((cut for cut in range(WINDOW, WINDOW - 4, -1) if not _INSIDE.match(text, cut)), WINDOW)
        return text[:cut], False

    def _walk(self, text: bytes, *, last: bool) -> tuple[int, bool]:
        """Follow the record's cells to its end or the window's; where it came to, and whether the record is over."""
        at = 0
        while at < len(text):
            if self._place == "cell":
                self._place = "quoted" if text[at] == _QUOTE else "bare"
                at += self._place == "quoted"
            elif self._place == "quoted":
                found = _QUOTED_TEXT.match(text, at)
                at = found.end() if found else at
                if at == len(text):
                    break
                if at + 1 == len(text) and not last:
                    return at, False  # what follows this quote decides
                at += 1
                self._place = "bare"
                if at < len(text) and text[at] not in (self._delimiter, 0x0A, 0x0D):
                    self._reason = QUOTE_NOT_DOUBLED
            else:
                end = self._cell_end.search(text, at)
                if end is None:
                    return len(text), False
                at = end.end()
                if text[at - 1] != self._delimiter:
                    return at + (text[at - 1 : at + 1] == b"\r\n"), True
                self._place = "cell"
        if last and self._place == "quoted":
            self._reason = ENDS_IN_QUOTES
        return len(text), False

    def _rows(self, text: bytes, stop: int, *, last: bool) -> int:
        """Find where rows begin among the whole lines before `stop`, or -1."""
        begin = 0
        if not self._lines_are_whole:
            breaks = [found + 1 for found in (text.find(b"\n", 0, stop), text.find(b"\r", 0, stop)) if found >= 0]
            if not breaks:
                self._streak.start = -1
                return -1
            begin = min(breaks)
            begin += text[begin - 1 : begin + 1] == b"\r\n"
        found = self._streak.search(text, begin, stop, ended=last)
        if found < 0 and last and self._streak.start >= 0 and self._reason == ENDS_IN_QUOTES:
            return self._streak.start
        return found
