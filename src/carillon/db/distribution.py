"""Distributing the registry's tables over the nodes of a Citus cluster (scale.md, Tables 1).

Only Citus's public functions and catalog are used. A plain server has nothing to distribute.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from carillon.db.tables import PARTITIONED, SHARD_KEY, TABLES, Kind
from carillon.errors import InvalidInputError

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
                  WHERE p.logicalrel = to_regclass(t.name)
                    AND CASE WHEN t.kind = 'tenant' THEN p.partmethod = 'h'
                             WHEN t.kind = 'global' THEN p.repmodel = 't' ELSE true END)
ORDER BY t.place
"""
_IS_DISTRIBUTED = "SELECT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrel = to_regclass($1))"
_IS_COORDINATOR = "SELECT EXISTS (SELECT FROM pg_dist_local_group WHERE groupid = 0)"


async def has_citus(connection: "asyncpg.Connection") -> bool:
    """Whether the extension is present in the connection's database."""
    return bool(await connection.fetchval(f"SELECT {HAS_CITUS}"))


async def require_coordinator(connection: "asyncpg.Connection") -> None:
    """Raise InvalidInputError on a worker node, where tables can be neither made nor distributed."""
    if not await connection.fetchval(_IS_COORDINATOR):
        raise InvalidInputError(
            "control_url", "This server is a worker node of a Citus cluster: name the coordinator with --control-url."
        )


async def is_distributed(connection: "asyncpg.Connection") -> bool:
    """Whether the accounts, and so what belongs to them, are distributed already."""
    return bool(await connection.fetchval(_IS_DISTRIBUTED, _FIRST))


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
