"""Chunks: the unit of work of sending. They are written with their messages, claimed under a lease, and gone when done.

A chunk's messages are of one sending, one traffic class and one carrier. `in_flight` names those that are being
submitted: when a process dies, exactly their outcome is unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from asyncpg import Record

from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.kit.ids import AccountId
from carillon.kit.traffic import TrafficClass
from carillon.workers.leases import valid_leases
from carillon.workers.shape import Claimed

SQL = load_statements("carillon.messaging", "chunks.sql")

CHUNKS_DUE = {
    TrafficClass.OTP: "chunks_otp",
    TrafficClass.TRANSACTIONAL: "chunks_transactional",
    TrafficClass.MARKETING: "chunks_marketing",
}
"""The topics of chunks, by class; their keys are accounts."""

CHUNK_MESSAGES = 200
"""A chunk has no more messages."""

LEASE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewChunk:
    """A chunk to be written: due or held, or begun as it is written, so that this process holds it."""

    chunk_id: UUID
    sending_id: UUID
    channel: str
    carrier_id: int
    traffic_class: TrafficClass
    due_at: datetime
    message_ids: Sequence[UUID]
    is_held: bool = False
    is_begun: bool = False
    attempts: int = 0
    tried: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A chunk that this process holds; `claims` proves it."""

    chunk_id: UUID
    claims: int
    sending_id: UUID
    channel: str
    carrier_id: int
    traffic_class: TrafficClass
    due_at: datetime
    attempts: int
    message_ids: Sequence[UUID]
    in_flight: Sequence[UUID]
    tried: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOver:
    """A message of a chunk that is due later, perhaps on another carrier."""

    chunk: Chunk
    message_id: UUID
    due_at: datetime
    carrier_id: int
    attempts: int
    tried: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedChunks(Claimed):
    """Chunks of one account and class that were claimed together: one piece of work.

    `is_closed`: the account is locked or not active.
    """

    traffic_class: TrafficClass
    chunks: Sequence[Chunk]
    is_closed: bool = False


async def write_chunks(tx: Tx, account_id: AccountId, chunks: Sequence[NewChunk]) -> None:
    """Write chunks, and wake those who send what is due."""
    if chunks:
        await tx.execute(SQL["add_chunks"], account_id, *_columns(tx, chunks))
        _wake(tx, account_id, chunks)


def defer_chunks(tx: Tx, account_id: AccountId, chunks: Sequence[NewChunk]) -> None:
    """Do what `write_chunks` does when the operation ends (`Tx.defer`)."""
    if chunks:
        tx.defer(SQL["add_chunks"], account_id, *_columns(tx, chunks))
        _wake(tx, account_id, chunks)


def _columns(tx: Tx, chunks: Sequence[NewChunk]) -> tuple[object, ...]:
    return (
        [one.chunk_id for one in chunks],
        [one.sending_id for one in chunks],
        [one.channel for one in chunks],
        [one.carrier_id for one in chunks],
        [one.traffic_class for one in chunks],
        [_state_of(one) for one in chunks],
        [one.due_at for one in chunks],
        [one.attempts for one in chunks],
        [joined_ids(one.message_ids) for one in chunks],
        [",".join(map(str, one.tried)) for one in chunks],
        tx.real_now + LEASE,
    )


def _wake(tx: Tx, account_id: AccountId, chunks: Sequence[NewChunk]) -> None:
    for traffic_class in {one.traffic_class for one in chunks if one.due_at <= tx.now and not one.is_begun}:
        tx.wakes(CHUNKS_DUE[traffic_class], account_id)


def _state_of(chunk: NewChunk) -> str:
    if chunk.is_begun:
        return "claimed"
    return "held" if chunk.is_held else "due"


def begun_chunk(written: NewChunk) -> Chunk:
    """Return a chunk that was begun as it was written, with all its messages in flight."""
    return Chunk(
        chunk_id=written.chunk_id,
        claims=1,
        sending_id=written.sending_id,
        channel=written.channel,
        carrier_id=written.carrier_id,
        traffic_class=written.traffic_class,
        due_at=written.due_at,
        attempts=written.attempts,
        message_ids=written.message_ids,
        in_flight=(),
        tried=written.tried,
    )


def joined_ids(ids: Sequence[UUID]) -> str:
    """Write ids as the text that a statement makes an array of: the driver has no arrays of arrays."""
    return ",".join([one.hex for one in ids])


async def accounts_with_chunks(tx: Tx, traffic_class: TrafficClass, carriers: Sequence[int]) -> list[AccountId]:
    """List the accounts that have due chunks for carriers that this process holds."""
    rows = await tx.fetch(SQL["accounts_with_chunks"], traffic_class, *valid_leases(tx), list(carriers))
    return [AccountId(row["account_id"]) for row in rows]


