"""Delivery notifications: a POST of form fields to DeliveryNotificationUrl when a message is final."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from urllib.parse import urlencode

from carillon.billing.money import format_amount
from carillon.dialects.inforu.auth import DIALECT
from carillon.dialects.inforu.mapping_dates import show_history_moment, zone_of
from carillon.dialects.inforu.mapping_sms import CUSTOMER_MESSAGE_ID, CUSTOMER_PARAMETER
from carillon.events.format import CallbackFacts, CallbackFormat, CallbackRequest
from carillon.messaging.states import MessageState

STATUSES: Mapping[MessageState, tuple[int, str]] = {
    MessageState.DELIVERED: (2, "Delivered"),
    MessageState.UNDELIVERED: (-2, "Not delivered"),
    MessageState.REJECTED: (-2, "Not delivered"),
    MessageState.EXPIRED: (-2, "Not delivered"),
    MessageState.UNKNOWN: (-2, "Not delivered"),
    MessageState.EXCLUDED: (-4, "Blocked"),
    MessageState.CANCELLED: (-4, "Blocked"),
}
"""Status and StatusDescription of each state that is final; the others are not told."""

SCHEDULE = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=6),
)


def _tells(facts: CallbackFacts) -> bool:
    return facts.message is not None and facts.event.kind in STATUSES


def _render(reported: Sequence[CallbackFacts]) -> CallbackRequest:
    fields = {name: value for name, value in _fields(reported[0]).items() if value is not None}
    return CallbackRequest(content_type="application/x-www-form-urlencoded", body=urlencode(fields).encode())


def _fields(facts: CallbackFacts) -> Mapping[str, str | int | None]:
    message, sending = facts.message, facts.sending
    if message is None or sending is None:
        raise AssertionError("what is told is of a message")  # see `_tells`
    status, description = STATUSES[MessageState(facts.event.kind)]
    marks = {**sending.options, **(message.custom if isinstance(message.custom, Mapping) else {})}
    reason = facts.event.data.get("reason")
    return {
        "PhoneNumber": message.address,
        "Network": message.network,
        "Status": status,
        "StatusDescription": description,
        "Reason": None if reason is None else str(reason),
        "CustomerMessageId": str(marks.get(CUSTOMER_MESSAGE_ID, "")),
        "CustomerParam": str(marks.get(CUSTOMER_PARAMETER, "")),
        "SenderNumber": sending.sender,
        "SegmentsNumber": message.parts,
        "Price": format_amount(message.price + message.vat),
        "Currency": facts.currency,
        "MessageId": str(message.message_id),
        "CampaignName": sending.campaign_name,
        "NotificationDate": show_history_moment(facts.event.at, zone_of(facts.time_zone)),
    }


CALLBACKS = CallbackFormat(dialect=DIALECT, schedule=SCHEDULE, render=_render, tells=_tells)
