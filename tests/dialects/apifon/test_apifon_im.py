"""Instant messages: what is sent and refused, the statuses of both attempts, replies, and subscriptions."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from structlog.testing import capture_logs
from tests.dialects.apifon.test_apifon_callbacks import answering, facts, until
from tests.dialects.apifon.wire import Wire
from tests.integration.messaging.sandbox import Sandbox
from tests.integration.receiving import telling
from tests.integration.scripted_http import ScriptedServer
from tests.support import OPERATOR

from carillon.billing.balances import AddCredit, add_credit
from carillon.billing.prices import SetPrice, set_price
from carillon.billing.subscriptions import AddSubscription, ChangeSubscription, add_subscription, change_subscription
from carillon.carriers.contract import Reply
from carillon.carriers.failures import Failure
from carillon.carriers.simulator.carrier import Simulator
from carillon.db.database import Tx
from carillon.dialects.apifon import statuses_im
from carillon.dialects.apifon.callbacks import CALLBACK_FORMAT, is_reported, render, stands_alone, type_of
from carillon.dialects.apifon.statuses_im import OF_FAILURES, OF_STATES, ImStatus, status_of_instant
from carillon.events.format import CallbackFacts
from carillon.kit.traffic import TrafficClass
from carillon.messaging.states import MessageState
from carillon.messaging.verify import verify_account
from carillon.routing.choice import BUILT_IN_SIMULATORS
from carillon.settings import Settings

pytestmark = pytest.mark.any_database

SEND, FILE, REMOVE = (f"/services/api/v1/im/{one}" for one in ("send", "file", "remove"))
BALANCE = "/services/api/v1/balance"
NUMBER, OTHER, UNKNOWN, SEEN = "306944000001", "306944000002", "306944009912", "306944009913"
REPLYING = "306944009911"
TEXT = "Your table is ready."
IMAGE = "https://www.example.com/table.jpg"
ACTION = {"title": "Book again", "target_url": "https://www.example.com/book?a=1"}
VIDEO = {
    "video_url": "https://www.example.com/table.mp4",
    "video_content_length": 912_534,
    "video_duration": 15,
    "thumbnail_image_url": "https://www.example.com/table.png",
    "video_content_type": "mp4",
}
CAPTION = {"video_caption": "Watch"}
ATTACHED = {"file_name": "menu.pdf", "file_type": "pdf", "file_url": "https://www.example.com/menu.pdf"}
SMS = {"text": "Hello {name}, by SMS", "sender_id": "Shop"}

# IM Callback Statuses, as the reference has them.
REFERENCE = {
    3: "sent",
    7: "delivered",
    8: "expired",
    10: "seen",
    11: "open",
    22: "unknown_user",
    101: "no_sender",
    105: "invalid_msisdn",
    109: "no_coverage",
    110: "no_product",
    111: "spam_control",
    115: "account_insufficient_credits",
    119: "sender_id_disabled",
    120: "no_active_subscription",
    121: "invalid_url",
    130: "shared_sender_cap",
}
# Of what is opened and seen, which no message ends as.
NOT_OF_STATES = {10, 11}
# Those after which an SMS is sent (IM Failover to SMS).
FAILS_OVER = {8, 22, 120}

_SENDING = """
SELECT channel, sender, text, reference, scheduled_at, expires_at, created_at, traffic_class, options
FROM sending WHERE shard_key = $1 ORDER BY sending_id DESC LIMIT 1"""
_MESSAGES = "SELECT address, state, reason, text, channel FROM message WHERE shard_key = $1 ORDER BY message_id"
_ENDPOINTS = "SELECT purpose, url FROM callback_endpoint WHERE account_id = $1 ORDER BY purpose"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, max_body_bytes=1024**2, outbound_allow=(ip_network("127.0.0.0/8"),))


@pytest.fixture(autouse=True)
async def sandbox(wire: Wire) -> AsyncIterator[Sandbox]:
    db, account = wire.runtime.db, wire.account
    await db.run(Tx.execute, "UPDATE account SET sandbox = true WHERE account_id = $1", account.account_id)
    made = Sandbox(db, account.actor)
    im = BUILT_IN_SIMULATORS["im"]
    made.held.carriers[im] = Simulator(im, {}, made.inbox)
    yield made
    assert await db.read(verify_account, account.actor, retention_days=3000) == []


def request(*numbers: Any, channel: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Write a body of im/send: a text alone, unless its channel says otherwise."""
    subscribers = [one if isinstance(one, dict) else {"number": one} for one in numbers or (NUMBER,)]
    return {"subscribers": subscribers, "im_channels": [{"sender_id": "Blue", "text": TEXT} | (channel or {})], **more}


