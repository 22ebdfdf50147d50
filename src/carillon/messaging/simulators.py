"""The simulators alone, for who works on sandbox accounts beside a server, or without one."""

from collections.abc import Sequence
from datetime import timedelta

from carillon.carriers.contract import Carrier, Inbox, Outcome
from carillon.carriers.simulator.carrier import Simulator
from carillon.kit.traffic import TrafficClass
from carillon.routing.choice import BUILT_IN_SIMULATORS


class SimulatorsAlone:
    """`dispatch.Carriers` with nothing but the built-in simulators, which have no rates."""

    def __init__(self, inbox: Inbox) -> None:
        self._simulators = {one: Simulator(one, {}, inbox) for one in BUILT_IN_SIMULATORS.values()}

    def ids(self) -> Sequence[int]:
        """Return their ids."""
        return list(self._simulators)

    def get(self, carrier_id: int) -> Carrier | None:
        """Return one of them."""
        return self._simulators.get(carrier_id)

    def most_at_once(self, carrier_id: int) -> int | None:
        """Return None: they have no rates."""

    async def acquire(self, carrier_id: int, sender: str, traffic_class: TrafficClass, messages: int) -> None:
        """Wait for nothing."""

    def throttled(self, carrier_id: int, pause: timedelta) -> None:
        """Slow nothing down: the messages themselves are due later."""

    def answered(self, carrier_id: int, addresses: Sequence[str], outcomes: Sequence[Outcome], seconds: float) -> None:
        """Note nothing."""
