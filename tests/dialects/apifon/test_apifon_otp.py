"""One-time passwords: what OTP Request takes and answers, and the eight results of OTP Verification."""

import re
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
import pytest
from structlog.testing import capture_logs
from tests.dialects.apifon.wire import Wire
from tests.dialects.sent_texts import last_text
from tests.integration.messaging.sandbox import Sandbox
from tests.support import OPERATOR, wrong_code

from carillon.audience.suppressions import Address, Channel, Suppress, suppress
from carillon.billing.prices import SetPrice, set_price
from carillon.carriers.simulator.carrier import Simulator
from carillon.db.database import Tx
from carillon.dialects.apifon.mapping_otp import STATUSES
from carillon.http.request import Request
from carillon.messaging.queries import simulated_phones
from carillon.otp.check import Verdict
from carillon.otp.limits import SetLimit, set_limit
from carillon.routing.choice import BUILT_IN_SIMULATORS
from carillon.settings import Settings

pytestmark = pytest.mark.any_database

CREATE, VERIFY = "/services/api/v1/otp/create", "/services/api/v1/otp/verify"
NUMBER = "306944000001"
SMS = {"text": "Your code: {apifon_otp}", "sender_id": "Acme"}
IM = {"text": "Your code: {apifon_otp}", "sender_id": "Acme"}

_SENDING = """
SELECT sender, text, reference, traffic_class, dialect, channel, encoding, expires_at - created_at AS validity
FROM sending WHERE shard_key = $1 ORDER BY sending_id DESC LIMIT 1"""
_TEXTS = "SELECT text FROM message WHERE shard_key = $1"
_FALLBACKS = """
SELECT count(m.fallback) AS fallbacks FROM message m WHERE m.shard_key = $1
GROUP BY m.sending_id ORDER BY m.sending_id DESC"""
_ENDPOINTS = "SELECT purpose, url FROM callback_endpoint WHERE account_id = $1"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, max_body_bytes=1024**2, outbound_allow=(ip_network("127.0.0.0/8"),))


@pytest.fixture(autouse=True)
async def _sandbox(wire: Wire) -> None:
    statement = "UPDATE account SET sandbox = true WHERE account_id = $1"
    await wire.runtime.db.run(Tx.execute, statement, wire.account.account_id)


def request(reference: str = "login", **more: Any) -> dict[str, Any]:
    """Write a body of otp/create."""
    return {"reference_id": reference, "subscriber": NUMBER, **more}


async def create(wire: Wire, reference: str = "login", **more: Any) -> tuple[Any, str]:
    """Create a password, and return the answer and the text that its phone gets."""
    reply = await wire.call("POST", CREATE, request(reference, **more))
    assert reply.status_code == 200, reply.text
    return reply.json(), await last_text(wire.runtime, wire.account.account_id)


async def refused(wire: Wire, **more: Any) -> dict[str, str]:
    """Create a password that is refused for a parameter, and return what is said of it."""
    reply = await wire.call("POST", CREATE, request(**more))
    body = reply.json()
    assert (reply.status_code, body["result_info"]["status_code"]) == (403, 403), body
    return dict(body["error_details"])


async def verify(wire: Wire, code: str, reference: str = "login") -> httpx.Response:
    path = f"{VERIFY}/{quote(reference, safe='')}/{quote(code, safe='')}"
    return await wire.call("POST", path)


async def result(wire: Wire, code: str, reference: str = "login") -> tuple[int, int, str]:
    """Verify a code, and return HTTP status, status code and description."""
    reply = await verify(wire, code, reference)
    info = reply.json()["result_info"]
    return reply.status_code, info["status_code"], info["description"]


async def sending(wire: Wire) -> Any:
    return await wire.runtime.db.read(Tx.fetchrow, _SENDING, wire.account.account_id)


async def limit(wire: Wire, name: str, value: str) -> None:
    await wire.runtime.db.run(set_limit, wire.account.actor, SetLimit(name=name, value=value))


# OTP Request ---------------------------------------------------------------------------------------------------------


async def test_the_simple_request_sends_six_digits_alone_by_sms(wire: Wire) -> None:
    body, text = await create(wire)
    assert re.fullmatch("[0-9]{6}", text)
    row = await sending(wire)
    assert (row["channel"], row["traffic_class"], row["text"], row["sender"]) == ("sms", 1, "{apifon_otp}", "OTP")
    assert row["validity"] == timedelta(seconds=300)
    assert list(body) == ["request_id", "reference_id", "result", "result_info"]
    assert body["reference_id"] == "login"
    assert body["result_info"] == {"status_code": 200, "description": "OK"}
    (one,) = body["result"]
    assert list(one) == ["message_id", "custom_id", "length", "short_code", "short_url"]
    assert (one["custom_id"], one["length"], one["short_code"], one["short_url"]) == (None, 6, None, None)
    assert UUID(body["request_id"]) != UUID(one["message_id"])


