"""Callbacks and processes that die, stall or run beside each other: told at least once, and never out of order."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.integration.receiving import (
    FORMAT,
    all_ended,
    append,
    due,
    endpoint,
    receiving,
    states,
    telling,
    until,
)
from tests.support import Tenant

from carillon.db.database import Database
from carillon.events.queue import LEASE, Ended, LostLeaseError, claim_endpoints, end_endpoint, record_callbacks
from carillon.kit.clock import FixedClock, SystemClock

CHILD = """
import asyncio, sys
from tests.integration.receiving import telling
from carillon.db.database import Database

async def main():
    db = await Database.connect(sys.argv[1])
    async with telling(db):
        await asyncio.sleep(60)

asyncio.run(main())
"""
ROOT = Path(__file__).parents[2]


class AheadClock:
    """The real time, and a minute: leases that a dead process has left are over."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(minutes=1)


@pytest.fixture
async def later_db(own_dsn: str) -> AsyncIterator[Database]:
    database = await Database.connect(own_dsn, clock=AheadClock(), size=8)
    yield database
    await database.close()


async def test_what_a_killed_process_has_not_recorded_is_reported_again_from_there_on(
    own_dsn: str, db: Database, account: Tenant, later_db: Database
) -> None:
    db.clock = SystemClock()
    count = 400
    async with receiving(delay=0.001) as receiver:
        url = await endpoint(db, account, receiver.url)
        await append(db, account, url, *["delivered"] * count)
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", CHILD, own_dsn, cwd=ROOT)
        try:
            await until(lambda: len(receiver.received) > 130)
        finally:
            os.kill(child.pid, signal.SIGKILL)
            await child.wait()
        await asyncio.sleep(0.1)
        before = [one for (one,) in receiver.received]
        async with telling(later_db):
            await until(lambda: all_ended(db))
    after = [one for (one,) in receiver.received[len(before) :]]
    assert before == list(range(1, len(before) + 1))
    assert after == list(range(after[0], count + 1))
    assert len(before) - 60 < after[0] <= len(before) + 1
    assert {state[1:] for state in await states(db)} == {("delivered", 1, 200)}


async def test_processes_beside_each_other_tell_one_endpoint_in_order_and_each_callback_once(
    db: Database, account: Tenant, own_dsn: str
) -> None:
    db.clock = SystemClock()
    second = await Database.connect(own_dsn, size=8)
    try:
        async with receiving() as receiver, telling(db), telling(second):
            url = await endpoint(db, account, receiver.url)

            async def write(pause: float) -> None:
                for _ in range(40):
                    await append(db, account, url, "delivered", "delivered")
                    await asyncio.sleep(pause)

            async with asyncio.TaskGroup() as tasks:
                for pause in (0, 0.001, 0.005, 0.01):
                    tasks.create_task(write(pause))
            await until(lambda: len(receiver.received) >= 320)
            await until(lambda: all_ended(db))
    finally:
        await second.close()
    assert receiver.received == [[n] for n in range(1, 321)]


async def test_a_process_that_stalled_records_nothing_when_another_has_claimed_since(
    db: Database, account: Tenant, clock: FixedClock
) -> None:
    await append(db, account, await endpoint(db, account, "https://a.example/"), "delivered")
    stalled = await db.run(claim_endpoints, account.account_id, ["test"], 5)
    assert stalled is not None
    assert await db.run(claim_endpoints, account.account_id, ["test"], 5) is None
    clock.moment += LEASE + timedelta(seconds=1)
    other = await db.run(claim_endpoints, account.account_id, ["test"], 5)
    assert other is not None
    (mine,) = stalled.endpoints.values()
    ended = [Ended(callback_id=stalled.work_id, state="delivered", attempts=1)]
    with pytest.raises(LostLeaseError):
        await db.run(record_callbacks, stalled.actor, mine, ended)
    assert not await db.run(end_endpoint, stalled.actor, mine)
    assert await states(db) == [(1, "waiting", 0, None)]


async def test_an_endpoint_does_not_end_while_somebody_appends(db: Database, account: Tenant) -> None:
    url = await endpoint(db, account, "https://a.example/")
    await append(db, account, url, "delivered")
    held = await db.run(claim_endpoints, account.account_id, ["test"], 5)
    assert held is not None
    (mine,) = held.endpoints.values()
    assert not await db.run(end_endpoint, held.actor, mine), "something waits"
    await db.run(record_callbacks, held.actor, mine, [await ended_of(db)])
    async with db.transaction(account.actor) as tx:
        await tx.fetch("SELECT last FROM event_sequence WHERE account_id = $1 FOR UPDATE", account.account_id)
        assert not await db.run(end_endpoint, held.actor, mine)
    assert await db.run(end_endpoint, held.actor, mine)
    assert await due(db) == [(None, 0)]


async def ended_of(db: Database) -> Ended:
    async with db.transaction() as tx:
        callback_id = await tx.fetchval("SELECT callback_id FROM callback")
    return Ended(callback_id=callback_id, state="delivered", attempts=1, http_status=200)


def test_a_call_takes_less_than_half_of_a_lease() -> None:
    assert timedelta(seconds=FORMAT.timeout_seconds) * 2 <= LEASE
