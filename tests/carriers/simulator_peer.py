"""The simulator, which is its own peer: it is never down, and answers at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.carriers.harness import Peer, running
from tests.carriers.pieces import CARRIER_ID, KeepingInbox

from carillon.carriers.failures import Failure
from carillon.carriers.registry import CarrierConfig, Surroundings, make_carrier


class SimulatorPeer(Peer):
    refusal = Failure.UNKNOWN_SUBSCRIBER

    def secrets(self) -> list[str]:
        return []


@asynccontextmanager
async def open_simulator_peer(inbox: KeepingInbox) -> AsyncIterator[Peer]:
    peer = SimulatorPeer(inbox)
    config = CarrierConfig(carrier_id=CARRIER_ID, kind="simulator", url="", options={"window": "3"})
    peer.carrier = make_carrier(config, Surroundings(inbox=inbox))
    async with running(peer.carrier):
        yield peer
