"""How a request is found and read: paths, bodies, charsets, envelopes."""

import json
from urllib.parse import quote, quote_plus
from uuid import UUID

import pytest
from tests.dialects.inforu.wire import PATHS, Wire
from tests.support import body_of

from carillon.dialects.inforu.bodies import open_document
from carillon.dialects.inforu.operations import OPERATIONS
from carillon.http.request import Request

GROUPS: dict[str, object] = {"Data": {}}


async def test_the_envelope_has_the_keys_of_the_reference_in_its_order(wire: Wire) -> None:
    reply = await wire.post("GetGroupList")
    assert list(reply.json()) == [
        "StatusId",
        "StatusDescription",
        "DetailedDescription",
        "FunctionName",
        "RequestId",
        "Data",
    ]
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    assert reply.json()["StatusDescription"] == "Success"
    assert reply.json()["DetailedDescription"] == ""


@pytest.mark.parametrize(
    "path",
    [
        "api/v2/Contact/GetGroupList",
        "api/V2/contact/getgrouplist",
        "API/V2/CONTACT/GETGROUPLIST",
        "api/Contact/GetGroupList",
        "api/contact/getGroupList",
        "api/v2/Contact/GetGroupList/",
    ],
)
async def test_any_case_of_the_path_is_served_and_echoed_as_requested(wire: Wire, path: str) -> None:
    reply = await wire.client.post(f"/{path}", json=GROUPS, auth=(wire.username, wire.token))
    assert (reply.status_code, reply.json()["StatusId"]) == (200, 1)
    assert reply.json()["FunctionName"] == path.strip("/")


async def test_the_request_id_is_the_header_of_the_reply(wire: Wire) -> None:
    made = await wire.post("GetGroupList")
    assert made.json()["RequestId"] == made.headers["x-request-id"] != ""
    given = await wire.post("GetGroupList", headers={"X-Request-Id": "trace-1:a.b_C"})
    assert given.json()["RequestId"] == given.headers["x-request-id"] == "trace-1:a.b_C"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "<script>"])
async def test_an_insane_request_id_is_replaced(wire: Wire, given: str) -> None:
    reply = await wire.post("GetGroupList", headers={"X-Request-Id": given})
    assert str(UUID(reply.json()["RequestId"])) == reply.json()["RequestId"]


async def test_unknown_query_parameters_are_ignored(wire: Wire) -> None:
    reply = await wire.post("GetGroupList", params={"foo": "bar", "view": "csv"})
    assert reply.json()["StatusId"] == 1


async def test_an_empty_json_parameter_goes_with_a_body(wire: Wire) -> None:
    body = {"Auth": {"Username": wire.username, "Token": wire.token}, "Data": {}}
    reply = await wire.client.post("/api/v2/Contact/GetGroupList?json=", json=body)
    assert reply.json()["StatusId"] == 1


async def test_the_body_may_be_the_query_parameter_json(wire: Wire) -> None:
    body = json.dumps({"Auth": {"Username": wire.username, "Token": wire.token}, "Data": {}})
    reply = await wire.client.post(f"/api/v2/Contact/GetGroupList?json={quote(body)}")
    assert reply.json()["StatusId"] == 1


@pytest.mark.parametrize("field", ["json", "JSON", "InforuXML"])
async def test_the_body_may_be_a_form_field(wire: Wire, field: str) -> None:
    body = json.dumps({"Auth": {"Username": wire.username, "Token": wire.token}, "Data": {}})
    reply = await wire.client.post("/api/v2/Contact/GetGroupList", data={field: body})
    assert reply.json()["StatusId"] == 1


async def test_raw_json_under_a_form_content_type_is_read_as_json(wire: Wire) -> None:
    # What curl --data sends without a content type of its own.
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = await wire.post("GetGroupList", content=json.dumps(GROUPS), headers=headers)
    assert reply.json()["StatusId"] == 1


async def test_no_body_is_an_empty_data(wire: Wire) -> None:
    assert (await wire.post("GetGroupList", content=b"")).json()["StatusId"] == 1
    assert (await wire.post("GetFields", content=b"  \n")).json()["StatusId"] == 1