async def test_the_placeholder_is_replaced_and_counts_as_the_password_that_it_becomes(wire: Wire) -> None:
    body, text = await create(
        wire, message={"text": "Hello There! Here is your OTP: {apifon_otp}", "sender_id": "Acme"}
    )
    assert re.fullmatch("Hello There! Here is your OTP: [0-9]{6}", text)
    assert body["result"][0]["length"] == 37
    assert (await sending(wire))["text"] == "Hello There! Here is your OTP: {apifon_otp}"


async def test_a_text_without_the_placeholder_is_sent_as_it_is(wire: Wire) -> None:
    _, text = await create(wire, message=SMS | {"text": "Call us for {your} code."})
    assert text == "Call us for {your} code."


async def test_a_text_of_several_parts_has_a_result_for_each(wire: Wire) -> None:
    body, _ = await create(wire, message=SMS | {"text": "a" * 170 + "{apifon_otp}"})
    assert [one["length"] for one in body["result"]] == [176, 176]
    assert len({one["message_id"] for one in body["result"]}) == 1


@pytest.mark.parametrize(
    ("dc", "encoding", "length"), [(0, "gsm", 6), (1, "binary", 6), (2, "ucs2", 12), ("2", "ucs2", 12)]
)
async def test_dc_chooses_the_encoding(wire: Wire, dc: object, encoding: str, length: int) -> None:
    body, _ = await create(wire, message={"text": "{apifon_otp}", "sender_id": "Acme", "dc": dc})
    assert ((await sending(wire))["encoding"], body["result"][0]["length"]) == (encoding, length)


@pytest.mark.parametrize("length", [5, 6, 20, "7"])
async def test_code_length_is_from_5_to_20(wire: Wire, length: Any) -> None:
    _, text = await create(wire, code_length=length)
    assert re.fullmatch(f"[0-9]{{{length}}}", text)


@pytest.mark.parametrize("length", [4, 21, 0, -1])
async def test_another_code_length_is_refused(wire: Wire, length: int) -> None:
    assert list(await refused(wire, code_length=length)) == ["code_length"]


@pytest.mark.parametrize(
    ("code_type", "pattern"),
    [
        ("numeric", "[0-9]{20}"),
        ("alpha", "[A-HJKMNP-Z]{20}"),
        ("alphanumeric", "[A-HJKMNP-Z2-9]{20}"),
        ("ALPHA", "[A-HJKMNP-Z]{20}"),
    ],
)
async def test_code_type_is_what_the_code_is_made_of_without_look_alikes(
    wire: Wire, code_type: str, pattern: str
) -> None:
    _, text = await create(wire, code_type=code_type, code_length=20)
    assert re.fullmatch(pattern, text)


async def test_another_code_type_is_refused(wire: Wire) -> None:
    assert list(await refused(wire, code_type="hex")) == ["code_type"]


@pytest.mark.parametrize("number", ["", "0306944000001", "30694", "1234567890123456", "30 6944", "abc"])
async def test_a_subscriber_is_7_to_15_digits_that_do_not_begin_with_0(wire: Wire, number: str) -> None:
    assert list(await refused(wire, subscriber=number)) == ["subscriber"]


@pytest.mark.parametrize("number", [306944000001, "+306944000001", "1234567", "123456789012345"])
async def test_a_subscriber_may_be_a_number_and_have_a_plus(wire: Wire, number: Any) -> None:
    await create(wire, subscriber=number)


@pytest.mark.parametrize("reference", ["", None, "x" * 256, "a\0b"])
async def test_a_reference_is_required_and_has_at_most_255_characters(wire: Wire, reference: Any) -> None:
    assert list(await refused(wire, reference_id=reference)) == ["reference_id"]


@pytest.mark.parametrize("expire", [0, -5, 86_401])
async def test_expire_is_at_least_a_second_and_at_most_a_day(wire: Wire, expire: int) -> None:
    assert list(await refused(wire, expire=expire)) == ["expire"]


