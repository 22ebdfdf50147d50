"""Sending by POST /sms: what it takes, what it answers, and which code each mistake has."""

from datetime import timedelta
from typing import Any

import pytest
from tests.dialects.nrs.wire import Wire
from tests.support import OPERATOR

from carillon.billing.balances import AddCredit, add_credit
from carillon.billing.prices import SetPrice, set_price
from carillon.carriers.failures import Failure
from carillon.db.database import Tx
from carillon.dialects.nrs.errors import Refusal
from carillon.dialects.nrs.mapping_sends import FAILURES, STATUSES
from carillon.kit.traffic import TrafficClass
from carillon.messaging.states import MessageState

pytestmark = pytest.mark.any_database

PLAIN = {"to": ["34666555444"], "from": "TEST", "message": "SMS text message"}
LONG = "a" * 1300


@pytest.fixture(autouse=True)
async def sandbox(wire: Wire) -> None:
    await wire.runtime.db.run(
        Tx.execute, "UPDATE account SET sandbox = true WHERE account_id = $1", wire.account.account_id
    )


async def sms(wire: Wire, **given: Any) -> Any:
    reply = await wire.send("POST", "/sms", {**PLAIN, **given})
    assert reply.status_code in {202, 207}, reply.text
    return reply.json()


async def rows(wire: Wire, columns: str = "*") -> list[Any]:
    statement = f"SELECT {columns} FROM sending WHERE shard_key = $1 ORDER BY sending_id"  # noqa: S608 - a test's
    return await wire.runtime.db.read(Tx.fetch, statement, wire.account.account_id)


async def test_a_text_is_accepted_for_all_its_recipients(wire: Wire) -> None:
    reply = await wire.send("POST", "/sms", {**PLAIN, "to": ["34666555444", "+34666555445"]})
    assert reply.status_code == 202
    body = reply.json()
    assert list(body) == ["campaignId", "sendingId", "result"]
    assert [(one["accepted"], one["to"], one["parts"]) for one in body["result"]] == [
        (True, "34666555444", 1),
        (True, "+34666555445", 1),
    ]
    assert all(list(one) == ["accepted", "to", "id", "parts"] for one in body["result"])
    (row,) = await rows(wire)
    assert (row["sender"], row["text"], row["recipients"], row["traffic_class"]) == ("TEST", PLAIN["message"], 2, 2)


async def test_one_text_alone_is_one_recipient(wire: Wire) -> None:
    assert len((await sms(wire, to="34666555444"))["result"]) == 1
    assert len((await sms(wire, to=34666555445))["result"]) == 1


async def test_a_request_that_is_accepted_for_some_is_207(wire: Wire) -> None:
    await wire.send("PUT", "/v2/blacklist/sms", {"recipient": "34666000111"})
    reply = await wire.send("POST", "/sms", {**PLAIN, "to": ["34666555444", "12", "34666000111", "34666555444"]})
    assert reply.status_code == 207
    accepted, *others = reply.json()["result"]
    assert accepted["accepted"] is True
    assert others == [
        {"accepted": False, "to": "12", "error": {"code": 102, "description": "No valid recipients"}},
        {
            "accepted": False,
            "to": "34666000111",
            "error": {"code": 102, "description": "The recipient is on the blacklist"},
        },
        {
            "accepted": False,
            "to": "34666555444",
            "error": {"code": 102, "description": "The recipient is in the request already"},
        },
    ]


