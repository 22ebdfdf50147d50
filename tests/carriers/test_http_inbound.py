"""Receipts and replies of HTTP providers: what is read of a request, and what the site answers."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.carriers.http_peer import KEY, URLS, site_client
from tests.carriers.pieces import CARRIER_ID, KeepingInbox, message

from carillon.carriers.contract import Receipt, ReceiptState, Reply
from carillon.carriers.failures import Failure
from carillon.carriers.http.inbound import InboundRequest, read_inbound, read_inbound_template
from carillon.carriers.http.tokens import CallbackToken, CallbackTokens, CallbackUrls
from carillon.errors import InvalidInputError
from carillon.kit.ids import AccountId

pytestmark = pytest.mark.any_database

OF_CARRIER = CallbackToken(account_id=7, carrier_id=CARRIER_ID)
OF_EVERYONE = CallbackToken(account_id=0, carrier_id=CARRIER_ID)
OF_MESSAGE = CallbackToken(account_id=7, carrier_id=CARRIER_ID, message_id=message().message_id)

QUERY = {
    "receipt.reference": "param:id",
    "receipt.state": "param:status",
    "receipt.state.Arrived": "delivered",
    "receipt.code": "param:err",
    "receipt.code.17": "absent_subscriber",
    "receipt.at": "param:at",
    "receipt.to": "param:to",
    "receipt.from": "param:from",
    "receipt.network": "param:mccmnc",
    "reply.from": "param:msisdn",
    "reply.to": "param:shortcode",
    "reply.text": "param:message",
    "reply.at": "param:at",
}
BATCH = {
    "receipt.items": "json:/results",
    "receipt.reference": "json:/messageId",
    "receipt.state": "json:/status/groupName",
    "reply.items": "json:/messages",
    "reply.from": "json:/from",
    "reply.text": "json:/text",
}


def read(options: dict[str, str], token: CallbackToken = OF_CARRIER, **request: Any) -> list[Receipt | Reply]:
    return read_inbound(InboundRequest(**request), read_inbound_template(options), token)


def test_a_receipt_is_read_from_a_query() -> None:
    query = "id=r%2F1&status=UNDELIV&err=17&at=2025-03-09T12:30:00%2B02:00&to=%2B30%20691-234&from=Bell&mccmnc=20201"
    assert read(QUERY, query=query) == [
        Receipt(
            reference="r/1",
            state=ReceiptState.UNDELIVERED,
            failure=Failure.ABSENT_SUBSCRIBER,
            at=datetime(2025, 3, 9, 10, 30, tzinfo=UTC),
            address="30691234",
            sender="Bell",
            account_id=AccountId(7),
            network="20201",
            code="17",
        )
    ]


def test_a_reply_is_read_from_a_form() -> None:
    headers = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}
    body = b"msisdn=0030691234&shortcode=54321&message=Gr%C3%BC%C3%9Fe+%F0%9F%94%94&at=1741516200"
    moment = datetime(2025, 3, 9, 10, 30, tzinfo=UTC)
    expected = Reply(address="30691234", to="54321", text="Grüße 🔔", at=moment, account_id=AccountId(7))
    assert read(QUERY, body=body, headers=headers) == [expected]
    (of_everyone,) = read(QUERY, OF_EVERYONE, body=body, headers=headers)
    assert of_everyone.account_id is None


def test_several_are_read_from_json_and_what_lacks_its_parts_is_left_out() -> None:
    body = b"""{"results": [
        {"messageId": 1, "status": {"groupName": "DELIVERED"}},
        {"messageId": 2, "status": {"groupName": "PENDING"}},
        {"status": {"groupName": "DELIVERED"}}, 17, null
    ]}"""
    received = read(BATCH, body=body)
    assert [(one.reference, one.state) for one in received if isinstance(one, Receipt)] == [
        ("1", ReceiptState.DELIVERED),
        ("2", ReceiptState.ACCEPTED),
    ]
    replies = read(BATCH, body=b'{"messages": [{"from": "+30691", "text": ""}, {"from": "30692", "text": "b"}]}')
    assert [(one.address, one.text) for one in replies if isinstance(one, Reply)] == [("30691", ""), ("30692", "b")]


def test_a_receipt_at_a_messages_own_url_needs_no_reference() -> None:
    (receipt,) = read(QUERY, OF_MESSAGE, query="status=arrived")
    assert isinstance(receipt, Receipt)
    assert (receipt.message_id, receipt.account_id) == (message().message_id, 7)
    assert (receipt.reference, receipt.state) == (str(message().message_id), ReceiptState.DELIVERED)


@pytest.mark.parametrize(
    ("written", "state", "failure"),
    [
        ("DELIVRD", ReceiptState.DELIVERED, None),
        (" Expired ", ReceiptState.EXPIRED, Failure.EXPIRED),
        ("rejectd", ReceiptState.REJECTED, Failure.REJECTED_BY_NETWORK),
        ("failed", ReceiptState.UNDELIVERED, Failure.NETWORK_ERROR),
        ("unknown", ReceiptState.UNKNOWN, None),
        ("teapot", ReceiptState.ACCEPTED, None),
    ],
)
def test_the_usual_states_are_known_and_any_other_is_no_final_one(
    written: str, state: ReceiptState, failure: Failure | None
) -> None:
    (receipt,) = read(QUERY, query=f"id=1&status={written}")
    assert isinstance(receipt, Receipt)
    assert (receipt.state, receipt.failure, receipt.code) == (state, failure, written)


@pytest.mark.parametrize(
    ("at", "moment"),
    [
        ("1741516200000", datetime(2025, 3, 9, 10, 30, tzinfo=UTC)),
        ("2025-03-09 10:30:00", datetime(2025, 3, 9, 10, 30, tzinfo=UTC)),
        ("9" * 300, None),
        ("0001-01-01T00:00:00%2B10:00", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_time_is_read_in_the_usual_forms(at: str, moment: datetime | None) -> None:
    (receipt,) = read(QUERY, query=f"id=1&status=sent&at={at}")
    assert receipt.at == moment


@pytest.mark.parametrize(
    "request_values",
    [
        {},
        {"query": "id=1"},
        {"query": "status=DELIVRD"},
        {"query": "status=DELIVRD&id="},
        {"query": "msisdn=abc&message=hello"},
        {"query": "msisdn=30691"},
        {"body": b"id=1&status=DELIVRD"},  # not said to be a form
        {"query": "&".join(1_001 * ["a=b"])},
    ],
)
def test_a_request_with_neither_is_refused(request_values: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        read(QUERY, **request_values)


def test_more_than_a_thousand_at_once_are_refused() -> None:
    body = b'{"results": [' + b",".join(1_001 * [b'{"messageId": 1, "status": {"groupName": "SENT"}}']) + b"]}"
    with pytest.raises(InvalidInputError, match="1000"):
        read(BATCH, body=body)


@given(st.text(max_size=100), st.binary(max_size=300), st.sampled_from([QUERY, BATCH]))
def test_whatever_comes_is_read_or_refused(query: str, body: bytes, options: dict[str, str]) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    try:
        received = read(options, OF_MESSAGE, query=query, body=body, headers=headers)
    except InvalidInputError:
        return
    assert received


@pytest.mark.parametrize(
    "options",
    [
        {"receipt.reference": "param:id"},
        {"reply.text": "param:text"},
        {"receipt.state": "status"},
        {"receipt.state": "param:s", "receipt.state.OK": "fine"},
        {"receipt.state": "param:s", "receipt.code.1": "no_credit"},
    ],
)
def test_options_that_cannot_be_read_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(InvalidInputError) as refused:
        read_inbound_template(options)
    assert refused.value.field == "option"


def test_a_token_is_read_back_and_nothing_else_is() -> None:
    tokens = CallbackTokens(lambda: KEY)
    for one in (
        OF_CARRIER,
        OF_EVERYONE,
        OF_MESSAGE,
        CallbackToken(account_id=2**53, carrier_id=1, message_id=UUID(int=0)),
    ):
        text = tokens.make(one)
        assert tokens.read(text) == one
        assert CallbackTokens(lambda: bytes(32)).read(text) is None
        for at in range(len(text)):
            changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
            assert tokens.read(changed) in (None, one), "the last letter's low bits are no part of it"
            assert tokens.read(text[:at]) is None
    assert tokens.make(OF_MESSAGE) != tokens.make(OF_CARRIER)


@given(st.text(max_size=200))
def test_no_text_is_a_token_by_chance(text: str) -> None:
    assert CallbackTokens(lambda: KEY).read(text) is None


def test_a_short_key_makes_no_tokens() -> None:
    with pytest.raises(ValueError, match="short"):
        CallbackTokens(lambda: b"short").make(OF_CARRIER)


def test_a_url_is_under_the_installations_address() -> None:
    urls = CallbackUrls(base_url="https://sms.example.org/", tokens=CallbackTokens(lambda: KEY))
    url = urls.of_message(CARRIER_ID, message())
    start = "https://sms.example.org/carriers/"
    assert url.startswith(start)
    assert CallbackTokens(lambda: KEY).read(url.removeprefix(start)) == OF_MESSAGE


@pytest.fixture
async def inbox() -> KeepingInbox:
    return KeepingInbox()


@pytest.fixture
async def site(inbox: KeepingInbox) -> AsyncIterator[httpx.AsyncClient]:
    async with site_client(inbox, read_inbound_template(QUERY)) as client:
        yield client


async def test_the_site_answers_when_the_inbox_has_committed(site: httpx.AsyncClient, inbox: KeepingInbox) -> None:
    inbox.open.clear()
    url = URLS.of_message(CARRIER_ID, message())
    calling = asyncio.create_task(site.get(url, params={"status": "DELIVRD"}))
    await asyncio.sleep(0.05)
    assert not calling.done()
    inbox.open.set()
    reply = await calling
    assert (reply.status_code, reply.text) == (200, "OK")
    assert reply.headers["content-type"].startswith("text/plain")
    assert len(inbox.taken) == 1


async def test_the_provider_is_to_try_again_while_the_database_is_away(
    site: httpx.AsyncClient, inbox: KeepingInbox
) -> None:
    inbox.failing = 1
    url = URLS.of_message(CARRIER_ID, message())
    refused = await site.post(url, data={"status": "DELIVRD"})
    assert (refused.status_code, refused.headers["retry-after"], inbox.taken) == (503, "5", [])
    assert (await site.put(f"{url}/", params={"status": "DELIVRD"})).status_code == 200


async def test_a_url_without_a_true_token_is_not_there(site: httpx.AsyncClient, inbox: KeepingInbox) -> None:
    other = CallbackUrls(base_url=URLS.base_url, tokens=CallbackTokens(lambda: bytes(32)))
    for url in (
        other.of_message(CARRIER_ID, message()),
        URLS.of_message(CARRIER_ID + 1, message()),
        f"{URLS.base_url}/carriers/",
        f"{URLS.base_url}/carriers/%00",
        f"{URLS.base_url}/carriers/a/b",
    ):
        reply = await site.get(url, params={"status": "DELIVRD"})
        assert reply.status_code == 404, url
    assert inbox.taken == []


async def test_what_the_site_cannot_read_is_refused(site: httpx.AsyncClient, inbox: KeepingInbox) -> None:
    url = URLS.of_carrier(7, CARRIER_ID)
    assert (await site.get(url)).status_code == 400
    assert (await site.post(url, content=300_000 * b"a")).status_code == 413
    refused = await site.delete(url)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, POST, PUT")
    assert inbox.taken == []
