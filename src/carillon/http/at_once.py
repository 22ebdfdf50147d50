"""Requests that are answered at once: a GET of few sites that needs no more than what the process remembers.

Such a request has neither a task nor a body, and none of what other requests need them for; what has to be looked for
first is looked for while the connection is read no further. Whatever is not known then goes the way of every request,
which answers the same (`Site.at_once`).
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

log = structlog.get_logger(__name__)

Known = bytes | asyncio.Future[Any] | None
"""A reply's head, what ends when it is known, or None where a request is answered as every one."""

AnswerAtOnce = Callable[[bytes, Sequence[tuple[bytes, bytes]], str, float], Known]
"""Answers a GET: its target, its headers, the caller's address, and when it began (`time.perf_counter`)."""

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
        self._began = 0.0
        self._is_last = False
        self.is_waiting = False

    def note_data(self, data: bytes, *, is_first: bool) -> None:
        """Note whether what has come is one request and nothing else."""
        self._is_alone = is_first and data.endswith(_END) and data.find(_END) == len(data) - len(_END)

    def on_headers_complete(self) -> None:
        """Answer a request at once, or begin to answer it as any other."""
        if self._is_alone and self.answer_at_once is not None and self._may_be_at_once():
            self._began = time.perf_counter()
            self._known = self._ask()
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

    def _ask(self) -> Known:
        if self.answer_at_once is None:
            return None
        try:
            return self.answer_at_once(self.url, self.headers, self.client[0] if self.client else "", self._began)
        except Exception:
            log.exception("at_once_failed")  # and is answered as any other
            return None

    def on_message_complete(self) -> None:
        """End a request: what is known is sent, what is looked for is sent later."""
        known, self._known = self._known, None
        if known is None:
            super().on_message_complete()
            return
        self.is_waiting = True
        if isinstance(known, bytes):
            self._send_soon(known)
        else:
            known.add_done_callback(self._found)

    def _found(self, looked_for: "asyncio.Future[Any]") -> None:
        has_failed = looked_for.cancelled() or looked_for.exception() is not None
        if self._is_gone():
            self.is_waiting = False
            return
        known = None if has_failed else self._ask()
        if isinstance(known, bytes):
            self._send_soon(known)
        else:
            self.is_waiting = False
            self.begin_cycle()
            super().on_message_complete()

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
