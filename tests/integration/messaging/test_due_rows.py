"""Workers whose work is due rows (`workers.leases`), shown by that of the simulated network."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from prometheus_client import CollectorRegistry
from tests.integration.messaging.sandbox import Sandbox

from carillon.carriers.contract import Later, Receipt, ReceiptState, Reply
from carillon.db.database import Database
from carillon.kit.clock import FixedClock
from carillon.messaging.simulated import SimulatedWorker, keep_for_later
from carillon.metrics import WorkMetrics
from carillon.workers.performer import Performer, Turn


class Failing:
    """An inbox that takes nothing while it fails."""

    def __init__(self) -> None:
        self.is_failing = True
        self.taken: list[str] = []

    async def take(self, carrier_id: int, received: Sequence[Receipt | Reply]) -> None:  # noqa: ARG002 - the contract's
        if self.is_failing:
            raise OSError
        self.taken += [one.reference for one in received if isinstance(one, Receipt)]


class Network:
    """What a simulated network will do for an account, and the worker that does it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.db, self.actor = sandbox.db, sandbox.actor
        self.inbox = Failing()
        self.worker = SimulatedWorker(self.inbox)
        self.performer = Performer(self.db, self.worker, WorkMetrics(CollectorRegistry()))

    async def keep(self, *names: str, after: timedelta = timedelta()) -> None:
        receipts = [Receipt(reference=one, state=ReceiptState.DELIVERED) for one in names]
        await self.db.run(keep_for_later, self.actor, 0, [Later(after=after, inbound=one) for one in receipts])

    async def turn(self) -> Turn:
        return await self.performer.turn(self.actor.account_id, asyncio.Event())

    async def has_due(self) -> bool:
        return self.actor.account_id in await self.db.read(self.worker.due_accounts)


async def test_what_failed_waits_for_the_end_of_its_lease_and_holds_up_nothing(
    sandbox: Sandbox, clock: FixedClock
) -> None:
    network = Network(sandbox)
    await network.keep("first", "second")
    assert await network.turn() == Turn(claimed=1, done=0)
    assert await network.turn() == Turn(claimed=0, done=0)
    network.inbox.is_failing = False
    await network.keep("third")
    assert await network.turn() == Turn(claimed=1, done=1)
    clock.moment += timedelta(seconds=11)
    assert await network.turn() == Turn(claimed=1, done=1)
    assert network.inbox.taken == ["third", "first", "second"]
    assert not await network.has_due()


async def test_who_has_lost_a_lease_neither_extends_nor_ends_that_of_another(
    sandbox: Sandbox, db: Database, clock: FixedClock
) -> None:
    network = Network(sandbox)
    await network.keep("first")
    lost = await network.worker.claim(db, network.actor.account_id, 1)
    clock.moment += timedelta(seconds=11)
    held = await network.worker.claim(db, network.actor.account_id, 1)
    assert [one.work_id for one in held] == [one.work_id for one in lost]
    await db.run(network.worker.release, lost)
    assert not await network.has_due()
    clock.moment += timedelta(seconds=9)
    await db.run(network.worker.renew, lost)
    clock.moment += timedelta(seconds=2)
    assert await network.has_due()


async def test_what_is_not_begun_is_due_at_once(sandbox: Sandbox, db: Database) -> None:
    network = Network(sandbox)
    await network.keep("first")
    held = await network.worker.claim(db, network.actor.account_id, 1)
    assert not await network.has_due()
    await db.run(network.worker.release, held)
    assert await network.has_due()


async def test_a_lease_from_before_the_clock_was_set_back_is_over(
    sandbox: Sandbox, db: Database, clock: FixedClock
) -> None:
    network = Network(sandbox)
    await network.keep("first", after=-timedelta(hours=1))
    assert await network.worker.claim(db, network.actor.account_id, 1)
    clock.moment -= timedelta(minutes=2)
    assert await network.has_due()


async def test_what_is_due_longest_is_brought_first(sandbox: Sandbox, clock: FixedClock) -> None:
    network = Network(sandbox)
    await network.keep("later", after=timedelta(seconds=2))
    await network.keep("sooner", after=timedelta(seconds=1))
    assert not await network.has_due()
    network.inbox.is_failing = False
    clock.moment += timedelta(seconds=3)
    await network.turn()
    assert network.inbox.taken == ["sooner", "later"]
