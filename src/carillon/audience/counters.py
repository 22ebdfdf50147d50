"""The counters of groups, which move in the transaction that moves what they count."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor

SQL = load_statements("carillon.audience", "counters.sql")

COUNTERS = ("members", "reachable", "reachable_sms", "reachable_email", "reachable_android", "reachable_ios")

_Counts = dict[int, tuple[int, ...]]


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
