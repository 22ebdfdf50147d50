"""What the database knows of a file's import: its report so far, and the place from which it goes on.

A place belongs to one run, the process that works on it. A run that finds another run's place in its import ends.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Record

from carillon.audience.upsert.rows import UpsertReport
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError, JobNotFoundError
from carillon.kit.actor import Actor
from carillon.tenancy import audit

SQL = load_statements("carillon.audience.imports", "records.sql")

MAX_KEPT_ERRORS = 1_000
"""The rejects file has all of them."""


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """How far an import has come: byte and physical line of the next record, bytes of rejects, seconds of work so far.

    `run` names the process that works on it; `blocks` are the addresses that were suppressed by rows of their own,
    `resubscribed` those that were subscribed again.
    """

    offset: int
    line: int
    rejects: int
    seconds: float
    run: str = ""
    blocks: int = 0
    resubscribed: int = 0


_encode_place = msgspec.json.Encoder().encode
_decode_place = msgspec.json.Decoder(Place).decode
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginImport:
    """Begin, or go on with, the import that `file_hash` names: a SHA-256 of the file and all that decides its outcome.

    `start` is where a new one begins, with this run's name. `again` begins anew whatever was done.
    """

    file_hash: str
    options: Mapping[str, Any]
    start: Place
    again: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BegunImport:
    """An import: `is_done` when there is nothing left to do, `is_resumed` when an earlier run had begun it.

    `rejects` is the file that was made for its rejects (`keep_rejects_path`).
    """

    import_id: UUID
    began_at: datetime
    place: Place
    is_done: bool
    is_resumed: bool
    rejects: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """What has become of an import's rows so far."""

    place: Place
    is_done: bool
    rows: int
    new: int
    updated: int
    unchanged: int
    failed: int
    error_count: int


async def find_import(tx: Tx, actor: Actor, command: BeginImport) -> BegunImport | None:
    """Return the import that `begin_import` would go on with, or that is done; None where it would begin one."""
    where = (actor.account_id, actor.audience_id, command.file_hash)
    row = None if command.again else await tx.fetchrow(SQL["find_import"], *where)
    return None if row is None else _begun(row)


async def begin_import(tx: Tx, actor: Actor, command: BeginImport) -> BegunImport:
    """Begin an import, or take over one that was interrupted; one that is done is given as it is."""
    row = await tx.fetchrow(SQL["find_import_to_begin"], actor.account_id, actor.audience_id, command.file_hash)
    if row is not None and command.again:
        await tx.execute(SQL["retire_import"], actor.account_id, row["import_id"], tx.now)
        row = None
    if row is None:
        return await _start(tx, actor, command)
    begun = _begun(row)
    if begun.is_done:
        return begun
    place = msgspec.structs.replace(begun.place, run=str(tx.new_uuid()))
    await tx.execute(SQL["take_over_import"], actor.account_id, begun.import_id, _json(place))
    return replace(begun, place=place)


def _begun(row: Record) -> BegunImport:
    is_done = row["state"] == "done"
    return BegunImport(
        import_id=row["import_id"],
        began_at=row["created_at"],
        place=_decode_place(row["progress"]),
        is_done=is_done,
        is_resumed=not is_done,
        rejects=None if row["rejects"] is None else Path(row["rejects"]),
    )


async def _start(tx: Tx, actor: Actor, command: BeginImport) -> BegunImport:
    start = msgspec.structs.replace(command.start, run=str(tx.new_uuid()))
    import_id = await tx.fetchval(
        SQL["start_import"],
        actor.account_id,
        tx.new_uuid(),
        actor.audience_id,
        "file",
        actor.name,
        tx.now,
        _encode(command.options).decode(),
        command.file_hash,
        _json(start),
    )
    if import_id is None:
        raise busy()
    detail = {"bytes": command.options.get("bytes"), "columns": len(command.options.get("columns", ()))}
    await audit.record(tx, actor, "import.start", import_id, {"audience_id": actor.audience_id, **detail})
    return BegunImport(import_id=import_id, began_at=tx.now, place=start, is_done=False, is_resumed=False)


async def keep_rejects_path(tx: Tx, actor: Actor, import_id: UUID, path: str) -> None:
    """Keep which file was made for an import's rejects: whoever goes on with the import goes on with it."""
    await tx.execute(SQL["keep_rejects_path"], actor.account_id, import_id, path)


async def hold_import(tx: Tx, actor: Actor, import_id: UUID, run: str) -> tuple[Place, int]:
    """Lock an import's row; give its place and how many errors it counts.

    Raises InvalidInputError for `file` when another run is at it.
    """
    row = await tx.fetchrow(SQL["hold_import"], actor.account_id, import_id)
    if row is None:
        raise JobNotFoundError
    place = _decode_place(row["progress"])
    if place.run != run:
        raise busy()
    return place, row["error_count"]


async def advance_import(tx: Tx, actor: Actor, import_id: UUID, place: Place, report: UpsertReport) -> None:
    """Move an import that this transaction holds to its next place, with a chunk's report; `errors` are kept."""
    await tx.execute(SQL["commit_lazily"])
    await tx.execute(
        SQL["advance_import"],
        actor.account_id,
        import_id,
        _json(place),
        report.rows,
        report.new,
        report.updated,
        report.unchanged,
        report.failed,
        report.error_count,
        _encode(report.errors).decode(),
    )


async def finish_import(tx: Tx, actor: Actor, import_id: UUID, place: Place) -> None:
    """Make an import's report final."""
    await hold_import(tx, actor, import_id, place.run)
    await tx.execute(SQL["finish_import"], actor.account_id, import_id, tx.now, _json(place))
    report = await import_report(tx, actor, import_id)
    counts = {name: getattr(report, name) for name in ("rows", "new", "updated", "unchanged", "failed")}
    await audit.record(tx, actor, "import.finish", import_id, counts)


async def import_report(tx: Tx, actor: Actor, import_id: UUID) -> ImportReport:
    """Tell what has become of an import so far."""
    row = await tx.fetchrow(SQL["import_report"], actor.account_id, import_id)
    if row is None:
        raise JobNotFoundError
    return ImportReport(
        place=_decode_place(row["progress"]),
        is_done=row["state"] == "done",
        rows=row["rows"],
        new=row["rows_new"],
        updated=row["rows_updated"],
        unchanged=row["rows_unchanged"],
        failed=row["rows_failed"],
        error_count=row["error_count"],
    )


def busy() -> InvalidInputError:
    """Make the error for an import that another process works on."""
    return InvalidInputError("file", "Another process is importing this file just now.")


def _json(place: Place) -> str:
    return _encode_place(place).decode()
