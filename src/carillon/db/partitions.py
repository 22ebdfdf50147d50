"""Partitions by day of the tables in `PARTITIONED`: made ahead, dropped by age (scale.md, Tables 4; ADR 21).

A table has a partition for each day (UTC) from yesterday to its `days_ahead`, such as `message_20250309`, and a default
partition, `message_default`, for the ids of all other days. A partition of another name, kind or range was not made
here, and stays as it is.

Statements are composed of the registry's names, which need no quotes, and are the same on a plain server and on the
coordinator of a cluster.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from random import Random
from uuid import UUID

import asyncpg

from carillon.db.database import Database
from carillon.db.sql import load_statements
from carillon.db.tables import PARTITIONED, PartitionedTable
from carillon.kit.ids import first_uuid_of

SQL = load_statements("carillon.db", "partitions.sql")

_DAY = timedelta(days=1)
_EPOCH = date(1970, 1, 1)
# Seconds. Other statements queue behind a lock that is waited for, so the wait is short, and doubled from attempt to
# attempt. The last, 1.6, is longer than deadlock_timeout, after which the server cancels an autovacuum in the way.
_LOCK_ATTEMPTS = 5
_FIRST_LOCK_TIMEOUT = 0.1
_LOCKED = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)
# How a coordinator tells, as XX000, that another node has failed: for want of a lock there, too.
_NODE_FAILED = "failure on connection marked as essential"
_REFUSED = (
    asyncpg.DuplicateTableError,
    asyncpg.InvalidObjectDefinitionError,
    asyncpg.DependentObjectsStillExistError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintained:
    """What a run has done to a table: names of partitions, and numbers of rows.

    `postponed`: what other sessions' locks (or a node of a cluster) did not allow; the next run tries it again.
    `refused`: what can't be made or dropped, because another relation has its name, another partition a part of its
    day, or a view reads it. `moved`: rows that went from the default partition to their day's. `expired`: rows that
    were deleted in the default partition.
    """

    table: str
    made: tuple[str, ...]
    dropped: tuple[str, ...]
    postponed: tuple[str, ...]
    refused: tuple[str, ...]
    moved: int
    expired: int


async def maintain_partitions(
    db: Database,
    *,
    retention_days: int,
    tables: Sequence[PartitionedTable] = PARTITIONED,
    oldest_needed: UUID | None = None,
) -> list[Maintained]:
    """Run `maintain` on a connection of its own to the coordinator. To be called every hour or so, by any process.

    Nothing is dropped from the day of the id `oldest_needed` on: work that is not done yet needs it.
    """
    async with db.control_connection() as connection:
        now = db.clock.now()
        if oldest_needed is not None:
            needed = _day_at(now) - _EPOCH - timedelta(milliseconds=oldest_needed.int >> 80)
            retention_days = max(retention_days, needed.days + 1)
        return await maintain(connection, tables, now=now, random=db.random, retention_days=retention_days)


async def maintain(
    connection: asyncpg.Connection,
    tables: Iterable[PartitionedTable],
    *,
    now: datetime,
    random: Random,
    retention_days: int,
) -> list[Maintained]:
    """Make the partitions of the days ahead, and drop those that ended `retention_days` ago or earlier.

    Rows of the default partition whose day has passed get that day's partition, or are deleted when they are older than
    what is kept. Each partition is made or dropped in a transaction of its own, so that a run can be killed, repeated
    and run twice at once. Raises ValueError for a retention of less than a day.
    """
    if retention_days < 1:
        raise ValueError("retention_days is 1 at least: the partition of yesterday is always made")
    today = _day_at(now)
    oldest = today - retention_days * _DAY
    runs = [_Run(connection, table, random) for table in tables]
    for run in runs:
        await run.make_ahead(today)
        await run.drop_before(oldest)
        if await run.has_default():
            await run.make_for_late_rows(oldest, today - _DAY)
            await run.expire_before(oldest)
    return [run.report() for run in runs]


async def make_ahead(
    connection: asyncpg.Connection, tables: Iterable[PartitionedTable], *, now: datetime, random: Random
) -> None:
    """Make the partitions of the days ahead, for those of the tables that exist."""
    for table in tables:
        if await connection.fetchval(SQL["is_there"], table.name):
            await _Run(connection, table, random).make_ahead(_day_at(now))


@dataclass(frozen=True, slots=True)
class _Day:
    """A day's partition of a table: the ids from `first` to below `end`."""

    table: str
    start: date

    @property
    def name(self) -> str:
        return f"{self.table}_{self.start:%Y%m%d}"

    @property
    def first(self) -> UUID:
        return _first_id(self.start)

    @property
    def end(self) -> UUID:
        return _first_id(self.start + _DAY)

    @property
    def bound(self) -> str:
        """The range as PostgreSQL writes it."""
        return f"FOR VALUES FROM ('{self.first}') TO ('{self.end}')"


