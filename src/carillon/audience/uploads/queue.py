"""Uploads: batches of contacts that an API call brings. A few rows are written at once, more are kept and worked off.

What is accepted is a row of `contact_import` that is committed before the caller hears of it; a worker claims it under
a lease and writes its contacts and its report in one transaction, so that a crash at any line neither loses nor
doubles it. An account's uploads are worked off one after another in the order of their arrival, and a few rows wait
behind the many that came before them: the later word stands.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Record

from carillon.audience.contacts.batch_write import WriteBatch, WritePolicy, write_batch
from carillon.audience.field_types import CANONICAL, Kind
from carillon.audience.fields import field_kinds
from carillon.audience.locks import UPLOAD_WRITTEN, lock_audience
from carillon.audience.suppressions import Channel
from carillon.audience.uploads.consent_fields import ConsentFields, with_consents
from carillon.audience.upsert.engine import UpsertReport, upsert
from carillon.audience.upsert.parse import read_rows
from carillon.audience.upsert.rows import Batch, ContactRow, RowError
from carillon.db import ordering
from carillon.db.database import Database, Tx
from carillon.db.ordering import EarlierWorkError
from carillon.db.sql import load_statements
from carillon.errors import JobInProgressError, JobNotFoundError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId, AudienceId, first_uuid_of
from carillon.tenancy import audit

SQL = load_statements("carillon.audience.uploads", "queue.sql")

MAX_ATTEMPTS = 5
MAX_REPORTED_ERRORS = 10_000
# Renewed while the work goes on, so it has to outlast only a stall; so long wait an account's callers after a crash.
LEASE = timedelta(seconds=6)
RENEWAL_SECONDS = 2.0
_SWEPT_AT_ONCE = 1_000

UPLOADS_DUE = "uploads_due"
"""The topic of accepted uploads; its keys are their accounts."""

_encode = msgspec.json.Encoder().encode
_decode_consent_fields = msgspec.json.Decoder(dict[str, tuple[str, Channel]]).decode
_decode_errors = msgspec.json.Decoder(list[RowError]).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptUpload:
    """Take in rows; `options` are what the dialect wants kept beside them.

    With `terms` they are written by `write_batch`, and may name the audience's own fields; without, by `upsert`.
    """

    rows: Sequence[ContactRow]
    options: Mapping[str, Any] = field(default_factory=dict)
    policy: WritePolicy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A finished upload."""

    import_id: UUID
    report: UpsertReport


class _Payload(msgspec.Struct, omit_defaults=True):
    """An upload as it is kept until its rows are written."""

    rows: Sequence[ContactRow]
    policy: WritePolicy | None = msgspec.field(default=None, name="terms")


_encode_payload = msgspec.msgpack.Encoder().encode
# Rows without terms are kept as a list alone, which is what earlier versions kept, and can read.
_decode_payload = msgspec.msgpack.Decoder(list[ContactRow] | _Payload).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadUpload:
    """An upload whose rows have been read; `kinds` are those of the fields that they were read by."""

    batch: Batch
    kinds: Mapping[str, Kind]
    policy: WritePolicy | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedUpload:
    """An upload that this worker holds until its lease ends; `attempt` proves that nobody took it over."""

    import_id: UUID
    attempt: int
    actor: Actor
    payload: bytes
    consent_fields: ConsentFields = field(default_factory=dict)

    def read(self, kinds: Mapping[str, Kind]) -> ReadUpload:
        """Read the rows: pure work, fit for a thread. `kinds` are those of the audience's fields."""
        kept = _decode_payload(self.payload)
        rows, policy = (kept, None) if isinstance(kept, list) else (kept.rows, kept.policy)
        if policy is not None and self.consent_fields:
            rows, policy = with_consents(rows, policy, self.consent_fields)
        return _read(self.actor, rows, policy, kinds)


def _read(actor: Actor, rows: Sequence[ContactRow], policy: WritePolicy | None, own: Mapping[str, Kind]) -> ReadUpload:
    kinds = CANONICAL if policy is None else own
    return ReadUpload(batch=read_rows(rows, actor.country, kinds=kinds), kinds=kinds, policy=policy)


