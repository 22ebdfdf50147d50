"""Ids of audiences, contacts and groups: below 2^53, handed out in blocks from a control row (scale.md, Tables 3)."""

import asyncio
from typing import TYPE_CHECKING

from carillon.db.sql import load_statements

if TYPE_CHECKING:
    import asyncpg

SQL = load_statements("carillon.db", "id_blocks.sql")

# A process takes at least so many at a time; what it hasn't used when it ends is lost, which costs nothing.
_BLOCK = 1_000
# Who takes many is about to take as many again, and every block waits for the disk.
_AHEAD = 5
# These are few, and people type them: they are handed out one by one.
_TYPED = frozenset({"account", "audience", "credential"})


class IdBlocks:
    """The ids that this process may hand out, by sequence (`contact`, `group` …)."""

    def __init__(self, pool: "asyncpg.Pool") -> None:
        self._pool = pool
        self._free: dict[str, tuple[int, int]] = {}
        self._lock = asyncio.Lock()

    async def take(self, sequence: str, count: int = 1) -> range:
        """Take `count` ids, ascending and without a gap among them."""
        async with self._lock:
            start, stop = self._free.get(sequence, (0, 0))
            if stop - start < count:
                size = count if sequence in _TYPED else max(_AHEAD * count, _BLOCK)
                # A connection of its own: the control row must not stay locked until the caller's transaction ends.
                async with self._pool.acquire() as connection:
                    stop = await connection.fetchval(SQL["take_block"], sequence, size)
                start = stop - size
            self._free[sequence] = (start + count, stop)
            return range(start, start + count)
