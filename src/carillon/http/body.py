"""A request's body: read when it is asked for, within what a process has for bodies, and decoded beside other calls."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from carillon.db.concurrency import AccountConcurrency
from carillon.errors import BodyTooLargeError, InvalidInputError, OverloadedError
from carillon.kit.ids import AccountId

Decoded = TypeVar("Decoded")

SMALL_BYTES = 65_536
"""What a connection's buffer holds anyway: smaller bodies aren't counted, and are decoded at once."""

MAX_VALUES = 600_000
"""Values that a body has at most; 5,000 contacts with all that a vendor has are two thirds of it."""

# Shares of the budget: of all callers that are not authenticated yet, and of one account.
_ANONYMOUS_SHARE, _ACCOUNT_SHARE = 4, 2
# Of the former's an eighth is kept for bodies that are announced as no larger than this: credentials come in bodies,
# and whoever sends large ones, of which none ends, would keep customers out.
_MODEST_BYTES, _KEPT_FOR_MODEST = 1_048_576, 8
# Where there is no room, a body goes for another one that has been coming for so long, and more slowly than this.
_SLOW_SECONDS, _SLOW_BYTES_PER_SECOND = 5.0, 65_536
# A decoded value takes so much, and is behind one of these; where a form carries it, an escape is a part of one.
_VALUE_BYTES, _VALUE_MARKS, _ESCAPES_OF_A_VALUE = 100, b",[{<", 4
# Decoding holds the interpreter's lock for most of its time: more at once would only take more memory.
_DECODED_AT_ONCE, _DECODED_OF_STRANGERS = 2, 1


def count_any(content: bytes, wanted: bytes) -> int:
    """Count the bytes that are among those wanted, in one pass.

    `bytes.count` takes as long for each of them. A piece at a time, so that nothing of the content's size is copied.
    """
    pieces = (content[at : at + SMALL_BYTES] for at in range(0, len(content), SMALL_BYTES))
    return len(content) - sum(len(piece.translate(None, wanted)) for piece in pieces)


class BodyBudget:
    """The bytes of bodies, and of what is decoded of them, that a process holds at most; and who decodes."""

    def __init__(self, total: int, largest: int) -> None:
        self._total = total
        self.largest = largest
        self._held = 0
        self._held_by: Counter[AccountId | None] = Counter()
        self._being_read: dict[Body, None] = {}
        self._of_accounts = AccountConcurrency(_DECODED_AT_ONCE, 1)
        self._of_strangers = AccountConcurrency(_DECODED_OF_STRANGERS)

    def reserve(self, body: "Body", size: int) -> None:
        """Count more bytes of a body, for its account or for callers that aren't authenticated (None).

        Where there is no room another body goes that comes slowly. Raises OverloadedError where there is none.
        """
        while not self._has_room(body, size):
            slow = self._slow_ones(body, size)
            if not slow:
                raise OverloadedError
            min(slow, key=lambda one: one.bytes_per_second).drop()
        self._held += size
        self._held_by[body.owner] += size

    def require_room(self, body: "Body", size: int) -> None:
        """Require that there is room now for a body that is to come. Raises OverloadedError."""
        if not self._has_room(body, size) and not self._slow_ones(body, size):
            raise OverloadedError

    def _has_room(self, body: "Body", size: int) -> bool:
        return self._held + size <= max(self._total, self.largest) and not self._is_over_share(body, size)

    def _slow_ones(self, body: "Body", size: int) -> "list[Body]":
        """List the others that may go: of the same callers where their share is taken, of all where all is."""
        of_any = not self._is_over_share(body, size)
        slow = (one for one in self._being_read if one.is_slow and one is not body)
        return [one for one in slow if of_any or one.owner == body.owner]

    def _is_over_share(self, body: "Body", size: int) -> bool:
        share = self._total // (_ANONYMOUS_SHARE if body.owner is None else _ACCOUNT_SHARE)
        if body.owner is None and not body.is_modest:
            share -= share // _KEPT_FOR_MODEST
        # However small the budget is, one body of the largest size has room.
        return self._held_by[body.owner] + size > max(share, self.largest)

    def release(self, owner: AccountId | None, size: int) -> None:
        """Return bytes to the budget."""
        self._held -= size
        self._held_by[owner] -= size
        if not self._held_by[owner]:
            del self._held_by[owner]

    def reading(self, body: "Body") -> None:
        """Note that a body which is counted is being read."""
        self._being_read[body] = None

    def has_read(self, body: "Body") -> None:
        """Note that it isn't any more."""
        self._being_read.pop(body, None)

    async def decode(self, owner: AccountId | None, decode: Callable[[bytes], Decoded], content: bytes) -> Decoded:
        """Run a function of a large content in a thread, a few of them at once, in turns of the accounts."""
        turns = self._of_strangers if owner is None else self._of_accounts
        async with turns.turn(owner):
            return await asyncio.to_thread(decode, content)


