"""Delivery notifications: what they say, of what, and how often they are tried."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import pytest
from tests.dialects.inforu.test_inforu_sms import DANA, order
from tests.dialects.inforu.wire import Wire
from tests.integration.messaging.sandbox import Sandbox
from tests.integration.receiving import LOOPBACK, telling, until
from tests.integration.scripted_http import OK, ScriptedServer, serving
from tests.support import MOMENT

from carillon.dialects.inforu.callbacks import CALLBACKS, STATUSES
from carillon.dialects.registry import CALLBACK_FORMATS
from carillon.events.format import CallbackFacts, MessageFacts, SendingFacts
from carillon.events.log import Event
from carillon.kit.ids import AccountId
from carillon.messaging.states import MessageState
from carillon.settings import Settings

pytestmark = pytest.mark.any_database

MESSAGE_ID, SENDING_ID = UUID(int=1 << 100), UUID(int=2 << 100)


def facts(kind: str = "delivered", *, custom: object = None, **options: object) -> Any:
    return CallbackFacts(
        account_id=AccountId(1),
        currency="ILS",
        time_zone="Asia/Jerusalem",
        purpose="status",
        url="https://caller.example/",
        event=Event(
            sequence=1,
            event_id=UUID(int=3),
            at=MOMENT,
            kind=kind,
            sending_id=SENDING_ID,
            message_id=MESSAGE_ID,
            data={"reason": "absent_subscriber"} if kind == "undelivered" else {},
        ),
        message=MessageFacts(
            message_id=MESSAGE_ID,
            contact_id=None,
            address="972521110001",
            text="שלום",
            state=kind,
            reason=None,
            price=60_000,
            vat=10_200,
            parts=2,
            network="42501",
            submitted_at=None,
            final_at=None,
            guid=None,
            custom=custom,
            channel="sms",
            sender="Shop",
        ),
        sending=SendingFacts(
            sending_id=SENDING_ID,
            dialect="inforu",
            channel="sms",
            traffic_class=2,
            sender="Shop",
            credential_id=1,
            campaign_id=None,
            campaign_name="Spring",
            reference=None,
            created_at=MOMENT,
            options=options,
        ),
    )


def form(one: CallbackFacts) -> dict[str, str]:
    request = CALLBACKS.render([one])
    assert (request.method, request.content_type) == ("POST", "application/x-www-form-urlencoded")
    return dict(parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True))


def test_a_notification_says_what_became_of_a_message() -> None:
    found = form(
        facts("undelivered", custom={"CustomerMessageID": "m1"}, CustomerMessageID="all", CustomerParameter="p")
    )
    assert list(found.items()) == [
        ("PhoneNumber", "972521110001"),
        ("Network", "42501"),
        ("Status", "-2"),
        ("StatusDescription", "Not delivered"),
        ("Reason", "absent_subscriber"),
        ("CustomerMessageId", "m1"),
        ("CustomerParam", "p"),
        ("SenderNumber", "Shop"),
        ("SegmentsNumber", "2"),
        ("Price", "0.0702"),
        ("Currency", "ILS"),
        ("MessageId", str(MESSAGE_ID)),
        ("CampaignName", "Spring"),
        ("NotificationDate", "09/03/2025 12:30:00"),
    ]


def test_what_the_caller_has_not_marked_has_blank_marks() -> None:
    found = form(facts())
    assert (found["Status"], found["CustomerMessageId"], found["CustomerParam"]) == ("2", "", "")
    assert "Reason" not in found


def test_every_final_state_is_told_and_no_other() -> None:
    reported = {one for one in MessageState if CALLBACKS.tells(facts(one))}
    assert reported == set(STATUSES) == {one for one in MessageState if not one.is_open}
    assert not CALLBACKS.tells(replace(facts(), message=None))
    assert not CALLBACKS.tells(facts("reply"))


def test_it_is_registered_and_tried_six_times() -> None:
    assert CALLBACK_FORMATS["inforu"] is CALLBACKS
    assert [one.total_seconds() for one in CALLBACKS.schedule] == [60, 300, 900, 3_600, 21_600]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings(data_dir=settings.data_dir, max_body_bytes=settings.max_body_bytes, outbound_allow=LOOPBACK)


async def test_a_send_is_followed_by_its_notification(wire: Wire) -> None:
    db = wire.runtime.db
    sandbox = Sandbox(db, wire.account.actor)
    async with serving(answer) as receiver:
        settings = {"DeliveryNotificationUrl": f"{receiver.url}/dlr?shop=1", "CustomerMessageID": "order 5"}
        await wire.data("SendSms", order(DANA, "0521119902", Settings=settings))
        await sandbox.work()
        await sandbox.advance(timedelta(minutes=5))
        async with telling(db, CALLBACKS):
            await until(lambda: arrived(receiver, 2))
        forms = [dict(parse_qsl(one.decode(), keep_blank_values=True)) for one in receiver.bodies]
    found = {(one["PhoneNumber"], one["Status"], one["CustomerMessageId"]) for one in forms}
    assert found == {("972521110001", "2", "order 5"), ("972521119902", "-2", "order 5")}


async def answer(_head: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(OK)


async def arrived(receiver: ScriptedServer, count: int) -> bool:
    return len(receiver.bodies) >= count
