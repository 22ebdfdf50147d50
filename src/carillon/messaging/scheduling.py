"""Pausing, resuming, cancelling and moving sendings, and single messages that are scheduled."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

from asyncpg import Record

from carillon.carriers.failures import Failure
from carillon.db.database import Tx
from carillon.db.ordering import EarlierWorkError
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId
from carillon.kit.traffic import TrafficClass
from carillon.messaging.chunks import CHUNKS_DUE, NewChunk, write_chunks
from carillon.messaging.ledger import Move, move_messages
from carillon.messaging.rules.quiet import longest_wait
from carillon.messaging.sendings import MAX_SCHEDULE
from carillon.messaging.states import MessageState, SendingState
from carillon.messaging.sweep import RECEIPT_GRACE
from carillon.tenancy import audit

SQL = load_statements("carillon.messaging", "scheduling.sql")

_MAX_LISTED = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelSendings:
    """Cancel what nobody has submitted yet of sendings, by their ids or by the caller's reference."""

    sending_ids: Sequence[UUID] = ()
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledQuery:
    """Ask for messages that wait for their moment: of numbers (None: all), of a sending by its number."""

    guids: Sequence[int] | None = None
    sending_number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledMessage:
    """A message that waits for its moment, by the number that vendors give it."""

    guid: int
    message_id: UUID
    sending_id: UUID
    channel: str
    campaign_id: int | None
    sending_number: int | None
    address: str = field(repr=False)
    sender: str
    text: str = field(repr=False)
    encoding: str | None
    created_at: datetime
    scheduled_at: datetime


async def cancel_sendings(tx: Tx, actor: Actor, command: CancelSendings) -> int:
    """Cancel sendings and return how many messages that were waiting are not sent.

    What a worker has claimed already goes on; what it lets go can be cancelled again. What costs money is released.
    Sendings that are over stay as they are; where there is none, it is 0.
    """
    ids = list(command.sending_ids)
    if command.reference is not None:
        rows = await tx.fetch(SQL["sendings_by_reference"], actor.account_id, command.reference)
        ids += [row["sending_id"] for row in rows]
    # Chunks before sendings, as everywhere.
    taken = await tx.fetch(SQL["take_waiting_chunks"], actor.account_id, ids, tx.real_now) if ids else []
    locked = await tx.fetch(SQL["lock_sendings"], actor.account_id, ids) if ids else []
    if any(row["state"] == SendingState.MATERIALISING for row in locked):
        # A slice may have been committed while its sending was waited for.
        taken += await tx.fetch(SQL["take_waiting_chunks"], actor.account_id, ids, tx.real_now)
    open_ids = [row["sending_id"] for row in locked if row["state"] not in {"cancelled", "finished"}]
    if open_ids:
        await tx.execute(SQL["set_sending_state"], actor.account_id, open_ids, SendingState.CANCELLED)
        detail = {"sendings": [str(one) for one in open_ids[:20]]}
        await audit.record(tx, actor, "sending.cancel", len(open_ids), detail)
    moves = [
        Move(message_id=message_id, state=MessageState.CANCELLED, at=tx.now, reason=Failure.CANCELLED)
        for row in taken
        for message_id in row["message_ids"]
    ]
    return len(await move_messages(tx, actor.account_id, moves)) if moves else 0


async def pause_sending(tx: Tx, actor: Actor, sending_id: UUID) -> None:
    """Pause a sending: what no worker has claimed waits. Raises NotFoundError, and InvalidInputError for its state."""
    await _require_state(tx, actor, sending_id, {SendingState.ACTIVE, SendingState.PAUSED})
    await tx.execute(SQL["set_sending_state"], actor.account_id, [sending_id], SendingState.PAUSED)
    await tx.execute(SQL["hold_due_chunks"], actor.account_id, sending_id)
    await audit.record(tx, actor, "sending.pause", str(sending_id), {})