def file_request(**channel: Any) -> dict[str, Any]:
    return {"subscribers": [{"number": NUMBER}], "im_channels": [{"sender_id": "Blue", **ATTACHED, **channel}]}


async def sending(wire: Wire) -> Any:
    return await wire.runtime.db.read(Tx.fetchrow, _SENDING, wire.account.account_id)


async def content(wire: Wire) -> Any:
    return msgspec.json.decode((await sending(wire))["options"])["content"]


async def messages(wire: Wire) -> list[Any]:
    return await wire.runtime.db.read(Tx.fetch, _MESSAGES, wire.account.account_id)


async def refused(wire: Wire, body: object, path: str = SEND) -> dict[str, str]:
    """Send what is refused for a parameter, and return the details."""
    reply = await wire.call("POST", path, body)
    shown = reply.json()
    assert (reply.status_code, shown["status"], shown["result_info"]["status_code"]) == (403, "403", 403), reply.text
    assert await messages(wire) == []
    details: dict[str, str] = shown["error_details"]
    return details


# What is accepted.


async def test_the_simple_request_is_accepted_and_everybody_has_a_message(wire: Wire) -> None:
    body = request(NUMBER, {"number": OTHER, "custom_id": 222}, message={}, callback_url="")
    reply = await wire.ok("POST", SEND, body)
    assert list(reply) == ["request_id", "reference", "results", "result_info"]
    assert (reply["reference"], reply["result_info"]) == (None, {"status_code": 200, "description": "OK"})
    (one,), (other,) = reply["results"].values()
    assert list(one) == ["message_id", "custom_id", "length"]
    assert (one["custom_id"], one["length"], other["custom_id"]) == (None, len(TEXT), "222")
    assert len({UUID(found["message_id"]) for found in (one, other)} | {UUID(reply["request_id"])}) == 3
    found = await sending(wire)
    assert (found["channel"], found["sender"], found["text"]) == ("im", "Blue", TEXT)
    assert [(row["address"], row["state"]) for row in await messages(wire)] == [(NUMBER, "waiting"), (OTHER, "waiting")]


@pytest.mark.parametrize("path", [SEND, f"{SEND}/", "/services/im/send", "/services/im/send/"])
async def test_both_bases_are_served_with_and_without_a_slash(wire: Wire, path: str) -> None:
    await wire.ok("POST", path, request())


async def test_the_complete_request_is_kept_with_all_that_it_says(wire: Wire) -> None:
    channel = {
        "id": "channelID",
        "text": "{name}! Half the price.",
        "images": [IMAGE],
        "actions": [ACTION],
        "ttl": 3600,
        "expiry_text": "Too late!",
        "device_target": "SMARTPHONE_ONLY",
    }
    body = request(
        {"number": NUMBER, "custom_id": "222", "params": {"name": "John"}},
        channel=channel,
        message={**SMS, "dc": 0},
        reference_id="Campaign #216",
        callback_url="https://yourserver.example/callback",
        reply_url="https://yourserver.example/reply",
        date="2025-03-10T12:43:23",
    )
    reply = await wire.ok("POST", SEND, body)
    assert (reply["reference"], reply["results"][NUMBER][0]["length"]) == (
        "Campaign #216",
        len("John! Half the price."),
    )
    found = await sending(wire)
    due = datetime.fromisoformat("2025-03-10T12:43:23+00:00")
    assert (found["scheduled_at"], found["expires_at"] - due) == (due, timedelta(hours=1))
    assert [row["text"] for row in await messages(wire)] == ["John! Half the price."]
    assert await content(wire) == {
        "application": "viber",
        "channel_id": "channelID",
        "image_url": IMAGE,
        "button": {"title": ACTION["title"], "url": ACTION["target_url"]},
        "video": None,
        "file": None,
        "expiry_text": "Too late!",
        "device": "phone",
    }
    endpoints = await wire.runtime.db.read(Tx.fetch, _ENDPOINTS, wire.account.account_id)
    assert [tuple(row) for row in endpoints] == [("reply", body["reply_url"]), ("status", body["callback_url"])]


