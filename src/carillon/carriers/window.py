"""Room for unanswered messages, by traffic class: lower classes leave the last of it to higher ones."""

from collections import deque
from collections.abc import Iterable
from typing import Generic, TypeVar

from carillon.kit.traffic import TrafficClass

# The share that a class leaves to those above it.
_LEFT_BY = {TrafficClass.OTP: 0.0, TrafficClass.TRANSACTIONAL: 0.1, TrafficClass.MARKETING: 0.2}

Item = TypeVar("Item")


def limits(size: int) -> tuple[tuple[TrafficClass, int], ...]:
    """Return how much of a window may be in use for a message of each class to enter, at least 1, in their order."""
    return tuple((one, max(1, size - round(size * _LEFT_BY[one]))) for one in TrafficClass)


class Waiting(Generic[Item]):
    """What waits for room: otp before transactional before marketing, each in the order of its coming."""

    def __init__(self) -> None:
        self._queues: dict[TrafficClass, deque[Item]] = {one: deque() for one in TrafficClass}

    def __bool__(self) -> bool:
        return any(self._queues.values())

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def add(self, traffic_class: TrafficClass, items: Iterable[Item]) -> None:
        self._queues[traffic_class].extend(items)

    def add_first(self, traffic_class: TrafficClass, items: Iterable[Item]) -> None:
        """Put items before all others of their class."""
        self._queues[traffic_class].extendleft(items)

    def take(self, window: Iterable[tuple[TrafficClass, int]], in_use: int, most: int | None = None) -> list[Item]:
        """Take out what a window (`limits`) with so much in use has room for, and at most so many."""
        taken: list[Item] = []
        top = None if most is None else in_use + most
        for traffic_class, limit in window:
            queue = self._queues[traffic_class]
            for _ in range(min(len(queue), (limit if top is None else min(limit, top)) - in_use)):
                taken.append(queue.popleft())
                in_use += 1
        return taken

    def take_all(self) -> list[Item]:
        taken = [item for queue in self._queues.values() for item in queue]
        for queue in self._queues.values():
            queue.clear()
        return taken
