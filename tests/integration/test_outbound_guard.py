"""Which servers the HTTP client reaches: none on this machine, however its address is spelled or resolved."""

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_network

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from tests.integration.scripted_http import OK, ScriptedServer, replying, serving

from carillon.outbound.addresses import AddressGuard
from carillon.outbound.client import HttpClient
from carillon.outbound.connector import AddressRefusedError, FilteringResolver, guarded_connector
from carillon.outbound.exchange import Failure, HttpRequest, OutboundError

pytestmark = pytest.mark.any_database

# Each of them led some client to 127.0.0.1 or ::1, or names an address that belongs to no other machine.
LITERALS = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",  # noqa: S104 - to be refused
    "10.0.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "172.31.255.255",
    "192.168.0.1",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::FFFF:7F00:0001]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::127.0.0.1]",
    "[2002:7f00:1::]",
    "[2002:7f00:1::1]",
    "[2001:470:1::5efe:10.0.0.1]",
    "[2001:470:1::200:5efe:7f00:1]",
    "[2001:470:1::5efe:10.0.0.1]",
    "[2001:470:1::200:5efe:7f00:1]",
    "[2001:0:7f00:1::80ff:fffe]",
    "[2001::80ff:fffe]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
    "１２７.０.０.１",  # noqa: RUF001 - full width
    "127。0。0。1",
    "①②⑦.⓪.⓪.①",
]
UNUSUAL = [
    "127.1",
    "127.0.1",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "127.0.0.01",
    "0x7f000001",
    "0x7F.0.0.1",
    "0X7f.1",
    "0x7f.0x0.0x0.0x1",
    "127.0.0.1.",
    "127.1.",
    "2130706433.",
    "4294967297",
    "0",
    "00",
    "0x",
    "256.0.0.1",
    "127.0.0.0x1",
    "[fe80::1%lo]",
    "[fe80::1%25lo]",
    "[::1%25]",
    "[::1%1]",
    "[127.0.0.1]",
    "[v1.127]",
    "127%2E0%2E0%2E1",
    "%31%32%37.0.0.1",
    "%6C%6F%63%61%6C%68%6F%73%74",
    "localhost%00.example",
    "localhost%2F.example",
    "bells.example@127.0.0.1",
    "bell:ding@127.0.0.1",
    ":@127.0.0.1",
    "@127.0.0.1",
    "127.0.0.1:80@bells.example",
    "bells.example\\@127.0.0.1",
    "127.0.0.1\\.bells.example",
    "127.0.0.1 ",
    "127.0.0.1\t",
    "127.0.0.1\n",
    "127.0.0.1\0",
    "local\u00adhost",
    "local\u200dhost",
    "127.0.0.1,bells.example",
    "",
]
NAMES = ["localhost", "LOCALHOST", "localhost.", "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", "ｌｏｃａｌｈｏｓｔ"]  # noqa: RUF001 - full width


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with serving(replying(OK)) as made:
        yield made


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[HttpClient]:
    async with HttpClient() as made:
        yield made


@pytest.fixture(scope="module")
async def allowing() -> AsyncIterator[HttpClient]:
    async with HttpClient([ip_network("127.0.0.0/8"), ip_network("::/0")]) as made:
        yield made


def get(host: str, port: int) -> HttpRequest:
    return HttpRequest(method="GET", url=f"http://{host}:{port}/", timeout_seconds=10.0)


async def failure_of(client: HttpClient, request: HttpRequest) -> Failure:
    with pytest.raises(OutboundError) as failed:
        await client.send(request)
    assert not failed.value.may_have_arrived
    return failed.value.failure


@pytest.mark.parametrize("host", LITERALS)
async def test_an_address_that_is_not_public_is_refused(client: HttpClient, server: ScriptedServer, host: str) -> None:
    assert await failure_of(client, get(host, server.port)) == Failure.REFUSED_ADDRESS
    assert server.connections == 0


@pytest.mark.parametrize("host", UNUSUAL)
async def test_an_unusual_spelling_of_a_host_is_refused_whatever_is_allowed(
    client: HttpClient, allowing: HttpClient, server: ScriptedServer, host: str
) -> None:
    for one in (client, allowing):
        assert await failure_of(one, get(host, server.port)) == Failure.INVALID_REQUEST
    assert server.connections == 0


@pytest.mark.parametrize("host", NAMES)
async def test_a_name_of_this_machine_is_refused(client: HttpClient, server: ScriptedServer, host: str) -> None:
    # Where the machine's list of hosts is asked for it with its dot, it is not found.
    refusals = {Failure.REFUSED_ADDRESS, Failure.DNS} if host.endswith(".") else {Failure.REFUSED_ADDRESS}
    assert await failure_of(client, get(host, server.port)) in refusals
    assert server.connections == 0


async def test_a_name_that_resolves_to_an_address_that_is_not_public_is_refused(server: ScriptedServer) -> None:
    addresses = [one.strip("[]") for one in LITERALS if one.isascii()] + ["fe80::1%lo"]
    hosts = {f"bells{number}.example": address for number, address in enumerate(addresses)}
    async with HttpClient(lookup=lambda host: [hosts[host]]) as client:
        for host, address in hosts.items():
            assert await failure_of(client, get(host, server.port)) == Failure.REFUSED_ADDRESS, address
    assert server.connections == 0


async def test_a_name_without_addresses_fails_as_a_lookup_and_may_be_tried_again(server: ScriptedServer) -> None:
    async with HttpClient(lookup=lambda _host: []) as client:
        failure = await failure_of(client, get("bells.example", server.port))
    assert (failure, failure.is_permanent) == (Failure.DNS, False)


