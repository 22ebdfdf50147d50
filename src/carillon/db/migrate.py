"""Bringing a database's schema to what this program knows.

Migrations are files `NNNN_pre_title.sql` and `NNNN_post_title.sql`: a *pre* one only adds, or allows more, and runs
before the new program starts; a *post* one takes away, and runs when no old program is left. Each runs in a transaction
of its own, under a lock timeout, so that it never queues behind a long statement with everybody else queueing behind
it; its statements are sent one by one, as Citus wants them. One that begins with `-- Statement by statement` runs
outside a transaction, for indexes that are built while others write; its statements can be repeated, because whatever
interrupts it begins it again.
"""

import asyncio
from collections.abc import Collection, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.resources import files
from random import Random, SystemRandom
from typing import TYPE_CHECKING, Literal

import asyncpg

from carillon.db.distribution import distribute_tables, has_citus, hint_shards, require_coordinator
from carillon.db.partitions import make_ahead
from carillon.db.sql import split_statements
from carillon.db.tables import PARTITIONED, TABLES
from carillon.errors import SchemaMismatchError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Phase = Literal["pre", "post"]

_LOCK_TIMEOUT = "5s"
_STATEMENT_BY_STATEMENT = "-- Statement by statement"
_POLL_SECONDS = 0.2
_LOCK_ATTEMPTS = 5
# Two upgrades at once wait for each other on this number ("carillon" on a telephone's keys).
_UPGRADE_LOCK = 227455666
_APPLIED = "INSERT INTO schema_migration (version, applied_at) VALUES ($1, $2)"
_MISSING_TABLES = "SELECT array(SELECT name FROM unnest($1::text[]) AS t (name) WHERE to_regclass(name) IS NULL)"


RESTORE_TABLES = "Restore the database from a backup: no command makes what was in them again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file of the series."""

    version: str
    phase: Phase
    statements: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaStatus:
    """What a database has against what this program knows.

    `missing_tables` are those that somebody dropped; where this program and the database are of different versions
    nobody knows of any.
    """

    applied: tuple[str, ...]
    missing: tuple[str, ...]
    unknown: tuple[str, ...]
    missing_tables: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Nothing was ever applied."""
        return not self.applied and not self.unknown

    @property
    def lacks_pre(self) -> bool:
        """Whether the program can't work with it yet."""
        return any("_pre_" in version for version in self.missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeReport:
    """The versions that an upgrade applied; on a cluster the tables that it distributed, and whose shards it hinted."""

    applied: list[str]
    distributed: list[str]
    hinted: list[str]


def known_migrations() -> list[Migration]:
    """List the series in its order."""
    return sorted(_read_migrations(), key=lambda migration: migration.version)


def _read_migrations() -> Iterator[Migration]:
    for entry in files("carillon.db").joinpath("migrations").iterdir():
        if entry.name.endswith(".sql"):
            version = entry.name.removesuffix(".sql")
            phase: Phase = "pre" if "_pre_" in version else "post"
            yield Migration(version=version, phase=phase, statements=entry.read_text("utf-8"))


@asynccontextmanager
async def _connection(dsn: str) -> "AsyncIterator[asyncpg.Connection]":
    # A plain server takes the first as an inert setting; on Citus a lock timeout holds on the other nodes too.
    settings = {"citus.propagate_set_commands": "local", "plan_cache_mode": "auto"}
    connection = await asyncpg.connect(dsn, server_settings=settings)
    try:
        yield connection
    finally:
        await connection.close()


async def schema_status(dsn: str) -> SchemaStatus:
    """Compare a database's migrations with the known ones."""
    async with _connection(dsn) as connection:
        return await _status(connection)


async def _status(connection: asyncpg.Connection) -> SchemaStatus:
    applied: set[str] = set()
    if await connection.fetchval("SELECT to_regclass('schema_migration') IS NOT NULL"):
        applied = {row["version"] for row in await connection.fetch("SELECT version FROM schema_migration")}
    known = {migration.version for migration in known_migrations()}
    status = SchemaStatus(
        applied=tuple(sorted(applied & known)),
        missing=tuple(sorted(known - applied)),
        unknown=tuple(sorted(applied - known)),
        missing_tables=(),
    )
    if status.is_empty or status.unknown or status.lacks_pre:
        return status
    return replace(status, missing_tables=tuple(await connection.fetchval(_MISSING_TABLES, sorted(TABLES))))


async def upgrade(
    dsn: str, *, now: datetime, random: Random | None = None, phases: tuple[Phase, ...] = ("pre", "post")
) -> UpgradeReport:
    """Apply what is missing, and where Citus is present distribute the tables that aren't yet.

    Partitioned tables get the partitions of the days ahead, so that a table has them before its first row. Safe to run
    twice, and twice at once. Raises InvalidInputError when `dsn` is a worker node of a cluster.
    """
    async with _connection(dsn) as connection:
        on_citus = await has_citus(connection)
        if on_citus:
            await require_coordinator(connection)
        await _become_the_only_one(connection)
        applied = []
        for migration in _due((await _status(connection)).missing, phases):
            await _apply(connection, migration, now)
            applied.append(migration.version)
        distributed, hinted = [], []
        if on_citus:
            distributed = await distribute_tables(connection)
            hinted = await hint_shards(connection)
        await make_ahead(connection, PARTITIONED, now=now, random=random or SystemRandom())
        return UpgradeReport(applied=applied, distributed=distributed, hinted=hinted)


async def _become_the_only_one(connection: asyncpg.Connection) -> None:
    """Take the lock of upgrades, until the connection ends.

    It is asked for again and again: who builds an index waits for whoever waits inside a statement.
    """
    while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _UPGRADE_LOCK):  # noqa: ASYNC110 - it is the database's
        await asyncio.sleep(_POLL_SECONDS)


