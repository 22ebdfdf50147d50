"""Campaigns and sendings with their counters, and the report of events."""

import csv
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from tests.dialects.nrs.wire import Wire
from tests.integration.messaging.sandbox import Sandbox
from tests.support import OPERATOR

from carillon.billing.balances import AddCredit, add_credit
from carillon.billing.prices import SetPrice, set_price
from carillon.db.database import Tx
from carillon.events.log import NewEvent, append_events

pytestmark = pytest.mark.any_database

HEAD = "campaignName,campaignId,sendingId,contactId,event,phone,email,landline,countryIso,browser,os,url,createdAt"
EVENTS = [
    *("delivered", "opened", "opened_unique", "clicked", "clicked_unique", "unsubscribed", "hard_bounced"),
    *("complaint", "sent", "soft_bounced", "undelivered", "rejected", "expired", "unsubscribed_landing"),
]
DELIVERED, ABSENT, REFUSED, STOPS = "34600000001", "34600009902", "34600009904", "34600009910"


@pytest.fixture
async def sandbox(wire: Wire) -> Sandbox:
    db, account_id = wire.runtime.db, wire.account.account_id
    await db.run(Tx.execute, "UPDATE account SET sandbox = true WHERE account_id = $1", account_id)
    return Sandbox(db, wire.account.actor)


async def sms(wire: Wire, *to: str, **given: Any) -> Any:
    reply = await wire.send("POST", "/sms", {"to": list(to), "from": "TEST", "message": "Hola", **given})
    assert reply.status_code in {202, 207}, reply.text
    return reply.json()


async def report(wire: Wire, sending_id: int, query: str = "") -> list[dict[str, str]]:
    reply = await wire.send("GET", f"/sendings/{sending_id}/reports/events{query}")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert "content-length" not in reply.headers
    return list(csv.DictReader(StringIO(reply.text)))


async def test_a_campaign_is_shown_with_its_sending_and_counters(wire: Wire, sandbox: Sandbox) -> None:
    price = SetPrice(account_id=wire.account.account_id, channel="sms", amount=20_000)
    await wire.runtime.db.run(set_price, OPERATOR, price)
    await wire.runtime.db.run(add_credit, wire.account.actor, AddCredit(amount=1_000_000))
    sent = await sms(wire, DELIVERED, ABSENT, "12", campaignName="Spring", tags=["vip"])
    await sms(wire, REFUSED, STOPS, campaignName="spring", message="a" * 161)
    await sandbox.work()
    await sandbox.advance(timedelta(minutes=5))
    found = (await wire.get(f"/campaigns/{sent['campaignId']}"))["data"]
    (sending,) = found.pop("sendings")["data"]
    base = "http://carillon.example/api/rest"
    assert found == {
        "id": sent["campaignId"],
        "name": "Spring",
        "type": "basic",
        "createdAt": "2025-03-09T10:30:00+00:00",
        "updatedAt": "2025-03-09T10:35:00+00:00",
        "links": {
            "self": f"{base}/campaigns/{sent['campaignId']}",
            "sendings": f"{base}/campaigns/{sent['campaignId']}/sendings",
        },
    }
    events = sending.pop("events")
    assert list(events) == EVENTS
    assert {name: count for name, count in events.items() if count} == {
        "sent": 3,
        "delivered": 2,
        "undelivered": 1,
        "rejected": 1,
        "unsubscribed": 1,
    }
    assert sending == {
        "id": sent["sendingId"],
        "campaignName": "Spring",
        "status": "OPENED",
        "channel": "sms",
        "total": 4,
        "processed": 3,
        "totalSmsParts": 4,
        "cost": 0.08,
        "currency": "ILS",
        "tags": ["vip"],
        "scheduledAt": None,
        "expiresAt": None,
        "startedAt": "2025-03-09T10:30:00+00:00",
        "finishedAt": None,
        "createdAt": "2025-03-09T10:30:00+00:00",
        "updatedAt": "2025-03-09T10:35:00+00:00",
        "links": {
            "self": f"{base}/sendings/{sent['sendingId']}",
            "eventsReport": f"{base}/sendings/{sent['sendingId']}/reports/events",
        },
    }
    sending["events"] = events
    alone = (await wire.get(f"/sendings/{sent['sendingId']}"))["data"]
    assert alone == {**sending, "events": events}
    assert (await wire.get(f"/campaigns/{sent['campaignId']}/sendings"))["data"] == [alone]
    assert (await wire.get("/sendings"))["data"] == [alone]
    account = await wire.get("/account")
    assert account["balance"] == 0.92


async def names(wire: Wire, **query: Any) -> list[str]:
    return [one["name"] for one in (await wire.get("/campaigns", **query))["data"]]


@pytest.mark.usefixtures("sandbox")
async def test_campaigns_are_filtered_and_paged(wire: Wire) -> None:
    for name in ("CAMPAIGN_2020_1", "CAMPAIGN_2020_2", "CAMPAIGNX2020_3", "100% off"):
        await sms(wire, DELIVERED, campaignName=name)
        wire.clock.moment += timedelta(hours=1)
    await sms(wire, DELIVERED)
    assert await names(wire) == ["CAMPAIGN_2020_1", "CAMPAIGN_2020_2", "CAMPAIGNX2020_3", "100% off", ""]
    assert await names(wire, name="campaign_2020_*") == ["CAMPAIGN_2020_1", "CAMPAIGN_2020_2"]
    assert await names(wire, name="*%*") == ["100% off"]
    assert await names(wire, name="100%") == []
    assert await names(wire, channel="SMS", limit=1) == ["CAMPAIGN_2020_1"]
    assert await names(wire, channel="landing") == []
    assert await names(wire, beforeDate="2025-03-09T11:00:00+00:00") == ["CAMPAIGN_2020_1"]
    assert await names(wire, afterDate="2025-03-09T13:00:00+00:00") == ["100% off", ""]
    first = (await wire.send("GET", "/campaigns?beforeDate=2025-03-09T11:00:00+00:00")).json()["data"]
    assert [one["name"] for one in first] == ["CAMPAIGN_2020_1"]  # the plus was sent as it is
    page = await wire.get("/campaigns", page=2, limit=2)
    assert [one["name"] for one in page["data"]] == ["CAMPAIGNX2020_3", "100% off"]
    assert page["meta"]["pagination"]["total_pages"] == 3
    assert (await wire.refusal("GET", "/campaigns?afterDate=yesterday"))[:2] == (422, 422)


