"""The schema: its picture, the sum of its migrations, its registry and the rules for distribution are one thing."""

import asyncio
from importlib.resources import files
from itertools import chain
from pathlib import Path

import asyncpg
import pytest
from tests.support import MOMENT

from carillon.db.database import Database
from carillon.db.migrate import known_migrations, require_known_schema, schema_status, upgrade
from carillon.db.tables import PARTITIONED, TABLES, PartitionedTable
from carillon.errors import SchemaMismatchError

GATE = Path(__file__).with_name("scale_gate.sql").read_text("utf-8")

FORGET_DIGESTS = "DELETE FROM schema_migration WHERE version = '0006_pre_contact_digests'"

# What a schema is made of, one line a thing. A column's place is left out: nothing may depend on it. So are partitions:
# they come with the days.
CATALOG = """
WITH ours AS (
    SELECT c.oid, c.relname, c.relkind, c.relpersistence, c.reloptions
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND NOT c.relispartition
)
SELECT format('%s %s, persistence %s, options %s', relkind, relname, relpersistence, reloptions) AS thing FROM ours
UNION ALL
SELECT format('column %s.%s %s, not null %s, default %s, collation %s, identity %s, generated %s, storage %s %s',
              o.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
              a.attcollation::regcollation, a.attidentity, a.attgenerated, a.attstorage, a.attcompression)
FROM ours o
JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = o.oid AND d.adnum = a.attnum
WHERE o.relkind IN ('r', 'p', 'v', 'm')
UNION ALL
SELECT 'index ' || pg_get_indexdef(o.oid) FROM ours o WHERE o.relkind IN ('i', 'I')
UNION ALL
SELECT format('constraint %s %s %s', o.relname, k.conname, pg_get_constraintdef(k.oid))
FROM ours o JOIN pg_constraint k ON k.conrelid = o.oid
UNION ALL
SELECT format('trigger %s %s', o.relname, g.tgname)
FROM ours o JOIN pg_trigger g ON g.tgrelid = o.oid AND NOT g.tgisinternal
UNION ALL
SELECT 'function ' || p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = 'public'
UNION ALL
SELECT 'type ' || t.typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE n.nspname = 'public' AND t.typtype IN ('d', 'e')
UNION ALL
SELECT 'extension ' || extname FROM pg_extension
ORDER BY thing
"""


async def fetch(dsn: str, statement: str, *arguments: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch(statement, *arguments)
    finally:
        await connection.close()


async def execute(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def violations(dsn: str, *specimens: PartitionedTable) -> set[tuple[str, str]]:
    """The tables that break rules for distribution, with each rule up to its colon."""
    partitioned = [*PARTITIONED, *specimens]
    rows = await fetch(dsn, GATE, [table.name for table in partitioned], [table.key for table in partitioned])
    return {(row["relname"], row["rule"].partition(":")[0]) for row in rows}


async def catalog(dsn: str) -> list[str]:
    return [row["thing"] for row in await fetch(dsn, CATALOG)]


async def test_the_picture_of_the_schema_equals_the_sum_of_the_migrations(dsn: str, empty_dsn: str) -> None:
    await execute(empty_dsn, files("carillon.db").joinpath("schema.sql").read_text("utf-8"))
    migrated = await catalog(dsn)
    assert any(thing.startswith("column contact.phone text") for thing in migrated)
    assert await catalog(empty_dsn) == migrated


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE account ALTER COLUMN name DROP NOT NULL",
        "ALTER TABLE account ALTER COLUMN name SET DEFAULT ''",
        'ALTER TABLE contact ALTER COLUMN phone TYPE text COLLATE "default"',
        "ALTER TABLE contact SET (fillfactor = 100)",
        "DROP INDEX membership_contact",
        "ALTER TABLE suppression DROP CONSTRAINT suppression_channel_check",
        "ALTER TABLE field DROP CONSTRAINT field_account_id_audience_id_fkey",
    ],
)
async def test_no_difference_between_two_schemas_goes_unseen(dsn: str, change: str) -> None:
    before = await catalog(dsn)
    await execute(dsn, change)
    assert await catalog(dsn) != before


