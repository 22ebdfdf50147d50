"""Writing the recipients of a large sending into the ledger, slice by slice.

A slice is one transaction: its messages, chunks, money, counters and events, and how far the sending is. So a process
that dies has written whole slices, and another goes on behind the last of them. While slices are written the next one
is read and rendered; they are committed in their order.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

import msgspec
from asyncpg import Record

from carillon.carriers.failures import Failure
from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.events.log import append_events
from carillon.links.addresses import LinkAddresses
from carillon.messaging.ledger import count_in_campaigns, fail_rows, tally_of
from carillon.messaging.materialisation import ClaimedSending, hold_materialisation
from carillon.messaging.placement import ChannelFacts, Placement, Rows, account_facts, channel_facts
from carillon.messaging.placing import place_rows
from carillon.messaging.prepare import PreparedSend, prepare_send
from carillon.messaging.sendings import Recipients, Send
from carillon.messaging.short_links import links_of_slice, write_links_of
from carillon.messaging.states import MessageState, SendingState

SQL = load_statements("carillon.messaging", "slices.sql")

SLICE = 10_000
"""Recipients that are written in one transaction."""

_TURN_SLICES = 10
_AT_ONCE = 2

_decode_values = msgspec.json.Decoder(list[dict[str, str]]).decode
_decode_custom = msgspec.json.Decoder(dict[str, object]).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Recipients that are ready to be written: those behind `start`, up to `end`."""

    start: int
    end: int
    rows: Sequence[Record] = field(repr=False)
    message_ids: list[UUID]
    prepared: PreparedSend = field(repr=False)


class _LostWorkError(Exception):
    """Another process has the sending; the transaction is undone."""


async def write_slices(db: Database, work: ClaimedSending, command: Send, recipients: int) -> int | None:
    """Write up to a turn's slices; return how many recipients they have, None where it is another's work by now."""
    done, before = work.position, asyncio.Event()
    before.set()
    coming = asyncio.create_task(_ready(db, work, command, done, recipients))
    writing: deque[asyncio.Task[int]] = deque()
    try:
        for left in range(_TURN_SLICES - 1, -1, -1):
            ready = await coming
            is_last = not left or ready.end >= recipients
            if not is_last:
                coming = asyncio.create_task(_ready(db, work, command, ready.end, recipients))
            after = asyncio.Event()
            writing.append(asyncio.create_task(_written(db, work, command, ready, recipients, before, after)))
            before = after
            while len(writing) >= (1 if is_last else _AT_ONCE):
                done = await writing[0]
                writing.popleft()
            if is_last:
                break
    except _LostWorkError:
        return None
    finally:
        for task in (coming, *writing):
            task.cancel()
        await asyncio.gather(coming, *writing, return_exceptions=True)
    return done - work.position


async def _written(  # noqa: PLR0913, PLR0917 - what a slice needs
    db: Database,
    work: ClaimedSending,
    command: Send,
    ready: Slice,
    recipients: int,
    before: asyncio.Event,
    after: asyncio.Event,
) -> int:
    """Write a slice, say so to the one behind it, and return where it ends."""
    channels = await channel_facts(db, work.account_id, [command.channel])
    await db.run(_write_slice, work, command, channels, ready, recipients, before)
    after.set()
    return ready.end


async def _ready(db: Database, work: ClaimedSending, command: Send, after: int, recipients: int) -> Slice:
    """Read the next slice and render its texts."""
    end = min(after + SLICE, recipients)
    rows, message_ids = await db.read(_read_slice, work, after, end)
    addresses = db.process_state(LinkAddresses)
    prepared = await asyncio.to_thread(_prepared, command, rows, addresses, work, after)
    return Slice(start=after, end=end, rows=rows, message_ids=message_ids, prepared=prepared)


async def _read_slice(tx: Tx, work: ClaimedSending, after: int, end: int) -> tuple[list[Record], list[UUID]]:
    """Return recipients, and the ids of their messages."""
    rows = await tx.fetch(SQL["slice"], work.account_id, work.work_id, after, end)
    ids = [row["message_id"] for row in rows]
    made = iter(tx.new_uuids(ids.count(None)))
    return rows, [one or next(made) for one in ids]


def _prepared(
    command: Send, rows: Sequence[Record], addresses: LinkAddresses, work: ClaimedSending, start: int
) -> PreparedSend:
    values = _decode_values(f"[{','.join([row['values'] for row in rows])}]") if command.placeholders else None
    recipients = Recipients(addresses=[row["address"] for row in rows], values=values, are_digits=True)
    given = [row["links"] for row in rows] if work.request.links else ()
    links = links_of_slice(addresses, work.account_id, work.request.links, start, given)
    return prepare_send(replace(command, recipients=recipients), "", links=links)


