"""The HTTP client over real sockets: requests, replies, limits and failures."""

import asyncio
import gzip
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import uvloop
from tests.integration.scripted_http import OK, replying, serving

from carillon.outbound.client import HttpClient
from carillon.outbound.exchange import Failure, HttpReply, HttpRequest, OutboundError

pytestmark = pytest.mark.any_database

LOOPBACK = (ip_network("127.0.0.0/8"),)


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[HttpClient]:
    async with HttpClient(LOOPBACK) as made:
        yield made


def get(url: str, **options: Any) -> HttpRequest:
    return HttpRequest(method="GET", url=url, **options)


async def failure_of(client: HttpClient, request: HttpRequest) -> OutboundError:
    with pytest.raises(OutboundError) as failed:
        await client.send(request)
    return failed.value


async def test_a_request_arrives_as_it_is_given_and_its_reply_comes_back(client: HttpClient) -> None:
    reply = b"HTTP/1.1 418 Short\r\nX-Bell: d\xe9j\xe0\r\nx-bell: two\r\nContent-Length: 4\r\n\r\n\x00\xff\r\n"
    async with serving(replying(reply)) as server:
        headers = (("Authorization", "Bearer key"), ("X-Many", "1"), ("X-Many", "2"), ("User-Agent", "Own/1"))
        request = HttpRequest(
            method="POST", url=f"{server.url}/a%2Fb?q=%C3%A9#part", headers=headers, body=b"\x00body\xff"
        )
        assert await client.send(request) == HttpReply(
            status=418,
            headers=(("x-bell", "déjà"), ("x-bell", "two"), ("content-length", "4")),
            body=b"\x00\xff\r\n",
        )
    first, *lines = server.heads[0].decode().split("\r\n")
    assert first == "POST /a%2Fb?q=%C3%A9 HTTP/1.1"
    assert {
        f"Host: 127.0.0.1:{server.port}",
        "Authorization: Bearer key",
        "X-Many: 1",
        "X-Many: 2",
        "User-Agent: Own/1",
        "Accept-Encoding: identity",
        "Content-Length: 6",
    } <= set(lines)
    assert server.bodies == [b"\x00body\xff"]


