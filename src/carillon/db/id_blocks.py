"""Ids of audiences, contacts and groups: below 2^53, handed out from a control row (scale.md, Tables 3)."""

from typing import TYPE_CHECKING

from carillon.db.sql import load_statements

if TYPE_CHECKING:
    import asyncpg

SQL = load_statements("carillon.db", "id_blocks.sql")


FIRST_DISCARDED_ID = 2**52
"""From here on ids are of what is never committed (`DiscardedIds`)."""


class IdBlocks:
    """The ids that this installation has not handed out yet, by sequence (`contact`, `group` …).

    A batch takes as many as it needs, and no process keeps any for later. So ids that are taken while holding an
    audience's or an account's lock has larger ones than all that was committed there before, and a reader that pages
    by id never misses what comes after.
    """

    def __init__(self, pool: "asyncpg.Pool") -> None:
        self._pool = pool

    async def check(self) -> None:
        """Require that ids could be taken. Raises what asyncpg does where they couldn't."""
        async with self._pool.acquire() as connection:
            await connection.fetchval(SQL["find_blocks"])

    async def take(self, sequence: str, count: int = 1) -> range:
        """Take `count` ids, ascending and without a gap among them."""
        if not count:
            return range(0)
        # A connection of its own: the control row must not stay locked until the caller's transaction ends.
        async with self._pool.acquire() as connection:
            stop: int = await connection.fetchval(SQL["take_block"], sequence, count)
        return range(stop - count, stop)


class DiscardedIds(IdBlocks):
    """Ids for a transaction that is rolled back: they are larger than all that are handed out, and use none up."""

    def __init__(self) -> None:
        self._next = FIRST_DISCARDED_ID

    async def check(self) -> None:
        """Require nothing."""

    async def take(self, sequence: str, count: int = 1) -> range:
        """Take `count` ids, ascending and without a gap among them; no two sequences have one in common."""
        del sequence
        start, self._next = self._next, self._next + count
        return range(start, self._next)
