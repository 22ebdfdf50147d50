"""Callbacks: what is told of messages and replies, when it is told again, and that every status has its place."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from tests.dialects.apifon.wire import Wire
from tests.dialects.sent_texts import last_text
from tests.integration.messaging.sandbox import Sandbox
from tests.integration.receiving import telling
from tests.integration.scripted_http import OK, ScriptedServer, serving
from tests.support import OPERATOR

from carillon.billing.balances import AddCredit, add_credit
from carillon.billing.prices import SetPrice, set_price
from carillon.carriers.failures import Failure
from carillon.db.database import Tx
from carillon.dialects.apifon import statuses
from carillon.dialects.apifon.callbacks import CALLBACK_FORMAT, is_reported, render, stands_alone
from carillon.dialects.apifon.statuses import OF_FAILURES, OF_STATES, SmsStatus, status_of_message
from carillon.events.format import CallbackFacts, MessageFacts, SendingFacts
from carillon.events.log import Event
from carillon.kit.ids import AccountId
from carillon.messaging.states import MessageState
from carillon.settings import Settings

pytestmark = pytest.mark.any_database

SEND = "/services/api/v1/sms/send"
NUMBER, ABSENT, WRONG = "306944000001", "306944009902", "306944009904"
REPLIES = ("306944009911", "306945009911")
SENDING, MESSAGE = UUID(int=5), UUID(int=6)

# SMS Callback Statuses, as the reference has them.
REFERENCE = {
    1: "absent",
    3: "accepted",
    4: "accepted_smsc",
    5: "call_barred",
    7: "delivered",
    8: "expired",
    11: "open",
    18: "rejected_smsc",
    19: "teleservice_not_provisioned",
    21: "unexpected_value",
    22: "unknown_sub",
    23: "smpp_refused",
    24: "smsc_refused",
    101: "no_sender",
    103: "invalid_sender",
    105: "lookup_invalid_msisdn",
    106: "unknown_sender_type",
    107: "account_not_allowed",
    109: "no_coverage",
    110: "no_price",
    111: "spam_control",
    112: "no_route_plan",
    113: "invalid_account",
    115: "account_insufficient_credits",
}
# Of links, which are opened; no message ends so.
NOT_OF_MESSAGES = {11}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, max_body_bytes=100_000, outbound_allow=(ip_network("127.0.0.0/8"),))


def facts(kind: str = "delivered", **data: Any) -> CallbackFacts:
    """Write what a callback may say: the reference's sample."""
    return CallbackFacts(
        account_id=AccountId(5411),
        currency="EUR",
        time_zone="UTC",
        purpose="status",
        url="https://yourserver/callback",
        event=Event(
            sequence=1,
            event_id=UUID(int=7),
            at=datetime.fromtimestamp(1517922078, UTC),
            kind=kind,
            sending_id=SENDING,
            message_id=MESSAGE,
            data=data,
        ),
        message=MessageFacts(
            message_id=MESSAGE,
            contact_id=None,
            address="306999999999",
            text="Hello",
            state="delivered",
            reason=None,
            price=2_000,
            vat=480,
            parts=1,
            network="20210",
            submitted_at=None,
            final_at=None,
            guid=None,
            custom={"custom_id": "312312412"},
            channel="sms",
            sender="Apifon",
        ),
        sending=SendingFacts(
            sending_id=SENDING,
            dialect="apifon",
            channel="sms",
            traffic_class=2,
            sender="Apifon",
            credential_id=None,
            campaign_id=None,
            campaign_name="",
            reference="Campaign #215",
            created_at=datetime.fromtimestamp(1517922000, UTC),
            options={},
        ),
    )


def body_of(*given: CallbackFacts) -> Any:
    return msgspec.json.decode(render(given).body)


# What a callback says.


def test_a_status_is_reported_as_the_references_sample_has_it() -> None:
    request = render([facts()])
    assert (request.method, request.content_type) == ("POST", "application/json; charset=utf-8")
    expected = {
        "url": "https://yourserver/callback",
        "request_id": str(SENDING),
        "reference_id": "Campaign #215",
        "data": [
            {
                "from": "Apifon",
                "to": "306999999999",
                "message_id": str(MESSAGE),
                "custom_id": "312312412",
                "status": {"code": 7, "text": "delivered"},
                "error_code": "000",
                "timestamp": 1517922078,
                "price": "0.002",
                "vat": "0.00048",
                "mccmnc": "20210",
            }
        ],
        "account_id": 5411,
        "type": "SMS",
    }
    assert request.body == msgspec.json.encode(expected)


def test_an_opened_link_is_reported_with_its_metadata() -> None:
    (one,) = body_of(
        facts(
            "clicked",
            url="https://www.example.com",
            short_code="10oaloXyz9",
            browser="Chrome_80_0",
            os="Android_9",
            **{"ip": "192.0.2.7", "class": "human", "name": "apifon_lp"},
        )
    )["data"]
    assert one["status"] == {"code": 11, "text": "open"}
    assert "error_code" not in one
    assert one["metadata"] == {
        "url": "https://www.example.com",
        "short_code": "10oaloXyz9",
        "browser": "Chrome_80_0",
        "os": "Android_9",
        "ip": "192.0.2.7",
        "micro_timestamp": 1517922078000,
        "class": "human",
    }


