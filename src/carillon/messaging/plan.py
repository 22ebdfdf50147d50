"""What is done with claimed chunks: which messages go to a carrier, which end without, and which wait for later."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

import structlog
from asyncpg import Record

from carillon.audience.suppression_queries import suppressed_among
from carillon.audience.suppressions import suppressions_of
from carillon.carriers.contract import OutgoingMessage
from carillon.carriers.failures import Failure
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId
from carillon.kit.traffic import TrafficClass
from carillon.messaging.chunks import (
    Chunk,
    ClaimedChunks,
    LeftOver,
    end_chunks,
    hold_chunks,
    release_chunks,
    set_in_flight,
    write_left_over,
)
from carillon.messaging.ledger import Move, move_messages
from carillon.messaging.options import read_content, read_fallback
from carillon.messaging.rules.quiet import permitted_at
from carillon.messaging.sealed import GONE, open_text
from carillon.messaging.states import MessageState, SendingState
from carillon.tenancy.secrets import SecretBox, SecretKeyError
from carillon.text.encodings import Encoding

SQL = load_statements("carillon.messaging", "plan.sql")

log = structlog.get_logger(__name__)

# So often it is looked whether an account has been opened again.
_CLOSED_PAUSE = timedelta(minutes=1)

UNCERTAIN_WAIT = timedelta(seconds=30)
"""So long at least a receipt may settle what is uncertain, before it is submitted again.

It is as long as the message has been due, so twice as long each time: a carrier that takes everything and loses all its
answers is not to have somebody written to hundreds of times.
"""

_LONGEST_UNCERTAIN_WAIT = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A message that goes to a carrier; `due_at` and `expires_at` are its sending's."""

    chunk: Chunk
    message: OutgoingMessage
    due_at: datetime
    expires_at: datetime


@dataclass(slots=True, kw_only=True)
class Plan:
    """What is left to be done of claimed chunks. `tasks` are in the order of the chunks, by carrier."""

    tasks: dict[int, list[Task]] = field(default_factory=dict)
    left_over: list[LeftOver] = field(default_factory=list)

    def keep_held(self, named: Sequence[Task], held: Collection[UUID]) -> None:
        """Drop what belongs to chunks that were named in flight and are another process's by now."""
        lost = {task.chunk.chunk_id for task in named} - set(held)
        if lost:
            for carrier_id, tasks in self.tasks.items():
                self.tasks[carrier_id] = [task for task in tasks if task.chunk.chunk_id not in lost]
            self.left_over = [one for one in self.left_over if one.chunk.chunk_id not in lost]


class Commit(Enum):
    """What came of a transaction; UNKNOWN where the connection broke in its COMMIT."""

    DONE = auto()
    UNDONE = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunChunks(ClaimedChunks):
    """Chunks that are begun as they are written; what `make_plan` plans is submitted once they are committed."""

    make_plan: Callable[[], Plan]
    commit: "asyncio.Future[Commit]"


async def begin(
    tx: Tx, work: ClaimedChunks, actor: Actor, window_of: Mapping[int, int], box: SecretBox | None = None
) -> Plan:
    """Decide of every message of claimed chunks, record what ends, and name what each carrier gets first.

    A message is submitted unless it was cancelled or suppressed meanwhile, its validity is over, or its recipient's
    country has it wait. While an account is locked or not active, nothing of it is submitted, and what is over expires.
    One that was in flight when a process died is uncertain: by its traffic class it is submitted again after a while,
    or ends unknown. `window_of` says how many messages each carrier takes at once; `box` opens values that are sealed.
    """
    sendings = await _sendings(tx, work)
    paused = [chunk for chunk in work.chunks if _is_paused(sendings[chunk.sending_id], chunk)]
    if paused:
        await hold_chunks(tx, work.account_id, paused)
    waiting = [*paused, *await _release_of_closed(tx, work, sendings, paused)]
    chunks = [chunk for chunk in work.chunks if chunk not in waiting]
    messages = await _open_messages(tx, work.account_id, chunks)
    suppressed = await _suppressed(tx, actor, chunks, sendings, messages)
    plan, moves = Plan(), list[Move]()
    for chunk in chunks:
        sending = sendings[chunk.sending_id]
        died_with = frozenset(chunk.in_flight)
        for message in (messages[one] for one in chunk.message_ids if one in messages):
            if (message["channel"] or sending["channel"]) != chunk.channel:
                continue  # it has a chunk of its second attempt: this one is of the first, which is over
            decision = _decide(tx.now, chunk, sending, message, died_with, suppressed)
            if isinstance(decision, Move):
                moves.append(decision)
                if decision.state is MessageState.UNCERTAIN:
                    until = uncertain_until(tx.now, chunk.traffic_class, sending["due_at"], _end_of(chunk, sending))
                    plan.left_over.append(later(chunk, decision.message_id, until))
            elif isinstance(decision, datetime):
                plan.left_over.append(later(chunk, message["message_id"], decision))
            else:
                task = _task(work, chunk, sending, message, tx.now, box)
                if isinstance(task, Move):
                    moves.append(task)
                else:
                    plan.tasks.setdefault(chunk.carrier_id, []).append(task)
    await _hand_over(tx, work, chunks, plan, window_of)
    if moves:
        await move_messages(tx, work.account_id, moves)
    return plan


