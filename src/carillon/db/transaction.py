"""The transaction that every operation runs in: its session, its moment, and its sources of ids and randomness."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
from asyncpg import Record

from carillon.db.concurrency import ExpensiveReadError
from carillon.db.id_blocks import IdBlocks
from carillon.db.sessions import AssumptionError, Session
from carillon.db.sql import of_one_row, side_by_side
from carillon.kit.clock import Clock
from carillon.kit.ids import UuidFactory

State = TypeVar("State")

# Of a duplicate that COPY meets on another node, Citus keeps the message and loses the SQLSTATE.
_DUPLICATE = "duplicate key value violates unique constraint"


@contextmanager
def _duplicates_of_other_nodes() -> Iterator[None]:
    """Raise UniqueViolationError for a duplicate also where the row lies on another node."""
    try:
        yield
    except asyncpg.InternalServerError as error:
        if str(error).startswith(_DUPLICATE):
            raise asyncpg.UniqueViolationError(str(error)) from error
        raise


class ProcessState:
    """What features remember in this process: one value of each type, made when it is first asked for."""

    def __init__(self) -> None:
        self._values: dict[type[Any], Any] = {}

    def of(self, kind: type[State]) -> State:
        """Return the only value of a type."""
        if kind not in self._values:
            self._values[kind] = kind()
        state: State = self._values[kind]
        return state


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where transactions take time, randomness and ids from: tests freeze all three."""

    clock: Clock
    random: Random
    uuids: UuidFactory
    ids: IdBlocks
    process_state: ProcessState
    has_citus: bool


