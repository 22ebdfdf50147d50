"""Callbacks: delivery reports and other statuses of messages, and replies.

Callback Responses, SMS Reply Callback, IM Reply Callback. A message that has failed by Viber and is sent as an SMS has
statuses of both, each in a call of its type.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from carillon.billing.money import format_amount
from carillon.carriers.failures import Failure
from carillon.dialects.apifon.auth import DIALECT
from carillon.dialects.apifon.mapping_im import CHANNEL
from carillon.dialects.apifon.statuses import ACCEPTED, ACCEPTED_SMSC, DELIVERED, OPEN, SmsStatus, status_of_message
from carillon.dialects.apifon.statuses_im import SEEN, ImStatus, status_of_instant
from carillon.events.format import CallbackFacts, CallbackFormat, CallbackRequest, MessageFacts, SendingFacts
from carillon.events.log import Event
from carillon.links.clicks import CLICKED
from carillon.messaging.states import MessageState

REPLY = "reply"
FALLBACK_EVENT, SEEN_EVENT = "fallback", "seen"
SMS, VIBER = "SMS", "VIBER"

MAX_STATUSES = 100
"""So many statuses of one request go in one callback."""

# "three more time with a two minute gap"
_SCHEDULE = (timedelta(minutes=2),) * 3
_REPORTED = frozenset({*MessageState, FALLBACK_EVENT, SEEN_EVENT}) - {
    MessageState.WAITING,
    MessageState.UNCERTAIN,
    MessageState.CANCELLED,
}
_NO_ERROR = "000"
_encode = msgspec.json.Encoder().encode


def is_reported(facts: CallbackFacts) -> bool:
    """Tell what a client hears of: the states of its messages, that their links were opened, and replies.

    Not that a message was removed, which its own call has answered, nor what says nothing yet. Replies to an instant
    message go to its reply_url alone.
    """
    if facts.event.kind == REPLY:
        return facts.sending is None or facts.sending.channel != CHANNEL or facts.purpose == REPLY
    return facts.event.kind in {*_REPORTED, CLICKED} and facts.message is not None and facts.sending is not None


def stands_alone(facts: CallbackFacts) -> bool:
    """Tell what is in no callback with others: a reply."""
    return facts.event.kind == REPLY


def type_of(facts: CallbackFacts) -> str:
    """Tell by what a message was sent that an event is of."""
    return VIBER if facts.message is not None and facts.message.channel == CHANNEL else SMS


def render(facts: Sequence[CallbackFacts]) -> CallbackRequest:
    """Write statuses of one request, or one reply."""
    if not stands_alone(facts[0]):
        body = _statuses(facts)
    else:
        body = _im_reply(facts[0]) if type_of(facts[0]) == VIBER else _reply(facts[0])
    return CallbackRequest(content_type="application/json; charset=utf-8", body=_encode(body))


def _statuses(facts: Sequence[CallbackFacts]) -> Mapping[str, Any]:
    first = facts[0]
    sending = first.sending
    if sending is None:
        raise AssertionError("a status that is told has its sending")
    return {
        "url": first.url,
        "request_id": str(sending.sending_id),
        "reference_id": sending.reference,
        "data": [_status(one) for one in facts],
        "account_id": first.account_id,
        "type": type_of(first),
    }


def _status(facts: CallbackFacts) -> dict[str, Any]:
    message, sending, event = facts.message, facts.sending, facts.event
    if message is None or sending is None:
        raise AssertionError("a status that is told has its message and its sending")
    code, network = event.data.get("code"), event.data.get("network")
    status = status_of(facts)
    shown = {
        "from": message.sender,
        "to": message.address,
        "message_id": str(message.message_id),
        "custom_id": _custom_id(message),
        "status": {"code": status.code, "text": status.text},
        "error_code": str(code) if code else _error_code(status),
        "timestamp": _seconds(event.at),
        "price": format_amount(message.price, decimals=1),
        "vat": format_amount(message.vat, decimals=1),
        "mccmnc": network or message.network,
        "metadata": _metadata(event) if status is OPEN else None,
    }
    return {key: value for key, value in shown.items() if value is not None}


def status_of(facts: CallbackFacts) -> SmsStatus | ImStatus:
    """Choose the status that an event is told with, from the table of its message's channel."""
    kind, given = facts.event.kind, facts.event.data.get("reason")
    if kind == CLICKED:
        return OPEN
    if kind in {FALLBACK_EVENT, SEEN_EVENT}:
        return ACCEPTED if kind == FALLBACK_EVENT else SEEN
    reason = Failure(given) if isinstance(given, str) else None
    if type_of(facts) == VIBER:
        return status_of_instant(MessageState(kind), reason)
    return status_of_message(MessageState(kind), reason)


def _metadata(event: Event) -> Mapping[str, Any]:
    """Say which link was opened with what; `class` is ours, as metadata may have other properties."""
    given = event.data
    shown = {
        "url": given.get("url") or given.get("page"),
        "short_code": given.get("short_code"),
        "browser": given.get("browser"),
        "os": given.get("os"),
        "ip": given.get("ip"),
        "micro_timestamp": int(event.at.timestamp() * 1_000),
        "class": given.get("class"),
    }
    return {name: value for name, value in shown.items() if value is not None}


def _custom_id(message: MessageFacts) -> object:
    return message.custom.get("custom_id") if isinstance(message.custom, Mapping) else None


def _error_code(status: SmsStatus | ImStatus) -> str | None:
    return _NO_ERROR if status in {ACCEPTED, ACCEPTED_SMSC, DELIVERED} else None


def _reply(facts: CallbackFacts) -> Mapping[str, Any]:
    given = facts.event.data
    return {
        "message_id": str(facts.event.event_id),
        "from": given.get("from", ""),
        "to": facts.message.sender if facts.message else given.get("to", ""),
        "text": given.get("text", ""),
        "timestamp": _seconds(facts.event.at),
        "type": "SMS",
    }


def _im_reply(facts: CallbackFacts) -> Mapping[str, Any]:
    """Write a reply by Viber. The reference spells the media's keys in two ways, and both are there."""
    message, sending, given = facts.message, facts.sending, facts.event.data
    if message is None or sending is None:
        raise AssertionError("a reply by Viber answers a message")
    url, name = given.get("media_url"), given.get("media_name")
    return {
        "channel": VIBER,
        "reply": {
            "reply_message_id": str(facts.event.event_id),
            "from": given.get("from", ""),
            "to": message.sender,
            "timestamp": _seconds(facts.event.at),
            "price": 0.0,
            "message": {
                "text": given.get("text") or None,
                "mediaUrl": url,
                "mediaFileName": name,
                "media_url": url,
                "media_filename": name,
            },
        },
        "original_im": _original(message, sending),
    }


def _original(message: MessageFacts, sending: SendingFacts) -> Mapping[str, Any]:
    return {
        "message_id": str(message.message_id),
        "request_id": str(sending.sending_id),
        "reference_id": sending.reference,
        "custom_id": _custom_id(message),
    }


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


CALLBACK_FORMAT = CallbackFormat(
    dialect=DIALECT,
    schedule=_SCHEDULE,
    render=render,
    tells=is_reported,
    stands_alone=stands_alone,
    kind_of=type_of,
    max_batch=MAX_STATUSES,
)