async def test_a_callback_url_is_https_and_statuses_go_there(wire: Wire) -> None:
    assert list(await refused(wire, callback_url="http://shop.example/statuses")) == ["callback_url"]
    await create(wire, callback_url="https://shop.example/statuses")
    rows = await wire.runtime.db.read(Tx.fetch, _ENDPOINTS, wire.account.account_id)
    assert [tuple(row) for row in rows] == [("status", "https://shop.example/statuses")]
    await create(wire, callback_url="")


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ({"text": "{apifon_otp}"}, "message.sender_id"),
        ({"sender_id": "Acme"}, "message.text"),
        (SMS | {"sender_id": "A name too long"}, "message.sender_id"),
        (SMS | {"sender_id": "12345678901234567"}, "message.sender_id"),
        (SMS | {"dc": 3}, "message.dc"),
        (SMS | {"text": "x" * 10_001}, "message.text"),
        (SMS | {"dc": 1, "text": "\u4f60{apifon_otp}"}, "message.text"),
    ],
)
async def test_what_a_message_lacks_or_cannot_have_is_refused(wire: Wire, message: Any, place: str) -> None:
    assert list(await refused(wire, message=message)) == [place]


async def test_unknown_keys_are_ignored(wire: Wire) -> None:
    await create(wire, colour="blue", message=SMS | {"size": 5})


async def test_both_bases_and_a_slash_at_the_end_are_served(wire: Wire) -> None:
    for place, path in enumerate(("/services/otp/create", f"{CREATE}/")):
        assert (await wire.call("POST", path, request(f"ref {place}"))).status_code == 200


# The table of channels by what is present ----------------------------------------------------------------------------


@pytest.fixture
async def phones(wire: Wire) -> Sandbox:
    """The simulated network of instant messages and SMS."""
    made = Sandbox(wire.runtime.db, wire.account.actor, box=wire.runtime.secret_box)
    im = BUILT_IN_SIMULATORS["im"]
    made.held.carriers[im] = Simulator(im, {}, made.inbox)
    return made


async def got(wire: Wire, number: str) -> list[tuple[str, str]]:
    """What a phone has got last: channel and text."""
    rows = await wire.runtime.db.read(simulated_phones, wire.account.actor, wire.runtime.secret_box, addresses=[number])
    return [(row["channel"], row["text"]) for row in rows]


async def test_im_alone_goes_by_im_with_the_password_in_it(wire: Wire, phones: Sandbox) -> None:
    body, text = await create(wire, im_channels=[IM])
    row = await sending(wire)
    assert (row["channel"], row["sender"], row["text"]) == ("im", "Acme", "Your code: {apifon_otp}")
    assert row["validity"] == timedelta(seconds=300)
    assert body["result"][0]["length"] == len(text)
    await phones.work()
    assert await got(wire, NUMBER) == [("im", text)]
    assert (await result(wire, text[-6:]))[1] == 0


async def test_both_present_im_goes_and_the_same_password_by_sms_where_it_fails(wire: Wire, phones: Sandbox) -> None:
    unknown = "306944009912"
    await create(wire, subscriber=unknown, message=SMS | {"text": "By SMS: {apifon_otp}"}, im_channels=[IM])
    row = await sending(wire)
    # Half of the password's time, as the other half is the SMS's.
    assert (row["channel"], row["validity"]) == ("im", timedelta(seconds=150))
    text = await last_text(wire.runtime, wire.account.account_id)
    await phones.work()
    await phones.advance(timedelta(seconds=10))
    assert await got(wire, unknown) == [("sms", text.replace("Your code", "By SMS"))]
    messages = await wire.runtime.db.read(
        Tx.fetch, "SELECT text FROM message WHERE shard_key = $1", wire.account.account_id
    )
    assert [row["text"] for row in messages] == ["By SMS: {apifon_otp}"]
    assert (await result(wire, text[-6:]))[1] == 0


async def test_both_present_and_im_delivered_no_sms_follows(wire: Wire, phones: Sandbox) -> None:
    _, text = await create(wire, message=SMS, im_channels=[IM])
    await phones.work()
    await phones.advance(timedelta(minutes=6))
    assert await got(wire, NUMBER) == [("im", "Your code: {apifon_otp}")]
    assert text != "Your code: {apifon_otp}"


async def test_an_instant_message_that_may_take_longer_than_the_password_has_no_sms_after_it(
    wire: Wire, phones: Sandbox
) -> None:
    for ttl, fallbacks in ((61, 0), (60, 1)):
        await create(wire, message=SMS, im_channels=[IM | {"ttl": ttl}], expire=60)
        rows = await wire.runtime.db.read(Tx.fetch, _FALLBACKS, wire.account.account_id)
        assert rows[0]["fallbacks"] == fallbacks
    await phones.work()


