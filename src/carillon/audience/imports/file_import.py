"""Importing a file: any number of rows through the one upsert engine, in constant memory, chunk by chunk.

A chunk is one transaction: its contacts, the import's counters and its place in the file. Its rejects are on disk
before that transaction commits, and cut back to the size that the place states when the import goes on. So a `kill -9`
at any moment neither doubles nor loses a row, in the table or among the rejects. While the database writes one chunk, a
thread reads the next.
"""

import asyncio
import fcntl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from uuid import UUID

import msgspec

from carillon.audience.consents import known_purposes
from carillon.audience.definitions import make_definitions
from carillon.audience.fields import field_kinds
from carillon.audience.imports.chunks import lock_for, note_taken, read_ahead, write_chunk
from carillon.audience.imports.judgement import Judgement, judge
from carillon.audience.imports.records import (
    MAX_KEPT_ERRORS,
    BegunImport,
    ImportReport,
    Place,
    advance_import,
    begin_import,
    busy,
    find_import,
    finish_import,
    hold_import,
    import_report,
    keep_rejects_path,
)
from carillon.audience.imports.rejects import Rejects, check_rejects, reserve
from carillon.audience.imports.source import FileImport, FileSource, PreparedChunk, open_source, version_of
from carillon.audience.locks import follow_uploads
from carillon.audience.upsert.optimistic import OptimisticInsert
from carillon.db.database import Database, Tx
from carillon.errors import InvalidInputError
from carillon.kit.actor import Actor
from carillon.tabular import TabularError, as_csv, open_regular

