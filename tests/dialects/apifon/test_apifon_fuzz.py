"""Whatever is sent, nothing answers 5xx."""

import hashlib
import json
from collections.abc import Iterator

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialects import fuzzing
from tests.dialects.apifon.wire import BLOCKS, LISTS, Wire
from tests.dialects.fuzzing import escaped, escaped_query

from carillon.dialects.apifon.operations import OPERATIONS
from carillon.dialects.reading import parameters
from carillon.dialects.rest import Nothing, Operation
from carillon.otp.limits import SetLimit, set_limit

pytestmark = pytest.mark.any_database

NUMBER = "306912345678"

OWN = (
    *(
        NUMBER,
        "6912345679",
        "ana@mail.example",
        "SUBSCRIBED",
        "UNCONFIRMED",
        "ADVANCED",
        "DATE",
        "GROUP",
        "+30",
        "GROUPS",
    ),
    *("GROUP_1", "GROUP_99999999999999999999", "GROUP_x", "subscriber_fields.x", "gdpr_fields.x.mobile", "31/12/99"),
    *("REQUEST_ID", "REFERENCE_ID", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59"),
    *("+30", "9999-12-31T23:59:59-12:00", "253402300800000", "-62135596800001"),
)
HOSTILE = [*OWN, *fuzzing.HOSTILE, {"FIRST_NAME": "x" * 5000}, {"date_JOINED": 10**18}]


def field_map(part: type[msgspec.Struct]) -> Iterator[str]:
    for one in parameters(part):
        yield one.names[0]
        if "item" in one.extra:
            yield from field_map(one.extra["item"])


NAMES = sorted(
    {name for operation in OPERATIONS for part in (operation.query, operation.body) for name in field_map(part)}
    | {"mobile", "FIRST_NAME", "date_JOINED", "OFFERS"}
)
SEGMENTS = st.sampled_from(["1", "0", "x", NUMBER, "GROUPS", "GROUP_1", "9" * 40, "\0", "%", "é", " "]) | st.text(
    min_size=1
)
BOUNDED = fuzzing.bounded(200)
TREES, BODIES = fuzzing.trees(NAMES, HOSTILE), fuzzing.bodies(NAMES, HOSTILE)


def path_of(wire: Wire, operation: Operation, **segments: str) -> str:
    """Return the operation's path in the account's list, about a subscriber that is there, unless said otherwise."""
    known = {
        "list_id": str(wire.account.audience_id),
        "lookup_md5": hashlib.md5(NUMBER.encode(), usedforsecurity=False).hexdigest(),
        "destination": NUMBER,
        "field": "OFFERS" if "/gdpr/" in operation.path else "FIRST_NAME",
        "group_field": "GROUPS",
        "option_field": "GROUP_1",
        "reference_id": "login",
        "apifon_otp": "123456",
    }
    path = operation.path
    for name, value in (known | segments).items():
        path = path.replace(f"{{{name}}}", escaped(value))
    return path


async def make_fixtures(wire: Wire) -> None:
    """Let the list have something of everything."""
    place = f"{LISTS}/{wire.account.audience_id}"
    for name, kind in (("First name", "TEXT"), ("Joined", "DATE"), ("Visits", "NUMBER")):
        await wire.call("POST", f"{place}/field", {"name": name, "type": kind, "length": 20})
    await wire.call("POST", f"{place}/gdpr", {"name": "Offers"})
    await wire.contact(f"+{NUMBER}", "ana@mail.example", group="Food")


@pytest.fixture(autouse=True)
async def _unlimited(wire: Wire) -> None:
    """Let a recipient have as many passwords as there are examples."""
    for name, value in (("recipient_sends", "1000000"), ("prefix_sends", "1000000"), ("conversion_percent", "0")):
        await wire.runtime.db.run(set_limit, wire.account.actor, SetLimit(name=name, value=value))


@pytest.fixture
async def prepared(wire: Wire) -> Wire:
    await make_fixtures(wire)
    return wire


def assert_is_answered(reply: httpx.Response) -> None:
    is_wrong = reply.status_code == 403 and "result_info" in reply.json()
    assert reply.status_code in {200, 201, 204, 304, 400, 404, 405, 409, 413} or is_wrong, reply.text
    if reply.status_code >= 400 and "request_id" not in reply.json():  # which a verification has
        assert reply.json()["status"] == str(reply.status_code)


@BOUNDED
@given(operation=st.sampled_from(OPERATIONS), body=BODIES | TREES, query=fuzzing.queries(NAMES))
async def test_any_body_and_any_query_are_answered(
    prepared: Wire, operation: Operation, body: object, query: dict[str, str]
) -> None:
    path = f"{path_of(prepared, operation)}?{escaped_query(query)}"
    reply = await prepared.call(operation.method, path, json.dumps(body).encode())
    assert_is_answered(reply)
    if operation.method != "GET" and reply.is_success:  # what the next examples are about may be gone
        await make_fixtures(prepared)


@BOUNDED
@given(operation=st.sampled_from(OPERATIONS), segment=SEGMENTS, inner=SEGMENTS)
async def test_any_path_is_answered(wire: Wire, operation: Operation, segment: str, inner: str) -> None:
    names = ("lookup_md5", "destination", "field", "group_field", "reference_id")
    named = {**dict.fromkeys(names, segment), "option_field": inner, "apifon_otp": inner}
    for segments in (named, {**named, "list_id": segment}):
        path = path_of(wire, operation, **segments)
        assert_is_answered(await wire.call(operation.method, path, dict(operation.sample or {})))


@BOUNDED
@given(operation=st.sampled_from(OPERATIONS), body=st.binary(max_size=200))
async def test_any_bytes_are_answered(wire: Wire, operation: Operation, body: bytes) -> None:
    assert_is_answered(await wire.call(operation.method, path_of(wire, operation), body))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.title)
