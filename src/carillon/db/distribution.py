"""Distributing the registry's tables over the nodes of a Citus cluster (scale.md, Tables 1).

Only Citus's public functions and catalog are used. A plain server has nothing to distribute.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from carillon.db.tables import PARTITIONED, SHARD_KEY, TABLES, Kind
from carillon.errors import InvalidInputError, UnavailableError

if TYPE_CHECKING:
    import asyncpg

HAS_CITUS = "to_regclass('pg_dist_partition') IS NOT NULL"
"""An expression: whether the extension is present in the connection's database."""

# The other tables are distributed beside it, whatever the cluster's number of shards is by then.
_FIRST = "account"
_DISTRIBUTE: Mapping[Kind, str] = {
    "tenant": "SELECT create_distributed_table($1, $2, colocate_with => $3)",
    "global": "SELECT create_reference_table($1)",
    # Every node sees it, and its rows stay on the coordinator.
    "control": "SELECT citus_add_local_table_to_metadata($1)",
}
# Citus may know a table already, as a local one: by its own setting, or for its foreign keys.
_UNDISTRIBUTED = """
SELECT t.name, t.kind
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS t (name, kind, place)
WHERE to_regclass(t.name) IS NOT NULL
  AND NOT EXISTS (SELECT FROM pg_dist_partition p
                  WHERE p.logicalrelid = to_regclass(t.name)
                    AND CASE WHEN t.kind = 'tenant' THEN p.partmethod = 'h'
                             WHEN t.kind = 'global' THEN p.repmodel = 't' ELSE true END)
ORDER BY t.place
"""
# The planner's hints that a table has and some shard of it lacks: Citus gives a shard, new or moved, none.
_HINTS = """
SELECT c.relname AS name,
       string_agg(format('ALTER %I SET (%s)', a.attname, array_to_string(a.attoptions, ', ')), ', ') AS hints,
       format('SELECT count(*) FROM pg_attribute WHERE attrelid = ''%%s''::regclass AND attname = ANY (%L) '
              'AND attoptions IS NOT NULL', array_agg(a.attname)) AS counting,
       count(*)::text AS count
FROM unnest($1::text[]) WITH ORDINALITY AS t (name, place)
JOIN pg_class c ON c.oid = to_regclass(t.name)
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attoptions IS NOT NULL
JOIN pg_dist_partition p ON p.logicalrelid = c.oid AND p.partmethod = 'h'
GROUP BY c.relname, t.place
ORDER BY t.place
"""
# The first account below 0, which nobody has, on every shard but the one that has account 0.
_SAMPLE_ACCOUNTS = """
WITH a AS (
    SELECT n AS account_id, get_shard_id_for_distribution_column('account', n) AS shard
    FROM generate_series(-10000::bigint, 0) n
)
SELECT max(account_id) AS account_id FROM a GROUP BY shard HAVING max(account_id) < 0 ORDER BY account_id DESC
"""
_HAS_SAMPLES = "SELECT EXISTS (SELECT FROM {} WHERE account_id = 0)"
_COPY_SAMPLES = "INSERT INTO {0} (account_id, {1}) SELECT {2}, {1} FROM {0} WHERE account_id = 0 ON CONFLICT DO NOTHING"
_COLUMNS = """
SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum)
FROM pg_attribute
WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped AND attname <> 'account_id'
"""
_IS_COORDINATOR = "SELECT EXISTS (SELECT FROM pg_dist_local_group WHERE groupid = 0)"


async def has_citus(connection: "asyncpg.Connection | asyncpg.Pool") -> bool:
    """Whether the extension is present in the connection's database."""
    return bool(await connection.fetchval(f"SELECT {HAS_CITUS}"))


async def require_coordinator(connection: "asyncpg.Connection") -> None:
    """Raise InvalidInputError on a worker node, where tables can be neither made nor distributed."""
    if not await connection.fetchval(_IS_COORDINATOR):
        raise InvalidInputError(
            "control_url", "This server is a worker node of a Citus cluster: name the coordinator with --control-url."
        )


async def distribute_tables(connection: "asyncpg.Connection") -> list[str]:
    """Distribute every table of the registry that exists and is not distributed yet, and return their names.

    Each is a transaction of its own: what an interruption leaves undone, the next call does.
    """
    names, kinds = list(TABLES), list(TABLES.values())
    partitioned = {table.name for table in PARTITIONED}
    undistributed = await connection.fetch(_UNDISTRIBUTED, names, kinds)
    for name, kind in undistributed:
        column = SHARD_KEY if name in partitioned else "account_id"
        beside = [column, "default" if name == _FIRST else _FIRST] if kind == "tenant" else []
        await connection.execute(_DISTRIBUTE[kind], name, *beside)
    return [row["name"] for row in undistributed]


async def hint_shards(connection: "asyncpg.Connection") -> list[str]:
    """Let shards be planned for as a plain server's tables are (ADR 19), and return the tables that needed it.

    The database's plan_cache_mode is for the connections between the nodes: Carillon's own set another.
    """
    database = await connection.fetchval("SELECT quote_ident(current_database())")
    # Citus does so on every node.
    await connection.execute(f"ALTER DATABASE {database} SET plan_cache_mode = 'force_generic_plan'")
    hinted = []
    for name, hints, counting, count in await connection.fetch(_HINTS, list(TABLES)):
        if {count} != await _run_on_shards(connection, name, counting):
            await _copy_samples(connection, name)
            await _run_on_shards(connection, name, f"ALTER TABLE %s {hints}")
            await connection.execute(f"ANALYZE {name}")
            hinted.append(name)
    return hinted


async def _copy_samples(connection: "asyncpg.Connection", table: str) -> None:
    """Put into every shard the sample rows of account 0 (ADR 11): none is empty, and none is without statistics."""
    if await connection.fetchval(_HAS_SAMPLES.format(table)):
        columns = await connection.fetchval(_COLUMNS, table)
        for row in await connection.fetch(_SAMPLE_ACCOUNTS):
            await connection.execute(_COPY_SAMPLES.format(table, columns, row["account_id"]))


async def _run_on_shards(connection: "asyncpg.Connection", table: str, command: str) -> set[str]:
    """Run a command on every shard, named by %s, and return the results. Raises UnavailableError when one fails."""
    rows = await connection.fetch("SELECT success, result FROM run_command_on_shards($1, $2)", table, command)
    failures = [row["result"] for row in rows if not row["success"]]
    if failures:
        raise UnavailableError(f"A node of the cluster failed: {failures[0]}")
    return {row["result"] for row in rows}
