"""Reading whole files for the tests of `carillon.tabular`."""

from dataclasses import dataclass
from pathlib import Path

from carillon.tabular import BadRecord, Chunk, FileShape, inspect, read_chunks
from carillon.tabular.reader import _Reading
from carillon.tabular.source import Source

Row = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """All rows with their lines, and all bad records."""

    rows: list[tuple[int, Row]]
    bad: list[BadRecord]

    @property
    def values(self) -> list[Row]:
        return [row for _, row in self.rows]


def contents(chunks: list[Chunk]) -> Contents:
    rows = [(row[-1], row[:-1]) for chunk in chunks for row in chunk.frame.iter_rows()]
    return Contents(rows, [record for chunk in chunks for record in chunk.bad])


def written(folder: Path, content: bytes) -> Path:
    path = folder / "contacts.csv"
    path.write_bytes(content)
    return path


def read(folder: Path, content: bytes, *, rows: int = 20_000) -> Contents:
    """Write a file, look at it and read it."""
    path = written(folder, content)
    return contents(list(read_chunks(path, inspect(path), rows=rows)))


def read_slowly(path: Path, shape: FileShape) -> Contents:
    """Read a file with every record going the slow way."""
    with path.open("rb") as file:
        reading = _Reading(Source(file, shape.encoding, shape.body_offset), shape, shape.body_line, fast=False)
        chunks = []
        while chunk := reading.chunk(20_000):
            chunks.append(chunk)
    return contents(chunks)
