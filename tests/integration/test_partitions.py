"""Partitions by day, on a table of the tests' own: made ahead, dropped by age, never in a writer's way for long."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support import MOMENT, until_somebody_waits

from carillon.db import migrate, partitions
from carillon.db.database import Database
from carillon.db.partitions import Maintained, maintain, maintain_partitions
from carillon.db.tables import PartitionedTable
from carillon.kit.clock import FixedClock
from carillon.kit.ids import first_uuid_of

SPECIMEN = PartitionedTable(name="specimen", key="specimen_id")
CREATE_SPECIMEN = """
CREATE TABLE specimen (
    shard_key bigint NOT NULL, specimen_id uuid NOT NULL, account_id bigint NOT NULL,
    amount int DEFAULT 1 CHECK (amount > 0),
    PRIMARY KEY (shard_key, specimen_id)
) PARTITION BY RANGE (specimen_id)
"""
CREATE_INDEX = "CREATE INDEX specimen_account ON specimen (account_id, specimen_id)"
PARTITIONS = """
SELECT inhrelid::regclass::text AS name FROM pg_inherits
WHERE inhparent = 'specimen'::regclass ORDER BY inhrelid::regclass::text
"""
INSERT = "INSERT INTO specimen (shard_key, specimen_id, account_id) VALUES (7, $1, 7)"
RELATIONS = "SELECT count(*) FROM pg_class WHERE relname LIKE 'specimen%'"
ONE_DAY = "SELECT amount FROM specimen WHERE specimen_id = '01957a5c-2100-7000-8000-000000000000'"
DAY = timedelta(days=1)
FAR_EAST = timezone(timedelta(hours=14))
MILLISECOND = timedelta(milliseconds=1)
MIDNIGHT = datetime(2025, 3, 9, tzinfo=UTC)
RETENTION_DAYS = 30


def first_id(moment: datetime) -> UUID:
    return first_uuid_of(moment)


def last_id(moment: datetime) -> UUID:
    """The largest UUIDv7 of a moment's millisecond."""
    return UUID(int=first_uuid_of(moment).int | 0xFFF << 64 | (1 << 62) - 1)


def names(first: datetime, last: datetime) -> list[str]:
    """The partitions of the days from one to another, with the default one."""
    days = ((first + DAY * number) for number in range((last - first).days + 1))
    return [*(f"specimen_{day:%Y%m%d}" for day in days), "specimen_default"]


