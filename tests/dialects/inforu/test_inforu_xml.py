"""XML in the place of JSON, for request and reply of every function."""

from typing import Any
from xml.sax.saxutils import escape

import httpx
import pytest
from tests.dialects.inforu.wire import Wire

from carillon.dialects.inforu.operations import OPERATIONS
from carillon.kit.xml import read_xml

XML = {"Content-Type": "application/xml"}


def tree(reply: httpx.Response) -> Any:
    assert reply.headers["content-type"] == "application/xml; charset=utf-8"
    assert reply.text.startswith('<?xml version="1.0" encoding="utf-8"?><Result>')
    return read_xml(reply.content)


def element(name: str, value: object) -> str:
    if isinstance(value, dict):
        return f"<{name}>{''.join(element(key, one) for key, one in value.items())}</{name}>"
    if isinstance(value, list):
        return "".join(element(name, one) for one in value)
    return f"<{name}/>" if value is None else f"<{name}>{escape(str(value))}</{name}>"


@pytest.mark.parametrize("function", [one.name for one in OPERATIONS])
async def test_every_function_takes_and_gives_xml(wire: Wire, function: str) -> None:
    await wire.add({"PhoneNumber": "0501234567", "Email": "dana.levi@example.com", "AddToGroupName": "Customers"})
    await wire.data("CreateOrUpdateGroup", {"GroupName": "Newsletter"})
    sample = next(one.sample for one in OPERATIONS if one.name == function)
    by_json = (await wire.post(function, sample)).json()
    if function in {"DeleteGroup", "CreateOrUpdateGroup"}:
        await wire.data("CreateOrUpdateGroup", {"GroupName": "Newsletter"})
    reply = await wire.post(function, content=f"<Any>{element('Data', dict(sample))}</Any>", headers=XML)
    by_xml = tree(reply)
    assert list(by_xml) == list(by_json)
    assert (by_xml["StatusId"], by_xml.get("FunctionName")) == (str(by_json["StatusId"]), by_json.get("FunctionName"))
    if "Data" not in by_json:
        assert function in {"SendOtp", "Authenticate"}
    elif by_json["Data"] is None:
        assert (function, by_xml["StatusId"]) == ("CheckJobStatusByToken", "-2014")
    else:
        # An empty list has no element.
        assert list(by_xml["Data"]) == [key for key, value in by_json["Data"].items() if value != []]


@pytest.mark.parametrize(
    "data",
    [
        "<List><Contact><Phone>0521110001</Phone></Contact><Contact><Phone>0521110002</Phone></Contact></List>",
        "<List><Phone>0521110001</Phone></List><List><Phone>0521110002</Phone></List>",
        "<List><Row><Phone>0521110001</Phone></Row></List><List><Row><Phone>0521110002</Phone></Row></List>",
        "<list><contact><PHONE>0521110001</PHONE></contact><contact><phone> 0521110002 </phone></contact></list>",
    ],
)
async def test_lists_are_repeated_or_wrapped(wire: Wire, data: str) -> None:
    reply = await wire.post("CreateOrUpdateContacts", content=f"<R><Data>{data}</Data></R>", headers=XML)
    assert tree(reply)["Data"]["ContactsNew"] == "2"
    assert await wire.count("0521110002") == 1


async def test_one_item_alone_is_a_list_of_one(wire: Wire) -> None:
    for data in (
        "<List><Phone>0521110001</Phone><AddToGroupName>A</AddToGroupName><AddToGroupName>B</AddToGroupName></List>",
        "<List><Contact><Phone>0521110002</Phone></Contact></List>",
        "<List><Phone>0521110003</Phone></List>",
    ):
        reply = await wire.post("CreateOrUpdateContacts", content=f"<R><Data>{data}</Data></R>", headers=XML)
        assert tree(reply)["Data"]["Rows"] == "1"
    assert [group["GroupName"] for group in (await wire.get("0521110001"))["Groups"]] == ["A", "B"]


async def test_a_reply_repeats_the_items_of_a_list(wire: Wire) -> None:
    await wire.add({"PhoneNumber": "0521110001", "AddToGroupName": "A & B"}, {"PhoneNumber": "0521110002"})
    reply = await wire.post(
        "GetContactList", {"FromDate": "2000/01/01", "ToDate": "2099/01/01"}, params={"view": "xml"}
    )
    assert [one["PhoneNumber"] for one in tree(reply)["Data"]["List"]] == ["0521110001", "0521110002"]
    key = {"Type": "Phone", "Value": "0521110001", "Configuration": "WithGroups"}
    shown = tree(await wire.post("GetContact", key, params={"view": "xml"}))["Data"]["Contacts"]["List"]
    assert shown["Groups"]["GroupName"] == "A & B"
    assert (shown["Email"], shown["BirthDate"]) == ("", "")


