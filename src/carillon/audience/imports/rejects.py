"""The rejects of an import: which rows go into the rejects file, and where that file is."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from carillon.audience.imports.column_names import ColumnPlan
from carillon.audience.upsert.rows import RowError
from carillon.errors import InvalidInputError
from carillon.tabular import (
    LINE_COLUMN,
    REJECT_COLUMNS,
    Chunk,
    FileShape,
    Problem,
    RejectedRow,
    RejectsWriter,
    TabularError,
    inspect,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejects:
    """The rejects file of one import; it is made when there is something to put into it."""

    path: Path
    shape: FileShape
    columns: ColumnPlan

    def clear_the_way(self, source: Path) -> None:
        """Set aside the rejects of an earlier import. Raises InvalidInputError for `rejects` where another file is."""
        if not self.path.exists():
            return
        if self.path.samefile(source):
            raise InvalidInputError("rejects", "The rejects can't go into the file that is imported.")
        if not _is_rejects_file(self.path):
            raise InvalidInputError("rejects", f"“{self.path.name}” is there and is no rejects file: name another.")
        self.path.replace(self.path.with_name(f"{self.path.name}.old"))

    def write(self, at: int, chunk: Chunk, errors: Sequence[RowError]) -> int:
        """Write a chunk's rejects behind the first `at` bytes, for good; give the file's size.

        `errors` are those of the chunk's rows by physical line; its bad records are added. Raises TabularError.
        """
        rejected = [RejectedRow.from_bad(bad) for bad in chunk.bad] + self._rejected(chunk.frame, errors)
        if not rejected:
            return at
        with RejectsWriter.open(self.path, self.shape.header, keep_bytes=at) as writer:
            writer.write(sorted(rejected, key=lambda row: row.line))
            return writer.tell()

    def _rejected(self, frame: pl.DataFrame, errors: Sequence[RowError]) -> list[RejectedRow]:
        problems: dict[int, list[Problem]] = {}
        for error in errors:
            column = "" if error.field == "row" else self.columns.column(error.field)
            problems.setdefault(error.row, []).append(Problem(field=column, value=error.value, reason=error.message))
        rows = frame.filter(pl.col(LINE_COLUMN).is_in(list(problems))).select(LINE_COLUMN, *self.shape.header)
        return [RejectedRow(line=line, cells=cells, problems=problems[line]) for line, *cells in rows.iter_rows()]


def rejects_path(path: Path) -> Path:
    """Where the rejects of a file go by default: beside it."""
    return path.with_name(f"{path.name}.rejects.csv")


def _is_rejects_file(path: Path) -> bool:
    try:
        return set(REJECT_COLUMNS) <= set(inspect(path).header)
    except TabularError:
        return path.stat().st_size == 0
