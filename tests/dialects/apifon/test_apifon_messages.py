"""SMS: what is sent, what is refused, and what is removed again; the balance."""

from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs
from tests.dialects.apifon.wire import Wire
from tests.support import OPERATOR

from carillon.billing.balances import AddCredit, SetCreditLimit, add_credit, set_credit_limit
from carillon.billing.prices import SetPrice, set_price
from carillon.db.database import Tx
from carillon.kit.traffic import TrafficClass
from carillon.settings import Settings
from carillon.tenancy.accounts import CreateAccount, OpenAccount, create_account, open_account

pytestmark = pytest.mark.any_database

SEND, REMOVE, BALANCE = "/services/api/v1/sms/send", "/services/api/v1/sms/remove", "/services/api/v1/balance"
NUMBER, OTHER = "306944000001", "306944000002"

_SENDING = """
SELECT sender, text, reference, scheduled_at, expires_at, created_at, traffic_class, dialect, state
FROM sending WHERE shard_key = $1 ORDER BY sending_id DESC LIMIT 1"""
_MESSAGES = """
SELECT address, state, reason, encoding, text, parts FROM message WHERE shard_key = $1 ORDER BY message_id"""
_ENDPOINTS = "SELECT purpose, url FROM callback_endpoint WHERE account_id = $1 ORDER BY purpose"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, max_body_bytes=1024**2, outbound_allow=(ip_network("127.0.0.0/8"),))


@pytest.fixture(autouse=True)
async def _sandbox(wire: Wire) -> None:
    """Route the account to the simulated network."""
    statement = "UPDATE account SET sandbox = true WHERE account_id = $1"
    await wire.runtime.db.run(Tx.execute, statement, wire.account.account_id)