async def test_names_are_read_in_any_case_and_unknown_ones_ignored(wire: Wire) -> None:
    await wire.add({"phonenumber": "0521110001", "FIRSTNAME": "Tal", "Unknown": {"deep": [1]}})
    body = {"data": {"type": "PHONE", "VALUE": "0521110001", "configuration": "withgroups", "other": None}, "x": []}
    reply = await wire.post("GetContact", json=body)
    assert reply.json()["Data"]["Contacts"]["List"][0]["FirstName"] == "Tal"


async def test_numbers_may_be_texts_and_texts_numbers(wire: Wire) -> None:
    group = await wire.data("CreateOrUpdateGroup", {"GroupName": "First"})
    renamed = await wire.data("CreateOrUpdateGroup", {"GroupName": "Second", "GroupId": str(group["GroupId"])})
    assert (renamed["GroupId"], renamed["GroupName"]) == (group["GroupId"], "Second")
    found = await wire.data("GetGroup", {"GetGroupBy": "GroupId", "Value": group["GroupId"]})
    assert found["Count"] == 1


@pytest.mark.parametrize("blank", ["", "  ", None, 0, "0"])
async def test_a_blank_null_or_zero_group_id_is_a_new_group(wire: Wire, blank: object) -> None:
    one = await wire.data("CreateOrUpdateGroup", {"GroupName": "Same", "GroupId": blank})
    two = await wire.data("CreateOrUpdateGroup", {"GroupName": "Same", "GroupId": blank})
    assert one["GroupId"] != two["GroupId"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"Data": {', "JSON"),
        (b'{"Data": {"a": 1,}}', "JSON"),
        (b"[]", "object"),
        (b'"text"', "object"),
        (b"{" * 5000, "JSON"),
        (b'{"Data":' + b"[" * 100_000, "deep"),
        (b"\xff\xfe\xfd", "JSON"),
        (b"null", "object"),
    ],
)
async def test_a_body_that_cannot_be_read_is_refused_with_its_reason(wire: Wire, body: bytes, why: str) -> None:
    http, status, detail = await wire.refusal("GetGroupList", content=body)
    assert (http, status) == (200, -400)
    assert detail.startswith("Body: ")
    assert why in detail


