"""What a dialect gives for its callbacks: when they are tried again, and what they say."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from carillon.events.log import Event
from carillon.kit.ids import AccountId
from carillon.outbound.exchange import Headers, Method


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFacts:
    """A message as it stands when its callback is told; what state the event is about is the event's `kind`.

    `price` is for all parts, without `vat`; both are micro-units. `custom` is what the caller keeps of it. A message
    that has failed by one channel and is sent by another has two attempts: `channel`, `sender`, `price`, `vat` and
    `network` are of the one that the event is of.
    """

    message_id: UUID
    contact_id: int | None
    address: str = field(repr=False)
    text: str = field(repr=False)
    state: str
    reason: str | None
    price: int
    vat: int
    parts: int
    network: str | None
    submitted_at: datetime | None
    final_at: datetime | None
    guid: int | None
    custom: object = field(repr=False)
    channel: str
    sender: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingFacts:
    """The sending of an event. `campaign_name` is empty for what was sent without a name."""

    sending_id: UUID
    dialect: str
    channel: str
    traffic_class: int
    sender: str
    credential_id: int | None
    campaign_id: int | None
    campaign_name: str
    reference: str | None
    created_at: datetime
    options: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackFacts:
    """All that a callback may say. A reply that answers nothing has neither a message nor a sending.

    Times are the account's; `time_zone` (IANA) is its zone, `currency` its ISO 4217 code. `purpose` is the endpoint's.
    """

    account_id: AccountId
    currency: str
    time_zone: str
    purpose: str
    url: str = field(repr=False)
    event: Event
    message: MessageFacts | None
    sending: SendingFacts | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackRequest:
    """What is sent to an endpoint's URL. `query` is put behind the URL's own parameters."""

    method: Method = "POST"
    content_type: str | None = None
    body: bytes = field(default=b"", repr=False)
    headers: Headers = field(default=(), repr=False)
    query: Sequence[tuple[str, str]] = field(default=(), repr=False)


def _always(_facts: CallbackFacts) -> bool:
    return True


def _never(_facts: CallbackFacts) -> bool:
    return False


def _nothing(_facts: CallbackFacts) -> object:
    return None


def _is_2xx(status: int) -> bool:
    return 200 <= status < 300  # noqa: PLR2004 - HTTP's


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackFormat:
    """A dialect's callbacks.

    `schedule` has the pauses after failed attempts: a callback is tried once more than it has pauses, then it is given
    up. `tells` says whether an event is told at all; those that are not are skipped. `render` is given events of one
    sending that follow each other, `max_batch` at most, or one that `stands_alone`, and makes the one call that tells
    them; of those in one call `kind_of` is the same. `is_success` reads the answer's status. `timeout_seconds` is for a
    whole call, and has to be less than a lease (`queue.LEASE`).
    """

    dialect: str
    schedule: Sequence[timedelta]
    render: Callable[[Sequence[CallbackFacts]], CallbackRequest]
    tells: Callable[[CallbackFacts], bool] = _always
    stands_alone: Callable[[CallbackFacts], bool] = _never
    kind_of: Callable[[CallbackFacts], object] = _nothing
    is_success: Callable[[int], bool] = _is_2xx
    max_batch: int = 1
    timeout_seconds: float = 10.0
