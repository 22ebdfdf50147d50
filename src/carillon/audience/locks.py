"""What every writer of an audience shares: its lock, and the counters that must move with what they count."""

from collections.abc import Sequence
from dataclasses import dataclass

from asyncpg import Record

from carillon.db.database import Tx
from carillon.db.ordering import EarlierWorkError
from carillon.db.sql import load_statements
from carillon.errors import NotFoundError
from carillon.kit.actor import Actor

SQL = load_statements("carillon.audience", "locks.sql")

UPLOAD_WRITTEN = "upload_written"
"""The topic of uploads that are written, or have failed; its keys are their ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedAudience:
    """What a writer needs to know of the audience that it holds.

    `removed_channels` are those on which it keeps what removed contacts had refused.
    """

    name: str
    country: str
    is_stoplist: bool
    removed_channels: frozenset[str]


async def lock_audience(tx: Tx, actor: Actor, *, after_uploads: bool = True) -> LockedAudience:
    """Become the audience's only writer until the transaction ends (scale.md, Statements 7).

    Every operation that writes contacts, memberships or groups calls it first: batches with the same address then
    neither deadlock nor make two contacts, whatever their order. Calling it again in the transaction costs nothing.

    Raises NotFoundError, and EarlierWorkError while uploads to the audience that were accepted before are not written:
    what is written here is the later statement (docs/adr/0022). `after_uploads` is False for who writes them, or
    takes them away.
    """
    place = (actor.account_id, actor.audience_id)
    if isinstance(known := tx.locked.get(place), LockedAudience):
        return known
    in_order = after_uploads and place not in tx.waited_for
    row = await tx.fetchrow(SQL["lock_audience"], *place, in_order)
    if row is None:
        row = await _lock_otherwise(tx, actor, in_order=in_order)
    if row is None:
        raise NotFoundError("audience")
    tx.read_clock()
    locked = LockedAudience(
        name=row["name"],
        country=row["country"],
        is_stoplist=row["kind"] == "stoplist",
        removed_channels=frozenset(row["removed_channels"]),
    )
    tx.locked[place] = locked
    return locked


async def _lock_otherwise(tx: Tx, actor: Actor, *, in_order: bool) -> Record | None:
    """Lock an audience that can't be locked alone and at once; None where it isn't there."""
    place = (actor.account_id, actor.audience_id)
    is_stoplist = await tx.fetchval(SQL["is_stoplist"], *place)
    if is_stoplist is None:
        return None
    if in_order:
        await follow_uploads(tx, actor)
    if is_stoplist:
        # Its contacts are suppressed in all audiences.
        return {one["audience_id"]: one for one in await _lock_audiences(tx, actor)}.get(actor.audience_id)
    # Its uploads have been written meanwhile.
    regardless = (*place, False)
    return await tx.fetchrow(SQL["lock_audience"], *regardless)


async def follow_uploads(tx: Tx, actor: Actor) -> None:
    """Raise EarlierWorkError while uploads to the audience that were accepted before are not written."""
    place = (actor.account_id, actor.audience_id)
    last = None if place in tx.waited_for else await tx.fetchval(SQL["last_unwritten"], *place)
    if last is None:
        return

    async def is_over(tx: Tx) -> bool:
        return not await tx.fetchval(SQL["are_unwritten"], *place, last)

    message = "Earlier uploads are still being written."
    raise EarlierWorkError(message, place=place, topic=UPLOAD_WRITTEN, key=str(last), is_over=is_over)


async def lock_account(tx: Tx, actor: Actor) -> list[int]:
    """Become the only writer of all the account's audiences and return their ids: a suppression concerns them all.

    It waits for no upload: an unsubscription takes effect at once, and holds for what uploads write later.
    """
    audiences = [row["audience_id"] for row in await _lock_audiences(tx, actor)]
    tx.read_clock()
    return audiences


async def lock_audience_set(tx: Tx, actor: Actor) -> None:
    """Let nobody else make an audience of the account, nor lock all of them, until the transaction ends.

    Whoever makes one calls it too: one that was made while somebody held all the others would be nobody's. It locks the
    default audience, and nobody who holds another one may call it (docs/adr/0016).
    """
    await tx.execute(SQL["lock_audience_set"], actor.account_id)


async def _lock_audiences(tx: Tx, actor: Actor) -> list[Record]:
    await lock_audience_set(tx, actor)
    return await tx.fetch(SQL["lock_audiences"], actor.account_id)


async def mark_changed(tx: Tx, actor: Actor) -> None:
    """Let the actor's audience have changed now: what belongs to it is part of what it is shown with."""
    await tx.execute(SQL["mark_audience_changed"], actor.account_id, actor.audience_id, tx.now)


async def addresses_of(tx: Tx, actor: Actor, contact_ids: Sequence[int]) -> list[tuple[str | None, str | None]]:
    """Return the phones and e-mails of contacts."""
    rows = await tx.fetch(SQL["addresses_of"], actor.account_id, actor.audience_id, contact_ids)
    return [(row["phone"], row["email"]) for row in rows]
