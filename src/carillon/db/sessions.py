"""Acquiring a pool's connections: one that is released whole is acquired again as it is.

asyncpg's own way back takes a task and a turn of the loop for each connection, which is a third of what a single lookup
costs. So the pool makes, closes and repairs connections, and in between they wait here.
"""

import asyncio
import time
from weakref import WeakValueDictionary

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from asyncpg.prepared_stmt import PreparedStatement

# A network forgets connections on which nothing happens; a used one is acquired first, so that the others can age.
_MAX_IDLE_SECONDS = 300


# Compiled conditions make ever new statements.
_MAX_PREPARED = 1_000


class Session:
    """A connection, and the statements that are prepared on it.

    asyncpg keeps such statements too, but looks one up in a time that a lookup by key feels.
    """

    __slots__ = ("_prepared", "connection", "idle_since")

    def __init__(self, connection: PoolConnectionProxy) -> None:
        self.connection = connection
        self.idle_since = 0.0
        self._prepared: dict[str, PreparedStatement[asyncpg.Record]] = {}

    async def prepared(self, statement: str) -> "PreparedStatement[asyncpg.Record]":
        """Return a statement as it is prepared on this connection, prepared now where it isn't."""
        found = self._prepared.get(statement)
        if found is None:
            if len(self._prepared) >= _MAX_PREPARED:
                self._prepared.clear()
            found = self._prepared[statement] = await self.connection.prepare(statement)
        return found

    def is_lost(self) -> bool:
        """Tell whether the connection has broken off."""
        try:
            return bool(self.connection.is_closed())
        except asyncpg.InterfaceError:  # the pool has taken it back already, because it closed
            return True


class SessionPool:
    """Acquires at most `size` connections of a pool that has as many."""

    def __init__(self, pool: asyncpg.Pool, size: int) -> None:
        self._pool = pool
        self._left = asyncio.Semaphore(size)
        self._idle: list[Session] = []

    def session(self) -> "SessionContext":
        """Acquire a session for a block."""
        return SessionContext(self)

    async def take(self) -> Session:
        """Wait for a session and take it."""
        await self._left.acquire()
        try:
            return await self._take()
        except BaseException:
            self._left.release()
            raise

    async def release(self, session: Session, *, whole: bool) -> None:
        """Take a session back. After a failure, or with a transaction left open, the pool repairs it."""
        try:
            if whole and not session.is_lost() and not session.connection.is_in_transaction():
                session.idle_since = time.monotonic()
                self._idle.append(session)
            else:
                await self._pool.release(session.connection)
        finally:
            self._left.release()

    async def _take(self) -> Session:
        while self._idle:
            waiting = self._idle.pop()
            if not waiting.is_lost():
                if time.monotonic() - waiting.idle_since < _MAX_IDLE_SECONDS:
                    return waiting
                await waiting.connection.close()
            await self._pool.release(waiting.connection)
        return Session(await self._pool.acquire())

    async def close(self) -> None:
        """Close every connection, waiting a little for those in use."""
        while self._idle:
            await self._pool.release(self._idle.pop().connection)
        try:
            await asyncio.wait_for(self._pool.close(), timeout=10)
        except TimeoutError:
            self._pool.terminate()


class AccountConcurrency:
    """Lets an account have only so many transactions at once that may wait for each other.

    Writers that wait for each other's lock keep their connections meanwhile: those of one account are not all of a
    pool's, so that readers and other accounts have the rest.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._of_accounts: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()

    def of(self, account_id: int) -> asyncio.Semaphore:
        """Return the account's semaphore; it is kept for as long as it is held."""
        found = self._of_accounts.get(account_id)
        if found is None:
            found = self._of_accounts[account_id] = asyncio.Semaphore(self._most)
        return found


class SessionContext:
    """A block's session. A class, as a generator's context costs as much again as acquiring one."""

    __slots__ = ("_session", "_session_pool")

    def __init__(self, session_pool: SessionPool) -> None:
        self._session_pool = session_pool

    async def __aenter__(self) -> Session:
        self._session = await self._session_pool.take()
        return self._session

    async def __aexit__(self, failure: type[BaseException] | None, *_: object) -> None:
        await self._session_pool.release(self._session, whole=failure is None)
