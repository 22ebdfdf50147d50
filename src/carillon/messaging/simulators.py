"""The simulators alone, for who works on sandbox accounts beside a server, or without one."""

from collections.abc import Sequence
from datetime import timedelta

from carillon.carriers.contract import Carrier, Inbox, Outcome
from carillon.carriers.simulator.carrier import Simulator
from carillon.kit.traffic import TrafficClass
from carillon.routing.choice import BUILT_IN_SIMULATOR


class SimulatorsAlone:
    """`dispatch.Carriers` with nothing but the built-in simulator, which has no rates."""

    def __init__(self, inbox: Inbox) -> None:
        self._simulator = Simulator(BUILT_IN_SIMULATOR, {}, inbox)

    def ids(self) -> Sequence[int]:
        """Return its id."""
        return [BUILT_IN_SIMULATOR]

    def get(self, carrier_id: int) -> Carrier | None:
        """Return it."""
        return self._simulator if carrier_id == BUILT_IN_SIMULATOR else None

    def most_at_once(self, carrier_id: int) -> int | None:
        """Return None: it has no rates."""

    async def acquire(self, carrier_id: int, sender: str, traffic_class: TrafficClass, messages: int) -> None:
        """Wait for nothing."""

    def throttled(self, carrier_id: int, pause: timedelta) -> None:
        """Slow nothing down: the messages themselves are due later."""

    def answered(self, carrier_id: int, addresses: Sequence[str], outcomes: Sequence[Outcome], seconds: float) -> None:
        """Note nothing."""
