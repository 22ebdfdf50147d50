"""The queue of uploads: claims, leases, retries and failures.

An account's uploads are processed one at a time and in their order, whatever number of processes claims them, on one
server or on a cluster; no other row is locked for it (docs/adr/0023).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec
from asyncpg import Record

from carillon.audience.locks import UPLOAD_WRITTEN
from carillon.audience.suppressions import Channel
from carillon.audience.uploads.consent_fields import ConsentFields
from carillon.audience.upsert.rows import RowError
from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId, AudienceId
from carillon.workers.leases import valid_leases
from carillon.workers.shape import Claimed

SQL = load_statements("carillon.audience.uploads", "queue.sql")

UPLOADS_DUE = "uploads_due"
"""The topic of accepted uploads; its keys are their accounts."""

MAX_ATTEMPTS = 5
# Renewed while the work goes on, so it has to outlast only a stall; so long wait an account's callers after a crash.
LEASE = timedelta(seconds=6)

_encode = msgspec.json.Encoder().encode
_decode_consent_fields = msgspec.json.Decoder(dict[str, tuple[str, Channel]]).decode
_NOT_WRITTEN = RowError(
    0, "row", "not_written", "", "The rows could not be written. They are kept; the operator can try again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedUpload(Claimed):
    """An upload that this process holds; `work_id` is its import's id."""

    actor: Actor
    payload: bytes = field(repr=False)
    consent_fields: ConsentFields = field(default_factory=dict)


async def accounts_with_uploads(tx: Tx) -> list[AccountId]:
    """List the accounts that have uploads to claim."""
    return [AccountId(row["account_id"]) for row in await tx.fetch(SQL["accounts_with_uploads"], *valid_leases(tx))]


async def claim_uploads(db: Database, account_id: AccountId, limit: int) -> list[ClaimedUpload]:
    """Take the account's oldest uploads, in their order, unless another process holds uploads of the account.

    Claims at the same time meet at the oldest upload's row. One that is committed just now may be older still, and be
    claimed by another process before this claim is committed. So a claim is looked at once more when it is committed:
    it is released where another process holds a lease, or an older upload isn't among it. Of two claims the one that is
    committed later sees the other, so never do both stand.
    """
    held = await db.run(_claim, account_id, limit)
    if not held or not (await db.read(_is_contested, held)):
        return held
    await db.run(release_uploads, held)
    return []


async def _claim(tx: Tx, account_id: AccountId, limit: int) -> list[ClaimedUpload]:
    if not await tx.fetchval(SQL["lock_oldest"], account_id, *valid_leases(tx)):
        return []
    # A statement of its own: it sees what was committed before the lock.
    now, latest = valid_leases(tx)
    rows = await tx.fetch(SQL["claim_uploads"], account_id, now, now + LEASE, limit, latest)
    return sorted(map(_claimed, rows), key=lambda upload: upload.work_id)


def _claimed(row: Record) -> ClaimedUpload:
    actor = Actor(
        account_id=AccountId(row["account_id"]),
        audience_id=AudienceId(row["audience_id"]),
        name=row["actor"],
        source=row["source"],
        country=row["country"],
        clock_offset=row["clock_offset"],
    )
    return ClaimedUpload(
        account_id=actor.account_id,
        clock_offset=actor.clock_offset,
        work_id=row["import_id"],
        attempt=row["attempts"],
        due_at=row["leased_before"] or row["created_at"] - actor.clock_offset,
        actor=actor,
        payload=row["payload"],
        consent_fields=_decode_consent_fields(row["consent_fields"] or "{}"),
    )


async def _is_contested(tx: Tx, held: Sequence[ClaimedUpload]) -> bool:
    now, latest = valid_leases(tx)
    places = (held[0].account_id, _ids(held), now, held[-1].work_id, latest)
    return bool(await tx.fetchval(SQL["is_contested"], *places))


def _ids(held: Sequence[ClaimedUpload]) -> list[object]:
    return [upload.work_id for upload in held]


async def renew_leases(tx: Tx, held: Sequence[ClaimedUpload]) -> None:
    """Hold uploads of one account, claimed together, for as long again; finished ones stay as they are."""
    attempts = [upload.attempt for upload in held]
    await tx.execute(SQL["renew_leases"], held[0].account_id, _ids(held), attempts, tx.real_now + LEASE)


async def reschedule_upload(tx: Tx, upload: ClaimedUpload, *, counts: bool) -> None:
    """Reschedule an upload that couldn't be written; `counts` says whether it was an attempt."""
    due_at = tx.real_now + timedelta(seconds=2 ** min(upload.attempt, MAX_ATTEMPTS))
    await tx.execute(SQL["reschedule_upload"], upload.account_id, upload.work_id, upload.attempt, due_at, int(counts))


async def fail_upload(tx: Tx, upload: ClaimedUpload) -> None:
    """Stop trying; the report says so, the rows are kept, and `retry_upload` begins again."""
    errors = _encode([_NOT_WRITTEN]).decode()
    await tx.execute(SQL["fail_upload"], upload.account_id, upload.work_id, upload.attempt, tx.now, errors)
    tx.wakes(UPLOAD_WRITTEN, upload.work_id)


async def release_uploads(tx: Tx, held: Sequence[ClaimedUpload]) -> None:
    """Release uploads that were claimed and not begun; it doesn't count as an attempt."""
    attempts = [upload.attempt for upload in held]
    await tx.execute(SQL["release_uploads"], held[0].account_id, _ids(held), attempts)
