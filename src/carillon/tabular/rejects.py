"""The rejects file of an import: rows to mend in a spreadsheet and to import again."""

import csv
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from carillon.tabular.errors import LostRejectsError, UnreadableFileError
from carillon.tabular.formulas import defused
from carillon.tabular.private import write_private
from carillon.tabular.records import BadRecord

REJECT_COLUMNS: Final = ("_line", "_field", "_value", "_reason")
"""The columns behind the original ones; an import takes no field from them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with a row."""

    field: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRow:
    """A row that was not taken: its 1-based physical line, its cells in the file's order, and what is wrong with it.

    `cells` is a text where the row could not be parted into cells; it then stands in the first column.
    """

    line: int
    cells: Sequence[str | None] | str
    problems: Sequence[Problem]

    @classmethod
    def from_bad(cls, bad: BadRecord) -> Self:
        """Make one of a record that could not be read."""
        problem = Problem(field=bad.field, value=bad.value, reason=bad.reason)
        return cls(line=bad.line, cells=bad.raw, problems=[problem])


class RejectsWriter:
    """Writes a rejects file, which can be carried on after a crash.

    The file is UTF-8 with a byte order mark, so that spreadsheets read it right, and its cells are defused like an
    export's. Its first columns are the original ones, then come `_line`, `_field`, `_value` and `_reason`; several
    problems of one row are joined by "; ". When the imported file was a rejects file itself, its own last four columns
    are not repeated.
    """

    def __init__(self, file: BinaryIO, header: Sequence[str]) -> None:
        self._file = file
        self._kept = [place for place, name in enumerate(header) if name not in REJECT_COLUMNS]
        self._header = [header[place] for place in self._kept]

    @classmethod
    def open(cls, path: Path, header: Sequence[str], *, keep_bytes: int = 0) -> Self:
        """Begin a file, or carry one on: what stands behind its first `keep_bytes` (a `tell()` that was stored) goes.

        Raises:
            LostRejectsError: the file is missing or shorter than `keep_bytes`.
            UnreadableFileError: the file cannot be written.

        """
        try:
            if not keep_bytes:
                writer = cls(write_private(path), header)
                writer._begin()
                return writer
            file = path.open("r+b")
        except FileNotFoundError:
            if keep_bytes:
                raise LostRejectsError(f"The rejects file “{path.name}” of the import's first part is gone.") from None
            raise UnreadableFileError(f"There is no folder for “{path.name}”.") from None
        except OSError as error:
            raise UnreadableFileError(f"“{path.name}” cannot be written: {error.strerror or error}.") from error
        if os.fstat(file.fileno()).st_size < keep_bytes:
            file.close()
            raise LostRejectsError(f"The rejects file “{path.name}” is shorter than the import left it.")
        file.truncate(keep_bytes)
        file.seek(keep_bytes)
        return cls(file, header)

    def write(self, rows: Iterable[RejectedRow]) -> None:
        """Append one line for each row."""
        self._append([self._line(row) for row in rows])

    def tell(self) -> int:
        """Make what was written durable and return the file's size: what to store with the import's progress."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _begin(self) -> None:
        self._file.write(b"\xef\xbb\xbf")
        self._append([[*self._header, *REJECT_COLUMNS]])

    def _append(self, lines: list[list[str]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([[_cell(cell) for cell in line] for line in lines])
        self._file.write(text.getvalue().encode("utf-8", "replace"))

    def _line(self, row: RejectedRow) -> list[str]:
        cells = [row.cells] if isinstance(row.cells, str) else row.cells
        original = [cells[place] or "" if place < len(cells) else "" for place in self._kept]
        return [
            *original,
            str(row.line),
            "; ".join(problem.field for problem in row.problems),
            "; ".join(problem.value for problem in row.problems),
            "; ".join(problem.reason for problem in row.problems),
        ]


def _cell(text: str) -> str:
    """Make a cell safe to open; a NUL becomes U+FFFD, as spreadsheets end a cell, or the file, at one."""
    return defused(text.replace("\0", "�"))
