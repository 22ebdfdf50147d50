"""A way to PostgreSQL on which COMMITs can break: they take effect, and their answer is lost with the connection.

A statement that is a transaction by itself (`Tx.run_deferred`) commits as well.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

COMMIT = b"COMMIT;\0"
BEGIN = b"BEGIN;\0"
PREPARED = re.compile(rb"P....(\w+\0)WITH (?:p0|assumed) AS", re.DOTALL)


class Commits:
    """Finds what commits among the octets that one connection sends."""

    def __init__(self) -> None:
        self._prepared: list[bytes] = []
        self._in_transaction = False

    def are_in(self, octets: bytes) -> bool:
        if prepared := PREPARED.findall(octets):
            self._prepared += prepared
            return False
        self._in_transaction = (self._in_transaction or BEGIN in octets) and COMMIT not in octets
        if COMMIT in octets:
            return True
        return not self._in_transaction and any(b"\0" + name in octets for name in self._prepared)


class BreakingWay:
    """Forwards all that passes; after `skips` COMMITs, `breaks` of them are answered by the connection's end."""

    def __init__(self, dsn: str) -> None:
        self.skips = 0
        self.breaks = 0
        self.broken = 0
        parts = urlsplit(dsn)
        self._place = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
        self._port = parts.port or int(parse_qs(parts.query).get("port", ["5432"])[0])
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._place.startswith("/"):
            server = await asyncio.open_unix_connection(f"{self._place}/.s.PGSQL.{self._port}")
        else:
            server = await asyncio.open_connection(self._place, self._port)
        answers = asyncio.create_task(self._forward(server[0], writer))
        self._tasks.add(answers)
        commits = Commits()
        try:
            while octets := await reader.read(65536):
                breaks = commits.are_in(octets) and self._breaks()
                if breaks:
                    answers.cancel()
                    await asyncio.gather(answers, return_exceptions=True)
                server[1].write(octets)
                if breaks:
                    await server[0].read(65536)  # it is committed
                    self.broken += 1
                    break
        finally:
            answers.cancel()
            self._tasks.discard(answers)
            server[1].close()
            writer.close()

    def _breaks(self) -> bool:
        if self.skips or not self.breaks:
            self.skips = max(0, self.skips - 1)
            return False
        self.breaks -= 1
        return True

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while octets := await reader.read(65536):
            writer.write(octets)
        writer.close()


@asynccontextmanager
async def breaking_way(dsn: str) -> AsyncIterator[tuple[BreakingWay, str]]:
    """Yield the way, and the connection string that goes it."""
    way = BreakingWay(dsn)
    server = await asyncio.start_server(way.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    parts = urlsplit(dsn)
    user = parts.netloc.rpartition("@")[0]
    try:
        yield way, parts._replace(netloc=f"{user}@127.0.0.1:{port}", query="sslmode=disable").geturl()
    finally:
        server.close()