PATTERNS: list[tuple[bool, dict[str, Any]]] = [
    (True, {}),
    (True, {"text": None, "images": [IMAGE]}),
    (True, {"actions": [ACTION]}),
    (True, {"images": [IMAGE], "actions": [ACTION]}),
    (True, {"text": "", "videos": [VIDEO]}),
    (True, {"videos": [VIDEO]}),
    (True, {"videos": [VIDEO | CAPTION]}),
    (True, {"videos": [VIDEO], "actions": [ACTION]}),
    (False, {"text": None}),
    (False, {"images": [IMAGE]}),
    (False, {"text": None, "actions": [ACTION]}),
    (False, {"text": None, "images": [IMAGE], "actions": [ACTION]}),
    (False, {"text": None, "videos": [VIDEO], "actions": [ACTION]}),
    (False, {"text": None, "videos": [VIDEO | CAPTION]}),
    (False, {"videos": [VIDEO], "images": [IMAGE]}),
    (False, {"text": None, "videos": [VIDEO], "images": [IMAGE]}),
    (False, {"videos": [VIDEO], "images": [IMAGE], "actions": [ACTION]}),
    (False, {"videos": [VIDEO | CAPTION], "actions": [ACTION]}),
]


@pytest.mark.parametrize(("is_good", "channel"), PATTERNS)
async def test_every_pattern_of_the_conditional_note_is_taken_and_no_other(
    wire: Wire, channel: dict[str, Any], *, is_good: bool
) -> None:
    if is_good:
        await wire.ok("POST", SEND, request(channel=channel))
    else:
        (place,) = await refused(wire, request(channel=channel))
        assert place in {"im_channels[0]", "im_channels[0].actions"}


@pytest.mark.parametrize(
    ("channel", "traffic_class"),
    [
        ({}, TrafficClass.TRANSACTIONAL),
        ({"text": None, "images": [IMAGE]}, TrafficClass.MARKETING),
        ({"actions": [ACTION]}, TrafficClass.MARKETING),
        ({"videos": [VIDEO]}, TrafficClass.MARKETING),
    ],
)
async def test_a_text_alone_is_transactional_and_the_rest_promotional(
    wire: Wire, channel: dict[str, Any], traffic_class: TrafficClass
) -> None:
    await wire.ok("POST", SEND, request(channel=channel))
    assert (await sending(wire))["traffic_class"] == traffic_class
    limited = await wire.limited(traffic_class=TrafficClass.OTP)
    await limited.ok("POST", SEND, request(channel=channel))
    assert (await sending(wire))["traffic_class"] == TrafficClass.OTP


async def test_sender_and_channel_are_the_credentials_where_the_request_has_none(wire: Wire) -> None:
    limited = await wire.limited(im_sender="Green", im_channel="c-7")
    for given in ({"sender_id": None}, {"sender_id": " ", "id": ""}):
        await limited.ok("POST", SEND, request(channel=given))
        assert ((await sending(wire))["sender"], (await content(wire))["channel_id"]) == ("Green", "c-7")
    await limited.ok("POST", SEND, request(channel={"id": "c-8"}))
    assert ((await sending(wire))["sender"], (await content(wire))["channel_id"]) == ("Blue", "c-8")
    token = (await limited.token()).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    reply = await wire.client.post(SEND, json=request(channel={"sender_id": None}), headers=headers)
    assert (reply.status_code, (await sending(wire))["sender"]) == (200, "Green")


async def test_without_either_it_is_refused(wire: Wire) -> None:
    for path, body in ((SEND, request(channel={"sender_id": ""})), (FILE, file_request(sender_id=None))):
        assert list(await refused(wire, body, path)) == ["im_channels[0].sender_id"]


@pytest.mark.parametrize(("ttl", "seconds"), [(None, 86_400), ("", 86_400), (30, 30), ("45", 45), (86_400, 86_400)])
async def test_the_ttl_is_thirty_seconds_to_a_day(wire: Wire, ttl: Any, seconds: int) -> None:
    await wire.ok("POST", SEND, request(channel={"ttl": ttl}))
    found = await sending(wire)
    assert found["expires_at"] - found["created_at"] == timedelta(seconds=seconds)


async def test_deep_links_are_permitted_in_a_text_and_of_a_button(wire: Wire) -> None:
    link = "viber://pa?chatURI=blue"
    await wire.ok("POST", SEND, request(channel={"text": link, "actions": [{**ACTION, "target_url": link}]}))
    assert (await content(wire))["button"]["url"] == link
    assert [row["state"] for row in await messages(wire)] == ["waiting"]


