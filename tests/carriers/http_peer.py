"""A scripted HTTP provider on a real socket, and the site at which it tells of its messages."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_network
from random import Random

import httpx
from tests.carriers.harness import REFUSED, Ability, Peer, running
from tests.carriers.pieces import CARRIER_ID, SECRET, KeepingInbox
from tests.integration.scripted_http import ScriptedServer
from tests.support import MOMENT

from carillon.carriers.failures import Failure
from carillon.carriers.http.inbound import InboundTemplate, read_inbound_template
from carillon.carriers.http.tokens import CallbackTokens, CallbackUrls
from carillon.carriers.registry import CarrierConfig, Surroundings, make_carrier
from carillon.http.body import BodyBudget
from carillon.http.front import Front
from carillon.kit.ids import UuidFactory
from carillon.metrics import Metrics
from carillon.outbound.client import HttpClient
from carillon.receiving import receiving_site

KEY = bytes(range(32))
URLS = CallbackUrls(base_url="http://carillon.example", tokens=CallbackTokens(lambda: KEY))
OPTIONS = {
    "body": json.dumps(
        {"to": "+{to}", "from": "{from}", "text": "{text}", "parts": "{parts:number}", "callback": "{callback}"}
    ),
    "auth": "bearer",
    "reference": "json:/id",
    "status.422": "unknown_subscriber",
    "timeout": "1",
    "window": "3",
    "receipt.reference": "param:id",
    "receipt.state": "param:status",
    "receipt.to": "param:to",
    "reply.from": "json:/msisdn",
    "reply.to": "json:/to",
    "reply.text": "json:/text",
    "inbound.answer": "ACK",
}


class HttpPeer(Peer):
    """Takes messages as JSON."""

    abilities = frozenset(Ability)
    refusal = Failure.UNKNOWN_SUBSCRIBER

    def __init__(self, inbox: KeepingInbox) -> None:
        super().__init__(inbox)
        self.book = ScriptedServer(script=self._answer, host="127.0.0.1")
        self._server: asyncio.Server | None = None
        self.site = site_client(inbox, read_inbound_template(OPTIONS))

    async def come_up(self) -> None:
        self._server = await asyncio.start_server(self.book.connected, self.book.host, self.book.port)
        self.book.port = self._server.sockets[0].getsockname()[1]

    async def go_down(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            await self.book.stop()

    async def send_receipt(self, reference: str, address: str) -> None:
        url = URLS.of_carrier(0, CARRIER_ID)
        reply = await self.site.post(url, data={"id": reference, "status": "DELIVRD", "to": f"+{address}"})
        assert (reply.status_code, reply.text) == (200, "ACK")

    def secrets(self) -> list[str]:
        return [SECRET, *self.callbacks()]

    def callbacks(self) -> list[str]:
        return [json.loads(body)["callback"] for body in self.book.bodies]

    async def _answer(self, _head: bytes, writer: asyncio.StreamWriter) -> None:
        address = json.loads(self.book.bodies[-1])["to"].removeprefix("+")
        await self.answering(address)
        status, content = (422, {}) if address.endswith(REFUSED) else (200, {"id": f"ref-{len(self.taken)}"})
        body = json.dumps(content).encode()
        writer.write(b"HTTP/1.1 %d Short\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))


def site_client(inbox: KeepingInbox, template: InboundTemplate | None) -> httpx.AsyncClient:
    """Make a client of the site, which knows one carrier."""

    async def templates(carrier_id: int) -> InboundTemplate | None:
        return template if carrier_id == CARRIER_ID else None

    uuids = UuidFactory(Random(7))  # noqa: S311 - frozen on purpose
    front = Front(
        None,
        [receiving_site(CallbackTokens(lambda: KEY), templates, inbox)],
        Metrics(),
        bodies=BodyBudget(8_000_000, 1_000_000),
        new_request_id=lambda: uuids.make_text(MOMENT),
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(front))


@asynccontextmanager
async def open_http_peer(inbox: KeepingInbox) -> AsyncIterator[Peer]:
    peer = HttpPeer(inbox)
    await peer.come_up()
    async with HttpClient([ip_network("127.0.0.0/8")]) as client:
        config = CarrierConfig(
            carrier_id=CARRIER_ID,
            kind="http",
            url=f"http://127.0.0.1:{peer.book.port}/messages",
            options=OPTIONS,
            secret=SECRET,
        )
        peer.carrier = make_carrier(config, Surroundings(inbox=inbox, outbound=client, callbacks=URLS))
        try:
            async with running(peer.carrier):
                yield peer
        finally:
            with suppress(Exception):
                await peer.site.aclose()
            await peer.go_down()
