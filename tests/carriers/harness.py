"""What the contract's tests need of each kind of carrier: the carrier, and a peer that does what a test asks of it."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from enum import Enum, auto
from typing import ClassVar

from tests.carriers.pieces import KeepingInbox

from carillon.carriers.contract import Carrier
from carillon.carriers.failures import Failure

REFUSED = "9904"
"""Numbers that end so are refused by every peer."""


class Ability(Enum):
    """What a peer can be made to do; tests of the others are skipped for it."""

    BE_DOWN = auto()
    WITHHOLD = auto()  # take messages and leave them without an answer
    SEND = auto()  # receipts and replies that have to be acknowledged


class Peer(ABC):
    """What a carrier submits to. `most_unanswered` and `taken` are counted at its side.

    A carrier whose peer withholds answers waits for them for `answer_seconds`.
    """

    abilities: ClassVar[frozenset[Ability]] = frozenset()
    refusal: ClassVar[Failure]
    answer_seconds: ClassVar[float] = 1.0

    def __init__(self, inbox: KeepingInbox) -> None:
        self.inbox = inbox
        self.carrier: Carrier
        self.unanswered = 0
        self.most_unanswered = 0
        self.taken: list[str] = []  # the addresses, in order
        self.gate = asyncio.Event()
        self.gate.set()

    async def answering(self, address: str) -> None:
        """Note a message, and wait until it may be answered; for subclasses."""
        self.taken.append(address)
        self.unanswered += 1
        self.most_unanswered = max(self.most_unanswered, self.unanswered)
        try:
            await self.gate.wait()
        finally:
            self.unanswered -= 1

    async def until_taken(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.taken) < count:  # noqa: ASYNC110 - the carrier's doing
                await asyncio.sleep(0.005)

    async def go_down(self) -> None:
        """End, and refuse connections."""
        raise NotImplementedError

    async def come_up(self) -> None:
        """Take connections again."""
        raise NotImplementedError

    async def send_receipt(self, reference: str, address: str) -> None:
        """Send a receipt of a delivery, and return when it is acknowledged."""
        raise NotImplementedError

    @abstractmethod
    def secrets(self) -> list[str]:
        """List what must be in no log and no repr."""


OpenPeer = Callable[[KeepingInbox], AbstractAsyncContextManager[Peer]]


@asynccontextmanager
async def running(carrier: Carrier) -> AsyncIterator[asyncio.Event]:
    """Run a carrier until the end of the block, or until the event is set."""
    stopping = asyncio.Event()
    task = asyncio.create_task(carrier.run(stopping))
    try:
        async with asyncio.timeout(10):
            while not (carrier.is_up or task.done()):  # noqa: ASYNC110 - the carrier's doing
                await asyncio.sleep(0.005)
        yield stopping
    finally:
        stopping.set()
        async with asyncio.timeout(20):
            await task


async def until_up(carrier: Carrier) -> None:
    async with asyncio.timeout(30):
        while not carrier.is_up:  # noqa: ASYNC110 - the carrier's doing
            await asyncio.sleep(0.01)


def peers() -> Mapping[str, OpenPeer]:
    """The peers of all kinds, by name: a new kind is a line."""
    from tests.carriers.http_peer import open_http_peer  # noqa: PLC0415 - they import this module
    from tests.carriers.simulator_peer import open_simulator_peer  # noqa: PLC0415
    from tests.carriers.smpp_peer import open_smpp_peer  # noqa: PLC0415

    return {"simulator": open_simulator_peer, "http": open_http_peer, "smpp": open_smpp_peer}
