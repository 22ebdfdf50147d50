"""Materialising: the recipients that a sending was accepted with are written into the ledger, slice by slice.

A slice is one transaction: its messages, chunks, money, counters and events, and how far the sending is. So a process
that dies has written whole slices, and another goes on behind the last of them. While slices are written the next one
is read and rendered; they are committed in their order.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from asyncpg import Record

from carillon.carriers.failures import Failure
from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.events.log import append_events
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId, AudienceId
from carillon.kit.traffic import TrafficClass
from carillon.links.addresses import LinkAddresses
from carillon.messaging.ledger import count_in_campaigns, fail_rows, tally_of
from carillon.messaging.members import AddMembers, add_members
from carillon.messaging.options import read_content, read_fallback
from carillon.messaging.placing import ChannelFacts, Placement, Rows, account_facts, channel_facts, place_rows
from carillon.messaging.prepare import PreparedSend, prepare_send
from carillon.messaging.sendings import Recipients, Send
from carillon.messaging.short_links import KeptLinks, links_of_slice, write_links_of
from carillon.messaging.states import MessageState, SendingState
from carillon.text.encodings import Encoding
from carillon.text.placeholders import PlaceholderStyle
from carillon.workers.shape import Claimed

SQL = load_statements("carillon.messaging", "materialise.sql")

MATERIALISATIONS_DUE = "materialisations_due"
"""The topic of sendings that are to be materialised; its keys are accounts."""

SLICE = 10_000
"""Recipients that are written in one transaction."""

_TURN_SLICES = 10
_AT_ONCE = 2
_LEASE = timedelta(seconds=10)
_LONGEST_LEASE = timedelta(minutes=1)

_decode_values = msgspec.json.Decoder(list[dict[str, str]]).decode
_decode_custom = msgspec.json.Decoder(dict[str, object]).decode


class MaterialisedRequest(msgspec.Struct, omit_defaults=True):
    """What is kept of a request beside its sending and its recipients; fields as in `Send`."""

    groups: list[int] = []
    excluded_groups: list[int] = []
    contact_fields: dict[str, str] = {}
    purpose: str | None = None
    placeholders: str | None = None
    encodings: tuple[Encoding, ...] = (Encoding.GSM, Encoding.UCS2)
    replaces_typographic: bool = False
    max_parts: int | None = None
    allows_duplicates: bool = False
    ignores_suppressions: bool = False
    numbered: bool = False
    links: KeptLinks | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(MaterialisedRequest).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class AddMaterialisation:
    """A sending to be materialised. With `is_taken` the members of its groups are among its recipients already."""

    sending_id: UUID
    request: MaterialisedRequest = field(repr=False)
    recipients: int
    is_taken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedSending(Claimed):
    """A sending that this process materialises, from `position` on."""

    actor: Actor
    request: MaterialisedRequest = field(repr=False)
    is_taken: bool
    recipients: int
    position: int


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


def request_of(command: Send, links: KeptLinks | None = None) -> MaterialisedRequest:
    """Return what is kept of a request."""
    return MaterialisedRequest(
        groups=list(command.groups),
        excluded_groups=list(command.excluded_groups),
        contact_fields=dict(command.contact_fields),
        purpose=command.purpose,
        placeholders=command.placeholders.name if command.placeholders else None,
        encodings=command.encodings,
        replaces_typographic=command.replaces_typographic,
        max_parts=command.max_parts,
        allows_duplicates=command.allows_duplicates,
        ignores_suppressions=command.ignores_suppressions,
        numbered=command.numbered,
        links=links,
    )


def members_of(request: MaterialisedRequest, sending_id: UUID, named: int) -> AddMembers:
    """Say which members a request asks for, behind so many recipients that it names."""
    return AddMembers(
        sending_id=sending_id,
        channel="sms",
        named=named,
        groups=request.groups,
        excluded_groups=request.excluded_groups,
        contact_fields=request.contact_fields,
        purpose=request.purpose,
        allows_duplicates=request.allows_duplicates,
        ignores_suppressions=request.ignores_suppressions,
    )


async def add_materialisation(tx: Tx, actor: Actor, command: AddMaterialisation) -> None:
    """Have a sending materialised whose recipients are kept."""
    await tx.execute(
        SQL["add_materialisation"],
        actor.account_id,
        command.sending_id,
        actor.audience_id,
        _encode(command.request).decode(),
        tx.now if command.is_taken else None,
        command.recipients,
    )
    tx.wakes(MATERIALISATIONS_DUE, actor.account_id)


class MaterialiseWorker:
    """Writes the messages of sendings to groups and to many (`workers.shape.Worker`)."""

    name = "materialise"
    topic = MATERIALISATIONS_DUE
    lease = _LEASE
    max_attempts = 1_000_000
    turn = 1
    concurrency = 2
    keeps_order = False

    async def due_accounts(self, tx: Tx) -> Sequence[AccountId]:
        """List the accounts that have sendings to materialise."""
        rows = await tx.fetch(SQL["accounts_with_materialisations"], tx.real_now, tx.real_now + _LONGEST_LEASE)
        return [AccountId(row["account_id"]) for row in rows]

    async def claim(self, db: Database, account_id: AccountId, limit: int) -> Sequence[ClaimedSending]:
        """Take a sending."""
        del limit
        return await db.run(_claim, account_id)

    async def renew(self, tx: Tx, held: Sequence[ClaimedSending]) -> None:
        """Extend the lease."""
        for work in held:
            await _lease(tx, work, tx.real_now + _LEASE)

    async def prepare(self, db: Database, work: ClaimedSending) -> Send:
        """Read the request."""
        return await db.read(_command, work)

    async def perform(self, db: Database, work: ClaimedSending, prepared: Send) -> int | None:
        """Write some slices, and let the sending go where there are more; another one has its turn then."""
        recipients = work.recipients
        if not work.is_taken:
            taken = await db.run(_take_snapshot, work)
            if taken is None:
                return None
            recipients = taken
        written = await _write_slices(db, work, prepared, recipients)
        if written is not None and work.position + written < recipients:
            await db.run(_lease, work, None)
        return written

    async def reschedule(self, tx: Tx, work: ClaimedSending, *, counts: bool) -> None:
        """Leave it until its lease ends."""
        del counts
        await _lease(tx, work, tx.real_now + _LEASE)

    async def fail(self, tx: Tx, work: ClaimedSending) -> None:
        """Leave it until its lease ends: nobody is lost."""
        await _lease(tx, work, tx.real_now + _LEASE)

    async def release(self, tx: Tx, held: Sequence[ClaimedSending]) -> None:
        """Let it go."""
        for work in held:
            await _lease(tx, work, None)


async def _claim(tx: Tx, account_id: AccountId) -> list[ClaimedSending]:
    now = tx.real_now
    row = await tx.fetchrow(SQL["claim_materialisation"], account_id, now, now + _LONGEST_LEASE, now + _LEASE)
    if row is None:
        return []
    offset: timedelta = row["clock_offset"]
    actor = Actor(
        account_id=account_id,
        audience_id=AudienceId(row["audience_id"]),
        name="materialise",
        source="worker",
        country="",
        clock_offset=offset,
    )
    return [
        ClaimedSending(
            account_id=account_id,
            clock_offset=offset,
            work_id=row["sending_id"],
            attempt=row["claims"],
            due_at=now,
            actor=actor,
            request=_decode(row["request"]),
            is_taken=row["snapshot_at"] is not None,
            recipients=row["recipients"],
            position=row["position"],
        )
    ]


async def _lease(tx: Tx, work: ClaimedSending, until: datetime | None) -> None:
    await tx.execute(SQL["lease_materialisation"], work.account_id, work.work_id, work.attempt, until)


async def _command(tx: Tx, work: ClaimedSending) -> Send:
    row = await tx.fetchrow(SQL["sending"], work.account_id, work.work_id)
    if row is None:
        raise AssertionError("a sending is there as long as its recipients")  # both go with their day
    request = work.request
    return Send(
        channel=row["channel"],
        traffic_class=TrafficClass(row["traffic_class"]),
        sender=row["sender"],
        text=row["text"],
        placeholders=PlaceholderStyle[request.placeholders] if request.placeholders else None,
        encodings=request.encodings,
        replaces_typographic=request.replaces_typographic,
        max_parts=request.max_parts,
        per_second=row["per_second"],
        # What is twice among those who were named is marked already.
        allows_duplicates=True,
        ignores_suppressions=request.ignores_suppressions,
        numbered=request.numbered,
        content=read_content(row["content"]),
        fallback=read_fallback(row["fallback"]),
    )


async def _take_snapshot(tx: Tx, work: ClaimedSending) -> int | None:
    """Add the members of groups to the recipients, and return how many these are; None where it is another's work."""
    held = await tx.fetchrow(SQL["hold_materialisation"], work.account_id, work.work_id, work.attempt)
    if held is None:
        return None
    command = members_of(work.request, work.work_id, held["recipients"])
    recipients: int = held["recipients"] + await add_members(tx, work.actor, command)
    await tx.execute(SQL["snapshot_taken"], work.account_id, work.work_id, tx.now, recipients)
    return recipients


async def _write_slices(db: Database, work: ClaimedSending, command: Send, recipients: int) -> int | None:
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
    is_alone = not is_free or is_instant or bool(facts.spam_window) or command.per_second is not None
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
    held = await tx.fetchrow(SQL["hold_materialisation"], work.account_id, work.work_id, work.attempt)
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