async def upload_now(tx: Tx, actor: Actor, command: AcceptUpload) -> Upload:
    """Write a few rows at once, and keep the report so that it can be asked for again."""
    own: Mapping[str, Kind] = CANONICAL
    if command.policy is not None:
        await lock_audience(tx, actor)  # so that the fields stay as they are
        own = await field_kinds(tx, actor)
    report, _ = await _write(tx, actor, _read(actor, command.rows, command.policy, own))
    import_id = tx.new_uuid()
    await _insert(tx, actor, import_id, command, report)
    return Upload(import_id=import_id, report=report)


async def _write(tx: Tx, actor: Actor, upload: ReadUpload, *, expect_new: bool = False) -> tuple[UpsertReport, bool]:
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


async def upload_or_queue(db: Database, actor: Actor, command: AcceptUpload) -> Upload | UUID:
    """Write a few rows at once; where earlier uploads are still to be written, queue them and return the id."""
    try:
        return await db.run_unless_behind(upload_now, actor, command)
    except EarlierWorkError:
        return await db.run_at_once(accept_upload, actor, command)


async def upload_in_turn(db: Database, actor: Actor, command: AcceptUpload) -> Upload | UUID:
    """Write a few rows at once, or behind the audience's earlier uploads where some are still to be written.

    Returns the finished upload; or its id, when the earlier ones take longer than a caller waits.
    """
    done = await upload_or_queue(db, actor, command)
    if isinstance(done, Upload):
        return done
    import_id = done

    async def is_over() -> bool:
        nonlocal done
        with contextlib.suppress(JobInProgressError):
            done = await db.read(upload_report, actor, import_id)
        return isinstance(done, Upload)

    deadline = time.monotonic() + ordering.WAIT_SECONDS
    await ordering.wait_until(db.topics, UPLOAD_WRITTEN, str(import_id), is_over, deadline)
    return done


async def accept_upload(tx: Tx, actor: Actor, command: AcceptUpload) -> UUID:
    """Keep rows for the workers and return the upload's id. Raises NotFoundError for `audience`."""
    # Whoever deletes the audience waits, and finds the upload.
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
        None if report else _encode_payload(_payload(command)),
        _encode(command.options).decode(),
        *_numbers(report or UpsertReport(len(command.rows), 0, 0, 0, 0, 0, [])),
    )


def _payload(command: AcceptUpload) -> Sequence[ContactRow] | _Payload:
    return command.rows if command.policy is None else _Payload(command.rows, command.policy)


def _numbers(report: UpsertReport) -> tuple[int | str, ...]:
    errors = _encode(report.errors[:MAX_REPORTED_ERRORS]).decode()
    counts = (report.rows, report.new, report.updated, report.unchanged, report.failed, report.error_count)
    return (*counts, errors)


async def upload_report(tx: Tx, actor: Actor, import_id: UUID) -> Upload:
    """Tell what became of an upload.

    Raises JobNotFoundError for an id that isn't the audience's, JobInProgressError until the upload is worked off.
    """
    row = await tx.fetchrow(SQL["find_upload"], actor.account_id, actor.audience_id, import_id)
    if row is None:
        raise JobNotFoundError
    if row["state"] in {"pending", "running"}:
        raise JobInProgressError
    return Upload(import_id=import_id, report=_report(row))


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


async def accounts_with_uploads(tx: Tx) -> list[AccountId]:
    """List the accounts that have uploads to work off."""
    return [AccountId(row["account_id"]) for row in await tx.fetch(SQL["accounts_with_uploads"], tx.now)]


async def claim_uploads(tx: Tx, account_id: AccountId, limit: int) -> list[ClaimedUpload]:
    """Take the account's oldest uploads, if nobody else is at work on them; in the order of their arrival."""
    if not await tx.fetchval(SQL["lock_claims"], account_id):
        return []
    rows = await tx.fetch(SQL["claim_uploads"], account_id, tx.now, tx.now + LEASE, limit)
    return [
        ClaimedUpload(
            import_id=row["import_id"],
            attempt=row["attempts"],
            actor=_actor(row),
            payload=row["payload"],
            consent_fields=_decode_consent_fields(row["consent_fields"] or "{}"),
        )
        for row in sorted(rows, key=lambda row: row["import_id"])
    ]


def _actor(row: Record) -> Actor:
    return Actor(
        account_id=AccountId(row["account_id"]),
        audience_id=AudienceId(row["audience_id"]),
        name=row["actor"],
        source=row["source"],
        country=row["country"],
        clock_offset=row["clock_offset"],
    )


