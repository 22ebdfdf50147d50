"""Event notifications: their names, their form, and how often they are tried."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import pytest
from tests.dialects.nrs.wire import Wire
from tests.integration.messaging.sandbox import Sandbox
from tests.integration.receiving import LOOPBACK, telling, until
from tests.integration.scripted_http import OK, ScriptedServer, serving
from tests.support import MOMENT

from carillon.db.database import Tx
from carillon.dialects.nrs.callbacks import CALLBACKS, EVENTS, event_name, render, tells
from carillon.dialects.registry import CALLBACK_FORMATS
from carillon.events.format import CallbackFacts, MessageFacts, SendingFacts
from carillon.events.log import Event
from carillon.kit.ids import AccountId
from carillon.messaging.states import MessageState
from carillon.settings import Settings

pytestmark = pytest.mark.any_database

MESSAGE_ID, SENDING_ID = UUID(int=1 << 100), UUID(int=2 << 100)
VENDORS = {
    *("delivered", "opened", "clicked", "unsubscribed", "hard_bounced", "complaint", "sent", "soft_bounced"),
    *("undelivered", "rejected", "expired", "unsubscribed_landing", "form_opened", "form_submitted", "form_rejected"),
}
NOT_OF_SMS = {
    *("opened", "hard_bounced", "complaint", "soft_bounced", "unsubscribed_landing"),
    *("form_opened", "form_submitted", "form_rejected"),
}


def facts(
    kind: str, data: dict[str, object] | None = None, *, name: str = "Spring", contact_id: int | None = None
) -> Any:
    return CallbackFacts(
        account_id=AccountId(1),
        currency="EUR",
        time_zone="Europe/Madrid",
        purpose="status",
        url="https://example.com/",
        event=Event(
            sequence=1,
            event_id=UUID(int=3),
            at=MOMENT,
            kind=kind,
            sending_id=SENDING_ID,
            message_id=MESSAGE_ID,
            data=data or {},
        ),
        message=MessageFacts(
            message_id=MESSAGE_ID,
            contact_id=contact_id,
            address="34600000001",
            text="Hola",
            state=kind,
            reason=None,
            price=0,
            vat=0,
            parts=1,
            network=None,
            submitted_at=None,
            final_at=None,
            guid=None,
            custom=None,
            channel="sms",
            sender="TEST",
        ),
        sending=SendingFacts(
            sending_id=SENDING_ID,
            dialect="nrs",
            channel="sms",
            traffic_class=2,
            sender="TEST",
            credential_id=1,
            campaign_id=7,
            campaign_name=name,
            reference=None,
            created_at=MOMENT,
            options={},
        ),
    )


def form(one: CallbackFacts) -> dict[str, str]:
    request = render([one])
    assert (request.method, request.content_type) == ("POST", "application/x-www-form-urlencoded")
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True))


def test_a_notification_has_the_references_fields() -> None:
    found = form(facts("undelivered", {"was": "submitted", "reason": "absent_subscriber"}, contact_id=12))
    assert list(found.items()) == [
        ("id", str(MESSAGE_ID)),
        ("channel", "sms"),
        ("contactId", "12"),
        ("campaignId", "7"),
        ("campaignName", "Spring"),
        ("event", "undelivered"),
        ("extra", '{"reason":"absent_subscriber"}'),
        ("eventDate", "2025-03-09T10:30:00+00:00"),
    ]


def test_without_a_campaign_its_number_is_0_and_its_name_blank() -> None:
    found = form(facts("delivered", name=""))
    assert (found["campaignId"], found["campaignName"], found["contactId"], found["extra"]) == ("0", "", "0", "{}")


def test_every_state_has_a_name_or_none_and_every_name_of_sms_a_state() -> None:
    assert set(EVENTS) >= set(MessageState)
    names = {name for name in EVENTS.values() if name is not None}
    assert names - {"replied"} == VENDORS - NOT_OF_SMS


@pytest.mark.parametrize(
    ("kind", "data", "name"),
    [
        ("submitted", {"was": "waiting"}, "sent"),
        ("clicked", {"url": "https://example.com", "class": "human"}, "clicked"),
        ("unknown", {"was": "submitted"}, "undelivered"),
        ("excluded", {"reason": "suppressed"}, None),  # the reply of its request has told it
        ("excluded", {"reason": "suppressed", "was": "waiting"}, "rejected"),
        ("uncertain", {"was": "waiting"}, None),
        ("cancelled", {"was": "waiting"}, None),
        ("something new", {}, None),
    ],
)
def test_what_has_no_name_is_not_notified(kind: str, data: dict[str, object], name: str | None) -> None:
    assert event_name(kind, data) == name
    assert tells(facts(kind, data)) == (name is not None)


@pytest.mark.parametrize(
    ("data", "extra"),
    [
        (
            {"url": "https://example.com/a?b=c", "class": "human", "ip": "192.0.2.1"},
            {"url": "https%3A%2F%2Fexample.com%2Fa%3Fb%3Dc", "class": "human"},
        ),
        ({"page": "spring", "class": "machine", "reasons": ["head"]}, {"url": "spring", "class": "machine"}),
    ],
)
def test_clicked_has_the_encoded_url_and_who_has_clicked(data: dict[str, object], extra: dict[str, str]) -> None:
    form = dict(parse_qsl(render([facts("clicked", data)]).body.decode()))
    assert form["event"] == "clicked"
    assert json.loads(form["extra"]) == extra


def test_a_reply_to_nothing_is_not_notified() -> None:
    assert not tells(replace(facts("reply"), message=None, sending=None))


def test_it_is_tried_again_after_1_2_3_4_and_5_minutes_until_it_is_200() -> None:
    assert CALLBACK_FORMATS["nrs"] is CALLBACKS
    assert list(CALLBACKS.schedule) == [timedelta(minutes=one) for one in (1, 2, 3, 4, 5)]
    assert [CALLBACKS.is_success(status) for status in (200, 201, 204, 302, 500)] == [True, *[False] * 4]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings(data_dir=settings.data_dir, max_body_bytes=settings.max_body_bytes, outbound_allow=LOOPBACK)


async def test_a_send_is_followed_by_its_notifications(wire: Wire) -> None:
    db, account_id = wire.runtime.db, wire.account.account_id
    await db.run(Tx.execute, "UPDATE account SET sandbox = true WHERE account_id = $1", account_id)
    sandbox = Sandbox(db, wire.account.actor)
    async with serving(answer) as receiver:
        body = {"to": ["34600009910"], "from": "TEST", "message": "Hola", "notificationUrl": f"{receiver.url}/n?a=1"}
        reply = await wire.send("POST", "/sms", body)
        assert reply.status_code == 202, reply.text
        await sandbox.work()
        await sandbox.advance(timedelta(minutes=5))
        async with telling(db, CALLBACKS):
            await until(lambda: received(receiver, 4))
        forms = [dict(parse_qsl(one.decode(), keep_blank_values=True)) for one in receiver.bodies]
    assert [one["event"] for one in forms] == ["sent", "delivered", "replied", "unsubscribed"]
    (result,) = reply.json()["result"]
    assert {(one["id"], one["campaignId"], one["campaignName"]) for one in forms} == {(result["id"], "0", "")}
    assert json.loads(forms[2]["extra"]) == {"from": "34600009910", "to": "TEST", "text": "STOP"}


async def test_a_link_that_is_opened_is_notified_where_the_sending_asked_for_it(wire: Wire) -> None:
    db, account_id = wire.runtime.db, wire.account.account_id
    await db.run(Tx.execute, "UPDATE account SET sandbox = true WHERE account_id = $1", account_id)
    sandbox = Sandbox(db, wire.account.actor)
    given = await wire.send("POST", "/shortener/shorten", {"urls": [{"longUrl": "https://shop.example/a?b=1"}]})
    short_url = given.json()["data"][0]["shortUrl"]
    body = {"to": ["34600009914", "34600001234"], "from": "TEST", "message": f"[#x#] {short_url}. {short_url}x"}
    async with serving(answer) as receiver:
        for more in ({}, {"notificationUrl": f"{receiver.url}/n"}):
            reply = await wire.send("POST", "/sms", body | more)
            assert reply.status_code == 202, reply.text
            await sandbox.work()
            await sandbox.advance(timedelta(minutes=5))
        async with telling(db, CALLBACKS):
            await until(lambda: received(receiver, 5))
        forms = [dict(parse_qsl(one.decode(), keep_blank_values=True)) for one in receiver.bodies]
    (clicked,) = [one for one in forms if one["event"] == "clicked"]
    assert clicked["id"] == reply.json()["result"][0]["id"]
    assert json.loads(clicked["extra"]) == {"url": "https%3A%2F%2Fshop.example%2Fa%3Fb%3D1", "class": "human"}
    select = "SELECT text FROM message WHERE shard_key = $1 AND text IS NOT NULL"
    texts = [row["text"] for row in await db.read(Tx.fetch, select, account_id)]
    assert {len(one) for one in texts} == {len(body["message"])}
    assert all(one.startswith("[#x#] http") and one.endswith(f" {short_url}x") for one in texts)
    assert len({*texts, body["message"]}) == 3


async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(OK)


async def received(receiver: ScriptedServer, count: int) -> bool:
    return len(receiver.bodies) >= count
