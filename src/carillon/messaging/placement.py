"""Sendings whose recipients are placed, the recipients in columns, and what is known of their account meanwhile."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from carillon.billing.prices import Capture, Prices, current_prices
from carillon.carriers.content import Content
from carillon.carriers.failures import Failure
from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.errors import BadCredentialsError
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId
from carillon.kit.traffic import TrafficClass
from carillon.links.shorten import MadeLinks
from carillon.messaging.sendings import Fallback
from carillon.routing.choice import Routing
from carillon.routing.current import current_routing
from carillon.text.encodings import Encoding

SQL = load_statements("carillon.messaging", "placement.sql")

_MAX_KNOWN = 2_000

FREE = (0, 0, Capture.SUBMIT)
"""What a message costs that costs nothing: as `Rows.prices`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFacts:
    """Where an account's messages on a channel go, and what they cost."""

    routing: Routing
    prices: Prices


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """What an account's settings say of its messages."""

    clock_offset: timedelta
    spam_window: timedelta
    is_active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """An account's settings, and what is known of its channels, by name.

    `are_assumed`: the settings are those of an earlier transaction, and no recipient is suppressed; whether that is so
    is looked at when the rows are written (`Tx.assume`).
    """

    channels: Mapping[str, ChannelFacts]
    settings: AccountSettings
    are_assumed: bool = False


class KnownSettings:
    """The settings of accounts as this process read them last (`Database.process_state`)."""

    def __init__(self) -> None:
        self._known: dict[AccountId, AccountSettings] = {}

    def of(self, account_id: AccountId) -> AccountSettings | None:
        """Return an account's, where they were read."""
        return self._known.get(account_id)

    def learn(self, account_id: AccountId, settings: AccountSettings) -> None:
        """Note what was read."""
        if len(self._known) >= _MAX_KNOWN:
            self._known.clear()
        self._known[account_id] = settings


@dataclass(slots=True, kw_only=True)
class Placement:
    """A sending whose rows are placed, and what came of it. `shown` is the text with its sealed values."""

    sending_id: UUID
    channel: str
    traffic_class: TrafficClass
    sender: str
    text: str = field(repr=False)
    shown: str | None = field(default=None, repr=False)
    due_at: datetime
    expires_at: datetime
    per_second: float | None = None
    paced_seconds: float = 0.0
    is_materialising: bool = False
    endpoint_id: int | None = None
    reply_endpoint_id: int | None = None
    numbered: bool = False
    ignores_suppressions: bool = False
    flash: bool = False
    only_if_any: bool = False
    avoids: Sequence[int] = ()
    content: Content | None = None
    fallback: Fallback | None = None
    is_written: bool = True
    recipients: int = 0
    excluded: int = 0
    parts: int = 0
    reserved: int = 0

    @property
    def last_at(self) -> datetime:
        """When nothing is submitted any more, by whatever channel."""
        return self.expires_at + (self.fallback.validity if self.fallback else timedelta())

    @property
    def waiting(self) -> int:
        """How many are to be sent."""
        return self.recipients - self.excluded


@dataclass(slots=True, kw_only=True)
class Rows:
    """Recipients in columns of one length; `places` are indexes of placements. `failures` and `guids` are filled in.

    `fallbacks` are what messages keep of what follows where they fail, `button_urls` where their buttons lead; each is
    empty where none has any. Of `failing`
    rows that is known already: they are written as what waits, and have no chunk. `subscriptions` are what pays, by
    row.
    `links` are those that rows from a place on have.
    """

    places: list[int]
    numbers: list[str | None] = field(repr=False)
    texts: list[str | None] = field(repr=False)
    encodings: list[Encoding | None]
    parts: list[int]
    failures: list[Failure | None]
    message_ids: list[UUID]
    contact_ids: list[int | None]
    custom: list[Mapping[str, object] | None] = field(repr=False)
    given: list[str] = field(repr=False)
    guids: list[int | None] = field(default_factory=list)
    links: Sequence[tuple[int, MadeLinks]] = ()
    prices: list[tuple[int, int, Capture]] = field(default_factory=list)
    fallbacks: list[str | None] = field(default_factory=list, repr=False)
    button_urls: list[str | None] = field(default_factory=list, repr=False)
    failing: dict[int, Failure] = field(default_factory=dict)
    subscriptions: dict[int, int] = field(default_factory=dict)

    def open_rows(self) -> list[int]:
        """Return the rows that nothing excludes so far."""
        return [row for row, failure in enumerate(self.failures) if failure is None]


async def account_facts(
    tx: Tx, actor: Actor, channels: Mapping[str, ChannelFacts], assumed: AccountSettings | None = None
) -> AccountFacts:
    """Read an account's settings where they aren't assumed, and take its clock.

    Raises BadCredentialsError where it was deleted.
    """
    settings = assumed or await _read_settings(tx, actor)
    if assumed:
        of_account = (assumed.clock_offset, assumed.spam_window, assumed.is_active)
        tx.assume(SQL["settings_are"], actor.account_id, *of_account)
    tx.adopt_clock(settings.clock_offset)
    return AccountFacts(channels=channels, settings=settings, are_assumed=assumed is not None)


async def _read_settings(tx: Tx, actor: Actor) -> AccountSettings:
    rows = await tx.fetch_early(SQL["account_settings"], actor.account_id)
    if not rows:
        raise BadCredentialsError  # they are remembered for seconds, and the account was deleted meanwhile
    settings = AccountSettings(**rows[0])
    tx.process_state(KnownSettings).learn(actor.account_id, settings)
    return settings


async def channel_facts(db: Database, account_id: AccountId, channels: Iterable[str]) -> Mapping[str, ChannelFacts]:
    """Return what is known of an account's channels, by name: as it is, or was a moment ago (`Remembered`)."""
    return {
        channel: ChannelFacts(
            routing=await current_routing(db, account_id, channel), prices=await current_prices(db, account_id, channel)
        )
        for channel in set(channels)
    }