async def test_every_parameter_of_a_good_request_may_have_any_hostile_value(wire: Wire, operation: Operation) -> None:
    await make_fixtures(wire)
    path, good = path_of(wire, operation), dict(operation.sample or {})
    if operation.body is not Nothing:
        for name in sorted(set(field_map(operation.body))):
            for value in HOSTILE:
                assert_is_answered(await wire.call(operation.method, path, json.dumps({**good, name: value}).encode()))
    for name in field_map(operation.query):
        for value in HOSTILE:
            assert_is_answered(await wire.call(operation.method, f"{path}?{name}={escaped(value)}"))


async def test_every_part_of_a_subscriber_and_of_a_condition_may_have_any_hostile_value(wire: Wire) -> None:
    await make_fixtures(wire)
    place = f"{LISTS}/{wire.account.audience_id}/subscriber"
    fields = ("FIRST_NAME", "date_JOINED", "VISITS")
    for value in HOSTILE:
        rows = [
            *({"destination": "6912345670", "subscriber_fields": {name: value}} for name in fields),
            {"destination": "6912345671", "gdpr_fields": {"OFFERS": {"mobile": value}}},
            {"destination": "6912345672", "groupOptions": [value]},
        ]
        for row in rows:
            assert_is_answered(await wire.call("POST", place, json.dumps(row).encode()))
        bulk = {"subscribers": rows, "update_on_duplicate": True}
        assert_is_answered(await wire.call("POST", f"{place}/bulk", json.dumps(bulk).encode()))
        for name in ("destination", "id", "status", "date_created", "groupOptions", "gdpr_fields.OFFERS.mobile",
                     *(f"subscriber_fields.{one}" for one in fields), value):  # fmt: skip
            for op in ("eq", "beginsWith", "lt"):
                asked = {"conditions": [{"name": name, "op": op, "vl": value}]}
                assert_is_answered(await wire.call("POST", f"{place}/query", json.dumps(asked).encode()))
        for condition in ({"name": value, "op": "eq", "vl": "x"}, {"name": "email", "op": value, "vl": "x"}, value):
            body = json.dumps({"conditions": [condition]}).encode()
            for path in (f"{place}/query", f"{BLOCKS}/query"):
                assert_is_answered(await wire.call("POST", path, body))


