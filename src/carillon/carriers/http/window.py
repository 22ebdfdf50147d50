"""A window: how many messages may be unanswered at once, and whose turn is next where it is full."""

import asyncio
from heapq import heappop, heappush
from itertools import count

from carillon.kit.traffic import TrafficClass


class Window:
    """Room for `size` messages; higher classes find room before lower ones, and in a class whoever asked first."""

    def __init__(self, size: int) -> None:
        self._size = self._free = size
        self._order = count()
        self._waiting: list[tuple[TrafficClass, int, asyncio.Future[None]]] = []

    @property
    def in_use(self) -> int:
        """How much of it is taken."""
        return self._size - self._free

    async def acquire(self, traffic_class: TrafficClass) -> None:
        """Wait for room and take it; `release` gives it back."""
        if self._free:
            self._free -= 1
            return
        room = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (traffic_class, next(self._order), room))
        try:
            await room
        except asyncio.CancelledError:
            if room.done() and not room.cancelled():  # it was handed over, and nobody is there to use it
                self.release()
            raise

    def release(self) -> None:
        """Hand the room to who is next."""
        while self._waiting:
            *_, room = heappop(self._waiting)
            if not room.done():
                room.set_result(None)
                return
        self._free += 1
