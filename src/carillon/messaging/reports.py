"""Reports of what happened to the messages of a campaign, however many: read page by page, in constant memory."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import msgspec
from asyncpg import Record

from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.messaging.campaigns import Campaign, GetCampaign, get_campaign

SQL = load_statements("carillon.messaging", "reports.sql")

_PAGE = 5_000
# Sendings with so many recipients together are read at once: a campaign may have a million sendings of one recipient.
_FEW_RECIPIENTS = 1_000
_SENDINGS = 500
_FIRST = UUID(int=0)

_decode = msgspec.json.Decoder(dict[str, object]).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportEvents:
    """Ask for the events of a campaign, named by the number of its sending, between two moments."""

    sending_number: int
    after: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventLine:
    """An event with the recipient of its message; `address` is E.164 digits."""

    kind: str
    at: datetime
    data: Mapping[str, object] = field(repr=False)
    contact_id: int | None
    address: str = field(repr=False)
    custom: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventReport:
    """A campaign and its events, in pages: sending after sending, each in the order of its events."""

    campaign: Campaign
    pages: AsyncGenerator[Sequence[EventLine], None]


async def report_events(db: Database, actor: Actor, query: ReportEvents) -> EventReport:
    """Begin a report. Each page is read when it is asked for. Raises NotFoundError for `sending`."""
    campaign = await db.read(get_campaign, actor, GetCampaign(sending_number=query.sending_number))
    return EventReport(campaign=campaign, pages=_pages(db, actor, query, campaign.campaign_id))


async def _pages(
    db: Database, actor: Actor, query: ReportEvents, campaign_id: int
) -> AsyncGenerator[Sequence[EventLine], None]:
    last = _FIRST
    while True:
        sendings = await db.read(_sendings, actor, campaign_id, last)
        if not sendings:
            return
        after, page = 0, _PAGE
        while page == _PAGE:
            events = await db.read(_events, actor, query, sendings, after)
            page = len(events)
            if events:
                after = events[-1]["sequence"]
                yield await db.read(_with_recipients, actor, events)
        last = sendings[-1]


async def _sendings(tx: Tx, actor: Actor, campaign_id: int, after: UUID) -> list[UUID]:
    """Return the next sendings whose events are read together: many small ones, or a large one alone."""
    rows = await tx.fetch(SQL["sendings_of_campaign"], actor.account_id, campaign_id, after, _SENDINGS)
    taken: list[UUID] = []
    recipients = 0
    for row in rows:
        recipients += row["recipients"]
        if taken and recipients > _FEW_RECIPIENTS:
            break
        taken.append(row["sending_id"])
    return taken


async def _events(tx: Tx, actor: Actor, query: ReportEvents, sendings: Sequence[UUID], after: int) -> list[Record]:
    bounds = (after, query.after, query.before, _PAGE)
    if len(sendings) == 1:
        return await tx.fetch(SQL["events_of_sending"], actor.account_id, sendings[0], *bounds)
    return await tx.fetch(SQL["events_of_sendings"], actor.account_id, list(sendings), *bounds)


async def _with_recipients(tx: Tx, actor: Actor, events: Sequence[Record]) -> list[EventLine]:
    ids = sorted({event["message_id"] for event in events if event["message_id"] is not None})
    rows = await tx.fetch(SQL["recipients_of_messages"], actor.account_id, ids, ids[0], ids[-1]) if ids else []
    found = {row["message_id"]: row for row in rows}
    return [
        EventLine(
            kind=event["kind"],
            at=event["at"],
            data=_decode(event["data"]) if event["data"] else {},
            contact_id=found[event["message_id"]]["contact_id"],
            address=found[event["message_id"]]["address"],
            custom=found[event["message_id"]]["custom"],
        )
        for event in events
        if event["message_id"] in found
    ]