async def claim_chunks(
    db: Database, account_id: AccountId, traffic_class: TrafficClass, most: Mapping[int, int]
) -> ClaimedChunks | None:
    """Take the account's chunks that have been due for longest: of each carrier, of so many messages together."""
    rows = await db.run_statement(_claim, account_id, traffic_class, most)
    if not rows:
        return None
    chunks = sorted(map(_chunk, rows), key=lambda one: (one.due_at, one.chunk_id))
    offset: timedelta = rows[0]["clock_offset"]
    before = [row["leased_before"] for row in rows if row["leased_before"] is not None]
    return ClaimedChunks(
        account_id=account_id,
        clock_offset=offset,
        work_id=chunks[0].chunk_id,
        attempt=1,  # a crash makes messages uncertain, which end: chunks are not counted out
        due_at=min([chunks[0].due_at - offset, *before]),
        traffic_class=traffic_class,
        chunks=chunks,
        is_closed=rows[0]["is_closed"],
    )


async def _claim(tx: Tx, account_id: AccountId, traffic_class: TrafficClass, most: Mapping[int, int]) -> list[Record]:
    times, limits = valid_leases(tx), (list(most), list(most.values()))
    return await tx.fetch(SQL["claim_chunks"], account_id, traffic_class, *times, *limits, tx.real_now + LEASE)


def _chunk(row: Record) -> Chunk:
    return Chunk(
        chunk_id=row["chunk_id"],
        claims=row["claims"],
        sending_id=row["sending_id"],
        channel=row["channel"],
        carrier_id=row["carrier_id"],
        traffic_class=TrafficClass(row["traffic_class"]),
        due_at=row["due_at"],
        attempts=row["attempts"],
        message_ids=row["message_ids"],
        in_flight=row["in_flight"],
        tried=row["tried"],
    )


def _held(chunks: Sequence[Chunk]) -> tuple[list[UUID], list[int]]:
    return [one.chunk_id for one in chunks], [one.claims for one in chunks]


async def renew_chunks(tx: Tx, account_id: AccountId, chunks: Sequence[Chunk]) -> None:
    """Extend leases; chunks that are gone or another's stay as they are."""
    await tx.execute(SQL["renew_chunks"], account_id, *_held(chunks), tx.real_now + LEASE)


async def release_chunks(tx: Tx, account_id: AccountId, chunks: Sequence[Chunk], *, due_at: datetime) -> None:
    """Let chunks go; they are due at a moment, or later where they were."""
    await tx.execute(SQL["release_chunks"], account_id, *_held(chunks), due_at)


async def set_in_flight(
    tx: Tx, account_id: AccountId, chunks: Sequence[Chunk], ids: Sequence[Sequence[UUID]]
) -> set[UUID]:
    """Name the messages that are submitted next, and return the chunks that are still this process's."""
    rows = await tx.fetch(SQL["set_in_flight"], account_id, *_held(chunks), [joined_ids(one) for one in ids])
    return {row["chunk_id"] for row in rows}


async def hold_chunks(tx: Tx, account_id: AccountId, chunks: Sequence[Chunk]) -> None:
    """Let chunks of paused sendings go: they wait until those are resumed."""
    sendings = sorted({one.sending_id for one in chunks})
    await tx.execute(SQL["hold_chunks"], account_id, *_held(chunks), sendings)


async def end_chunks(tx: Tx, account_id: AccountId, chunks: Sequence[Chunk]) -> set[UUID]:
    """Delete chunks all of whose messages have an outcome or a new chunk; return those that were this process's."""
    rows = await tx.fetch(SQL["end_chunks"], account_id, *_held(chunks))
    return {row["chunk_id"] for row in rows}


async def write_left_over(tx: Tx, account_id: AccountId, left_over: Sequence[LeftOver]) -> None:
    """Write new chunks of messages that are due later, a chunk for those of a sending that go together."""
    together: dict[tuple[object, ...], list[LeftOver]] = {}
    for one in left_over:
        key = (one.chunk.sending_id, one.carrier_id, one.due_at, one.attempts, tuple(one.tried))
        together.setdefault(key, []).append(one)
    chunks = [
        NewChunk(
            chunk_id=tx.new_uuid(),
            sending_id=group[0].chunk.sending_id,
            channel=group[0].chunk.channel,
            carrier_id=group[0].carrier_id,
            traffic_class=group[0].chunk.traffic_class,
            due_at=group[0].due_at,
            message_ids=sorted(one.message_id for one in group[start : start + CHUNK_MESSAGES]),
            attempts=group[0].attempts,
            tried=group[0].tried,
        )
        for group in together.values()
        for start in range(0, len(group), CHUNK_MESSAGES)
    ]
    await write_chunks(tx, account_id, chunks)
