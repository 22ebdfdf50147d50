"""A request's body: read when it is asked for, within what a process has for bodies, and decoded beside other calls."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from carillon.errors import BodyTooLargeError, InvalidInputError, OverloadedError

Decoded = TypeVar("Decoded")

SMALL_BYTES = 65_536
"""What a connection's buffer holds anyway: smaller bodies aren't counted, and are decoded at once."""

# Shares of the budget: of all callers that are not authenticated yet, and of one account.
_ANONYMOUS_SHARE, _ACCOUNT_SHARE = 4, 2
# Decoding holds the interpreter's lock for most of its time: more at once would only take more memory.
_DECODED_AT_ONCE = 2


class BodyBudget:
    """The bytes of bodies that a process holds at most, and the threads that decode them."""

    def __init__(self, total: int, largest: int) -> None:
        self._total = total
        self.largest = largest
        self._held = 0
        self._held_by: Counter[int | None] = Counter()
        self._decoding = asyncio.Semaphore(_DECODED_AT_ONCE)

    def reserve(self, owner: int | None, size: int) -> None:
        """Count bytes of an account, or of a caller that isn't authenticated (None). Raises OverloadedError."""
        share = _ANONYMOUS_SHARE if owner is None else _ACCOUNT_SHARE
        # However small the budget is, one body of the largest size has room.
        most = max(self._total // share, self.largest)
        if self._held + size > max(self._total, self.largest) or self._held_by[owner] + size > most:
            raise OverloadedError
        self._held += size
        self._held_by[owner] += size

    def release(self, owner: int | None, size: int) -> None:
        """Give bytes back."""
        self._held -= size
        self._held_by[owner] -= size
        if not self._held_by[owner]:
            del self._held_by[owner]

    async def decode(self, decode: Callable[[bytes], Decoded], content: bytes) -> Decoded:
        """Run a function of a large content in a thread, a few of them at once."""
        async with self._decoding:
            return await asyncio.to_thread(decode, content)


class Body:
    """A request's body. `content` is what has been read of it: nothing, until `read`."""

    def __init__(self, receive: Callable[[], Awaitable[Any]], announced: str | None, budget: BodyBudget) -> None:
        self._receive = receive
        self._announced = int(announced) if announced is not None and announced.isdecimal() else None
        self._budget = budget
        self._owner: int | None = None
        self._reserved = 0
        self._is_read = False
        self.content = b""

    @property
    def is_empty(self) -> bool:
        """Whether it is known to be empty; one that is sent in chunks isn't before it is read."""
        return not self.content if self._is_read else self._announced == 0

    async def read(self, owner: int | None = None, *, limit: int | None = None) -> bytes:
        """Read it whole, once; `owner` is the account of an authenticated caller, `limit` is a lower one than usual.

        Raises BodyTooLargeError, and OverloadedError before anything of a body is read for which there is no room.
        """
        if owner is not None and self._owner is None:
            self._change_owner(owner)
        if self._is_read:
            return self.content
        self._is_read = True
        limit = self._budget.largest if limit is None else limit
        if self._announced is not None:
            if self._announced > limit:
                raise BodyTooLargeError
            self._reserve(self._announced)
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body") and len(message["body"]) <= SMALL_BYTES:
            content: bytes = message["body"]  # most are so, and single lookups feel what the rest costs
            if len(content) > limit:
                raise BodyTooLargeError
        else:
            content = await self._read_on(message, limit)
        self.content = content
        return content

    async def decode(self, decode: Callable[[bytes], Decoded]) -> Decoded:
        """Return a function of the content, run beside other calls when the content is large."""
        if len(self.content) <= SMALL_BYTES:
            return decode(self.content)
        return await self._budget.decode(decode, self.content)

    def release(self) -> None:
        """Give back what it held."""
        if self._reserved:
            self._budget.release(self._owner, self._reserved)
            self._reserved = 0
        self.content = b""

    def _change_owner(self, owner: int) -> None:
        if self._reserved:
            self._budget.reserve(owner, self._reserved)
            self._budget.release(None, self._reserved)
        self._owner = owner

    def _reserve(self, size: int) -> None:
        if size > max(SMALL_BYTES, self._reserved):
            self._budget.reserve(self._owner, size - self._reserved)
            self._reserved = size

    async def _read_on(self, message: Any, limit: int) -> bytes:
        """Read the rest of a body, whose first part has come."""
        chunks: list[bytes] = []
        size = 0
        while True:
            if message["type"] == "http.disconnect":
                raise InvalidInputError("Body", "The caller hung up before its end.")
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                raise BodyTooLargeError
            self._reserve(size)
            chunks.append(chunk)
            if not message.get("more_body", False):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)
            message = await self._receive()
