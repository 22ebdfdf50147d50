"""Materialising: the recipients that a sending was accepted with are written into the ledger, slice by slice.

The members of groups are added to them first, as of one moment.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId, AudienceId
from carillon.kit.traffic import TrafficClass
from carillon.messaging.materialisation import (
    MATERIALISATIONS_DUE,
    ClaimedSending,
    hold_materialisation,
    members_of,
    read_request,
)
from carillon.messaging.members import add_members
from carillon.messaging.options import read_content, read_fallback
from carillon.messaging.sendings import Send
from carillon.messaging.slices import write_slices
from carillon.text.placeholders import PlaceholderStyle
from carillon.workers.leases import valid_leases

SQL = load_statements("carillon.messaging", "materialise.sql")

_LEASE = timedelta(seconds=10)


class MaterialiseWorker:
    """Writes the messages of sendings to groups and to many (`workers.shape.Worker`)."""

    name = "materialise"
    topic = MATERIALISATIONS_DUE
    lease = _LEASE
    max_attempts = 1_000_000
    turn = 1
    concurrency = 2
    keeps_order = False

    async def due_accounts(self, tx: Tx) -> Sequence[AccountId]:
        """List the accounts that have sendings to materialise."""
        rows = await tx.fetch(SQL["accounts_with_materialisations"], *valid_leases(tx))
        return [AccountId(row["account_id"]) for row in rows]

    async def claim(self, db: Database, account_id: AccountId, limit: int) -> Sequence[ClaimedSending]:
        """Take a sending."""
        del limit
        return await db.run(_claim, account_id)

    async def renew(self, tx: Tx, held: Sequence[ClaimedSending]) -> None:
        """Extend the lease."""
        for work in held:
            await _lease(tx, work, tx.real_now + _LEASE)

    async def prepare(self, db: Database, work: ClaimedSending) -> Send:
        """Read the request."""
        return await db.read(_command, work)

    async def perform(self, db: Database, work: ClaimedSending, prepared: Send) -> int | None:
        """Write some slices, and let the sending go where there are more; another one has its turn then."""
        recipients = work.recipients
        if not work.is_taken:
            taken = await db.run(_take_snapshot, work)
            if taken is None:
                return None
            recipients = taken
        written = await write_slices(db, work, prepared, recipients)
        if written is not None and work.position + written < recipients:
            await db.run(_lease, work, None)
        return written

    async def reschedule(self, tx: Tx, work: ClaimedSending, *, counts: bool) -> None:
        """Leave it until its lease ends."""
        del counts
        await _lease(tx, work, tx.real_now + _LEASE)

    async def fail(self, tx: Tx, work: ClaimedSending) -> None:
        """Leave it until its lease ends: nobody is lost."""
        await _lease(tx, work, tx.real_now + _LEASE)

    async def release(self, tx: Tx, held: Sequence[ClaimedSending]) -> None:
        """Let it go."""
        for work in held:
            await _lease(tx, work, None)


async def _claim(tx: Tx, account_id: AccountId) -> list[ClaimedSending]:
    now = tx.real_now
    row = await tx.fetchrow(SQL["claim_materialisation"], account_id, *valid_leases(tx), now + _LEASE)
    if row is None:
        return []
    offset: timedelta = row["clock_offset"]
    actor = Actor(
        account_id=account_id,
        audience_id=AudienceId(row["audience_id"]),
        name="materialise",
        source="worker",
        country="",
        clock_offset=offset,
    )
    return [
        ClaimedSending(
            account_id=account_id,
            clock_offset=offset,
            work_id=row["sending_id"],
            attempt=row["claims"],
            due_at=now,
            actor=actor,
            request=read_request(row["request"]),
            is_taken=row["snapshot_at"] is not None,
            recipients=row["recipients"],
            position=row["position"],
        )
    ]


async def _lease(tx: Tx, work: ClaimedSending, until: datetime | None) -> None:
    await tx.execute(SQL["lease_materialisation"], work.account_id, work.work_id, work.attempt, until)


async def _command(tx: Tx, work: ClaimedSending) -> Send:
    row = await tx.fetchrow(SQL["sending"], work.account_id, work.work_id)
    if row is None:
        raise AssertionError("a sending is there as long as its recipients")  # both go with their day
    request = work.request
    return Send(
        channel=row["channel"],
        traffic_class=TrafficClass(row["traffic_class"]),
        sender=row["sender"],
        text=row["text"],
        placeholders=PlaceholderStyle[request.placeholders] if request.placeholders else None,
        encodings=request.encodings,
        replaces_typographic=request.replaces_typographic,
        max_parts=request.max_parts,
        per_second=row["per_second"],
        # What is twice among those who were named is marked already.
        allows_duplicates=True,
        ignores_suppressions=request.ignores_suppressions,
        numbered=request.numbered,
        content=read_content(row["content"]),
        fallback=read_fallback(row["fallback"]),
    )


async def _take_snapshot(tx: Tx, work: ClaimedSending) -> int | None:
    """Add the members of groups to the recipients, and return how many these are; None where it is another's work."""
    held = await hold_materialisation(tx, work)
    if held is None:
        return None
    command = members_of(work.request, work.work_id, held["recipients"])
    recipients: int = held["recipients"] + await add_members(tx, work.actor, command)
    await tx.execute(SQL["snapshot_taken"], work.account_id, work.work_id, tx.now, recipients)
    return recipients
