"""The pool, and the one transaction that every operation runs in."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any, Concatenate, ParamSpec, TypeVar

import asyncpg
from asyncpg import Record

from carillon.db.id_blocks import IdBlocks
from carillon.db.lending import Lender, Session, Turns
from carillon.db.sql import all_statements
from carillon.errors import UnavailableError
from carillon.kit.actor import Actor
from carillon.kit.clock import Clock, SystemClock

Arguments = ParamSpec("Arguments")
Outcome = TypeVar("Outcome")

# Told by SQLSTATE, never by a constraint's name (scale.md, Statements 8): lost connections, shutdowns, serialisation
# failures, deadlocks, no free slot. A statement that was prepared before a migration fails once.
_TRANSIENT = frozenset({"57P01", "57P02", "57P03", "40001", "40P01", "53300"})
# The last is what a statement meets on a connection that broke off between two of them.
_FAILURES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
# Of those, what a COMMIT that fails with it has undone for certain.
_ROLLED_BACK = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_ATTEMPTS = 5
_FIRST_PAUSE = 0.02

# A plain server takes both as inert settings; on Citus they save up to 2.6 s a connection (scale.md, Statements 9).
_SESSION_SETTINGS = {
    "citus.override_table_visibility": "off",
    "citus.propagate_set_commands": "local",
    "application_name": "carillon",
    # A statement has one plan, made for any account and any number of keys: it doesn't turn with the values of the day.
    "plan_cache_mode": "force_generic_plan",
}


class Tx:
    """One transaction: its session, the moment it began by our clock, and the ids it may hand out."""

    def __init__(self, session: Session, *, clock: Clock, ids: IdBlocks) -> None:
        self._session = session
        self._clock = clock
        self.now = clock.now()
        self.ids = ids
        self.brings_work = False
        """Set by an operation that writes rows for the workers. Only a hint: work is rows, and polling is the truth."""
        self.locked: dict[tuple[int, int], object] = {}
        """The audiences that it has locked, by account and id, with what is known of them."""

    def read_clock(self) -> None:
        """Let the transaction's moment be the present one: whoever has waited for a lock writes after who held it."""
        self.now = self._clock.now()

    async def fetch(self, statement: str, *arguments: object) -> list[Record]:
        """Run a statement and return its rows."""
        prepared = await self._session.prepared(statement)
        return await prepared.fetch(*arguments)

    async def fetchrow(self, statement: str, *arguments: object) -> Record | None:
        """Run a statement and return its first row."""
        prepared = await self._session.prepared(statement)
        return await prepared.fetchrow(*arguments)

    async def fetchval(self, statement: str, *arguments: object) -> Any:
        """Run a statement and return the first column of its first row."""
        prepared = await self._session.prepared(statement)
        return await prepared.fetchval(*arguments)

    async def execute(self, statement: str, *arguments: object) -> None:
        """Run a statement for its effect."""
        await self._session.connection.execute(statement, *arguments)

    async def copy_csv(
        self, table: str, columns: Sequence[str], source: Iterable[bytes], *, empty_is_null: Sequence[str] = ()
    ) -> None:
        """Load CSV (no header) into a table: the fastest door there is (limits.md).

        An empty cell is NULL, a quoted one only in the columns `empty_is_null`. `source` may make its pieces as they
        are taken: the server works on one while the next is made.
        """

        async def chunks() -> AsyncIterator[bytes]:
            for piece in source:
                yield piece

        await self._session.connection.copy_to_table(
            table, source=chunks(), columns=list(columns), format="csv", force_null=list(empty_is_null) or None
        )


