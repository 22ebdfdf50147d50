"""What an account has on a channel, read and remembered for a moment: routes, prices.

What is remembered is at most `REMEMBERED_SECONDS` old, counted from before it was read, so whoever changes it and waits
that long knows that every process has followed: the command line does. Within the process of the change it is followed
at once, because the wake at its commit is looked at before anything that is remembered is used.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from typing import Generic, TypeVar

from carillon.db.database import Database, Tx
from carillon.db.topics import Listener
from carillon.kit.ids import AccountId

REMEMBERED_SECONDS = 0.5
"""So long after a change another process may still go by what was before."""

_MAX_REMEMBERED = 2_000

Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """What a process has read lately, by account and channel, with when it began to be read.

    `load` reads it; a wake of one of the `topics` says that it may have changed.
    """

    def __init__(self, topics: Sequence[str], load: Callable[[Tx, AccountId, str], Awaitable[Value]]) -> None:
        self._topics = topics
        self._load = load
        self._listening = ExitStack()
        self._listeners: list[Listener] = []
        self._read: dict[tuple[AccountId, str], tuple[float, asyncio.Task[Value]]] = {}

    async def of(self, db: Database, account_id: AccountId, channel: str) -> Value:
        """Return what was read within the last `REMEMBERED_SECONDS`, or is now. Raises what `load` and `db.read` do."""
        if not self._listeners:
            self._listeners = [self._listening.enter_context(db.topics.listen(topic)) for topic in self._topics]
        if any([listener.take() for listener in self._listeners]):  # noqa: C419 - each is taken
            self._read.clear()
        key, now = (account_id, channel), time.monotonic()
        began, task = self._read.get(key, (0.0, None))
        if task is None or now - began > REMEMBERED_SECONDS or (task.done() and (task.cancelled() or task.exception())):
            task = asyncio.create_task(db.read(self._load, account_id, channel))
            if len(self._read) >= _MAX_REMEMBERED:
                self._read.clear()
            self._read[key] = now, task
        # Others may wait for it too: whoever goes away doesn't end it.
        return task.result() if task.done() else await asyncio.shield(task)