async def test_the_limits_are_what_is_taken_at_most(wire: Wire) -> None:
    video = VIDEO | {
        "video_content_length": 200 * 1024**2,
        "video_duration": 600,
        "video_caption": "x" * 30,
        "thumbnail_image_url": "https://" + "x" * 992,
    }
    await wire.ok("POST", SEND, request(channel={"text": "x" * 1000, "videos": [video]}))
    await wire.ok("POST", SEND, request(channel={"actions": [{**ACTION, "title": "x" * 30}]}))
    await wire.ok("POST", FILE, file_request(file_name="x" * 25))


@pytest.mark.parametrize("form", ["3gp", "m4v", "mov", "mp4", "MP4", ".mp4"])
async def test_the_formats_of_videos_are_the_references(wire: Wire, form: str) -> None:
    await wire.ok("POST", SEND, request(channel={"videos": [VIDEO | {"video_content_type": form}]}))


async def test_a_text_that_gets_too_long_costs_only_its_recipient(wire: Wire) -> None:
    people = [{"number": NUMBER, "params": {"name": "x" * 1000}}, {"number": OTHER, "params": {"name": "Ana"}}]
    await wire.ok("POST", SEND, request(*people, channel={"text": "Hi {name}"}))
    assert [(row["state"], row["reason"]) for row in await messages(wire)] == [
        ("excluded", "text_invalid"),
        ("waiting", None),
    ]


# Files.


FILE_TYPES = (
    *("doc", "docx", "rtf", "dot", "dotx", "odt", "odf", "fodt", "txt", "info"),
    *("pdf", "xps", "pdax", "eps", "xls", "xlsx", "ods", "fods", "csv", "xlsm", "xltx"),
)


@pytest.mark.parametrize("form", [*FILE_TYPES, ".pdf", "PDF"])
async def test_the_types_of_files_are_the_references(wire: Wire, form: str) -> None:
    reply = await wire.ok("POST", FILE, file_request(file_type=form))
    assert reply["results"][NUMBER][0]["length"] == 0
    assert (await content(wire))["file"]["format"] == form.lower().removeprefix(".")
    assert ((await sending(wire))["text"], (await sending(wire))["traffic_class"]) == ("", 2)


async def test_a_file_request_has_neither_params_nor_an_sms(wire: Wire) -> None:
    body = file_request(ttl=60) | {"message": "nothing", "reference_id": "F", "reply_url": "https://a.example/r"}
    body["subscribers"] = [{"number": NUMBER, "custom_id": "7", "params": "nothing"} | {"params": {"apifon_lp": {}}}]
    reply = await wire.ok("POST", FILE, body)
    assert (reply["reference"], reply["results"][NUMBER][0]["custom_id"]) == ("F", "7")
    assert "fallback" not in msgspec.json.decode((await sending(wire))["options"])


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"file_name": ""}, "file_name"),
        ({"file_name": "x" * 26}, "file_name"),
        ({"file_type": "exe"}, "file_type"),
        ({"file_type": None}, "file_type"),
        ({"file_url": "ftp://www.example.com/menu.pdf"}, "file_url"),
        ({"file_url": "http://"}, "file_url"),
        ({"ttl": 29}, "ttl"),
    ],
)
async def test_what_is_no_file_is_refused(wire: Wire, given: dict[str, Any], place: str) -> None:
    assert list(await refused(wire, file_request(**given), FILE)) == [f"im_channels[0].{place}"]