@pytest.mark.parametrize(
    ("function", "data", "place"),
    [
        ("GetContact", {}, "Data.Type"),
        ("GetContact", {"Type": "Phone"}, "Data.Value"),
        ("GetContact", {"Type": "Phone", "Value": "  "}, "Data.Value"),
        ("GetContact", {"Type": "Phone", "Value": {"a": 1}}, "Data.Value"),
        ("GetContact", {"Type": "Phone", "Value": "a\0b"}, "Data.Value"),
        ("GetContactList", {"ToDate": "2018/12/30"}, "Data.FromDate"),
        ("GetContactList", {"FromDate": "2018/12/30"}, "Data.ToDate"),
        ("GetContactList", {"FromDate": "soon", "ToDate": "2018/12/30"}, "Data.FromDate"),
        ("GetContactList", {"FromDate": "2018/02/30", "ToDate": "2018/12/30"}, "Data.FromDate"),
        (
            "GetContactList",
            {"FromDate": "2018/12/15", "ToDate": "2018/12/30", "LastFetchedId": "x"},
            "Data.LastFetchedId",
        ),
        ("GetUnsubscribeList", {"Type": "Email", "ToDate": "2018/12/30"}, "Data.FromDate"),
        ("GetUnsubscribeList", {"FromDate": "2018/12/15", "ToDate": "2018/12/30", "Type": "x"}, "Data.Type"),
        ("DeleteContacts", {}, "Data.List"),
        ("DeleteContacts", {"List": []}, "Data.List"),
        ("CreateOrUpdateContacts", {"List": []}, "Data.List"),
        ("CreateOrUpdateContacts", {"List": "0521110001"}, "Data.List"),
        ("DeleteContacts", {"List": "0521110001"}, "Data.List"),
        ("DeleteContacts", {"List": 5}, "Data.List"),
        ("CheckIfUnsubscribe", {"List": True}, "Data.List"),
        ("GetContact", {"Type": ["Phone"], "Value": "0521110001"}, "Data.Type"),
        ("GetContactList", {"FromDate": {"a": 1}, "ToDate": "2018/12/30"}, "Data.FromDate"),
        (
            "GetContactList",
            {"FromDate": "2018/12/15", "ToDate": "2018/12/30", "OnlyForGroupId": "First"},
            "Data.OnlyForGroupId",
        ),
        ("CreateOrUpdateGroup", {"GroupName": {"a": "First"}}, "Data.GroupName"),
        ("CreateOrUpdateGroup", {"GroupName": "First", "GroupId": "First"}, "Data.GroupId"),
        ("CreateOrUpdateGroup", {"GroupName": "First", "GroupId": [1]}, "Data.GroupId"),
        ("CreateOrUpdateGroup", {"GroupName": "First", "Description": ["x"]}, "Data.Description"),
        ("DeleteGroup", {"DeleteGroupBy": "GroupName", "Value": ["First"]}, "Data.Value"),
        (
            "Unsubscribe",
            {"UnsubscribeReason": ["asked"], "List": [{"Type": "Phone", "Value": "1"}]},
            "Data.UnsubscribeReason",
        ),
        (
            "Unsubscribe",
            {"UnsubscribeReason": "asked", "UnsubscribeName": {}, "List": [{"Type": "Phone", "Value": "1"}]},
            "Data.UnsubscribeName",
        ),
        ("Unsubscribe", {"UnsubscribeReason": "asked", "List": "0521110001"}, "Data.List"),
        ("CheckJobStatusByToken", {"RequestToken": ["x"]}, "Data.RequestToken"),
        ("CreateOrUpdateContacts", {"List": [{"Phone": "0521110001"}], "HandleEvents": "maybe"}, "Data.HandleEvents"),
        ("CreateOrUpdateGroup", {"GroupName": " "}, "Data.GroupName"),
        ("CreateOrUpdateGroup", {"GroupName": "x" * 201}, "Data.GroupName"),
        ("DeleteGroup", {"Value": "1"}, "Data.DeleteGroupBy"),
        ("DeleteGroup", {"DeleteGroupBy": "Colour", "Value": "1"}, "Data.DeleteGroupBy"),
        ("DeleteGroup", {"DeleteGroupBy": "GroupId", "Value": "1", "Configuration": "All"}, "Data.Configuration"),
        ("GetGroup", {"GetGroupBy": "GroupId"}, "Data.Value"),
        ("GetGroupList", {"Type": "Static"}, "Data.Type"),
        ("Unsubscribe", {"List": [{"Type": "Phone", "Value": "0521110001"}]}, "Data.UnsubscribeReason"),
        (
            "Unsubscribe",
            {"UnsubscribeReason": "x" * 501, "List": [{"Type": "Phone", "Value": "1"}]},
            "Data.UnsubscribeReason",
        ),
        ("ReactivateUnsubscribe", {"List": [{"Type": "Phone", "Value": "1"}]}, "Data.ReactivationReason"),
        ("GetUnsubscribeHistory", {"Type": "Phone"}, "Data.Value"),
        ("GetUnsubscribeHistoryList", {"Action": "Delete"}, "Data.Action"),
        ("GetUnsubscribeHistoryList", {"Type": "ContactId"}, "Data.Type"),
        ("CheckIfUnsubscribe", {"List": None}, "Data.List"),
        ("CheckJobStatusByToken", {}, "Data.RequestToken"),
    ],
)
async def test_what_cannot_be_used_is_named_in_the_detailed_description(
    wire: Wire, function: str, data: object, place: str
) -> None:
    http, status, detail = await wire.refusal(function, data)
    assert (http, status) == (200, -400)
    assert detail.startswith(f"{place}: "), detail


