"""What a carrier is: prepared messages in, an outcome for each out; receipts and replies come in by themselves.

A carrier knows no database. Whoever runs it hands it an `Inbox`, and calls `submit` with no more messages at once
than its `window`, so that a crash leaves no more of them with an unknown outcome.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from carillon.carriers.content import Content
from carillon.carriers.failures import Failure
from carillon.kit.ids import AccountId
from carillon.kit.traffic import TrafficClass
from carillon.text.encodings import Encoding


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """A message as a carrier takes it. `validity` is what is left of it; `address` is E.164 digits without a plus.

    `content` is what an instant message (channel `im`) shows beside its text, which may be empty then. `stored_text` is
    the text without what must be readable nowhere, such as a password's code, where it has such a value.
    """

    account_id: AccountId
    message_id: UUID
    sender: str
    address: str = field(repr=False)
    text: str = field(repr=False)
    encoding: Encoding
    parts: int
    traffic_class: TrafficClass
    validity: timedelta
    flash: bool = False
    channel: str = "sms"
    content: Content | None = None
    stored_text: str | None = field(default=None, repr=False)


class ReceiptState(StrEnum):
    """What a receipt says; the values but `ACCEPTED` and `SEEN` are final states of a message."""

    ACCEPTED = "accepted"  # on its way: the state stays, health is told
    DELIVERED = "delivered"
    SEEN = "seen"  # delivered, and its conversation was opened
    UNDELIVERED = "undelivered"
    EXPIRED = "expired"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a carrier says later of a message that it took, named by the reference of its submit's answer.

    `address` and `sender` are the two numbers where the carrier repeats them: an uncertain message is found by them.
    `message_id` is known where the carrier was given it, and then comes before the reference. `network` is the MCC and
    MNC in digits, where the receipt has them; `code` the carrier's own code, for people.
    """

    reference: str
    state: ReceiptState
    failure: Failure | None = None
    at: datetime | None = None
    address: str | None = field(default=None, repr=False)
    sender: str | None = None
    account_id: AccountId | None = None
    message_id: UUID | None = None
    network: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a phone wrote to one of our numbers, all parts together; or the picture, video or file that it sent."""

    address: str = field(repr=False)
    to: str
    text: str = field(default="", repr=False)
    media_url: str | None = field(default=None, repr=False)
    media_name: str | None = field(default=None, repr=False)
    at: datetime | None = None
    account_id: AccountId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A URL that a simulated phone opens, of those in a text that it got."""

    url: str = field(repr=False)
    account_id: AccountId


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """What a simulated network or phone does after a while; the engine keeps it, so that a restart loses none."""

    after: timedelta
    inbound: Receipt | Reply | Opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The carrier has the message. `reference` is what receipts name it by; None when none will come."""

    reference: str | None
    later: Sequence[Later] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The carrier does not have it, or nobody knows (`Failure.LOST`).

    `retry_after` is how long the carrier asked to be left alone. `code` is its own code, for people.
    """

    failure: Failure
    retry_after: timedelta | None = None
    code: str | None = None
    later: Sequence[Later] = ()


Outcome = Accepted | Failed


class Inbox(Protocol):
    """Takes what carriers receive."""

    async def take(self, carrier_id: int, received: Sequence[Receipt | Reply]) -> None:
        """Return when all are committed: only then may the carrier acknowledge them. Raises UnavailableError."""
        ...


class Carrier(Protocol):
    """A connection to what takes messages. `window` is how many may be unanswered at once, all classes together."""

    carrier_id: int
    window: int

    @property
    def is_up(self) -> bool:
        """Whether a submit can succeed now."""
        ...

    @property
    def in_use(self) -> int:
        """How much of the window is unanswered now."""
        ...

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep connected until the event is set, then end in order: what is unanswered is waited for a little."""
        ...

    async def submit(self, messages: Sequence[OutgoingMessage]) -> list[Outcome]:
        """Submit messages, and return their outcomes in the same order.

        It raises nothing: what can't be submitted is Failed with UNAVAILABLE, what had no answer in time is LOST.
        Several calls may be under way at once; higher classes find room in the window before lower ones.
        """
        ...
