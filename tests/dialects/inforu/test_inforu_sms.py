"""SendSms: what is sent to whom, and the vendor's codes for what isn't."""

import json
import re
from datetime import timedelta
from typing import Any
from xml.sax.saxutils import escape

import pytest
from tests.dialects.inforu.wire import Wire

from carillon.db.database import Tx
from carillon.kit.xml import read_xml

DANA, TAL = "0521110001", "0521110002"
MESSAGES = (
    "SELECT m.address, coalesce(m.text, s.text) AS text, m.state, m.reason, m.parts, m.encoding, m.custom"
    " FROM message m JOIN sending s ON s.shard_key = $1 AND s.sending_id = m.sending_id"
    " WHERE m.shard_key = $1 ORDER BY m.message_id"
)
SENDINGS = "SELECT * FROM sending WHERE shard_key = $1 ORDER BY sending_id"


def order(*phones: str, **more: Any) -> dict[str, Any]:
    settings = {"Sender": "Shop", **more.pop("Settings", {})}
    recipients = [{"Phone": phone} for phone in phones]
    return {"Message": "Your table is ready", "Recipients": recipients, "Settings": settings, **more}


async def rows(wire: Wire, statement: str = MESSAGES) -> list[Any]:
    return await wire.runtime.db.read(Tx.fetch, statement, wire.account.account_id)


async def texts(wire: Wire) -> list[str]:
    return [row["text"] for row in await rows(wire)]


async def test_a_text_is_sent_to_a_national_or_international_number(wire: Wire) -> None:
    given = order(DANA, "+972 52-111-0002", "972521110003", "34600000001")
    assert await wire.data("SendSms", given) == {"Recipients": 4, "Errors": []}
    found = await rows(wire)
    assert [row["address"] for row in found] == ["972521110001", "972521110002", "972521110003", "34600000001"]
    assert {(row["state"], row["encoding"], row["parts"]) for row in found} == {("waiting", "gsm", 1)}
    (sending,) = await rows(wire, SENDINGS)
    assert (sending["dialect"], sending["sender"], sending["traffic_class"]) == ("inforu", "Shop", 2)


async def test_hebrew_is_sent_in_unicode(wire: Wire) -> None:
    await wire.data("SendSms", order(DANA, Message="שלום"))
    assert [(row["encoding"], row["parts"]) for row in await rows(wire)] == [("ucs2", 1)]


async def test_whom_the_message_does_not_reach_is_told_and_the_others_get_it(wire: Wire) -> None:
    await wire.data("Unsubscribe", {"UnsubscribeReason": "x", "List": [{"Type": "Phone", "Value": TAL}]})
    answer = await wire.data("SendSms", order(DANA, TAL, "12", DANA))
    assert answer["Recipients"] == 1
    assert [(one["RowNumber"], one["ErrorCode"], one["ErrorValue"]) for one in answer["Errors"]] == [
        (2, -98, TAL),
        (3, -92, "12"),
        (4, -94, DANA),
    ]
    states = [(row["state"], row["reason"]) for row in await rows(wire)]
    assert states == [
        ("waiting", None),
        ("excluded", "suppressed"),
        ("excluded", "address_invalid"),
        ("excluded", "duplicate"),
    ]


async def test_unsubscribed_and_repeated_numbers_get_it_where_the_caller_says_so(wire: Wire) -> None:
    await wire.data("Unsubscribe", {"UnsubscribeReason": "x", "List": [{"Type": "Phone", "Value": DANA}]})
    settings = {"IgnoreUnsubscribeCheck": "true", "AllowDuplicates": 1}
    assert (await wire.data("SendSms", order(DANA, DANA, Settings=settings)))["Recipients"] == 2


async def test_placeholders_take_what_the_recipient_has_before_what_its_contact_has(wire: Wire) -> None:
    await wire.add({"Phone": DANA, "FirstName": "Dana", "Text1": "blue"}, {"Phone": TAL, "FirstName": "Tal"})
    message = "[#FirstName#] [#firstname#]: [#Text1#], [#Size#] [#PhoneNumber#] [#1#]"
    given = order(Message=message) | {
        "Recipients": [
            {"Phone": DANA, "size": 42},
            {"Phone": TAL, "firstName": "T", "Size": "L"},
            {"Phone": "0521110003"},
        ]
    }
    await wire.data("SendSms", given)
    assert await texts(wire) == [
        f"Dana Dana: blue, 42 {DANA} [#1#]",
        f"T T: , L {TAL} [#1#]",
        " : ,  0521110003 [#1#]",
    ]


