"""Links that are answered at once, over real sockets: the same replies as the general way's, in order."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from tests.support import Tenant

from carillon.app import create_app
from carillon.db.database import Database
from carillon.errors import UnavailableError
from carillon.events.log import ReadEvents, read_events
from carillon.http.connections import Connections, Limits
from carillon.http.front import Front
from carillon.http.server import Server, protocol_of
from carillon.links.addresses import LinkAddresses
from carillon.links.clicks import Clicks
from carillon.links.codes import day_of
from carillon.links.lookup import LinkLookup
from carillon.links.shorten import Shorten, shorten
from carillon.metrics import Metrics
from carillon.outbound.client import HttpClient
from carillon.runtime import compose
from carillon.settings import Settings

HOST = "s.carillon.example"
URL = "https://shop.example/spring"
BROWSER = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36"
END = b"\r\n\r\n"
VARYING = re.compile(rb"(x-request-id|date): [^\r]*")


class Visitor:
    """A connection to the server that opens links; `metrics` are those of the server."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, metrics: Metrics, server: Server
    ) -> None:
        self._reader, self.writer, self._metrics, self.server = reader, writer, metrics, server

    def ask(self, *codes: str, head: str = "") -> None:
        """Ask for links in one packet."""
        asked = [f"GET /l/{code} HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: {BROWSER}\r\n{head}\r\n" for code in codes]
        self.writer.write("".join(asked).encode())

    async def reply(self) -> bytes:
        head = await asyncio.wait_for(self._reader.readuntil(END), 10)
        length = re.search(rb"content-length: (\d+)", head)
        return head + await (self._reader.readexactly(int(length[1])) if length else self._reader.read())

    async def leads(self) -> str:
        found = re.search(rb"location: ([^\r]+)", await self.reply())
        return found[1].decode() if found else ""

    async def is_hung_up(self) -> bool:
        return await asyncio.wait_for(self._reader.read(), 2) == b""

    def counted(self) -> float:
        samples = [one for family in self._metrics.families() for one in family.samples]
        return sum(
            one.value for one in samples if one.name == "carillon_requests_total" and one.labels["dialect"] == "links"
        )


@asynccontextmanager
async def visiting(db: Database, folder: Path, *, at_once: bool = True, proxies: str = "") -> AsyncIterator[Visitor]:
    listener = socket.create_server(("127.0.0.1", 0))
    connections, metrics = Connections(Limits()), Metrics()
    async with HttpClient() as outbound:
        trusted = (ip_network(proxies),) if proxies else ()
        settings = Settings(data_dir=folder, link_url=f"https://{HOST}", trusted_proxies=trusted)
        app = create_app(compose(settings, db, outbound), metrics=metrics)
        protocol = protocol_of(connections, app.at_once if at_once else None)
        config = uvicorn.Config(app, loop="none", http=protocol, lifespan="off", log_config=None, server_header=False)
        server = Server(config, [], connections)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        try:
            yield Visitor(reader, writer, metrics, server)
        finally:
            writer.close()
            server.should_exit = True
            await serving


async def codes_of(db: Database, tenant: Tenant, count: int) -> list[str]:
    urls = await shorten(db, tenant.actor, Shorten(urls=[f"{URL}/{one}" for one in range(count)]))
    return [one.rpartition("/")[2] for one in urls if one]


