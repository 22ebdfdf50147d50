"""What was refused at an address whose contact was removed, or left it: kept as digests, by audience.

What a contact had said outlives it (docs/adr/0054): whoever brings the address again finds it unsubscribed there, and
the purposes refused that were.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from carillon.audience.locks import LockedAudience, lock_audience
from carillon.audience.suppressions import Channel
from carillon.db.database import Tx
from carillon.db.sql import load_statements, one_text
from carillon.kit.actor import Actor

SQL = load_statements("carillon.audience", "removed_unsubscribes.sql")


async def remember_refused(tx: Tx, actor: Actor, contact_ids: Sequence[int]) -> None:
    """Keep what contacts of the locked audience, that are about to be removed, refuse at their addresses.

    What they agreed to since is forgotten.
    """
    where = (actor.account_id, actor.audience_id, tx.now)
    await _mark(tx, actor, await tx.fetchval(SQL["keep_of_contacts"], *where, contact_ids))


async def remember_replaced(tx: Tx, actor: Actor, channel: Channel, replaced: Iterable[tuple[str, int, int]]) -> None:
    """Keep what contacts of the locked audience refuse at the normalised addresses that they have no more.

    `replaced` has each address, its SubscriptionStatus as contacts store it, and the contact's id. What they agreed to
    since is forgotten.
    """
    columns = map(list, zip(*replaced, strict=True))
    where = (actor.account_id, actor.audience_id, tx.now, channel)
    await _mark(tx, actor, await tx.fetchval(SQL["keep_of_addresses"], *where, *columns))


async def remember_said(tx: Tx, actor: Actor, channel: Channel, said: Iterable[tuple[str, str, int]]) -> None:
    """Keep what a file says of normalised addresses that no contact of the locked audience has, in the end.

    `said` has each address, a purpose that is refused there or "", and the status, unconfirmed or unsubscribed.
    """
    columns = [list(column) for column in zip(*said, strict=True)]
    if columns:
        where = (actor.account_id, actor.audience_id, tx.now, channel)
        await _mark(tx, actor, await tx.fetchval(SQL["keep_of_nobodys"], *where, *columns))


async def _mark(tx: Tx, actor: Actor, channels: Sequence[str] | None) -> None:
    """Let the audience know on which channels it keeps anything: its writers then needn't ask."""
    place = (actor.account_id, actor.audience_id)
    locked = tx.locked.get(place)
    known = locked.removed_channels if isinstance(locked, LockedAudience) else frozenset[str]()
    new = known.union(channels or ())
    if new == known:
        return
    await tx.execute(SQL["mark_channels"], *place, sorted(new))
    if isinstance(locked, LockedAudience):
        tx.locked[place] = replace(locked, removed_channels=new)


async def removed_channels(tx: Tx, actor: Actor) -> Collection[Channel]:
    """Return on which channels the audience, which needn't be locked, keeps anything; of most audiences none."""
    return {Channel(one) for one in await tx.fetchval(SQL["channels"], actor.account_id, actor.audience_id) or ()}


async def restore_refusals(tx: Tx, actor: Actor, contact_ids: Sequence[int]) -> None:
    """Let contacts of the locked audience refuse the purposes that were refused at the addresses that they were given.

    What is restored is kept no more: it is the contact's again. Of those that came to be unsubscribed by their
    addresses it is kept when these were removed.
    """
    where = (actor.account_id, actor.audience_id)
    if contact_ids and (await lock_audience(tx, actor)).removed_channels:
        await tx.execute(SQL["restore_refusals"], *where, contact_ids, "removed", actor.name)
        await tx.execute(SQL["restore_unsubscriptions"], *where, contact_ids, "removed", actor.name)


async def removed_statuses(tx: Tx, actor: Actor, channel: Channel, addresses: Sequence[str]) -> Mapping[str, int]:
    """Return the statuses, unsubscribed and unconfirmed, that are kept of normalised addresses."""
    rows = await tx.fetch(SQL["statuses_among"], actor.account_id, actor.audience_id, channel, one_text(addresses))
    return {row["address"]: row["status"] for row in rows}


async def forget_audience(tx: Tx, actor: Actor) -> None:
    """Forget the digests of an audience that is deleted."""
    await tx.execute(SQL["delete_all"], actor.account_id, actor.audience_id)
