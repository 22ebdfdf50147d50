"""Counters over sliding windows: one row for what is counted, with the present window and the one before it.

The number in a sliding window is the present one's and the part of the earlier one's that the window still covers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from asyncpg import Record

from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId
from carillon.tenancy.accounts import OpenAccount, Operator, every_account, open_account

SQL = load_statements("carillon.otp", "counters.sql")

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

_DELETED_AT_ONCE = 1_000
_DELETER = Operator(name="otp counters", source="worker")


class CounterKind(StrEnum):
    """What is counted. The values are stored, and are locked in their order."""

    PREFIX_DAY = "prefix_day"  # passwords to the numbers of a prefix, to hold against how many are verified
    PREFIX_SENDS = "prefix_sends"
    PREFIX_VERIFIED = "prefix_verified"
    RECIPIENT_SENDS = "recipient_sends"
    # What is counted by those that check.
    RECIPIENT_CHECKS = "recipient_checks"
    REFERENCE_CHECKS = "reference_checks"  # of references that nobody has
    # What many calls count at once: last in their transactions.
    COUNTRY_SPEND = "country_spend"
    NETWORK_SENDS = "network_sends"


SPANS: Mapping[CounterKind, timedelta] = {
    CounterKind.PREFIX_DAY: DAY,
    CounterKind.PREFIX_SENDS: HOUR,
    CounterKind.PREFIX_VERIFIED: DAY,
    CounterKind.RECIPIENT_SENDS: HOUR,
    CounterKind.RECIPIENT_CHECKS: HOUR,
    CounterKind.REFERENCE_CHECKS: DAY,  # as a password is kept after its end
    CounterKind.COUNTRY_SPEND: DAY,
    CounterKind.NETWORK_SENDS: HOUR,
}
"""How long each window is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Something that has happened; `by` 0 only looks."""

    kind: CounterKind
    subject: str = field(repr=False)
    by: int = 1


async def count(tx: Tx, account_id: AccountId, counts: Sequence[Count]) -> Mapping[CounterKind, float]:
    """Count what has happened, each kind once, and return how much of it is in the windows that end now."""
    rows = await tx.fetch(
        SQL["count"],
        account_id,
        tx.now,
        [one.kind for one in counts],
        [one.subject for one in counts],
        [one.by for one in counts],
        [SPANS[one.kind] for one in counts],
    )
    return {
        CounterKind(row["kind"]): in_window(tx.now, row["window_at"], row["span"], row["before"], row["present"])
        for row in rows
    }


async def count_unknown(tx: Tx, account_id: AccountId, subject: str, begins_after: timedelta) -> int:
    """Count a check of a reference that nobody has, and return how many there were since the first one.

    They are forgotten together, a day and `begins_after` behind the first, as the checks of a password are with it.
    """
    span = SPANS[CounterKind.REFERENCE_CHECKS]
    return int(await tx.fetchval(SQL["count_unknown"], account_id, tx.now, subject, begins_after, span))


async def take_attempt(tx: Tx, account_id: AccountId, dialect: str, reference: str) -> Record | None:
    """Count an attempt at a reference's password, and a check of its recipient, and return its row as it is then.

    However many come at once, each gets a number of its own. None where the reference has no password.
    """
    span = SPANS[CounterKind.RECIPIENT_CHECKS]
    return await tx.fetchrow(SQL["take_attempt"], account_id, dialect, reference, tx.real_now, span)


def in_window(now: datetime, window_at: datetime, span: timedelta, before: int, present: int) -> float:
    """Return how much is in the window that ends now."""
    share = 1 - min(max((now - window_at) / span, 0.0), 1.0)
    return present + before * share


def seconds_until_less(now: datetime, kind: CounterKind) -> float:
    """Return after how long less may be in a window: when the present one ends."""
    span = SPANS[kind].total_seconds()
    return span - now.timestamp() % span


@dataclass(frozen=True, slots=True, kw_only=True)
class ListCounters:
    """Ask for the counters with the most in their present windows, of a kind or of all."""

    kind: CounterKind | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedCounter:
    """How much of something is in the window that ends now; of COUNTRY_SPEND in micro-units."""

    kind: CounterKind
    subject: str = field(repr=False)
    in_window: float


async def list_counters(tx: Tx, actor: Actor, query: ListCounters) -> list[ListedCounter]:
    """List an account's counters, those with the most first."""
    rows = await tx.fetch(SQL["list_counters"], actor.account_id, query.kind, tx.now, query.limit)
    found = [
        ListedCounter(
            kind=CounterKind(row["kind"]),
            subject=row["subject"],
            in_window=in_window(tx.now, row["window_at"], row["span"], row["before"], row["present"]),
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: (-one.in_window, one.kind, one.subject))


async def delete_counters(db: Database) -> None:
    """Delete every account's counters of windows that are over (a periodic job)."""
    async for account_id in every_account(db, _DELETER):
        actor = await db.read(open_account, _DELETER, OpenAccount(account_id=account_id))
        for span in (HOUR, DAY):
            while await db.run(_delete_over, actor, span):
                pass


async def _delete_over(tx: Tx, actor: Actor, span: timedelta) -> bool:
    """Delete some with windows of a length; True when there may be more of them."""
    gone = await tx.fetch(SQL["delete_over"], actor.account_id, span, tx.now - 2 * span, _DELETED_AT_ONCE)
    return len(gone) == _DELETED_AT_ONCE
