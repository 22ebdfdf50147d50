"""Claims of uploads: one process at a time works on an account's, in their order, and no other row is locked for it."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import UUID

import pytest
from tests.background import write_claimed
from tests.support import MOMENT, Tenant

from carillon.audience.uploads import queue
from carillon.audience.uploads.accept import AcceptUpload, accept_upload
from carillon.audience.uploads.queue import LEASE, claim_uploads, release_uploads, renew_leases
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database, Tx
from carillon.kit.clock import FixedClock

ROWS = AcceptUpload(rows=[ContactRow(phone="0521000001")])
PROCESSES, CLAIMERS, UPLOADS = 3, 5, 40


@pytest.fixture
async def processes(dsn: str, clock: FixedClock) -> AsyncIterator[list[Database]]:
    """Pools of several processes."""
    async with AsyncExitStack() as stack:
        opened = [await Database.connect(dsn, clock=clock, size=CLAIMERS + 1) for _ in range(PROCESSES)]
        for one in opened:
            stack.push_async_callback(one.close)
        yield opened


async def test_an_account_whose_uploads_are_held_has_none_to_claim(
    db: Database, account: Tenant, clock: FixedClock
) -> None:
    accepted = [await db.run(accept_upload, account.actor, ROWS) for _ in range(6)]
    held = await claim_uploads(db, account.account_id, 4)
    assert [upload.work_id for upload in held] == accepted[:4]
    assert await claim_uploads(db, account.account_id, 4) == []
    clock.moment += LEASE + timedelta(seconds=1)
    again = await claim_uploads(db, account.account_id, 6)
    assert [(upload.work_id, upload.attempt) for upload in again] == [
        *((one, 2) for one in accepted[:4]),
        *((one, 1) for one in accepted[4:]),
    ]


async def test_a_claim_is_made_while_the_account_itself_is_locked(db: Database, account: Tenant) -> None:
    await db.run(accept_upload, account.actor, ROWS)
    async with db.transaction() as tx:
        await tx.fetch("SELECT FROM account WHERE account_id = $1 FOR UPDATE", account.account_id)
        assert len(await claim_uploads(db, account.account_id, 4)) == 1


async def test_a_claim_beside_one_that_is_not_committed_takes_nothing(db: Database, account: Tenant) -> None:
    for _ in range(6):
        await db.run(accept_upload, account.actor, ROWS)
    async with db.transaction() as tx:
        assert len(await queue._claim(tx, account.account_id, 2)) == 2
        assert await claim_uploads(db, account.account_id, 2) == []


@pytest.mark.parametrize("by", [timedelta(days=1), timedelta(hours=-1)])
async def test_a_clock_that_is_set_breaks_neither_leases_nor_the_order(
    db: Database, account: Tenant, clock: FixedClock, by: timedelta
) -> None:
    accepted = [await db.run(accept_upload, account.actor, ROWS) for _ in range(3)]
    (held,) = await claim_uploads(db, account.account_id, 1)
    clock.moment += by
    accepted += [await db.run(accept_upload, account.actor, ROWS) for _ in range(3)]
    assert accepted == sorted(accepted)
    again = await claim_uploads(db, account.account_id, 8)  # the lease is over at once, not in an hour
    assert [upload.work_id for upload in again] == accepted
    await write_claimed(db, held)  # whoever held it writes nothing any more
    assert (
        await db.read(Tx.fetchval, "SELECT state FROM contact_import WHERE import_id = $1", held.work_id)
    ) == "running"
    await db.run(renew_leases, again)
    assert await claim_uploads(db, account.account_id, 8) == []


@pytest.mark.parametrize("limit", [1, 4])
async def test_of_two_claims_one_stands_where_an_older_upload_comes_between_them(
    db: Database, processes: list[Database], account: Tenant, clock: FixedClock, limit: int
) -> None:
    for _ in range(6):
        await db.run(accept_upload, account.actor, ROWS)
    async with db.transaction() as tx:
        first = await queue._claim(tx, account.account_id, 1)
        clock.moment -= timedelta(seconds=1)  # a process whose clock is behind
        older = await processes[0].run(accept_upload, account.actor, ROWS)
        clock.moment += timedelta(seconds=1)
        second = await claim_uploads(db, account.account_id, limit)
    # A claim of one takes the older upload, and stands; one of four would leave out what the first one has.
    assert [upload.work_id for upload in second] == ([older] if limit == 1 else [])
    assert await db.read(queue._is_contested, first)


async def test_a_process_that_was_taken_over_extends_and_releases_nothing(
    db: Database, account: Tenant, clock: FixedClock
) -> None:
    await db.run(accept_upload, account.actor, ROWS)
    lost = await claim_uploads(db, account.account_id, 1)
    clock.moment += LEASE + timedelta(seconds=1)
    (held,) = await claim_uploads(db, account.account_id, 1)
    clock.moment += LEASE - timedelta(seconds=1)
    await db.run(renew_leases, lost)
    await db.run(release_uploads, lost)
    clock.moment += timedelta(seconds=2)
    (taken,) = await claim_uploads(db, account.account_id, 1)
    assert (held.attempt, taken.attempt) == (2, 3)


class Ledger:
    """What is accepted, held and written, as the claimers of a test see it."""

    def __init__(self) -> None:
        self.accepted: set[UUID] = set()
        self.written: set[UUID] = set()
        self.holders = 0

    async def accept(self, db: Database, account: Tenant, clock: FixedClock, rng: random.Random) -> None:
        """Accept uploads by clocks that differ, so that many ids are older than those that are claimed just then."""
        for _ in range(UPLOADS):
            clock.moment = MOMENT + timedelta(milliseconds=rng.randrange(2_000))
            self.accepted.add(await db.run(accept_upload, account.actor, ROWS))
            await asyncio.sleep(rng.random() / 200)

    async def work(self, db: Database, account: Tenant, rng: random.Random) -> None:
        while len(self.written) < UPLOADS:
            before = set(self.accepted)
            held = await claim_uploads(db, account.account_id, rng.randint(1, 4))
            if not held:
                await asyncio.sleep(rng.random() / 500)
                continue
            self.holders += 1
            assert self.holders == 1
            ids = [upload.work_id for upload in held]
            assert {one for one in before if one < ids[-1]} <= {*ids, *self.written}
            for upload in held[: rng.randint(1, 4)]:
                assert await write_claimed(db, upload) is not None
                self.written.add(upload.work_id)
            left = [upload for upload in held if upload.work_id not in self.written]
            self.holders -= 1
            if left:
                await db.run(release_uploads, left)


async def test_many_claimers_at_once_never_hold_uploads_of_an_account_together_nor_out_of_order(
    processes: list[Database], account: Tenant, clock: FixedClock
) -> None:
    seed = random.randrange(10**6)  # noqa: S311 - sample work
    print(f"seed {seed}")  # shown when the test fails
    rng, ledger = random.Random(seed), Ledger()  # noqa: S311 - the same
    async with asyncio.timeout(120), asyncio.TaskGroup() as tasks:
        tasks.create_task(ledger.accept(processes[0], account, clock, rng))
        for one in processes:
            for _ in range(CLAIMERS):
                tasks.create_task(ledger.work(one, account, rng))
    assert ledger.written == ledger.accepted
