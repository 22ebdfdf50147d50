"""Suppressions as they are looked at: listed, paged, and asked about by address."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from asyncpg import Record

from carillon.addresses.phone_readings import PhoneForm
from carillon.audience.suppressions import Address, Channel, StoredAddress, read_addresses
from carillon.audience.unsubscriptions import Unsubscription
from carillon.db.database import Tx
from carillon.db.filters import Attribute, Condition, Order, Value, compile_conditions, compile_order
from carillon.db.sql import load_statements, one_text
from carillon.kit.actor import Actor
from carillon.kit.page import Counted, NumberedPage, Page

SQL = load_statements("carillon.audience", "suppression_queries.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """An address that must not be written to."""

    suppression_id: int
    channel: Channel
    address: str = field(repr=False)
    created_at: datetime
    source: str
    actor: str
    reason: str
    description: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSuppressions:
    """List channels' suppressions by id, after one, of a span of time (half open, UTC)."""

    channels: Sequence[Channel]
    since: datetime | None = None
    until: datetime | None = None
    after_id: int = 0
    limit: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSuppressions:
    """Ask for a numbered page of channels' suppressions that meet all conditions, oldest first unless said otherwise.

    `address` is one that they are of, a phone in the form `phone_form`. Conditions and the order name
    SUPPRESSION_ATTRIBUTES.
    """

    channels: Sequence[Channel]
    page: NumberedPage
    address: str | None = field(default=None, repr=False)
    phone_form: PhoneForm = PhoneForm.NATIONAL
    conditions: Sequence[Condition] = ()
    order: Order | None = None


SUPPRESSION_ATTRIBUTES: Mapping[str, Attribute] = {
    "suppression_id": Attribute("s.suppression_id", Value.NUMBER),
    "channel": Attribute("s.channel"),
    "address": Attribute("s.address"),
    "created_at": Attribute("date_trunc('milliseconds', s.created_at)", Value.MOMENT),
    "source": Attribute("s.source"),
    "actor": Attribute("s.actor"),
    "reason": Attribute("s.reason"),
    "description": Attribute("s.description"),
}


async def list_suppressions(tx: Tx, actor: Actor, query: ListSuppressions) -> Page[Suppression]:
    """List suppressions in the order of their ids. What is outside of the span is walked over."""
    if query.since or query.until:
        tx.require_turn()
    where = (query.after_id, query.limit, query.since, query.until)
    rows: list[Record] = []
    for channel in query.channels:  # one by one: each walks along its own part of an index
        rows += await tx.fetch(SQL["list_suppressions"], actor.account_id, channel, *where)
    items = [Suppression(**{**row, "channel": Channel(row["channel"])}) for row in rows]
    items = sorted(items, key=lambda one: one.suppression_id)[: query.limit]
    return Page(items=items, last_id=items[-1].suppression_id if items else query.after_id)


async def page_suppressions(tx: Tx, actor: Actor, query: PageSuppressions) -> Counted[Suppression]:
    """List a numbered page of suppressions, and count them all. Raises InvalidInputError for conditions."""
    keys = None
    if query.address is None:
        tx.require_turn()
    else:
        addresses = [Address(channel=one, value=query.address, phone_form=query.phone_form) for one in query.channels]
        keys = sorted({key for key in await read_addresses(tx, actor, addresses) if key})
    channels = [channel.value for channel in query.channels]
    compiled = compile_conditions(SUPPRESSION_ATTRIBUTES, query.conditions, given=5)
    order = compile_order(SUPPRESSION_ATTRIBUTES, query.order, "s.suppression_id")
    counting, paging = (compiled.into(SQL[name], order) for name in ("count_suppressions", "page_suppressions"))
    page = (query.page.size, query.page.offset)
    total = await tx.fetchval(counting, actor.account_id, channels, keys, *page, *compiled.arguments)
    rows = await tx.fetch(paging, actor.account_id, channels, keys, *page, *compiled.arguments)
    return Counted(items=[Suppression(**{**row, "channel": Channel(row["channel"])}) for row in rows], total=total)


async def suppressed_addresses(tx: Tx, actor: Actor, addresses: Sequence[StoredAddress]) -> set[StoredAddress]:
    """Return those of the addresses that are suppressed."""
    found: set[StoredAddress] = set()
    for channel in Channel:
        asked = [address for one, address in addresses if one is channel]
        if asked:
            found |= {(channel, address) for address in await suppressed_among(tx, actor, channel, asked)}
    return found


async def suppressed_among(tx: Tx, actor: Actor, channel: Channel, addresses: Sequence[str]) -> set[str]:
    """Return those of the normalised addresses that are suppressed on the channel."""
    rows = await tx.fetch_early(SQL["suppressed_among"], actor.account_id, channel, one_text(addresses))
    return {row["address"] for row in rows}


def assume_none_suppressed(tx: Tx, actor: Actor, channel: Channel, addresses: Sequence[str]) -> None:
    """Assume that none of the normalised addresses is suppressed on the channel (`Tx.assume`)."""
    tx.assume(SQL["none_suppressed"], actor.account_id, channel, one_text(addresses))


async def suppressed_since(
    tx: Tx, actor: Actor, addresses: Collection[str], *, last: bool = False
) -> Mapping[tuple[Channel, str], datetime]:
    """Return since when normalised addresses are suppressed, or when it was `last` asked for, by both of them."""
    if not addresses:
        return {}
    rows = await tx.fetch(SQL["suppressed_since"], actor.account_id, list(Channel), one_text(addresses))
    moment = "last_said_at" if last else "created_at"
    return {(Channel(row["channel"]), row["address"]): row[moment] for row in rows}


async def suppressions_as_unsubscriptions(
    tx: Tx, actor: Actor, addresses: Collection[str]
) -> Mapping[tuple[Channel, str], Unsubscription]:
    """Return how normalised addresses came to be suppressed, and when it was last asked for, by both of them."""
    rows = await tx.fetch(SQL["suppressed_since"], actor.account_id, list(Channel), one_text(addresses))
    return {
        (Channel(row["channel"]), row["address"]): Unsubscription(
            unsubscribed_at=row["last_said_at"], source=row["source"], actor=row["actor"], reason=row["reason"]
        )
        for row in rows
    }


async def suppressing_channels(tx: Tx, actor: Actor) -> set[Channel]:
    """Return the channels on which the account has any suppression."""
    rows = await tx.fetch(SQL["suppressing_channels"], actor.account_id, list(Channel))
    return {Channel(row["channel"]) for row in rows}
