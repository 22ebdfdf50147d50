"""What became of uploads: their reports, those that have failed, and the deletion of old reports."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from asyncpg import Record

from carillon.audience.uploads.queue import UPLOADS_DUE
from carillon.audience.upsert.rows import RowError, UpsertReport
from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.errors import JobInProgressError, JobNotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import AudienceId, first_uuid_of
from carillon.tenancy import audit
from carillon.tenancy.accounts import OpenAccount, Operator, every_account, open_account
from carillon.workers.failures import logged

SQL = load_statements("carillon.audience.uploads", "report.sql")

MAX_REPORTED_ERRORS = 10_000
_DELETED_AT_ONCE = 1_000
_DELETER = Operator(name="reports", source="worker")

_encode = msgspec.json.Encoder().encode
_decode_errors = msgspec.json.Decoder(list[RowError]).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedUpload:
    """A finished upload."""

    import_id: UUID
    report: UpsertReport


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedUpload:
    """An upload that failed for good; its rows are still there."""

    import_id: UUID
    audience_id: AudienceId
    created_at: datetime
    finished_at: datetime
    rows: int


def report_columns(report: UpsertReport) -> tuple[int | str, ...]:
    """Return a report as the table's columns, in their order: rows, the counts of outcomes, and the first errors."""
    errors = _encode(report.errors[:MAX_REPORTED_ERRORS]).decode()
    counts = (report.rows, report.new, report.updated, report.unchanged, report.failed, report.error_count)
    return (*counts, errors)


async def upload_report(tx: Tx, actor: Actor, import_id: UUID) -> FinishedUpload:
    """Return what became of an upload.

    Raises JobNotFoundError for an id that isn't the audience's, JobInProgressError until the upload is processed.
    """
    row = await tx.fetchrow(SQL["find_upload"], actor.account_id, actor.audience_id, import_id)
    if row is None:
        raise JobNotFoundError
    if row["state"] in {"pending", "running"}:
        raise JobInProgressError
    return FinishedUpload(import_id=import_id, report=_report(row))


def _report(row: Record) -> UpsertReport:
    return UpsertReport(
        rows=row["rows"],
        new=row["rows_new"],
        updated=row["rows_updated"],
        unchanged=row["rows_unchanged"],
        failed=row["rows_failed"],
        error_count=row["error_count"],
        errors=_decode_errors(row["errors"]),
    )


async def failed_uploads(tx: Tx, actor: Actor) -> list[FailedUpload]:
    """List the account's uploads that failed for good."""
    return [FailedUpload(**dict(row.items())) for row in await tx.fetch(SQL["failed_uploads"], actor.account_id)]


async def retry_upload(tx: Tx, actor: Actor, import_id: UUID) -> None:
    """Queue an upload again that failed for good. Raises JobNotFoundError."""
    if not await tx.fetchval(SQL["retry_upload"], actor.account_id, import_id):
        raise JobNotFoundError
    await audit.record(tx, actor, "upload.retry", import_id, {})
    tx.wakes(UPLOADS_DUE, actor.account_id)


async def delete_reports(db: Database, *, days: int) -> None:
    """Delete every account's reports of uploads that were accepted so many days ago or earlier.

    A failure in one account is logged, and left for the next run; the others' go on.
    """
    async for account_id in every_account(db, _DELETER):
        with logged("reports_not_deleted", account_id=account_id):
            actor = await db.read(open_account, _DELETER, OpenAccount(account_id=account_id))
            while await db.run(delete_old_reports, actor, days):
                pass


async def delete_old_reports(tx: Tx, actor: Actor, days: int) -> bool:
    """Delete an account's reports of more than so many days ago; True when there may be more of them."""
    before = first_uuid_of(tx.now - timedelta(days=days))
    gone = await tx.fetch(SQL["delete_old_reports"], actor.account_id, before, _DELETED_AT_ONCE)
    return len(gone) == _DELETED_AT_ONCE
