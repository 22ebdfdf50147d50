"""Event notifications: which of our events have which of 360NRS's names, and the call that tells one."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from urllib.parse import quote, urlencode

import msgspec

from carillon.dialects.nrs.mapping import show_moment
from carillon.events.format import CallbackFacts, CallbackFormat, CallbackRequest
from carillon.links.clicks import CLICKED
from carillon.messaging.states import MessageState

DIALECT = "nrs"

RETRIES = tuple(timedelta(minutes=one) for one in (1, 2, 3, 4, 5))

EVENTS: Mapping[str, str | None] = {
    MessageState.WAITING: None,
    MessageState.UNCERTAIN: None,
    MessageState.SUBMITTED: "sent",
    MessageState.DELIVERED: "delivered",
    MessageState.UNDELIVERED: "undelivered",
    MessageState.UNKNOWN: "undelivered",
    MessageState.REJECTED: "rejected",
    MessageState.EXCLUDED: "rejected",
    MessageState.EXPIRED: "expired",
    MessageState.CANCELLED: None,
    "unsubscribed": "unsubscribed",
    "reply": "replied",
    CLICKED: "clicked",
}
"""Each kind of our events by 360NRS's name; None is not told."""

_FORM = "application/x-www-form-urlencoded"
_KEPT = ("reason", "code", "network", "from", "to", "text")


def event_name(kind: str, data: Mapping[str, object]) -> str | None:
    """Return 360NRS's name of an event; None for one that isn't told.

    Who is excluded when a request is accepted is told in its reply: only later exclusions are events.
    """
    if kind == MessageState.EXCLUDED and "was" not in data:
        return None
    return EVENTS.get(kind)


def tells(facts: CallbackFacts) -> bool:
    """Tell whether an event has a name, and a message that it is about."""
    return facts.message is not None and event_name(facts.event.kind, facts.event.data) is not None


def _extra(kind: str, data: Mapping[str, object]) -> dict[str, object]:
    """Return what is said beside an event; of a click its URL, encoded, and who clicked, which is ours."""
    if kind == CLICKED:
        return {"url": quote(clicked_url(data), safe=""), "class": data.get("class")}
    return {name: data[name] for name in _KEPT if name in data}


def clicked_url(data: Mapping[str, object]) -> str:
    """Return where a click has led: a URL, or the key of a landing page."""
    return str(data.get("url") or data.get("page") or "")


def render(batch: Sequence[CallbackFacts]) -> CallbackRequest:
    """Make the form of one event."""
    (facts,) = batch
    message, sending = facts.message, facts.sending
    if message is None or sending is None:
        raise AssertionError("only events of messages are told")
    has_campaign = bool(sending.campaign_name) and sending.campaign_id is not None
    extra = _extra(facts.event.kind, facts.event.data)
    form = {
        "id": str(message.message_id),
        "channel": sending.channel,
        "contactId": message.contact_id or 0,
        "campaignId": sending.campaign_id if has_campaign else 0,
        "campaignName": sending.campaign_name,
        "event": event_name(facts.event.kind, facts.event.data),
        "extra": msgspec.json.encode(extra).decode(),
        "eventDate": show_moment(facts.event.at),
    }
    return CallbackRequest(content_type=_FORM, body=urlencode(form).encode())


CALLBACKS = CallbackFormat(
    dialect=DIALECT,
    schedule=RETRIES,
    render=render,
    tells=tells,
    is_success=lambda status: status == HTTPStatus.OK,
)
