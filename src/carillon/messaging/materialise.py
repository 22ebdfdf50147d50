"""Materialising: the recipients that a sending was accepted with are written into the ledger, slice by slice.

A slice is one transaction: its messages, chunks, money, counters and events, and how far the sending is. So a process
that dies has written whole slices, and another goes on behind the last of them. While a slice is written the next one
is read and rendered.
"""

import asyncio
from collections.abc import Sequence
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
from carillon.messaging.ledger import count_in_campaigns, tally_of
from carillon.messaging.members import AddMembers, add_members
from carillon.messaging.placing import Placement, Rows, account_facts, place_rows
from carillon.messaging.prepare import PreparedSend, prepare_send
from carillon.messaging.sendings import Recipients, Send
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
    """Recipients that are ready to be written: those up to `end`."""

    end: int
    rows: Sequence[Record] = field(repr=False)
    prepared: PreparedSend = field(repr=False)


def request_of(command: Send) -> MaterialisedRequest:
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
    )


async def _take_snapshot(tx: Tx, work: ClaimedSending) -> int | None:
    """Add the members of groups to the recipients, and return how many these are; None where it is another's work."""
    held = await tx.fetchrow(SQL["hold_materialisation"], work.account_id, work.work_id, work.attempt)
    if held is None:
        return None
    request = work.request
    command = AddMembers(
        sending_id=work.work_id,
        channel="sms",
        named=held["recipients"],
        groups=request.groups,
        excluded_groups=request.excluded_groups,
        contact_fields=request.contact_fields,
        purpose=request.purpose,
        allows_duplicates=request.allows_duplicates,
        ignores_suppressions=request.ignores_suppressions,
    )
    recipients: int = held["recipients"] + await add_members(tx, work.actor, command)
    await tx.execute(SQL["snapshot_taken"], work.account_id, work.work_id, tx.now, recipients)
    return recipients


async def _write_slices(db: Database, work: ClaimedSending, command: Send, recipients: int) -> int | None:
    """Write up to a turn's slices; return how many recipients they have, None where it is another's work by now."""
    position = work.position
    coming = asyncio.create_task(_ready(db, work, command, position, recipients))
    try:
        for left in range(_TURN_SLICES - 1, -1, -1):
            ready = await coming
            if left and ready.end < recipients:
                coming = asyncio.create_task(_ready(db, work, command, ready.end, recipients))
            if not await db.run(_write_slice, work, command, ready, recipients):
                return None
            position = ready.end
            if position >= recipients:
                break
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)
    return position - work.position


async def _ready(db: Database, work: ClaimedSending, command: Send, after: int, recipients: int) -> Slice:
    """Read the next slice and render its texts."""
    end = min(after + SLICE, recipients)
    rows = await db.read(_read_slice, work, after, end)
    prepared = await asyncio.to_thread(_prepared, command, rows)
    return Slice(end=end, rows=rows, prepared=prepared)


async def _read_slice(tx: Tx, work: ClaimedSending, after: int, end: int) -> list[Record]:
    return await tx.fetch(SQL["slice"], work.account_id, work.work_id, after, end)


def _prepared(command: Send, rows: Sequence[Record]) -> PreparedSend:
    values = _decode_values(f"[{','.join([row['values'] for row in rows])}]") if command.placeholders else None
    recipients = Recipients(addresses=[row["address"] for row in rows], values=values, are_digits=True)
    return prepare_send(replace(command, recipients=recipients), "")


async def _write_slice(tx: Tx, work: ClaimedSending, command: Send, ready: Slice, recipients: int) -> bool:
    """Write a slice; False where another process has the sending by now."""
    held = await tx.fetchrow(SQL["hold_materialisation"], work.account_id, work.work_id, work.attempt)
    if held is None:
        return False
    facts = await account_facts(tx, work.actor)
    # Sendings before the balance, as everywhere.
    sending = await tx.fetchrow(SQL["lock_sending"], work.account_id, work.work_id)
    if sending is None:
        raise AssertionError("a sending is there as long as its recipients")
    is_last = ready.end >= recipients
    placement = _placement(work, command, ready, sending)
    rows = _rows(tx, ready, is_cancelled=sending["state"] == SendingState.CANCELLED)
    events = await place_rows(tx, work.actor, facts, [placement], rows)
    await _count(tx, work, placement, sending["campaign_id"], is_last=is_last)
    if is_last:
        await tx.execute(SQL["end_materialisation"], work.account_id, work.work_id)
    else:
        await tx.execute(SQL["move_position"], work.account_id, work.work_id, ready.end)
    if events:
        await append_events(tx, work.account_id, events)
    return True


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
    )


def _rows(tx: Tx, ready: Slice, *, is_cancelled: bool) -> Rows:
    prepared, new_uuid = ready.prepared, tx.new_uuid
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
        message_ids=[row["message_id"] or new_uuid() for row in ready.rows],
        contact_ids=[row["contact_id"] for row in ready.rows],
        custom=[_decode_custom(row["custom"]) if row["custom"] else None for row in ready.rows],
        given=[row["address"] for row in ready.rows],
        guids=[row["guid"] for row in ready.rows],
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
        counted = {campaign_id: one.recipients}, {campaign_id: one.parts}
        await count_in_campaigns(tx, work.account_id, {campaign_id: tally}, recipients=counted[0], parts=counted[1])
