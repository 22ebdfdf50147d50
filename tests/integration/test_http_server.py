"""The server's own part of HTTP, over real sockets: what a head's waiting for its body must not hold up."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from carillon.http.connections import Connections, Limits
from carillon.http.server import Server, protocol_of

pytestmark = pytest.mark.any_database

Application = Callable[[Any, Any, Any], Awaitable[None]]

_DATA_SEGMENTS_IN = 152  # tcpi_data_segs_in in Linux's struct tcp_info


def start(*headers: tuple[bytes, bytes], status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def part(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def echo(_scope: Any, receive: Any, send: Any) -> None:
    """Answer with the body."""
    body, more = b"", True
    while more:
        event = await receive()
        body, more = body + event["body"], event["more_body"]
    await send(start((b"content-length", str(len(body)).encode())))
    await send(part(body))


async def greet(_scope: Any, _receive: Any, send: Any) -> None:
    await send(start((b"content-length", b"5")))
    await send(part(b"hello"))


@asynccontextmanager
async def connected(app: Application) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server of the application."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections = Connections(Limits())
    config = uvicorn.Config(app, loop="none", http=protocol_of(connections), lifespan="off", log_config=None)
    server = Server(config, [], connections)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        server.should_exit = True
        await serving


async def read_until(reader: asyncio.StreamReader, end: bytes) -> bytes:
    return await asyncio.wait_for(reader.readuntil(end), 10)


def asking(method: str, *headers: str) -> bytes:
    return "\r\n".join([f"{method} / HTTP/1.1", "host: carillon.example", *headers, "", ""]).encode()


async def test_a_reply_s_head_and_body_are_one_packet() -> None:
    async with connected(greet) as (reader, writer):
        for count in range(1, 4):
            writer.write(asking("GET"))
            assert (await read_until(reader, b"hello")).startswith(b"HTTP/1.1 200 OK\r\n")
            info = writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
            (packets,) = struct.unpack_from("I", info, _DATA_SEGMENTS_IN)
            assert packets == count


@pytest.mark.parametrize(
    ("method", "status", "headers"),
    [("HEAD", 200, [(b"content-length", b"5")]), ("GET", 204, []), ("GET", 304, [(b"etag", b'"1"')])],
)
async def test_a_reply_without_a_body_arrives(method: str, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    async def answer(_scope: Any, _receive: Any, send: Any) -> None:
        await send(start(*headers, status=status))
        await send(part(b"hello" if method == "HEAD" else b""))

    async with connected(answer) as (reader, writer):
        for _ in range(2):
            writer.write(asking(method))
            assert (await read_until(reader, b"\r\n\r\n")).startswith(f"HTTP/1.1 {status} ".encode())


async def test_a_reply_in_parts_arrives_part_by_part() -> None:
    going_on = asyncio.Event()

    async def answer(_scope: Any, _receive: Any, send: Any) -> None:
        await send(start())
        await send(part(b"HTTP/1.1 is what I speak", more=True))
        await send(part(b"; one", more=True))
        await going_on.wait()
        await send(part(b"; two"))

    async with connected(answer) as (reader, writer):
        writer.write(asking("GET"))
        first = await read_until(reader, b"; one\r\n")
        assert b"HTTP/1.1 is what I speak" in first
        going_on.set()
        assert b"; two" in await read_until(reader, b"0\r\n\r\n")


async def test_whoever_waits_for_100_continue_receives_it() -> None:
    async def answer(_scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        await send(start((b"content-length", str(len(body)).encode())))
        await send(part(body))

    async with connected(answer) as (reader, writer):
        writer.write(asking("POST", "content-length: 4", "expect: 100-continue"))
        assert await read_until(reader, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"body")
        assert (await read_until(reader, b"body")).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_requests_that_come_at_once_are_answered_in_their_order() -> None:
    async def answer(scope: Any, _receive: Any, send: Any) -> None:
        await asyncio.sleep(0)
        await send(start((b"content-length", b"3")))
        await send(part(dict(scope["headers"])[b"number"]))

    async with connected(answer) as (reader, writer):
        numbers = [f"{number:03}" for number in range(50)]
        writer.write(b"".join(asking("GET", f"number: {number}") for number in numbers))
        for number in numbers:
            assert (await read_until(reader, b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
            assert await reader.readexactly(3) == number.encode()


async def test_a_head_whose_body_fails_is_sent_before_the_connection_ends() -> None:
    async def answer(_scope: Any, _receive: Any, send: Any) -> None:
        await send(start((b"content-length", b"5")))
        raise ConnectionError

    async with connected(answer) as (reader, writer):
        writer.write(asking("GET"))
        assert (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP/1.1 200 OK\r\n")


UPGRADE = ("connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAEAAEAAAAIAAAAB")


@pytest.mark.parametrize(
    ("header", "sent"),
    [("content-length: 4", b"body"), ("transfer-encoding: chunked", b"2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n")],
)
@pytest.mark.parametrize("cut", [0, 1, 20, 1000])
async def test_an_offer_to_upgrade_is_passed_over_and_the_body_read(header: str, sent: bytes, cut: int) -> None:
    # As Java's HttpClient asks: with every request, its head and its body often in packets of their own.
    async with connected(echo) as (reader, writer):
        for _ in range(2):
            request = asking("POST", *UPGRADE, header) + sent
            place = len(request) - len(sent) if cut == 0 else cut
            writer.write(request[:place])
            for _ in range(3):  # turns in which the server, in the same loop, reads the first part
                await asyncio.sleep(0)
            writer.write(request[place:])
            assert (await read_until(reader, b"body")).startswith(b"HTTP/1.1 200 OK\r\n")
        writer.write(asking("GET", "content-length: 0"))
        assert (await read_until(reader, b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_offers_to_upgrade_that_come_at_once_are_answered_in_their_order() -> None:
    async with connected(echo) as (reader, writer):
        asked = [asking("POST", *UPGRADE, "content-length: 4") + b"%04d" % number for number in range(20)]
        writer.write(asking("POST", "content-length: 4") + b"none" + b"".join(asked))
        for body in (b"none", *(b"%04d" % number for number in range(20))):
            assert (await read_until(reader, b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
            assert await reader.readexactly(4) == body


async def test_who_offers_an_upgrade_and_waits_for_100_continue_receives_it() -> None:
    async with connected(echo) as (reader, writer):
        writer.write(asking("POST", *UPGRADE, "content-length: 4", "expect: 100-continue"))
        assert await read_until(reader, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"body")
        assert (await read_until(reader, b"body")).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    "sent", [asking("POST", *UPGRADE, "transfer-encoding: chunked") + b"no length\r\n", b"\x00\r\n"]
)
async def test_what_is_no_http_ends_the_connection(sent: bytes) -> None:
    async with connected(echo) as (reader, writer):
        writer.write(sent)
        assert b"HTTP/1.1 400 Bad Request\r\n" in await asyncio.wait_for(reader.read(), 10)