@pytest.mark.parametrize("charset", ["windows-1255", "UTF-16", "iso-8859-8", "utf-8"])
async def test_a_body_in_the_charset_that_it_names_is_read(wire: Wire, charset: str) -> None:
    body = json.dumps({"Data": {"GroupName": "לקוחות"}}, ensure_ascii=False).encode(charset)
    headers = {"Content-Type": f"application/json; charset={charset}"}
    reply = await wire.post("CreateOrUpdateGroup", content=body, headers=headers)
    assert reply.json()["Data"]["GroupName"] == "לקוחות"


def asked(media_type: str) -> Request:
    return Request(
        method="POST",
        path="/",
        headers={"content-type": media_type},
        body=body_of(b""),
        remote_address="",
        request_id="r",
        report_id="r",
    )


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "windows-1255"])
def test_a_large_body_is_recoded_whole(charset: str) -> None:
    text = json.dumps({"Data": ("אב" if charset == "windows-1255" else "אב😀") * 60_000}, ensure_ascii=False)
    named = charset.replace("-le", "")  # without a mark it is little-endian
    assert open_document(asked(f"application/json; charset={named}"), text.encode(charset))._text == text.encode()


def test_a_large_form_field_is_decoded_whole() -> None:
    text = json.dumps({"Data": "אב😀 +%&=" * 60_000}, ensure_ascii=False)
    form = f"other=x&json={quote_plus(text)}".encode()
    assert open_document(asked("application/x-www-form-urlencoded"), form)._text == text.encode()
    broken = open_document(asked("application/x-www-form-urlencoded"), b"json={" + b"\xff" * 200_000 + b"}")
    assert broken._text == b"{" + "\ufffd".encode() * 200_000 + b"}"


@pytest.mark.parametrize("charset", ["rot13", "zip", "no-such-charset", "idna"])
async def test_a_charset_that_is_not_known_is_refused(wire: Wire, charset: str) -> None:
    headers = {"Content-Type": f"application/json; charset={charset}"}
    http, status, detail = await wire.refusal("GetGroupList", content=b"{}", headers=headers)
    assert (http, status, detail) == (200, -400, f"Body: The charset {charset} isn't known.")


async def test_a_byte_order_mark_is_no_part_of_the_body(wire: Wire) -> None:
    reply = await wire.post("GetGroupList", content=b"\xef\xbb\xbf" + json.dumps(GROUPS).encode())
    assert reply.json()["StatusId"] == 1


@pytest.mark.parametrize("function", [one.name for one in OPERATIONS])
async def test_bytes_that_are_no_utf8_are_refused(wire: Wire, function: str) -> None:
    body = b'{"Data": {"List": [{"Email": "x@mail.example", "FirstName": "\xe3\xe5\xe3"}], "Value": "\xe9"}}'
    reply = await wire.post(function, content=body, headers={"Content-Type": "application/json"})
    assert (reply.status_code, reply.json()["StatusId"]) == (200, -400)
    stranger = b'{"Auth": {"Username": "\xe9", "Token": "x"}, "Data": {}}'
    reply = await wire.client.post(PATHS[function], content=stranger)
    assert reply.json()["StatusId"] in {-1, -2, -400}


@pytest.mark.parametrize(
    "path",
    [
        "/api/v2/Contact/GetWeather",
        "/api/Contact/GetWeather",
        "/API/v2/SMS/Send",
        "/api/v2/Umail/Send",
        "/api/v1/SMS/SendSms",
        "/InforuFrontEnd/WebInterface/SendMessageByNumber.aspx",
        "/SendMessageXml.ashx",
        "/api",
    ],
)
async def test_a_path_that_is_not_served_is_refused_in_the_envelope(wire: Wire, path: str) -> None:
    for reply in (await wire.client.post(path, json={"Data": {}}), await wire.client.get(path)):
        assert (reply.status_code, reply.json()["StatusId"]) == (404, -404)
        assert reply.json()["FunctionName"] == path.strip("/")
        assert reply.json()["DetailedDescription"] == "Nothing is served at this address."
