"""Reading a file of any size as frames, in constant memory, from any record on."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import polars as pl

from carillon.tabular.fast_path import FastText, has_blank_lines
from carillon.tabular.grammar import RECORD_LIMIT, Grammar
from carillon.tabular.numbered import NUMBER_COLUMNS, read_numbers
from carillon.tabular.records import BadRecord, RecordReader, fewest_cells
from carillon.tabular.shape import LINE_COLUMN, FileShape, open_regular
from carillon.tabular.skipping import Skipper
from carillon.tabular.source import READ_SIZE, Source, after_line, line_breaks
from carillon.tabular.tolerant import Piece, Stretch, TolerantText

CHUNK_BYTES: Final = 16 * 1024 * 1024
"""Bytes of the file behind one chunk, unless it holds a record that was too long and passed over."""

_WINDOW: Final = 3 * 1024 * 1024
_FIRST_GUESS: Final = 128  # bytes a record


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A stretch of the file.

    `frame` has one String column per name of the header, null where a cell is empty or missing, and `__line__`
    (Int64): the 1-based physical line where the row starts. `bad` holds the records that are no rows, in the file's
    order. Reading on from `next_offset` and `next_line` gives exactly the records that follow.
    """

    frame: pl.DataFrame
    bad: list[BadRecord]
    next_offset: int
    next_line: int


def read_chunks(
    path: Path, shape: FileShape, *, offset: int | None = None, line: int | None = None, rows: int = 20_000
) -> Iterator[Chunk]:
    """Read the file's records, `rows` good and bad ones a chunk: fewer at the end or where records are long.

    `offset` (bytes) and `line` are a chunk's `next_offset` and `next_line`; without them reading begins behind the
    header. Blank lines are passed over. A record with fewer cells than the header has null in the missing ones;
    surplus cells are let go when they are empty. Memory is bounded whatever the file holds: a record over 1 MB is one
    bad record. A file that ends with its header gives no chunk.

    Raises:
        UnreadableFileError: the file cannot be opened.

    """
    with open_regular(path) as file:
        source = Source(file, shape.encoding, shape.body_offset if offset is None else offset)
        reading = _Reading(source, shape, shape.body_line if line is None else line)
        while chunk := reading.chunk(rows):
            if shape.is_numbered:
                frame, bad = read_numbers(chunk.frame, chunk.bad)
                chunk = replace(chunk, frame=frame, bad=bad)
            yield chunk


def file_hash(path: Path) -> str:
    """Compute the SHA-256 of a file's bytes, in hexadecimal."""
    with open_regular(path) as file:
        digest = hashlib.sha256()
        while block := file.read(READ_SIZE):
            digest.update(block)
        return digest.hexdigest()


class _Reading:
    """Where reading stands, and how wide the records are so far."""

    def __init__(self, source: Source, shape: FileShape, line: int, *, fast: bool = True) -> None:
        self._source = source
        self._names = (*NUMBER_COLUMNS, *shape.header) if shape.is_numbered else shape.header
        self._grammar = Grammar(shape.delimiter)
        self._fast_path = FastText(shape.delimiter, self._names)
        self._tolerant = TolerantText(shape.delimiter, self._names)
        self._line = line
        self._record_size = _FIRST_GUESS
        self._record_lines = 1
        self._fast = fast

    def chunk(self, rows: int) -> Chunk | None:
        start = self._source.offset
        frames: list[pl.DataFrame] = []
        bad: list[BadRecord] = []
        records = 0
        while records < rows and (not records or self._source.offset - start < CHUNK_BYTES - 2 * _WINDOW):
            self._pass_blank_lines()
            if not self._source.text:
                break
            piece = self._piece(rows - records)
            frames.append(piece.frame)
            bad += piece.bad
            records += piece.records
        if not records:
            return None
        frame = frames[0] if len(frames) == 1 else pl.concat(frames)
        return Chunk(frame=frame, bad=bad, next_offset=self._source.offset, next_line=self._line)

    def _pass_blank_lines(self) -> None:
        source = self._source
        source.fill(1)
        while source.text[:1] in {b"\n", b"\r"}:
            blank = len(source.text) - len(source.text.lstrip(b"\r\n"))
            if blank == len(source.text) and not source.ended:
                source.fill(blank + 1)  # what is read next may belong to the last line end
                blank -= source.text[blank - 1 : blank + 1] == b"\r\n"
            self._line += line_breaks(source.text[:blank])
            source.advance(blank)
            source.fill(1)

    def _piece(self, most: int) -> Piece:
        piece = (self._fast_piece(most) if self._fast else None) or self._tolerant_piece(most)
        breaks = line_breaks(self._source.text[: piece.length]) if piece.breaks is None else piece.breaks
        self._line += breaks
        self._source.advance(piece.length)
        if piece.records:
            self._record_size = max(1, piece.length // piece.records)
            self._record_lines = max(1, -(-breaks // piece.records))
        if piece.too_long:
            piece.bad.append(self._pass_over())
        return piece

    def _fast_piece(self, most: int) -> Piece | None:
        source = self._source
        source.fill(min(_WINDOW, most * self._record_size * 9 // 8 + 4096))
        stop = self._stop(len(source.text), most)
        if not stop:
            return None
        block = source.text[:stop]
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n")
        taken, quotes = self._fast_path.takes(block)
        if not taken:
            return None
        breaks = block.count(b"\n")
        lines = breaks + (not block.endswith(b"\n"))
        frame = self._fast_path.parse(block, lines, quotes=quotes, surplus=False)
        if frame is None or (self._fast_path.may_hold_blank_lines(frame) and has_blank_lines(block)):
            return None
        frame = frame.with_columns(pl.int_range(self._line, self._line + lines, dtype=pl.Int64).alias(LINE_COLUMN))
        return Piece(frame=frame, bad=[], length=stop, breaks=breaks)

    def _tolerant_piece(self, most: int) -> Piece:
        source = self._source
        source.fill(_WINDOW)
        # What a record may need to be judged is behind each start: its whole limit, or the file's end.
        stop = self._stop(len(source.text) - (0 if source.ended else RECORD_LIMIT + 2), most * self._record_lines)
        stretch = Stretch(
            text=source.text,
            stop=stop or len(source.text),
            first_line=self._line,
            most=most,
            ended=source.ended,
        )
        return self._tolerant.read(stretch, fast=self._fast)

    def _stop(self, room: int, most: int) -> int:
        """Find the end of the last whole line within `room` bytes, of `most` lines at most; 0 when there is none."""
        text, ended = self._source.text, self._source.ended
        stop = after_line(text if room == len(text) else text[:room], most, most * self._record_size * 31 // 32)
        if ended and room == len(text) and text.count(b"\n", 0, room) < most:
            return room
        if stop:
            return stop
        stop = text.rfind(b"\r", 0, room - 1) + 1
        return stop + (text[stop : stop + 1] == b"\n" and stop > 0)

    def _pass_over(self) -> BadRecord:
        """Leave the too long record behind that begins here."""
        source, line = self._source, self._line
        source.fill(RECORD_LIMIT + 2)
        records = RecordReader(source.text, self._grammar, self._names, ended=source.ended)
        fewest = fewest_cells(source.text, 0, self._grammar, len(self._names))
        lines, reason = Skipper(source, self._grammar, fewest, len(self._names)).skip()
        self._line += lines
        return records.report(0, line, reason)
