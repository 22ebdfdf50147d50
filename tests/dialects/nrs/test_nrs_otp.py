"""One-time passwords: what Generate code and Check code take, answer and refuse."""

import re
from datetime import timedelta
from typing import Any

import pytest
from tests.dialects.nrs.wire import Wire
from tests.support import wrong_code

from carillon.db.database import Tx
from carillon.dialects.nrs.otp import REASONS
from carillon.otp.check import Verdict
from carillon.otp.limits import SetLimit, set_limit

pytestmark = pytest.mark.any_database

PHONE, MAIL = "34666555444", "rita@mail.example"


async def generate(wire: Wire, recipient: Any = PHONE, **given: Any) -> Any:
    reply = await wire.send("POST", "/otp/generate", {"recipient": recipient, **given})
    assert reply.status_code == 200, reply.text
    return reply.json()["data"]


async def check(wire: Wire, code: str, recipient: str = PHONE, **given: Any) -> Any:
    reply = await wire.send("POST", "/otp/check", {"recipient": recipient, "code": code, **given})
    assert reply.status_code == 200, reply.text
    return reply.json()["data"]


async def reason(wire: Wire, code: str, recipient: str = PHONE, **given: Any) -> tuple[bool, str]:
    found = await check(wire, code, recipient, **given)
    return found["valid"], found["reason"]


async def refusal(wire: Wire, function: str, body: Any) -> str:
    reply = await wire.send("POST", f"/otp/{function}", body)
    assert reply.status_code == 422, reply.text
    assert reply.json()["error"]["code"] == 422
    return str(reply.json()["error"]["description"])


async def test_the_defaults_are_four_digits_three_attempts_and_sixty_seconds(wire: Wire) -> None:
    data = await generate(wire)
    assert re.fullmatch("[0-9]{4}", data["code"])
    assert data == {
        "recipient": PHONE,
        "code": data["code"],
        "attempts": 0,
        "maxAttempts": 3,
        "maxSecondsValidity": 60,
        "appId": "",
        "createdAt": "2025-03-09T10:30:00+00:00",
        "updatedAt": "2025-03-09T10:30:00+00:00",
        "expiresAt": "2025-03-09T10:31:00+00:00",
    }
    names = ["recipient", "code", "attempts", "maxAttempts", "maxSecondsValidity", "appId"]
    assert list(data) == [*names, "createdAt", "updatedAt", "expiresAt"]


async def test_nothing_is_sent(wire: Wire) -> None:
    await generate(wire)
    assert (
        await wire.runtime.db.read(Tx.fetch, "SELECT 1 FROM sending WHERE shard_key = $1", wire.account.account_id)
        == []
    )


async def test_alpha_is_letters_and_digits_without_look_alikes(wire: Wire) -> None:
    data = await generate(wire, alpha=True, length=10)
    assert re.fullmatch("[A-HJKMNP-Z2-9]{10}", data["code"])


@pytest.mark.parametrize(
    ("name", "least", "most"), [("length", 3, 10), ("maxAttempts", 1, 10), ("maxSecondsValidity", 30, 600)]
)
async def test_numbers_have_their_limits(wire: Wire, name: str, least: int, most: int) -> None:
    for value in (least, most, str(least)):
        data = await generate(wire, **{name: value})
        assert (len(data["code"]) if name == "length" else data[name]) == int(value)
    for value in (least - 1, most + 1):
        said = await refusal(wire, "generate", {"recipient": PHONE, name: value})
        assert said == f"The {name} field must be between {least} and {most}."


@pytest.mark.parametrize("function", ["generate", "check"])
@pytest.mark.parametrize(
    "body", [{"code": "1234"}, {"recipient": "", "code": "1234"}, {"recipient": None, "code": "1"}]
)
async def test_a_recipient_is_required(wire: Wire, function: str, body: Any) -> None:
    assert await refusal(wire, function, body) == "The recipient field is required."


@pytest.mark.parametrize("function", ["generate", "check"])
@pytest.mark.parametrize("recipient", ["12", "nobody", "rita@", "@mail.example", "x" * 5000])
async def test_a_recipient_is_a_phone_or_an_email(wire: Wire, function: str, recipient: str) -> None:
    said = await refusal(wire, function, {"recipient": recipient, "code": "1234"})
    assert said == "The recipient field must be a valid phone or email."


async def test_a_code_is_required_to_check(wire: Wire) -> None:
    assert await refusal(wire, "check", {"recipient": PHONE}) == "The code field is required."


