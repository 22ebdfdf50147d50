"""Accepting: a request becomes a sending, its messages and its chunks in one transaction, and then it is answered.

Requests of one account that come while a transaction of it is under way are accepted together in the next one: a
thousand small requests a second cost no more commits than the disk can make, and wait for no lock but their own.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError
from carillon.events.endpoints import endpoint_for
from carillon.events.log import append_events
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId
from carillon.messaging.campaigns import CampaignName, campaigns_named, check_campaign_name
from carillon.messaging.contact_fields import with_contact_fields
from carillon.messaging.ledger import count_in_campaigns, tally_of
from carillon.messaging.placing import Placement, Rows, account_facts, place_rows
from carillon.messaging.prepare import PreparedSend, length_of, prepare_send
from carillon.messaging.sendings import (
    MAX_SCHEDULE,
    MAX_VALIDITY,
    MIN_VALIDITY,
    AcceptedSending,
    CampaignNumbers,
    Send,
)
from carillon.messaging.states import MessageState, SendingState
from carillon.messaging.sweep import RECEIPT_GRACE

SQL = load_statements("carillon.messaging", "accept.sql")

MAX_RECIPIENTS_AT_ONCE = 5_000
"""A request to more is accepted, and its messages are written in the background."""

_MAX_TOGETHER = 500
# Reading numbers and rendering texts of so many recipients takes some milliseconds: in a thread.
_FEW = 200

_encode = msgspec.json.Encoder().encode


async def send(db: Database, actor: Actor, command: Send) -> AcceptedSending:
    """Accept a request: it is committed, with a row for everybody whom it names, when this returns.

    Raises InvalidInputError and MissingInputError for `text`, `reference`, `campaign`, `scheduled_at` and the URLs:
    then nothing is written. What is wrong with one recipient excludes that one (`AcceptedSending.failures`).
    """
    if command.contact_fields and command.recipients.addresses:
        command = await with_contact_fields(db, actor, command)
    if len(command.recipients.addresses) > _FEW:
        prepared = await asyncio.to_thread(prepare_send, command, actor.country)
    else:
        prepared = prepare_send(command, actor.country)
    if command.campaign is not None:
        check_campaign_name(command.campaign)
    return await db.process_state(_AcceptQueues).accept(db, actor, prepared)


async def plan_send(db: Database, actor: Actor, command: Send) -> AcceptedSending:
    """Tell what `send` would accept, and write nothing. Raises what it does."""
    prepared = await asyncio.to_thread(prepare_send, command, actor.country)
    try:
        async with db.transaction(actor) as tx:
            (planned,) = await accept_sendings(tx, actor, [prepared], [actor])
            raise _PlannedError(planned)  # noqa: TRY301 - it undoes the transaction
    except _PlannedError as error:
        return error.planned


class _PlannedError(Exception):
    """Undoes the transaction of a plan."""

    def __init__(self, planned: AcceptedSending) -> None:
        super().__init__()
        self.planned = planned


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    actor: Actor
    prepared: PreparedSend
    answer: "asyncio.Future[AcceptedSending]" = field(compare=False)


class _AcceptQueues:
    """The requests that wait for their transaction, by account."""

    def __init__(self) -> None:
        self._waiting: dict[AccountId, deque[_Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def accept(self, db: Database, actor: Actor, prepared: PreparedSend) -> AcceptedSending:
        answer: asyncio.Future[AcceptedSending] = asyncio.get_running_loop().create_future()
        queue = self._waiting.get(actor.account_id)
        one = _Waiting(actor=actor, prepared=prepared, answer=answer)
        if queue is None:
            self._waiting[actor.account_id] = deque([one])
            task = asyncio.create_task(self._work(db, actor.account_id))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            queue.append(one)
        return await answer

    async def _work(self, db: Database, account_id: AccountId) -> None:
        queue = self._waiting[account_id]
        while queue:
            together = [queue.popleft()]
            messages = len(together[0].prepared.numbers)
            while queue and len(together) < _MAX_TOGETHER and messages < MAX_RECIPIENTS_AT_ONCE:
                messages += len(queue[0].prepared.numbers)
                together.append(queue.popleft())
            await _accept_together(db, together)
        del self._waiting[account_id]


async def _accept_together(db: Database, together: Sequence[_Waiting]) -> None:
    """Accept requests in one transaction; where it fails for the sake of one, each in its own."""
    actors = [one.actor for one in together]
    try:
        accepted = await db.run(accept_sendings, actors[0], [one.prepared for one in together], actors)
    except Exception as error:  # noqa: BLE001 - it is each caller's to raise
        if len(together) > 1 and isinstance(error, InvalidInputError):
            for one in together:
                await _accept_together(db, [one])
            return
        for one in together:
            if not one.answer.done():
                one.answer.set_exception(error)
        return
    for one, outcome in zip(together, accepted, strict=True):
        if not one.answer.done():
            one.answer.set_result(outcome)


async def accept_sendings(
    tx: Tx, actor: Actor, requests: Sequence[PreparedSend], actors: Sequence[Actor]
) -> list[AcceptedSending]:
    """Accept requests of one account in their order. Raises InvalidInputError for `scheduled_at`."""
    facts = await account_facts(tx, actor)
    placements = [await _placement(tx, one, request) for one, request in zip(actors, requests, strict=True)]
    rows = _rows(tx, requests)
    events = await place_rows(tx, actor, facts, placements, rows)
    campaigns = await _campaigns(tx, actor, requests, placements)
    if any(one.is_written for one in placements):
        await _write_sendings(tx, actors, requests, placements, campaigns)
        await _count_campaigns(tx, actor, requests, placements, campaigns)
    if events:
        await append_events(tx, actor.account_id, events)
    return [_accepted(tx, request, placements[place], rows, place, campaigns) for place, request in enumerate(requests)]


async def _placement(tx: Tx, actor: Actor, request: PreparedSend) -> Placement:
    command = request.command
    due_at = command.scheduled_at if command.scheduled_at and command.scheduled_at > tx.now else tx.now
    if due_at > tx.now + MAX_SCHEDULE:
        raise InvalidInputError("scheduled_at", f"A message can be scheduled {MAX_SCHEDULE.days} days ahead at most.")
    endpoints = [
        await endpoint_for(tx, actor.account_id, command.dialect, purpose, url) if url else None
        for purpose, url in (("status", command.callback_url), ("reply", command.reply_url))
    ]
    return Placement(
        sending_id=tx.new_uuid(),
        channel=command.channel,
        traffic_class=command.traffic_class,
        sender=command.sender,
        text=request.text,
        due_at=due_at,
        expires_at=_expires_at(command, due_at),
        per_second=command.per_second,
        endpoint_id=endpoints[0],
        reply_endpoint_id=endpoints[1],
        numbered=command.numbered,
        ignores_suppressions=command.ignores_suppressions,
        only_if_any=command.only_if_any,
    )


def _expires_at(command: Send, due_at: datetime) -> datetime:
    validity = min(max(command.validity, MIN_VALIDITY), MAX_VALIDITY)
    at = due_at + validity
    return min(at, max(command.expires_at, due_at + MIN_VALIDITY)) if command.expires_at else at


def _rows(tx: Tx, requests: Sequence[PreparedSend]) -> Rows:
    """Put the recipients of all requests into one set of columns."""
    counts = [len(request.numbers) for request in requests]
    return Rows(
        places=[place for place, count in enumerate(counts) for _ in range(count)],
        numbers=[one for request in requests for one in request.numbers],
        texts=[one for request in requests for one in request.texts],
        encodings=[one for request in requests for one in request.encodings],
        parts=[one for request in requests for one in request.parts],
        failures=[one for request in requests for one in request.failures],
        message_ids=[tx.new_uuid() for _ in range(sum(counts))],
        contact_ids=[None] * sum(counts),
        custom=[
            one for request in requests for one in (request.command.recipients.custom or [None] * len(request.numbers))
        ],
        given=[one for request in requests for one in request.command.recipients.addresses],
    )


async def _campaigns(
    tx: Tx, actor: Actor, requests: Sequence[PreparedSend], placements: Sequence[Placement]
) -> Mapping[CampaignName, CampaignNumbers]:
    names = {
        _campaign_name(request.command)
        for request, one in zip(requests, placements, strict=True)
        if one.is_written and request.command.campaign is not None
    }
    return await campaigns_named(tx, actor.account_id, names)


def _campaign_name(command: Send) -> CampaignName:
    return command.channel, (command.campaign or "").strip()


async def _write_sendings(
    tx: Tx,
    actors: Sequence[Actor],
    requests: Sequence[PreparedSend],
    placements: Sequence[Placement],
    campaigns: Mapping[CampaignName, CampaignNumbers],
) -> None:
    records = [
        _sending(actors[place], request, placements[place], campaigns.get(_campaign_name(request.command)))
        for place, request in enumerate(requests)
        if placements[place].is_written
    ]
    await tx.execute(SQL["add_sendings"], actors[0].account_id, tx.now, *map(list, zip(*records, strict=True)))


def _sending(
    actor: Actor, request: PreparedSend, placement: Placement, campaign: CampaignNumbers | None
) -> tuple[object, ...]:
    command = request.command
    options = dict(command.options)
    if command.ignores_suppressions:
        options["ignores_suppressions"] = True
    has_campaign = command.campaign is not None and campaign is not None
    return (
        placement.sending_id,
        campaign.campaign_id if has_campaign and campaign else None,
        SendingState.ACTIVE if placement.waiting else SendingState.FINISHED,
        command.dialect,
        actor.credential_id,
        command.channel,
        command.traffic_class,
        command.sender,
        request.text,
        request.encoding,
        _encode(options).decode(),
        command.reference,
        placement.endpoint_id,
        placement.reply_endpoint_id,
        command.scheduled_at,
        placement.expires_at - placement.due_at,
        placement.expires_at,
        command.per_second,
        placement.expires_at + RECEIPT_GRACE if placement.waiting else None,
        placement.recipients,
        placement.excluded,
        placement.waiting,
        placement.parts,
        placement.reserved,
    )


async def _count_campaigns(
    tx: Tx,
    actor: Actor,
    requests: Sequence[PreparedSend],
    placements: Sequence[Placement],
    campaigns: Mapping[CampaignName, CampaignNumbers],
) -> None:
    recipients: dict[int, int] = {}
    excluded: dict[int, int] = {}
    parts: dict[int, int] = {}
    for request, one in zip(requests, placements, strict=True):
        if request.command.campaign is None or not one.is_written:
            continue
        campaign_id = campaigns[_campaign_name(request.command)].campaign_id
        recipients[campaign_id] = recipients.get(campaign_id, 0) + one.recipients
        excluded[campaign_id] = excluded.get(campaign_id, 0) + one.excluded
        parts[campaign_id] = parts.get(campaign_id, 0) + one.parts
    tallies = {
        campaign_id: tally_of(
            {MessageState.EXCLUDED: excluded[campaign_id], MessageState.WAITING: count - excluded[campaign_id]}
        )
        for campaign_id, count in recipients.items()
    }
    if tallies:
        await count_in_campaigns(tx, actor.account_id, tallies, recipients=recipients, parts=parts)


def _accepted(  # noqa: PLR0913, PLR0917 - an answer is made of all
    tx: Tx,
    request: PreparedSend,
    placement: Placement,
    rows: Rows,
    place: int,
    campaigns: Mapping[CampaignName, CampaignNumbers],
) -> AcceptedSending:
    start = rows.places.index(place) if request.numbers else 0
    mine = slice(start, start + len(request.numbers))
    shared = length_of(request.text, request.encoding) if request.encoding else 0
    texts, encodings = rows.texts[mine], rows.encodings[mine]
    return AcceptedSending(
        sending_id=placement.sending_id,
        state=SendingState.ACTIVE if placement.waiting else SendingState.FINISHED,
        is_written=placement.is_written,
        created_at=tx.now,
        due_at=placement.due_at,
        expires_at=placement.expires_at,
        numbers=rows.numbers[mine],
        message_ids=rows.message_ids[mine],
        failures=rows.failures[mine],
        parts=rows.parts[mine],
        lengths=[
            shared if text is None else length_of(text, encoding)
            for text, encoding in zip(texts, encodings, strict=True)
        ],
        encodings=encodings,
        cost=placement.reserved,
        guids=[guid or 0 for guid in rows.guids[mine]] if placement.numbered else (),
        campaign=campaigns.get(_campaign_name(request.command)) if request.command.campaign is not None else None,
    )