# What is refused.


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (None, "subscribers"),
        ({"subscribers": [{"number": NUMBER}]}, "im_channels"),
        ({"subscribers": [{"number": NUMBER}], "im_channels": []}, "im_channels"),
        ({"subscribers": [{"number": NUMBER}], "im_channels": "x"}, "im_channels"),
        ({"subscribers": [{"number": NUMBER}], "im_channels": ["x"]}, "im_channels[0]"),
        (request() | {"im_channels": [{"sender_id": "A", "text": "a"}] * 2}, "request"),
        (request("123456"), "subscribers[0].number"),
        (request(channel={"text": "x" * 1001}), "im_channels[0].text"),
        (request(channel={"text": ["x"]}), "im_channels[0].text"),
        (request(channel={"sender_id": "x" * 101}), "im_channels[0].sender_id"),
        (request(channel={"id": "x" * 101}), "im_channels[0].id"),
        (request(channel={"images": [IMAGE, IMAGE]}), "request"),
        (request(channel={"images": "x"}), "im_channels[0].images"),
        (request(channel={"images": ["x"], "actions": [ACTION]}), "im_channels[0].images[0]"),
        (request(channel={"images": [{}], "actions": [ACTION]}), "im_channels[0].images[0]"),
        (request(channel={"actions": [ACTION, ACTION]}), "request"),
        (request(channel={"actions": [{"title": "x"}]}), "im_channels[0].actions[0].target_url"),
        (request(channel={"actions": [{**ACTION, "title": " "}]}), "im_channels[0].actions[0].title"),
        (request(channel={"actions": [{**ACTION, "title": "x" * 31}]}), "im_channels[0].actions[0].title"),
        (request(channel={"videos": [VIDEO, VIDEO]}), "request"),
        *(
            (request(channel={"videos": [VIDEO | {name: value}]}), f"im_channels[0].videos[0].{name}")
            for name, value in (
                ("video_url", ""),
                ("video_url", "rtsp://x"),
                ("video_content_length", None),
                ("video_content_length", 200 * 1024**2 + 1),
                ("video_content_length", -1),
                ("video_duration", 601),
                ("video_duration", "long"),
                ("thumbnail_image_url", "https://" + "x" * 993),
                ("video_content_type", "avi"),
                ("video_caption", "x" * 31),
            )
        ),
        (request(channel={"ttl": 29}), "im_channels[0].ttl"),
        (request(channel={"ttl": 86_401}), "im_channels[0].ttl"),
        (request(channel={"ttl": "soon"}), "im_channels[0].ttl"),
        (request(channel={"expiry_text": "x" * 1001}), "im_channels[0].expiry_text"),
        (request(channel={"device_target": "TABLET"}), "im_channels[0].device_target"),
        (request(message={"text": "x"}), "message.sender_id"),
        (request(message={"sender_id": "x"}), "message.text"),
        (request(message={**SMS, "dc": 7}), "message.dc"),
        (request(message={**SMS, "sender_id": "Twelve chars"}), "message.sender_id"),
        (request(message="Hello"), "message"),
        (request(reference_id="x" * 256), "reference_id"),
        (request(callback_url="http://yourserver.example"), "callback_url"),
        (request(reply_url="http://yourserver.example"), "reply_url"),
        (request(reply_url="https://10.0.0.1/"), "reply_url"),
        (request(date="06/02/2018"), "date"),
        (request(date="2027-01-01T00:00:00"), "date"),
    ],
)
async def test_wrong_parameters_are_403_and_nothing_is_sent(wire: Wire, body: object, place: str) -> None:
    assert list(await refused(wire, body)) == [place]


async def test_a_token_needs_the_scope_that_the_reference_names(wire: Wire) -> None:
    for path, body in ((SEND, request()), (FILE, file_request()), (REMOVE, {"id": "x", "field": "REFERENCE_ID"})):
        statuses = []
        for scope in ("imGateway", "smsGateway"):
            token = (await wire.token(scope=scope)).json()["access_token"]
            reply = await wire.client.post(path, json=body, headers={"Authorization": f"Bearer {token}"})
            statuses.append(reply.status_code)
        assert statuses == [200, 403]


# Removing.


async def test_a_request_is_removed_by_its_id_and_by_its_reference(wire: Wire) -> None:
    reply = await wire.ok("POST", SEND, request(NUMBER, OTHER, date="2025-03-10T10:00:00", message=SMS))
    assert await wire.ok("POST", REMOVE, {"id": reply["request_id"], "field": "REQUEST_ID"}) == 2
    await wire.ok("POST", SEND, request(reference_id="Spring", date="2025-03-10T10:00:00"))
    assert await wire.ok("POST", "/services/im/remove/", {"id": "Spring", "field": "reference_id"}) == 1
    assert {row["state"] for row in await messages(wire)} == {"cancelled"}
    assert await wire.ok("POST", REMOVE, {"id": "x", "field": "REQUEST_ID"}) == 0


# The table of statuses, both ways.


def ours() -> set[ImStatus]:
    return {one for one in vars(statuses_im).values() if isinstance(one, ImStatus)}


def test_the_statuses_are_the_references() -> None:
    assert {one.code: one.text for one in ours()} == REFERENCE


