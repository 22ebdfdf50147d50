"""The rows of accepted sendings, and what their callers are answered."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import accumulate

import msgspec

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError
from carillon.events.endpoints import endpoint_for
from carillon.kit.actor import Actor
from carillon.messaging.campaigns import CampaignName, add_tags, campaigns_named
from carillon.messaging.ledger import count_in_campaigns, tally_of
from carillon.messaging.options import stored_options
from carillon.messaging.placement import Placement, Rows
from carillon.messaging.prepare import PreparedSend, length_of
from carillon.messaging.rules.quiet import longest_wait
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

SQL = load_statements("carillon.messaging", "sending_rows.sql")

_encode = msgspec.json.Encoder().encode


async def placement_of(tx: Tx, actor: Actor, request: PreparedSend) -> Placement:
    """Place a request in time and say where it is told. Raises InvalidInputError for `scheduled_at`, `per_second`."""
    command = request.command
    due_at = command.scheduled_at if command.scheduled_at and command.scheduled_at > tx.now else tx.now
    if due_at > tx.now + MAX_SCHEDULE:
        raise InvalidInputError("scheduled_at", f"A message can be scheduled {MAX_SCHEDULE.days} days ahead at most.")
    endpoints = [
        await endpoint_for(tx, actor.account_id, command.dialect, purpose, url) if url else None
        for purpose, url in (("status", command.callback_url), ("reply", command.reply_url))
    ]
    placement = Placement(
        sending_id=tx.new_uuid(),
        channel=command.channel,
        traffic_class=command.traffic_class,
        sender=command.sender,
        text=request.text,
        due_at=due_at,
        expires_at=_expires_at(request, due_at),
        per_second=command.per_second,
        endpoint_id=endpoints[0],
        reply_endpoint_id=endpoints[1],
        numbered=command.numbered,
        ignores_suppressions=command.ignores_suppressions,
        flash=command.options.get("flash") is True,
        only_if_any=command.only_if_any,
        avoids=command.avoids,
        shown=request.shown if request.seal is not None else None,
        content=command.content,
        fallback=request.fallback,
    )
    require_pace(placement, len(request.numbers))
    return placement


def require_pace(placement: Placement, recipients: int) -> None:
    """Require that the last of so many is due before it expires. Raises InvalidInputError for `per_second`."""
    pace = placement.per_second
    if pace is None:
        return
    if not (math.isfinite(pace) and pace > 0):
        raise InvalidInputError("per_second", "A pace is a number of messages a second, more than none.")
    valid = (placement.expires_at - placement.due_at).total_seconds()
    if recipients / pace > valid:
        least = math.ceil(10 * recipients / valid) / 10
        raise InvalidInputError(
            "per_second",
            f"At this pace the last of {recipients:,} would be due after {valid / 3600:g} hours, when it has expired: "
            f"{least:g} a second are enough.",
        )


def _expires_at(request: PreparedSend, due_at: datetime) -> datetime:
    """Return when nothing is submitted any more; what waits for a country's hours is valid from then on."""
    command = request.command
    shortest = MIN_VALIDITY[command.channel]
    validity = min(max(command.validity, shortest), MAX_VALIDITY)
    at = due_at + validity + longest_wait(None if command.groups else request.numbers, due_at, command.traffic_class)
    return min(at, max(command.expires_at, due_at + shortest)) if command.expires_at else at


def rows_of(tx: Tx, requests: Sequence[PreparedSend]) -> Rows:
    """Put the recipients of all requests into one set of columns."""
    counts = [len(request.numbers) for request in requests]
    return Rows(
        places=[place for place, count in enumerate(counts) for _ in range(count)],
        numbers=[one for request in requests for one in request.numbers],
        texts=[one for request in requests for one in request.texts],
        encodings=[one for request in requests for one in request.encodings],
        parts=[one for request in requests for one in request.parts],
        failures=[one for request in requests for one in request.failures],
        message_ids=tx.new_uuids(sum(counts)),
        contact_ids=[None] * sum(counts),
        custom=[
            one for request in requests for one in (request.command.recipients.custom or [None] * len(request.numbers))
        ],
        given=[one for request in requests for one in request.command.recipients.addresses],
        links=[
            (start, request.links)
            for start, request in zip(accumulate(counts, initial=0), requests, strict=False)
            if request.links
        ],
        fallbacks=[one for request in requests for one in (request.fallbacks or [None] * len(request.numbers))]
        if any(request.fallbacks for request in requests)
        else [],
        button_urls=[one for request in requests for one in (request.button_urls or [None] * len(request.numbers))]
        if any(request.button_urls for request in requests)
        else [],
    )


