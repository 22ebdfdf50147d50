"""The worker of uploads."""

import asyncio
from collections.abc import Sequence
from functools import partial

import msgspec

from carillon.audience.fields import field_kinds
from carillon.audience.locks import UPLOAD_WRITTEN, lock_audience
from carillon.audience.suppressions import Channel, unsubscribe_addresses
from carillon.audience.uploads.accept import write_upload
from carillon.audience.uploads.payload import ReadUpload, read_payload
from carillon.audience.uploads.queue import (
    LEASE,
    MAX_ATTEMPTS,
    UPLOADS_DUE,
    ClaimedUpload,
    accounts_with_uploads,
    claim_uploads,
    fail_upload,
    release_uploads,
    renew_leases,
    reschedule_upload,
)
from carillon.audience.uploads.report import report_columns
from carillon.audience.upsert.optimistic import OptimisticInserts
from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.errors import NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId

SQL = load_statements("carillon.audience.uploads", "work.sql")

_decode_unsubscribed = msgspec.json.Decoder(dict[Channel, list[str]]).decode


class UploadWorker:
    """Writes queued uploads (`workers.shape.Worker`): the next ones are parsed in threads while one is written."""

    name = "uploads"
    topic = UPLOADS_DUE
    lease = LEASE
    max_attempts = MAX_ATTEMPTS
    turn = 8
    # An upload that waits for its audience's lock holds up no other account. More would take processor time and
    # connections from callers.
    concurrency = 2
    keeps_order = True

    async def due_accounts(self, tx: Tx) -> Sequence[AccountId]:
        """List the accounts that have uploads to claim."""
        return await accounts_with_uploads(tx)

    async def claim(self, db: Database, account_id: AccountId, limit: int) -> Sequence[ClaimedUpload]:
        """Take the account's oldest uploads."""
        return await claim_uploads(db, account_id, limit)

    async def renew(self, tx: Tx, held: Sequence[ClaimedUpload]) -> None:
        """Extend leases."""
        await renew_leases(tx, held)

    async def prepare(self, db: Database, work: ClaimedUpload) -> ReadUpload:
        """Parse an upload's rows."""
        kinds = await db.read(field_kinds, work.actor)
        return await asyncio.to_thread(read_payload, work.actor, work.payload, kinds, work.consent_fields)

    async def perform(self, db: Database, work: ClaimedUpload, prepared: ReadUpload) -> int | None:
        """Write an upload, and return the number of its rows."""
        optimistic = db.process_state(OptimisticInserts).of(work.actor)
        process = partial(db.run_at_once, process_upload, work.actor, work, prepared)
        matched_none = await optimistic.write(process)
        if matched_none is None:
            return None
        optimistic.record(matched_none=matched_none)
        return prepared.batch.size

    async def reschedule(self, tx: Tx, work: ClaimedUpload, *, counts: bool) -> None:
        """Reschedule an upload."""
        await reschedule_upload(tx, work, counts=counts)

    async def fail(self, tx: Tx, work: ClaimedUpload) -> None:
        """Stop trying."""
        await fail_upload(tx, work)

    async def release(self, tx: Tx, held: Sequence[ClaimedUpload]) -> None:
        """Release uploads that are not begun."""
        await release_uploads(tx, held)


async def process_upload(
    tx: Tx, actor: Actor, upload: ClaimedUpload, read: ReadUpload, *, expect_new: bool = False
) -> bool | None:
    """Write an upload's contacts and its report together; `expect_new` is `upsert`'s. Returns its `matched_none`.

    Does nothing, and returns None, when the lease ended and another process has taken the upload over, or when the
    audience is gone. The audience is locked first, as by who deletes it, and rows are read again whose fields have
    changed since they were read. Addresses that were unsubscribed in all audiences after the upload was accepted
    (docs/adr/0024) are so when its contacts are written.
    """
    try:
        await lock_audience(tx, actor, after_uploads=False)
    except NotFoundError:
        return None
    held = await tx.fetchrow(SQL["hold_upload"], actor.account_id, upload.work_id, upload.attempt)
    if held is None:
        return None
    if read.policy is not None and (kinds := await field_kinds(tx, actor)) != read.kinds:
        read = await asyncio.to_thread(read_payload, actor, upload.payload, kinds, upload.consent_fields)
    report, matched_none = await write_upload(tx, actor, read, expect_new=expect_new)
    for channel, addresses in _decode_unsubscribed(held["unsubscribed"] or "{}").items():
        await unsubscribe_addresses(tx, actor, channel, addresses)
    await tx.execute(SQL["finish_upload"], actor.account_id, upload.work_id, tx.now, *report_columns(report))
    tx.wakes(UPLOAD_WRITTEN, upload.work_id)
    return matched_none
