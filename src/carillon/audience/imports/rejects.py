"""The rejects of an import: which rows go into the rejects file, and where that file is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import polars as pl

from carillon.audience.imports.column_plan import ColumnPlan
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
from carillon.tabular.private import make_private


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejects:
    """The rejects file of one import, which `reserve` made for it."""

    path: Path
    shape: FileShape
    columns: ColumnPlan

    def remove_empty(self) -> None:
        """Remove the file that was made for rejects which have not come."""
        if self.path.is_file() and not self.path.stat().st_size:
            self.path.unlink()

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
            problems.setdefault(error.row, []).append(
                Problem(field=column, value=error.readable_value, reason=error.message)
            )
        rows = frame.filter(pl.col(LINE_COLUMN).is_in(list(problems))).select(LINE_COLUMN, *self.shape.header)
        return [RejectedRow(line=line, cells=cells, problems=problems[line]) for line, *cells in rows.iter_rows()]


def rejects_path(path: Path) -> Path:
    """Where the rejects of a file go by default: beside it."""
    return path.with_name(f"{path.name}.rejects.csv")


def reserve(path: Path, source: Path) -> Path:
    """Make an empty file for an import's rejects and return its path: `path`, or where rejects are, one beside it.

    What can't be made is returned as it is: an import without rejects needs none. Raises InvalidInputError for
    `rejects` as `check_rejects` does.
    """
    for candidate in _names(path):
        try:
            make_private(candidate).close()
        except FileExistsError:
            if candidate == path:
                check_rejects(path, source)
        except OSError:
            return candidate
        else:
            return candidate
    raise AssertionError("there is a name for each number")


def _names(path: Path) -> Iterator[Path]:
    yield path
    for number in count(2):
        yield path.with_name(f"{path.stem}-{number}{path.suffix}")


def check_rejects(path: Path, source: Path) -> None:
    """Raise InvalidInputError for `rejects` where no rejects can go to a path.

    There is no such folder, or what has their name are no rejects: another name was meant.
    """
    try:
        if not path.parent.is_dir():
            raise InvalidInputError("rejects", f"There is no folder “{path.parent}”: make it, or name another.")
        if not path.exists():
            return
    except OSError as error:
        raise InvalidInputError("rejects", f"“{path}” can't be written: {error.strerror or error}.") from error
    if path.samefile(source):
        raise InvalidInputError("rejects", "The rejects can't go into the file that is imported.")
    if not path.is_file() or not _is_rejects_file(path):
        raise InvalidInputError("rejects", f"“{path.name}” is there and is no rejects file: name another.")


def _is_rejects_file(path: Path) -> bool:
    try:
        return set(REJECT_COLUMNS) <= set(inspect(path).header)
    except TabularError:
        return path.stat().st_size == 0
