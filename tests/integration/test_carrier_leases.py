"""Processes share a carrier's connections, also when one of them is killed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import UUID

import pytest

from carillon.db.database import Database, Tx
from carillon.kit.clock import FixedClock
from carillon.routing.leases import LEASE, Holding, HoldSlots, hold_slots, release_slots

CARRIER = 5
A, B, C = UUID(int=1), UUID(int=2), UUID(int=3)


async def call(db: Database, holder: UUID, slots: int = 4, *, carrier: int = CARRIER) -> Holding:
    held = await db.run(hold_slots, HoldSlots(holder=holder, wanted={carrier: slots}))
    return held[carrier]


async def settle(db: Database, *holders: UUID, slots: int = 4) -> dict[UUID, list[int]]:
    """Let each call until nothing changes any more."""
    for _ in range(4):
        held = {holder: await call(db, holder, slots) for holder in holders}
    return {holder: list(one.slots) for holder, one in held.items()}


async def test_a_single_process_has_all_slots_at_its_second_call(db: Database) -> None:
    assert await call(db, A) == Holding(slots=[], share=0.0)
    assert await call(db, A) == Holding(slots=[0, 1, 2, 3], share=1.0)


async def test_a_process_that_comes_gets_its_part_and_one_that_goes_leaves_it(db: Database) -> None:
    assert await settle(db, A) == {A: [0, 1, 2, 3]}
    assert await settle(db, A, B) == {A: [0, 1], B: [2, 3]}
    held = await settle(db, A, B, C)
    assert sorted(map(len, held.values())) == [1, 1, 2]
    assert sorted(slot for slots in held.values() for slot in slots) == [0, 1, 2, 3]
    await db.run(release_slots, A)
    held = await settle(db, B, C)
    assert {holder: len(slots) for holder, slots in held.items()} == {B: 2, C: 2}


async def test_a_lease_is_kept_while_its_connection_is_open(db: Database) -> None:
    await settle(db, A)
    command = HoldSlots(holder=A, wanted={CARRIER: 4}, in_use={CARRIER: 4})
    for _ in range(3):
        assert (await call(db, B)).slots == []
        assert (await db.run(hold_slots, command))[CARRIER] == Holding(slots=[0, 1], share=0.5)
    unwanted = HoldSlots(holder=A, wanted={CARRIER: 0}, in_use={CARRIER: 3})
    assert (await db.run(hold_slots, unwanted))[CARRIER].slots == []
    assert (await call(db, B)).slots == [3]
    await db.run(hold_slots, HoldSlots(holder=A, wanted={}))
    await call(db, B)
    assert (await call(db, B)).slots == [0, 1, 2, 3]


async def test_more_processes_than_slots_leave_some_without(db: Database) -> None:
    held = await settle(db, A, B, C, slots=2)
    assert {holder: len(slots) for holder, slots in held.items()} == {A: 1, B: 1, C: 0}
    await db.run(release_slots, A)
    assert {holder: len(slots) for holder, slots in (await settle(db, B, C, slots=2)).items()} == {B: 1, C: 1}


async def test_a_killed_process_is_over_when_its_leases_end(db: Database, clock: FixedClock) -> None:
    await settle(db, A, B)
    clock.moment += LEASE - timedelta(seconds=1)
    assert (await settle(db, B))[B] == [2, 3]
    clock.moment += timedelta(seconds=2)
    assert (await settle(db, B))[B] == [0, 1, 2, 3]
    # It was only stopped for a while: what it held is another's, and it gets its part again.
    held = await settle(db, A, B)
    assert sorted(map(len, held.values())) == [2, 2]
    assert set(held[A]).isdisjoint(held[B])


async def test_an_own_lease_that_ended_and_that_nobody_took_is_held_again(db: Database, clock: FixedClock) -> None:
    await settle(db, A)
    clock.moment += 10 * LEASE
    assert await call(db, A) == Holding(slots=[0, 1, 2, 3], share=1.0)


async def test_leases_from_before_the_clock_was_set_back_are_over(db: Database, clock: FixedClock) -> None:
    await settle(db, A)
    clock.moment -= timedelta(days=1)
    assert (await settle(db, B))[B] == [0, 1, 2, 3]


async def test_a_carrier_without_slots_is_shared_by_the_processes(db: Database) -> None:
    for holder in (A, B, A, B):
        held = await call(db, holder, 0)
    assert held == Holding(slots=[], share=0.5)


async def test_leases_of_carriers_that_are_wanted_no_more_are_released(db: Database) -> None:
    await settle(db, A)
    await call(db, A, carrier=9)
    rows = await db.read(Tx.fetch, "SELECT DISTINCT carrier_id FROM carrier_lease")
    assert [row["carrier_id"] for row in rows] == [9]
    assert await db.run(hold_slots, HoldSlots(holder=A, wanted={})) == {}
    assert await db.read(Tx.fetchval, "SELECT count(*) FROM carrier_lease") == 0


async def test_fewer_slots_than_before_are_released(db: Database) -> None:
    await settle(db, A)
    assert (await settle(db, A, slots=2))[A] == [0, 1]
    assert await db.read(Tx.fetchval, "SELECT count(*) FROM carrier_lease WHERE slot >= 0") == 2


@pytest.fixture
async def processes(dsn: str, clock: FixedClock) -> AsyncIterator[list[Database]]:
    """Pools of several processes."""
    async with AsyncExitStack() as stack:
        opened = [await Database.connect(dsn, clock=clock, size=3) for _ in range(4)]
        for one in opened:
            stack.push_async_callback(one.close)
        yield opened


async def test_no_slot_is_ever_held_by_two_processes_that_call_at_once(
    processes: list[Database], clock: FixedClock
) -> None:
    for round_number in range(20):
        held = await asyncio.gather(
            *(call(one, UUID(int=number), 7) for number, one in enumerate(processes[: 2 + round_number % 3], 1))
        )
        slots = [slot for one in held for slot in one.slots]
        assert len(slots) == len(set(slots))
        clock.moment += timedelta(seconds=1)
    for _ in range(4):
        held = [await call(one, UUID(int=number), 7) for number, one in enumerate(processes, 1)]
    assert sorted(len(one.slots) for one in held) == [1, 2, 2, 2]