async def test_the_callers_marks_are_kept_with_the_message_and_the_sending(wire: Wire) -> None:
    given = order(Settings={"CustomerMessageID": "all", "CampaignName": "Spring"}) | {
        "Recipients": [{"Phone": DANA, "CustomerMessageID": "m1", "CustomerParameter": 7}, {"Phone": TAL}]
    }
    await wire.data("SendSms", given)
    kept = [row["custom"] and json.loads(row["custom"]) for row in await rows(wire)]
    assert kept == [{"CustomerMessageID": "m1", "CustomerParameter": "7"}, None]
    (sending,) = await rows(wire, SENDINGS)
    assert json.loads(sending["options"]) == {"CustomerMessageID": "all"}
    campaigns = await rows(wire, "SELECT name, recipients FROM campaign WHERE account_id = $1")
    assert [tuple(row) for row in campaigns] == [("Spring", 2)]


async def test_it_is_sent_later_in_the_accounts_time_zone(wire: Wire) -> None:
    await wire.runtime.db.run(
        Tx.execute, "UPDATE account SET time_zone = 'Asia/Jerusalem' WHERE account_id = $1", wire.account.account_id
    )
    await wire.data("SendSms", order(DANA, Settings={"TimeToSend": "2025-03-10 08:00:00", "DelayInSeconds": 5}))
    await wire.data("SendSms", order(TAL, Settings={"DelayInSeconds": "90"}))
    await wire.data("SendSms", order(TAL, Settings={"ExpireDate": "2025-03-09 20:00"}))
    at, delayed, expiring = await rows(wire, SENDINGS)
    assert at["scheduled_at"].isoformat() == "2025-03-10T06:00:00+00:00"
    assert delayed["scheduled_at"] == wire.clock.now() + timedelta(seconds=90)
    assert expiring["expires_at"].isoformat() == "2025-03-09T18:00:00+00:00"


@pytest.mark.parametrize(
    ("priority", "ignores", "expected"), [(None, None, 2), (-1, None, 3), (5, None, 2), ("", True, 2)]
)
async def test_the_priority_says_what_is_marketing(
    wire: Wire, priority: object, ignores: object, expected: int
) -> None:
    await wire.data("SendSms", order(DANA, Settings={"Priority": priority, "IgnoreUnsubscribeCheck": ignores}))
    assert [row["traffic_class"] for row in await rows(wire, SENDINGS)] == [expected]


async def test_a_text_of_more_parts_than_allowed_is_left_out_alone(wire: Wire) -> None:
    given = order(Message="[#Text#]", Settings={"MaxSegments": 1}) | {
        "Recipients": [{"Phone": DANA, "Text": "a" * 161}, {"Phone": TAL, "Text": "a" * 160}]
    }
    answer = await wire.data("SendSms", given)
    assert (answer["Recipients"], answer["Errors"][0]["ErrorCode"]) == (1, -96)


REFUSED: list[tuple[int, dict[str, Any]]] = [
    (-6, order()),
    (-6, order(Recipients="")),
    (-9, order(DANA, Message=" \n")),
    (-9, {"Recipients": [{"Phone": DANA}]}),
    (-96, order(DANA, Message="a" * 1001)),
    (-96, order(DANA, Message="a" * 200, Settings={"MaxSegments": 1})),
    (-16, order(DANA, Settings={"TimeToSend": "tomorrow"})),
    (-16, order(DANA, Settings={"TimeToSend": "2099-01-01 00:00:00"})),
    (-16, order(DANA, Settings={"DelayInSeconds": 10**17})),
    (-16, order(DANA, Settings={"ExpireDate": "2020-01-01"})),
    (-18, order("12", "no phone")),
    (-21, order(DANA, Settings={"Sender": ""})),
    (-21, order(DANA, Settings={"Sender": "TwelveLetter"})),
    (-21, order(DANA, Settings={"Sender": "0" * 15})),
    (-21, order(DANA, Settings={"Sender": "חנות"})),
    (-400, order(DANA, Settings={"DeliveryNotificationUrl": "http://10.0.0.1/"})),
    (-400, order(DANA, Settings={"DeliveryNotificationUrl": "ftp://caller.example/"})),
    (-400, order(DANA, Settings={"MaxSegments": -1})),
    (-400, order(DANA, Settings={"CampaignName": "a" * 256})),
    (-404, order(DANA, GroupNumbers=[{"GroupNumber": 99}])),
]


