"""Importing a file: any number of rows through the one upsert engine, in constant memory, chunk by chunk.

A chunk is one transaction: its contacts, the import's counters and its place in the file. Its rejects are on disk
before that transaction commits, and cut back to the size that the place states when the import goes on. So a `kill -9`
at any moment neither doubles nor loses a row, in the table or among the rejects. While the database writes one chunk, a
thread reads the next.
"""

import asyncio
import fcntl
import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import msgspec
import polars as pl

from carillon.audience.column_names import ColumnPlan, plan_columns
from carillon.audience.columns import read_frame
from carillon.audience.exports import EXPORT_COLUMNS
from carillon.audience.fields import Kind
from carillon.audience.file_rejects import Rejects, rejects_path
from carillon.audience.import_records import (
    MAX_KEPT_ERRORS,
    BeginImport,
    BegunImport,
    ImportReport,
    Place,
    advance_import,
    begin_import,
    busy,
    finish_import,
    hold_import,
    import_report,
)
from carillon.audience.own_fields import field_kinds
from carillon.audience.rows import MAX_GROUP_CHARACTERS, Batch, RowError, shown
from carillon.audience.tabular import (
    LINE_COLUMN,
    REJECT_COLUMNS,
    BadRecord,
    Chunk,
    FileShape,
    TabularError,
    file_hash,
    inspect,
    read_chunks,
    restore,
)
from carillon.audience.upsert import UpsertReport, upsert
from carillon.db.database import Database, Tx
from carillon.errors import InvalidInputError
from carillon.kit.actor import Actor
from carillon.kit.ids import new_uuid
from carillon.tenancy.accounts import checked_country

CHUNK_ROWS = 20_000
_READ_AHEAD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FileImport:
    """Import a file: CSV in any usual form.

    `mapping` (column to attribute) comes before the names of the columns; every row joins `group`, which is made when
    it is missing; `country` reads national phones instead of the audience's; `rejects` is where rows with a problem go.
    `again` imports a file that was imported before, or begins an interrupted import from the start.
    """

    path: Path
    mapping: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    country: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    rejects: Path | None = None
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportProgress:
    """How far an import is: `rows` and bytes of the whole file, `seconds` and `rows_done` of this run."""

    rows: int
    rows_done: int
    bytes_done: int
    bytes_total: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSummary:
    """An import's report.

    `error_count` counts each problem, also those of rows that were kept. `rejects` names the rejects file when there is
    one. `seconds` is the time of all runs, `rows_per_second` the speed of the last one. `is_done` is False when the
    import was stopped; calling again goes on with it.
    """

    import_id: UUID
    rows: int
    new: int
    updated: int
    unchanged: int
    failed: int
    error_count: int
    rejects: Path | None
    seconds: float
    rows_per_second: float
    unmapped_columns: tuple[str, ...]
    is_resumed: bool
    was_done_before: bool
    is_done: bool


def _go_on() -> bool:
    return False


async def import_file(
    db: Database,
    actor: Actor,
    command: FileImport,
    progress: Callable[[ImportProgress], None],
    *,
    should_stop: Callable[[], bool] = _go_on,
) -> ImportSummary:
    """Import a file, or go on with its import where an earlier run was interrupted; one that was done is only reported.

    `should_stop` is asked between chunks. Raises InvalidInputError for `file` (it can't be read as a table, or another
    process is importing it), `map`, `group`, `country` and `rejects`.
    """
    started = time.monotonic()
    with _told(), _alone_with(command.path):
        kinds = await db.read(field_kinds, actor)
        source = await asyncio.to_thread(_open, actor, command, kinds)
        begun = await db.run(begin_import, actor, source.beginning(again=command.again))
        run = _Run(db, actor, source, begun, started)
        if not begun.is_done:
            await run.work(progress, should_stop)
        return await run.summary()


@contextmanager
def _told() -> Iterator[None]:
    """Tell what is wrong with the file as the caller's mistake."""
    try:
        yield
    except TabularError as error:
        raise InvalidInputError("file", str(error)) from error