class _Run:
    """One run over one table. When locks have kept it from one thing, the others are postponed without an attempt."""

    def __init__(self, connection: asyncpg.Connection, table: PartitionedTable, random: Random) -> None:
        self._connection = connection
        self._random = random
        self._table = table
        self._default = f"{table.name}_default"
        self._made: list[str] = []
        self._dropped: list[str] = []
        self._postponed: list[str] = []
        self._refused: list[str] = []
        self._moved = 0
        self._expired = 0

    def report(self) -> Maintained:
        return Maintained(
            table=self._table.name,
            made=tuple(self._made),
            dropped=tuple(self._dropped),
            postponed=tuple(self._postponed),
            refused=tuple(self._refused),
            moved=self._moved,
            expired=self._expired,
        )

    async def make_ahead(self, today: date) -> None:
        await self._make(self._default, None)
        for days in range(-1, self._table.days_ahead + 1):
            await self._make_day(today + days * _DAY)

    async def has_default(self) -> bool:
        return self._default in await self._attached()

    async def make_for_late_rows(self, oldest: date, end: date) -> None:
        """Make the partition of each day, from `oldest` to before `end`, that has rows in the default partition."""
        key = self._table.key
        earliest = f"SELECT {key} FROM {self._default} WHERE {key} >= $1 AND {key} < $2 ORDER BY {key} LIMIT 1"  # noqa: S608 - the registry's names
        day = oldest
        while found := await self._connection.fetchval(earliest, _first_id(day), _first_id(end)):
            day = _EPOCH + timedelta(milliseconds=found.int >> 80)
            await self._make_day(day)
            day += _DAY

    async def drop_before(self, oldest: date) -> None:
        for name in await self._attached():
            day = self._day_named(name)
            if day and day.start < oldest:
                await self._attempt(name, partial(self._drop_under_lock, day))

    async def expire_before(self, oldest: date) -> None:
        delete = f"DELETE FROM {self._default} WHERE {self._table.key} < $1"  # noqa: S608 - the registry's names
        self._expired += _count(await self._connection.execute(delete, _first_id(oldest)))

    def _day_named(self, name: str) -> _Day | None:
        try:
            return _Day(self._table.name, date.fromisoformat(name.removeprefix(f"{self._table.name}_")))
        except ValueError:
            return None

    async def _attached(self) -> dict[str, str | None]:
        """Read the partitions by name, with their range; None for what is no table of rows."""
        rows = await self._connection.fetch(SQL["partitions_of"], self._table.name)
        return {row["name"]: row["bound"] for row in rows}

    async def _make_day(self, start: date) -> None:
        day = _Day(self._table.name, start)
        await self._make(day.name, day)

    async def _make(self, name: str, day: _Day | None) -> None:
        if name not in await self._attached():
            await self._attempt(name, partial(self._make_under_lock, name, day))

    async def _make_under_lock(self, name: str, day: _Day | None) -> None:
        """Make a partition, with the rows of its day; without a day, the default one.

        ATTACH locks the default partition, and the table against nobody who reads or writes it: CREATE … PARTITION OF
        would lock them all out.
        """
        await self._lock(self._table.name, "SHARE UPDATE EXCLUSIVE")
        if name in await self._attached():  # another process has been quicker
            return
        storage = f"WITH (fillfactor = {self._table.fillfactor})"
        await self._connection.execute(f"CREATE TABLE {name} (LIKE {self._table.name} INCLUDING ALL) {storage}")
        moved = await self._move(day) if day else 0
        bound = day.bound if day else "DEFAULT"
        await self._connection.execute(f"ALTER TABLE {self._table.name} ATTACH PARTITION {name} {bound}")
        self._made.append(name)
        self._moved += moved

    async def _move(self, day: _Day) -> int:
        """Move a day's rows out of the default partition: ATTACH refuses a range of which it has any."""
        await self._lock(self._default, "ACCESS EXCLUSIVE")
        rows = f"FROM {self._default} WHERE {self._table.key} >= $1 AND {self._table.key} < $2"
        copied = await self._connection.execute(f"INSERT INTO {day.name} SELECT * {rows}", day.first, day.end)
        if _count(copied):
            await self._connection.execute(f"DELETE {rows}", day.first, day.end)
        return _count(copied)

    async def _drop_under_lock(self, day: _Day) -> None:
        """Drop a day's partition, unless it is another's or has gone meanwhile."""
        await self._lock(self._table.name, "ACCESS EXCLUSIVE")
        if (await self._attached()).get(day.name) == day.bound:
            await self._connection.execute(f"DROP TABLE {day.name}")
            self._dropped.append(day.name)

    async def _lock(self, table: str, mode: str) -> None:
        await self._connection.execute(f"LOCK TABLE ONLY {table} IN {mode} MODE")

    async def _attempt(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Work on a partition in a transaction, again after a while when its locks are not to be had in time."""
        lock_timeout = _FIRST_LOCK_TIMEOUT
        for _ in range(0 if self._postponed else _LOCK_ATTEMPTS):
            if await self._attempt_once(name, work, lock_timeout):
                return
            await asyncio.sleep(lock_timeout * (1 + self._random.random()))  # jitter
            lock_timeout *= 2
        self._postponed.append(name)

    async def _attempt_once(self, name: str, work: Callable[[], Awaitable[None]], lock_timeout: float) -> bool:
        """Tell whether it has been done, or never can be."""
        try:
            async with self._connection.transaction():
                # On a cluster the other nodes' locks are waited for as long; elsewhere the setting is inert.
                await self._connection.execute("SET LOCAL citus.propagate_set_commands = 'local'")
                await self._connection.execute(f"SET LOCAL lock_timeout = '{lock_timeout}s'")
                await work()
        except _REFUSED:
            self._refused.append(name)
        except asyncpg.PostgresError as error:
            if not (isinstance(error, _LOCKED) or _NODE_FAILED in str(error)):
                raise
            return False
        return True


def _day_at(now: datetime) -> date:
    return now.astimezone(UTC).date()


def _first_id(day: date) -> UUID:
    return first_uuid_of(datetime.combine(day, time(), UTC))


def _count(status: str) -> int:
    """Read the number of rows off a command's status."""
    return int(status.rpartition(" ")[2])