def holding_reads(db: Database, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Let nothing be read until the event."""
    going_on, real = asyncio.Event(), db.read

    async def slow(*arguments: Any, **keywords: Any) -> Any:
        await going_on.wait()
        return await real(*arguments, **keywords)

    monkeypatch.setattr(db, "read", slow)
    return going_on


async def test_a_link_is_answered_at_once_as_it_is_in_the_general_way(
    db: Database, account: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with visiting(db, tmp_path, at_once=False) as visitor:
        (code,) = await codes_of(db, account, 1)
        visitor.ask(code)
        general = await visitor.reply()
    async with visiting(db, tmp_path) as visitor:
        monkeypatch.setattr(Front, "__call__", None)
        db.process_state(LinkLookup).__init__()  # type: ignore[misc] # nothing is remembered
        for _ in range(2):
            visitor.ask(code)
            at_once = await visitor.reply()
            assert sorted(VARYING.sub(b"", at_once).split(b"\r\n")) == sorted(VARYING.sub(b"", general).split(b"\r\n"))
        assert visitor.counted() == 2
    await db.process_state(Clicks).write(db)
    events = await db.read(read_events, account.actor, ReadEvents())
    assert [(one.data["class"], one.data["ip"]) for one in events] == [("human", "127.0.0.1")] * 3


async def test_behind_a_proxy_the_visitor_is_whom_it_names(db: Database, account: Tenant, tmp_path: Path) -> None:
    async with visiting(db, tmp_path, proxies="127.0.0.0/8") as visitor:
        (code,) = await codes_of(db, account, 1)
        for head in ("X-Forwarded-For: 203.0.113.5, 198.51.100.7\r\n", "X-Forwarded-For: \r\n", ""):
            visitor.ask(code, head=head)
            assert await visitor.leads() == f"{URL}/0"
    await db.process_state(Clicks).write(db)
    events = await db.read(read_events, account.actor, ReadEvents())
    assert [one.data["ip"] for one in events] == ["198.51.100.7", "127.0.0.1", "127.0.0.1"]


async def test_links_in_one_packet_are_answered_in_their_order(db: Database, account: Tenant, tmp_path: Path) -> None:
    async with visiting(db, tmp_path) as visitor:
        codes = await codes_of(db, account, 20)
        visitor.ask(*codes)
        assert [await visitor.leads() for _ in codes] == [f"{URL}/{one}" for one in range(20)]


async def test_what_comes_while_a_link_is_looked_for_waits_for_it(
    db: Database, account: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with visiting(db, tmp_path) as visitor:
        codes = await codes_of(db, account, 6)
        going_on = holding_reads(db, monkeypatch)
        for code in codes[:3]:
            visitor.ask(code)
            await asyncio.sleep(0.05)
        visitor.ask(*codes[3:])
        await asyncio.sleep(0.05)
        going_on.set()
        assert [await visitor.leads() for _ in codes] == [f"{URL}/{one}" for one in range(6)]


async def test_what_is_not_led_on_at_once_goes_the_general_way(db: Database, account: Tenant, tmp_path: Path) -> None:
    async with visiting(db, tmp_path) as visitor:
        (code,) = await codes_of(db, account, 1)
        for codes, head in (
            (["0" * 10], ""),
            ([code], "Content-Length: 0\r\n"),
            ([f"{code}?utm=1"], ""),
            ([f"{code}/more"], ""),
        ):
            visitor.ask(*codes, head=head)
            status = (await visitor.reply())[9:12]
            assert status == (b"302" if "0" * 10 not in codes and "more" not in codes[0] else b"404"), codes
        visitor.writer.write(f"GET /l/{code} HTTP/1.0\r\nHost: {HOST}\r\nConnection: keep-alive\r\n\r\n".encode())
        assert b"connection: close" in await visitor.reply()
    async with visiting(db, tmp_path) as visitor:
        visitor.ask(code, head="Connection: close\r\n")
        assert b"connection: close" in await visitor.reply()


async def test_a_header_of_two_lines_is_sent_by_neither_way(
    db: Database, account: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def url_of(_link: object) -> str:
        return f"{URL}\r\nSet-Cookie: a=b"

    async with visiting(db, tmp_path) as visitor:
        (code,) = await codes_of(db, account, 1)
        monkeypatch.setattr("carillon.links.answers.url_of", url_of)
        visitor.ask(code)
        with pytest.raises(asyncio.IncompleteReadError) as raised:  # there the server hangs up
            await visitor.reply()
        assert raised.value.partial == b""


async def test_a_database_that_is_away_is_503_at_once_too(
    db: Database, account: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with visiting(db, tmp_path) as visitor:
        (code,) = await codes_of(db, account, 1)

        async def away(*_: object, **__: object) -> None:
            raise UnavailableError("It is away.")

        monkeypatch.setattr(db, "read", away)
        visitor.ask(code)
        assert (await visitor.reply()).startswith(b"HTTP/1.1 503 ")
        monkeypatch.undo()
        visitor.ask(code)
        assert await visitor.leads() == f"{URL}/0"


async def test_who_hangs_up_while_a_link_is_looked_for_is_forgotten(
    db: Database, account: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with visiting(db, tmp_path) as visitor:
        (code,) = await codes_of(db, account, 1)
        going_on = holding_reads(db, monkeypatch)
        visitor.ask(code)
        await asyncio.sleep(0.05)
        visitor.writer.transport.abort()
        await asyncio.sleep(0.05)
        going_on.set()
        await asyncio.sleep(0.05)
        assert len(db.process_state(Clicks)) == 0


async def test_a_server_that_stops_answers_what_is_looked_for_and_hangs_up(
    db: Database, account: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for is_made in (True, False):
        async with visiting(db, tmp_path) as visitor:
            (code,) = await codes_of(db, account, 1)
            if not is_made:
                (code,) = db.process_state(LinkAddresses).codes.make(
                    account.account_id, day_of(db.clock.now()), [10**6]
                )
            with monkeypatch.context() as patch:
                going_on = holding_reads(db, patch)
                visitor.ask(code)
                await asyncio.sleep(0.05)
                visitor.server.should_exit = True
                await asyncio.sleep(0.3)
                going_on.set()
                assert (await visitor.reply())[9:12] == (b"302" if is_made else b"404")
                assert await visitor.is_hung_up(), is_made
