"""Limits of connections and heads, over real sockets: what a caller without a credential can't do to the others."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
import uvicorn

from carillon.http.connections import Connections, Limits, Phase, Progress, most_connections
from carillon.http.server import MAX_HEAD_BYTES, MAX_HEADERS, Server, protocol_of

pytestmark = pytest.mark.any_database

# Short ones: what takes ten seconds elsewhere takes one here.
QUICK = Limits(head_seconds=1, idle_seconds=1, body_grace_seconds=1, body_bytes_per_second=1_000, reply_seconds=1)
Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the length of the body; `/large` with ten megabytes, `/slow` after two seconds."""
    size, more = 0, True
    while more:
        event = await receive()
        size, more = size + len(event.get("body", b"")), event.get("more_body", False)
    if scope["path"] == "/slow":
        await asyncio.sleep(2)
    body = bytes(10_000_000) if scope["path"] == "/large" else str(size).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving(limits: Limits = QUICK) -> AsyncIterator[tuple[str, int]]:
    """A server's host and port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1_000)
    connections = Connections(limits)
    config = uvicorn.Config(answer, loop="none", http=protocol_of(connections), lifespan="off", log_config=None)
    server = Server(config, [], connections)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield listener.getsockname()
    finally:
        server.should_exit = True
        await running


@asynccontextmanager
async def connected(place: tuple[str, int], count: int = 1) -> AsyncIterator[list[Ends]]:
    ends = [await asyncio.open_connection(*place) for _ in range(count)]
    try:
        yield ends
    finally:
        for _, writer in ends:
            writer.transport.abort()


async def reply(ends: Ends, request: bytes = b"") -> bytes:
    """What comes until the server hangs up."""
    reader, writer = ends
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionResetError:
        return b"reset"


async def status(ends: Ends, request: bytes) -> int:
    """The status of a reply with a body of one line, on a connection that stays open."""
    reader, writer = ends
    writer.write(request)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
    await asyncio.wait_for(reader.readexactly(length), 10)
    return int(head[9:12])


def head(*lines: str, method: str = "GET", path: str = "/") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "host: carillon.example", *lines, "", ""]).encode()


async def test_a_head_of_as_much_as_is_allowed_is_read() -> None:
    fewer = [f"x-{number}: {'v' * 600}" for number in range(MAX_HEADERS - 1)]
    async with serving() as place, connected(place) as (ends,):
        assert await status(ends, head(*fewer)) == 200
        assert await status(ends, head(f"x: {'v' * (MAX_HEAD_BYTES - 100)}")) == 200


@pytest.mark.parametrize(
    "request_head",
    [
        head(f"x: {'v' * MAX_HEAD_BYTES}"),
        head(f"{'n' * MAX_HEAD_BYTES}: v"),
        head(path=f"/{'p' * MAX_HEAD_BYTES}"),
        head(*[f"x-{number}: v" for number in range(MAX_HEADERS)]),
    ],
    ids=["a value", "a name", "a path", "many"],
)
async def test_a_head_over_its_limits_is_431(request_head: bytes) -> None:
    async with serving() as place, connected(place) as (ends,):
        assert (await reply(ends, request_head)).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("line", [b"v" * 1_000, b"x: v\r\n" * 200], ids=["one header", "many headers"])
async def test_a_head_that_does_not_end_is_refused_as_soon_as_it_is_too_long(line: bytes) -> None:
    sent = 0
    async with serving() as place, connected(place) as ((reader, writer),):
        writer.write(b"GET / HTTP/1.1\r\nx: ")
        while not reader.at_eof() and sent < 64_000_000:
            writer.write(line)
            sent += len(line)
            await asyncio.sleep(0)
            if reader._buffer:  # type: ignore[attr-defined] # there is no other way to look
                break
        assert sent < 5_000_000  # what the sockets' buffers take
        assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 431 ")


async def test_a_second_request_s_head_has_the_limits_too() -> None:
    async with serving() as place, connected(place) as (ends,):
        assert await status(ends, head()) == 200
        assert (await reply(ends, head(f"x: {'v' * MAX_HEAD_BYTES}"))).startswith(b"HTTP/1.1 431 ")


async def test_a_body_of_little_more_than_its_framing_is_refused() -> None:
    chunk = b"1;" + b"e" * 10_000 + b"\r\nx\r\n"
    async with serving() as place, connected(place) as (ends,):
        found = await reply(ends, head("transfer-encoding: chunked", method="POST") + chunk * 100)
        assert found in (b"", b"reset") or found.startswith(b"HTTP/1.1 400 ")


async def test_small_chunks_are_read() -> None:
    chunks = b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n"
    async with serving() as place, connected(place) as (ends,):
        assert await status(ends, head("transfer-encoding: chunked", method="POST") + chunks) == 200


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nhost: x"], ids=["nothing", "a part"])
async def test_a_head_that_does_not_come_in_time_is_not_waited_for(begun: bytes) -> None:
    async with serving() as place, connected(place) as (ends,):
        began = time.monotonic()
        found = await reply(ends, begun)
        assert time.monotonic() - began < 5
        assert found.startswith(b"HTTP/1.1 408 ") if begun else found in (b"", b"reset")


async def test_a_head_that_comes_a_byte_at_a_time_is_not_waited_for() -> None:
    async with serving() as place, connected(place) as ((reader, writer),):
        for byte in head("x: " + "v" * 1_000):
            writer.write(bytes([byte]))
            await asyncio.sleep(0.05)
            if reader.at_eof() or reader._buffer:  # type: ignore[attr-defined] # as above
                break
        assert await ended(reader) == b"408"


async def ended(reader: asyncio.StreamReader) -> bytes:
    """The status that comes before the end; who is still sending then may lose it."""
    try:
        return (await reader.readline())[9:12] or b"408"
    except ConnectionResetError:
        return b"408"


async def test_a_body_that_comes_too_slowly_is_not_waited_for() -> None:
    async with serving() as place, connected(place) as ((reader, writer),):
        writer.write(head("content-length: 100000", method="POST"))
        began = time.monotonic()
        while time.monotonic() - began < 8 and not reader._buffer:  # type: ignore[attr-defined] # as above
            writer.write(b"x")
            await asyncio.sleep(0.1)
        assert await ended(reader) == b"408"
        assert time.monotonic() - began < 8


async def test_a_body_at_its_least_rate_is_read_however_long_it_takes() -> None:
    async with serving() as place, connected(place) as ((reader, writer),):
        writer.write(head("content-length: 10000", method="POST"))
        for _ in range(20):
            writer.write(b"x" * 500)
            await asyncio.sleep(0.2)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")


async def test_an_idle_connection_is_closed_and_one_that_is_answered_is_not() -> None:
    async with serving() as place, connected(place, 2) as (idle, busy):
        assert await status(idle, head()) == 200
        answered = asyncio.create_task(status(busy, head(path="/slow")))
        assert await reply(idle) in (b"", b"reset")
        assert await answered == 200


async def test_a_reply_that_nobody_takes_is_dropped() -> None:
    async with serving() as place:
        raw = socket.create_connection(place)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        raw.sendall(head(path="/large"))
        await asyncio.sleep(4)
        with raw, pytest.raises(ConnectionResetError):
            await asyncio.to_thread(take, raw, 10_000_000)


def take(raw: socket.socket, size: int) -> None:
    raw.settimeout(5)
    while size > 0:
        size -= len(raw.recv(65_536))


async def test_when_there_are_too_many_the_one_that_is_idle_for_longest_goes() -> None:
    patient = replace(QUICK, connections=20, head_seconds=60, idle_seconds=60)
    async with serving(patient) as place, connected(place, 20) as ends:
        assert await status(ends[0], head()) == 200  # now the second is the oldest
        async with connected(place) as (new,):
            assert await status(new, head()) == 200
            assert await reply(ends[1]) in (b"", b"reset")
            assert await status(ends[0], head()) == 200


async def test_when_all_are_busy_a_new_one_is_told_to_come_again() -> None:
    async with serving(replace(QUICK, connections=3)) as place, connected(place, 3) as ends:
        answers = [asyncio.create_task(status(one, head(path="/slow"))) for one in ends]
        await asyncio.sleep(0.2)
        async with connected(place) as (new,):
            found = await reply(new)
        assert found.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 1" in found
        assert await asyncio.gather(*answers) == [200, 200, 200]


async def test_one_address_cannot_take_all_connections_but_a_proxy_may() -> None:
    few = replace(QUICK, per_address=2, head_seconds=60)
    async with serving(few) as place, connected(place, 5) as ends:
        assert [await reply(one) in (b"", b"reset") for one in ends[:3]] == [True, True, True]
        assert [await status(one, head()) for one in ends[3:]] == [200, 200]
    proxied = replace(few, proxies=(ip_network("127.0.0.0/8"),))
    async with serving(proxied) as place, connected(place, 5) as ends:
        assert [await status(one, head()) for one in ends] == [200] * 5


def test_a_phase_begins_with_nothing() -> None:
    progress = Progress(phase=Phase.BODY, since=1, body_bytes=5, reading_seconds=3)
    progress.enter(Phase.IDLE, 9)
    assert (progress.phase, progress.since, progress.body_bytes, progress.reading_seconds) == (Phase.IDLE, 9, 0, 0)


def test_a_process_keeps_files_for_other_things_than_connections() -> None:
    assert most_connections(100) == 100
    assert most_connections(10**9) < 10**9