def test_an_opened_landing_page_is_reported_by_its_key() -> None:
    (one,) = body_of(facts("clicked", page="spring", short_code="10oaloXyz9"))["data"]
    assert one["metadata"]["url"] == "spring"


def test_statuses_of_one_request_are_told_together() -> None:
    body = body_of(facts("submitted"), facts("delivered"), facts("undelivered", reason="absent_subscriber", code="27"))
    assert [one["status"]["code"] for one in body["data"]] == [4, 7, 1]
    assert [one["error_code"] for one in body["data"]] == ["000", "000", "27"]


def test_what_is_not_known_is_left_out() -> None:
    bare = facts("excluded", reason="no_credit")
    assert bare.message is not None
    bare = replace(bare, message=replace(bare.message, network=None, custom=None, price=0, vat=0))
    (one,) = body_of(bare)["data"]
    assert list(one) == ["from", "to", "message_id", "status", "timestamp", "price", "vat"]
    assert (one["status"]["code"], one["price"], one["vat"]) == (115, "0.0", "0.0")


def test_the_network_of_the_event_itself_counts_first() -> None:
    assert body_of(facts(network="20201"))["data"][0]["mccmnc"] == "20201"


def test_a_reply_is_reported_as_the_references_sample_has_it() -> None:
    reply = facts("reply", **{"from": "306999999999", "to": "306988888888", "text": "This is my reply."})
    assert stands_alone(reply)
    assert body_of(reply) == {
        "message_id": str(UUID(int=7)),
        "from": "306999999999",
        "to": "Apifon",
        "text": "This is my reply.",
        "timestamp": 1517922078,
        "type": "SMS",
    }
    assert body_of(replace(reply, message=None, sending=None))["to"] == "306988888888"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        *((one.value, True) for one in MessageState if one.value not in {"waiting", "uncertain", "cancelled"}),
        *(
            ("clicked", True),
            ("reply", True),
            ("waiting", False),
            ("uncertain", False),
            ("cancelled", False),
            ("unsubscribed", False),
        ),
    ],
)
def test_what_is_reported(kind: str, *, expected: bool) -> None:
    assert is_reported(facts(kind)) == expected


def test_a_callback_is_made_three_more_times_with_a_gap_of_two_minutes() -> None:
    assert list(CALLBACK_FORMAT.schedule) == [timedelta(minutes=2)] * 3


# The table of statuses, both ways.


def ours() -> set[SmsStatus]:
    return {one for one in vars(statuses).values() if isinstance(one, SmsStatus)}


def test_the_statuses_are_the_references() -> None:
    assert {one.code: one.text for one in ours()} == REFERENCE


@pytest.mark.parametrize("failure", Failure)
def test_every_failure_has_a_status_that_fails(failure: Failure) -> None:
    assert OF_FAILURES[failure].code not in {3, 4, 7, 11}


@pytest.mark.parametrize("state", MessageState)
def test_every_state_has_a_status_with_a_reason_and_without_one(state: MessageState) -> None:
    expected = {"delivered": {7}, "submitted": {4}, "waiting": {3}, "uncertain": {3}, "expired": {8}}
    codes = {status_of_message(state, reason).code for reason in (None, *Failure)}
    assert codes == expected.get(state, codes)
    assert codes <= set(REFERENCE)
    assert (codes & {3, 4, 7} != set()) == (state in {"delivered", "submitted", "waiting", "uncertain"})


@pytest.mark.parametrize("code", sorted(set(REFERENCE) - NOT_OF_MESSAGES))
def test_every_status_is_reported_of_something(code: int) -> None:
    assert code in {one.code for one in (*OF_FAILURES.values(), *OF_STATES.values())}


# All the way, to a client's own server.


@asynccontextmanager
async def answering(*replies: bytes) -> AsyncIterator[ScriptedServer]:
    left = list(replies)

    async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if left else OK)

    async with serving(answer) as server:
        yield server


async def until(server: ScriptedServer, count: int) -> list[Any]:
    """Wait for so many bodies."""
    async with asyncio.timeout(20):
        while len(server.bodies) < count:  # noqa: ASYNC110 - the worker's doing
            await asyncio.sleep(0.02)
    return [msgspec.json.decode(one) for one in server.bodies]


@pytest.fixture
async def sandbox(wire: Wire) -> Sandbox:
    db, account = wire.runtime.db, wire.account
    await db.run(Tx.execute, "UPDATE account SET sandbox = true WHERE account_id = $1", account.account_id)
    return Sandbox(db, account.actor, box=wire.runtime.secret_box)


