"""The carriers of a process as dispatch sees them: those that run, their rates and their health."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from carillon.carriers.contract import Accepted, Carrier, Outcome
from carillon.kit.traffic import TrafficClass
from carillon.routing.health import Health
from carillon.routing.running import RunningCarriers

# Longer than most answers take: while they are waited for, a rate is not used.
_SLICE_SECONDS = 2.0


class ProcessCarriers:
    """`dispatch.Carriers` of a process."""

    def __init__(self, running: RunningCarriers, health: Health) -> None:
        self._running = running
        self._health = health

    def ids(self) -> Sequence[int]:
        """Return those that run here, and those that are paused or deleted: their messages go to others."""
        return self._running.claimable()

    def get(self, carrier_id: int) -> Carrier | None:
        """Return one that runs here."""
        return self._running.get(carrier_id)

    def most_at_once(self, carrier_id: int) -> int | None:
        """Return how many messages its rates let a carrier have in a moment; None where there are no rates."""
        return self._running.rates.within(carrier_id, _SLICE_SECONDS)

    async def acquire(self, carrier_id: int, sender: str, traffic_class: TrafficClass, messages: int) -> None:
        """Wait until the rates of a carrier and a sender allow so many messages."""
        left = messages
        while left > 0:
            grant = self._running.rates.take(carrier_id, sender, traffic_class, left)
            left -= grant.count
            if left > 0:
                await asyncio.sleep(grant.wait_seconds or 0.01)

    def throttled(self, carrier_id: int, pause: timedelta) -> None:
        """Leave a carrier alone that has said that it gets too much."""
        self._running.rates.throttled(carrier_id, pause.total_seconds())

    def answered(self, carrier_id: int, addresses: Sequence[str], outcomes: Sequence[Outcome], seconds: float) -> None:
        """Note how a carrier answered."""
        self._health.submitted(carrier_id, addresses, outcomes, seconds=seconds)
        if any(isinstance(one, Accepted) for one in outcomes):
            self._running.rates.accepted(carrier_id)