async def test_a_password_that_is_verified_is_not_sent_by_sms_any_more(wire: Wire, phones: Sandbox) -> None:
    silent = "306944009908"
    _, text = await create(wire, subscriber=silent, message=SMS, im_channels=[IM])
    await phones.work()
    assert (await result(wire, text[-6:]))[1] == 0
    await phones.advance(timedelta(minutes=6))
    assert [channel for channel, _ in await got(wire, silent)] == ["im"]


@pytest.mark.parametrize("channels", [[IM, IM], IM, "im"])
async def test_what_is_not_one_channel_is_refused(wire: Wire, channels: Any) -> None:
    reply = await wire.call("POST", CREATE, request(im_channels=channels))
    assert (reply.status_code, reply.json()["result_info"]["status_code"]) == (403, 403)


async def test_no_channel_in_the_list_is_as_none(wire: Wire) -> None:
    await create(wire, im_channels=[])


@pytest.mark.parametrize(
    ("channel", "place"),
    [
        ({"sender_id": "Acme"}, "text"),
        ({"text": "{apifon_otp}"}, "sender_id"),
        (IM | {"text": "Your code"}, "text"),
        (IM | {"text": "{apifon_otp}" + "x" * 1000}, "text"),
        (IM | {"ttl": 29}, "ttl"),
        (IM | {"device_target": "WATCH"}, "device_target"),
    ],
)
async def test_what_an_im_channel_lacks_or_cannot_have_is_refused(wire: Wire, channel: Any, place: str) -> None:
    assert list(await refused(wire, message=SMS, im_channels=[channel])) == [f"im_channels[0].{place}"]


@pytest.mark.parametrize("target", ["SMARTPHONE_ONLY", "SMARTPHONE_AND_OTHER_DEVICES"])
async def test_the_device_targets_are_taken(wire: Wire, target: str) -> None:
    await create(wire, message=SMS, im_channels=[IM | {"device_target": target, "ttl": 30}])


# What keeps a password from being sent -------------------------------------------------------------------------------


async def test_a_suppressed_number_gets_none(wire: Wire) -> None:
    address = Address(channel=Channel.SMS, value=f"+{NUMBER}")
    await wire.runtime.db.run(suppress, wire.account.actor, Suppress(addresses=[address], reason="other"))
    assert list(await refused(wire)) == ["subscriber"]


async def test_without_credit_there_is_none(wire: Wire) -> None:
    price = SetPrice(channel="sms", amount=10_000, account_id=wire.account.account_id)
    await wire.runtime.db.run(set_price, OPERATOR, price)
    assert "account_insufficient_credits (115)" in (await refused(wire))["subscriber"]


async def test_too_many_to_one_recipient_are_429_and_say_when_to_try_again(wire: Wire) -> None:
    await limit(wire, "recipient_sends", "2")
    await create(wire, "one")
    await create(wire, "two")
    reply = await wire.call("POST", CREATE, request("three"))
    assert (reply.status_code, reply.json()["result_info"]["status_code"]) == (429, 429)
    assert 0 < int(reply.headers["retry-after"]) <= 3600
    assert (await wire.call("POST", CREATE, request("three", subscriber="306944990001"))).status_code == 200


# OTP Verification ----------------------------------------------------------------------------------------------------


async def test_0_valid_and_1_validated_already_are_200(wire: Wire) -> None:
    body, code = await create(wire)
    first = await verify(wire, code)
    assert first.status_code == 200
    assert first.json() == {
        "request_id": body["request_id"],
        "result_info": {"status_code": 0, "description": "Valid"},
    }
    assert await result(wire, code) == (200, 1, "Invalid")


async def test_2_declined_after_the_attempts_whether_the_reference_is_one_or_not(wire: Wire) -> None:
    await limit(wire, "attempts", "3")
    _, code = await create(wire)
    for reference in ("login", "nobody's"):
        got = [await result(wire, wrong_code(code), reference) for _ in range(5)]
        assert got == [(403, 3, "The request code was not found")] * 3 + [(403, 2, "Declined")] * 2
    assert await result(wire, code) == (403, 2, "Declined")


async def test_2_declined_after_too_many_checks_of_a_recipient_across_references(wire: Wire) -> None:
    await limit(wire, "recipient_checks", "4")
    codes = [(await create(wire, f"ref {place}"))[1] for place in range(3)]
    for place in (0, 0, 1, 1):
        assert (await result(wire, wrong_code(codes[place]), f"ref {place}"))[1] == 3
    assert await result(wire, codes[2], "ref 2") == (403, 2, "Declined")


