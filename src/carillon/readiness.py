"""Whether a process can answer calls, as `/readyz` reports it (docs/adr/0023)."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass

import asyncpg

from carillon.db.database import Database, Tx
from carillon.db.migrate import known_migrations
from carillon.db.sql import load_statements
from carillon.errors import SchemaMismatchError, UnavailableError

SQL = load_statements("carillon", "readiness.sql")

# A node that is cut off doesn't refuse a connection, it stays silent.
_SECONDS = 2.0
# A small write may succeed on a full disk, so none is tried: the next one that fails says so again.
_STORAGE_SECONDS = 10.0
_FAILURES = (UnavailableError, TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """`status` is ok, degraded, unavailable or schema_mismatch; `failing` names the parts that are degraded."""

    status: str
    failing: tuple[str, ...] = ()

    @property
    def is_down(self) -> bool:
        """Whether calls are better sent to another process."""
        return self.status not in {"ok", "degraded"}


async def readiness(db: Database) -> Readiness:
    """Ask the process's own node, the coordinator, and all nodes that have accounts.

    Without its own node or with a schema that lacks what this version needs a process is down, and also for a while
    after a write that found no room. Without the others it is degraded: it answers for the accounts that it reaches.
    """
    if db.outages.storage_failed_within(_STORAGE_SECONDS):
        return Readiness(status=UnavailableError.code)
    try:
        await asyncio.wait_for(db.read(_answer), _SECONDS)
        control, accounts = await asyncio.gather(_fails(_check_control(db)), _fails(db.read(_reach_accounts)))
    except SchemaMismatchError as error:
        return Readiness(status=error.code)
    except _FAILURES:
        return Readiness(status=UnavailableError.code)
    failing = tuple(name for name, fails in (("control", control), ("accounts", accounts)) if fails)
    return Readiness(status="degraded" if failing else "ok", failing=failing)


async def _fails(check: Awaitable[None]) -> bool:
    try:
        await asyncio.wait_for(check, _SECONDS)
    except _FAILURES:
        return True
    return False


async def _answer(tx: Tx) -> None:
    await tx.fetchval(SQL["answer"])


async def _check_control(db: Database) -> None:
    await db.check_ids()
    await db.read(_require_known_schema)


async def _require_known_schema(tx: Tx) -> None:
    """Require what this version needs; an upgrade without a break begins with what a newer one adds."""
    applied = {row["version"] for row in await tx.fetch(SQL["applied_migrations"])}
    if any(one.phase == "pre" and one.version not in applied for one in known_migrations()):
        raise SchemaMismatchError


async def _reach_accounts(tx: Tx) -> None:
    await tx.fetchval(SQL["reach_accounts"])
