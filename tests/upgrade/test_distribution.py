"""Distribution of the tables by `db upgrade`, against a stand-in for Citus, and how connections to Citus begin."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from tests.support import MOMENT

from carillon.db.database import Database, Tx
from carillon.db.migrate import Migration, known_migrations, upgrade
from carillon.db.tables import TABLES
from carillon.errors import InvalidInputError, UnavailableError

STAND_IN = Path(__file__).with_name("citus_stand_in.sql").read_text("utf-8")
DISTRIBUTED = "SELECT logicalrelid::text AS name, partmethod::text || repmodel::text AS kind FROM pg_dist_partition"
HINTED = """
SELECT DISTINCT c.relname AS name
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE a.attoptions IS NOT NULL AND c.oid IN (SELECT logicalrelid FROM pg_dist_partition)
"""
HINTED_SHARDS = HINTED.replace("c.oid IN", "c.oid NOT IN")
SAMPLES = "SELECT account_id, count(*) FROM {} GROUP BY 1 ORDER BY 1"
KINDS = {"tenant": "hs", "global": "nt", "control": "ns"}


@pytest.fixture
async def citus(empty_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database that has Citus, and no schema."""
    connection = await asyncpg.connect(empty_dsn)
    await connection.execute(STAND_IN)
    yield connection
    await connection.close()


def add_migrations(monkeypatch: pytest.MonkeyPatch, *scripts: str) -> None:
    later = [
        Migration(version=f"{9000 + number}_pre_later", phase="pre", statements=script)
        for number, script in enumerate(scripts)
    ]
    every = [*known_migrations(), *later]
    monkeypatch.setattr("carillon.db.migrate.known_migrations", lambda: every)


async def settings(dsn: str, control_dsn: str | None = None) -> tuple[str, str]:
    """What plans an operation's connection makes, and whether ids wait for the disk."""
    seen: list[str] = []

    async def look(tx: Tx) -> None:
        seen.append(await tx.fetchval("SHOW plan_cache_mode"))
        async with tx.ids._pool.acquire() as control:
            seen.append(await control.fetchval("SHOW synchronous_commit"))

    db = await Database.connect(dsn, control_dsn=control_dsn)
    try:
        await db.run(look)
    finally:
        await db.close()
    return seen[0], seen[1]


async def test_every_table_is_distributed_by_its_kind_after_those_that_it_names(
    citus: asyncpg.Connection, empty_dsn: str
) -> None:
    report = await upgrade(empty_dsn, now=MOMENT)
    assert report.distributed == list(TABLES)
    found = {row["name"]: row["kind"] for row in await citus.fetch(DISTRIBUTED)}
    assert found == {table: KINDS[kind] for table, kind in TABLES.items()}
    beside = await citus.fetch(
        "SELECT logicalrelid::text, colocated_with FROM pg_dist_partition WHERE partmethod = 'h'"
    )
    assert {name: "default" if name == "account" else "account" for name, _ in beside} == dict(map(tuple, beside))