async def _release_of_closed(
    tx: Tx, work: ClaimedChunks, sendings: Mapping[UUID, Record], paused: Sequence[Chunk]
) -> list[Chunk]:
    """Let chunks go while the account is locked or not active, but for what a process died with, and what is over."""
    if not work.is_closed:
        return []
    released = []
    for chunk in work.chunks:
        expires_at = _end_of(chunk, sendings[chunk.sending_id])
        if chunk in paused or chunk.in_flight or expires_at <= tx.now:
            continue
        await release_chunks(tx, work.account_id, [chunk], due_at=min(tx.now + _CLOSED_PAUSE, expires_at))
        released.append(chunk)
    return released


def _is_paused(sending: Record, chunk: Chunk) -> bool:
    """Tell whether a chunk has to wait; one that was in flight when a process died is looked at all the same."""
    return sending["state"] == SendingState.PAUSED and not chunk.in_flight


async def _hand_over(
    tx: Tx, work: ClaimedChunks, chunks: Sequence[Chunk], plan: Plan, window_of: Mapping[int, int]
) -> None:
    """End the chunks that have nothing to submit, and name what is in flight first of the others."""
    busy = {task.chunk.chunk_id for tasks in plan.tasks.values() for task in tasks}
    idle = [chunk for chunk in chunks if chunk.chunk_id not in busy]
    if idle:
        ended = await end_chunks(tx, work.account_id, idle)
        over = [one for one in plan.left_over if one.chunk.chunk_id not in busy]
        await write_left_over(tx, work.account_id, [one for one in over if one.chunk.chunk_id in ended])
        plan.left_over = [one for one in plan.left_over if one.chunk.chunk_id in busy]
    while first := [task for carrier_id, tasks in plan.tasks.items() for task in tasks[: window_of[carrier_id]]]:
        held = await name_in_flight(tx, work, first)
        if all(task.chunk.chunk_id in held for task in first):
            return
        # What follows comes first now, and has to be named too.
        plan.keep_held(first, held)


async def name_in_flight(tx: Tx, work: ClaimedChunks, tasks: Sequence[Task]) -> set[UUID]:
    """Record which messages are in flight from now on, and return the chunks that are still held."""
    by_chunk: dict[UUID, list[UUID]] = {}
    for task in tasks:
        by_chunk.setdefault(task.chunk.chunk_id, []).append(task.message.message_id)
    chunks = [chunk for chunk in work.chunks if chunk.chunk_id in by_chunk]
    return await set_in_flight(tx, work.account_id, chunks, [by_chunk[chunk.chunk_id] for chunk in chunks])


async def _sendings(tx: Tx, work: ClaimedChunks) -> Mapping[UUID, Record]:
    ids = sorted({chunk.sending_id for chunk in work.chunks})
    rows = await tx.fetch(SQL["sendings_of"], work.account_id, ids, ids[0], ids[-1])
    return {row["sending_id"]: row for row in rows}


async def _open_messages(tx: Tx, account_id: AccountId, chunks: Sequence[Chunk]) -> Mapping[UUID, Record]:
    ids = sorted(one for chunk in chunks for one in chunk.message_ids)
    if not ids:
        return {}
    rows = await tx.fetch(SQL["open_messages"], account_id, ids, ids[0], ids[-1])
    return {row["message_id"]: row for row in rows}


async def _suppressed(
    tx: Tx, actor: Actor, chunks: Sequence[Chunk], sendings: Mapping[UUID, Record], messages: Mapping[UUID, Record]
) -> frozenset[str]:
    """Return the addresses that were suppressed since they were accepted: an unsubscribe wins."""
    found: set[str] = set()
    for channel in sorted({suppressions_of(chunk.channel) for chunk in chunks}):
        checked = {
            messages[one]["address"]
            for chunk in chunks
            if suppressions_of(chunk.channel) is channel and not sendings[chunk.sending_id]["ignores_suppressions"]
            for one in chunk.message_ids
            if one in messages
        }
        found |= set(await suppressed_among(tx, actor, channel, sorted(checked))) if checked else set()
    return frozenset(found)


def _end_of(chunk: Chunk, sending: Record) -> datetime:
    """Return when the messages of a chunk are not submitted any more."""
    end: datetime = sending["expires_at" if chunk.channel == sending["channel"] else "last_at"]
    return end