class Tx:
    """One transaction: its session, the account's moment at which it began, and its sources of ids and randomness.

    `now` is the account's time, which is ahead of the real time by `clock_offset`; leases are held against the real
    one, `real_now`.
    """

    def __init__(
        self,
        session: Session,
        sources: Sources,
        *,
        clock_offset: timedelta = timedelta(),
        begin: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self._session = session
        self._begin = begin
        self._sources = sources
        self._clock_offset = clock_offset
        self.random = sources.random
        self.ids = sources.ids
        self.read_clock()
        self.woken: list[tuple[str, str]] = []
        """The topics and keys that are woken when it has committed."""
        self.counted: list[Callable[[], None]] = []
        """What is called when it has committed: metrics."""
        self.locked: dict[tuple[int, int], object] = {}
        """The audiences that it has locked, by account and id, with what is known of them."""
        self.waited_for: frozenset[tuple[int, int]] = frozenset()
        """The places whose earlier work it has waited for (`EarlierWorkError`)."""
        self.may_be_expensive = True
        self._deferred: list[tuple[str, tuple[object, ...]]] = []
        self._assumed: list[tuple[str, tuple[object, ...]]] = []
        self.statement_seconds: float | None = None
        """So long may a statement take, where that is less than statement_timeout_seconds."""

    def process_state(self, kind: type[State]) -> State:
        """Return what `Database.process_state` does. What this transaction writes may still be rolled back."""
        return self._sources.process_state.of(kind)

    def read_clock(self) -> None:
        """Set the transaction's moment to the present: after a wait for a lock it is later than the holder's."""
        self.real_now = self._sources.clock.now()
        self.now = self.real_now + self._clock_offset

    def new_uuid(self) -> UUID:
        """Make a UUIDv7 of the account's present moment."""
        return self._sources.uuids.make(self.real_now, self._clock_offset)

    def new_uuids(self, count: int) -> list[UUID]:
        """Make so many of them, in their order."""
        return self._sources.uuids.make_many(self.real_now, count, self._clock_offset)

    def wakes(self, topic: str, key: object) -> None:
        """Wake those who listen to a topic for a key, or for all, once this is committed: a hint (`Topics`)."""
        self.woken.append((topic, str(key)))

    def counts(self, count: Callable[[], None]) -> None:
        """Call a function that raises metrics, and nothing else, once this is committed."""
        self.counted.append(count)

    def require_turn(self) -> None:
        """Say that what follows is expensive: deep pages by number, conditions and orders without an index, counts.

        A process has few such reads at once, and an account one. They wait for their turn without a connection.
        """
        if not self.may_be_expensive:
            raise ExpensiveReadError

    @property
    def is_begun(self) -> bool:
        """Whether its BEGIN has been sent: that is done before the first statement that isn't `fetch_early`."""
        return self._begin is None

    async def begin(self) -> None:
        """Begin, where it hasn't."""
        if self._begin is not None:
            begin, self._begin = self._begin, None
            await begin()

    async def fetch_early(self, statement: str, *arguments: object) -> list[Record]:
        """Run a read that needs nothing of this transaction, and return its rows: no BEGIN is sent for its sake.

        Each statement sees what is committed when it begins, in a transaction and before it: the same rows come.
        """
        prepared = await self._session.prepared(statement)
        return await prepared.fetch(*arguments, timeout=self.statement_seconds)

    async def fetch(self, statement: str, *arguments: object) -> list[Record]:
        """Run a statement and return its rows."""
        await self.begin()
        return await self.fetch_early(statement, *arguments)

    async def fetchrow(self, statement: str, *arguments: object) -> Record | None:
        """Run a statement and return its first row."""
        await self.begin()
        prepared = await self._session.prepared(statement)
        return await prepared.fetchrow(*arguments, timeout=self.statement_seconds)

    async def fetchval(self, statement: str, *arguments: object) -> Any:
        """Run a statement and return the first column of its first row."""
        await self.begin()
        prepared = await self._session.prepared(statement)
        return await prepared.fetchval(*arguments, timeout=self.statement_seconds)

    async def execute(self, statement: str, *arguments: object) -> None:
        """Run a statement for its effect; several, where there are no arguments."""
        await self.begin()
        if arguments:
            await self.fetch_early(statement, *arguments)
        else:
            await self._session.connection.execute(statement)

    def defer(self, statement: str, *arguments: object) -> None:
        """Run a plain INSERT when the operation ends, in one round trip with the others: none sees another's rows.

        Lists among its arguments are columns of its rows, which it takes by `unnest`.
        """
        self._deferred.append(_of_one_row(statement, arguments))

    def assume(self, statement: str, *arguments: object) -> None:
        """Assume that a read of one truth value gives true, and have it read with the INSERTs that are deferred.

        It takes no round trip so. Where it is not true, nothing is written, and AssumptionError raised then.
        """
        self._assumed.append((statement, arguments))

    async def run_deferred(self) -> None:
        """Run what was deferred: in the transaction, or as one by itself where nothing has begun it.

        Citus takes one statement at a time. Raises AssumptionError.
        """
        deferred, self._deferred = self._deferred, []
        assumed, self._assumed = self._assumed, []
        if len(assumed) + len(deferred) > 1 and not self._sources.has_citus:
            counts = [[(statement, len(of_one)) for statement, of_one in some] for some in (deferred, assumed)]
            statement = side_by_side(*map(tuple, counts))
            rows = await self.fetch_early(statement, *(one for _, of_one in (*assumed, *deferred) for one in of_one))
            if assumed:
                _require(rows)
            return
        if len(deferred) > 1:
            await self.begin()
        for statement, arguments in assumed:
            _require(await self.fetch_early(statement, *arguments))
        for statement, arguments in deferred:
            await self.fetch_early(statement, *arguments)

    async def copy_csv(
        self, table: str, columns: Sequence[str], source: Iterable[bytes], *, empty_is_null: Sequence[str] = ()
    ) -> None:
        """Load CSV (no header) into a table: the fastest way in (limits.md).

        An empty cell is NULL, a quoted one only in the columns `empty_is_null`. `source` may make its pieces as they
        are taken: the server works on one while the next is made.

        Raises asyncpg's UniqueViolationError for a key that is there already, also where the row lies on another node.
        """

        async def chunks() -> AsyncIterator[bytes]:
            for piece in source:
                yield piece

        await self.begin()
        with _duplicates_of_other_nodes():
            await self._session.connection.copy_to_table(
                table, source=chunks(), columns=list(columns), format="csv", force_null=list(empty_is_null) or None
            )

    async def copy_records(self, table: str, columns: Sequence[str], records: Iterable[Sequence[object]]) -> None:
        """Load records into a table, in PostgreSQL's binary form. Raises what `copy_csv` does."""
        await self.begin()
        with _duplicates_of_other_nodes():
            await self._session.connection.copy_records_to_table(table, records=records, columns=list(columns))

    def adopt_clock(self, offset: timedelta) -> None:
        """Take an account's clock as it was read in this transaction, where the actor's is seconds old or unknown."""
        if offset != self._clock_offset:
            self._clock_offset = offset
            self.now = self.real_now + offset


def _of_one_row(statement: str, arguments: tuple[object, ...]) -> tuple[str, tuple[object, ...]]:
    """Return a statement and its arguments, where they are columns of one row in the form for that."""
    if any(isinstance(one, list) and len(one) != 1 for one in arguments):
        return statement, arguments
    single, places = of_one_row(statement)
    values = tuple(
        one[0] if place in places and isinstance(one, list) else one for place, one in enumerate(arguments, 1)
    )
    return single, values


def _require(rows: Sequence[Record]) -> None:
    """Require what was assumed. Raises AssumptionError."""
    if not rows[0][0]:
        raise AssumptionError
