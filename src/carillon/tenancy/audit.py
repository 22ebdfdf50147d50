"""The audit trail: who changed what, through which source, and when. Entries are only ever added."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor

SQL = load_statements("carillon.tenancy", "audit.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One change: `actor` did `action` (`credential.create`) to `subject` (its id) through `source` (API, CLI …)."""

    entry_id: UUID
    at: datetime
    source: str
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListAudit:
    """Ask for the newest entries, or those older than `before`, newest first."""

    before: UUID | None = None
    limit: int = 100


async def record(tx: Tx, actor: Actor, action: str, subject: object, detail: Mapping[str, Any]) -> None:
    """Add an entry in the transaction that makes the change, so that there is never one without the other.

    `detail` is what changed, as JSON: ids, counts, codes and our own terms, never a text that a caller chose (a name,
    an address), nor a secret.
    """
    await record_each(tx, actor, action, {subject: detail})


async def record_each(tx: Tx, actor: Actor, action: str, details: Mapping[Any, Mapping[str, Any]]) -> None:
    """Add an entry as `record` does for each subject, in their order, in one statement."""
    if not details:
        return
    entry_ids = [tx.new_uuid() for _ in details]
    subjects = [str(subject) for subject in details]
    encoded = [msgspec.json.encode(detail).decode() for detail in details.values()]
    origin = (tx.now, actor.source, actor.name, action)
    await tx.execute(SQL["record_entries"], actor.account_id, *origin, entry_ids, subjects, encoded)


async def list_audit(tx: Tx, actor: Actor, query: ListAudit) -> list[AuditEntry]:
    """List an account's entries, newest first; the next page is asked with the last one's `entry_id`."""
    rows = await tx.fetch(SQL["list_entries"], actor.account_id, query.before, query.limit)
    return [AuditEntry(**{**row, "detail": msgspec.json.decode(row["detail"])}) for row in rows]