async def resume_sending(tx: Tx, actor: Actor, sending_id: UUID) -> None:
    """Resume a paused sending. Raises NotFoundError, and InvalidInputError for its state."""
    await _require_state(tx, actor, sending_id, {SendingState.ACTIVE, SendingState.PAUSED})
    await tx.execute(SQL["resume_sending"], actor.account_id, sending_id)
    _wake(tx, actor, await tx.fetch(SQL["release_held_chunks"], actor.account_id, sending_id))
    await audit.record(tx, actor, "sending.resume", str(sending_id), {})


async def reschedule_sending(tx: Tx, actor: Actor, sending_id: UUID, scheduled_at: datetime) -> None:
    """Move what waits of a sending to another moment. Raises NotFoundError, InvalidInputError for `scheduled_at`."""
    check_moment(tx, scheduled_at)
    found = await _require_state(tx, actor, sending_id, {SendingState.ACTIVE, SendingState.PAUSED})
    _wake(tx, actor, await tx.fetch(SQL["move_due"], actor.account_id, sending_id, scheduled_at))
    wait = longest_wait(None, scheduled_at, TrafficClass(found["traffic_class"]))
    await tx.execute(SQL["move_sending"], actor.account_id, sending_id, wait, RECEIPT_GRACE)
    await audit.record(tx, actor, "sending.reschedule", str(sending_id), {"scheduled_at": scheduled_at.isoformat()})


def check_moment(tx: Tx, scheduled_at: datetime) -> None:
    """Require a moment to which something can be scheduled. Raises InvalidInputError for `scheduled_at`."""
    if scheduled_at > tx.now + MAX_SCHEDULE:
        raise InvalidInputError("scheduled_at", f"A message can be scheduled {MAX_SCHEDULE.days} days ahead at most.")


async def _require_state(tx: Tx, actor: Actor, sending_id: UUID, states: set[SendingState]) -> Record:
    rows = await tx.fetch(SQL["lock_sendings"], actor.account_id, [sending_id])
    if not rows:
        raise NotFoundError("sending")
    if rows[0]["state"] not in states:
        state = rows[0]["state"]
        raise InvalidInputError("sending", f"The sending is {state}: only what is active or paused can be changed.")
    return rows[0]


def _wake(tx: Tx, actor: Actor, rows: Sequence[Record]) -> None:
    for traffic_class in {TrafficClass(row["traffic_class"]) for row in rows}:
        tx.wakes(CHUNKS_DUE[traffic_class], actor.account_id)


async def list_scheduled(tx: Tx, actor: Actor, query: ScheduledQuery) -> list[ScheduledMessage]:
    """List messages that wait for their moment, in the order of their numbers."""
    guids = list(query.guids) if query.guids is not None else None
    rows = await tx.fetch(SQL["scheduled_messages"], actor.account_id, guids, query.sending_number, tx.now, _MAX_LISTED)
    due = await _due_moments(tx, actor, {row["sending_id"] for row in rows})
    return [
        ScheduledMessage(
            guid=row["guid"],
            message_id=row["message_id"],
            sending_id=row["sending_id"],
            channel=row["channel"],
            campaign_id=row["campaign_id"],
            sending_number=row["sending_number"],
            address=row["address"],
            sender=row["sender"],
            text=row["sending_text"] if row["text"] is None else row["text"],
            encoding=row["encoding"],
            created_at=row["created_at"],
            scheduled_at=due[row["message_id"]],
        )
        for row in rows
        if row["message_id"] in due
    ]


async def _due_moments(tx: Tx, actor: Actor, sending_ids: Collection[UUID]) -> Mapping[UUID, datetime]:
    """Return when each message of sendings is due that is not due yet: each may have been moved alone."""
    chunks = await tx.fetch(SQL["due_of_sendings"], actor.account_id, sorted(sending_ids), tx.now)
    return {message_id: row["due_at"] for row in chunks for message_id in row["message_ids"]}


