"""The pool, and how operations are run: in which transaction, in which turn, and again when."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from functools import partial
from random import Random, SystemRandom
from typing import Concatenate, ParamSpec, TypeVar

import asyncpg
from asyncpg.pgproto import pgproto as driver

from carillon.db import ordering
from carillon.db.concurrency import AccountConcurrency, ExpensiveReadError
from carillon.db.distribution import HAS_CITUS, has_citus
from carillon.db.id_blocks import IdBlocks
from carillon.db.ordering import EarlierWorkError
from carillon.db.retries import FAILURES, ROLLED_BACK, Attempts, Outages, is_storage_failure, is_transient
from carillon.db.sessions import Session, SessionPool
from carillon.db.sql import all_statements
from carillon.db.topics import Topics
from carillon.db.transaction import ProcessState, Sources, State, Tx
from carillon.errors import TooExpensiveError, UnavailableError
from carillon.kit.actor import Actor
from carillon.kit.clock import Clock, SystemClock
from carillon.kit.ids import AccountId, UuidFactory

__all__ = ["Database", "Tx"]

Arguments = ParamSpec("Arguments")
Outcome = TypeVar("Outcome")

# A plain server takes them as inert settings; on Citus the first two save up to 2.6 s a connection (scale.md).
_SESSION_SETTINGS = {
    "citus.override_table_visibility": "off",
    "citus.propagate_set_commands": "local",
    "application_name": "carillon",
    # An expensive read takes one processor, not all of them: the others answer the other accounts' calls (ADR 29).
    "max_parallel_workers_per_gather": "0",
    # A shard is asked over a connection between nodes, also where it lies on this one, and for parameters, not values:
    # there a statement has one plan (ADR 19).
    "citus.enable_local_execution": "off",
    "citus.enable_fast_path_router_planner": "off",
}
# On a plain server a statement has one plan, made for any account and any number of keys: it doesn't turn with the
# values of the day. Citus refuses a quarter of the statements with it, as the account's value finds the node.
_ONE_PLAN = (
    f"SELECT set_config('plan_cache_mode', CASE WHEN {HAS_CITUS} THEN 'auto' ELSE 'force_generic_plan' END, false)"
)
# On one server ids need not wait for the disk: the log is written in order, so whatever is committed with an id has
# made the taking of it durable too. Where Citus is present, what has the id may be committed on another node.
_LAZY_IDS = f"SELECT set_config('synchronous_commit', 'off', false) WHERE NOT ({HAS_CITUS})"
# Connections for what has no account: authentication, health, the claims and leases of workers.
_PROCESS_CONNECTIONS = 3
# Expensive reads at once in a process, of which an account has one: each takes a processor's whole time.
_EXPENSIVE_READS = 2
EXPENSIVE_SECONDS = 10.0
"""So long may a statement of an expensive read take."""


class Database:
    """A pool of connections to one PostgreSQL, 15 or later."""

    def __init__(  # noqa: PLR0913 - what one is made of
        self,
        pool: asyncpg.Pool,
        control: asyncpg.Pool,
        *,
        size: int,
        control_dsn: str,
        clock: Clock,
        random: Random,
        has_citus: bool,
    ) -> None:
        share = max(1, size // 2)
        self._session_pool = SessionPool(
            pool, AccountConcurrency(size, share), AccountConcurrency(_PROCESS_CONNECTIONS)
        )
        # Writers that wait for each other's lock keep their connections: one is left to their account's reads.
        self._writers = AccountConcurrency(size, max(1, share - 1))
        self._expensive_reads = AccountConcurrency(_EXPENSIVE_READS, 1)
        self._control = SessionPool(control, AccountConcurrency(0), AccountConcurrency(1))
        self._control_dsn = control_dsn
        self._ids = IdBlocks(control)
        self._uuids = UuidFactory(random, driver.UUID)
        self._process_state = ProcessState()
        self.random = random
        self.topics = Topics()
        self._sources = Sources(
            clock=clock,
            random=random,
            uuids=self._uuids,
            ids=self._ids,
            process_state=self._process_state,
            has_citus=has_citus,
        )
        self.outages = Outages()

    @classmethod
    async def connect(  # noqa: PLR0913 - each has a default
        cls,
        dsn: str,
        *,
        control_dsn: str | None = None,
        clock: Clock | None = None,
        random: Random | None = None,
        size: int = 10,
        statement_timeout: float = 0,
    ) -> "Database":
        """Open the pools: `dsn` is any node, `control_dsn` the coordinator where they differ (scale.md).

        `size` connections are for operations of accounts, a few more for the process's own.

        The server cancels a statement after `statement_timeout` seconds; 0 is never. Raises UnavailableError when it
        can't be reached.
        """
        try:
            pool = await _open_pool(dsn, size + _PROCESS_CONNECTIONS, statement_timeout, (_ONE_PLAN,))
            # The control rows have connections of their own: a transaction that waits for an id must never wait for
            # another transaction's connection.
            lazily = () if control_dsn else (_LAZY_IDS,)
            control = await _open_pool(control_dsn or dsn, 1, statement_timeout, (_ONE_PLAN, *lazily))
            is_distributed = await has_citus(pool)
        except FAILURES as error:
            raise UnavailableError(f"The database can't be reached: {error}") from error
        return cls(
            pool,
            control,
            size=size,
            control_dsn=control_dsn or dsn,
            clock=clock or SystemClock(),
            random=random or SystemRandom(),
            has_citus=is_distributed,
        )

    @property
    def clock(self) -> Clock:
        """The clock of all transactions."""
        return self._sources.clock

    @clock.setter
    def clock(self, clock: Clock) -> None:
        self._sources = replace(self._sources, clock=clock)

    def process_state(self, kind: type[State]) -> State:
        """Return this process's only value of a type, made when it is first asked for: what a feature remembers."""
        return self._process_state.of(kind)

    def new_request_id(self) -> str:
        """Make the text of a UUIDv7 of the present moment."""
        return self._uuids.make_text(self._sources.clock.now())

    def _tx(self, session: Session, actor: object, begin: Callable[[], Awaitable[object]] | None = None) -> Tx:
        offset: timedelta = getattr(actor, "clock_offset", timedelta())
        return Tx(session, self._sources, clock_offset=offset, begin=begin)

    async def close(self) -> None:
        """Close every connection, waiting a little for those in use."""
        await self._session_pool.close()
        await self._control.close()

    async def check_ids(self) -> None:
        """Require that the coordinator would give ids. Raises what asyncpg does where it wouldn't."""
        await self._ids.check()

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
        """Prepare every statement of every ``.sql`` file: a typo stops the boot, never a request.

        Raises UnavailableError when the connection breaks meanwhile.
        """
        async with self._session_pool.session() as session:
            for file, name, statement in all_statements():
                try:
                    await session.connection.prepare(statement)
                except FAILURES as error:
                    if is_transient(error):
                        raise UnavailableError(f"The database can't be reached: {error}") from error
                    raise RuntimeError(f"the statement {name} of {file} doesn't prepare: {error}") from error

    @asynccontextmanager
    async def transaction(self, actor: object = None) -> AsyncIterator[Tx]:
        """Open a transaction: committed when the block ends, rolled back when it raises.

        Its time is that of the account whose `clock_offset` the actor has: an `Actor`, or a piece of work that a
        worker holds. Without one it is the real time.

        Raises UnavailableError when the server has no room or memory left, or its disk fails, and when the connection
        breaks in the COMMIT: it is unknown whether it took effect. OverloadedError where no connection gets free.
        """
        ending = False
        try:
            async with self._session_pool.session(_account_of(actor)) as session, AsyncExitStack() as begun:
                begin = partial(begun.enter_async_context, session.connection.transaction())
                tx = self._tx(session, actor, begin)
                yield tx
                ending = not tx.is_begun
                await tx.run_deferred()
                ending = True
        except FAILURES as error:
            if is_storage_failure(error):
                raise self.outages.begun(error) from error
            if ending and is_transient(error) and not isinstance(error, ROLLED_BACK):
                # Done again, it might be done twice; that choice is the caller's.
                self.outages.note()
                raise UnavailableError(f"The connection broke in the COMMIT: {error}") from error
            raise
        for topic, key in tx.woken:
            self.topics.wake(topic, key)
        for count in tx.counted:
            count()

    async def run(
        self,
        operation: Callable[Concatenate[Tx, Arguments], Awaitable[Outcome]],
        *arguments: Arguments.args,
        **keywords: Arguments.kwargs,
    ) -> Outcome:
        """Run an operation in a transaction of its own, again when the failure is transient and has undone it.

        An account's operations, whose actor comes first, take turns when they are many (`AccountConcurrency`). One that
        is behind earlier work (`EarlierWorkError`) waits for it outside of its transaction and turn. The first argument
        is also whose time it has, as in `transaction`.

        Raises UnavailableError when it fails for longer than an outage is waited for, or when the earlier work takes
        longer than a caller waits, and OverloadedError when its turn does; what the operation raises passes through.
        """
        actor = arguments[0] if arguments else None
        turn = self._turn(actor)
        return await self._run_in_order(actor, lambda tx: operation(tx, *arguments, **keywords), turn)

    async def run_at_once(
        self,
        operation: Callable[Concatenate[Tx, Arguments], Awaitable[Outcome]],
        *arguments: Arguments.args,
        **keywords: Arguments.kwargs,
    ) -> Outcome:
        """Run an operation as `run` does, but without a turn: one that waits for no lock that is held for long."""
        actor = arguments[0] if arguments else None
        return await self._run_in_order(actor, lambda tx: operation(tx, *arguments, **keywords), nullcontext())

    async def run_unless_behind(
        self,
        operation: Callable[Concatenate[Tx, Arguments], Awaitable[Outcome]],
        *arguments: Arguments.args,
        **keywords: Arguments.kwargs,
    ) -> Outcome:
        """Run an operation as `run` does, but raise EarlierWorkError where `run` would wait for earlier work."""
        actor = arguments[0] if arguments else None
        async with self._turn(actor):
            return await self._run(actor, lambda tx: operation(tx, *arguments, **keywords), frozenset())

    async def run_spanning(
        self,
        operation: Callable[Concatenate["Database", Arguments], Awaitable[Outcome]],
        *arguments: Arguments.args,
        **keywords: Arguments.kwargs,
    ) -> Outcome:
        """Run an operation that spans several transactions, and so takes the database: it raises what they raise."""
        return await operation(self, *arguments, **keywords)

    def _turn(self, actor: object) -> AbstractAsyncContextManager[object]:
        return self._writers.turn(actor.account_id) if isinstance(actor, Actor) else nullcontext()

    async def _run_in_order(
        self, actor: object, work: Callable[[Tx], Awaitable[Outcome]], turn: AbstractAsyncContextManager[object]
    ) -> Outcome:
        waited_for: frozenset[tuple[int, int]] = frozenset()
        deadline = None
        while True:
            try:
                async with turn:
                    return await self._run(actor, work, waited_for)
            except EarlierWorkError as error:
                earlier = error
            deadline = deadline or time.monotonic() + ordering.WAIT_SECONDS
            is_over = partial(self.read, _is_over, actor, earlier)
            if not await ordering.wait_until(self.topics, earlier.topic, earlier.key, is_over, deadline):
                raise UnavailableError(str(earlier))
            waited_for |= {earlier.place}

    async def _run(
        self, actor: object, work: Callable[[Tx], Awaitable[Outcome]], waited_for: frozenset[tuple[int, int]]
    ) -> Outcome:
        attempts = Attempts(self.random, self.outages)
        while True:
            try:
                async with self.transaction(actor) as tx:
                    tx.waited_for = waited_for
                    return await work(tx)
            except FAILURES as error:
                await attempts.failed(error)

    async def read(
        self,
        operation: Callable[Concatenate[Tx, Arguments], Awaitable[Outcome]],
        *arguments: Arguments.args,
        **keywords: Arguments.kwargs,
    ) -> Outcome:
        """Run an operation of single reading statements, without BEGIN and COMMIT: two round trips fewer.

        It is retried as `run` is, and raises the same. One that is expensive (`Tx.require_turn`) is run again in a
        turn; it raises TooExpensiveError when one of its statements takes longer than EXPENSIVE_SECONDS.
        """
        attempts = None
        actor = arguments[0] if arguments else None
        account_id = _account_of(actor)
        while True:
            try:
                async with self._session_pool.session(account_id) as session:
                    tx = self._tx(session, actor)
                    tx.may_be_expensive = False
                    return await operation(tx, *arguments, **keywords)
            except ExpensiveReadError:
                break
            except FAILURES as error:
                attempts = attempts or Attempts(self.random, self.outages)
                await attempts.failed(error)
        async with self._expensive_reads.turn(account_id):
            return await self._read_in_turn(actor, lambda tx: operation(tx, *arguments, **keywords))

    async def run_statement(
        self,
        operation: Callable[Concatenate[Tx, Arguments], Awaitable[Outcome]],
        *arguments: Arguments.args,
        **keywords: Arguments.kwargs,
    ) -> Outcome:
        """Run an operation of one writing statement, which is a transaction by itself: two round trips fewer.

        It is retried as `run` is, also where its commit is unknown: it has to be one that may be done twice. It wakes
        nobody.
        """
        return await self.read(operation, *arguments, **keywords)

    async def _read_in_turn(self, actor: object, work: Callable[[Tx], Awaitable[Outcome]]) -> Outcome:
        attempts = Attempts(self.random, self.outages)
        while True:
            try:
                async with self._session_pool.session(_account_of(actor)) as session:
                    tx = self._tx(session, actor)
                    tx.statement_seconds = EXPENSIVE_SECONDS
                    try:
                        return await work(tx)
                    except TimeoutError as error:
                        raise TooExpensiveError from error
            except FAILURES as error:
                await attempts.failed(error)


def _account_of(actor: object) -> AccountId | None:
    return actor.account_id if isinstance(actor, Actor) else None


async def _is_over(tx: Tx, _actor: object, earlier: EarlierWorkError) -> bool:
    return await earlier.is_over(tx)


async def _open_pool(dsn: str, size: int, statement_timeout: float, first: Sequence[str]) -> asyncpg.Pool:
    """Open a pool whose connections each begin with some statements."""

    async def begin(connection: asyncpg.Connection) -> None:
        await connection.execute(";".join(first))

    return await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size,
        statement_cache_size=500,
        max_inactive_connection_lifetime=300,
        reset=_leave_as_it_is,
        init=begin,
        server_settings={**_SESSION_SETTINGS, "statement_timeout": f"{statement_timeout * 1000:.0f}ms"},
    )


async def _leave_as_it_is(_connection: asyncpg.Connection) -> None:
    """Leave a connection as it is, without a round trip to clean it.

    Operations leave nothing on a session: transactions end with their block (the pool makes sure), and nobody sets,
    listens, declares a cursor or takes an advisory lock beyond one.
    """