async def test_every_part_of_an_sms_may_have_any_hostile_value(wire: Wire) -> None:
    for value in HOSTILE:
        people: list[dict[str, object]] = [{"number": "306944000001", "params": {"name": "Ana"}}]
        message: dict[str, object] = {"text": "Hi {name}", "sender_id": "Shop"}
        good: dict[str, object] = {"subscribers": people, "message": message}
        for asked in (
            *({**good, "subscribers": [{**people[0], name: value}]} for name in ("number", "custom_id", "params")),
            {**good, "subscribers": [{**people[0], "params": {"name": value}}]},
            *({**good, "message": {**message, name: value}} for name in ("text", "dc", "sender_id")),
        ):
            assert_is_answered(await wire.call("POST", "/services/sms/send", json.dumps(asked).encode()))


async def test_every_part_of_an_instant_message_may_have_any_hostile_value(wire: Wire) -> None:
    parts: dict[str, dict[str, object]] = {
        "actions": {"title": "Book", "target_url": "https://www.example.com"},
        "videos": {
            "video_url": "https://www.example.com/1.mp4",
            "video_content_length": 9,
            "video_duration": 5,
            "thumbnail_image_url": "https://www.example.com/1.png",
            "video_content_type": "mp4",
            "video_caption": "Watch",
        },
    }
    attached: dict[str, object] = {
        "file_name": "menu.pdf",
        "file_type": "pdf",
        "file_url": "https://www.example.com/menu.pdf",
    }
    known: dict[str, object] = {"sender_id": "Blue", "text": "Hi {name}"}
    people = [{"number": "306944000001", "params": {"name": "Ana"}}]
    asked: dict[str, object]
    for value in HOSTILE:
        channels = [
            *({**known, name: value} for name in ("id", "sender_id", "text", "images", "actions", "videos", "ttl")),
            *({**known, name: value} for name in ("expiry_text", "device_target")),
            {**known, "images": [value], "actions": [parts["actions"]]},
            *({**known, whole: [{**part, name: value}]} for whole, part in parts.items() for name in part),
        ]
        for channel in channels:
            asked = {"subscribers": people, "im_channels": [channel]}
            assert_is_answered(await wire.call("POST", "/services/im/send", json.dumps(asked).encode()))
        for name in ("text", "dc", "sender_id"):
            message = {"text": "Hi {name}", "sender_id": "Shop", name: value}
            asked = {"subscribers": people, "im_channels": [known], "message": message}
            assert_is_answered(await wire.call("POST", "/services/im/send", json.dumps(asked).encode()))
        for name in attached:
            asked = {"subscribers": people, "im_channels": [{"sender_id": "Blue", **attached, name: value}]}
            assert_is_answered(await wire.call("POST", "/services/im/file", json.dumps(asked).encode()))


@BOUNDED
@given(
    path=st.sampled_from(["token", "revoke"]),
    kind=st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/plain", ""]),
    body=st.binary(max_size=100) | BODIES.map(lambda one: json.dumps(one).encode()),
    query=fuzzing.queries(NAMES),
    key=st.text(max_size=20),
)
async def test_any_call_for_a_token_is_answered(  # noqa: PLR0913, PLR0917 - all that such a call has
    wire: Wire, path: str, kind: str, body: bytes, query: dict[str, str], key: str
) -> None:
    text = escaped_query(query)
    basic = b"Basic " + key.encode("utf-8", "replace").replace(b"\n", b"")
    headers = {b"Content-Type": kind.encode(), b"Authorization": basic}
    reply = await wire.client.post(f"/oauth2/{path}?{text}", content=body, headers=headers)
    assert reply.status_code in {200, 400, 401, 413, 429}, reply.text
    # With the client's own credential, too.
    known = f"client_id={wire.parts['client_id']}&client_secret={wire.parts['client_secret']}"
    reply = await wire.client.post(f"/oauth2/{path}?{known}&{text}", content=body, headers={"Content-Type": kind})
    assert reply.status_code in {200, 400, 401, 413, 429}, reply.text
