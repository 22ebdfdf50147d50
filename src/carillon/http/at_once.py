"""Requests that are answered at once: a GET of few sites that needs no more than what the process remembers.

Such a request has neither a task nor a body, and none of what other requests need them for; what has to be looked for
first is looked for while the connection is read no further. Whatever is not known then goes the way of every request,
which answers the same (`Site.at_once`).
"""

import time
from collections.abc import Callable, Sequence
from enum import Enum, auto
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

log = structlog.get_logger(__name__)


Answer = Callable[[], bytes | None]
"""Writes a reply's head; None where the request is answered as every one."""


class Later(Enum):
    """The answer of what has to be looked for."""

    LATER = auto()


Known = bytes | Later | None
"""A reply's head, that it is looked for, or None where the request is answered as every one."""


class Asked(NamedTuple):
    """A GET: its headers' names are in lower case, and it began at `began` (`time.perf_counter`).

    Where something is looked for, `later` is called with what answers then, in another turn of the event loop. What it
    returns sends the answer, and is called behind the others of that turn.
    """

    target: bytes
    headers: Sequence[tuple[bytes, bytes]]
    address: str
    began: float
    later: Callable[[Answer], Callable[[], None] | None]


AnswerAtOnce = Callable[[Asked], Known]
"""Answers a GET."""

_END: Final = b"\r\n\r\n"


@lru_cache(maxsize=2)
def _written(lines: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """Write the server's own headers, which are other ones each second, and the head's end."""
    return b"".join([b"%b: %b\r\n" % line for line in lines] + [b"\r\n"])


class AtOnceProtocol(HttpToolsProtocol):
    """Uvicorn's protocol that answers at once what can be; `answer_at_once` is None where nothing is.

    A connection waits for what is looked for only where it has sent nothing behind the request.
    """

    answer_at_once: AnswerAtOnce | None = None

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._known: Known = None
        self._is_alone = False
        self._is_last = False
        self.is_waiting = False

    def note_data(self, data: bytes, *, is_first: bool) -> None:
        """Note whether what has come is one request and nothing else."""
        self._is_alone = is_first and data.endswith(_END) and data.find(_END) == len(data) - len(_END)

    def on_headers_complete(self) -> None:
        """Answer a request at once, or begin to answer it as any other."""
        answer = self.answer_at_once
        if self._is_alone and answer is not None and self._may_be_at_once():
            try:
                address = self.client[0] if self.client else ""
                asked = Asked(self.url, self.headers, address, time.perf_counter(), self._answer_later)
                self._known = answer(asked)
            except Exception:
                log.exception("at_once_failed")  # and is answered as any other
        if self._known is None:
            self.begin_cycle()

    def begin_cycle(self) -> None:
        """Begin to answer as any other."""
        super().on_headers_complete()

    def _may_be_at_once(self) -> bool:
        is_free = self.cycle is None or self.cycle.response_complete
        parser = self.parser
        is_plain = parser.get_method() == b"GET" and parser.get_http_version() == "1.1" and parser.should_keep_alive()
        return is_free and is_plain and not self.flow.write_paused

    def on_message_complete(self) -> None:
        """End a request: what is known is sent, what is looked for is sent later."""
        known, self._known = self._known, None
        if known is None:
            super().on_message_complete()
            return
        self.is_waiting = True
        if isinstance(known, bytes):
            self._send_soon(known)

    def _answer_later(self, answer: Answer) -> Callable[[], None] | None:
        """Answer what was looked for; returns what sends it, see `_send_soon`."""
        if self._is_gone():
            self.is_waiting = False
            return None
        head = None
        try:
            head = answer()
        except Exception:
            log.exception("at_once_failed")  # and is answered as any other
        if head is not None:
            return partial(self._send, head)
        self.is_waiting = False
        self.begin_cycle()
        if self._is_last:
            self.cycle.keep_alive = False
        super().on_message_complete()
        return None

    def _is_gone(self) -> bool:
        return self.transport.is_closing() or self.parser is None

    def on_sent_later(self) -> None:
        """Go on after a reply that was waited for."""

    def _send_soon(self, head: bytes) -> None:
        """Send a reply behind what is done in this turn of the event loop.

        Callers are woken up by what is sent to them. With other requests between the replies each of them is woken up
        for itself, which costs more than an answer.
        """
        self.loop.call_soon(self._send, head)

    def _send(self, head: bytes) -> None:
        self.is_waiting = False
        if self._is_gone():
            return
        self.server_state.total_requests += 1
        self.transport.write(head + _written(tuple(self.server_state.default_headers)))
        if self._is_last:
            self.transport.close()
        else:
            self.on_sent_later()

    def shutdown(self) -> None:
        """Hang up, once what is waited for is answered."""
        if self.is_waiting:
            self._is_last = True
        else:
            super().shutdown()