async def test_the_server_of_these_tests_can_be_reached(server: ScriptedServer) -> None:
    async with HttpClient([ip_network("127.0.0.1")]) as client:
        for host in ("127.0.0.1", "localhost", "１２７.０.０.１", "[::ffff:127.0.0.1]"):  # noqa: RUF001 - full width
            assert (await client.send(get(host, server.port))).body == b"ok"
    # The third is the first again.
    assert server.connections == 3


async def test_allowed_networks_are_reached_and_no_others(server: ScriptedServer) -> None:
    async with HttpClient([ip_network("127.0.0.2/31")]) as client:
        assert await failure_of(client, get("127.0.0.1", server.port)) == Failure.REFUSED_ADDRESS
        # Nobody listens there: it is dialled.
        assert await failure_of(client, get("127.0.0.3", server.port)) == Failure.CONNECT
    async with serving(replying(OK), host="::1") as sixth, HttpClient([ip_network("::1/128")]) as client:
        assert (await client.send(get("[::1]", sixth.port))).body == b"ok"
        assert await failure_of(client, get("127.0.0.1", server.port)) == Failure.REFUSED_ADDRESS


async def test_a_name_with_permitted_addresses_is_reached_at_those_alone(server: ScriptedServer) -> None:
    async with serving(replying(OK), host="::1") as refused:
        # Both on the port of the one that is refused: nobody listens at the other's address there.
        answers = ["::1", "10.0.0.1", "127.0.0.1"]
        async with HttpClient([ip_network("127.0.0.0/8")], lookup=lambda _host: answers) as client:
            assert (await client.send(get("bells.example", server.port))).body == b"ok"
            assert await failure_of(client, get("bells.example", refused.port)) == Failure.CONNECT
        assert refused.connections == 0


async def test_the_resolver_gives_permitted_addresses_alone() -> None:
    answers = {"both.example": ["10.0.0.1", "1.1.1.1", "::1", "2606:4700::1111"], "private.example": ["10.0.0.1"]}
    resolver = FilteringResolver(AddressGuard(), lambda host: answers[host])
    found = await resolver.resolve("both.example", 443)
    assert [(one["host"], one["port"], one["family"]) for one in found] == [
        ("1.1.1.1", 443, socket.AF_INET),
        ("2606:4700::1111", 443, socket.AF_INET6),
    ]
    with pytest.raises(AddressRefusedError):
        await resolver.resolve("private.example", 443)
    await resolver.close()


async def test_a_name_that_resolves_to_another_address_the_second_time_is_checked_again(
    server: ScriptedServer,
) -> None:
    answers = iter(["127.0.0.2", "127.0.0.1"])
    async with serving(replying(OK), host="127.0.0.2") as permitted:
        async with HttpClient([ip_network("127.0.0.2")], lookup=lambda _host: [next(answers)]) as client:
            assert (await client.send(get("rebind.example", permitted.port))).body == b"ok"
            assert await failure_of(client, get("rebind.example", server.port)) == Failure.REFUSED_ADDRESS
        assert (permitted.connections, server.connections) == (1, 0)


class RebindingResolver(AbstractResolver):
    """Answers a public address when it is first asked, and `then` afterwards. Nothing filters its answers."""

    def __init__(self, then: str) -> None:
        self._answers: Iterator[str] = iter(["1.1.1.1", then, then])

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        answer = next(self._answers)
        return [ResolveResult(hostname=host, host=answer, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("then", ["127.0.0.1", "::ffff:127.0.0.1", "0.0.0.0", "::1", "localhost"])  # noqa: S104
async def test_a_connection_is_refused_by_the_address_that_is_dialled(server: ScriptedServer, then: str) -> None:
    guard, resolver = AddressGuard(), RebindingResolver(then)
    (checked,) = await resolver.resolve("rebind.example")
    assert checked["host"] == "1.1.1.1"
    connector = guarded_connector(guard, resolver, ssl.create_default_context())
    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises(aiohttp.ClientConnectorError) as refused:
            await session.get(f"http://rebind.example:{server.port}/")
        assert isinstance(refused.value.os_error, AddressRefusedError)
    assert server.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]"])  # noqa: S104 - refused
async def test_a_connection_to_a_host_that_no_resolver_sees_is_refused(server: ScriptedServer, host: str) -> None:
    connector = guarded_connector(AddressGuard(), RebindingResolver("1.1.1.1"), ssl.create_default_context())
    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises(aiohttp.ClientConnectorError) as refused:
            await session.get(f"http://{host}:{server.port}/")
        assert isinstance(refused.value.os_error, AddressRefusedError)
    assert server.connections == 0


async def test_lookups_that_hang_hold_up_no_other_threads() -> None:
    release = threading.Event()
    # More than asyncio's own pool has threads, on a machine with few processors.
    hanging = threading.Semaphore(0)

    def hang(_host: str) -> list[str]:
        hanging.release()
        release.wait(30)
        return ["127.0.0.1"]

    async with HttpClient(lookup=hang) as client, asyncio.timeout(30):
        sending = [asyncio.create_task(failure_of(client, get(f"bells{n}.example", 80))) for n in range(64)]
        for _ in range(16):
            while not hanging.acquire(blocking=False):  # noqa: ASYNC110 - released by threads
                await asyncio.sleep(0.01)
        assert await asyncio.to_thread(lambda: "free") == "free"
        release.set()
        assert set(await asyncio.gather(*sending)) == {Failure.REFUSED_ADDRESS}
