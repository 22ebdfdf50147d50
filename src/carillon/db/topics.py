"""Waking within a process: a task that waits for a topic goes on when a transaction that concerns it has committed.

A wake is a hint, never needed for correctness: whoever listens polls too.
"""

import asyncio
import contextlib
from collections.abc import Iterator


class Listener:
    """Collects the keys that its topic is woken for."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._woken = asyncio.Event()

    def wake(self, key: str | None = None) -> None:
        """End the wait that goes on, or else the next one; None is no key."""
        if key is not None:
            self._keys.add(key)
        self._woken.set()

    async def wait(self, seconds: float | None = None) -> set[str]:
        """Wait for a wake, `seconds` at most, and return the keys since the last wait."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        return self.take()

    def take(self) -> set[str]:
        """Return the keys since the last wait, without one."""
        self._woken.clear()
        keys, self._keys = self._keys, set()
        return keys


class Topics:
    """The listeners of a process, by topic and key."""

    def __init__(self) -> None:
        self._listeners: dict[tuple[str, str | None], set[Listener]] = {}
        self._outboxes: set[Listener] = set()

    @contextlib.contextmanager
    def listen(self, topic: str, key: str | None = None) -> Iterator[Listener]:
        """Listen to a topic during the block, for one key or for all."""
        place, listener = (topic, key), Listener()
        self._listeners.setdefault(place, set()).add(listener)
        try:
            yield listener
        finally:
            self._listeners[place].discard(listener)
            if not self._listeners[place]:
                del self._listeners[place]

    @contextlib.contextmanager
    def outgoing(self) -> Iterator[Listener]:
        """Listen to every wake of this process during the block; the keys are topic and key, with a blank between."""
        outbox = Listener()
        self._outboxes.add(outbox)
        try:
            yield outbox
        finally:
            self._outboxes.discard(outbox)

    def wake(self, topic: str, key: str) -> None:
        """Wake those who listen to a topic for a key, or for all keys, in this process and then in others."""
        self.receive(topic, key)
        for outbox in self._outboxes:
            outbox.wake(f"{topic} {key}")

    def receive(self, topic: str, key: str) -> None:
        """Wake those of this process alone: another one has sent the wake."""
        for place in ((topic, key), (topic, None)):
            for listener in self._listeners.get(place, ()):
                listener.wake(key)