async def test_the_report_has_a_line_for_each_event(wire: Wire, sandbox: Sandbox) -> None:
    sent = await sms(wire, DELIVERED, "12", REFUSED, campaignName='Spring, "26"')
    await sms(wire, "33600000001", campaignName='Spring, "26"')
    other = await sms(wire, DELIVERED)
    await sandbox.work()
    await sandbox.advance(timedelta(minutes=5))
    lines = await report(wire, sent["sendingId"])
    assert list(lines[0]) == HEAD.split(",")
    assert next(one for one in lines if one["phone"] == DELIVERED) == {
        "campaignName": 'Spring, "26"',
        "campaignId": str(sent["campaignId"]),
        "sendingId": str(sent["sendingId"]),
        "contactId": "",
        "event": "sent",
        "phone": DELIVERED,
        "email": "",
        "landline": "",
        "countryIso": "ES",
        "browser": "",
        "os": "",
        "url": "",
        "createdAt": "2025-03-09T10:30:00+00:00",
    }
    assert sorted((one["phone"], one["event"], one["countryIso"]) for one in lines) == [
        ("33600000001", "delivered", "FR"),
        ("33600000001", "sent", "FR"),
        (DELIVERED, "delivered", "ES"),
        (DELIVERED, "sent", "ES"),
        (REFUSED, "rejected", "ES"),
    ]
    assert len(await report(wire, other["sendingId"])) == 2
    later = await report(wire, sent["sendingId"], "?afterDate=2025-03-09T10%3A30%3A01%2B00%3A00")
    assert {one["event"] for one in later} == {"delivered"}
    earlier = await report(wire, sent["sendingId"], "?beforeDate=2025-03-09T10:30:01Z&showCustomFields=1")
    assert {one["event"] for one in earlier} == {"sent", "rejected"}
    assert all(one["customFields"] == "" for one in earlier)


async def test_the_report_shows_where_clicks_led_and_what_with_and_the_counters_of_an_sms_stay(
    wire: Wire, sandbox: Sandbox
) -> None:
    sent = await sms(wire, DELIVERED)
    await sandbox.work()
    message_id = UUID(sent["result"][0]["id"])
    db, account_id = wire.runtime.db, wire.account.account_id
    sending = "SELECT sending_id FROM message WHERE shard_key = $1 AND message_id = $2"
    sending_id = await db.read(Tx.fetchval, sending, account_id, message_id)
    data = {"class": "human", "url": "https://shop.example/a", "browser": "Chrome_126_0", "os": "Android_14"}
    clicked = NewEvent(kind="clicked", at=db.clock.now(), sending_id=sending_id, message_id=message_id, data=data)
    await db.run(append_events, account_id, [clicked])
    line = next(one for one in await report(wire, sent["sendingId"]) if one["event"] == "clicked")
    assert [line[name] for name in ("phone", "browser", "os", "url")] == [
        DELIVERED,
        "Chrome_126_0",
        "Android_14",
        "https://shop.example/a",
    ]
    shown = await wire.send("GET", f"/sendings/{sent['sendingId']}")
    assert shown.json()["data"]["events"]["clicked"] == 0


async def test_a_report_is_read_page_by_page(wire: Wire, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_PAGE": 3, "_FEW_RECIPIENTS": 4, "_SENDINGS": 3}.items():
        monkeypatch.setattr(f"carillon.messaging.reports.{name}", value)
    numbers = [f"3460001{place:04d}" for place in range(17)]
    for some in (numbers[:7], *([one] for one in numbers[7:12]), numbers[12:]):
        sent = await sms(wire, *some, campaignName="Many")
    await sandbox.work()
    await sandbox.advance(timedelta(minutes=5))
    lines = await report(wire, sent["sendingId"])
    assert sorted((one["phone"], one["event"]) for one in lines) == sorted(
        (number, event) for number in numbers for event in ("sent", "delivered")
    )


async def test_what_is_not_there_is_404(wire: Wire) -> None:
    for path in ("/campaigns/1", "/campaigns/x", "/campaigns/1/sendings", "/sendings/1", "/sendings/1/reports/events"):
        assert (await wire.refusal("GET", path))[:2] == (404, 404)


@pytest.mark.usefixtures("sandbox")
async def test_the_campaigns_of_other_accounts_stay_hidden(wire: Wire) -> None:
    other = await wire.other_account()
    sent = await sms(wire, DELIVERED, campaignName="Ours")
    assert (await other.get("/campaigns"))["data"] == []
    paths = (f"/campaigns/{sent['campaignId']}", f"/sendings/{sent['sendingId']}/reports/events")
    assert [(await other.refusal("GET", path))[0] for path in paths] == [404, 404]
    assert (await other.refusal("GET", f"/sms/{sent['result'][0]['id']}"))[0] == 404
