"""The HTTP server, uvicorn, as `serve` runs it."""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import click
import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD, _CONTINUE = b"HTTP/1.1 ", b"HTTP/1.1 100 "
_OFFER = b"upgrade"


class Server(uvicorn.Server):
    """Uvicorn without its own signal handlers (`serve` has the process's), and with a greeting once it accepts."""

    def __init__(self, config: uvicorn.Config, greeting: Iterable[str]) -> None:
        super().__init__(config)
        self._greeting = greeting

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Begin to accept, and greet."""
        await super().startup(sockets=sockets)
        click.echo("\n".join(self._greeting))  # in one go: who waits for its first line may read all of it

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


class Protocol(HttpToolsProtocol):
    """Uvicorn's protocol, which sends a reply's head together with its body, and passes over offers to upgrade.

    Java's HttpClient offers h2c with every request. The parser stops there, and uvicorn would lose the body; a
    server may answer as though nothing had been offered (RFC 9110, 7.8).
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in the base
        """Take a connection."""
        super().connection_made(transport)
        self._joining = _JoiningTransport(transport)

    def data_received(self, data: bytes) -> None:
        """Read what has come, and a request that offers an upgrade once more without its offer."""
        self._unset_keepalive_if_required()
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                if not self._offers_upgrade():
                    return  # CONNECT: what would follow is no HTTP
                data = self._request_without_offer() + data[offer.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
            except httptools.HttpParserError:
                message = "Invalid HTTP request received."
                self.logger.warning(message)
                self.send_400_response(message)
                return
            else:
                return

    def on_headers_complete(self) -> None:
        """Let the request's answer go through the joining transport."""
        if not self._offers_upgrade():
            super().on_headers_complete()
            self.cycle.transport = self._joining

    def on_message_complete(self) -> None:
        """End a request."""
        if not self._offers_upgrade():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """End an answer, which is without a body when HEAD was asked."""
        self._joining.flush()
        super().on_response_complete()

    def _offers_upgrade(self) -> bool:
        return self.parser.should_upgrade() and any(name == _OFFER for name, _ in self.headers)

    def _request_without_offer(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [self.parser.get_method() + b" " + self.url + b" HTTP/" + version]
        lines += [name + b": " + value for name, value in self.headers if name != _OFFER]
        return b"\r\n".join([*lines, b"", b""])


class _JoiningTransport(asyncio.Transport):
    """Holds an answer's head back until the first part of its body.

    Apart, each is a packet of its own that wakes the client up, which a lookup by key feels.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
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
        self._transport.close()