@pytest.mark.parametrize("failure", Failure)
def test_an_sms_follows_exactly_where_the_status_says_so(failure: Failure) -> None:
    stops_all = {Failure.SUPPRESSED, Failure.CONSENT_MISSING, Failure.CANCELLED}
    assert OF_FAILURES[failure].code not in {3, 7, 10, 11}
    if failure not in stops_all:
        assert (OF_FAILURES[failure].code in FAILS_OVER) == failure.falls_back


@pytest.mark.parametrize("state", MessageState)
def test_every_state_has_a_status_with_a_reason_and_without_one(state: MessageState) -> None:
    expected = {"delivered": {7}, "submitted": {3}, "waiting": {3}, "uncertain": {3}, "expired": {8}}
    codes = {status_of_instant(state, reason).code for reason in (None, *Failure)}
    assert codes == expected.get(state, codes)
    assert codes <= set(REFERENCE)
    assert (codes & {3, 7} != set()) == (state in {"delivered", "submitted", "waiting", "uncertain"})


@pytest.mark.parametrize("code", sorted(set(REFERENCE) - NOT_OF_STATES))
def test_every_status_is_reported_of_something(code: int) -> None:
    assert code in {one.code for one in (*OF_FAILURES.values(), *OF_STATES.values())}


# What a callback says.


def im_facts(kind: str = "delivered", **data: Any) -> CallbackFacts:
    """Write what a callback of an instant message may say, with an SMS behind it."""
    found = facts(kind, **data)
    assert found.message is not None
    assert found.sending is not None
    second = "channel" in data
    return replace(
        found,
        message=replace(
            found.message,
            channel="sms" if second else "im",
            sender="Apifon" if second else "Mookee",
            network=None,
        ),
        sending=replace(found.sending, channel="im", sender="Mookee"),
    )


def body_of(*given: CallbackFacts) -> Any:
    return msgspec.json.decode(render(given).body)


def test_a_status_is_reported_as_the_references_sample_has_it() -> None:
    body = body_of(im_facts())
    assert body["type"] == "VIBER"
    assert body["data"] == [
        {
            "from": "Mookee",
            "to": "306999999999",
            "message_id": str(UUID(int=6)),
            "custom_id": "312312412",
            "status": {"code": 7, "text": "delivered"},
            "timestamp": 1517922078,
            "price": "0.002",
            "vat": "0.00048",
        }
    ]


def test_what_is_told_of_both_attempts_is_of_the_type_of_each() -> None:
    first, second = im_facts("undelivered", reason="unknown_subscriber"), im_facts("fallback", channel="sms")
    assert [type_of(one) for one in (first, second)] == ["VIBER", "SMS"]
    assert (body_of(first)["type"], body_of(first)["data"][0]["status"]["code"]) == ("VIBER", 22)
    shown = body_of(second)
    assert (shown["type"], shown["data"][0]["from"]) == ("SMS", "Apifon")
    assert shown["data"][0]["status"] == {"code": 3, "text": "accepted"}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("seen", True), ("fallback", True), ("uncertain", False), ("cancelled", False), ("unsubscribed", False)],
)
def test_what_is_reported(kind: str, *, expected: bool) -> None:
    assert is_reported(im_facts(kind)) == expected


def test_a_reply_is_reported_to_its_own_url_as_the_references_sample_has_it() -> None:
    given: dict[str, Any] = {"from": "306999999999", "to": "Mookee", "text": "This is my reply."}
    reply = replace(im_facts("reply", **given), purpose="reply")
    assert (stands_alone(reply), is_reported(reply), is_reported(im_facts("reply", **given))) == (True, True, False)
    assert body_of(reply) == {
        "channel": "VIBER",
        "reply": {
            "reply_message_id": str(UUID(int=7)),
            "from": "306999999999",
            "to": "Mookee",
            "timestamp": 1517922078,
            "price": 0.0,
            "message": {
                "text": "This is my reply.",
                "mediaUrl": None,
                "mediaFileName": None,
                "media_url": None,
                "media_filename": None,
            },
        },
        "original_im": {
            "message_id": str(UUID(int=6)),
            "request_id": str(UUID(int=5)),
            "reference_id": "Campaign #215",
            "custom_id": "312312412",
        },
    }


# All the way, to a client's own server.


