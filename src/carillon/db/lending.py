"""Lending a pool's connections: one that comes back whole is lent again as it is.

asyncpg's own way back takes a task and a turn of the loop for each connection, which is a third of what a single lookup
costs. So the pool makes, closes and repairs connections, and in between they wait here.
"""

import asyncio
import time

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

    def lend(self) -> "Loan":
        """Lend a connection for a block."""
        return Loan(self)

    async def take(self) -> PoolConnectionProxy:
        """Wait for a connection and take it."""
        await self._left.acquire()
        try:
            return await self._take()
        except BaseException:
            self._left.release()
            raise

    async def give_back(self, connection: PoolConnectionProxy, *, whole: bool) -> None:
        """Take a connection back. After a failure, or where a transaction is left open, the pool repairs it."""
        try:
            if whole and not _is_lost(connection) and not connection.is_in_transaction():
                self._idle.append((time.monotonic(), connection))
            else:
                await self._pool.release(connection)
        finally:
            self._left.release()

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


class Loan:
    """A block's connection. A class, as a generator's context costs as much again as the lending."""

    __slots__ = ("_connection", "_lender")

    def __init__(self, lender: Lender) -> None:
        self._lender = lender

    async def __aenter__(self) -> PoolConnectionProxy:
        self._connection = await self._lender.take()
        return self._connection

    async def __aexit__(self, failure: type[BaseException] | None, *_: object) -> None:
        await self._lender.give_back(self._connection, whole=failure is None)
