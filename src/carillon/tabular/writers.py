"""Writers of exports: frames in, a file of any size out, in constant memory."""

import csv
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Literal, Protocol, Self

import polars as pl

from carillon.tabular.formulas import defuse as defuse_frame
from carillon.tabular.formulas import defused
from carillon.tabular.private import Output

Format = Literal["csv", "ndjson", "parquet"]

_PART_ROWS: Final = 65_536
_ROW_GROUP: Final = 65_536


class _Encoder(Protocol):
    """What one format does with frames; `end` comes once, after the last of them."""

    def write(self, frame: pl.DataFrame) -> None: ...
    def end(self) -> None: ...
    def drop(self) -> None: ...


class TableWriter:
    """An export in progress. A file named by its path appears under that path only when `close` has made it whole."""

    def __init__(self, encoder: _Encoder, columns: Sequence[str], output: Output | None) -> None:
        self._encoder = encoder
        self._columns = list(columns)
        self._output = output
        self._open = True

    def write(self, frame: pl.DataFrame) -> None:
        """Append a frame's rows; it must have the export's columns, in any order."""
        self._encoder.write(frame.select(self._columns))

    def close(self) -> None:
        """Write what is left and give the file its name."""
        if not self._open:
            return
        try:
            self._encoder.end()
            if self._output is not None:
                self._output.keep()
        except BaseException:
            self.abandon()
            raise
        self._open = False

    def abandon(self) -> None:
        """Stop without a file: what was written under a path is removed."""
        if not self._open:
            return
        self._open = False
        self._encoder.drop()
        if self._output is not None:
            self._output.drop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()


def open_writer(
    format: Format,  # noqa: A002 - what the command line and its users call it
    target: BinaryIO | Path,
    columns: Sequence[str],
    *,
    defuse: bool = True,
    mark: bool = False,
) -> TableWriter:
    """Open an export of `columns` to a path or an open binary file, which the caller closes.

    A file named by its path is its owner's alone to read (mode 0600), while it is written too. A pipe or a device that
    a path names is written to as it is, but not by Parquet: OSError.
    CSV is UTF-8 with a comma and a header; null is an empty cell. With `defuse` (the default) cells that a spreadsheet
    would run as a formula get a leading apostrophe (see `formulas`), which `restore` takes off when the file is
    imported again; `mark` begins the file with a byte order mark, without which Excel takes Hebrew for western text.
    NDJSON and Parquet hold the values as they are. Parquet takes the types of the first frame (String where a column
    has none); its rows wait in temporary files until `close`.
    """
    if not isinstance(target, Path):
        return TableWriter(_encoder(format, target, columns, None, defuse=defuse, mark=mark), columns, None)
    output = Output.open(target, is_binary=format == "parquet")
    try:
        encoder = _encoder(format, output.file, columns, output.folder, defuse=defuse, mark=mark)
    except BaseException:
        output.drop()
        raise
    return TableWriter(encoder, columns, output)


def _encoder(  # noqa: PLR0913 - what `open_writer` is given
    format: Format,  # noqa: A002 - as there
    file: BinaryIO,
    columns: Sequence[str],
    folder: Path | None,
    *,
    defuse: bool,
    mark: bool,
) -> _Encoder:
    if format == "csv":
        return _Csv(file, columns, defuse=defuse, mark=mark)
    if format == "ndjson":
        return _Ndjson(file)
    return _Parquet(file, columns, folder)


class _Csv:
    def __init__(self, file: BinaryIO, columns: Sequence[str], *, defuse: bool, mark: bool) -> None:
        self._file = file
        self._defuse = defuse
        header = io.StringIO()
        names = [defused(name) if defuse else name for name in columns]
        csv.writer(header, lineterminator="\n").writerow(names)
        file.write((b"\xef\xbb\xbf" if mark else b"") + header.getvalue().encode())

    def write(self, frame: pl.DataFrame) -> None:
        safe = defuse_frame(frame) if self._defuse else frame
        if safe.width == 1:
            # A lone empty cell would be a blank line, which readers pass over.
            safe = safe.with_columns(pl.all().cast(pl.String).fill_null(""))
        safe.write_csv(self._file, include_header=False)

    def end(self) -> None:
        """Nothing waits to be written."""

    def drop(self) -> None:
        """Nothing waits to be removed."""


class _Ndjson:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, frame: pl.DataFrame) -> None:
        frame.write_ndjson(self._file)

    def end(self) -> None:
        """Nothing waits to be written."""

    def drop(self) -> None:
        """Nothing waits to be removed."""


class _Parquet:
    """Gathers frames into parts on disk, and streams the parts into one file at the end.

    A Parquet file's index comes last and knows all its row groups, and polars cannot append one to a file.
    """

    def __init__(self, file: BinaryIO, columns: Sequence[str], folder: Path | None) -> None:
        self._file = file
        self._schema = pl.Schema(dict.fromkeys(columns, pl.String()))
        self._folder = tempfile.TemporaryDirectory(prefix=".export-", dir=folder)
        self._parts: list[Path] = []
        self._waiting: list[pl.DataFrame] = []
        self._typed = False

    def write(self, frame: pl.DataFrame) -> None:
        if not self._typed:
            types = ((name, pl.String() if dtype == pl.Null else dtype) for name, dtype in frame.schema.items())
            self._schema = pl.Schema(types)
            self._typed = True
        self._waiting.append(frame.cast(self._schema))
        if sum(waiting.height for waiting in self._waiting) >= _PART_ROWS:
            self._put_down()

    def end(self) -> None:
        self._put_down()
        if self._parts:
            pl.scan_ipc(self._parts).sink_parquet(self._file, row_group_size=_ROW_GROUP)
        else:
            pl.DataFrame(schema=self._schema).write_parquet(self._file)
        self.drop()

    def drop(self) -> None:
        self._waiting.clear()
        self._folder.cleanup()

    def _put_down(self) -> None:
        if self._waiting:
            part = Path(self._folder.name) / f"{len(self._parts):08d}.arrow"
            pl.concat(self._waiting).write_ipc(part, compression="lz4")
            self._parts.append(part)
            self._waiting.clear()