class Database:
    """A pool of connections to one PostgreSQL, 15 or later."""

    def __init__(self, lender: Lender, turns: Turns, control: asyncpg.Pool, *, control_dsn: str, clock: Clock) -> None:
        self._lender = lender
        self._turns = turns
        self._control = Lender(control, 1)
        self._control_dsn = control_dsn
        self._ids = IdBlocks(control)
        self.clock = clock
        self.work_arrived = asyncio.Event()

    @classmethod
    async def connect(
        cls,
        dsn: str,
        *,
        control_dsn: str | None = None,
        clock: Clock | None = None,
        size: int = 10,
        statement_timeout: float = 0,
    ) -> "Database":
        """Open the pools: `dsn` is any node, `control_dsn` the coordinator where they differ (scale.md).

        The server gives a statement up after `statement_timeout` seconds; 0 is never. Raises UnavailableError when it
        can't be reached.
        """
        try:
            pool = await _open_pool(dsn, size, statement_timeout)
            # The control rows have connections of their own: a transaction that waits for an id must never wait for
            # another transaction's connection.
            # On one server they need not wait for the disk: the log is written in order, so whatever is committed with
            # an id has made the taking of it durable too.
            control_settings = {} if control_dsn else {"synchronous_commit": "off"}
            control = await _open_pool(control_dsn or dsn, 1, statement_timeout, control_settings)
        except (OSError, asyncpg.PostgresError) as error:
            raise UnavailableError(f"The database can't be reached: {error}") from error
        turns = Turns(max(1, size // 2))
        clock = clock or SystemClock()
        return cls(Lender(pool, size), turns, control, control_dsn=control_dsn or dsn, clock=clock)

    async def close(self) -> None:
        """Close every connection, waiting a little for those in use."""
        await self._lender.close()
        await self._control.close()

    @asynccontextmanager
    async def control_connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Connect to the coordinator for a block, outside the pools and without a statement timeout.

        It is for maintenance that waits for locks: ids are taken through the pool's one control connection meanwhile.
        Raises UnavailableError when the server can't be reached.
        """
        try:
            connection = await asyncpg.connect(self._control_dsn, server_settings={"application_name": "carillon"})
        except (OSError, asyncpg.PostgresError) as error:
            raise UnavailableError(f"The database can't be reached: {error}") from error
        try:
            yield connection
        finally:
            await connection.close()

    async def prepare_statements(self) -> None:
        """Prepare every statement of every ``.sql`` file: a typo stops the boot, never a request."""
        async with self._lender.lend() as session:
            for file, name, statement in all_statements():
                try:
                    await session.connection.prepare(statement)
                except asyncpg.PostgresError as error:
                    raise RuntimeError(f"the statement {name} of {file} doesn't prepare: {error}") from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """Open a transaction: committed when the block ends, rolled back when it raises.

        Raises UnavailableError when the connection breaks in the COMMIT: nobody knows whether it was heard.
        """
        ending = False
        try:
            async with self._lender.lend() as session:
                tx = Tx(session, clock=self.clock, ids=self._ids)
                async with session.connection.transaction():
                    yield tx
                    ending = True
        except _FAILURES as error:
            if ending and is_transient(error) and not isinstance(error, _ROLLED_BACK):
                # Done again, it might be done twice; that choice is the caller's.
                raise UnavailableError(f"The connection broke in the COMMIT: {error}") from error
            raise
        if tx.brings_work:
            self.work_arrived.set()

    async def run(
        self,
        operation: Callable[Concatenate[Tx, Arguments], Awaitable[Outcome]],
        *arguments: Arguments.args,
        **keywords: Arguments.kwargs,
    ) -> Outcome:
        """Run an operation in a transaction of its own, again when the failure is transient and has undone it.

        An account's operations, whose actor comes first, take turns when they are many (`Turns`).

        Raises UnavailableError when it fails `_ATTEMPTS` times; what the operation raises passes through.
        """
        actor = arguments[0] if arguments else None
        async with self._turns.of(actor.account_id) if isinstance(actor, Actor) else nullcontext():
            return await self.run_at_once(operation, *arguments, **keywords)

    async def run_at_once(
        self,
        operation: Callable[Concatenate[Tx, Arguments], Awaitable[Outcome]],
        *arguments: Arguments.args,
        **keywords: Arguments.kwargs,
    ) -> Outcome:
        """Run an operation as `run` does, but without a turn: one that waits for no lock that is held for long."""
        attempts = _Attempts()
        while True:
            try:
                async with self.transaction() as tx:
                    return await operation(tx, *arguments, **keywords)
            except _FAILURES as error:
                await attempts.failed(error)

    async def read(
        self,
        operation: Callable[Concatenate[Tx, Arguments], Awaitable[Outcome]],
        *arguments: Arguments.args,
        **keywords: Arguments.kwargs,
    ) -> Outcome:
        """Run an operation of single reading statements, without BEGIN and COMMIT: two round trips fewer.

        It is retried as `run` is, and raises the same.
        """
        attempts = _Attempts()
        while True:
            try:
                async with self._lender.lend() as session:
                    tx = Tx(session, clock=self.clock, ids=self._ids)
                    return await operation(tx, *arguments, **keywords)
            except _FAILURES as error:
                await attempts.failed(error)


async def _open_pool(
    dsn: str, size: int, statement_timeout: float, settings: Mapping[str, str] | None = None
) -> asyncpg.Pool:
    return await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size,
        statement_cache_size=500,
        max_inactive_connection_lifetime=300,
        reset=_leave_as_it_is,
        server_settings={
            **_SESSION_SETTINGS,
            "statement_timeout": f"{statement_timeout * 1000:.0f}ms",
            **(settings or {}),
        },
    )


async def _leave_as_it_is(_connection: asyncpg.Connection) -> None:
    """Give a connection back as it is, without a round trip to clean it.

    Operations leave nothing on a session: transactions end with their block (the pool makes sure), and nobody sets,
    listens, declares a cursor or takes an advisory lock beyond one.
    """


class _Attempts:
    """Counts an operation's failures, and tells after each whether it is tried again."""

    def __init__(self) -> None:
        self._made = 0

    async def failed(self, error: Exception) -> None:
        """Wait a while before the next attempt. Raises the error that ends them."""
        if isinstance(error, asyncpg.QueryCanceledError):
            raise UnavailableError("A statement took longer than statement_timeout_seconds.") from error
        if not is_transient(error):
            raise error
        pause = _FIRST_PAUSE * 2**self._made * (1 + random.random())  # noqa: S311 - jitter, not a secret
        await asyncio.sleep(pause)
        self._made += 1
        if self._made == _ATTEMPTS:
            raise UnavailableError(f"The database failed {_ATTEMPTS} times: {error}") from error


def is_transient(error: BaseException) -> bool:
    """Tell whether the same work may succeed when it is tried again."""
    if isinstance(error, asyncpg.PostgresError):
        state = str(error.sqlstate or "")
        stale = isinstance(error, asyncpg.InvalidCachedStatementError)
        return stale or state.startswith("08") or state in _TRANSIENT
    return isinstance(error, OSError | asyncpg.InterfaceError | asyncpg.InternalClientError)
