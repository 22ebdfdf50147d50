"""Accepting uploads: a few rows are written at once, more are queued."""

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from carillon.audience.contacts.batch_write import WriteBatch, WritePolicy, write_batch
from carillon.audience.field_types import CANONICAL, Kind
from carillon.audience.fields import field_kinds
from carillon.audience.locks import UPLOAD_WRITTEN, lock_audience
from carillon.audience.uploads.payload import ReadUpload, encode_payload, read_upload
from carillon.audience.uploads.queue import UPLOADS_DUE
from carillon.audience.uploads.report import FinishedUpload, report_columns, upload_report
from carillon.audience.upsert.engine import upsert
from carillon.audience.upsert.rows import ContactRow, UpsertReport
from carillon.db import ordering
from carillon.db.database import Database, Tx
from carillon.db.ordering import EarlierWorkError
from carillon.db.sql import load_statements
from carillon.errors import JobInProgressError, NotFoundError
from carillon.kit.actor import Actor

SQL = load_statements("carillon.audience.uploads", "accept.sql")

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptUpload:
    """Take in rows; `options` are what the dialect wants kept beside them.

    With a policy they are written by `write_batch`, and may name custom fields; without, by `upsert`.
    """

    rows: Sequence[ContactRow]
    options: Mapping[str, Any] = field(default_factory=dict)
    policy: WritePolicy | None = None


async def upload_now(tx: Tx, actor: Actor, command: AcceptUpload) -> FinishedUpload:
    """Write a few rows at once, and keep the report so that it can be asked for again."""
    kinds: Mapping[str, Kind] = CANONICAL
    if command.policy is not None:
        await lock_audience(tx, actor)  # so that the fields stay as they are
        kinds = await field_kinds(tx, actor)
    report, _ = await write_upload(tx, actor, read_upload(actor, command.rows, command.policy, kinds))
    import_id = tx.new_uuid()
    await _insert(tx, actor, import_id, command, report)
    return FinishedUpload(import_id=import_id, report=report)


async def write_upload(
    tx: Tx, actor: Actor, upload: ReadUpload, *, expect_new: bool = False
) -> tuple[UpsertReport, bool]:
    """Write an upload's contacts; a skipped row counts as unchanged in the report. Returns `matched_none` too."""
    batch = upload.batch
    if upload.policy is None:
        outcome = await upsert(tx, actor, batch, expect_new=expect_new)
        return outcome.report, outcome.matched_none
    written = await write_batch(tx, actor, WriteBatch(batch=batch, policy=upload.policy), expect_new=expect_new)
    report = UpsertReport(
        rows=batch.size,
        new=written.new,
        updated=written.updated,
        unchanged=written.unchanged + written.skipped,
        failed=written.failed,
        error_count=len(written.errors),
        errors=list(written.errors),
    )
    return report, written.matched_none


async def upload_or_queue(db: Database, actor: Actor, command: AcceptUpload) -> FinishedUpload | UUID:
    """Write a few rows at once; where earlier uploads are still to be written, queue them and return the id."""
    try:
        return await db.run_unless_behind(upload_now, actor, command)
    except EarlierWorkError:
        return await db.run_at_once(accept_upload, actor, command)


async def upload_in_turn(db: Database, actor: Actor, command: AcceptUpload) -> FinishedUpload | UUID:
    """Write a few rows at once, or behind the audience's earlier uploads where some are still to be written.

    Returns the finished upload; or its id, when the earlier ones take longer than a caller waits.
    """
    done = await upload_or_queue(db, actor, command)
    if isinstance(done, FinishedUpload):
        return done
    import_id = done

    async def is_over() -> bool:
        nonlocal done
        with contextlib.suppress(JobInProgressError):
            done = await db.read(upload_report, actor, import_id)
        return isinstance(done, FinishedUpload)

    deadline = time.monotonic() + ordering.WAIT_SECONDS
    await ordering.wait_until(db.topics, UPLOAD_WRITTEN, str(import_id), is_over, deadline)
    return done


async def accept_upload(tx: Tx, actor: Actor, command: AcceptUpload) -> UUID:
    """Queue rows for the workers and return the upload's id. Raises NotFoundError for `audience`."""
    # A deletion of the audience waits for this, and finds the upload.
    if not await tx.fetchval(SQL["keep_audience"], actor.account_id, actor.audience_id):
        raise NotFoundError("audience")
    import_id = tx.new_uuid()
    await _insert(tx, actor, import_id, command, None)
    tx.wakes(UPLOADS_DUE, actor.account_id)
    return import_id


async def _insert(tx: Tx, actor: Actor, import_id: UUID, command: AcceptUpload, report: UpsertReport | None) -> None:
    await tx.execute(
        SQL["insert_upload"],
        actor.account_id,
        import_id,
        actor.audience_id,
        actor.source,
        actor.name,
        "done" if report else "pending",
        tx.now,
        tx.now if report else None,
        None if report else encode_payload(command.rows, command.policy),
        _encode(command.options).decode(),
        *report_columns(report or UpsertReport(len(command.rows), 0, 0, 0, 0, 0, [])),
    )
