"""Imports as they are looked at afterwards: of files, and of the APIs' uploads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from carillon.audience.upsert.rows import RowError
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import AudienceId

SQL = load_statements("carillon.audience.imports", "history.sql")

_decode_errors = msgspec.json.Decoder(list[RowError]).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """An import: `source` is file or API, `state` pending, running, done or failed.

    `file` is the file's name, and `rejects` the path of its rejects file on the machine that imported it, None where
    there are none. `error_count` counts each problem, also those of rows that were kept.
    """

    import_id: UUID
    audience_id: AudienceId
    source: str
    actor: str
    state: str
    created_at: datetime
    finished_at: datetime | None
    file: str | None
    rejects: str | None
    rows: int
    new: int
    updated: int
    unchanged: int
    failed: int
    error_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListImports:
    """Ask for the latest imports of the actor's audience, or those before one of them."""

    before: UUID | None = None
    limit: int = 100


async def list_imports(tx: Tx, actor: Actor, query: ListImports) -> list[Import]:
    """List imports, the latest first."""
    place = (actor.account_id, actor.audience_id, query.before, query.limit)
    return [Import(**dict(row.items())) for row in await tx.fetch(SQL["list_imports"], *place)]


async def get_import(tx: Tx, actor: Actor, import_id: UUID) -> Import:
    """Find an import of the actor's account. Raises NotFoundError for `import`."""
    row = await tx.fetchrow(SQL["get_import"], actor.account_id, import_id)
    if row is None:
        raise NotFoundError("import", f"There is no import {import_id} in account {actor.account_id}.")
    return Import(**dict(row.items()))


async def import_errors(tx: Tx, actor: Actor, import_id: UUID) -> Sequence[RowError]:
    """Return the problems of an import that are kept, the first of them (`records.MAX_KEPT_ERRORS`)."""
    return _decode_errors(await tx.fetchval(SQL["import_errors"], actor.account_id, import_id) or "[]")