async def campaigns_of(
    tx: Tx, actor: Actor, requests: Sequence[PreparedSend], placements: Sequence[Placement]
) -> Mapping[CampaignName, CampaignNumbers]:
    """Return the campaigns of requests that are written, made where they are missing."""
    names = {
        campaign_name(request.command)
        for request, one in zip(requests, placements, strict=True)
        if one.is_written and request.command.campaign is not None
    }
    return await campaigns_named(tx, actor.account_id, names)


def campaign_name(command: Send) -> CampaignName:
    """Name the campaign of a request."""
    return command.channel, (command.campaign or "").strip()


async def write_sendings(
    tx: Tx,
    actors: Sequence[Actor],
    requests: Sequence[PreparedSend],
    placements: Sequence[Placement],
    campaigns: Mapping[CampaignName, CampaignNumbers],
) -> None:
    """Write the sendings of requests."""
    records = [
        _sending(actors[place], request, placements[place], campaigns.get(campaign_name(request.command)))
        for place, request in enumerate(requests)
        if placements[place].is_written
    ]
    tx.defer(SQL["add_sendings"], actors[0].account_id, tx.now, *map(list, zip(*records, strict=True)))


def _sending(
    actor: Actor, request: PreparedSend, placement: Placement, campaign: CampaignNumbers | None
) -> tuple[object, ...]:
    command = request.command
    options = {**command.options, **stored_options(command.content, request.fallback)}
    if command.ignores_suppressions:
        options["ignores_suppressions"] = True
    has_campaign = command.campaign is not None and campaign is not None
    return (
        placement.sending_id,
        campaign.campaign_id if has_campaign and campaign else None,
        state_of(placement),
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
        placement.last_at + RECEIPT_GRACE if state_of(placement) is not SendingState.FINISHED else None,
        placement.recipients,
        placement.excluded,
        placement.waiting,
        placement.parts,
        placement.reserved,
        request.seal(placement.sending_id) if request.seal else None,
    )


async def count_campaigns(
    tx: Tx,
    actor: Actor,
    requests: Sequence[PreparedSend],
    placements: Sequence[Placement],
    campaigns: Mapping[CampaignName, CampaignNumbers],
) -> None:
    """Count what was accepted in its campaigns."""
    recipients: dict[int, int] = {}
    excluded: dict[int, int] = {}
    tags: set[tuple[int, str]] = set()
    for request, one in zip(requests, placements, strict=True):
        if request.command.campaign is None or not one.is_written:
            continue
        campaign_id = campaigns[campaign_name(request.command)].campaign_id
        recipients[campaign_id] = recipients.get(campaign_id, 0) + one.recipients
        excluded[campaign_id] = excluded.get(campaign_id, 0) + one.excluded
        tags.update((campaign_id, tag) for tag in request.command.tags)
    tallies = {
        campaign_id: tally_of(
            {MessageState.EXCLUDED: excluded[campaign_id], MessageState.WAITING: count - excluded[campaign_id]}
        )
        for campaign_id, count in recipients.items()
    }
    if tallies:
        await count_in_campaigns(tx, actor.account_id, tallies, recipients=recipients)
    await add_tags(tx, actor.account_id, tags)


def state_of(placement: Placement) -> SendingState:
    """Tell where a sending begins."""
    if placement.is_materialising:
        return SendingState.MATERIALISING
    return SendingState.ACTIVE if placement.waiting else SendingState.FINISHED


def accepted_of(  # noqa: PLR0913, PLR0917 - an answer is made of all
    tx: Tx,
    request: PreparedSend,
    placement: Placement,
    rows: Rows,
    place: int,
    campaigns: Mapping[CampaignName, CampaignNumbers],
    *,
    members: int = 0,
) -> AcceptedSending:
    """Answer the caller of a request, whose rows are those of a place."""
    start = rows.places.index(place) if request.numbers else 0
    mine = slice(start, start + len(request.numbers))
    texts, encodings = rows.texts[mine], rows.encodings[mine]
    return AcceptedSending(
        sending_id=placement.sending_id,
        state=state_of(placement),
        is_written=placement.is_written,
        created_at=tx.now,
        due_at=placement.due_at,
        expires_at=placement.expires_at,
        numbers=rows.numbers[mine],
        message_ids=rows.message_ids[mine],
        failures=rows.failures[mine],
        parts=rows.parts[mine],
        lengths=[request.length] * len(texts)
        if request.length is not None
        else [
            length_of(request.shown if text is None else text, encoding)
            for text, encoding in zip(texts, encodings, strict=True)
        ],
        encodings=encodings,
        cost=placement.reserved,
        guids=[guid or 0 for guid in rows.guids[mine]] if placement.numbered else (),
        members=members,
        links=request.links.short if request.links else None,
        campaign=campaigns.get(campaign_name(request.command)) if request.command.campaign is not None else None,
    )