def request(*numbers: Any, message: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Write a body of sms/send."""
    subscribers = [one if isinstance(one, dict) else {"number": one} for one in numbers or (NUMBER,)]
    return {
        "subscribers": subscribers,
        "message": {"text": "Hello There!", "sender_id": "Apifon"} | (message or {}),
        **more,
    }


async def sending(wire: Wire) -> Any:
    return await wire.runtime.db.read(Tx.fetchrow, _SENDING, wire.account.account_id)


async def messages(wire: Wire) -> list[Any]:
    return await wire.runtime.db.read(Tx.fetch, _MESSAGES, wire.account.account_id)


async def refused(wire: Wire, body: object, path: str = SEND) -> dict[str, str]:
    """Send what is refused for a parameter, and return the details."""
    reply = await wire.call("POST", path, body)
    shown = reply.json()
    assert (reply.status_code, shown["status"]) == (403, "403"), reply.text
    assert list(shown) == ["status", "title", "error_details", "error_report_code", "result_info"]
    ((place, said),) = shown["error_details"].items()
    assert shown["result_info"] == {"status_code": 403, "description": f"{place}: {said}"}
    assert shown["error_report_code"] == reply.headers["x-request-id"] == str(UUID(shown["error_report_code"]))
    details: dict[str, str] = shown["error_details"]
    return details


# What is accepted.


async def test_the_simple_request_is_accepted_and_everybody_has_a_message(wire: Wire) -> None:
    reply = await wire.ok("POST", SEND, request(NUMBER, {"number": OTHER, "custom_id": 222}))
    assert list(reply) == ["request_id", "reference", "results", "result_info"]
    assert (reply["reference"], reply["result_info"]) == (None, {"status_code": 200, "description": "OK"})
    assert list(reply["results"]) == [NUMBER, OTHER]
    (one,), (other,) = reply["results"].values()
    assert (one["custom_id"], one["length"], other["custom_id"]) == (None, 12, "222")
    assert len({UUID(found["message_id"]) for found in (one, other)} | {UUID(reply["request_id"])}) == 3
    found = await sending(wire)
    assert (found["dialect"], found["traffic_class"], found["sender"]) == ("apifon", 2, "Apifon")
    assert [(row["address"], row["state"]) for row in await messages(wire)] == [(NUMBER, "waiting"), (OTHER, "waiting")]


@pytest.mark.parametrize(
    "path", [SEND, f"{SEND}/", "/services/sms/send", "/services/sms/send/"], ids=lambda path: path.strip("/")
)
async def test_both_bases_are_served_with_and_without_a_slash(wire: Wire, path: str) -> None:
    await wire.ok("POST", path, request())
    assert await refused(wire, {}, path) == {"subscribers": "This is required."}


async def test_the_complete_request_is_kept_with_all_that_it_says(wire: Wire) -> None:
    one = {"number": NUMBER, "custom_id": "222", "params": {"name": "John"}}
    body = request(
        one,
        message={"text": "Hello {name}!", "dc": 0},
        reference_id="Campaign #215",
        callback_url="https://yourserver.example/callback",
        tte="86400",
        date="2025-03-10T12:43:23",
    )
    reply = await wire.ok("POST", SEND, body)
    assert (reply["reference"], reply["results"][NUMBER][0]["length"]) == ("Campaign #215", 11)
    found = await sending(wire)
    assert (found["reference"], found["text"]) == ("Campaign #215", "Hello {name}!")
    due = datetime.fromisoformat("2025-03-10T12:43:23+00:00")
    assert (found["scheduled_at"], found["expires_at"] - due) == (due, timedelta(days=1))
    assert [row["text"] for row in await messages(wire)] == ["Hello John!"]
    endpoints = await wire.runtime.db.read(Tx.fetch, _ENDPOINTS, wire.account.account_id)
    assert [tuple(row) for row in endpoints] == [(one, body["callback_url"]) for one in ("reply", "status")]


async def test_the_traffic_class_is_the_credentials(wire: Wire) -> None:
    limited = await wire.limited(traffic_class=TrafficClass.MARKETING)
    await limited.ok("POST", SEND, request())
    assert (await sending(wire))["traffic_class"] == TrafficClass.MARKETING


async def test_a_plus_before_a_number_or_a_numeric_sender_is_no_part_of_it(wire: Wire) -> None:
    reply = await wire.ok("POST", SEND, request(f" +{NUMBER} ", message={"sender_id": "+306900000000"}))
    assert list(reply["results"]) == [NUMBER]
    assert (await sending(wire))["sender"] == "306900000000"


async def test_parameters_may_be_numbers_booleans_and_null(wire: Wire) -> None:
    one = {"number": NUMBER, "params": {"n": 5, "b": True, "x": None}}
    await wire.ok("POST", SEND, request(one, OTHER, message={"text": "{n}-{b}-{x}-{y}"}))
    assert [row["text"] for row in await messages(wire)] == ["5-true--{y}", "{n}-{b}-{x}-{y}"]


async def test_a_number_with_several_texts_gets_each_and_the_same_text_once(wire: Wire) -> None:
    people = [{"number": NUMBER, "params": {"name": name}} for name in ("Ana", "Bob", "Ana")]
    reply = await wire.ok("POST", SEND, request(*people, message={"text": "Hi {name}"}))
    assert len({one["message_id"] for one in reply["results"][NUMBER]}) == 3
    found = [(row["text"], row["state"], row["reason"]) for row in await messages(wire)]
    assert found == [("Hi Ana", "waiting", None), ("Hi Bob", "waiting", None), ("Hi Ana", "excluded", "duplicate")]


async def test_a_number_that_can_be_none_costs_only_itself(wire: Wire) -> None:
    reply = await wire.ok("POST", SEND, request("0306944000001", NUMBER, "123456"))
    assert set(reply["results"]) == {"0306944000001", NUMBER, "123456"}
    assert [row["reason"] for row in await messages(wire)] == ["address_invalid", None, "address_invalid"]


async def test_a_blocked_number_is_not_sent_to(wire: Wire) -> None:
    await wire.block(NUMBER)
    await wire.ok("POST", SEND, request())
    assert [(row["state"], row["reason"]) for row in await messages(wire)] == [("excluded", "suppressed")]


@pytest.mark.parametrize(
    ("message", "encoding", "text", "length"),
    [
        ({"text": "Hello"}, "gsm", None, 5),
        ({"text": "Hello", "dc": ""}, "gsm", None, 5),
        ({"text": "{euro}€", "dc": "0"}, "gsm", None, 10),
        ({"text": "\u201cHello\u201d \u2013 it\u2019s"}, "gsm", '"Hello" - it\'s', 14),
        ({"text": "Γειά"}, "ucs2", None, 8),
        ({"text": "Hello", "dc": 2}, "ucs2", None, 10),
        ({"text": "😀", "dc": "2"}, "ucs2", None, 4),
        ({"text": "Hé\x01llo", "dc": 1}, "binary", None, 6),
        ({"text": "{name}", "dc": 1}, "binary", None, 6),
    ],
)
async def test_the_data_coding_says_how_a_text_is_written(
    wire: Wire, message: dict[str, Any], encoding: str, text: str | None, length: int
) -> None:
    reply = await wire.ok("POST", SEND, request({"number": NUMBER, "params": {"name": "Ana"}}, message=message))
    assert reply["results"][NUMBER][0]["length"] == length
    (found,) = await messages(wire)
    assert found["encoding"] == encoding
    assert (await sending(wire))["text"] == (text or message["text"])


@pytest.mark.parametrize(
    ("tte", "seconds"),
    [
        (None, 8 * 3600),
        ("", 8 * 3600),
        ("0", 8 * 3600),
        (0, 8 * 3600),
        ("59", 60),
        ("-1", 60),
        ("60", 60),
        (3600, 3600),
        (" 86400 ", 86400),
        ("172801", 48 * 3600),
        ("9" * 30, 48 * 3600),
        ("2025-03-09T11:30:00", 3600),
        ("2025-03-09T13:30:00+02:00", 3600),
        ("2025-03-09T10:30:20", 60),
        ("2020-01-01T00:00:00", 60),
        ("2030-01-01T00:00:00", 48 * 3600),
    ],
)
async def test_the_validity_is_seconds_or_a_date_within_the_limits(wire: Wire, tte: Any, seconds: int) -> None:
    await wire.ok("POST", SEND, request(tte=tte))
    found = await sending(wire)
    assert found["expires_at"] - found["created_at"] == timedelta(seconds=seconds)


async def test_the_validity_of_a_scheduled_message_begins_at_its_moment(wire: Wire) -> None:
    await wire.ok("POST", SEND, request(tte="2025-03-10T10:30:00", date="2025-03-10T10:00:00"))
    found = await sending(wire)
    assert found["expires_at"] - found["scheduled_at"] == timedelta(minutes=30)


@pytest.mark.parametrize("date", [None, "", "2018-02-06T12:43:23", "2025-03-09T10:30:00Z"])
async def test_without_a_date_or_with_a_past_one_it_is_sent_at_once(wire: Wire, date: str | None) -> None:
    await wire.ok("POST", SEND, request(date=date))
    statement = "SELECT due_at FROM chunk WHERE account_id = $1"
    assert await wire.runtime.db.read(Tx.fetchval, statement, wire.account.account_id) == wire.clock.now()


@pytest.mark.parametrize("sender", ["1", "1" * 16, "Apifon", "A", "Shop & Co 1", 12345])
async def test_a_sender_has_16_digits_or_11_characters_at_most(wire: Wire, sender: Any) -> None:
    await wire.ok("POST", SEND, request(message={"sender_id": sender}))
    assert (await sending(wire))["sender"] == str(sender)


@pytest.mark.parametrize("url", ["", None, "  "])
async def test_an_empty_callback_url_is_none(wire: Wire, url: str | None) -> None:
    await wire.ok("POST", SEND, request(callback_url=url))
    assert await wire.runtime.db.read(Tx.fetch, _ENDPOINTS, wire.account.account_id) == []


async def test_plain_http_is_taken_where_the_operator_allows_the_network(wire: Wire) -> None:
    await wire.ok("POST", SEND, request(callback_url="http://127.0.0.1:8000/callback"))
    await wire.ok("POST", SEND, request(callback_url="http://localhost:8000/callback"))


async def test_a_thousand_recipients_are_one_request(wire: Wire) -> None:
    people = [{"number": f"3069440{place:05}", "params": {"n": str(place)}} for place in range(1000)]
    reply = await wire.ok("POST", SEND, request(*people, message={"text": "No. {n}"}))
    assert len(reply["results"]) == 1000
    assert (await messages(wire))[999]["text"] == "No. 999"


# What is refused.


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (None, "subscribers"),
        ({}, "subscribers"),
        ({"subscribers": [{"number": NUMBER}]}, "message"),
        ({"subscribers": {"number": NUMBER}, "message": {}}, "subscribers"),
        ({"subscribers": [], "message": {"text": "a", "sender_id": "b"}}, "subscribers"),
        ({"subscribers": [NUMBER], "message": {"text": "a", "sender_id": "b"}}, "subscribers[0]"),
        ({"subscribers": [{"number": NUMBER}], "message": "Hello"}, "message"),
        (request(message={"text": ""}), "message.text"),
        (request(message={"text": None}), "message.text"),
        (request(message={"text": ["Hello"]}), "message.text"),
        (request(message={"text": "x" * 10_001}), "message.text"),
        (request(message={"text": "{a}" * 1_001}), "message.text"),
        (request(message={"text": "Γειά", "dc": 1}), "message.text"),
        (request(message={"dc": 3}), "message.dc"),
        (request(message={"dc": -1}), "message.dc"),
        (request(message={"dc": "GSM"}), "message.dc"),
        (request(message={"sender_id": ""}), "message.sender_id"),
        (request(message={"sender_id": "1" * 17}), "message.sender_id"),
        (request(message={"sender_id": "Twelve chars"}), "message.sender_id"),
        (request(message={"sender_id": "Καλημέρα"}), "message.sender_id"),
        (request({"custom_id": "1"}), "subscribers[0].number"),
        (request({"number": {}}), "subscribers[0].number"),
        (request("0306944000001"), "subscribers[0].number"),
        (request("123456"), "subscribers[0].number"),
        (request("1234567890123456"), "subscribers[0].number"),
        (request("3069 44000001"), "subscribers[0].number"),
        (request(NUMBER, {"number": OTHER, "custom_id": "x" * 256}), "subscribers[1].custom_id"),
        (request({"number": NUMBER, "params": []}), "subscribers[0].params"),
        (request({"number": NUMBER, "params": {"name": ["x"]}}), "subscribers[0].params"),
        (request({"number": NUMBER, "params": {"name": {"url": "x"}}}), "subscribers[0].params"),
        (request(reference_id="x" * 256), "reference_id"),
        (request(reference_id="x\0"), "reference_id"),
        (request(callback_url="http://yourserver.example/callback"), "callback_url"),
        (request(callback_url="https://10.0.0.1/callback"), "callback_url"),
        (request(callback_url="yourserver"), "callback_url"),
        (request(tte="tomorrow"), "tte"),
        (request(tte="1.5"), "tte"),
        (request(date="1741516200"), "date"),
        (request(date="06/02/2018"), "date"),
        (request(date="2027-01-01T00:00:00"), "date"),
    ],
)
async def test_wrong_parameters_are_403_and_nothing_is_sent(wire: Wire, body: object, place: str) -> None:
    assert list(await refused(wire, body)) == [place]
    assert await messages(wire) == []


@pytest.mark.parametrize("body", [b"[", b"[]", b'"Hello"', b'{"message": {"text": "\\ud800"}}'])
async def test_a_body_that_is_not_understood_is_400(wire: Wire, body: bytes) -> None:
    reply = await wire.call("POST", SEND, body)
    assert (reply.status_code, reply.json()["result_info"]["status_code"]) == (400, 400)


async def test_other_refusals_have_their_status_in_the_result_too(wire: Wire) -> None:
    reply = await wire.call("POST", SEND, request(), headers={"Authorization": "ApifonWS x:eA=="})
    assert (reply.status_code, reply.json()["result_info"]["status_code"]) == (401, 401)
    reply = await wire.call("POST", SEND, request(), headers={"Content-Type": "text/plain"})
    assert (reply.status_code, reply.json()["result_info"]["status_code"]) == (415, 415)
    reply = await wire.call("GET", SEND)
    assert (reply.status_code, reply.json()["status"]) == (405, "405")


@pytest.mark.parametrize(
    ("path", "scope", "body"),
    [
        (SEND, "smsGateway", request()),
        (REMOVE, "smsGateway", {"id": "x", "field": "REFERENCE_ID"}),
        (BALANCE, "accountInfo", None),
    ],
    ids=["send", "remove", "balance"],
)
async def test_a_token_needs_the_scope_that_the_reference_names(
    wire: Wire, path: str, scope: str, body: object
) -> None:
    statuses = []
    for asked in (scope, "readList"):
        token = (await wire.token(scope=asked)).json()["access_token"]
        reply = await wire.client.post(path, json=body, headers={"Authorization": f"Bearer {token}"})
        statuses.append(reply.status_code)
    assert statuses == [200, 403]
    assert reply.json()["error_details"] == {"request": f"The credential lacks the scope {scope}."}


@pytest.mark.parametrize(
    ("scopes", "path", "is_permitted"),
    [
        (["messages:write"], SEND, True),
        (["messages:read"], SEND, False),
        (["audience:write"], SEND, False),
        (["messages:read"], BALANCE, True),
        (["messages:write"], BALANCE, False),
    ],
)
async def test_a_credential_that_signs_needs_our_scope(
    wire: Wire, scopes: list[str], path: str, *, is_permitted: bool
) -> None:
    limited = await wire.limited(scopes=scopes)
    reply = await limited.call("POST", path, request() if path == SEND else None)
    assert reply.status_code == (200 if is_permitted else 403)


async def test_no_log_shows_a_number_or_a_text(wire: Wire) -> None:
    with capture_logs() as lines:
        await wire.ok(
            "POST", SEND, request({"number": NUMBER, "params": {"name": "Ana"}}, message={"text": "Psst {name}"})
        )
        await refused(wire, request(f"{NUMBER}0000", message={"text": "Psst"}))
    assert not any(word in repr(lines) for word in (NUMBER, "Psst", "Ana"))


# Removing.


async def test_a_request_is_removed_by_its_id(wire: Wire) -> None:
    reply = await wire.ok("POST", SEND, request(NUMBER, OTHER, "12", date="2025-03-10T10:00:00"))
    asked = {"id": reply["request_id"], "field": "REQUEST_ID"}
    assert (await wire.call("POST", REMOVE, asked)).content == b"2"
    assert [row["state"] for row in await messages(wire)] == ["cancelled", "cancelled", "excluded"]
    assert await wire.ok("POST", f"{REMOVE}/", asked) == 0


async def test_all_requests_of_a_reference_are_removed(wire: Wire) -> None:
    for reference in ("Spring", "Spring", "Autumn"):
        await wire.ok("POST", SEND, request(reference_id=reference, date="2025-03-10T10:00:00"))
    assert await wire.ok("POST", "/services/sms/remove", {"id": "Spring", "field": "reference_id"}) == 2
    assert [row["state"] for row in await messages(wire)] == ["cancelled", "cancelled", "waiting"]


@pytest.mark.parametrize(
    ("field", "name"),
    [("REQUEST_ID", "eff655d8-0cb6-47b3-8828-96e1b80b55af"), ("REQUEST_ID", "x"), ("REFERENCE_ID", "x")],
)
async def test_what_is_not_there_is_0_messages(wire: Wire, field: str, name: str) -> None:
    assert await wire.ok("POST", REMOVE, {"id": name, "field": field}) == 0


async def test_another_accounts_request_is_not_there(wire: Wire) -> None:
    reply = await wire.ok("POST", SEND, request(reference_id="Spring", date="2025-03-10T10:00:00"))
    made = await wire.runtime.db.run(create_account, OPERATOR, CreateAccount(name="Other", country="GR"))
    actor = await wire.runtime.db.read(open_account, OPERATOR, OpenAccount(account_id=made.account.account_id))
    other = await replace(wire, account=replace(wire.account, actor=actor)).limited()
    for asked in ({"id": reply["request_id"], "field": "REQUEST_ID"}, {"id": "Spring", "field": "REFERENCE_ID"}):
        assert await other.ok("POST", REMOVE, asked) == 0


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "id"),
        ({"id": "x"}, "field"),
        ({"id": "x", "field": "MESSAGE_ID"}, "field"),
        ({"field": "REQUEST_ID"}, "id"),
    ],
)
async def test_wrong_parameters_of_remove_are_403(wire: Wire, body: object, place: str) -> None:
    assert list(await refused(wire, body, REMOVE)) == [place]


# The balance.


async def test_the_balance_of_an_account_without_credit_is_nothing(wire: Wire) -> None:
    shown = await wire.ok("POST", BALANCE)
    assert shown == {"balance": "0.0", "reserved": "0.0", "plafon": "0.0", "subscriptions": []}


async def test_the_balance_shows_all_what_is_reserved_and_the_limit(wire: Wire) -> None:
    db, actor = wire.runtime.db, wire.account.actor
    await db.run(add_credit, actor, AddCredit(amount=9_864_000_000))
    await db.run(set_credit_limit, actor, SetCreditLimit(limit=50_500_000))
    await db.run(set_price, OPERATOR, SetPrice(channel="sms", account_id=actor.account_id, amount=45_000, vat=240_000))
    await wire.ok("POST", SEND, request(date="2025-03-10T10:00:00"))
    for path in (BALANCE, "/services/balance/"):
        shown = await wire.ok("POST", path)
        assert shown == {"balance": "9864.0", "reserved": "0.0558", "plafon": "50.5", "subscriptions": []}
    reply = await wire.call("GET", BALANCE)
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")


async def test_without_credit_a_message_is_accepted_and_not_sent(wire: Wire) -> None:
    db, actor = wire.runtime.db, wire.account.actor
    await db.run(set_price, OPERATOR, SetPrice(channel="sms", account_id=actor.account_id, amount=45_000, vat=0))
    await db.run(add_credit, actor, AddCredit(amount=45_000))
    await wire.ok("POST", SEND, request(NUMBER, OTHER))
    assert [row["reason"] for row in await messages(wire)] == [None, "no_credit"]
