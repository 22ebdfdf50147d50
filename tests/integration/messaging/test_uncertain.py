"""Messages whose outcome is unknown: when they are submitted again, and when never."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from tests.integration.messaging.sandbox import Sandbox

from carillon.carriers.contract import Outcome, OutgoingMessage
from carillon.carriers.simulator.carrier import Simulator
from carillon.kit.clock import FixedClock
from carillon.kit.traffic import TrafficClass
from carillon.messaging.plan import UNCERTAIN_WAIT

# The simulated network takes it, and its answer is lost.
LOST, OTHER = "34600009909", "34600000002"
LEASE = timedelta(seconds=15)


class HangingNetwork(Simulator):
    """Takes one message at once, and never answers for those that it `hangs` with."""

    def __init__(self, inbox: Any) -> None:
        super().__init__(0, {"window": "1"}, inbox)
        self.taken: Counter[str] = Counter()
        self.hangs: str | None = None
        self.hanging = asyncio.Event()

    async def submit(self, messages: Sequence[OutgoingMessage]) -> list[Outcome]:
        self.taken.update(one.address for one in messages)
        if any(one.address == self.hangs for one in messages):
            self.hanging.set()
            await asyncio.Event().wait()
        return await super().submit(messages)


async def die_with(sandbox: Sandbox, network: HangingNetwork, address: str, performer: int) -> None:
    """Let a process die while the network has a message."""
    network.hangs = address
    turn = asyncio.create_task(sandbox.performers[performer].turn(sandbox.actor.account_id, asyncio.Event()))
    await network.hanging.wait()
    turn.cancel()
    with suppress(asyncio.CancelledError):
        await turn
    network.hangs = None


@pytest.mark.parametrize("traffic_class", TrafficClass)
async def test_an_uncertain_message_has_its_whole_wait_also_when_the_rest_of_its_chunk_is_taken_over(
    sandbox: Sandbox, clock: FixedClock, traffic_class: TrafficClass
) -> None:
    network = HangingNetwork(sandbox.inbox)
    sandbox.held.carriers[0] = network
    await sandbox.send(LOST, OTHER, traffic_class=traffic_class)
    await die_with(sandbox, network, OTHER, traffic_class - 1)
    assert await sandbox.states() == {LOST: "uncertain", OTHER: "waiting"}
    clock.moment += LEASE
    for performer in sandbox.performers[:3]:
        await performer.turn(sandbox.actor.account_id, asyncio.Event())
    assert await sandbox.states() == {LOST: "uncertain", OTHER: "uncertain"}
    assert network.taken == {LOST: 1, OTHER: 1}
    clock.moment += UNCERTAIN_WAIT
    for performer in sandbox.performers[:3]:
        await performer.turn(sandbox.actor.account_id, asyncio.Event())
    times = 2 if traffic_class.is_repeated_when_lost else 1
    assert network.taken == {LOST: times, OTHER: times}


async def test_a_carrier_that_loses_every_answer_gets_a_message_less_and_less_often(
    sandbox: Sandbox, clock: FixedClock
) -> None:
    network = HangingNetwork(sandbox.inbox)
    sandbox.held.carriers[0] = network
    await sandbox.send(LOST, traffic_class=TrafficClass.OTP)
    times = []
    for _ in range(4 * 60):
        await sandbox.performers[0].turn(sandbox.actor.account_id, asyncio.Event())
        times.append(network.taken[LOST])
        clock.moment += timedelta(minutes=1)
    assert [times[minute] for minute in (0, 1, 2, 4, 8, 60)] == [1, 2, 3, 4, 5, 7]
    assert times[-1] < 12
