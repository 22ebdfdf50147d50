"""The HTTP carrier beyond the contract: when it is down, how it stops, and its window."""

import asyncio
from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest
from tests.carriers.harness import running
from tests.carriers.pieces import CARRIER_ID, SECRET, message, messages
from tests.integration.scripted_http import ScriptedServer, replying, serving

from carillon.carriers.contract import Accepted, Failed
from carillon.carriers.failures import Failure
from carillon.carriers.http import carrier as module
from carillon.carriers.http.carrier import HttpCarrier
from carillon.carriers.http.provider import read_provider
from carillon.carriers.http.tokens import CallbackTokens, CallbackUrls
from carillon.carriers.http.window import Window
from carillon.kit.traffic import TrafficClass
from carillon.outbound.client import HttpClient
from carillon.tenancy.secrets import SecretKeyError

pytestmark = pytest.mark.any_database

LOOPBACK = [ip_network("127.0.0.0/8")]


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    async with HttpClient(LOOPBACK) as made:
        yield made


def carrier_of(server: ScriptedServer, client: HttpClient, **options: str) -> HttpCarrier:
    given = {"format": "form", "body": "to={to}&text={text}", **options}
    return HttpCarrier(CARRIER_ID, read_provider(f"{server.url}/send", SECRET, given), client)


def answering(status: int, body: str = "", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Short", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", body]).encode()


async def test_a_provider_that_answers_in_plain_text_is_understood(client: HttpClient) -> None:
    async with serving(replying(answering(202, "0: Accepted for delivery id=b-271\n"))) as server:
        carrier = carrier_of(server, client, reference=r"regex:id=(b-\d+)")
        assert await carrier.submit([message()]) == [Accepted(reference="b-271")]
        assert server.bodies == [b"to=306912340000&text=Ding+dong%2C+the+code+is+271828"]


async def test_receipts_name_a_message_by_its_id_where_the_answer_has_no_reference(client: HttpClient) -> None:
    async with serving(replying(answering(200))) as server:
        body = "to={to}&text={text}&client_ref={id}"
        assert await carrier_of(server, client, body=body).submit([message()]) == [
            Accepted(reference=str(message().message_id))
        ]
        assert await carrier_of(server, client).submit([message()]) == [Accepted(reference=None)]


async def test_a_provider_that_is_not_there_is_left_alone_for_twice_as_long_each_time(client: HttpClient) -> None:
    async with serving(replying(answering(401))) as server:
        carrier = carrier_of(server, client, window="5")
        for pause in (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0):
            outcomes = await carrier.submit(messages(5))
            assert {one.failure for one in outcomes if isinstance(one, Failed)} == {Failure.UNAVAILABLE}
            assert carrier._pause == pause, "calls that were under way together count once"
            assert not carrier.is_up
            calls = len(server.heads)
            await carrier.submit(messages(2))
            assert len(server.heads) == calls
            carrier._down_until = 0.0
        server.script = replying(answering(200))
        assert await carrier.submit([message()]) == [Accepted(reference=None)]
        assert carrier.is_up
        assert carrier._pause == 0.0


async def test_what_is_unanswered_too_long_after_the_stop_is_lost(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_END_SECONDS", 0.1)

    async def withhold(_head: bytes, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with serving(withhold) as server:
        carrier = carrier_of(server, client, window="2")
        async with running(carrier) as stopping:
            submitting = asyncio.create_task(carrier.submit(messages(3)))
            async with asyncio.timeout(10):
                while len(server.heads) < 2:  # noqa: ASYNC110 - the carrier's doing
                    await asyncio.sleep(0.005)
            stopping.set()
            outcomes = await submitting
        assert [one.failure for one in outcomes if isinstance(one, Failed)] == [
            Failure.LOST,
            Failure.LOST,
            Failure.UNAVAILABLE,
        ]


async def test_what_has_no_callback_url_for_want_of_the_key_is_unavailable(client: HttpClient) -> None:
    def ask_for_key() -> bytes:
        raise SecretKeyError

    async with serving(replying(answering(200))) as server:
        provider = read_provider(f"{server.url}/?to={{to}}&url={{callback}}", SECRET, {})
        urls = CallbackUrls(base_url="https://sms.example.org", tokens=CallbackTokens(ask_for_key))
        carrier = HttpCarrier(CARRIER_ID, provider, client, urls)
        assert await carrier.submit([message()]) == [Failed(failure=Failure.UNAVAILABLE)]
        assert server.heads == []


async def test_room_that_is_handed_to_who_has_left_goes_to_the_next() -> None:
    window = Window(1)
    await window.acquire(TrafficClass.OTP)
    waiting = [asyncio.create_task(window.acquire(one)) for one in (TrafficClass.OTP, TrafficClass.MARKETING)]
    await asyncio.sleep(0)
    window.release()
    waiting[0].cancel()
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting, return_exceptions=True)
    assert [one.cancelled() for one in waiting] == [True, False]
    window.release()
    async with asyncio.timeout(5):
        await window.acquire(TrafficClass.MARKETING)