def _due(missing: Collection[str], phases: Collection[Phase]) -> Iterator[Migration]:
    """Yield what is to be applied, up to a post migration that counts on a pre one which isn't there yet."""
    for migration in known_migrations():
        if migration.version not in missing:
            continue
        if migration.phase in phases:
            yield migration
        elif migration.phase == "pre":
            return


async def _apply(connection: asyncpg.Connection, migration: Migration, now: datetime) -> None:
    if migration.statements.startswith(_STATEMENT_BY_STATEMENT):
        for statement in split_statements(migration.statements):
            await connection.execute(statement)
        await connection.execute(_APPLIED, migration.version, now)
        return
    for attempt in range(1, _LOCK_ATTEMPTS + 1):
        try:
            async with connection.transaction():
                await connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
                for statement in split_statements(migration.statements):
                    await connection.execute(statement)
                await connection.execute(_APPLIED, migration.version, now)
        except asyncpg.LockNotAvailableError:
            if attempt == _LOCK_ATTEMPTS:
                raise
            await asyncio.sleep(attempt)
        else:
            return


async def require_known_schema(dsn: str, *, complete: bool = False) -> None:
    """Refuse to work on a schema that this program doesn't know, or one from which a table was dropped if `complete`.

    Raises SchemaMismatchError with what mends it.
    """
    status = await schema_status(dsn)
    if status.unknown:
        raise SchemaMismatchError(
            f"The database has migrations that this program doesn't know ({', '.join(status.unknown)}): "
            "it was upgraded by a newer Carillon. Install that version."
        )
    if status.lacks_pre:
        raise SchemaMismatchError(
            f"The database lacks migrations ({', '.join(status.missing)}). Run: carillon db upgrade"
        )
    if complete and status.missing_tables:
        raise SchemaMismatchError(
            f"The database lacks tables that were there: {', '.join(status.missing_tables)}. {RESTORE_TABLES}"
        )
