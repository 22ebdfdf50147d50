"""The ledger of suppressions: every unsubscribe and reactivation, which is never changed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from asyncpg import Record

from carillon.audience.contacts.contact import ContactKey
from carillon.audience.suppressed_contacts import addresses_of_keys
from carillon.audience.suppressions import Action, Channel
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.kit.page import Page

SQL = load_statements("carillon.audience", "suppression_ledger.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionEntry:
    """A line of the ledger."""

    entry_id: int
    channel: Channel
    address: str = field(repr=False)
    action: Action
    at: datetime
    source: str
    actor: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionHistory:
    """Ask what happened to the phone (sms) or e-mail that a key is, or to the addresses that its contact has now."""

    key: ContactKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSuppressionEntries:
    """List channels' ledger by id, after one, optionally of an action or a span of time (half open, UTC)."""

    channels: Sequence[Channel]
    action: Action | None = None
    since: datetime | None = None
    until: datetime | None = None
    after_id: int = 0
    limit: int = 1000


async def suppression_history(tx: Tx, actor: Actor, query: SuppressionHistory) -> list[SuppressionEntry]:
    """Return the history, newest first: at most 1000 entries of an address, none of what can't be one."""
    (addresses,) = await addresses_of_keys(tx, actor, [query.key])
    entries: list[SuppressionEntry] = []
    for channel, address in addresses:
        rows = await tx.fetch(SQL["address_history"], actor.account_id, channel, address)
        entries += [_entry(row) for row in rows]
    return sorted(entries, key=lambda entry: (entry.at, entry.entry_id), reverse=True)


async def list_suppression_entries(tx: Tx, actor: Actor, query: ListSuppressionEntries) -> Page[SuppressionEntry]:
    """List the ledger in the order of its ids. What is of another action or outside of the span is walked over."""
    if query.action or query.since or query.until:
        tx.require_turn()
    rows = await tx.fetch(
        SQL["list_entries"],
        actor.account_id,
        query.after_id,
        query.limit,
        list(query.channels),
        query.action,
        query.since,
        query.until,
    )
    items = [_entry(row) for row in rows]
    return Page(items=items, last_id=items[-1].entry_id if items else query.after_id)


def _entry(row: Record) -> SuppressionEntry:
    return SuppressionEntry(**{**row, "channel": Channel(row["channel"])})
