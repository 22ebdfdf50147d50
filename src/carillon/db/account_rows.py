"""All rows of an account, in whatever table: deleted by the registry of tables, so that none is forgotten.

Statements are composed of the registry's names, which need no quotes. Tables that are partitioned by day keep their
rows, which are dropped with their days (scale.md, Tables 4).
"""

from collections.abc import Collection, Iterator

from carillon.db.tables import PARTITIONED, TABLES
from carillon.db.transaction import Tx
from carillon.kit.ids import AccountId

# Statements stay short, the transaction is one.
_DELETED_AT_ONCE = 50_000

_DELETE = (
    "WITH gone AS (DELETE FROM {table} WHERE account_id = $1 AND ctid = ANY (ARRAY("
    "SELECT ctid FROM {table} WHERE account_id = $1 LIMIT $2)) RETURNING 1) SELECT count(*) FROM gone"
)
# Every node of a cluster has a global table of its own, where the same rows are in other places; they are few.
_DELETE_GLOBAL = "WITH gone AS (DELETE FROM {table} WHERE account_id = $1 RETURNING 1) SELECT count(*) FROM gone"


def tables_of_accounts(*, kept: Collection[str]) -> Iterator[str]:
    """Yield the tables whose rows are an account's, those first that others' foreign keys name last."""
    by_day = {one.name for one in PARTITIONED}
    for table, kind in reversed(TABLES.items()):
        if kind != "control" and table not in by_day and table not in kept and table != "account":
            yield table
    yield "account"


async def delete_account_rows(tx: Tx, account_id: AccountId, *, kept: Collection[str]) -> dict[str, int]:
    """Delete an account's rows in all tables but those of `kept` and the partitioned ones; count them by table."""
    gone: dict[str, int] = {}
    for table in tables_of_accounts(kept=kept):
        if TABLES[table] == "global":
            gone[table] = await tx.fetchval(_DELETE_GLOBAL.format(table=table), account_id)
            continue
        gone[table] = 0
        while count := await tx.fetchval(_DELETE.format(table=table), account_id, _DELETED_AT_ONCE):
            gone[table] += count
    return {table: count for table, count in gone.items() if count}
