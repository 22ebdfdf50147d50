"""The HTTP server, uvicorn, as `serve` runs it."""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

import click
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD, _CONTINUE = b"HTTP/1.1 ", b"HTTP/1.1 100 "


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
    """Uvicorn's protocol, which sends a reply's head together with its body."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in the base
        """Take a connection."""
        super().connection_made(transport)
        self._joining = _JoiningTransport(transport)

    def on_headers_complete(self) -> None:
        """Let the request's answer go through the joining transport."""
        super().on_headers_complete()
        if self.cycle is not None:  # None as long as a connection has only asked for an upgrade
            self.cycle.transport = self._joining

    def on_response_complete(self) -> None:
        """End an answer, which is without a body when HEAD was asked."""
        self._joining.flush()
        super().on_response_complete()


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
        """Send what is held back."""
        if self._head:
            self._transport.write(self._head)
            self._head = b""

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self.flush()
        self._transport.close()