async def test_tables_are_distributed_also_when_no_migration_is_due(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(STAND_IN)
    assert (await upgrade(dsn, now=MOMENT)).distributed == list(TABLES)
    # What an interruption has left, and what Citus keeps as a local table of its own.
    await connection.execute("DELETE FROM pg_dist_partition WHERE logicalrelid = 'device'::regclass")
    await connection.execute("UPDATE pg_dist_partition SET partmethod = 'n' WHERE logicalrelid = 'contact'::regclass")
    report = await upgrade(dsn, now=MOMENT)
    assert (report.applied, report.distributed) == ([], ["contact", "device"])
    assert (await upgrade(dsn, now=MOMENT)).distributed == []
    await connection.close()


async def test_a_plain_server_has_nothing_to_distribute(dsn: str) -> None:
    report = await upgrade(dsn, now=MOMENT)
    assert (report.applied, report.distributed, report.hinted) == ([], [], [])


async def test_shards_get_the_hints_that_their_tables_have_and_get_them_again_when_they_have_moved(
    citus: asyncpg.Connection, empty_dsn: str
) -> None:
    report = await upgrade(empty_dsn, now=MOMENT)
    hinted = {row["name"] for row in await citus.fetch(HINTED)}
    assert {"contact", "membership"} <= hinted
    assert set(report.hinted) == hinted
    assert {row["name"] for row in await citus.fetch(HINTED_SHARDS)} == {f"{table}_1" for table in hinted}
    assert (await upgrade(empty_dsn, now=MOMENT)).hinted == []
    await citus.execute("DROP TABLE contact_1; CREATE TABLE contact_1 (LIKE contact)")
    assert (await upgrade(empty_dsn, now=MOMENT)).hinted == ["contact"]


async def test_statements_between_nodes_have_one_plan(citus: asyncpg.Connection, empty_dsn: str) -> None:
    await upgrade(empty_dsn, now=MOMENT)
    other = await asyncpg.connect(empty_dsn)
    assert await other.fetchval("SHOW plan_cache_mode") == "force_generic_plan"
    await other.close()
    assert await settings(empty_dsn) == ("auto", "on")
    assert not citus.is_closed()


async def test_every_shard_has_sample_rows(citus: asyncpg.Connection, empty_dsn: str) -> None:
    await upgrade(empty_dsn, now=MOMENT)
    for table in ("contact", "membership", "device", "suppression", "suppression_entry"):
        rows = await citus.fetch(SAMPLES.format(table))
        assert [tuple(row) for row in rows] == [(-2, 1000), (-1, 1000), (0, 1000)], table


async def test_a_shard_that_fails_is_said(citus: asyncpg.Connection, empty_dsn: str) -> None:
    await upgrade(empty_dsn, now=MOMENT)
    await citus.execute("DROP TABLE device_1")
    with pytest.raises(UnavailableError, match="device_1"):
        await upgrade(empty_dsn, now=MOMENT)


async def test_a_new_table_is_distributed_by_the_upgrade_that_makes_it(
    citus: asyncpg.Connection, empty_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await upgrade(empty_dsn, now=MOMENT)
    monkeypatch.setitem(TABLES, "plan", "tenant")
    add_migrations(monkeypatch, "CREATE TABLE plan (account_id bigint PRIMARY KEY REFERENCES account)")
    report = await upgrade(empty_dsn, now=MOMENT)
    assert (len(report.applied), report.distributed, report.hinted) == (1, ["plan"], [])
    assert not citus.is_closed()


async def test_a_worker_node_is_refused_with_the_flag_that_names_the_coordinator(
    citus: asyncpg.Connection, empty_dsn: str
) -> None:
    await citus.execute("UPDATE pg_dist_local_group SET groupid = 2")
    with pytest.raises(InvalidInputError, match="--control-url"):
        await upgrade(empty_dsn, now=MOMENT)


async def test_a_migration_is_sent_statement_by_statement_and_applied_whole_or_not_at_all(
    empty_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await upgrade(empty_dsn, now=MOMENT)
    connection = await asyncpg.connect(empty_dsn)
    # current_query() shows all that was sent at once.
    add_migrations(
        monkeypatch,
        "CREATE TABLE seen (query text DEFAULT current_query()); INSERT INTO seen DEFAULT VALUES; -- the; end",
        "INSERT INTO seen VALUES ('half; of it'); SELECT 1 / 0",
    )
    with pytest.raises(asyncpg.DivisionByZeroError):
        await upgrade(empty_dsn, now=MOMENT)
    assert await connection.fetchval("SELECT array_agg(query) FROM seen") == ["INSERT INTO seen DEFAULT VALUES"]
    await connection.close()


async def test_a_plain_server_makes_one_plan_a_statement_and_ids_do_not_wait_for_the_disk(dsn: str) -> None:
    assert await settings(dsn) == ("force_generic_plan", "off")
    assert await settings(dsn, control_dsn=dsn) == ("force_generic_plan", "on")


async def test_where_citus_is_present_plans_are_its_own_and_ids_are_durable(
    citus: asyncpg.Connection, empty_dsn: str
) -> None:
    assert await settings(empty_dsn) == ("auto", "on")
    assert not citus.is_closed()
