"""Campaigns, sendings, scheduled messages and reports, to 360NRS's values. Pure."""

import csv
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from io import StringIO

import polars as pl
from msgspec import UNSET

from carillon.addresses.normalise import normalise_phones
from carillon.billing.money import UNIT
from carillon.dialects.nrs import replies
from carillon.dialects.nrs.callbacks import EVENTS, clicked_url, event_name
from carillon.dialects.nrs.mapping import show_moment
from carillon.links.clicks import CLICKED
from carillon.messaging.campaigns import Campaign
from carillon.messaging.reports import EventLine
from carillon.messaging.scheduling import ScheduledMessage

CAMPAIGNS = "/api/rest/campaigns"
SENDINGS = "/api/rest/sendings"

CHANNELS = {"sms": "sms", "mailing": "email", "text2speech": "voice"}
"""Those of 360NRS's channels that something can be sent on, under our names."""
_SHOWN_CHANNELS = {ours: theirs for theirs, ours in CHANNELS.items()}

TYPES = {"SMS": "sms", "MAILING": "email"}
_SHOWN_TYPES = {ours: theirs for theirs, ours in TYPES.items()}
_SHOWN_ENCODINGS = {"gsm": "gsm", "gsm-pt": "gsm-pt", "ucs2": "utf-16"}

# What the API sends is of sendings that take more messages, whatever became of those before.
_STATUS = "OPENED"
_BASIC = "basic"

COLUMNS = (
    *("campaignName", "campaignId", "sendingId", "contactId", "event", "phone", "email", "landline", "countryIso"),
    *("browser", "os", "url", "createdAt"),
)
CUSTOM_FIELDS = "customFields"


def show_campaign(campaign: Campaign, currency: str, base_url: str) -> replies.Campaign:
    """Show a campaign with the one sending that it has."""
    url = f"{base_url}{CAMPAIGNS}/{campaign.campaign_id}"
    return replies.Campaign(
        id=campaign.campaign_id,
        name=campaign.name,
        type=_BASIC,
        created_at=show_moment(campaign.created_at),
        updated_at=show_moment(campaign.updated_at),
        links=replies.CampaignLinks(url=url, sendings=f"{url}/sendings"),
        sendings=replies.Inner(data=[show_sending(campaign, currency, base_url)]),
    )


def show_sending(campaign: Campaign, currency: str, base_url: str) -> replies.Sending:
    """Show the sending of a campaign: it is open, and has no dates of its own but that of its first message."""
    url = f"{base_url}{SENDINGS}/{campaign.sending_number}"
    return replies.Sending(
        id=campaign.sending_number,
        campaign_name=campaign.name,
        status=_STATUS,
        channel=_SHOWN_CHANNELS.get(campaign.channel, campaign.channel),
        total=campaign.recipients - campaign.excluded - campaign.cancelled,
        processed=campaign.sent,
        total_sms_parts=campaign.parts,
        cost=campaign.cost / UNIT,
        currency=currency,
        tags=list(campaign.tags),
        scheduled_at=None,
        expires_at=None,
        started_at=None if campaign.started_at is None else show_moment(campaign.started_at),
        finished_at=None,
        created_at=show_moment(campaign.created_at),
        updated_at=show_moment(campaign.updated_at),
        events=replies.Events(
            delivered=campaign.delivered,
            unsubscribed=campaign.unsubscribed,
            sent=campaign.sent,
            undelivered=campaign.undelivered + campaign.unknown,
            rejected=campaign.rejected,
            expired=campaign.expired,
        ),
        links=replies.SendingLinks(url=url, events_report=f"{url}/reports/events"),
    )


def show_plain_moment(moment: datetime) -> str:
    """Write a moment in UTC: 2017-09-18 10:49:12."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def show_scheduled(message: ScheduledMessage, *, with_content: bool) -> replies.Scheduled:
    """Show a scheduled message, by itself with its content."""
    sending_id = message.sending_number or 0
    content = replies.ScheduledContent(
        to=message.address,
        sender=message.sender,
        encoding=_SHOWN_ENCODINGS.get(message.encoding or "", "gsm"),
        message=message.text,
        campaign_id=message.campaign_id or 0,
        sending_id=sending_id,
    )
    return replies.Scheduled(
        guid=str(message.guid),
        type=_SHOWN_TYPES.get(message.channel, "SMS"),
        sending_id=UNSET if with_content else sending_id,
        content=content if with_content else UNSET,
        created_at=show_plain_moment(message.created_at),
        updated_at=show_plain_moment(message.created_at),
        scheduled_at=show_plain_moment(message.scheduled_at),
    )


def report_head(*, with_custom_fields: bool) -> bytes:
    """Write the first line of a report."""
    return _lines([[*COLUMNS, *([CUSTOM_FIELDS] if with_custom_fields else [])]])


def report_lines(campaign: Campaign, events: Sequence[EventLine], *, with_custom_fields: bool) -> bytes:
    """Write the lines of events that have a name here."""
    named = [(one, event_name(one.kind, one.data)) for one in events]
    shown = [(one, name) for one, name in named if name is not None]
    regions = normalise_phones(pl.Series([f"+{one.address}" for one, _ in shown], dtype=pl.String), None)["region"]
    return _lines(
        [
            [
                *(campaign.name, campaign.campaign_id, campaign.sending_number, one.contact_id, event),
                *(one.address, "", "", region, *_visit(event, one.data), show_moment(one.at)),
                *([one.custom] if with_custom_fields else []),
            ]
            for (one, event), region in zip(shown, regions, strict=True)
        ]
    )


def _visit(event: str, data: Mapping[str, object]) -> tuple[object, object, str]:
    """Return the browser, the system and the URL of a click; of other events they are empty."""
    if event != EVENTS[CLICKED]:
        return "", "", ""
    return data.get("browser", ""), data.get("os", ""), clicked_url(data)


def _lines(rows: Sequence[Sequence[object]]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