async def test_the_schema_keeps_the_rules_for_distribution(dsn: str) -> None:
    assert await violations(dsn) == set()


async def test_the_gate_sees_what_breaks_the_rules(dsn: str) -> None:
    await execute(
        dsn,
        "CREATE TABLE wrong_key (thing_id bigint PRIMARY KEY, account_id bigint)",
        "CREATE UNLOGGED TABLE wrong_kind (account_id bigint, thing_id serial, PRIMARY KEY (account_id, thing_id))",
    )
    assert await violations(dsn) == {
        ("wrong_key", "unique index without account_id"),
        ("wrong_key", "primary key does not start with account_id"),
        ("wrong_kind", "unlogged"),
        ("wrong_kind", "int sequence"),
    }


SHARDED = """
CREATE TABLE specimen (
    shard_key bigint, specimen_id uuid, account_id bigint NOT NULL, PRIMARY KEY (shard_key, specimen_id)
) PARTITION BY RANGE (specimen_id)
"""


async def test_the_gate_accepts_a_partitioned_table_by_its_shard_key(dsn: str) -> None:
    await execute(
        dsn,
        SHARDED,
        "CREATE INDEX specimen_account ON specimen (account_id, specimen_id)",
        "CREATE TABLE specimen_default PARTITION OF specimen DEFAULT",
    )
    assert await violations(dsn, PartitionedTable(name="specimen", key="specimen_id")) == set()


async def test_the_gate_asks_for_the_account_where_a_table_is_not_registered_as_partitioned(dsn: str) -> None:
    await execute(dsn, SHARDED)
    assert await violations(dsn) == {
        ("specimen", "unique index without account_id"),
        ("specimen", "primary key does not start with account_id"),
        ("specimen", "partitioned, but not in the registry"),
    }


async def test_the_gate_sees_what_breaks_the_rules_of_partitioned_tables(dsn: str) -> None:
    await execute(
        dsn,
        SHARDED,
        "CREATE TABLE no_shard (account_id bigint, id uuid, PRIMARY KEY (account_id, id)) PARTITION BY RANGE (id)",
        "CREATE TABLE shard_later (shard_key bigint, id uuid, account_id bigint NOT NULL, PRIMARY KEY (id, shard_key),"
        " UNIQUE (account_id, id)) PARTITION BY RANGE (id)",
        "CREATE TABLE one_piece (shard_key bigint, id uuid, account_id bigint NOT NULL, PRIMARY KEY (shard_key, id))",
        "CREATE TABLE by_hash (shard_key bigint, id uuid, account_id bigint NOT NULL, PRIMARY KEY (shard_key, id))"
        " PARTITION BY HASH (id)",
        "CREATE TABLE by_number (shard_key bigint, id bigint, account_id bigint NOT NULL, PRIMARY KEY (shard_key, id))"
        " PARTITION BY RANGE (id)",
        "CREATE TABLE note (account_id bigint, shard_key bigint, specimen_id uuid, PRIMARY KEY (account_id),"
        " CONSTRAINT fk FOREIGN KEY (shard_key, specimen_id) REFERENCES specimen)",
    )
    names = ("no_shard", "shard_later", "one_piece", "by_hash", "by_number")
    registered = [PartitionedTable(name=name, key="id") for name in names]
    specimen = PartitionedTable(name="specimen", key="specimen_id")
    no_range = "not partitioned by range of the uuid id"
    assert await violations(dsn, specimen, *registered) == {
        ("specimen", "foreign key of a partitioned table"),
        ("note", "foreign key without account_id"),
        ("no_shard", "no column shard_key"),
        ("no_shard", "unique index without shard_key"),
        ("no_shard", "primary key does not start with shard_key"),
        ("shard_later", "primary key does not start with shard_key"),
        ("shard_later", "unique index without shard_key"),
        ("one_piece", no_range),
        ("by_hash", no_range),
        ("by_number", no_range),
    }


async def test_the_registry_of_tables_lists_exactly_the_tables(dsn: str) -> None:
    rows = await fetch(
        dsn,
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
        " AND NOT relispartition",
    )
    assert {row["relname"] for row in rows} == set(TABLES)