@pytest.mark.parametrize(
    ("given", "shown"), [(MAIL, MAIL), ("Rita@Mail.example", MAIL), ("+34 666 555 444", PHONE), (34666555444, PHONE)]
)
async def test_a_recipient_is_the_same_however_it_is_written(wire: Wire, given: Any, shown: str) -> None:
    data = await generate(wire, given)
    assert data["recipient"] == shown
    assert await reason(wire, data["code"], shown) == (True, "Valid")


async def test_an_app_id_has_a_code_of_its_own_and_at_most_100_characters(wire: Wire) -> None:
    one, two = await generate(wire, appId="shop"), await generate(wire, appId="bank", length=10)
    assert (one["appId"], two["appId"]) == ("shop", "bank")
    assert await reason(wire, two["code"], appId="bank") == (True, "Valid")
    assert await reason(wire, one["code"], appId="shop") == (True, "Valid")
    assert "appId" in await refusal(wire, "generate", {"recipient": PHONE, "appId": "x" * 101})


async def test_a_pending_code_is_replaced_unless_the_request_rejects_that(wire: Wire) -> None:
    first = await generate(wire, length=10)
    said = await refusal(wire, "generate", {"recipient": PHONE, "rejectIfPendingCode": True})
    assert said == "The recipient field has a pending code."
    second = await generate(wire, length=10, rejectIfPendingCode=False)
    assert await reason(wire, first["code"]) == (False, "Invalid code")
    assert await reason(wire, second["code"]) == (True, "Valid")
    await generate(wire, rejectIfPendingCode=True)


async def test_a_valid_code_is_valid_once_and_the_answer_has_it(wire: Wire) -> None:
    data = await generate(wire)
    found = await check(wire, data["code"])
    assert list(found) == ["valid", "reason", "otp"]
    assert (found["valid"], found["reason"]) == (True, "Valid")
    assert found["otp"]["data"] == data | {"attempts": 1}
    assert await reason(wire, data["code"]) == (False, "Invalid code")


async def test_a_wrong_code_is_shown_as_it_was_given_and_never_the_right_one(wire: Wire) -> None:
    data = await generate(wire)
    found = await check(wire, wrong_code(data["code"]))
    assert (found["valid"], found["reason"]) == (False, "Invalid code")
    assert found["otp"]["data"]["code"] == wrong_code(data["code"])


async def test_after_the_last_attempt_the_maximum_is_reached(wire: Wire) -> None:
    data = await generate(wire, maxAttempts=2)
    assert [await reason(wire, wrong_code(data["code"])) for _ in range(2)] == [(False, "Invalid code")] * 2
    found = await check(wire, data["code"])
    assert (found["valid"], found["reason"]) == (False, "Maximum attempts reached")
    assert found["otp"]["data"]["attempts"] == 2


@pytest.mark.parametrize("is_right", [True, False])
async def test_after_its_time_a_code_is_expired(wire: Wire, is_right: bool) -> None:  # noqa: FBT001 - pytest's
    data = await generate(wire, maxSecondsValidity=30)
    statement = "UPDATE otp SET expires_at = $2::timestamptz - interval '1 second' WHERE account_id = $1"
    await wire.runtime.db.run(Tx.execute, statement, wire.account.account_id, wire.clock.now() + timedelta(seconds=1))
    code = data["code"] if is_right else wrong_code(data["code"])
    assert await reason(wire, code) == (False, "Expired")


async def test_a_recipient_without_a_code_has_an_invalid_one(wire: Wire) -> None:
    assert await check(wire, "1234") == {"valid": False, "reason": "Invalid code", "otp": None}


async def test_capitals_count_where_it_is_asked_for(wire: Wire) -> None:
    data = await generate(wire, alpha=True, length=10)
    lower = data["code"].lower()
    assert await reason(wire, lower, caseSensitive=True) == (False, "Invalid code")
    assert await reason(wire, lower) == (True, "Valid")


async def test_too_many_codes_for_a_recipient_are_429(wire: Wire) -> None:
    await wire.runtime.db.run(set_limit, wire.account.actor, SetLimit(name="recipient_sends", value="1"))
    await generate(wire)
    reply = await wire.send("POST", "/otp/generate", {"recipient": PHONE})
    assert (reply.status_code, reply.json()["error"]["code"]) == (429, 429)
    assert "retry-after" in reply.headers


def test_every_verdict_has_its_reason() -> None:
    assert set(REASONS) == set(Verdict)
    assert set(REASONS.values()) == {"Valid", "Invalid code", "Maximum attempts reached", "Expired"}