@contextmanager
def _alone_with(path: Path) -> Iterator[None]:
    """Keep other processes of this machine from importing the same file meanwhile: they would share its rejects."""
    try:
        file = path.open("rb")
    except OSError:
        yield  # what is wrong with it is told by whoever reads it
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise busy() from None
        except OSError:
            pass  # a file system without locks
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """A file that was looked at, and what is to be made of it."""

    path: Path
    shape: FileShape
    columns: ColumnPlan
    kinds: Mapping[str, Kind]
    country: str
    group: str | None
    rejects: Path
    digest: str
    changed_at: int

    @property
    def is_ours(self) -> bool:
        """Whether the file is an export or a rejects file, whose cells were made safe for spreadsheets."""
        header = set(self.shape.header)
        return header >= set(REJECT_COLUMNS) or header >= set(EXPORT_COLUMNS)

    def beginning(self, *, again: bool) -> BeginImport:
        options = {
            "file": self.path.name,
            "bytes": self.shape.size,
            "columns": self.columns.attributes,
            "group": self.group,
            "country": self.country,
        }
        start = Place(
            offset=self.shape.body_offset, line=self.shape.body_line, rejects=0, seconds=0, run=str(new_uuid())
        )
        return BeginImport(file_hash=self.digest, options=options, start=start, again=again)

    def prepared(self, place: Place) -> Iterator["_Prepared"]:
        """Read chunks from a place on."""
        names = [pl.col(LINE_COLUMN).alias("row")]
        names += [pl.col(column).alias(attribute) for column, attribute in self.columns.attributes.items()]
        groups = [] if self.group is None else [self.group]
        for chunk in read_chunks(self.path, self.shape, offset=place.offset, line=place.line, rows=CHUNK_ROWS):
            raw = chunk.frame.select(names)
            if self.is_ours:
                raw = restore(raw)
            yield _Prepared(chunk=chunk, batch=read_frame(raw, self.country, kinds=self.kinds, join_all=groups))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A chunk of the file, and the batch that it was read into; rows are numbered by physical lines."""

    chunk: Chunk
    batch: Batch

    def whole_report(self, report: UpsertReport) -> UpsertReport:
        """Add the records that are no rows to the report of those that are."""
        if not self.chunk.bad:
            return report
        broken = [_as_error(record) for record in self.chunk.bad]
        return UpsertReport(
            rows=report.rows + len(broken),
            new=report.new,
            updated=report.updated,
            unchanged=report.unchanged,
            failed=report.failed + len(broken),
            error_count=report.error_count + len(broken),
            errors=sorted([*report.errors, *broken], key=lambda error: error.row),
        )


def _as_error(record: BadRecord) -> RowError:
    return RowError(record.line, record.field or "row", "invalid", shown(record.value), record.reason)


def _open(actor: Actor, command: FileImport, kinds: Mapping[str, Kind]) -> _Source:
    """Look at the file: everything that can be wrong before the first row is."""
    country = actor.country if command.country is None else checked_country(command.country)
    group = None if command.group is None else _checked_group(command.group)
    shape = inspect(command.path, delimiter=command.delimiter, encoding=command.encoding)
    columns = plan_columns(shape.header, command.mapping, kinds)
    # All that decides the outcome: another audience, mapping, group or country is another import.
    identity = (
        file_hash(command.path),
        actor.audience_id,
        sorted(columns.attributes.items()),
        group,
        country,
        shape.delimiter,
        shape.encoding,
    )
    return _Source(
        path=command.path,
        shape=shape,
        columns=columns,
        kinds=kinds,
        country=country,
        group=group,
        rejects=command.rejects or rejects_path(command.path),
        digest=hashlib.sha256(msgspec.json.encode(identity)).hexdigest(),
        changed_at=command.path.stat().st_mtime_ns,
    )


def _checked_group(name: str) -> str:
    name = name.strip()
    if not name or len(name) > MAX_GROUP_CHARACTERS or "\0" in name:
        raise InvalidInputError("group", f"A group's name has 1 to {MAX_GROUP_CHARACTERS} characters, without NUL.")
    return name


class _Run:
    """One process's share of an import."""

    def __init__(self, db: Database, actor: Actor, source: _Source, begun: BegunImport, started: float) -> None:
        self._db = db
        self._actor = actor
        self._source = source
        self._begun = begun
        self._place = begun.place
        self._rejects = Rejects(path=source.rejects, shape=source.shape, columns=source.columns)
        self._started = started
        self._rows = 0  # of this run

    async def work(self, progress: Callable[[ImportProgress], None], should_stop: Callable[[], bool]) -> None:
        """Write what is left of the file, and the report's end."""
        before = (await self._db.read(import_report, self._actor, self._begun.import_id)).rows
        if not self._place.rejects:
            await asyncio.to_thread(self._rejects.clear_the_way, self._source.path)
        with ThreadPoolExecutor(1) as reader:
            chunks = self._source.prepared(self._place)
            ahead = deque(self._next(reader, chunks) for _ in range(_READ_AHEAD))
            while prepared := await ahead.popleft():
                if should_stop():
                    return
                ahead.append(self._next(reader, chunks))
                self._place = await self._db.run(self._write, prepared)
                self._rows += prepared.batch.size + len(prepared.chunk.bad)
                progress(self._progress(before))
        self._check_unchanged()
        await self._db.run(finish_import, self._actor, self._begun.import_id, self._timed(self._place))

    @staticmethod
    def _next(reader: ThreadPoolExecutor, chunks: Iterator[_Prepared]) -> "asyncio.Future[_Prepared | None]":
        return asyncio.get_running_loop().run_in_executor(reader, next, chunks, None)

    async def _write(self, tx: Tx, prepared: _Prepared) -> Place:
        """Write one chunk; safe to try again when it isn't known whether the last try was committed."""
        import_id, chunk = self._begun.import_id, prepared.chunk
        held, errors_before = await hold_import(tx, self._actor, import_id, self._place.run)
        if held.offset == chunk.next_offset:
            return held
        outcome = await upsert(tx, self._actor, prepared.batch)
        report = prepared.whole_report(outcome.report)
        size = await asyncio.to_thread(self._rejects.write, held.rejects, chunk, outcome.report.errors)
        place = Place(offset=chunk.next_offset, line=chunk.next_line, rejects=size, seconds=held.seconds, run=held.run)
        kept = report.errors[: max(0, MAX_KEPT_ERRORS - errors_before)]
        counted = msgspec.structs.replace(report, errors=kept)
        await advance_import(tx, self._actor, import_id, self._timed(place), counted)
        return place

    def _timed(self, place: Place) -> Place:
        return msgspec.structs.replace(place, seconds=self._begun.place.seconds + time.monotonic() - self._started)

    def _progress(self, before: int) -> ImportProgress:
        return ImportProgress(
            rows=before + self._rows,
            rows_done=self._rows,
            bytes_done=self._place.offset,
            bytes_total=self._source.shape.size,
            seconds=time.monotonic() - self._started,
        )

    def _check_unchanged(self) -> None:
        status = self._source.path.stat()
        if (status.st_size, status.st_mtime_ns) != (self._source.shape.size, self._source.changed_at):
            raise InvalidInputError("file", "The file was changed while it was imported: import it once more.")

    async def summary(self) -> ImportSummary:
        """Report what the database says."""
        report: ImportReport = await self._db.read(import_report, self._actor, self._begun.import_id)
        seconds = time.monotonic() - self._started
        return ImportSummary(
            import_id=self._begun.import_id,
            rows=report.rows,
            new=report.new,
            updated=report.updated,
            unchanged=report.unchanged,
            failed=report.failed,
            error_count=report.error_count,
            rejects=self._source.rejects if report.place.rejects else None,
            seconds=report.place.seconds,
            rows_per_second=self._rows / seconds if seconds > 0 else 0.0,
            unmapped_columns=self._source.columns.unmapped,
            is_resumed=self._begun.is_resumed,
            was_done_before=self._begun.is_done,
            is_done=report.is_done,
        )
