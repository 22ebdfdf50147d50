"""Lending a pool's connections: one that comes back whole is lent again as it is.

asyncpg's own way back takes a task and a turn of the loop for each connection, which is a third of what a single lookup
costs. So the pool makes, closes and repairs connections, and in between they wait here.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from asyncpg.pool import PoolConnectionProxy

# A network forgets connections on which nothing happens; a used one is lent first, so that the others can age.
_MAX_IDLE_SECONDS = 300


class Lender:
    """Lends at most `size` connections of a pool that has as many."""

    def __init__(self, pool: asyncpg.Pool, size: int) -> None:
        self._pool = pool
        self._left = asyncio.Semaphore(size)
        self._idle: list[tuple[float, PoolConnectionProxy]] = []

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[PoolConnectionProxy]:
        """Lend a connection. After a failure, or where a transaction is left open, the pool repairs it."""
        async with self._left:
            connection = await self._take()
            try:
                yield connection
            except BaseException:
                await self._pool.release(connection)
                raise
            if _is_lost(connection) or connection.is_in_transaction():
                await self._pool.release(connection)
            else:
                self._idle.append((time.monotonic(), connection))

    async def _take(self) -> PoolConnectionProxy:
        while self._idle:
            since, waiting = self._idle.pop()
            if not _is_lost(waiting):
                if time.monotonic() - since < _MAX_IDLE_SECONDS:
                    return waiting
                await waiting.close()
            await self._pool.release(waiting)
        connection: PoolConnectionProxy = await self._pool.acquire()
        return connection

    async def close(self) -> None:
        """Close every connection, waiting a little for those that are lent."""
        while self._idle:
            await self._pool.release(self._idle.pop()[1])
        try:
            await asyncio.wait_for(self._pool.close(), timeout=10)
        except TimeoutError:
            self._pool.terminate()


def _is_lost(connection: PoolConnectionProxy) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:  # the pool has taken it back already, because it closed
        return True
