"""Messages under way, and what the answers to their parts make of them."""

import asyncio
from collections.abc import Sequence

from carillon.carriers.contract import Accepted, Failed, Outcome
from carillon.carriers.failures import Consequence, Failure
from carillon.kit.traffic import TrafficClass

# How often a part is submitted that was refused for a while when others of its message were taken.
MOST_ATTEMPTS = 5

LOST = Failed(failure=Failure.LOST)
_RECOVERABLE = frozenset({Consequence.RETRY, Consequence.THROTTLE, Consequence.FAIL_OVER})


class Call:
    """One call of a carrier's `submit`: its outcomes, and how many are missing."""

    __slots__ = ("cancelled", "done", "missing", "outcomes")

    def __init__(self, messages: int, done: asyncio.Future[None]) -> None:
        self.outcomes: list[Outcome] = [LOST] * messages
        self.missing = messages
        self.done = done
        self.cancelled = False

    def settle(self, index: int, outcome: Outcome) -> None:
        self.outcomes[index] = outcome
        self.missing -= 1
        if not self.missing and not self.done.done():
            self.done.set_result(None)


class Submit:
    """A submit_sm: its body, whose part it is, and when it was written, by the event loop's clock."""

    __slots__ = ("body", "is_last", "message", "written_at")

    def __init__(self, message: "PendingMessage", body: bytes, *, is_last: bool) -> None:
        self.message = message
        self.body = body
        self.is_last = is_last
        self.written_at = 0.0


class PendingMessage:
    """Which parts of a message were taken, and why others were not."""

    __slots__ = (
        "attempts",
        "call",
        "index",
        "is_lost",
        "parts",
        "reference",
        "refused",
        "taken",
        "traffic_class",
        "unanswered",
    )

    def __init__(self, call: Call, index: int, traffic_class: TrafficClass, bodies: Sequence[bytes]) -> None:
        self.call = call
        self.index = index
        self.traffic_class = traffic_class
        last = len(bodies) - 1
        self.parts = [Submit(self, body, is_last=number == last) for number, body in enumerate(bodies)]
        self.unanswered = len(bodies)
        self.taken = 0
        self.is_lost = False
        self.refused: list[tuple[Submit, Failed]] = []
        self.reference: str | None = None
        self.attempts = 1

    def settle(self, outcome: Outcome) -> None:
        self.call.settle(self.index, outcome)

    def outcome(self) -> Outcome | None:
        """Return the outcome when all parts were answered; None: the refused parts are to be submitted again.

        A part that was taken is never submitted twice: where the others can't follow, the message has failed for good.
        """
        for _, failed in self.refused:
            if failed.failure.consequence not in _RECOVERABLE:
                return failed
        if self.is_lost:
            return LOST
        if not self.refused:
            return Accepted(reference=self.reference)
        failed = self.refused[0][1]
        if not self.taken:
            return failed
        return self.failed_for_good() if self.attempts >= MOST_ATTEMPTS else None

    def failed_for_good(self) -> Failed:
        """Return the permanent form of a failure that would have the message submitted again."""
        return Failed(failure=Failure.REFUSED_BY_CARRIER, code=self.refused[0][1].code if self.refused else None)

    def take_refused(self) -> list[Submit]:
        """Return the parts that are to be submitted again."""
        again = [submit for submit, _ in self.refused]
        self.refused.clear()
        self.unanswered = len(again)
        self.attempts += 1
        return again