@pytest.mark.parametrize("method", ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"])
async def test_every_method_is_sent_with_and_without_a_body(client: HttpClient, method: Any) -> None:
    # A HEAD's reply names the length of a body that does not come.
    reply = OK if method != "HEAD" else OK.removesuffix(b"ok")
    async with serving(replying(reply)) as server:
        for body in (b"", b"body"):
            sent = await client.send(HttpRequest(method=method, url=server.url, body=body))
            assert (sent.status, sent.body) == (200, b"" if method == "HEAD" else b"ok")
    assert [head.split(b" ", 1)[0].decode() for head in server.heads] == [method, method]
    assert server.bodies == [b"", b"body"]
    assert server.connections == 1


async def test_a_connection_is_kept_for_the_next_request_and_no_cookie_is() -> None:
    reply = OK.replace(b"\r\n", b"\r\nSet-Cookie: bell=ding; Path=/\r\n", 1)
    async with serving(replying(reply)) as server, HttpClient(LOOPBACK, lookup=lambda _host: ["127.0.0.1"]) as client:
        for _ in range(3):
            await client.send(get(f"http://bells.example:{server.port}/"))
        assert (server.connections, len(server.heads)) == (1, 3)
    assert not any(b"cookie" in head.lower() for head in server.heads)


async def test_many_requests_run_at_once(client: HttpClient) -> None:
    together = asyncio.Barrier(150)

    async def script(_head: bytes, writer: asyncio.StreamWriter) -> None:
        await together.wait()
        writer.write(OK)

    async with serving(script) as server:
        replies = await asyncio.gather(*(client.send(get(server.url, timeout_seconds=60.0)) for _ in range(150)))
    assert {reply.status for reply in replies} == {200}


async def test_no_proxy_and_no_password_is_taken_from_the_environment(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login bell password ding")
    monkeypatch.setenv("NETRC", str(netrc))
    async with serving(replying(OK)) as proxy, serving(replying(OK)) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        await client.send(get(server.url))
        assert proxy.connections == 0
    assert b"authorization" not in server.heads[0].lower()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_reply(client: HttpClient, status: int) -> None:
    async with serving(replying(OK)) as private:
        location = f"{private.url}/latest/meta-data"
        reply = f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        async with serving(replying(reply.encode())) as server:
            got = await client.send(get(server.url))
        assert (got.status, dict(got.headers)["location"]) == (status, location)
        assert private.connections == 0


async def test_a_body_up_to_the_limit_is_read_and_one_byte_more_is_too_large(client: HttpClient) -> None:
    async with serving(replying(b"HTTP/1.1 201 Made\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000)) as server:
        assert len((await client.send(get(server.url, max_reply_bytes=1000))).body) == 1000
        error = await failure_of(client, get(server.url, max_reply_bytes=999))
    assert (error.failure, error.status, error.may_have_arrived) == (Failure.TOO_LARGE, 201, True)


@pytest.mark.parametrize(
    "framing", [b"Transfer-Encoding: chunked", b"Connection: close", b"Content-Length: 9999999999"]
)
async def test_a_body_without_end_is_cut_off_at_the_limit(client: HttpClient, framing: bytes) -> None:
    async def script(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n")
        while True:
            writer.write(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
            await writer.drain()

    async with serving(script) as server:
        error = await failure_of(client, get(server.url, max_reply_bytes=100_000))
        assert (error.failure, error.status) == (Failure.TOO_LARGE, 200)
        await server.until_closed(1)


async def test_a_compressed_body_is_not_decompressed(client: HttpClient) -> None:
    bomb = gzip.compress(b"\0" * 5_000_000)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
    async with serving(replying(head.encode() + bomb)) as server:
        reply = await client.send(get(server.url, max_reply_bytes=len(bomb)))
    assert reply.body == bomb
    assert ("content-encoding", "gzip") in reply.headers


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfour",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x" * 100_000 + b": 1\r\n\r\n",
        b"HTTP/1.1 200 " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Many: 1\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"220 mail.example ESMTP\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
    ],
)
async def test_what_is_no_whole_http_reply_is_invalid(client: HttpClient, reply: bytes) -> None:
    async with serving(replying(reply, then_close=True)) as server:
        error = await failure_of(client, get(server.url))
        assert (error.failure, error.may_have_arrived) == (Failure.INVALID_REPLY, True)
        assert len(server.heads) == 1


async def test_a_head_without_end_is_cut_off(client: HttpClient) -> None:
    async def script(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-Many: 1\r\n" * 100)
            await writer.drain()

    async with serving(script) as server:
        error = await failure_of(client, get(server.url))
        assert error.failure == Failure.INVALID_REPLY
        await server.until_closed(1)


async def test_interim_replies_are_passed_over(client: HttpClient) -> None:
    async with serving(replying(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 3 + OK)) as server:
        assert (await client.send(get(server.url))).status == 200


async def test_a_reply_that_switches_protocols_ends_its_connection(client: HttpClient) -> None:
    reply = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    async with serving(replying(reply)) as server:
        assert (await client.send(get(server.url))).status == 101
        await server.until_closed(1)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
async def test_a_request_on_a_kept_connection_that_ends_is_not_sent_again(client: HttpClient, method: Any) -> None:
    async def script(head: bytes, writer: asyncio.StreamWriter) -> None:
        if b"/first" in head:
            writer.write(OK)
        else:
            writer.close()

    async with serving(script) as server:
        await client.send(get(f"{server.url}/first"))
        error = await failure_of(client, HttpRequest(method=method, url=f"{server.url}/second"))
        assert (error.failure, error.may_have_arrived) == (Failure.INVALID_REPLY, True)
        assert (server.connections, len(server.heads)) == (1, 2)


async def test_a_reply_that_comes_before_the_request_is_read_is_taken(client: HttpClient) -> None:
    body = b"x" * 30_000_000

    async def script(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 413 Too Much\r\nContent-Length: 0\r\n\r\n")
        await asyncio.Event().wait()

    async with serving(script) as server:
        request = HttpRequest(method="POST", url=server.url, headers=(("X-Unread", "1"),), body=body)
        assert (await client.send(request)).status == 413


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Slow"])
async def test_a_server_that_says_nothing_or_half_a_head_is_waited_for_no_longer_than_is_said(
    client: HttpClient, start: bytes
) -> None:
    async def script(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        await asyncio.Event().wait()

    async with serving(script) as server:
        began = time.monotonic()
        error = await failure_of(client, get(server.url, timeout_seconds=0.3))
        assert 0.2 < time.monotonic() - began < 5
    assert (error.failure, error.may_have_arrived, error.status) == (Failure.TIMEOUT, True, None)


async def test_a_body_that_drips_is_cut_off_when_the_time_is_up(client: HttpClient) -> None:
    async def script(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 202 Taken\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with serving(script) as server:
        error = await failure_of(client, get(server.url, timeout_seconds=0.4))
        assert (error.failure, error.may_have_arrived, error.status) == (Failure.TIMEOUT, True, 202)
        await server.until_closed(1)


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port where connections are neither made nor refused: its queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.settimeout(0)
            one.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for one in waiting:
            one.close()


@pytest.mark.parametrize(("connect", "total"), [(0.3, 30.0), (30.0, 0.3)])
async def test_a_connection_that_is_not_made_in_time_is_a_timeout_and_nothing_was_sent(
    full_port: int, connect: float, total: float
) -> None:
    async with HttpClient(LOOPBACK, connect_seconds=connect) as client:
        began = time.monotonic()
        error = await failure_of(client, get(f"http://127.0.0.1:{full_port}/", timeout_seconds=total))
        assert time.monotonic() - began < 10
    assert (error.failure, error.may_have_arrived) == (Failure.TIMEOUT, False)


async def test_a_port_that_nobody_listens_on_is_a_failure_to_connect(client: HttpClient) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = await failure_of(client, get(f"http://127.0.0.1:{unused.getsockname()[1]}/"))
    assert (error.failure, error.may_have_arrived, error.failure.is_permanent) == (Failure.CONNECT, False, False)


async def test_a_host_without_an_address_is_a_failure_of_dns() -> None:
    def absent(_host: str) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async with HttpClient(LOOPBACK, lookup=absent) as client:
        error = await failure_of(client, get("http://bells.example/"))
    assert (error.failure, error.may_have_arrived, error.failure.is_permanent) == (Failure.DNS, False, False)


async def test_a_lookup_that_hangs_is_a_timeout() -> None:
    def slow(_host: str) -> list[str]:
        time.sleep(1)
        return ["127.0.0.1"]

    async with HttpClient(LOOPBACK, lookup=slow, connect_seconds=0.2) as client:
        began = time.monotonic()
        error = await failure_of(client, get("http://bells.example/"))
        assert time.monotonic() - began < 0.9
    assert (error.failure, error.may_have_arrived) == (Failure.TIMEOUT, False)


async def test_a_caller_that_is_cancelled_leaves_no_connection(client: HttpClient) -> None:
    arrived = asyncio.Event()

    async def silent(_head: bytes, _writer: asyncio.StreamWriter) -> None:
        arrived.set()

    async with serving(silent) as server:
        sending = asyncio.create_task(client.send(get(server.url)))
        await arrived.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await server.until_closed(1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Bell", "ding\r\nX-Other: dong"),
        ("X-Bell", "ding\ndong"),
        ("X-Bell", "ding\0"),
        ("X-Bell", "\ud800"),
        ("X-Bell: 1\r\nX-Other", "dong"),
        ("X Bell", "ding"),
        ("", "ding"),
        ("Host", "169.254.169.254"),
        ("content-length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("Connection", "upgrade"),
        ("Expect", "100-continue"),
    ],
)
async def test_a_header_that_would_change_the_message_is_refused(client: HttpClient, name: str, value: str) -> None:
    async with serving(replying(OK)) as server:
        error = await failure_of(client, get(server.url, headers=((name, value),)))
        assert error.failure == Failure.INVALID_REQUEST
        assert error.failure.is_permanent
        assert server.connections == 0


async def test_what_is_shown_of_requests_replies_and_failures_has_no_values(client: HttpClient) -> None:
    reply = b"HTTP/1.1 200 OK\r\nX-Secret: ding-dong\r\nContent-Length: 9\r\n\r\nding-dong"
    async with serving(replying(reply)) as server:
        request = HttpRequest(
            method="POST", url=f"{server.url}/ding-dong", headers=(("X-Key", "ding-dong"),), body=b"ding-dong"
        )
        assert "ding-dong" not in repr(request)
        assert "ding-dong" not in repr(await client.send(request))
        error = await failure_of(client, get(f"{server.url}/ding-dong", max_reply_bytes=1))
    for shown in (error, await failure_of(client, get("http://bell:ding-dong@bells.example/"))):
        assert "ding-dong" not in f"{shown} {shown!r}"


def test_the_client_works_on_the_loop_that_the_server_runs_on() -> None:
    async def send() -> tuple[int, Failure]:
        async with serving(replying(OK)) as server, HttpClient(LOOPBACK) as client, HttpClient() as guarded:
            replies = [await client.send(get(server.url)) for _ in range(2)]
            refused = await failure_of(guarded, get(f"http://localhost:{server.port}/"))
            assert [reply.body for reply in replies] == [b"ok", b"ok"]
        return server.connections, refused.failure

    assert uvloop.run(send()) == (1, Failure.REFUSED_ADDRESS)


def test_the_library_is_loaded_by_the_first_request_only() -> None:
    program = """
import asyncio, sys, carillon.cli.serve
from carillon.outbound.client import HttpClient
from carillon.outbound.exchange import HttpRequest, OutboundError
assert "aiohttp" not in sys.modules
async def send():
    async with HttpClient() as client:
        try:
            await client.send(HttpRequest(method="GET", url="http://127.0.0.1/"))
        except OutboundError as error:
            print(error.failure)
asyncio.run(send())
assert "aiohttp" in sys.modules
"""
    done = subprocess.run(  # noqa: S603 - a program of ours
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout, done.stderr) == ("refused_address\n", "")