def _decide(  # noqa: PLR0911, PLR0913, PLR0917 - one answer for each rule, in the order in which they count
    now: datetime,
    chunk: Chunk,
    sending: Record,
    message: Record,
    died_with: frozenset[UUID],
    suppressed: frozenset[str],
) -> Move | datetime | None:
    """Return how the message ends, until when it waits, or None for one that is submitted."""
    message_id, ends_at = message["message_id"], _end_of(chunk, sending)
    is_over = now >= ends_at
    is_suppressed = message["address"] in suppressed and not sending["ignores_suppressions"]
    is_cancelled = sending["state"] == SendingState.CANCELLED or sending["sealed"] == GONE
    is_unwanted = is_suppressed or is_cancelled
    if message["state"] == MessageState.UNCERTAIN:
        if is_over and message["falls_back"] and chunk.traffic_class.is_repeated_when_lost and not is_unwanted:
            # As with a submit that is repeated: twice is better than never.
            return Move(message_id=message_id, state=MessageState.EXPIRED, at=now, reason=Failure.EXPIRED)
        if is_over or is_unwanted:
            return Move(message_id=message_id, state=MessageState.UNKNOWN, at=now, reason=Failure.LOST)
        # In a chunk that was claimed before, it may be uncertain since that claim: its wait begins anew.
        is_late = chunk.claims == 1 and message_id not in died_with and chunk.traffic_class.is_repeated_when_lost
        return None if is_late else uncertain_until(now, chunk.traffic_class, sending["due_at"], ends_at)
    if message_id in died_with:
        return Move(
            message_id=message_id,
            state=MessageState.UNCERTAIN,
            at=now,
            reason=Failure.LOST,
            carrier_id=chunk.carrier_id,
        )
    if is_cancelled:
        return Move(message_id=message_id, state=MessageState.CANCELLED, at=now, reason=Failure.CANCELLED)
    if is_suppressed:
        return Move(message_id=message_id, state=MessageState.EXCLUDED, at=now, reason=Failure.SUPPRESSED)
    if is_over:
        return Move(message_id=message_id, state=MessageState.EXPIRED, at=now, reason=Failure.EXPIRED)
    permitted = permitted_at(message["address"], now, chunk.traffic_class)
    # What is over before its country opens ends at its time.
    return min(permitted, ends_at) if permitted > now else None


def uncertain_until(now: datetime, traffic_class: TrafficClass, due_at: datetime, expires_at: datetime) -> datetime:
    """Return until when a receipt may settle a message that is uncertain by now: then it is looked at again.

    One that is not submitted again is looked at when it can't come any more.
    """
    if not traffic_class.is_repeated_when_lost:
        return max(expires_at, now)
    return now + min(max(UNCERTAIN_WAIT, now - due_at), _LONGEST_UNCERTAIN_WAIT)


def later(chunk: Chunk, message_id: UUID, due_at: datetime) -> LeftOver:
    """Put a message off, on the same carrier."""
    return LeftOver(
        chunk=chunk,
        message_id=message_id,
        due_at=due_at,
        carrier_id=chunk.carrier_id,
        attempts=chunk.attempts,
        tried=chunk.tried,
    )


def _task(  # noqa: PLR0913, PLR0917 - what a message is made of
    work: ClaimedChunks, chunk: Chunk, sending: Record, message: Record, now: datetime, box: SecretBox | None
) -> Task | Move:
    """Make what a carrier gets; where the key of sealed values is another one by now, the message ends."""
    stored: str = sending["text"] if message["text"] is None else message["text"]
    try:
        text = _text(work, sending, stored, box)
    except SecretKeyError:
        log.exception("sealed_values_lost", account_id=work.account_id)
        message_id: UUID = message["message_id"]
        return Move(message_id=message_id, state=MessageState.REJECTED, at=now, reason=Failure.TEXT_INVALID)
    ends_at = _end_of(chunk, sending)
    content = read_content(sending["content"])
    fallback = read_fallback(sending["fallback"]) if chunk.channel != sending["channel"] else None
    validity = ends_at - now
    return Task(
        chunk=chunk,
        due_at=sending["due_at"],
        expires_at=ends_at,
        message=OutgoingMessage(
            account_id=work.account_id,
            message_id=message["message_id"],
            sender=fallback.sender if fallback else sending["sender"],
            address=message["address"],
            text=text,
            encoding=encoding_of(message["encoding"]),
            parts=message["parts"],
            traffic_class=chunk.traffic_class,
            validity=min(validity, fallback.validity) if fallback else validity,
            flash=sending["flash"],
            channel=chunk.channel,
            content=None if fallback or content is None else content.with_button_url(message["button_url"]),
            stored_text=stored if sending["sealed"] else None,
        ),
    )


def _text(work: ClaimedChunks, sending: Record, text: str, box: SecretBox | None) -> str:
    """Put sealed values into a text."""
    if not sending["sealed"]:
        return text
    if box is None:
        raise AssertionError("what sends sealed values is given the box that opens them")
    return open_text(box, work.account_id, sending["sending_id"], text, sending["sealed"])


def encoding_of(stored: str | None) -> Encoding:
    """Return the encoding of a message; an instant one has none, and gets the one that can write everything."""
    return Encoding(stored) if stored else Encoding.UCS2


def slices(tasks: Sequence[Task], size: int) -> Iterator[Sequence[Task]]:
    """Part what a carrier gets into what it takes at once."""
    for start in range(0, len(tasks), size):
        yield tasks[start : start + size]