@pytest.mark.parametrize(("status", "data"), REFUSED)
async def test_what_is_not_sent_has_the_vendors_code_and_leaves_nothing(
    wire: Wire, status: int, data: dict[str, Any]
) -> None:
    http, found, detail = await wire.refusal("SendSms", data)
    assert (http, found) == (200, status), detail
    assert detail.startswith("Data.")
    assert await rows(wire, SENDINGS) == []


SHORT = r"https?://\S+/l/[0-9A-Za-z]{10}"
LINKS = "SELECT name, url, message_id FROM link WHERE shard_key = $1 ORDER BY link_id"


async def test_urls_are_short_links_of_each_recipient_where_shorten_url_enable_says_so(wire: Wire) -> None:
    message = "A https://shop.example/a?b=c, (http://shop.example/d) and https://shop.example/a?b=c!"
    await wire.data("SendSms", order(DANA, TAL, Message=message, Settings={"ShortenUrlEnable": True}))
    found = [re.fullmatch(rf"A ({SHORT}), \(({SHORT})\) and ({SHORT})!", text) for text in await texts(wire)]
    assert all(found)
    shown = [one.groups() for one in found if one]
    assert shown[0][0] == shown[0][2]
    assert len({*shown[0], *shown[1]}) == 4
    urls = sorted(row["url"] for row in await rows(wire, LINKS))
    assert urls == ["http://shop.example/d"] * 2 + ["https://shop.example/a?b=c"] * 2
    assert len({row["message_id"] for row in await rows(wire, LINKS)}) == 2


@pytest.mark.parametrize("given", [{}, {"ShortenUrlEnable": False}])
async def test_urls_stay_as_they_are_without_shorten_url_enable(wire: Wire, given: dict[str, Any]) -> None:
    await wire.data("SendSms", order(DANA, Message="https://shop.example", Settings=given))
    assert await texts(wire) == ["https://shop.example"]


async def test_a_url_with_a_placeholder_stays_as_it_is(wire: Wire) -> None:
    given = order(Message="https://shop.example/?n=[#Name#] https://a@b.example") | {
        "Recipients": [{"Phone": DANA, "Name": "Dana"}]
    }
    given["Settings"]["ShortenUrlEnable"] = True
    await wire.data("SendSms", given)
    assert await texts(wire) == ["https://shop.example/?n=Dana https://a@b.example"]


async def test_too_many_recipients_are_refused(wire: Wire) -> None:
    data = order() | {"Recipients": [{"Phone": "1"}] * 100_001}
    assert (await wire.refusal("SendSms", data))[:2] == (403, -2011)


def element(name: str, value: object) -> str:
    if isinstance(value, dict):
        return f"<{name}>{''.join(element(key, one) for key, one in value.items())}</{name}>"
    if isinstance(value, list):
        return "".join(element(name, one) for one in value)
    return f"<{name}>{escape(str(value))}</{name}>"


async def test_all_of_it_may_be_xml(wire: Wire) -> None:
    await wire.data("CreateOrUpdateGroup", {"GroupName": "Friends"})
    data = order(
        Message="[#FirstName#] & שלום",
        Recipients=[{"Phone": DANA, "FirstName": "<Dana>"}, {"Phone": TAL}],
        Settings={"TimeToSend": "2025-03-10 08:00:00", "AllowDuplicates": "true"},
    )
    content = f"<Inforu>{element('Data', data)}</Inforu>"
    reply = await wire.post("SendSms", content=content, headers={"Content-Type": "application/xml"})
    answer: Any = read_xml(reply.content)
    assert (answer["StatusId"], answer["FunctionName"]) == ("1", "api/v2/SMS/SendSms")
    assert answer["Data"] == {"Recipients": "2"}
    assert await texts(wire) == ["<Dana> & שלום", " & שלום"]


async def test_the_path_is_read_in_any_case(wire: Wire) -> None:
    auth = (wire.username, wire.token)
    reply = await wire.client.post("/api/V2/sms/sendsms/", json={"Data": order(DANA)}, auth=auth)
    assert (reply.json()["StatusId"], reply.json()["FunctionName"]) == (1, "api/V2/sms/sendsms")


async def test_the_credential_may_be_in_the_body(wire: Wire) -> None:
    given = {"Auth": {"Username": wire.username, "Token": wire.token}, "Data": order(DANA)}
    reply = await wire.client.post("/api/v2/SMS/SendSms", json=given)
    assert reply.json()["Data"]["Recipients"] == 1
