"""The carrier of the simulated network."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from uuid import UUID

import structlog

from carillon.carriers.contract import Failed, Inbox, Outcome, OutgoingMessage, Receipt
from carillon.carriers.failures import Failure
from carillon.carriers.options import read_flag, read_number
from carillon.carriers.simulator.script import THROTTLE_PAUSE, Play, play
from carillon.errors import InvalidInputError, UnavailableError

log = structlog.get_logger(__name__)

OPTIONS: Mapping[str, str] = {
    "instant": "yes: what is delivered within 2 to 5 seconds is delivered at once.",
    "window": "How many messages may be unanswered at once, 1 to 10000; 1000 unless given.",
}

_WINDOW, _LARGEST_WINDOW = 1_000, 10_000
_REMEMBERED = 10_000
# How long an answer waits for the receipts that come before it. They have been handed over then; whoever takes them may
# itself be waiting for the answer, and is not waited for longer.
_HEAD_START_SECONDS = 0.25
_RETRY_SECONDS = 1.0
_END_SECONDS = 5.0


class Simulator:
    """Answers at once, with all that comes later in the outcome.

    It is up until its `run` has ended. Which messages were throttled is kept in memory, for the latest 10,000 of them:
    after a restart they are throttled once more. Raises InvalidInputError for options that can't be read.
    """

    def __init__(self, carrier_id: int, options: Mapping[str, str], inbox: Inbox) -> None:
        self.carrier_id = carrier_id
        self.window, self._is_instant = _read_options(options)
        self._inbox = inbox
        self._throttled: OrderedDict[UUID, None] = OrderedDict()
        self._arriving: set[asyncio.Task[None]] = set()
        self._ended = False

    @property
    def is_up(self) -> bool:
        """Whether the network takes messages."""
        return not self._ended

    @property
    def in_use(self) -> int:
        """Nothing: it answers at once."""
        return 0

    async def run(self, stopping: asyncio.Event) -> None:
        """Wait for the event; receipts that are being taken then are waited for a little, and left after that."""
        try:
            await stopping.wait()
        finally:
            self._ended = True
        if self._arriving:
            _, late = await asyncio.wait(self._arriving, timeout=_END_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def submit(self, messages: Sequence[OutgoingMessage]) -> list[Outcome]:
        """Return the script's outcomes, in the messages' order."""
        if self._ended:
            return [Failed(failure=Failure.UNAVAILABLE) for _ in messages]
        plays = [play(message, is_instant=self._is_instant) for message in messages]
        before = [receipt for one in plays for receipt in one.before]
        if before:
            task = asyncio.create_task(self._bring(before))
            self._arriving.add(task)
            task.add_done_callback(self._arriving.discard)
            await asyncio.wait({task}, timeout=_HEAD_START_SECONDS)
        return [self._outcome(message, one) for message, one in zip(messages, plays, strict=True)]

    def _outcome(self, message: OutgoingMessage, found: Play) -> Outcome:
        if not found.is_throttled_first:
            return found.outcome
        if message.message_id in self._throttled:
            del self._throttled[message.message_id]
            return found.outcome
        self._throttled[message.message_id] = None
        if len(self._throttled) > _REMEMBERED:
            self._throttled.popitem(last=False)
        return Failed(failure=Failure.THROTTLED, retry_after=THROTTLE_PAUSE)

    async def _bring(self, receipts: Sequence[Receipt]) -> None:
        while True:
            try:
                await self._inbox.take(self.carrier_id, receipts)
            except UnavailableError:
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 - the messages have their outcome whatever becomes of receipts
                self._log(error)
                return
            else:
                return

    def _log(self, error: Exception) -> None:
        log.error("receipts_not_taken", carrier_id=self.carrier_id, error=type(error).__name__)


def check_simulator(url: str, options: Mapping[str, str]) -> bool:
    """Check the options; the URL is empty or `simulator:`, and no secret is needed. Raises InvalidInputError."""
    if url not in {"", "simulator:"}:
        raise InvalidInputError("url", "A simulator has no URL: leave it out, or give simulator:")
    _read_options(options)
    return False


def _read_options(options: Mapping[str, str]) -> tuple[int, bool]:
    return read_number(options, "window", _WINDOW, at_most=_LARGEST_WINDOW), read_flag(options, "instant")