async def renew_leases(tx: Tx, uploads: Sequence[ClaimedUpload]) -> None:
    """Hold uploads of one account, claimed together, for as long again; finished ones stay as they are."""
    import_ids = [upload.import_id for upload in uploads]
    await tx.execute(SQL["renew_leases"], uploads[0].actor.account_id, import_ids, tx.now + LEASE)


async def process_upload(
    tx: Tx, actor: Actor, upload: ClaimedUpload, read: ReadUpload, *, expect_new: bool = False
) -> bool | None:
    """Write an upload's contacts and its report together; `expect_new` is `upsert`'s. Gives its `matched_none`.

    Does nothing, and gives None, when the lease ended and another worker has taken the upload over, or when the
    audience is gone. The audience is locked first, as by who deletes it, and rows are read again whose fields have
    changed since they were read.
    """
    try:
        await lock_audience(tx, actor, after_uploads=False)
    except NotFoundError:
        return None
    if not await tx.fetchval(SQL["hold_upload"], actor.account_id, upload.import_id, upload.attempt):
        return None
    if read.policy is not None and (kinds := await field_kinds(tx, actor)) != read.kinds:
        read = await asyncio.to_thread(upload.read, kinds)
    report, matched_none = await _write(tx, actor, read, expect_new=expect_new)
    await tx.execute(
        SQL["finish_upload"],
        upload.actor.account_id,
        upload.import_id,
        "done",
        tx.now,
        *_numbers(report),
    )
    tx.wakes(UPLOAD_WRITTEN, upload.import_id)
    return matched_none


async def reschedule_upload(tx: Tx, upload: ClaimedUpload, *, counts: bool) -> None:
    """Return an upload that couldn't be written: it is tried again later, and after MAX_ATTEMPTS it is given up.

    `counts` is False for a failure of the database, which says nothing of the upload.
    """
    if counts and upload.attempt >= MAX_ATTEMPTS:
        await fail_upload(tx, upload)
        return
    pause = timedelta(seconds=2 ** min(upload.attempt, MAX_ATTEMPTS))
    await tx.execute(
        SQL["reschedule_upload"],
        upload.actor.account_id,
        upload.import_id,
        upload.attempt,
        tx.now + pause,
        int(counts),
    )


async def fail_upload(tx: Tx, upload: ClaimedUpload) -> None:
    """Stop trying; the report says so, the rows are kept, and `retry_upload` begins again."""
    told = RowError(
        0, "row", "not_written", "", "The rows could not be written. They are kept; the operator can try again."
    )
    await tx.execute(
        SQL["fail_upload"],
        upload.actor.account_id,
        upload.import_id,
        upload.attempt,
        tx.now,
        _encode([told]).decode(),
    )
    tx.wakes(UPLOAD_WRITTEN, upload.import_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedUpload:
    """An upload that was given up; its rows are still there."""

    import_id: UUID
    audience_id: AudienceId
    created_at: datetime
    finished_at: datetime
    rows: int


async def failed_uploads(tx: Tx, actor: Actor) -> list[FailedUpload]:
    """List the account's uploads that were given up."""
    return [FailedUpload(**dict(row.items())) for row in await tx.fetch(SQL["failed_uploads"], actor.account_id)]


async def retry_upload(tx: Tx, actor: Actor, import_id: UUID) -> None:
    """Put an upload that was given up back among those to be worked off. Raises JobNotFoundError."""
    if not await tx.fetchval(SQL["retry_upload"], actor.account_id, import_id):
        raise JobNotFoundError
    await audit.record(tx, actor, "upload.retry", import_id, {})
    tx.wakes(UPLOADS_DUE, actor.account_id)


async def delete_old_reports(tx: Tx, account_id: AccountId, before: datetime) -> bool:
    """Delete reports of uploads that were accepted before a moment; True when there may be more of them."""
    gone = await tx.fetch(SQL["delete_old_reports"], account_id, first_uuid_of(before), _SWEPT_AT_ONCE)
    return len(gone) == _SWEPT_AT_ONCE


async def release_uploads(tx: Tx, uploads: Sequence[ClaimedUpload]) -> None:
    """Give back uploads that were claimed and not begun; it doesn't count as an attempt."""
    for upload in uploads:
        await tx.execute(SQL["release_upload"], upload.actor.account_id, upload.import_id, upload.attempt)
