"""Fuzz of heads and bodies on the socket: whatever comes, the server answers it or hangs up, and answers the next."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.test_http_limits import QUICK, connected, head, serving, status

pytestmark = pytest.mark.any_database

LINES = st.lists(
    st.sampled_from(
        [
            *(b"Host: x", b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: 99999999999999999999"),
            *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip", b"Expect: 100-continue", b"Connection: close"),
            *(b"Upgrade: h2c", b"Connection: upgrade", b": v", b"no colon", b" folded", b"X: \x00\xff", b"\xf0\x9f: v"),
        ]
    )
    | st.binary(max_size=40),
    max_size=8,
)
STARTS = st.sampled_from(
    [
        *(b"GET / HTTP/1.1", b"POST / HTTP/1.1", b"GET /%zz HTTP/1.1", b"CONNECT x:1 HTTP/1.1", b"PRI * HTTP/2.0"),
        *(b"GET / HTTP/0.9", b"get / http/1.1", b"GET  /", b"OPTIONS * HTTP/1.1", b"GET http://[ HTTP/1.1", b""),
    ]
) | st.binary(max_size=60)
BODIES = st.sampled_from([b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"zz\r\n", b"FFFFFFFFFFFFFFFFF\r\n"]) | st.binary(
    max_size=80
)


@pytest.fixture
async def place() -> AsyncIterator[tuple[str, int]]:
    """One server for all examples: whatever has come before, it answers the next."""
    async with serving(QUICK) as found:
        yield found


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(start=STARTS, lines=LINES, body=BODIES, ends=st.sampled_from([b"\r\n", b"\n", b"\r"]), cut=st.integers(1, 400))
async def test_whatever_comes_the_next_caller_is_answered(  # noqa: PLR0913, PLR0917 - all that a request has
    place: tuple[str, int], start: bytes, lines: list[bytes], body: bytes, ends: bytes, cut: int
) -> None:
    request = ends.join([start, *lines, b"", b""]) + body
    async with connected(place, 2) as (hostile, other):
        reader, writer = hostile
        writer.write(request[:cut])
        await asyncio.sleep(0)
        writer.write(request[cut:])
        writer.write_eof()
        answered = b""
        with contextlib.suppress(ConnectionResetError):
            answered = await asyncio.wait_for(reader.read(), 5)
        assert not answered or answered.startswith(b"HTTP/1.1 ")
        assert b" 500 " not in answered[:20]
        assert await status(other, head()) == 200
