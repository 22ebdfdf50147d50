"""Receipts and replies on their way to the inbox: in batches, acknowledged only after it has taken them."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import structlog

from carillon.carriers.contract import Inbox, Receipt, Reply
from carillon.carriers.smpp.pdu import deliver_response
from carillon.carriers.smpp.statuses import ESME_RMSGQFUL, ESME_ROK, ESME_RX_T_APPN
from carillon.errors import UnavailableError

log = structlog.get_logger(__name__)

# What one call of the inbox takes at most, and how long the first of a batch waits for others.
MOST_AT_ONCE = 500
GATHER_SECONDS = 0.003
# Beyond these the SMSC is asked to come again: an inbox that is slow is not to fill the memory.
MOST_WAITING = 10_000


class Peer(Protocol):
    """Where answers are written."""

    def write(self, octets: bytes) -> None:
        """Write PDUs; on a connection that is closed, do nothing."""


class Unanswered(NamedTuple):
    """A deliver_sm or data_sm that has no answer yet: `command` is the answer's."""

    peer: Peer
    command: int
    sequence: int


def answer(unanswered: Iterable[Unanswered], status: int) -> None:
    """Answer PDUs, all of a connection in one write."""
    answers: defaultdict[Peer, list[bytes]] = defaultdict(list)
    for peer, command, sequence in unanswered:
        answers[peer].append(deliver_response(command, status, sequence))
    for peer, octets in answers.items():
        peer.write(b"".join(octets))


_Delivery = tuple[Receipt | Reply, tuple[Unanswered, ...]]


class Deliveries:
    """Hands over what binds of one carrier receive: one call of the inbox at a time, so that more gather meanwhile."""

    def __init__(self, carrier_id: int, inbox: Inbox) -> None:
        self._carrier_id = carrier_id
        self._inbox = inbox
        self._waiting: list[_Delivery] = []
        self._full = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def add(self, received: Receipt | Reply, unanswered: tuple[Unanswered, ...]) -> None:
        """Hand over what was received, and then answer its PDUs."""
        if len(self._waiting) >= MOST_WAITING:
            answer(unanswered, ESME_RMSGQFUL)
            return
        self._waiting.append((received, unanswered))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        elif len(self._waiting) == MOST_AT_ONCE:
            self._full.set()

    async def finish(self) -> None:
        """Return when all is handed over or refused."""
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        try:
            async with asyncio.timeout(GATHER_SECONDS):
                await self._full.wait()
        except TimeoutError:
            pass
        while self._waiting:
            batch = self._waiting[:MOST_AT_ONCE]
            del self._waiting[:MOST_AT_ONCE]
            await self._hand_over(batch)
        self._full.clear()
        self._task = None

    async def _hand_over(self, batch: Sequence[_Delivery]) -> None:
        status = ESME_ROK
        try:
            await self._inbox.take(self._carrier_id, [received for received, _ in batch])
        except UnavailableError:
            status = ESME_RX_T_APPN
        except Exception as error:  # noqa: BLE001 - one that can't be taken is not to hold up the others for ever
            # By its type alone: a failure of the database quotes what it was given.
            failure = type(error).__name__
            log.error("the inbox failed", carrier_id=self._carrier_id, failure=failure)  # noqa: TRY400
            if len(batch) > 1:
                for one in batch:
                    await self._hand_over([one])
                return
            status = ESME_RX_T_APPN
        answer((one for _, unanswered in batch for one in unanswered), status)
