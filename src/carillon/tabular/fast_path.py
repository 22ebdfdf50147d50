"""The fast way through text that holds one well-formed record on each of its lines."""

from typing import Final

import polars as pl
from polars.exceptions import ComputeError

from carillon.tabular.encoding import is_text
from carillon.tabular.grammar import RECORD_LIMIT


class FastText:
    """Parses lines with polars, which the caller knows to be records."""

    def __init__(self, delimiter: str, names: tuple[str, ...]) -> None:
        self._delimiter = delimiter
        self._names = names
        self._columns: Final = [f"c{place}" for place in range(len(names))]
        self._header: Final = delimiter.join(self._columns).encode() + b"\n"
        mark = "\\" + delimiter if delimiter in "\\]^-[&~" else delimiter
        cell = rf'(?:"[^"]*(?:""[^"]*)*"|[^"{mark}]*)'
        self._regular: Final = rf"^{cell}(?:[{mark}]{cell})*$"

    def parse(self, block: bytes, lines: int, *, quotes: bool, surplus: bool) -> pl.DataFrame | None:
        """Make a frame of `lines` rows, or None where polars does not read them: the tolerant parser then decides.

        `surplus` lets cells behind the last column go, which the caller knows to be empty; without it they are a
        reason for None.
        """
        try:
            # The header line makes polars count columns by our names, not by the first row, which may be short.
            frame = pl.read_csv(
                self._header + block,
                separator=self._delimiter,
                quote_char='"' if quotes else None,
                schema=dict.fromkeys(self._columns, pl.String),
                truncate_ragged_lines=surplus,
            )
        except ComputeError:
            return None
        if frame.height != lines:
            return None
        if quotes and b'""' in block:
            frame = frame.with_columns(pl.when(pl.all() != "").then(pl.all()))
        frame.columns = list(self._names)
        return frame

    def are_regular(self, lines: pl.Series) -> pl.Series:
        """Tell of each line whether it is a record by itself whose quotes all belong to quoted cells."""
        return lines.str.contains(self._regular)

    def takes(self, block: bytes) -> tuple[bool, bool]:
        """Tell whether each line of a block is one record, and whether cells are quoted; as far as that is cheap."""
        if b"\0" in block or b"\r" in block or not has_short_lines(block):
            return False, False
        if b'"' not in block:
            return True, False
        mark = self._delimiter.encode() + b'"'
        if not (block.startswith(b'"') or b'\n"' in block or mark in block):
            return True, False  # quotes only inside cells, where they are characters like others
        if not is_text(block):
            return False, False
        # The line ends become the series' own, so that a cell cannot reach over one.
        lines = pl.Series([block.decode()]).str.strip_suffix("\n").str.split("\n").explode()
        return self.are_regular(lines).all(), True

    def may_hold_blank_lines(self, frame: pl.DataFrame) -> bool:
        """Tell whether some row may have come from a blank line: then no column is full."""
        return all(column.null_count() for column in frame.iter_columns())


def has_short_lines(block: bytes) -> bool:
    """Tell whether no line can be longer than a record may be: then each half of that length holds a line's end."""
    half = RECORD_LIMIT // 2
    return all(block.find(b"\n", start, start + half) >= 0 for start in range(0, len(block) - half, half))


def has_blank_lines(block: bytes) -> bool:
    """Tell whether a line of a block is empty."""
    return block.startswith(b"\n") or b"\n\n" in block
