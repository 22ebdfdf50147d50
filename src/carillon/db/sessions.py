"""Acquiring a pool's connections: one that is released whole is acquired again as it is.

asyncpg's own way back takes a task and a turn of the loop for each connection, which is a third of what a single lookup
costs. So the pool makes, closes and repairs connections, and in between they wait here.
"""

import asyncio
import time

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from asyncpg.prepared_stmt import PreparedStatement

from carillon.db.concurrency import AccountConcurrency, ExpensiveReadError
from carillon.kit.ids import AccountId


class AssumptionError(Exception):
    """What a transaction assumed does not hold, so nothing of it is written (`Tx.assume`)."""


# A network forgets connections on which nothing happens; a used one is acquired first, so that the others can age.
_MAX_IDLE_SECONDS = 300


# What ends an operation and leaves its session as it was.
_HARMLESS = frozenset({None, ExpensiveReadError, AssumptionError})
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
    """Acquires connections of a pool that has as many as `of_accounts` and `of_process` let out together.

    What has no account, such as authentication, health and the claims of workers, never waits for callers.
    """

    def __init__(self, pool: asyncpg.Pool, of_accounts: AccountConcurrency, of_process: AccountConcurrency) -> None:
        self._pool = pool
        self._of_accounts = of_accounts
        self._of_process = of_process
        self._idle: list[Session] = []

    def session(self, account_id: AccountId | None = None) -> "SessionContext":
        """Acquire a session for a block."""
        concurrency = self._of_process if account_id is None else self._of_accounts
        return SessionContext(self, concurrency, account_id)

    async def acquire(self) -> Session:
        """Take a session that is idle, or a new one."""
        while self._idle:
            waiting = self._idle.pop()
            if not waiting.is_lost():
                if time.monotonic() - waiting.idle_since < _MAX_IDLE_SECONDS:
                    return waiting
                await waiting.connection.close()
            await self._pool.release(waiting.connection)
        return Session(await self._pool.acquire())

    async def release(self, session: Session, *, whole: bool) -> None:
        """Take a session back. After a failure, or with a transaction left open, the pool repairs it."""
        if whole and not session.is_lost() and not session.connection.is_in_transaction():
            session.idle_since = time.monotonic()
            self._idle.append(session)
        else:
            await self._pool.release(session.connection)

    async def close(self) -> None:
        """Close every connection, waiting a little for those in use."""
        while self._idle:
            await self._pool.release(self._idle.pop().connection)
        try:
            await asyncio.wait_for(self._pool.close(), timeout=10)
        except TimeoutError:
            self._pool.terminate()


class SessionContext:
    """A block's session. A class, as a generator's context costs as much again as acquiring one."""

    __slots__ = ("_account_id", "_concurrency", "_session", "_session_pool")

    def __init__(
        self, session_pool: SessionPool, concurrency: AccountConcurrency, account_id: AccountId | None
    ) -> None:
        self._session_pool = session_pool
        self._concurrency = concurrency
        self._account_id = account_id

    async def __aenter__(self) -> Session:
        if not self._concurrency.take_at_once(self._account_id):
            await self._concurrency.take(self._account_id)
        try:
            self._session = await self._session_pool.acquire()
        except BaseException:
            self._concurrency.give_back(self._account_id)
            raise
        return self._session

    async def __aexit__(self, failure: type[BaseException] | None, *_: object) -> None:
        try:
            await self._session_pool.release(self._session, whole=failure in _HARMLESS)
        finally:
            self._concurrency.give_back(self._account_id)