__all__ = ["FileImport", "ImportProgress", "ImportSummary", "import_file"]


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

    `error_count` counts each problem, also those of rows that were kept. `blocks` are addresses that rows of their own,
    which `rows` doesn't count, have suppressed, and `resubscribed` those that it subscribed again. `rejects` names the
    rejects file when there is one. `seconds` is the time of all runs, `rows_per_second` the speed of the last one.
    `is_done` is False when the import was stopped; calling again goes on with it. `encoding` and `delimiter` are what
    the file was read with.
    """

    import_id: UUID
    encoding: str
    delimiter: str
    rows: int
    new: int
    updated: int
    unchanged: int
    failed: int
    error_count: int
    blocks: int
    resubscribed: int
    rejects: Path | None
    seconds: float
    rows_per_second: float
    unmapped_columns: tuple[str, ...]
    is_resumed: bool
    was_done_before: bool
    is_done: bool


def _go_on() -> bool:
    return False


def _accept(_judgement: Judgement) -> None:
    pass


async def import_file(  # noqa: PLR0913 - what a caller hears of it
    db: Database,
    actor: Actor,
    command: FileImport,
    progress: Callable[[ImportProgress], None],
    *,
    judged: Callable[[Judgement], None] = _accept,
    should_stop: Callable[[], bool] = _go_on,
) -> ImportSummary:
    """Import a file, or go on with its import where an earlier run was interrupted; one that was done is only reported.

    It begins after the audience's queued uploads; those that are accepted while it runs come between its chunks.
    `judged` gets what is known of the file before anything is written, unless it is gone on with: what it raises ends
    the import there. `should_stop` is asked between chunks.

    Raises InvalidInputError for `file` (it can't be read as a table, or another process is importing it), `map`,
    `group`, `country` and `rejects`.
    """
    started = time.monotonic()
    async with opened(db, actor, command) as source:
        beginning = source.beginning(again=command.again)
        chunks = None
        if await db.read(find_import, actor, beginning) is None:
            chunks = source.prepared(beginning.start)
            first = await asyncio.to_thread(next, chunks, None)
            judged(await db.read(judge, actor, source, first))
            await asyncio.to_thread(check_rejects, source.rejects, source.path)
            chunks = chain([] if first is None else [first], chunks)
        begun = await db.run(begin_import, actor, beginning)
        run = _Run(db, actor, source, begun, started)
        if not begun.is_done:
            await note_taken(db, actor, source)
            if chunks is None or begun.is_resumed:
                chunks = source.prepared(begun.place)
            await run.work(chunks, progress, should_stop)
        return await run.summary()


async def done_summary(db: Database, actor: Actor, source: FileSource, done: BegunImport) -> ImportSummary:
    """Report of an import that was done what `import_file` does."""
    return await _Run(db, actor, source, done, time.monotonic()).summary()


@asynccontextmanager
async def opened(db: Database, actor: Actor, command: FileImport) -> AsyncIterator[FileSource]:
    """Open a file behind the audience's queued uploads, and let no other process import it meanwhile.

    Raises what `import_file` does, but for `rejects`.
    """
    with _as_caller_errors(), _alone_with(command.path), ExitStack() as stack:
        kinds, purposes = await db.read(field_kinds, actor), await db.read(known_purposes, actor)
        table = await asyncio.to_thread(stack.enter_context, as_csv(command.path, sheet=command.sheet))
        source = await asyncio.to_thread(open_source, actor, command, table, kinds, purposes)
        await db.run(follow_uploads, actor)
        yield source


@contextmanager
def _as_caller_errors() -> Iterator[None]:
    """Raise what is wrong with the file as the caller's mistake."""
    try:
        yield
    except TabularError as error:
        raise InvalidInputError("file", str(error)) from error


@contextmanager
def _alone_with(path: Path) -> Iterator[None]:
    """Keep other processes of this machine from importing the same file meanwhile: they would share its rejects.

    Raises UnreadableFileError for what can't be opened, or is no file.
    """
    with open_regular(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise busy() from None
        except OSError:
            pass  # a file system without locks
        yield


def _rejects_of(begun: BegunImport, source: FileSource) -> Path:
    """Return the file of the import's rejects; where an interrupted one had it elsewhere, as in the command's own."""
    is_there = begun.rejects is not None and (begun.rejects.exists() or not source.rejects.exists())
    return begun.rejects if begun.rejects is not None and is_there else source.rejects


class _Run:
    """One process's share of an import."""

    def __init__(self, db: Database, actor: Actor, source: FileSource, begun: BegunImport, started: float) -> None:
        self._db = db
        self._actor = actor
        self._source = source
        self._begun = begun
        self._place = begun.place
        self._rejects = Rejects(path=_rejects_of(begun, source), shape=source.shape, columns=source.columns)
        self._started = started
        self._optimistic_insert = OptimisticInsert()
        self._rows = 0  # of this run

    async def work(
        self,
        chunks: Iterator[PreparedChunk],
        progress: Callable[[ImportProgress], None],
        should_stop: Callable[[], bool],
    ) -> None:
        """Write the chunks, which are what is left of the file, and the report's end."""
        before = (await self._db.read(import_report, self._actor, self._begun.import_id)).rows
        if self._begun.rejects is None:
            await self._reserve_rejects()
        if self._source.definitions:
            await self._db.run(make_definitions, self._actor, self._source.definitions)
        async with aclosing(read_ahead(chunks)) as ahead:
            async for prepared in ahead:
                if should_stop():
                    return
                self._place = await self._write(prepared)
                self._rows += prepared.size
                progress(self._progress(before))
        self._check_unchanged()
        await asyncio.to_thread(self._rejects.remove_empty)
        await self._db.run(finish_import, self._actor, self._begun.import_id, self._timed(self._place))

    async def _reserve_rejects(self) -> None:
        path = await asyncio.to_thread(reserve, self._rejects.path, self._source.path)
        await self._db.run(keep_rejects_path, self._actor, self._begun.import_id, str(path.absolute()))
        self._rejects = replace(self._rejects, path=path)

    async def _write(self, prepared: PreparedChunk) -> Place:
        return await self._optimistic_insert.write(partial(self._db.run, self._write_chunk, prepared))

    async def _write_chunk(self, tx: Tx, prepared: PreparedChunk, *, expect_new: bool = False) -> Place:
        """Write one chunk; safe to try again when it isn't known whether the last try was committed."""
        import_id, chunk = self._begun.import_id, prepared.chunk
        await lock_for(tx, self._actor, self._source, prepared)
        await self._check_fields(tx)
        held, errors_before = await hold_import(tx, self._actor, import_id, self._place.run)
        if held.offset == chunk.next_offset:
            return held
        began_at = self._begun.began_at
        written = await write_chunk(tx, self._actor, self._source, prepared, began_at=began_at, expect_new=expect_new)
        self._optimistic_insert.record(matched_none=written.outcome.matched_none)
        size = await asyncio.to_thread(self._rejects.write, held.rejects, chunk, written.errors)
        place = Place(
            offset=chunk.next_offset,
            line=chunk.next_line,
            rejects=size,
            seconds=held.seconds,
            run=held.run,
            blocks=held.blocks + written.blocks,
            resubscribed=held.resubscribed + written.resubscribed,
        )
        kept = written.report.errors[: max(0, MAX_KEPT_ERRORS - errors_before)]
        counted = msgspec.structs.replace(written.report, errors=kept)
        await advance_import(tx, self._actor, import_id, self._timed(place), counted)
        return place

    async def _check_fields(self, tx: Tx) -> None:
        """Chunks are read ahead of their transaction: a field must still be what it was then."""
        mapped, now = set(self._source.columns.attributes.values()), await field_kinds(tx, self._actor)
        if changed := [name for name, kind in self._source.kinds.items() if name in mapped and now.get(name) != kind]:
            raise InvalidInputError("map", f"The field {changed[0]} has changed meanwhile; import the file again.")

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
        if version_of(self._source.path) != self._source.version:
            raise InvalidInputError("file", "The file was changed while it was imported: import it once more.")

    async def summary(self) -> ImportSummary:
        """Report what the database says."""
        report: ImportReport = await self._db.read(import_report, self._actor, self._begun.import_id)
        seconds = time.monotonic() - self._started
        return ImportSummary(
            import_id=self._begun.import_id,
            encoding=self._source.shape.encoding_name,
            delimiter=self._source.shape.delimiter,
            rows=report.rows,
            new=report.new,
            updated=report.updated,
            unchanged=report.unchanged,
            failed=report.failed,
            error_count=report.error_count,
            blocks=report.place.blocks,
            resubscribed=report.place.resubscribed,
            rejects=self._rejects.path if report.place.rejects else None,
            seconds=report.place.seconds,
            rows_per_second=self._rows / seconds if seconds > 0 else 0.0,
            unmapped_columns=self._source.columns.unmapped,
            is_resumed=self._begun.is_resumed,
            was_done_before=self._begun.is_done,
            is_done=report.is_done,
        )
