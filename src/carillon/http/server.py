"""The HTTP server, uvicorn, as `serve` runs it."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any

import click
import httptools
import uvicorn

from carillon.http.at_once import AnswerAtOnce, AtOnceProtocol
from carillon.http.connections import Connections, Phase, Progress

MAX_HEAD_BYTES = 65_536
MAX_HEADERS = 100

_HEAD, _CONTINUE = b"HTTP/1.1 ", b"HTTP/1.1 100 "
_OFFER = b"upgrade"
_TOO_LARGE = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
# Of a header's line, beside its name and value.
_LINE_BYTES = 4
# As much is parsed at a time: a header that doesn't end is noticed so often, and no more requests than fit into it wait
# for the one before them.
_HEAD_PIECE_BYTES, _BODY_PIECE_BYTES = 512, 65_536
# What is held of later requests while one waits: two reads of the socket.
_MAX_UNPARSED_BYTES = 524_288
# Lengths and ends of chunks, their extensions and trailers. Every chunk costs a callback: those of a hundred bytes pass
# always, smaller ones some thousand times.
_MAX_FRAMING_BYTES, _BODY_PER_FRAMING = 16_384, 16
# Of a body whose request has been answered, such as one that is refused.
_MAX_DISCARDED_BYTES = 33_554_432
_TICKS_A_SECOND = 10
_NO_LINGER = struct.pack("ii", 1, 0)


class Server(uvicorn.Server):
    """Uvicorn without its own signal handlers (`serve` has the process's), and with a greeting once it accepts."""

    def __init__(self, config: uvicorn.Config, greeting: Iterable[str], connections: Connections) -> None:
        super().__init__(config)
        self._greeting = greeting
        self._connections = connections

    async def on_tick(self, counter: int) -> bool:
        """Look at the connections once a second."""
        if counter % _TICKS_A_SECOND == 0:
            self._connections.look(asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Begin to accept, and greet."""
        await super().startup(sockets=sockets)
        click.echo("\n".join(self._greeting))  # in one go: who waits for its first line may read all of it

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


class _RefusedHeadError(Exception):
    """A head is over its limits."""


class Protocol(AtOnceProtocol):
    """Uvicorn's protocol with limits, which sends a reply's head with its body, and passes over offers to upgrade.

    Java's HttpClient offers h2c with every request. The parser stops there, and uvicorn would lose the body; a
    server may answer as though nothing had been offered (RFC 9110, 7.8).

    The parser keeps a header until its end, and puts its pieces together in quadratic time: it is given a little at a
    time, and no more than a head may have.
    """

    def __init__(self, connections: Connections, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._admissions = connections
        self.progress = Progress(since=self.loop.time())
        self.address = ""
        self._head_bytes = 0
        self._framing_bytes = 0
        self._discarded_bytes = 0
        self._unparsed = b""
        self._is_closing = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in the base
        """Take a connection, or refuse it when there are too many."""
        super().connection_made(transport)
        self._joining = _JoiningTransport(transport, self.close_when_read)
        self.address = self.client[0] if self.client else ""
        if not self._admissions.admit(self, self.loop.time()):
            self.refuse(HTTPStatus.SERVICE_UNAVAILABLE)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._admissions.remove(self)
        super().connection_lost(exc)

    @property
    def is_answering(self) -> bool:
        """Whether a request is being answered."""
        return self.is_waiting or (self.cycle is not None and not self.cycle.response_complete)

    @property
    def is_reading(self) -> bool:
        """Whether the caller is waited for."""
        return not self.flow.read_paused

    @property
    def unsent_bytes(self) -> int:
        """What of a reply has not been taken yet."""
        return self.transport.get_write_buffer_size()

    def close(self) -> None:
        """Hang up."""
        self.transport.close()

    def abort(self) -> None:
        """Hang up without sending what is left, which the system would keep otherwise."""
        with contextlib.suppress(OSError):
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.transport.abort()

    def refuse(self, status: HTTPStatus) -> None:
        """Say why, where no reply to the request has begun, and hang up."""
        if self.progress.phase is Phase.BODY:
            may_say = not (self.pipeline or self.cycle.response_started)
        else:
            may_say = not self.is_answering
        if may_say and not self.transport.is_closing():
            self.transport.write(_refusal(status))
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Read what has come. While a request waits for the one before it, what follows isn't looked at."""
        self._unset_keepalive_if_required()
        if self._unparsed:
            data, self._unparsed = self._unparsed + data, b""
        if (self.pipeline or self.is_waiting) and len(data) > _MAX_UNPARSED_BYTES:
            self.abort()
            return
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        """Parse what has come, and a request that offers an upgrade once more without its offer."""
        self.note_data(data, is_first=self.progress.phase is Phase.IDLE and not self.is_answering)
        at = 0
        while at < len(data) and not self.transport.is_closing():
            if self.pipeline or self.is_waiting:
                self._unparsed = data[at:]
                self.flow.pause_reading()
                return
            phase, before = self.progress.phase, self.progress.body_bytes
            end = at + (_BODY_PIECE_BYTES if phase is Phase.BODY else _HEAD_PIECE_BYTES)
            piece, at = data[at:end], end
            try:
                self.parser.feed_data(piece)
            except httptools.HttpParserUpgrade as offer:
                if not self._offers_upgrade():
                    return  # CONNECT: what would follow is no HTTP
                data, at = self._request_without_offer() + piece[offer.args[0] :] + data[end:], 0
                self.parser = httptools.HttpRequestParser(self)
                continue
            except httptools.HttpParserError as error:
                too_large = isinstance(error.__context__, _RefusedHeadError)
                self.refuse(_TOO_LARGE if too_large else HTTPStatus.BAD_REQUEST)
                return
            self._count(len(piece), phase, before)

    def _count(self, size: int, phase: Phase, body_bytes_before: int) -> None:
        """Count what was read: a head that doesn't end, or a body of hardly more than its framing, is refused."""
        if self.progress.phase is not phase:
            return
        if phase is Phase.HEAD:
            self._head_bytes += size
            if self._head_bytes > MAX_HEAD_BYTES:
                self.refuse(_TOO_LARGE)
        elif phase is Phase.BODY:
            self._framing_bytes += max(0, size - (self.progress.body_bytes - body_bytes_before))
            if self._framing_bytes > _MAX_FRAMING_BYTES + self.progress.body_bytes // _BODY_PER_FRAMING:
                self.refuse(HTTPStatus.BAD_REQUEST)

    def on_message_begin(self) -> None:
        """Begin a head."""
        self.progress.enter(Phase.HEAD, self.loop.time())
        self.progress.requests += 1
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Require a head within its limits, and begin to answer."""
        if self._offers_upgrade():
            return
        if len(self.headers) > MAX_HEADERS or (self._head_bytes and self._head_size() > MAX_HEAD_BYTES):
            raise _RefusedHeadError
        self.progress.enter(Phase.BODY, self.loop.time())
        self._framing_bytes = self._discarded_bytes = 0
        super().on_headers_complete()

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + _LINE_BYTES for name, value in self.headers)

    def begin_cycle(self) -> None:
        """Let the request's answer go through the joining transport."""
        super().begin_cycle()
        self.cycle.transport = self._joining

    def on_body(self, body: bytes) -> None:
        """Take a part of a body; what comes of one that is answered already is discarded, up to a limit."""
        self.progress.body_bytes += len(body)
        if self.cycle.response_complete:
            self._discarded_bytes += len(body)
            if self._discarded_bytes > _MAX_DISCARDED_BYTES:
                self.abort()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        if not self._offers_upgrade():
            self.progress.enter(Phase.IDLE, self.loop.time())
            super().on_message_complete()
            if self._is_closing:
                self.transport.close()

    def close_when_read(self) -> None:
        """Hang up once the request is read: who is still sending would lose the reply."""
        if self.progress.phase is Phase.BODY:
            self._is_closing = True
        else:
            self.transport.close()

    def on_response_complete(self) -> None:
        """End an answer, which is without a body when HEAD was asked."""
        self._joining.flush()
        if self.progress.phase is Phase.IDLE:
            self.progress.since = self.loop.time()
        super().on_response_complete()
        self.on_sent_later()

    def on_sent_later(self) -> None:
        """Read on what has come meanwhile."""
        if self._unparsed and not self.pipeline:
            self.flow.pause_reading()
            self.loop.call_soon(self._parse_rest)

    def _parse_rest(self) -> None:
        if self.transport.is_closing():
            return
        data, self._unparsed = self._unparsed, b""
        self.flow.resume_reading()
        self._parse(data)

    def _offers_upgrade(self) -> bool:
        return self.parser.should_upgrade() and any(name == _OFFER for name, _ in self.headers)

    def _request_without_offer(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [self.parser.get_method() + b" " + self.url + b" HTTP/" + version]
        lines += [name + b": " + value for name, value in self.headers if name != _OFFER]
        return b"\r\n".join([*lines, b"", b""])


def protocol_of(connections: Connections, at_once: AnswerAtOnce | None = None) -> type[asyncio.Protocol]:
    """Make the protocol class of a server whose connections are counted by these, and what it answers at once."""

    class Counted(Protocol):
        answer_at_once = None if at_once is None else staticmethod(at_once)

        def __init__(self, *arguments: Any, **keywords: Any) -> None:
            super().__init__(connections, *arguments, **keywords)

    return Counted


def _refusal(status: HTTPStatus) -> bytes:
    text = status.phrase.encode()
    retry = b"retry-after: 1\r\n" if status is HTTPStatus.SERVICE_UNAVAILABLE else b""
    head = b"HTTP/1.1 %d %s\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
    return head % (status, text, len(text)) + retry + b"connection: close\r\n\r\n" + text


class _JoiningTransport(asyncio.Transport):
    """Holds an answer's head back until the first part of its body.

    Apart, each is a packet of its own that wakes the client up, which a lookup by key feels.
    """

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        self._transport = transport
        self._close = close
        self._head = b""

    def write(self, data: Any) -> None:
        if self._head:
            self._transport.write(self._head + data)
            self._head = b""
        elif data.startswith(_HEAD) and not data.startswith(_CONTINUE):
            self._head = data
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Send what is buffered."""
        if self._head:
            self._transport.write(self._head)
            self._head = b""

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self.flush()
        self._close()