def body_for(url: str, *numbers: str, **more: Any) -> dict[str, Any]:
    subscribers = [{"number": one, "custom_id": f"c-{one[-4:]}"} for one in numbers]
    message = {"text": "Hello There!", "sender_id": "Apifon"}
    return {"subscribers": subscribers, "message": message, "callback_url": url, **more}


async def test_the_statuses_of_messages_reach_the_callback_url(wire: Wire, sandbox: Sandbox) -> None:
    db, actor = wire.runtime.db, wire.account.actor
    await db.run(set_price, OPERATOR, SetPrice(channel="sms", account_id=actor.account_id, amount=2_000, vat=240_000))
    await db.run(add_credit, actor, AddCredit(amount=1_000_000))
    async with answering() as server:
        asked = body_for(server.url + "/callback", NUMBER, ABSENT, WRONG, "12", reference_id="Campaign #215")
        reply = await wire.ok("POST", SEND, asked)
        await sandbox.work()
        await sandbox.advance(timedelta(minutes=2))
        async with telling(db, CALLBACK_FORMAT):
            bodies = await until(server, 1)
    assert all(head.startswith(b"POST /callback ") for head in server.heads)
    assert {one["request_id"] for one in bodies} == {reply["request_id"]}
    statuses_shown: dict[str, list[str]] = {}
    for body in bodies:
        assert (body["reference_id"], body["account_id"], body["type"]) == ("Campaign #215", actor.account_id, "SMS")
        assert body["url"] == asked["callback_url"]
        for one in body["data"]:
            statuses_shown.setdefault(one["to"], []).append(one["status"]["text"])
            assert one["message_id"] == reply["results"][one["to"]][0]["message_id"]
            assert one["custom_id"] == f"c-{one['to'][-4:]}"
    assert statuses_shown == {
        NUMBER: ["accepted_smsc", "delivered"],
        ABSENT: ["accepted_smsc", "absent"],
        WRONG: ["unknown_sub"],
        "12": ["lookup_invalid_msisdn"],
    }
    prices = {(one["to"], one["price"], one["vat"]) for body in bodies for one in body["data"]}
    assert (NUMBER, "0.002", "0.00048") in prices
    assert ("12", "0.0", "0.0") in prices


async def test_the_statuses_of_a_password_reach_the_callback_url_without_its_code(wire: Wire, sandbox: Sandbox) -> None:
    async with answering() as server:
        message = {"text": "Your code: {apifon_otp}", "sender_id": "Acme"}
        asked = {"reference_id": "login", "subscriber": NUMBER, "callback_url": server.url, "message": message}
        made = await wire.ok("POST", "/services/api/v1/otp/create", asked)
        _, _, code = (await last_text(wire.runtime, wire.account.account_id)).partition(": ")
        await sandbox.work()
        await sandbox.advance(timedelta(minutes=2))
        async with telling(wire.runtime.db, CALLBACK_FORMAT):
            (body,) = await until(server, 1)
    assert len(code) == 6
    assert code not in [value for one in body["data"] for value in one.values()]
    assert (body["request_id"], body["reference_id"], body["type"]) == (made["request_id"], "login", "SMS")
    assert [one["status"]["text"] for one in body["data"]] == ["accepted_smsc", "delivered"]
    for one in body["data"]:
        assert (one["from"], one["to"], one["message_id"]) == ("Acme", NUMBER, made["result"][0]["message_id"])
        assert "custom_id" not in one


async def test_every_reply_reaches_the_callback_url_of_its_message_by_itself(wire: Wire, sandbox: Sandbox) -> None:
    async with answering() as server:
        await wire.ok("POST", SEND, body_for(server.url, *REPLIES))
        await sandbox.work()
        await sandbox.advance(timedelta(minutes=5))
        async with telling(wire.runtime.db, CALLBACK_FORMAT):
            bodies = await until(server, 3)
    replies = [one for one in bodies if "data" not in one]
    assert {one["from"] for one in replies} == set(REPLIES)
    for one in replies:
        assert (one["to"], one["text"], one["type"]) == ("Apifon", "Hello There!", "SMS")
        assert one["timestamp"] > wire.clock.now().timestamp()


@pytest.mark.usefixtures("sandbox")
async def test_a_callback_that_fails_is_made_again_after_two_minutes(wire: Wire) -> None:
    failure = b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"
    async with answering(failure) as server:
        await wire.ok("POST", SEND, body_for(server.url, "12", NUMBER))
        async with telling(wire.runtime.db, CALLBACK_FORMAT):
            await until(server, 1)
            await asyncio.sleep(0.3)
            assert len(server.bodies) == 1
            wire.clock.moment += timedelta(minutes=2)
            first, second = await until(server, 2)
    assert first == second


async def test_without_a_callback_url_nothing_is_reported(wire: Wire, sandbox: Sandbox) -> None:
    await wire.ok("POST", SEND, body_for("", NUMBER))
    await sandbox.work()
    await sandbox.advance(timedelta(minutes=2))
    count = "SELECT count(*) FROM callback WHERE shard_key = $1"
    assert await wire.runtime.db.read(Tx.fetchval, count, wire.account.account_id) == 0
