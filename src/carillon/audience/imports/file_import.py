"""Importing a file: any number of rows through the one upsert engine, in constant memory, chunk by chunk.

A chunk is one transaction: its contacts, the import's counters and its place in the file. Its rejects are on disk
before that transaction commits, and cut back to the size that the place states when the import goes on. So a `kill -9`
at any moment neither doubles nor loses a row, in the table or among the rejects. While the database writes one chunk, a
thread reads the next.
"""

import asyncio
import fcntl
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from uuid import UUID

import msgspec

from carillon.audience.definitions import make_definitions
from carillon.audience.fields import field_kinds
from carillon.audience.imports.address_list import as_suppressions
from carillon.audience.imports.reachability import add_devices, give_back, restore_blocks, say_consents, take_away
from carillon.audience.imports.records import (
    MAX_KEPT_ERRORS,
    BegunImport,
    ImportReport,
    Place,
    advance_import,
    begin_import,
    busy,
    finish_import,
    hold_import,
    import_report,
    keep_rejects_path,
)
from carillon.audience.imports.rejects import Rejects, reserve
from carillon.audience.imports.source import FileImport, FileSource, PreparedChunk, open_source, version_of
from carillon.audience.locks import follow_uploads, lock_account, lock_audience
from carillon.audience.upsert.ambiguous_phones import resolve_phones
from carillon.audience.upsert.engine import upsert
from carillon.audience.upsert.optimistic import OptimisticInsert
from carillon.audience.upsert.rows import RowError
from carillon.db.database import Database, Tx
from carillon.errors import InvalidInputError
from carillon.kit.actor import Actor
from carillon.tabular import TabularError, as_csv

__all__ = ["FileImport", "ImportProgress", "ImportSummary", "import_file"]

_READ_AHEAD = 2


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
    which `rows` doesn't count, have suppressed. `rejects` names the rejects file when there is
    one. `seconds` is the time of all runs, `rows_per_second` the speed of the last one. `is_done` is False when the
    import was stopped; calling again goes on with it. `encoding` and `delimiter` are what the file was read with.
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

    It begins after the audience's queued uploads; those that are accepted while it runs come between its chunks.
    `should_stop` is asked between chunks. Raises InvalidInputError for `file` (it can't be read as a table, or another
    process is importing it), `map`, `group`, `country` and `rejects`.
    """
    started = time.monotonic()
    with _as_caller_errors(), _alone_with(command.path), ExitStack() as stack:
        kinds = await db.read(field_kinds, actor)
        readable = as_suppressions(command.path) if command.suppress else as_csv(command.path)
        table = await asyncio.to_thread(stack.enter_context, readable)
        source = await asyncio.to_thread(open_source, actor, command, table, kinds)
        await db.run(follow_uploads, actor)
        begun = await db.run(begin_import, actor, source.beginning(again=command.again))
        run = _Run(db, actor, source, begun, started)
        if not begun.is_done:
            await run.work(progress, should_stop)
        return await run.summary()


@contextmanager
def _as_caller_errors() -> Iterator[None]:
    """Raise what is wrong with the file as the caller's mistake."""
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
        yield  # reading it reports what is wrong with it
        return
    with file:
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

    async def work(self, progress: Callable[[ImportProgress], None], should_stop: Callable[[], bool]) -> None:
        """Write what is left of the file, and the report's end."""
        before = (await self._db.read(import_report, self._actor, self._begun.import_id)).rows
        if self._begun.rejects is None:
            await self._reserve_rejects()
        if self._source.definitions:
            await self._db.run(make_definitions, self._actor, self._source.definitions)
        with ThreadPoolExecutor(1) as reader:
            chunks = self._source.prepared(self._place)
            ahead = deque(self._next(reader, chunks) for _ in range(_READ_AHEAD))
            while prepared := await ahead.popleft():
                if should_stop():
                    return
                ahead.append(self._next(reader, chunks))
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

    @staticmethod
    def _next(reader: ThreadPoolExecutor, chunks: Iterator[PreparedChunk]) -> "asyncio.Future[PreparedChunk | None]":
        return asyncio.get_running_loop().run_in_executor(reader, next, chunks, None)

    async def _write(self, prepared: PreparedChunk) -> Place:
        return await self._optimistic_insert.write(partial(self._db.run, self._write_chunk, prepared))

    async def _write_chunk(self, tx: Tx, prepared: PreparedChunk, *, expect_new: bool = False) -> Place:
        """Write one chunk; safe to try again when it isn't known whether the last try was committed."""
        import_id, chunk = self._begun.import_id, prepared.chunk
        resubscribe = self._source.resubscribe
        if prepared.has_blocks or resubscribe:
            await lock_account(tx, self._actor)
        await lock_audience(tx, self._actor, after_uploads=False)
        await self._check_fields(tx)
        held, errors_before = await hold_import(tx, self._actor, import_id, self._place.run)
        if held.offset == chunk.next_offset:
            return held
        added, blocks_failed = await self._restore_blocks(tx, prepared)
        frame = await resolve_phones(tx, self._actor, prepared.batch.frame, prepared.batch.alternative_phones)
        outcome = await upsert(tx, self._actor, replace(prepared.batch, frame=frame), expect_new=expect_new)
        self._optimistic_insert.record(matched_none=outcome.matched_none)
        if (said := prepared.said_of(frame)) is not None:
            await take_away(tx, self._actor, said, outcome.kept, self._source.reason)
            if resubscribe:
                await give_back(tx, self._actor, said, outcome.kept, resubscribe)
        await say_consents(tx, self._actor, prepared.consents, outcome.kept, gives=bool(resubscribe))
        await add_devices(tx, self._actor, prepared.devices, outcome.kept)
        report = prepared.whole_report(outcome.report, blocks_failed)
        errors = [*outcome.report.errors, *blocks_failed]
        size = await asyncio.to_thread(self._rejects.write, held.rejects, chunk, errors)
        place = Place(
            offset=chunk.next_offset,
            line=chunk.next_line,
            rejects=size,
            seconds=held.seconds,
            run=held.run,
            blocks=held.blocks + added,
        )
        kept = report.errors[: max(0, MAX_KEPT_ERRORS - errors_before)]
        counted = msgspec.structs.replace(report, errors=kept)
        await advance_import(tx, self._actor, import_id, self._timed(place), counted)
        return place

    async def _restore_blocks(self, tx: Tx, prepared: PreparedChunk) -> tuple[int, list[RowError]]:
        """Suppress what rows of their own say, before the contacts of the chunk are written."""
        if prepared.blocks is None:
            return 0, []
        added, unusable = 0, list[RowError]()
        if prepared.blocks.records:
            added, unusable = await restore_blocks(tx, self._actor, prepared.blocks.records, self._source.reason)
        return added, [*prepared.blocks.errors, *unusable]

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
            rejects=self._rejects.path if report.place.rejects else None,
            seconds=report.place.seconds,
            rows_per_second=self._rows / seconds if seconds > 0 else 0.0,
            unmapped_columns=self._source.columns.unmapped,
            is_resumed=self._begun.is_resumed,
            was_done_before=self._begun.is_done,
            is_done=report.is_done,
        )