@pytest.mark.parametrize(
    ("given", "code", "description"),
    [
        ({"to": []}, 102, "No valid recipients"),
        ({"to": None}, 102, "No valid recipients"),
        ({"to": ["12", "x"]}, 102, "No valid recipients"),
        ({"to": ["12"], "message": "", "from": ""}, 102, "No valid recipients"),
        ({"message": ""}, 104, "Text message missing"),
        ({"message": None, "from": ""}, 104, "Text message missing"),
        ({"message": LONG}, 105, "Text message too long"),
        ({"message": "a" * 10_001}, 105, "Text message too long"),
        ({"from": " "}, 106, "Sender missing"),
        ({"from": "TwelveLetter"}, 107, "Sender too long"),
        ({"from": "1234567890123456"}, 107, "Sender too long"),
        ({"scheduleDate": "tomorrow"}, 108, "No valid Datetime for send"),
        ({"scheduleDate": "20250230093000"}, 108, "No valid Datetime for send"),
        ({"scheduleDate": "20290101000000"}, 108, "No valid Datetime for send"),
        ({"scheduleDate": "0001-01-01T00:00:00+23:00"}, 108, "No valid Datetime for send"),
        ({"notificationUrl": "ftp://example.com/"}, 109, "Notification URL incorrect"),
        ({"notificationUrl": "http://127.0.0.1/"}, 109, "Notification URL incorrect"),
        ({"parts": 0}, 110, "Exceeded maximum parts allowed or incorrect number of parts"),
        ({"parts": 9}, 110, "Exceeded maximum parts allowed or incorrect number of parts"),
        ({"parts": "many"}, 110, "Exceeded maximum parts allowed or incorrect number of parts"),
        ({"parts": 1, "message": "a" * 161}, 110, "Exceeded maximum parts allowed or incorrect number of parts"),
        ({"encoding": "latin-1"}, 113, "Invalid coding"),
        ({"encoding": "gsm", "message": "Привет"}, 113, "Invalid coding"),
        ({"expirationDate": "never"}, 119, "Invalid expiration date"),
        ({"expirationDate": "20250309102900"}, 119, "Invalid expiration date"),
        (
            {"scheduleDate": "20250310000000", "expirationDate": "20250309235959"},
            119,
            "Invalid expiration date",
        ),
        ({"campaignName": " "}, 126, "Empty campaign name"),
        ({"campaignName": "", "encoding": "x"}, 113, "Invalid coding"),
    ],
)
async def test_each_mistake_has_its_code_and_the_lowest_is_answered(
    wire: Wire, given: dict[str, Any], code: int, description: str
) -> None:
    assert await wire.refusal("POST", "/sms", {**PLAIN, **given}) == (400, code, description)
    assert await rows(wire) == []


async def test_what_is_no_json_is_125(wire: Wire) -> None:
    assert await wire.refusal("POST", "/sms", content=b"{to") == (400, 125, "Invalid JSON")


@pytest.mark.parametrize(
    "given",
    [
        {"certified": True},
        {"message": {}},
        {"tags": [[]]},
        {"to": [[]]},
        {"tags": ["t" * 101]},
        {"flash": "x"},
        {"campaignName": "n" * 256},
    ],
)
async def test_what_the_reference_has_no_code_for_is_422(wire: Wire, given: dict[str, Any]) -> None:
    status, code, _ = await wire.refusal("POST", "/sms", {**PLAIN, **given})
    assert (status, code) == (422, 422)


async def test_without_credit_for_anybody_it_is_402(wire: Wire) -> None:
    db, actor = wire.runtime.db, wire.account.actor
    await db.run(set_price, OPERATOR, SetPrice(account_id=actor.account_id, channel="sms", amount=1_000_000))
    assert await wire.refusal("POST", "/sms", PLAIN) == (402, 111, "Not enough credits")
    await db.run(add_credit, actor, AddCredit(amount=1_500_000))
    reply = await wire.send("POST", "/sms", {**PLAIN, "to": ["34666555444", "34666555445"]})
    assert reply.status_code == 207
    assert reply.json()["result"][1]["error"] == {"code": 111, "description": "Not enough credits"}


