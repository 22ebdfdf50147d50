"""An HTTP server on loopback whose replies are bytes that a test writes, right or wrong."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

# Writes the reply to a request, whose head it is given; the connection is kept unless the script closes it.
Script = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(kw_only=True)
class ScriptedServer:
    """Counts its connections and keeps the heads and bodies of requests; `closed` counts connections that ended."""

    script: Script
    host: str
    port: int = 0
    connections: int = 0
    closed: int = 0
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._tasks.add(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while not writer.is_closing():
                    head = await reader.readuntil(b"\r\n\r\n")
                    self.heads.append(head)
                    self.bodies.append(await _body(head, reader))
                    await self.script(head, writer)
                    await writer.drain()
        finally:
            self.closed += 1
            writer.close()

    async def until_closed(self, count: int) -> None:
        async with asyncio.timeout(10):
            while self.closed < count:  # noqa: ASYNC110 - the client's doing
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _body(head: bytes, reader: asyncio.StreamReader) -> bytes:
    lengths = [line[15:] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    if b"\r\nx-unread:" in head.lower():
        return b""
    return await reader.readexactly(int(lengths[0])) if lengths else b""


@asynccontextmanager
async def serving(
    script: Script, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[ScriptedServer]:
    """Serve a script at a free port."""
    made = ScriptedServer(script=script, host=host)
    server = await asyncio.start_server(made.connected, host, 0, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await made.stop()


def replying(reply: bytes, *, then_close: bool = False) -> Script:
    """Answer every request with the same bytes."""

    async def script(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(reply)
        await writer.drain()
        if then_close:
            writer.close()

    return script
