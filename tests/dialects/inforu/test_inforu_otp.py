"""SendOtp and Authenticate: flat replies, credentials under User, and what each finding is answered."""

import re
from datetime import timedelta
from typing import Any

import pytest
from tests.dialects.inforu.wire import PATHS, Wire
from tests.dialects.sent_texts import last_text
from tests.support import OPERATOR, wrong_code

from carillon.audience.suppressions import Address, Channel, Suppress, suppress
from carillon.billing.prices import SetPrice, set_price
from carillon.db.database import Tx
from carillon.kit.xml import read_xml
from carillon.otp.limits import SetLimit, set_limit

pytestmark = pytest.mark.any_database

PHONE = "0521234567"


async def send(wire: Wire, value: Any = PHONE, **more: Any) -> tuple[Any, str]:
    reply = await wire.post("SendOtp", {"OtpType": "sms", "OtpValue": value, **more})
    assert reply.json()["StatusId"] == 1, reply.text
    return reply.json(), await last_text(wire.runtime, wire.account.account_id)


async def status(wire: Wire, code: str, value: str = PHONE, **more: Any) -> int:
    reply = await wire.post("Authenticate", {"OtpCode": code, "OtpValue": value, **more})
    assert reply.status_code == 200
    return int(reply.json()["StatusId"])


async def test_six_digits_are_sent_and_the_reply_is_flat(wire: Wire) -> None:
    body, text = await send(wire)
    assert re.fullmatch("[0-9]{6}", text)
    assert list(body) == ["StatusId", "StatusDescription", "RequestToken"]
    assert (body["StatusId"], body["StatusDescription"]) == (1, "OK")


async def test_the_right_code_is_right_once(wire: Wire) -> None:
    _, code = await send(wire)
    reply = await wire.post("Authenticate", {"OtpCode": code, "OtpValue": "+972521234567"})
    assert reply.json() == {"StatusId": 1, "StatusDescription": "OK"}
    assert await status(wire, code) == -208


async def test_a_token_names_the_password_that_is_meant(wire: Wire) -> None:
    first, _ = await send(wire)
    second, code = await send(wire)
    assert await status(wire, code, RequestToken=first["RequestToken"]) == -401
    assert await status(wire, code, RequestToken="nobody's") == -401
    assert await status(wire, code, RequestToken=second["RequestToken"]) == 1


async def test_a_wrong_code_and_a_number_without_one_are_answered_alike(wire: Wire) -> None:
    _, code = await send(wire)
    wrong = [
        (await wire.post("Authenticate", {"OtpCode": wrong_code(code), "OtpValue": value})).json()
        for value in (PHONE, "0549999999")
    ]
    assert wrong[0] == wrong[1]
    assert wrong[0]["StatusId"] == -401


async def test_after_the_attempts_nothing_is_right(wire: Wire) -> None:
    await wire.runtime.db.run(set_limit, wire.account.actor, SetLimit(name="attempts", value="2"))
    _, code = await send(wire)
    assert [await status(wire, wrong_code(code)) for _ in range(3)] == [-401, -401, -423]
    assert await status(wire, code) == -423


async def test_a_code_that_is_over_is_told_to_who_has_it_alone(wire: Wire) -> None:
    _, code = await send(wire)
    statement = "UPDATE otp SET expires_at = $2 WHERE account_id = $1"
    await wire.runtime.db.run(Tx.execute, statement, wire.account.account_id, wire.clock.now() - timedelta(seconds=1))
    assert (await status(wire, code), await status(wire, wrong_code(code))) == (-410, -401)


async def test_credentials_may_stand_under_user(wire: Wire) -> None:
    user = {"UserName": wire.username, "Token": wire.token}
    body = {"User": user, "Data": {"OtpType": "sms", "OtpValue": PHONE}}
    reply = await wire.client.post("/api/Otp/SendOtp", json=body)
    assert reply.json()["StatusId"] == 1
    body["User"] = user | {"Token": "another"}
    reply = await wire.client.post("/api/otp/sendotp", json=body)
    assert (reply.status_code, reply.json()["StatusId"]) == (401, -2)
    assert "Data" not in reply.json()


async def test_it_works_in_xml_too(wire: Wire) -> None:
    user = f"<User><UserName>{wire.username}</UserName><Token>{wire.token}</Token></User>"
    text = f"<Any>{user}<Data><OtpType>sms</OtpType><OtpValue>{PHONE}</OtpValue></Data></Any>"
    reply = await wire.client.post(PATHS["SendOtp"], content=text, headers={"Content-Type": "application/xml"})
    found: Any = read_xml(reply.content)
    assert list(found) == ["StatusId", "StatusDescription", "RequestToken"]


@pytest.mark.parametrize(
    ("function", "data", "status_id", "place"),
    [
        ("SendOtp", {"OtpType": "sms"}, -400, "Data.OtpValue"),
        ("SendOtp", {"OtpType": "carrier pigeon", "OtpValue": PHONE}, -400, "Data.OtpType"),
        ("SendOtp", {"OtpValue": "nobody"}, -18, "Data.OtpValue"),
        ("Authenticate", {"OtpValue": PHONE}, -400, "Data.OtpCode"),
        ("Authenticate", {"OtpCode": "123456"}, -400, "Data.OtpValue"),
    ],
)
async def test_what_is_missing_or_wrong_is_named(
    wire: Wire, function: str, data: Any, status_id: int, place: str
) -> None:
    body = (await wire.post(function, data)).json()
    assert (body["StatusId"], body["DetailedDescription"].partition(":")[0]) == (status_id, place)


async def test_a_number_that_is_unsubscribed_gets_none(wire: Wire) -> None:
    address = Address(channel=Channel.SMS, value="+972521234567")
    await wire.runtime.db.run(suppress, wire.account.actor, Suppress(addresses=[address], reason="other"))
    assert (await wire.post("SendOtp", {"OtpValue": PHONE})).json()["StatusId"] == -18


async def test_without_credit_the_quota_is_exceeded(wire: Wire) -> None:
    price = SetPrice(channel="sms", amount=10_000, account_id=wire.account.account_id)
    await wire.runtime.db.run(set_price, OPERATOR, price)
    assert (await wire.post("SendOtp", {"OtpValue": PHONE})).json()["StatusId"] == -13


async def test_too_many_to_a_number_are_429(wire: Wire) -> None:
    await wire.runtime.db.run(set_limit, wire.account.actor, SetLimit(name="recipient_sends", value="1"))
    await send(wire)
    reply = await wire.post("SendOtp", {"OtpValue": PHONE})
    assert (reply.status_code, reply.json()["StatusId"]) == (429, -429)