async def _write_slice(  # noqa: PLR0913, PLR0917 - what a slice needs
    tx: Tx,
    work: ClaimedSending,
    command: Send,
    channels: Mapping[str, ChannelFacts],
    ready: Slice,
    recipients: int,
    before: asyncio.Event,
) -> None:
    """Write a slice once the one before it is committed. Raises _LostWorkError where it is another process's work.

    Its messages are written meanwhile, unless they depend on those before: what costs locks the balance, behind the
    sending, and a pace and the texts of the spam window go by what was written already.
    """
    facts = await account_facts(tx, work.actor, channels)
    is_free = channels[command.channel].prices.is_free
    is_instant = command.channel == "im"  # what it costs is subscriptions and a second channel's prices, too
    is_alone = not is_free or is_instant or bool(facts.settings.spam_window) or command.per_second is not None
    key = work.account_id, work.work_id
    if is_alone:
        await _take_turn(tx, work, ready, before)
        sending = await tx.fetchrow(SQL["lock_sending"], *key)
    else:
        sending = await tx.fetchrow(SQL["see_sending"], *key, work.attempt, ready.start)
    if sending is None:
        raise _LostWorkError
    placement = _placement(work, command, ready, sending)
    rows = _rows(ready, is_cancelled=sending["state"] == SendingState.CANCELLED)
    events = await place_rows(tx, work.actor, facts, [placement], rows)
    await write_links_of(tx, work.actor, [placement], rows)
    if not is_alone:
        await _take_turn(tx, work, ready, before)
    is_last = ready.end >= recipients
    await _count(tx, work, placement, sending["campaign_id"], is_last=is_last)
    if is_last:
        await tx.execute(SQL["end_materialisation"], work.account_id, work.work_id)
    else:
        await tx.execute(SQL["move_position"], work.account_id, work.work_id, ready.end)
    events += await fail_rows(tx, work.account_id, rows)
    if events:
        await append_events(tx, work.account_id, events)


async def _take_turn(tx: Tx, work: ClaimedSending, ready: Slice, before: asyncio.Event) -> None:
    """Wait for the slice before this one. Raises _LostWorkError where another process has the sending by now."""
    await before.wait()
    held = await hold_materialisation(tx, work)
    if held is None or held["position"] != ready.start:
        raise _LostWorkError


def _placement(work: ClaimedSending, command: Send, ready: Slice, sending: Record) -> Placement:
    due_at: datetime = max(sending["scheduled_at"] or sending["created_at"], sending["created_at"])
    return Placement(
        sending_id=work.work_id,
        channel=command.channel,
        traffic_class=command.traffic_class,
        sender=command.sender,
        text=ready.prepared.text,
        due_at=due_at,
        expires_at=sending["expires_at"],
        per_second=command.per_second,
        paced_seconds=(sending["recipients"] - sending["excluded"]) / command.per_second if command.per_second else 0.0,
        endpoint_id=sending["endpoint_id"],
        numbered=command.numbered,
        ignores_suppressions=command.ignores_suppressions,
        content=command.content,
        fallback=command.fallback,
    )


def _rows(ready: Slice, *, is_cancelled: bool) -> Rows:
    prepared = ready.prepared
    failures = [
        Failure(row["reason"]) if row["reason"] else found
        for row, found in zip(ready.rows, prepared.failures, strict=True)
    ]
    if is_cancelled:
        failures = [failure or Failure.CANCELLED for failure in failures]
    return Rows(
        places=[0] * len(ready.rows),
        numbers=list(prepared.numbers),
        texts=list(prepared.texts),
        encodings=list(prepared.encodings),
        parts=list(prepared.parts),
        failures=failures,
        message_ids=ready.message_ids,
        contact_ids=[row["contact_id"] for row in ready.rows],
        custom=[_decode_custom(row["custom"]) if row["custom"] else None for row in ready.rows],
        given=[row["address"] for row in ready.rows],
        guids=[row["guid"] for row in ready.rows],
        links=[(0, prepared.links)] if prepared.links else (),
        fallbacks=list(prepared.fallbacks),
        button_urls=list(prepared.button_urls),
    )


async def _count(tx: Tx, work: ClaimedSending, one: Placement, campaign_id: int | None, *, is_last: bool) -> None:
    await tx.execute(
        SQL["count_slice"],
        work.account_id,
        work.work_id,
        one.recipients,
        one.excluded,
        one.waiting,
        one.parts,
        one.reserved,
        is_last,
        tx.now,
    )
    if campaign_id is not None:
        tally = tally_of({MessageState.EXCLUDED: one.excluded, MessageState.WAITING: one.waiting})
        recipients = {campaign_id: one.recipients}
        await count_in_campaigns(tx, work.account_id, {campaign_id: tally}, recipients=recipients)