def callback_body(server: ScriptedServer, *numbers: str, **more: Any) -> dict[str, Any]:
    people = [{"number": one, "custom_id": f"c-{one[-4:]}", "params": {"name": "Ana"}} for one in numbers]
    urls: dict[str, Any] = {"callback_url": f"{server.url}/callback", "reply_url": f"{server.url}/reply"}
    return request(*people, **urls, reference_id="Campaign #216", **more)


def statuses_of(bodies: list[Any]) -> list[tuple[str, int, str, str, str]]:
    return [
        (body["type"], one["status"]["code"], one["status"]["text"], one["from"], one["price"])
        for body in bodies
        for one in body.get("data", [])
    ]


async def test_both_attempts_reach_the_callback_url_each_with_its_type_sender_and_price(
    wire: Wire, sandbox: Sandbox
) -> None:
    db, actor = wire.runtime.db, wire.account.actor
    for channel, amount in (("im", 2_000), ("sms", 45_000)):
        price = SetPrice(channel=channel, account_id=actor.account_id, amount=amount, vat=240_000)
        await db.run(set_price, OPERATOR, price)
    await db.run(add_credit, actor, AddCredit(amount=1_000_000))
    async with answering() as server:
        reply = await wire.ok("POST", SEND, callback_body(server, UNKNOWN, message=SMS))
        for _ in range(3):
            await sandbox.work()
            await sandbox.advance(timedelta(minutes=1))
        async with telling(db, CALLBACK_FORMAT):
            bodies = await until(server, 2)
    assert statuses_of(bodies) == [
        ("VIBER", 3, "sent", "Blue", "0.002"),
        ("VIBER", 22, "unknown_user", "Blue", "0.002"),
        ("SMS", 3, "accepted", "Shop", "0.045"),
        ("SMS", 4, "accepted_smsc", "Shop", "0.045"),
        ("SMS", 7, "delivered", "Shop", "0.045"),
    ]
    (message_id,) = {one["message_id"] for body in bodies for one in body["data"]}
    assert message_id == reply["results"][UNKNOWN][0]["message_id"]
    assert {(body["request_id"], body["reference_id"]) for body in bodies} == {(reply["request_id"], "Campaign #216")}


async def test_seen_is_told_after_delivered(wire: Wire, sandbox: Sandbox) -> None:
    async with answering() as server:
        await wire.ok("POST", SEND, callback_body(server, SEEN))
        await sandbox.work()
        await sandbox.advance(timedelta(minutes=1))
        async with telling(wire.runtime.db, CALLBACK_FORMAT):
            bodies = await until(server, 1)
    assert [code for _, code, *_ in statuses_of(bodies)] == [3, 7, 10]


async def test_replies_go_to_the_reply_url_with_texts_and_media(wire: Wire, sandbox: Sandbox) -> None:
    async with answering() as server:
        reply = await wire.ok("POST", SEND, callback_body(server, REPLYING))
        await sandbox.work()
        await sandbox.advance(timedelta(minutes=1))
        media = Reply(address=REPLYING, to="Blue", media_url="https://media.example/1.jpg", media_name="1.jpg")
        await sandbox.inbox.take(BUILT_IN_SIMULATORS["im"], [media])
        async with telling(wire.runtime.db, CALLBACK_FORMAT):
            bodies = await until(server, 3)
    by_path = [head.split()[1] for head in server.heads]
    replies = [body for path, body in zip(by_path, bodies, strict=True) if path == b"/reply"]
    assert [one["reply"]["message"]["text"] for one in replies] == [TEXT, None]
    assert [one["reply"]["message"]["mediaUrl"] for one in replies] == [None, "https://media.example/1.jpg"]
    for one in replies:
        assert one["channel"] == "VIBER"
        assert one["original_im"]["request_id"] == reply["request_id"]
        assert one["original_im"]["custom_id"] == "c-9911"


async def test_a_reply_to_the_sms_is_one_of_sms(wire: Wire, sandbox: Sandbox) -> None:
    async with answering() as server:
        await wire.ok("POST", SEND, callback_body(server, UNKNOWN, message=SMS))
        await sandbox.work()
        await sandbox.advance(timedelta(minutes=1))
        sms = BUILT_IN_SIMULATORS["sms"]
        await sandbox.inbox.take(sms, [Reply(address=UNKNOWN, to="Shop", text="Thanks")])
        async with telling(wire.runtime.db, CALLBACK_FORMAT):
            await until(server, 3)
    (body,) = (
        msgspec.json.decode(body)
        for head, body in zip(server.heads, server.bodies, strict=True)
        if head.startswith(b"POST /reply ")
    )
    assert (body["type"], body["from"], body["to"], body["text"]) == ("SMS", UNKNOWN, "Shop", "Thanks")


