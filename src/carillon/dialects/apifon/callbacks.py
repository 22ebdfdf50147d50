"""Callbacks: delivery reports and other statuses of messages, and replies (Callback Responses, SMS Reply Callback)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from carillon.billing.money import format_amount
from carillon.carriers.failures import Failure
from carillon.dialects.apifon.auth import DIALECT
from carillon.dialects.apifon.statuses import ACCEPTED, ACCEPTED_SMSC, DELIVERED, OPEN, SmsStatus, status_of_message
from carillon.events.format import CallbackFacts, CallbackFormat, CallbackRequest
from carillon.events.log import Event
from carillon.links.clicks import CLICKED
from carillon.messaging.states import MessageState

REPLY = "reply"

MAX_STATUSES = 100
"""So many statuses of one request go in one callback."""

# "three more time with a two minute gap"
_SCHEDULE = (timedelta(minutes=2),) * 3
_REPORTED = frozenset(MessageState) - {MessageState.WAITING, MessageState.UNCERTAIN, MessageState.CANCELLED}
_NO_ERROR = "000"
_encode = msgspec.json.Encoder().encode


def is_reported(facts: CallbackFacts) -> bool:
    """Tell what a client hears of: the states of its messages, that their links were opened, and replies.

    Not that a message was removed, which its own call has answered, nor what says nothing yet.
    """
    if facts.event.kind == REPLY:
        return True
    return facts.event.kind in {*_REPORTED, CLICKED} and facts.message is not None and facts.sending is not None


def stands_alone(facts: CallbackFacts) -> bool:
    """Tell what is in no callback with others: a reply."""
    return facts.event.kind == REPLY


def render(facts: Sequence[CallbackFacts]) -> CallbackRequest:
    """Write statuses of one request, or one reply."""
    body = _reply(facts[0]) if stands_alone(facts[0]) else _statuses(facts)
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
        "type": "SMS",
    }


def _status(facts: CallbackFacts) -> dict[str, Any]:
    message, sending, event = facts.message, facts.sending, facts.event
    if message is None or sending is None:
        raise AssertionError("a status that is told has its message and its sending")
    code, network = event.data.get("code"), event.data.get("network")
    status = OPEN if event.kind == CLICKED else _state_of(event)
    custom = message.custom.get("custom_id") if isinstance(message.custom, Mapping) else None
    shown = {
        "from": sending.sender,
        "to": message.address,
        "message_id": str(message.message_id),
        "custom_id": custom,
        "status": {"code": status.code, "text": status.text},
        "error_code": str(code) if code else _error_code(status),
        "timestamp": _seconds(event.at),
        "price": format_amount(message.price, decimals=1),
        "vat": format_amount(message.vat, decimals=1),
        "mccmnc": network or message.network,
        "metadata": _metadata(event) if status is OPEN else None,
    }
    return {key: value for key, value in shown.items() if value is not None}


def _state_of(event: Event) -> SmsStatus:
    reason = event.data.get("reason")
    return status_of_message(MessageState(event.kind), Failure(reason) if isinstance(reason, str) else None)


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


def _error_code(status: SmsStatus) -> str | None:
    return _NO_ERROR if status in {ACCEPTED, ACCEPTED_SMSC, DELIVERED} else None


def _reply(facts: CallbackFacts) -> Mapping[str, Any]:
    given = facts.event.data
    return {
        "message_id": str(facts.event.event_id),
        "from": given.get("from", ""),
        "to": facts.sending.sender if facts.sending else given.get("to", ""),
        "text": given.get("text", ""),
        "timestamp": _seconds(facts.event.at),
        "type": "SMS",
    }


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


CALLBACK_FORMAT = CallbackFormat(
    dialect=DIALECT,
    schedule=_SCHEDULE,
    render=render,
    tells=is_reported,
    stands_alone=stands_alone,
    max_batch=MAX_STATUSES,
)