async def _require_written(tx: Tx, actor: Actor) -> None:
    """Wait for the messages of large requests that are accepted and still to be written: they are scheduled, too."""
    place = (actor.account_id, 0)
    if place in tx.waited_for:
        return
    ids = [row["sending_id"] for row in await tx.fetch(SQL["unwritten_scheduled"], actor.account_id)]
    if ids:
        message = "Scheduled messages are still being written."
        topic, is_over = "scheduled_written", partial(_are_written, account_id=actor.account_id, ids=ids)
        raise EarlierWorkError(message, place=place, topic=topic, key=str(actor.account_id), is_over=is_over)


async def _are_written(tx: Tx, *, account_id: AccountId, ids: Sequence[UUID]) -> bool:
    return not await tx.fetchval(SQL["are_unwritten"], account_id, ids)


async def cancel_scheduled(tx: Tx, actor: Actor, query: ScheduledQuery) -> int:
    """Cancel scheduled messages, and return how many."""
    await _require_written(tx, actor)
    taken = await _take_out(tx, actor, await list_scheduled(tx, actor, query))
    moves = [
        Move(message_id=message_id, state=MessageState.CANCELLED, at=tx.now, reason=Failure.CANCELLED)
        for _, ids in taken
        for message_id in ids
    ]
    if not moves:
        return 0
    await audit.record(tx, actor, "message.cancel", len(moves), {})
    return len(await move_messages(tx, actor.account_id, moves))


async def reschedule_scheduled(tx: Tx, actor: Actor, query: ScheduledQuery, scheduled_at: datetime) -> int:
    """Move scheduled messages to another moment, and return how many. Raises InvalidInputError for `scheduled_at`."""
    check_moment(tx, scheduled_at)
    await _require_written(tx, actor)
    taken = await _take_out(tx, actor, await list_scheduled(tx, actor, query))
    chunks = [
        NewChunk(
            chunk_id=tx.new_uuid(),
            sending_id=row["sending_id"],
            channel=row["channel"],
            carrier_id=row["carrier_id"],
            traffic_class=TrafficClass(row["traffic_class"]),
            due_at=scheduled_at,
            message_ids=ids,
            is_held=row["state"] == "held",
            attempts=row["attempts"],
        )
        for row, ids in taken
    ]
    await write_chunks(tx, actor.account_id, chunks)
    classes = {row["sending_id"]: TrafficClass(row["traffic_class"]) for row, _ in taken}
    for sending_id, traffic_class in sorted(classes.items()):
        wait = longest_wait(None, scheduled_at, traffic_class)
        await tx.execute(SQL["move_sending"], actor.account_id, sending_id, wait, RECEIPT_GRACE)
    count = sum(len(ids) for _, ids in taken)
    if count:
        await audit.record(tx, actor, "message.reschedule", count, {"scheduled_at": scheduled_at.isoformat()})
    return count


async def _take_out(tx: Tx, actor: Actor, messages: Sequence[ScheduledMessage]) -> list[tuple[Record, list[UUID]]]:
    """Take messages out of their chunks, as far as no worker has claimed those; return each chunk with what it had."""
    if not messages:
        return []
    wanted = {one.message_id for one in messages}
    sendings = sorted({one.sending_id for one in messages})
    rows = await tx.fetch(SQL["chunks_of_messages"], actor.account_id, sendings, sorted(wanted), tx.real_now)
    emptied: list[UUID] = []
    for row in rows:
        left = [one for one in row["message_ids"] if one not in wanted]
        if left:
            await tx.execute(SQL["set_chunk_messages"], actor.account_id, row["chunk_id"], left)
        else:
            emptied.append(row["chunk_id"])
    if emptied:
        await tx.execute(SQL["delete_chunks"], actor.account_id, emptied)
    return [(row, [one for one in row["message_ids"] if one in wanted]) for row in rows]