async def test_sends_of_one_campaign_share_its_numbers(wire: Wire) -> None:
    first, second = await sms(wire, campaignName="Spring"), await sms(wire, campaignName=" spring ")
    assert (first["campaignId"], first["sendingId"]) == (second["campaignId"], second["sendingId"])
    other = await sms(wire)
    assert other["campaignId"] != first["campaignId"]
    assert (await sms(wire))["campaignId"] == other["campaignId"]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("20250309120000", "2025-03-09T12:00:00+00:00"),
        ("2025-03-09T14:00:00+02:00", "2025-03-09T12:00:00+00:00"),
        ("2025-03-09 12:00:00", "2025-03-09T12:00:00+00:00"),
    ],
)
async def test_dates_are_compact_or_iso_and_in_utc(wire: Wire, written: str, shown: str) -> None:
    found = await sms(wire, scheduleDate=written, expirationDate="20250309150000")
    (one,) = found["result"]
    assert list(one) == ["accepted", "to", "id", "parts", "scheduledAt", "expiresAt"]
    assert (one["scheduledAt"], one["expiresAt"]) == (shown, "2025-03-09T15:00:00+00:00")


async def test_a_past_schedule_is_now(wire: Wire) -> None:
    (one,) = (await sms(wire, scheduleDate="20200101000000"))["result"]
    assert "scheduledAt" not in one


@pytest.mark.parametrize(
    ("encoding", "message", "parts", "stored"),
    [
        ("", "a" * 161, 2, "gsm"),
        ("", "Привет", 1, "ucs2"),
        ("GSM", "“Hola”…", 1, "gsm"),
        ("Unicode", "Hola", 1, "ucs2"),
        ("UTF-16", "a" * 71, 2, "ucs2"),
        ("gsm-PT", "ção", 1, "gsm-pt"),
    ],
)
async def test_encodings_are_read_in_any_case(wire: Wire, encoding: str, message: str, parts: int, stored: str) -> None:
    (one,) = (await sms(wire, encoding=encoding, message=message))["result"]
    assert one["parts"] == parts
    assert [row["encoding"] for row in await rows(wire)] == [stored]


async def test_the_traffic_class_is_the_credentials(wire: Wire) -> None:
    for traffic_class in TrafficClass:
        auth = await wire.credential(traffic_class=traffic_class)
        assert (await wire.send("POST", "/sms", PLAIN, auth=auth)).status_code == 202
    assert [row["traffic_class"] for row in await rows(wire)] == [1, 2, 3]


async def test_flash_and_tags_are_kept(wire: Wire) -> None:
    await sms(wire, flash=True, tags=["spring", "vip", "spring"], campaignName="C")
    await sms(wire, flash=False, tags=["b"], splitParts=True, certified=False, campaignName="C")
    first, second = await rows(wire, "options")
    assert (first["options"], second["options"]) == ('{"flash": true}', "{}")
    tags = "SELECT tags FROM campaign WHERE account_id = $1"
    assert await wire.runtime.db.read(Tx.fetchval, tags, wire.account.account_id) == ["spring", "vip", "b"]


async def test_a_message_is_looked_at_by_its_id(wire: Wire) -> None:
    (one,) = (await sms(wire))["result"]
    assert await wire.get(f"/sms/{one['id']}") == {"id": one["id"], "status": "pending"}
    missing = "0198c0de-7000-7000-8000-000000000001"
    assert (await wire.refusal("GET", f"/sms/{missing}"))[:2] == (404, 404)
    assert (await wire.refusal("GET", "/sms/12"))[:2] == (404, 404)


async def test_expiry_without_a_date_is_eight_hours_and_with_one_two_days_at_most(wire: Wire) -> None:
    await sms(wire)
    await sms(wire, expirationDate="20250401000000")
    now = wire.clock.now()
    assert [row["expires_at"] - now for row in await rows(wire)] == [timedelta(hours=8), timedelta(hours=48)]


def test_every_failure_has_a_code_and_every_state_a_status() -> None:
    assert set(FAILURES) == set(Failure)
    assert all(isinstance(one, Refusal) and 102 <= one.code <= 126 for one in FAILURES.values())
    assert set(STATUSES) == set(MessageState)