def bound(first: datetime, end: datetime) -> str:
    return f"FOR VALUES FROM ('{first_id(first)}') TO ('{first_id(end)}')"


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks are waited for 0.01, 0.02 … 0.16 s."""
    monkeypatch.setattr(partitions, "_FIRST_LOCK_TIMEOUT", 0.01)


@pytest.fixture
async def connection(own_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    made = await asyncpg.connect(own_dsn)
    await made.execute(CREATE_SPECIMEN)
    await made.execute(CREATE_INDEX)
    yield made
    await made.close()


@pytest.fixture
async def other(own_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """Another session."""
    made = await asyncpg.connect(own_dsn)
    yield made
    await made.close()


async def run(
    connection: asyncpg.Connection, now: datetime = MOMENT, *, retention_days: int = RETENTION_DAYS
) -> Maintained:
    random = Random(7)  # noqa: S311 - jitter
    [report] = await maintain(connection, [SPECIMEN], now=now, random=random, retention_days=retention_days)
    return report


async def attached(connection: asyncpg.Connection) -> list[str]:
    return [row["name"] for row in await connection.fetch(PARTITIONS)]


async def insert(connection: asyncpg.Connection, ids: Iterable[UUID]) -> None:
    await connection.executemany(INSERT, [(one,) for one in ids])


async def places(connection: asyncpg.Connection) -> dict[UUID, str]:
    """The partition of each row."""
    rows = await connection.fetch("SELECT specimen_id, tableoid::regclass::text AS name FROM specimen")
    return {row["specimen_id"]: row["name"] for row in rows}


async def test_the_days_from_yesterday_to_a_week_ahead_are_made_once(connection: asyncpg.Connection) -> None:
    expected = names(MIDNIGHT - DAY, MIDNIGHT + 7 * DAY)
    report = await run(connection)
    assert sorted(report.made) == expected
    assert await attached(connection) == expected
    assert await run(connection) == Maintained(
        table="specimen", made=(), dropped=(), postponed=(), refused=(), moved=0, expired=0
    )
    assert (await run(connection, MOMENT.astimezone(FAR_EAST))).made == ()
    assert (await run(connection, MOMENT + DAY)).made == ("specimen_20250317",)


async def test_a_partition_has_the_indexes_defaults_and_checks_of_its_table(connection: asyncpg.Connection) -> None:
    await run(connection)
    await insert(connection, [first_id(MOMENT)])
    assert await connection.fetchval("SELECT amount FROM specimen_20250309") == 1
    indexes = await connection.fetch(
        "SELECT i.inhparent::regclass::text AS name FROM pg_index x JOIN pg_inherits i ON i.inhrelid = x.indexrelid"
        " WHERE x.indrelid = 'specimen_20250309'::regclass ORDER BY 1"
    )
    assert [row["name"] for row in indexes] == ["specimen_account", "specimen_pkey"]
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute("UPDATE specimen SET amount = 0")


async def test_rows_go_to_the_day_of_their_millisecond_in_utc(connection: asyncpg.Connection) -> None:
    await connection.execute("SET TIME ZONE 'Asia/Jerusalem'")
    await run(connection)
    before, after = MIDNIGHT - MILLISECOND, MIDNIGHT + DAY
    expected = {
        first_id(before): "specimen_20250308",
        last_id(before): "specimen_20250308",
        first_id(MIDNIGHT): "specimen_20250309",
        last_id(MIDNIGHT): "specimen_20250309",
        last_id(after - MILLISECOND): "specimen_20250309",
        first_id(after): "specimen_20250310",
    }
    await insert(connection, expected)
    assert await places(connection) == expected


@pytest.mark.parametrize(
    ("now", "dropped"),
    [
        (MIDNIGHT + 31 * DAY - MILLISECOND, ("specimen_20250308",)),
        (MIDNIGHT + 31 * DAY, ("specimen_20250308", "specimen_20250309")),
    ],
)
async def test_a_partition_is_dropped_when_its_last_moment_is_older_than_the_retention(
    connection: asyncpg.Connection, now: datetime, dropped: tuple[str, ...]
) -> None:
    await run(connection)
    kept, gone = first_id(MIDNIGHT + DAY), first_id(MIDNIGHT - DAY)
    await insert(connection, [gone, kept])
    report = await run(connection, now)
    assert tuple(sorted(report.dropped)) == dropped
    assert list(await places(connection)) == [kept]
    assert not set(dropped) & set(await attached(connection))
    assert (await run(connection, now)).dropped == ()


async def test_a_retention_of_less_than_a_day_is_refused(connection: asyncpg.Connection) -> None:
    with pytest.raises(ValueError, match="retention_days"):
        await run(connection, retention_days=0)


async def test_ids_of_any_time_are_taken(connection: asyncpg.Connection) -> None:
    await run(connection)
    ids = [UUID(int=0), first_id(MOMENT - 20 * DAY), first_id(MOMENT + 400 * DAY), UUID(int=(1 << 128) - 1)]
    await insert(connection, ids)
    assert await places(connection) == dict.fromkeys(ids, "specimen_default")


async def test_rows_that_were_ahead_of_the_partitions_go_to_their_days(connection: asyncpg.Connection) -> None:
    await run(connection)
    early, earlier = first_id(MIDNIGHT + 8 * DAY), last_id(MIDNIGHT + 9 * DAY)
    await insert(connection, [early, earlier])
    report = await run(connection, MOMENT + DAY)
    assert (report.made, report.moved) == (("specimen_20250317",), 1)
    assert await places(connection) == {early: "specimen_20250317", earlier: "specimen_default"}


async def test_a_row_that_is_inserted_meanwhile_goes_to_its_day_too(
    connection: asyncpg.Connection, other: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "_FIRST_LOCK_TIMEOUT", 60)
    await run(connection)
    early = [first_id(MIDNIGHT + 8 * DAY), last_id(MIDNIGHT + 8 * DAY)]
    await insert(connection, early[:1])
    async with other.transaction():
        await insert(other, early[1:])
        running = asyncio.create_task(run(connection, MOMENT + DAY))
        await until_somebody_waits(other)
    assert (await running).moved == 2
    assert await places(connection) == dict.fromkeys(early, "specimen_20250317")


async def test_late_rows_get_a_partition_of_their_day_and_too_old_ones_are_deleted(
    connection: asyncpg.Connection,
) -> None:
    await run(connection)
    oldest = MIDNIGHT - RETENTION_DAYS * DAY
    late = {
        first_id(oldest): "specimen_20250207",
        first_id(MIDNIGHT - 3 * DAY): "specimen_20250306",
        last_id(MIDNIGHT - DAY - MILLISECOND): "specimen_20250307",
    }
    await insert(connection, [*late, last_id(oldest - MILLISECOND)])
    report = await run(connection)
    assert (report.made, report.moved, report.expired) == (tuple(late.values()), 3, 1)
    assert await places(connection) == late


async def test_a_clock_that_jumps_finds_what_it_needs(connection: asyncpg.Connection) -> None:
    await run(connection)
    await insert(connection, [first_id(MOMENT)])
    assert (await run(connection, MOMENT - 3 * DAY)).made == tuple(names(MIDNIGHT - 4 * DAY, MIDNIGHT - 2 * DAY)[:-1])
    assert len((await run(connection, MOMENT + 20 * DAY)).made) == 9
    report = await run(connection, MOMENT)
    assert (report.made, report.dropped) == ((), ())
    assert await places(connection) == {first_id(MOMENT): "specimen_20250309"}


async def test_any_number_of_processes_may_run_at_once(own_dsn: str, connection: asyncpg.Connection) -> None:
    await run(connection, MOMENT - 34 * DAY)
    sessions = [await asyncpg.connect(own_dsn) for _ in range(4)]
    reports: list[Maintained] = []
    while not reports or any(report.postponed for report in reports[-4:]):  # one may have waited for too long
        reports += await asyncio.gather(*(run(session) for session in sessions))
    made = [name for report in reports for name in report.made]
    dropped = [name for report in reports for name in report.dropped]
    assert sorted(made) == sorted(names(MIDNIGHT - DAY, MIDNIGHT + 7 * DAY)[:-1])
    assert sorted(dropped) == names(MIDNIGHT - 35 * DAY, MIDNIGHT - 31 * DAY)[:-1]
    assert not any(report.refused for report in reports)
    for session in sessions:
        await session.close()


async def test_a_run_that_is_killed_leaves_nothing_by_halves(
    connection: asyncpg.Connection, other: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "_FIRST_LOCK_TIMEOUT", 60)
    await run(connection)
    early = first_id(MOMENT + 8 * DAY)
    await insert(connection, [early])
    before = await connection.fetchval(RELATIONS)
    async with connection.transaction():
        # The partition is made and its row's place is locked, before it is attached.
        await connection.execute("LOCK TABLE specimen_default IN ACCESS SHARE MODE")
        running = asyncio.create_task(run(other, MOMENT + DAY))
        await until_somebody_waits(connection)
        assert await connection.fetchval("SELECT pg_terminate_backend($1, 5000)", other.get_server_pid())
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await running
    assert await connection.fetchval(RELATIONS) == before
    report = await run(connection, MOMENT + DAY)
    assert (report.made, report.moved) == (("specimen_20250317",), 1)
    assert await places(connection) == {early: "specimen_20250317"}


async def test_who_writes_and_reads_days_does_not_keep_others_from_being_made(
    connection: asyncpg.Connection, other: asyncpg.Connection
) -> None:
    await run(connection)
    async with other.transaction():
        await insert(other, [first_id(MOMENT)])
        await other.fetch(ONE_DAY)
        report = await run(connection, MOMENT + DAY)
    assert (report.made, report.postponed) == (("specimen_20250317",), ())


@pytest.mark.parametrize(
    ("reading", "made"), [(ONE_DAY, 1), ("SELECT amount FROM specimen", 0)], ids=["one day", "the whole table"]
)
async def test_a_long_reader_postpones_work_and_writers_wait_for_short_times(
    own_dsn: str, connection: asyncpg.Connection, other: asyncpg.Connection, reading: str, made: int
) -> None:
    await run(connection)
    await run(connection, MOMENT + 30 * DAY)
    now = MOMENT + 31 * DAY
    writer = await asyncpg.connect(own_dsn)
    waits, statements = list[float](), list[str]()
    async with other.transaction():
        await other.fetch(reading)
        with connection.query_logger(lambda query: statements.append(query.query)):
            running = asyncio.create_task(run(connection, now))
            while not running.done():
                began = time.monotonic()
                await insert(writer, [first_id(MOMENT + len(waits) * MILLISECOND)])
                waits.append(time.monotonic() - began)
            report = await running
        assert (len(report.made), report.dropped) == (made, ())
        assert report.postponed[-1] == "specimen_20250309"
    # What is postponed first was attempted five times, the rest not at all.
    assert sum("lock_timeout" in statement for statement in statements) == made + 5
    assert len(waits) > 10
    assert max(waits) < 1
    again = await run(connection, now)
    assert (len(again.made), again.dropped, again.postponed) == (1 - made, ("specimen_20250309",), ())
    await writer.close()


async def test_what_was_made_by_others_stays(connection: asyncpg.Connection) -> None:
    old, older, wanted = MIDNIGHT - 40 * DAY, MIDNIGHT - 50 * DAY, MIDNIGHT + 2 * DAY
    subdivided = "PARTITION BY RANGE (specimen_id)"
    for statement in (
        f"CREATE TABLE specimen_archive PARTITION OF specimen {bound(old, old + 5 * DAY)}",
        f"CREATE TABLE specimen_20250118 PARTITION OF specimen {bound(older, older + 2 * DAY)}",
        f"CREATE TABLE specimen_20250117 PARTITION OF specimen {bound(older - DAY, older)} {subdivided}",
        # Detached by hand, and a name and a range that are wanted.
        "CREATE TABLE specimen_20250120 (LIKE specimen)",
        "CREATE VIEW specimen_20250310 AS SELECT 1",
        f"CREATE TABLE specimen_special PARTITION OF specimen {bound(wanted, wanted + DAY / 2)}",
    ):
        await connection.execute(statement)
    report = await run(connection)
    assert (report.dropped, report.refused) == ((), ("specimen_20250310", "specimen_20250311"))
    assert len(report.made) == len(names(MIDNIGHT - DAY, MIDNIGHT + 7 * DAY)) - 2
    assert await connection.fetchval("SELECT count(*) FROM specimen_20250120") == 0
    assert {"specimen_20250117", "specimen_20250118", "specimen_archive", "specimen_special"} < set(
        await attached(connection)
    )


async def test_a_partition_that_a_view_reads_is_kept_and_reported(connection: asyncpg.Connection) -> None:
    await run(connection)
    await connection.execute("CREATE VIEW kept AS SELECT amount FROM specimen_20250308")
    report = await run(connection, MOMENT + 31 * DAY)
    assert (report.dropped, report.refused) == (("specimen_20250309",), ("specimen_20250308",))


async def test_the_job_works_beside_the_pools_at_the_databases_time(
    own_db: Database, clock: FixedClock, connection: asyncpg.Connection
) -> None:
    for expected in (10, 1):
        [report] = await maintain_partitions(own_db, retention_days=RETENTION_DAYS, tables=[SPECIMEN])
        assert len(report.made) == expected
        clock.moment += DAY
    assert await attached(connection) == names(MIDNIGHT - DAY, MIDNIGHT + 8 * DAY)


async def test_attempts_that_locks_have_failed_pause_by_the_databases_randomness(
    own_dsn: str, clock: FixedClock, connection: asyncpg.Connection
) -> None:
    class Counted(Random):
        asked = 0

        def random(self) -> float:
            self.asked += 1
            return 0.0

    counted = Counted()
    db = await Database.connect(own_dsn, clock=clock, random=counted, size=1)
    before = counted.asked
    async with connection.transaction():
        await connection.execute("LOCK TABLE specimen IN SHARE UPDATE EXCLUSIVE MODE")
        [report] = await maintain_partitions(db, retention_days=RETENTION_DAYS, tables=[SPECIMEN])
    await db.close()
    assert report.postponed
    assert counted.asked - before == 5


async def test_an_upgrade_makes_the_partitions_of_new_tables_and_drops_none(
    own_dsn: str, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = PartitionedTable(name="absent", key="absent_id")
    monkeypatch.setattr(migrate, "PARTITIONED", (missing, SPECIMEN))
    await migrate.upgrade(own_dsn, now=MOMENT)
    await migrate.upgrade(own_dsn, now=MOMENT + 100 * DAY)
    found = await attached(connection)
    assert set(found) > set(names(MIDNIGHT - DAY, MIDNIGHT + 7 * DAY))
    assert len(found) == 19


@pytest.mark.parametrize(
    ("name", "key"), [("Ledger", "id"), ("specimen; DROP", "id"), ("l" * 55, "id"), ("specimen", "")]
)
def test_names_that_sql_would_have_to_quote_are_not_registered(name: str, key: str) -> None:
    with pytest.raises(ValueError, match="name"):
        PartitionedTable(name=name, key=key)


runs = st.tuples(
    st.integers(-72, 24 * 40),  # hours that the clock moves
    st.integers(1, 40),  # days of retention
    st.lists(st.integers(-45 * 24, 20 * 24), max_size=5),  # rows, by the hours between the clock and their ids
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(series=st.lists(runs, min_size=1, max_size=5))
async def test_after_any_runs_each_row_that_is_kept_is_in_its_day(
    connection: asyncpg.Connection, series: list[tuple[int, int, list[int]]]
) -> None:
    await connection.execute("DROP TABLE specimen")
    await connection.execute(CREATE_SPECIMEN)
    now, rows = MOMENT, dict[UUID, datetime]()
    await run(connection, now)
    for number, (hours, retention_days, offsets) in enumerate(series):
        moments = [now + timedelta(hours=offset, milliseconds=number) for offset in dict.fromkeys(offsets)]
        fresh = {last_id(moment): moment for moment in moments if last_id(moment) not in rows}
        await insert(connection, fresh)
        rows |= fresh
        now += timedelta(hours=hours)
        await run(connection, now, retention_days=retention_days)
        today = now.replace(hour=0, minute=0)
        rows = {one: moment for one, moment in rows.items() if moment >= today - retention_days * DAY}
        found = await places(connection)
        assert found.keys() == rows.keys()
        for one, name in found.items():
            ahead = rows[one] >= today + 8 * DAY
            assert name == f"specimen_{rows[one]:%Y%m%d}" or (ahead and name == "specimen_default")
