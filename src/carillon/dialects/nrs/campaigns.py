"""The operations on campaigns and sendings: look at them, and report what happened."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime

from carillon.audience.contacts.contact import read_id
from carillon.dialects.nrs import schemas
from carillon.dialects.nrs.mapping_campaigns import (
    CAMPAIGNS,
    CHANNELS,
    SENDINGS,
    report_head,
    report_lines,
    show_campaign,
    show_sending,
)
from carillon.dialects.nrs.mapping_sends import read_moment
from carillon.dialects.nrs.paging import read_page, show_page
from carillon.dialects.nrs.replies import One
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.page import Counted, NumberedPage
from carillon.messaging.campaigns import Campaign, GetCampaign, PageCampaigns, get_campaign, page_campaigns
from carillon.messaging.reports import EventReport, ReportEvents, report_events
from carillon.tenancy.accounts import get_account

CSV = "text/csv; charset=utf-8"


async def list_campaigns(call: Call) -> Answer:
    """Show a page of campaigns."""
    page = read_page(call.query)
    found, currency = await _found(call, page)
    base_url = call.request.base_url
    return Answer(
        data=show_page(call.request, CAMPAIGNS, page, found, lambda one: show_campaign(one, currency, base_url))
    )


async def list_sendings(call: Call) -> Answer:
    """Show a page of sendings."""
    page = read_page(call.query)
    found, currency = await _found(call, page)
    base_url = call.request.base_url
    return Answer(
        data=show_page(call.request, SENDINGS, page, found, lambda one: show_sending(one, currency, base_url))
    )


async def _found(call: Call, page: NumberedPage) -> tuple[Counted[Campaign], str]:
    asked: schemas.ListSendings = call.query
    query = PageCampaigns(
        name=asked.name.strip() or None,
        channels=_channels(asked.channel),
        before=_moment(asked.before_date, "beforeDate"),
        after=_moment(asked.after_date, "afterDate"),
        page=page,
    )
    return await call.db.read(page_campaigns, call.actor, query), await _currency(call)


def _channels(text: str) -> list[str] | None:
    name = text.strip().lower()
    if not name:
        return None
    return [CHANNELS[name]] if name in CHANNELS else []


def _moment(text: str, name: str) -> datetime | None:
    # A plus that the caller has not encoded is a blank by now.
    try:
        return read_moment(text.strip().replace(" ", "+") if "T" in text else text)
    except ValueError as error:
        raise InvalidInputError(name, "It is no date in ISO 8601.") from error


async def _currency(call: Call) -> str:
    return (await call.db.read(get_account, call.actor)).currency


async def show_one_campaign(call: Call) -> Answer:
    """Show a campaign with its sending."""
    campaign = await _campaign(call)
    return Answer(data=One(show_campaign(campaign, await _currency(call), call.request.base_url)))


async def list_sendings_of_campaign(call: Call) -> Answer:
    """Show the sending of a campaign, as a list."""
    page, campaign = read_page(call.query), await _campaign(call)
    currency, base_url = await _currency(call), call.request.base_url
    path = f"{CAMPAIGNS}/{campaign.campaign_id}/sendings"
    found = Counted(items=[campaign] if page.number == 1 else [], total=1)
    return Answer(data=show_page(call.request, path, page, found, lambda one: show_sending(one, currency, base_url)))


async def show_one_sending(call: Call) -> Answer:
    """Show a sending."""
    query = GetCampaign(sending_number=_number(call, "sending"))
    campaign = await call.db.read(get_campaign, call.actor, query)
    return Answer(data=One(show_sending(campaign, await _currency(call), call.request.base_url)))


async def _campaign(call: Call) -> Campaign:
    return await call.db.read(get_campaign, call.actor, GetCampaign(campaign_id=_number(call, "campaign")))


def _number(call: Call, subject: str) -> int:
    number = read_id(call.request.segments["id"])
    if number is None:
        raise NotFoundError(subject)
    return number


async def report(call: Call) -> Answer:
    """Answer a line for each event of a sending, while they are read."""
    asked: schemas.ReportEvents = call.query
    query = ReportEvents(
        sending_number=_number(call, "sending"),
        before=_moment(asked.before_date, "beforeDate"),
        after=_moment(asked.after_date, "afterDate"),
    )
    found = await call.db.run_spanning(report_events, call.actor, query)
    return Answer(stream=_report(found, with_custom_fields=bool(asked.show_custom_fields)), media_type=CSV)


async def _report(found: EventReport, *, with_custom_fields: bool) -> AsyncGenerator[bytes, None]:
    yield report_head(with_custom_fields=with_custom_fields)
    async for events in found.pages:
        yield await asyncio.to_thread(report_lines, found.campaign, events, with_custom_fields=with_custom_fields)