@pytest.mark.parametrize(
    ("view", "content_type", "body", "expected"),
    [
        ("xml", "application/json", '{"Data":{}}', "xml"),
        ("XML", "application/json", '{"Data":{}}', "xml"),
        ("json", "application/xml", "<R><Data/></R>", "json"),
        ("", "text/xml; charset=utf-8", "<R/>", "xml"),
        ("", "application/json", "<R/>", "xml"),
        ("", "application/xml", '{"Data":{}}', "xml"),
        ("", "application/x-www-form-urlencoded", "<R/>", "xml"),
        ("", "application/json", '{"Data":{}}', "json"),
    ],
)
async def test_view_chooses_the_reply_and_without_it_the_request_does(
    wire: Wire, view: str, content_type: str, body: str, expected: str
) -> None:
    params = {"view": view} if view else {}
    reply = await wire.post("GetGroupList", content=body, params=params, headers={"Content-Type": content_type})
    assert reply.headers["content-type"] == f"application/{expected}; charset=utf-8"
    if expected == "xml":
        assert tree(reply)["StatusId"] == "1"
    else:
        assert reply.json()["StatusId"] == 1


async def test_auth_in_an_xml_body_authenticates(wire: Wire) -> None:
    auth = f"<Auth><Username>{wire.username}</Username><Token>{wire.token}</Token></Auth>"
    reply = await wire.client.post("/api/v2/Contact/GetGroupList", content=f"<R>{auth}</R>", headers=XML)
    assert (reply.status_code, tree(reply)["StatusId"]) == (200, "1")
    reply = await wire.client.post("/api/v2/Contact/GetGroupList", content="<R/>", headers=XML)
    assert (reply.status_code, tree(reply)["StatusId"]) == (401, "-1")


async def test_xml_in_a_form_field_is_read(wire: Wire) -> None:
    form = {"InforuXML": "<R><Data><GroupName>ק</GroupName></Data></R>"}
    pair = (wire.username, wire.token)
    reply = await wire.client.post("/api/v2/Contact/CreateOrUpdateGroup", data=form, auth=pair)
    assert tree(reply)["Data"]["GroupName"] == "ק"


async def test_xml_in_its_own_encoding_is_read(wire: Wire) -> None:
    text = '<?xml version="1.0" encoding="windows-1255"?><R><Data><GroupName>קבוצה</GroupName></Data></R>'
    for content_type in ("application/xml", "text/xml; charset=windows-1255"):
        reply = await wire.post(
            "CreateOrUpdateGroup", content=text.encode("windows-1255"), headers={"Content-Type": content_type}
        )
        assert tree(reply)["Data"]["GroupName"] == "קבוצה"


async def test_blank_elements_are_absent_values(wire: Wire) -> None:
    data = "<GroupName>Alpha</GroupName><GroupId/><Description/>"
    reply = await wire.post("CreateOrUpdateGroup", content=f"<R><Data>{data}</Data></R>", headers=XML)
    assert tree(reply)["StatusId"] == "1"


BOMB = (
    '<!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(10))
    + "]><R><Data>&k;</Data></R>"
)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (BOMB, "document type"),
        ('<!DOCTYPE R [<!ENTITY x SYSTEM "file:///etc/hostname">]><R>&x;</R>', "document type"),
        ("<R>&undefined;</R>", "entity"),
        ("<R><Data>", "XML"),
        ("<a>" * 50_000, "nested"),
        ("<R>text</R>", "object"),
        ("<R><Data>text</Data></R>", "object"),
    ],
)
async def test_what_xml_may_not_say_is_refused_clearly(wire: Wire, body: str, why: str) -> None:
    reply = await wire.post("GetGroupList", content=body, headers=XML)
    assert reply.status_code == 200
    refusal = tree(reply)
    assert refusal["StatusId"] == "-400"
    assert why in refusal["DetailedDescription"]
    assert refusal["Data"] == ""


async def test_a_control_character_in_a_value_does_not_break_the_reply(wire: Wire) -> None:
    await wire.add({"PhoneNumber": "0521110001", "FirstName": "a\u0001b\u001f"})
    reply = await wire.post("GetContact", {"Type": "Phone", "Value": "0521110001"}, params={"view": "xml"})
    assert tree(reply)["Data"]["Contacts"]["List"]["FirstName"] == "a\ufffdb\ufffd"
