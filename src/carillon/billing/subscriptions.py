"""Subscriptions: so many messages of a sender on a channel, in a span of time, that are paid for already.

They are rated before money. A message takes one when it is accepted, of a subscription that is active when it is due,
and gives it back when no carrier takes it; which one it has says its row (`message.subscription_id`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId
from carillon.tenancy import audit

SQL = load_statements("carillon.billing", "subscriptions.sql")

CHANNELS = ("im",)
"""The channels that have subscriptions; of the others none is looked for."""

MAX_TOTAL = 10**12
MAX_SENDER_CHARACTERS = 100
MAX_LISTED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AddSubscription:
    """Let a sender have `total` messages from `starts_at` up to `ends_at`, which is not included; times with a zone.

    A sender that is `shared` with other customers has no more than that; any other one goes on for money, where its
    messages have a price.
    """

    channel: str
    sender: str
    total: int
    starts_at: datetime
    ends_at: datetime
    shared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSubscription:
    """Disable a subscription, so that its sender sends nothing while it would count, or enable it again."""

    subscription_id: int
    disabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscription; `used` is how many messages have, or had, one of its `total`."""

    subscription_id: int
    channel: str
    sender: str
    total: int
    used: int
    starts_at: datetime
    ends_at: datetime
    shared: bool
    disabled: bool
    created_at: datetime

    def is_active(self, at: datetime) -> bool:
        """Whether a moment is in its span."""
        return self.starts_at <= at < self.ends_at


class Uncovered(Enum):
    """Why no subscription pays for a message."""

    UNKNOWN = "unknown"  # its sender has none: it is paid for with money, where it costs any
    OVER = "over"  # none is active, or the active ones are used up: only a price that was set lets it be sent
    CAP = "cap"  # the one of a shared sender is used up
    DISABLED = "disabled"


class Allowances:
    """What is left of an account's subscriptions on a channel, taken from message by message."""

    def __init__(self, subscriptions: Sequence[Subscription]) -> None:
        self._left = {one.subscription_id: one.total - one.used for one in subscriptions}
        self._of: dict[str, list[Subscription]] = {}
        # Of two that count, the one that ends first is used first.
        for one in sorted(subscriptions, key=lambda one: (one.ends_at, one.subscription_id)):
            self._of.setdefault(one.sender, []).append(one)
        self.taken: dict[int, int] = {}

    def take(self, sender: str, at: datetime) -> int | Uncovered:
        """Take one for a message of a sender that is due at a moment, and return the id of its subscription."""
        known = self._of.get(sender)
        if known is None:
            return Uncovered.UNKNOWN
        active = [one for one in known if one.is_active(at)]
        if active and all(one.disabled for one in active):
            return Uncovered.DISABLED
        for one in active:
            if not one.disabled and self._left[one.subscription_id] > 0:
                self._left[one.subscription_id] -= 1
                self.taken[one.subscription_id] = self.taken.get(one.subscription_id, 0) + 1
                return one.subscription_id
        return Uncovered.CAP if any(one.shared for one in active) else Uncovered.OVER


async def lock_allowances(tx: Tx, account_id: AccountId, channel: str, senders: Collection[str]) -> Allowances:
    """Lock the subscriptions of senders on a channel until the transaction ends; the balance is locked after them."""
    rows = await tx.fetch(SQL["lock_subscriptions"], account_id, channel, sorted(senders))
    return Allowances([Subscription(**row) for row in rows])


async def move_allowances(tx: Tx, account_id: AccountId, taken: Mapping[int, int]) -> None:
    """Count what messages take of subscriptions, by their ids; less than nothing is what they give back."""
    ids = sorted(one for one, count in taken.items() if count)
    if ids:
        await tx.execute(SQL["move_used"], account_id, ids, [taken[one] for one in ids])


async def add_subscription(tx: Tx, actor: Actor, command: AddSubscription) -> Subscription:
    """Add a subscription to the actor's account.

    Raises InvalidInputError for `channel`, `sender`, `total` and `ends_at`.
    """
    if command.channel not in CHANNELS:
        raise InvalidInputError("channel", f"There are subscriptions on: {', '.join(CHANNELS)}.")
    if not 0 < len(command.sender.strip()) <= MAX_SENDER_CHARACTERS or "\0" in command.sender:
        raise InvalidInputError("sender", f"A sender has 1 to {MAX_SENDER_CHARACTERS} characters.")
    if not 0 <= command.total <= MAX_TOTAL:
        raise InvalidInputError("total", f"The total is from 0 to {MAX_TOTAL:,} messages.")
    if command.ends_at <= command.starts_at:
        raise InvalidInputError("ends_at", "A subscription ends after it has started.")
    (subscription_id,) = await tx.ids.take("subscription")
    row = await tx.fetchrow(
        SQL["add_subscription"],
        actor.account_id,
        subscription_id,
        command.channel,
        command.sender.strip(),
        command.total,
        command.starts_at,
        command.ends_at,
        command.shared,
        tx.real_now,
    )
    assert row is not None  # noqa: S101 - what was inserted is returned
    detail = {"channel": command.channel, "total": command.total, "shared": command.shared}
    await audit.record(tx, actor, "subscription.add", subscription_id, detail)
    return Subscription(**row)


async def change_subscription(tx: Tx, actor: Actor, command: ChangeSubscription) -> Subscription:
    """Disable a subscription, or enable it. Raises NotFoundError for `subscription`."""
    place = (actor.account_id, command.subscription_id)
    row = await tx.fetchrow(SQL["set_disabled"], *place, command.disabled)
    if row is None:
        raise NotFoundError("subscription", f"There is no subscription {command.subscription_id}.")
    action = "subscription.disable" if command.disabled else "subscription.enable"
    await audit.record(tx, actor, action, command.subscription_id, {})
    return Subscription(**row)


async def list_subscriptions(tx: Tx, actor: Actor) -> list[Subscription]:
    """List the account's subscriptions, the latest first, 1,000 of them at most."""
    rows = await tx.fetch(SQL["list_subscriptions"], actor.account_id, MAX_LISTED)
    return [Subscription(**row) for row in rows]


async def active_subscriptions(tx: Tx, actor: Actor) -> list[Subscription]:
    """List those that count now, by the account's clock, in the order in which they end."""
    rows = await tx.fetch(SQL["active_subscriptions"], actor.account_id, tx.real_now, MAX_LISTED)
    return [Subscription(**row) for row in rows]
