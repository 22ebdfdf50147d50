"""Chunks of a file on their way into the audience: read ahead of the database, and written one by one."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec
import polars as pl

from carillon.audience.contacts.subscription import unsubscribe_elsewhere
from carillon.audience.imports.reachability import (
    GiveBack,
    add_devices,
    give_back,
    note_taken_by_rows,
    restore_blocks,
    say_consents,
    take_away,
)
from carillon.audience.imports.source import FileSource, PreparedChunk
from carillon.audience.locks import lock_account, lock_audience
from carillon.audience.suppressions import read_addresses
from carillon.audience.upsert.ambiguous_phones import resolve_phones
from carillon.audience.upsert.engine import UpsertOutcome, upsert
from carillon.audience.upsert.match import matched_rows
from carillon.audience.upsert.rows import KEYS, RowError, UpsertReport
from carillon.db.database import Database, Tx
from carillon.kit.actor import Actor

_READ_AHEAD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenChunk:
    """What became of a chunk.

    `report` is of all its records, `errors` are those of rows that could be read (`Rejects.write`), `blocks` how many
    addresses were suppressed by rows of their own, and `resubscribed` how many were subscribed again.
    """

    outcome: UpsertOutcome
    report: UpsertReport
    errors: Sequence[RowError]
    blocks: int
    resubscribed: int


async def read_ahead(chunks: Iterator[PreparedChunk]) -> AsyncGenerator[PreparedChunk]:
    """Yield chunks while a thread prepares the next ones."""

    def prepare(reader: ThreadPoolExecutor) -> "asyncio.Future[PreparedChunk | None]":
        return asyncio.get_running_loop().run_in_executor(reader, next, chunks, None)

    with ThreadPoolExecutor(1) as reader:
        ahead = deque(prepare(reader) for _ in range(_READ_AHEAD))
        while prepared := await ahead.popleft():
            ahead.append(prepare(reader))
            yield prepared


async def lock_for(tx: Tx, actor: Actor, source: FileSource, prepared: PreparedChunk) -> None:
    """Become the only writer of what a chunk writes to: the audience, or the whole account."""
    if prepared.has_blocks or source.resubscribe:
        await lock_account(tx, actor)
    await lock_audience(tx, actor, after_uploads=False)


async def write_chunk(  # noqa: PLR0913 - the chunk and its import
    tx: Tx,
    actor: Actor,
    source: FileSource,
    prepared: PreparedChunk,
    *,
    began_at: datetime,
    expect_new: bool = False,
) -> WrittenChunk:
    """Write a chunk's suppressions, its contacts, and what it says of who may be written to; `lock_for` comes first.

    `began_at` is when the import began: what was said since isn't taken back.
    """
    taken = source.taken if source.resubscribe else None
    blocks, blocks_failed = await _restore_blocks(tx, actor, source, prepared)
    frame = await resolve_phones(tx, actor, prepared.batch.frame, prepared.batch.alternative_phones)
    outcome = await upsert(tx, actor, replace(prepared.batch, frame=frame), expect_new=expect_new)
    await unsubscribe_elsewhere(tx, actor, outcome.left_suppressed)
    # A row that names several contacts, or of which one keeps another value, gives nothing to the one that was found.
    disputed = {error.row for error in outcome.report.errors if error.code == "conflict"}
    if taken is not None:
        taken.archived.update(_archived(prepared, outcome.kept))
    resubscribed = 0
    if (said := prepared.said_of(frame)) is not None:
        named = await _named(tx, actor, frame, outcome.kept, disputed)
        await take_away(tx, actor, said, named, source.reason, origins=prepared.unsubscriptions, taken=taken)
        if taken is not None and source.resubscribe:
            undisputed = outcome.kept.filter(~pl.col("row").is_in(list(disputed)))
            back = GiveBack(reason=source.resubscribe, before=began_at)
            resubscribed = await give_back(tx, actor, said, undisputed, back, taken=taken)
    consents = [one for one in prepared.consents if not (one.granted and one.row in disputed)]
    await say_consents(tx, actor, consents, frame, outcome.kept, taken=taken, before=began_at)
    await add_devices(tx, actor, prepared.devices, outcome.kept)
    report = prepared.whole_report(outcome.report, blocks_failed)
    if source.is_addresses:  # each row is counted, as none is a contact
        report = msgspec.structs.replace(report, rows=prepared.size)
    return WrittenChunk(
        outcome=outcome,
        report=report,
        errors=[*outcome.report.errors, *blocks_failed],
        blocks=blocks,
        resubscribed=resubscribed,
    )


async def _named(
    tx: Tx, actor: Actor, frame: pl.DataFrame, kept: pl.DataFrame, disputed: Collection[int]
) -> pl.DataFrame:
    """Return the contacts that rows name: of a disputed one all that have a key of it."""
    named = kept.select("row", "contact_id")
    if not disputed:
        return named
    found = await matched_rows(tx, actor, frame.filter(pl.col("row").is_in(list(disputed))))
    others = [found.select("row", pl.col(f"id_{key}").alias("contact_id")).drop_nulls() for key in KEYS]
    return pl.concat([named, *others]).unique()


def _archived(prepared: PreparedChunk, kept: pl.DataFrame) -> pl.Series:
    """Return the contacts of rows that archive them."""
    return kept.filter(pl.col("row").is_in(list(prepared.batch.archived)))["contact_id"]


async def note_taken(db: Database, actor: Actor, source: FileSource) -> None:
    """Let a file that gives back know first what its rows take away, wherever they are: these win."""
    if source.resubscribe is None:
        return
    async with aclosing(read_ahead(source.prepared(source.start))) as ahead:
        async for prepared in ahead:
            await db.read(_note_chunk, actor, source, prepared)


async def _note_chunk(tx: Tx, actor: Actor, source: FileSource, prepared: PreparedChunk) -> None:
    given = [] if prepared.blocks is None else [block.record.given for block in prepared.blocks.records]
    for one, key in zip(given, await read_addresses(tx, actor, given), strict=True):
        if key is not None:
            source.taken.addresses[one.channel].add(key)
    frame = await resolve_phones(tx, actor, prepared.batch.frame, prepared.batch.alternative_phones)
    kept = await matched_rows(tx, actor, frame)
    source.taken.archived.update(_archived(prepared, kept))
    said = prepared.said_of(frame)
    await note_taken_by_rows(tx, actor, said, prepared.consents, frame, kept, taken=source.taken)


async def _restore_blocks(
    tx: Tx, actor: Actor, source: FileSource, prepared: PreparedChunk
) -> tuple[int, list[RowError]]:
    """Suppress what rows of their own say, before the contacts of the chunk are written."""
    if prepared.blocks is None:
        return 0, []
    added, unusable = 0, list[RowError]()
    if prepared.blocks.records:
        added, unusable = await restore_blocks(tx, actor, prepared.blocks.records, source.reason)
    return added, [*prepared.blocks.errors, *unusable]
