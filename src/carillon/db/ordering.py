"""Order between a transaction and the work that was accepted before it and is still queued.

The wait is outside of any transaction, so that it holds neither a lock nor a connection that the work needs
(docs/adr/0022).
"""

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from carillon.db.topics import Topics

if TYPE_CHECKING:
    from carillon.db.database import Tx

# InforU's own sample client gives a call 30 seconds.
WAIT_SECONDS = 20
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.5


class EarlierWorkError(Exception):
    """An operation is behind queued work: its transaction is rolled back, and run again when that is done.

    `place` is what the work is ordered by; `is_over` says of the work that was queued when this was raised whether it
    is done, so that no stream of newer work keeps the operation waiting. `topic` and `key` are woken then.
    """

    def __init__(
        self, message: str, *, place: tuple[int, int], topic: str, key: str, is_over: Callable[["Tx"], Awaitable[bool]]
    ) -> None:
        super().__init__(message)
        self.place = place
        self.topic = topic
        self.key = key
        self.is_over = is_over


async def wait_until(
    topics: Topics, topic: str, key: str, is_over: Callable[[], Awaitable[bool]], deadline: float
) -> bool:
    """Ask until something is over, whenever the topic is woken and in growing pauses; False at the deadline.

    The deadline is one of `time.monotonic`.
    """
    pause = _FIRST_PAUSE
    with topics.listen(topic, key) as listener:
        while not await is_over():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            await listener.wait(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE)
    return True