async def test_a_table_is_listed_behind_those_that_its_foreign_keys_name(dsn: str) -> None:
    rows = await fetch(
        dsn,
        "SELECT conrelid::regclass::text AS table, confrelid::regclass::text AS named FROM pg_constraint"
        " WHERE contype = 'f'",
    )
    place = {table: number for number, table in enumerate(TABLES)}
    assert rows
    assert [row for row in rows if place[row["named"]] >= place[row["table"]]] == []


async def test_tenant_and_global_tables_are_those_that_have_an_account(dsn: str) -> None:
    rows = await fetch(
        dsn,
        "SELECT c.relname FROM pg_class c"
        " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname IN ('account_id', 'shard_key')"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition",
    )
    assert {row["relname"] for row in rows} == {table for table, kind in TABLES.items() if kind != "control"}


async def test_an_upgrade_applies_everything_once(empty_dsn: str) -> None:
    assert (await schema_status(empty_dsn)).is_empty
    every = [migration.version for migration in known_migrations()]
    assert (await upgrade(empty_dsn, now=MOMENT)).applied == every
    assert (await upgrade(empty_dsn, now=MOMENT)).applied == []
    status = await schema_status(empty_dsn)
    assert (list(status.applied), status.missing, status.unknown) == (every, (), ())


async def test_two_upgrades_at_once_apply_everything_once(empty_dsn: str) -> None:
    reports = await asyncio.gather(*(upgrade(empty_dsn, now=MOMENT) for _ in range(3)))
    assert sorted(chain.from_iterable(report.applied for report in reports)) == [
        migration.version for migration in known_migrations()
    ]


async def test_indexes_that_an_interrupted_upgrade_has_begun_are_built_again(dsn: str) -> None:
    before = await catalog(dsn)
    await execute(dsn, FORGET_DIGESTS, "DROP INDEX contact_email_digest")
    assert (await upgrade(dsn, now=MOMENT)).applied == ["0006_pre_contact_digests"]
    assert await catalog(dsn) == before


async def test_writers_go_on_while_an_index_is_built(dsn: str) -> None:
    await execute(dsn, FORGET_DIGESTS, "DROP INDEX contact_phone_digest", "DROP INDEX contact_email_digest")
    connection = await asyncpg.connect(dsn)
    async with connection.transaction():
        # It waits for this transaction, and lets others write meanwhile.
        await connection.execute("LOCK TABLE contact IN ROW EXCLUSIVE MODE")
        building = asyncio.create_task(upgrade(dsn, now=MOMENT))
        await asyncio.sleep(0.5)
        assert not building.done()
        await execute(dsn, "SET lock_timeout = '1s'", "DELETE FROM contact WHERE false")
    await connection.close()
    assert (await building).applied == ["0006_pre_contact_digests"]


async def test_who_was_suppressed_before_contacts_kept_their_own_status_is_subscribed_but_for_that(dsn: str) -> None:
    await execute(
        dsn,
        "INSERT INTO account (account_id, name, status, country, time_zone, currency, created_at)"
        " VALUES (7, 'A', 'active', 'IL', 'UTC', 'ILS', '2031-01-01Z')",
        "INSERT INTO audience (account_id, audience_id, name, country, is_default, created_at)"
        " VALUES (7, 8, 'A', 'IL', true, '2031-01-01Z')",
        "INSERT INTO contact (account_id, audience_id, contact_id, created_at, updated_at, sms_status, email_status,"
        " phone, email, fields)"
        " VALUES (7, 8, 1, '2031-01-01Z', '2031-01-01Z', 3, 1, '972541110001', 'a@b.example', '{}'),"
        " (7, 8, 2, '2031-01-01Z', '2031-01-01Z', 1, 3, '972541110002', 'c@b.example', '{}')",
        "INSERT INTO suppression (account_id, channel, address, suppression_id, created_at, source, actor, reason)"
        " VALUES (7, 'sms', '972541110001', 1, '2031-01-01Z', 'API', 'API', 'x'),"
        " (7, 'email', 'c@b.example', 2, '2031-01-01Z', 'API', 'API', 'x')",
        "DELETE FROM schema_migration WHERE version = '0010_post_own_standing'",
    )
    assert (await upgrade(dsn, now=MOMENT)).applied == ["0010_post_own_standing"]
    rows = await fetch(dsn, "SELECT sms_status, email_status FROM contact WHERE account_id = 7 ORDER BY contact_id")
    assert [tuple(row) for row in rows] == [(4, 1), (1, 4)]