# Subscriptions.


async def subscribed(wire: Wire, **options: Any) -> int:
    now = wire.clock.now()
    known: dict[str, Any] = {"sender": "Blue", "total": 300, "starts_at": now, "ends_at": now + timedelta(days=30)}
    made = await wire.runtime.db.run(
        add_subscription, wire.account.actor, AddSubscription(channel="im", **known | options)
    )
    return made.subscription_id


async def codes_of(wire: Wire, **more: Any) -> list[int]:
    """Send an instant message, and return the codes that its callback URL is told at once."""
    async with answering() as server:
        await wire.ok("POST", SEND, callback_body(server, NUMBER, **more))
        async with telling(wire.runtime.db, CALLBACK_FORMAT):
            bodies = await until(server, 1)
    return [code for _, code, *_ in statuses_of(bodies)]


async def test_active_subscriptions_are_in_the_balance(wire: Wire) -> None:
    ends_at = datetime.fromisoformat("2025-07-01T00:00:00+00:00")
    await subscribed(wire, ends_at=ends_at)
    await subscribed(wire, sender="Old", starts_at=wire.clock.now() - timedelta(days=2), ends_at=wire.clock.now())
    await wire.ok("POST", SEND, request(NUMBER, OTHER))
    assert (await wire.ok("POST", BALANCE))["subscriptions"] == [
        {"senderId": "Blue", "available": "298.0", "total": "300.0", "endDate": "Jun 30, 2025 11:59:59 PM"}
    ]


async def test_119_a_sender_whose_subscription_is_disabled(wire: Wire) -> None:
    one = await subscribed(wire)
    change = ChangeSubscription(subscription_id=one, disabled=True)
    await wire.runtime.db.run(change_subscription, wire.account.actor, change)
    assert await codes_of(wire) == [119]


async def test_120_a_sender_whose_subscription_is_over(wire: Wire) -> None:
    await subscribed(wire, starts_at=wire.clock.now() - timedelta(days=2), ends_at=wire.clock.now())
    assert await codes_of(wire) == [120]


async def test_120_is_followed_by_the_sms_at_once(wire: Wire, sandbox: Sandbox) -> None:
    await subscribed(wire, total=0)
    async with answering() as server:
        await wire.ok("POST", SEND, callback_body(server, NUMBER, message=SMS))
        await sandbox.work()
        await sandbox.advance(timedelta(minutes=1))
        async with telling(wire.runtime.db, CALLBACK_FORMAT):
            bodies = await until(server, 2)
    assert [(kind, code) for kind, code, *_ in statuses_of(bodies)] == [
        ("VIBER", 120),
        ("SMS", 3),
        ("SMS", 4),
        ("SMS", 7),
    ]


@pytest.mark.parametrize("url", ["example", "javascript:alert(1)", "https://www.example.com/a b", "ftp://x.example"])
async def test_121_a_button_that_leads_nowhere(wire: Wire, url: str) -> None:
    assert await codes_of(wire, channel={"actions": [{**ACTION, "target_url": url}]}, message=SMS) == [121]


async def test_130_a_shared_sender_that_has_been_used_as_often_as_it_may(wire: Wire) -> None:
    await subscribed(wire, total=0, shared=True)
    assert await codes_of(wire, message=SMS) == [130]


async def test_110_what_has_no_price(wire: Wire) -> None:
    price = SetPrice(channel="im", account_id=wire.account.account_id, prefix="34", amount=2_000, vat=0)
    await wire.runtime.db.run(set_price, OPERATOR, price)
    assert await codes_of(wire, message=SMS) == [110]


async def test_no_log_shows_a_number_or_a_text(wire: Wire, sandbox: Sandbox) -> None:
    with capture_logs() as lines:
        person = {"number": UNKNOWN, "params": {"name": "Ana"}}
        body = request(person, channel={"text": "Psst {name}", "actions": [ACTION]}, message={**SMS, "text": "Psst"})
        await wire.ok("POST", SEND, body)
        await sandbox.work()
        await sandbox.advance(timedelta(minutes=1))
    assert not any(word in repr(lines) for word in (UNKNOWN, "Psst", "Ana", ACTION["target_url"], ACTION["title"]))
