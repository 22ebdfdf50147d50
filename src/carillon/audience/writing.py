"""What every writer of an audience shares: its lock, and the counters that must move with what they count."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from asyncpg import Record

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import NotFoundError
from carillon.kit.actor import Actor

SQL = load_statements("carillon.audience", "writing.sql")

COUNTERS = ("members", "reachable", "reachable_sms", "reachable_email", "reachable_android", "reachable_ios")

_Counts = dict[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedAudience:
    """What a writer needs to know of the audience that it holds."""

    name: str
    country: str
    is_stoplist: bool


async def lock_audience(tx: Tx, actor: Actor) -> LockedAudience:
    """Become the audience's only writer until the transaction ends (scale.md, Statements 7).

    Every operation that writes contacts, memberships or groups calls it first: batches with the same address then
    neither deadlock nor make two contacts, whatever their order. Calling it again in the transaction costs nothing.
    """
    place = (actor.account_id, actor.audience_id)
    if isinstance(known := tx.locked.get(place), LockedAudience):
        return known
    row = await tx.fetchrow(SQL["lock_audience"], *place)
    if row is None and await tx.fetchval(SQL["is_stoplist"], *place):
        # Whoever is written into a stop list is silenced in all audiences.
        row = {one["audience_id"]: one for one in await _lock_audiences(tx, actor)}.get(actor.audience_id)
    if row is None:
        raise NotFoundError("audience")
    tx.read_clock()
    locked = LockedAudience(name=row["name"], country=row["country"], is_stoplist=row["kind"] == "stoplist")
    tx.locked[place] = locked
    return locked


async def lock_account(tx: Tx, actor: Actor) -> list[int]:
    """Become the only writer of all the account's audiences and return their ids: a suppression concerns them all."""
    audiences = [row["audience_id"] for row in await _lock_audiences(tx, actor)]
    tx.read_clock()
    return audiences


async def hold_back_audiences(tx: Tx, actor: Actor) -> None:
    """Let nobody else make an audience of the account, nor lock all of them, until the transaction ends.

    Whoever makes one calls it too: one that was made while somebody held all the others would be nobody's. It locks the
    default audience, and nobody who holds another one may call it (docs/adr/0016).
    """
    await tx.execute(SQL["hold_back_audiences"], actor.account_id)


async def _lock_audiences(tx: Tx, actor: Actor) -> list[Record]:
    await hold_back_audiences(tx, actor)
    return await tx.fetch(SQL["lock_audiences"], actor.account_id)


@asynccontextmanager
async def recounting(tx: Tx, actor: Actor, contact_ids: Sequence[int]) -> AsyncIterator[None]:
    """Move the counters of groups by what the block changes about these contacts.

    The groups' shares of the contacts are summed before and after, and the difference is added: one statement a chunk,
    whatever the size of the groups. The audience must be locked.
    """
    before = await _shares(tx, actor, contact_ids)
    yield
    after = await _shares(tx, actor, contact_ids)
    nothing = (0,) * len(COUNTERS)
    moves = {
        group_id: tuple(
            new - old for new, old in zip(after.get(group_id, nothing), before.get(group_id, nothing), strict=True)
        )
        for group_id in sorted(before.keys() | after.keys())
    }
    await move_counters(tx, actor, moves)


async def move_counters(tx: Tx, actor: Actor, moves: Mapping[int, tuple[int, ...]]) -> None:
    """Add to the counters of groups, for each its COUNTERS in their order. The audience must be locked."""
    moves = {group_id: move for group_id, move in moves.items() if any(move)}
    if moves:
        columns = [list(column) for column in zip(*moves.values(), strict=True)]
        await tx.execute(SQL["move_counters"], actor.account_id, list(moves), *columns)


async def _shares(tx: Tx, actor: Actor, contact_ids: Sequence[int]) -> _Counts:
    if not contact_ids:
        return {}
    rows = await tx.fetch(SQL["group_shares"], actor.account_id, actor.audience_id, contact_ids)
    return {row["group_id"]: tuple(row[counter] for counter in COUNTERS) for row in rows}


async def addresses_of(tx: Tx, actor: Actor, contact_ids: Sequence[int]) -> list[tuple[str | None, str | None]]:
    """Give the phones and e-mails of contacts."""
    rows = await tx.fetch(SQL["addresses_of"], actor.account_id, actor.audience_id, contact_ids)
    return [(row["phone"], row["email"]) for row in rows]