async def test_3_a_wrong_code_and_an_unknown_reference_are_answered_alike(wire: Wire) -> None:
    _, code = await create(wire)
    replies = [await verify(wire, wrong_code(code), reference) for reference in ("login", "nobody's")]
    shapes = [(one.status_code, one.json()["result_info"], sorted(one.headers)) for one in replies]
    assert shapes[0] == shapes[1]
    assert shapes[0][:2] == (403, {"status_code": 3, "description": "The request code was not found"})


@pytest.mark.parametrize("path", ["/login", "/login/", "/login/%20"])
async def test_4_no_code(wire: Wire, path: str) -> None:
    reply = await wire.call("POST", f"{VERIFY}{path}")
    assert (reply.status_code, reply.json()["result_info"]["status_code"]) == (403, 4)
    assert reply.json()["result_info"]["description"] == "No code was provided"


@pytest.mark.parametrize("path", ["", "/", "//123456", "/%20/123456"])
async def test_5_no_reference(wire: Wire, path: str) -> None:
    reply = await wire.call("POST", f"{VERIFY}{path}")
    assert (reply.status_code, reply.json()["result_info"]["status_code"]) == (403, 5)
    assert reply.json()["result_info"]["description"] == "No reference_id provided in request"


async def test_6_expired_is_told_to_who_has_the_code_alone(wire: Wire) -> None:
    _, code = await create(wire, expire=60)
    statement = "UPDATE otp SET expires_at = $2 WHERE account_id = $1"
    await wire.runtime.db.run(Tx.execute, statement, wire.account.account_id, wire.clock.now())
    assert await result(wire, code) == (403, 6, "Expired")
    assert (await result(wire, wrong_code(code)))[1] == 3


async def test_7_a_superseded_code_is_invalid(wire: Wire) -> None:
    (_, first), (_, second) = await create(wire, code_length=20), await create(wire, code_length=20)
    assert await result(wire, first) == (403, 7, "The request code is invalid.")
    assert (await result(wire, second))[1] == 0


@pytest.mark.parametrize("code", ["x" * 21, "12-456", "12345\u0663", "1/2"])
async def test_7_what_cannot_be_a_code_is_invalid_and_no_attempt(wire: Wire, code: str) -> None:
    await limit(wire, "attempts", "1")
    _, right = await create(wire)
    assert (await result(wire, code))[:2] == (403, 7)
    assert (await result(wire, right))[1] == 0


def test_every_verdict_has_its_line() -> None:
    assert set(STATUSES) == set(Verdict)


async def test_letters_are_verified_in_any_case_and_references_may_be_anything(wire: Wire) -> None:
    reference = "Ελλάδα / 50% #1?"
    _, code = await create(wire, reference, code_type="alpha", code_length=10)
    assert (await result(wire, code.lower(), reference))[1] == 0


async def test_another_accounts_reference_is_unknown(wire: Wire) -> None:
    _, code = await create(wire)
    await wire.runtime.db.run(
        Tx.execute, "UPDATE otp SET account_id = account_id + 1000000 WHERE account_id = $1", wire.account.account_id
    )
    assert (await result(wire, code))[1] == 3


# Scopes and logs -----------------------------------------------------------------------------------------------------


async def test_a_token_needs_the_scope_otpGateway(wire: Wire) -> None:  # noqa: N802 - the vendor's name
    for scope, status in (("smsGateway", 403), ("otpGateway", 200)):
        auth = (wire.parts["client_id"], wire.parts["client_secret"])
        token = (await wire.client.post("/oauth2/token", auth=auth, params={"scope": scope})).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        reply = await wire.client.post(CREATE, json=request(scope), headers=headers)
        assert reply.status_code == status


async def test_no_log_shows_a_code_also_where_it_stands_in_the_path(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    with capture_logs() as lines:
        _, code = await create(wire, code_length=20)
        await verify(wire, wrong_code(code))
        await verify(wire, code)
        monkeypatch.setattr("carillon.dialects.apifon.otp.status_of_check", None)
        reply = await verify(wire, code)
    assert reply.status_code == 500
    assert any(line["event"] == "request_failed" for line in lines)
    assert code not in repr(lines)
    assert wrong_code(code) not in repr(lines)


def test_a_request_shows_no_path_in_its_repr() -> None:
    shown = repr(
        Request(
            method="POST", path=f"{VERIFY}/login/482913", raw_path=f"{VERIFY}/login/482913", body=None,  # type: ignore[arg-type] # it is not read
            remote_address="192.0.2.1", request_id="1", report_id="1",
        )
    )  # fmt: skip
    assert "482913" not in shown