async def test_who_was_unsubscribed_before_it_was_kept_has_its_last_change(dsn: str) -> None:
    """0032 finds what the version before has written, 0033 what it has written and taken back since."""
    contact = (
        "INSERT INTO contact (account_id, audience_id, contact_id, created_at, updated_at, sms_status, email_status,"
        " phone, fields) VALUES "
    )
    await execute(
        dsn,
        "INSERT INTO account (account_id, name, status, country, time_zone, currency, created_at)"
        " VALUES (7, 'A', 'active', 'IL', 'UTC', 'ILS', '2031-01-01Z')",
        "INSERT INTO audience (account_id, audience_id, name, country, is_default, created_at)"
        " VALUES (7, 8, 'A', 'IL', true, '2031-01-01Z')",
        contact + "(7, 8, 1, '2031-01-01Z', '2031-01-02Z', 3, 6, '972541110001', '{}'),"
        " (7, 8, 2, '2031-01-01Z', '2031-01-03Z', 4, 0, '972541110002', '{}'),"
        " (7, 8, 3, '2031-01-01Z', '2031-01-04Z', 3, 0, '972541110003', '{}'),"
        " (7, 8, 4, '2031-01-01Z', '2031-01-05Z', 3, 0, '972541110004', '{}')",
    )
    pre, post = (one for one in known_migrations() if one.version.endswith("_unsubscriptions"))
    kept = (
        "SELECT contact_id, channel, unsubscribed_at::date::text, source, reason FROM unsubscription"
        " WHERE account_id > 0 ORDER BY contact_id, channel"
    )
    await execute(dsn, "DROP TABLE unsubscription", "ALTER TABLE suppression DROP COLUMN said_again_at", pre.statements)
    first = [(1, "email", "2031-01-02"), (1, "sms", "2031-01-02"), (3, "sms", "2031-01-04"), (4, "sms", "2031-01-05")]
    assert [tuple(row) for row in await fetch(dsn, kept)] == [(*one, "upgrade", None) for one in first]
    await execute(
        dsn,
        "UPDATE contact SET sms_status = 3, updated_at = '2031-02-02Z' WHERE contact_id = 2",
        "UPDATE contact SET sms_status = 1, updated_at = '2031-02-03Z' WHERE contact_id = 3",
        "DELETE FROM contact WHERE contact_id = 4",
        post.statements,
    )
    then = [*first[:2], (2, "sms", "2031-02-02")]
    assert [tuple(row) for row in await fetch(dsn, kept)] == [(*one, "upgrade", None) for one in then]
    (samples,) = await fetch(dsn, "SELECT count(*) FROM unsubscription WHERE account_id = 0")
    assert samples["count"] > 0


async def test_a_current_schema_is_accepted(dsn: str) -> None:
    await require_known_schema(dsn)


async def test_a_schema_that_lacks_a_migration_is_refused_with_the_command_that_mends_it(dsn: str) -> None:
    await execute(dsn, "DELETE FROM schema_migration")
    with pytest.raises(SchemaMismatchError, match="carillon db upgrade"):
        await require_known_schema(dsn)


async def test_a_schema_of_a_newer_version_is_refused(dsn: str) -> None:
    await execute(dsn, "INSERT INTO schema_migration VALUES ('9999_pre_future', '2030-01-01Z')")
    with pytest.raises(SchemaMismatchError, match=r"9999_pre_future.*newer"):
        await require_known_schema(dsn)


async def test_every_statement_prepares_on_the_schema(db: Database) -> None:
    await db.prepare_statements()


async def test_a_statement_that_the_schema_does_not_know_stops_the_start(db: Database, dsn: str) -> None:
    await execute(dsn, "ALTER TABLE audit_entry RENAME COLUMN detail TO details")
    with pytest.raises(RuntimeError, match=r"record_entries of audit\.sql"):
        await db.prepare_statements()