class Body:
    """A request's body. `content` is what has been read of it: nothing, until `read`.

    `has_few_values` once it has been counted that the content has no more than `MAX_VALUES`.
    """

    def __init__(self, receive: Callable[[], Awaitable[Any]], announced: str | None, budget: BodyBudget) -> None:
        self._receive = receive
        self._announced = int(announced) if announced is not None and announced.isdecimal() else None
        self._budget = budget
        self._reserved = 0
        self._is_read = False
        self._began = 0.0
        self._reader: asyncio.Task[Any] | None = None
        self._is_dropped = False
        self.owner: AccountId | None = None
        self.content = b""
        self.has_few_values = False

    @property
    def is_empty(self) -> bool:
        """Whether it is known to be empty; one that is sent in chunks isn't before it is read."""
        return not self.content if self._is_read else self._announced == 0

    @property
    def is_modest(self) -> bool:
        """Whether it is announced as one for which strangers' room is kept, when large ones have none."""
        return self._announced is not None and self._announced <= _MODEST_BYTES

    @property
    def bytes_per_second(self) -> float:
        """How quickly it has come so far."""
        return self._reserved / max(0.001, time.monotonic() - self._began)

    @property
    def is_slow(self) -> bool:
        """Whether it may be dropped for another one."""
        is_young = time.monotonic() - self._began < _SLOW_SECONDS
        return bool(self._reserved) and not is_young and self.bytes_per_second < _SLOW_BYTES_PER_SECOND

    async def read(self, owner: AccountId | None = None, *, limit: int | None = None) -> bytes:
        """Read it whole, once; `owner` is the account of an authenticated caller, `limit` is a lower one than usual.

        Raises BodyTooLargeError, and OverloadedError where there is no room for it.
        """
        if owner is not None and self.owner is None:
            self._change_owner(owner)
        if self._is_read:
            return self.content
        self._is_read = True
        limit = self._budget.largest if limit is None else limit
        if self._announced is not None and self._announced > limit:
            raise BodyTooLargeError
        if self._announced is not None and self._announced > SMALL_BYTES:
            self._budget.require_room(self, self._announced)
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
        """Return a function of the content, run beside other calls when the content is large.

        What it makes of the content is counted as well, for as long as the request takes. Raises OverloadedError.
        """
        content = self.content
        if len(content) <= SMALL_BYTES:
            return decode(content)
        if self.owner is not None:  # of a stranger's nothing but a credential is decoded
            values = count_any(content, _VALUE_MARKS)
            if b"%" in content:  # which is looked for much more quickly than counted
                values += content.count(b"%") // _ESCAPES_OF_A_VALUE
            self.has_few_values = values <= MAX_VALUES
            self._reserve(len(content) + min(values, MAX_VALUES) * _VALUE_BYTES)
        return await self._budget.decode(self.owner, decode, content)

    def release(self) -> None:
        """Return what it held to the budget."""
        if self._reserved:
            self._budget.release(self.owner, self._reserved)
            self._reserved = 0
        self.content = b""

    def drop(self) -> None:
        """End its reading, for another body to have its room: its caller is told to come again."""
        self.release()
        self._budget.has_read(self)
        if self._reader is not None:
            self._is_dropped = True
            self._reader.cancel()

    def _change_owner(self, owner: AccountId) -> None:
        if self._reserved:
            self._budget.release(None, self._reserved)
            reserved, self._reserved = self._reserved, 0
            self.owner = owner
            self._reserve(reserved)
        self.owner = owner

    def _reserve(self, size: int) -> None:
        if size > max(SMALL_BYTES, self._reserved):
            self._budget.reserve(self, size - self._reserved)
            self._reserved = size

    async def _read_on(self, message: Any, limit: int) -> bytes:
        """Read the rest of a body, whose first part has come; what has come is counted."""
        self._began, self._reader = time.monotonic(), asyncio.current_task()
        self._budget.reading(self)
        try:
            return await self._read_parts(message, limit)
        except asyncio.CancelledError:
            if not self._is_dropped or self._reader is None:
                raise
            self._reader.uncancel()
            raise OverloadedError from None
        finally:
            self._reader = None
            self._budget.has_read(self)

    async def _read_parts(self, message: Any, limit: int) -> bytes:
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
