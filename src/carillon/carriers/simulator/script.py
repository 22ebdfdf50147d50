"""What the simulated network does with a message, by the last four digits of its number. Pure: no clock, no state.

What comes later is part of the outcome, with how long after the submit it comes, so that whoever keeps an account's
clock brings it in that clock's time. Lines of instant messages deliver an SMS as any other number does. Those of other
channels (9915 to 9918) come with those channels: until then these numbers are delivered to.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from carillon.carriers.contract import (
    Accepted,
    Failed,
    Later,
    Opened,
    Outcome,
    OutgoingMessage,
    Receipt,
    ReceiptState,
    Reply,
)
from carillon.carriers.failures import Failure

AT_ONCE = timedelta()
THROTTLE_PAUSE = timedelta(seconds=5)

_MILLISECOND = timedelta(milliseconds=1)
_SOONEST, _SPREAD_MILLISECONDS = timedelta(seconds=2), 3001  # 2 to 5 seconds
_SLOW = timedelta(seconds=30)
_BETWEEN_RECEIPTS = timedelta(seconds=2)
_ANSWER_TIME = timedelta(seconds=5)
_URL = re.compile(r"https?://[^\s<>\"]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What the network does: `before` comes in before the submit has its answer.

    With `is_throttled_first` the first submit of the message is throttled, and later ones have the outcome.
    """

    outcome: Outcome
    before: Sequence[Receipt] = ()
    is_throttled_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the script, and what it does, for people. `play` is given the delivery time of the message."""

    does: str
    play: Callable[[OutgoingMessage, timedelta], Play]
    channels: tuple[str, ...] = ("sms", "im")


def play(message: OutgoingMessage, *, is_instant: bool = False) -> Play:
    """Follow the script. `is_instant` has messages to numbers without a line delivered at once."""
    line = SCRIPT.get(message.address[-4:])
    if line is None or message.channel not in line.channels:
        return _delivered(message, AT_ONCE if is_instant else delivery_time(message.message_id))
    return line.play(message, delivery_time(message.message_id))


def delivery_time(message_id: UUID) -> timedelta:
    """Choose how long a delivery takes, 2 to 5 seconds; the same for the same message."""
    return _SOONEST + message_id.int % _SPREAD_MILLISECONDS * _MILLISECOND


def reference_of(message: OutgoingMessage) -> str:
    """Name a message as the network does: another name for each message and channel, the same after a restart."""
    return message.message_id.hex if message.channel == "sms" else f"{message.channel}-{message.message_id.hex}"


def _receipt(message: OutgoingMessage, state: ReceiptState, failure: Failure | None = None) -> Receipt:
    return Receipt(
        reference=reference_of(message),
        state=state,
        failure=failure,
        address=message.address,
        sender=message.sender,
        account_id=message.account_id,
    )


def _accepted(message: OutgoingMessage, *later: Later) -> Play:
    return Play(outcome=Accepted(reference=reference_of(message), later=later))


def _later(message: OutgoingMessage, after: timedelta, state: ReceiptState, failure: Failure | None = None) -> Later:
    return Later(after=after, inbound=_receipt(message, state, failure))


def _delivered(message: OutgoingMessage, after: timedelta) -> Play:
    return _accepted(message, _later(message, after, ReceiptState.DELIVERED))


def _delivered_slowly(message: OutgoingMessage, _after: timedelta) -> Play:
    return _delivered(message, _SLOW)


def _absent(message: OutgoingMessage, after: timedelta) -> Play:
    return _accepted(message, _later(message, after, ReceiptState.UNDELIVERED, Failure.ABSENT_SUBSCRIBER))


def _expired(message: OutgoingMessage, _after: timedelta) -> Play:
    return _accepted(message, _later(message, message.validity, ReceiptState.EXPIRED, Failure.EXPIRED))


def _unknown_subscriber(_message: OutgoingMessage, _after: timedelta) -> Play:
    return Play(outcome=Failed(failure=Failure.UNKNOWN_SUBSCRIBER))


def _unknown_user(message: OutgoingMessage, after: timedelta) -> Play:
    return _accepted(message, _later(message, after, ReceiptState.UNDELIVERED, Failure.UNKNOWN_SUBSCRIBER))


def _seen(message: OutgoingMessage, after: timedelta) -> Play:
    return _accepted(
        message,
        _later(message, after, ReceiptState.DELIVERED),
        _later(message, after + _ANSWER_TIME, ReceiptState.SEEN),
    )


def _throttled_first(message: OutgoingMessage, after: timedelta) -> Play:
    return Play(outcome=_delivered(message, after).outcome, is_throttled_first=True)


def _receipt_first(message: OutgoingMessage, _after: timedelta) -> Play:
    before = (_receipt(message, ReceiptState.DELIVERED),)
    return Play(outcome=Accepted(reference=reference_of(message)), before=before)


def _receipts_in_disorder(message: OutgoingMessage, after: timedelta) -> Play:
    states = (ReceiptState.DELIVERED, ReceiptState.ACCEPTED, ReceiptState.DELIVERED)
    later = (_later(message, after + number * _BETWEEN_RECEIPTS, state) for number, state in enumerate(states))
    return _accepted(message, *later)


def _no_receipt(message: OutgoingMessage, _after: timedelta) -> Play:
    return _accepted(message)


def _answer_lost(message: OutgoingMessage, after: timedelta) -> Play:
    return Play(outcome=Failed(failure=Failure.LOST, later=(_later(message, after, ReceiptState.DELIVERED),)))


def _replies_stop(message: OutgoingMessage, after: timedelta) -> Play:
    return _replies(message, after, "STOP")


def _replies_the_text(message: OutgoingMessage, after: timedelta) -> Play:
    # A password's code is in no event: a reply is one.
    return _replies(message, after, message.text if message.stored_text is None else message.stored_text)


def _replies(message: OutgoingMessage, after: timedelta, text: str) -> Play:
    reply = Reply(address=message.address, to=message.sender, text=text, account_id=message.account_id)
    return _accepted(
        message,
        _later(message, after, ReceiptState.DELIVERED),
        Later(after=after + _ANSWER_TIME, inbound=reply),
    )


def _opens_links(message: OutgoingMessage, after: timedelta) -> Play:
    urls = dict.fromkeys(_URL.findall(message.text))
    opened = (
        Later(after=after + place * _ANSWER_TIME, inbound=Opened(url=url, account_id=message.account_id))
        for place, url in enumerate(urls, 1)
    )
    return _accepted(message, _later(message, after, ReceiptState.DELIVERED), *opened)


SCRIPT: Mapping[str, Line] = {
    "9901": Line(does="delivered after 30 seconds", play=_delivered_slowly),
    "9902": Line(does="undelivered: the subscriber is absent", play=_absent),
    "9903": Line(does="no receipt until the validity ends: expired", play=_expired),
    "9904": Line(does="refused at submit: unknown subscriber", play=_unknown_subscriber),
    "9905": Line(does="throttled for 5 seconds, then delivered", play=_throttled_first),
    "9906": Line(does="delivered, and the receipt comes before the submit's answer", play=_receipt_first),
    "9907": Line(does="delivered, with receipts twice and in the wrong order", play=_receipts_in_disorder),
    "9908": Line(does="no receipt at all", play=_no_receipt),
    "9909": Line(does="taken, but the answer is lost; a receipt comes", play=_answer_lost),
    "9910": Line(does="delivered, then replies STOP", play=_replies_stop),
    "9911": Line(does="delivered, then replies with the text that it got", play=_replies_the_text),
    "9912": Line(does="instant messages: the user is unknown", play=_unknown_user, channels=("im",)),
    "9913": Line(does="instant messages: delivered, then seen", play=_seen, channels=("im",)),
    "9914": Line(does="delivered, then opens every short link in it, one after another", play=_opens_links),
}
"""By the last four digits of a number; any other is delivered to."""
