"""Whatever is sent, nothing answers 500: a grammar of bodies, bombs included."""

import json
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialects import fuzzing
from tests.dialects.inforu.wire import PATHS, Wire

from carillon.dialects.inforu.calls import Operation
from carillon.dialects.inforu.coverage import covered
from carillon.dialects.inforu.operations import OPERATIONS
from carillon.dialects.inforu.schemas import ContactRow
from carillon.dialects.inforu.schemas_sms import SmsRecipient, SmsSettings
from carillon.dialects.reading import parameters
from carillon.kit.xml import read_xml

pytestmark = pytest.mark.any_database

NAMES = [one.name for one in OPERATIONS]
BOUNDED = fuzzing.bounded(20)
WORDS = {name for one in OPERATIONS for name in covered(one).served()} | {"Data", "Auth", "Username"}
OWN = (
    *("0521110001", "+972521110001", "tal@example.com", "Phone", "Email", "ContactId", "ContactRefId", "GroupName"),
    *("GroupId", "delete", "2018/12/15", "All", "BodyPart_0"),
)
HOSTILE = [*OWN, *fuzzing.HOSTILE]
TREES, DATA = fuzzing.trees(WORDS, OWN), fuzzing.bodies(WORDS, OWN)


def assert_is_answered(reply: httpx.Response) -> None:
    assert reply.status_code in {200, 401, 403, 413}, reply.text
    if reply.headers["content-type"] == "application/json; charset=utf-8":
        envelope = reply.json()
    else:
        assert reply.headers["content-type"] == "application/xml; charset=utf-8"
        envelope = read_xml(reply.content)
    assert int(envelope["StatusId"]) == 1 or int(envelope["StatusId"]) < 0
    assert int(envelope["StatusId"]) not in {-500, -503}


@BOUNDED
@given(function=st.sampled_from(NAMES), data=DATA | TREES, view=st.sampled_from(["", "json", "xml", "x"]))
async def test_trees_of_known_words_in_json_are_answered(wire: Wire, function: str, data: object, view: str) -> None:
    content = json.dumps({"Data": data})
    assert_is_answered(await wire.post(function, content=content, params={"view": view}))


def place_of(data: dict[str, Any], name: str) -> Any:
    """The object of a good request that a parameter belongs to."""
    if name in {"Type", "Value"} and "List" in data:
        return data["List"][0]
    for parts, kind in (("Settings", SmsSettings), ("Recipients", SmsRecipient)):
        if parts in data and any(name in one.names for one in parameters(kind)):
            return data[parts] if isinstance(data[parts], dict) else data[parts][0]
    return data


@pytest.mark.parametrize("function", OPERATIONS, ids=lambda one: one.name)
async def test_every_parameter_of_a_good_request_may_have_any_hostile_value(wire: Wire, function: Operation) -> None:
    for name in sorted(covered(function).served()):
        if function.name == "CreateOrUpdateContacts" and name in ContactRow.__struct_fields__:
            rows = [{"Phone": "0521110001", name: value} for value in HOSTILE]
            for part in (rows[:10], rows[10:]):
                assert_is_answered(await wire.post(function.name, content=json.dumps({"Data": {"List": part}})))
            continue
        for value in HOSTILE:
            data = json.loads(json.dumps(function.sample))
            place_of(data, name)[name] = value
            assert_is_answered(await wire.post(function.name, content=json.dumps({"Data": data})))
    await wire.process_upload()
    assert_is_answered(await wire.post("GetContact", {"Type": "Phone", "Value": "0521110001"}))


def element(name: str, value: object) -> str:
    if isinstance(value, dict):
        return f"<{name}>{''.join(element(key, one) for key, one in value.items())}</{name}>"
    if isinstance(value, list):
        return "".join(element(name, one) for one in value)
    return f"<{name} a={quoteattr(str(value))}>{escape(str(value))}</{name}>"


@BOUNDED
@given(function=st.sampled_from(NAMES), data=DATA | TREES, end=st.text(max_size=5))
async def test_trees_of_known_words_in_xml_are_answered(wire: Wire, function: str, data: object, end: str) -> None:
    content = f"<Inforu>{element('Data', data)}</Inforu>{end}".encode("utf-8", "replace")
    assert_is_answered(await wire.post(function, content=content, headers={"Content-Type": "text/xml"}))


@BOUNDED
@given(
    function=st.sampled_from(NAMES),
    content=st.binary(max_size=200),
    kind=st.sampled_from(
        [
            "application/json",
            "application/xml",
            "text/xml; charset=windows-1255",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/json; charset=utf-16",
            "; charset=",
        ]
    ),
    start=st.sampled_from(
        [b"", b"<", b"{", b"json=", b"json=%7B%22Data%22:", b'{"Data":', b"<?xml version='1.0' encoding='"]
    ),
)
async def test_bytes_of_any_kind_are_answered(
    wire: Wire, function: str, content: bytes, kind: str, start: bytes
) -> None:
    assert_is_answered(await wire.post(function, content=start + content, headers={"Content-Type": kind}))


@BOUNDED
@given(query=st.text(max_size=40), header=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
async def test_queries_and_headers_of_any_kind_are_answered(wire: Wire, query: str, header: str) -> None:
    path = PATHS["GetGroupList"]
    for params in ({"json": query}, {"view": query}, {query or "x": "1"}):
        assert_is_answered(await wire.client.post(path, params=params, headers={"Authorization": header}))
        assert_is_answered(
            await wire.post("GetGroupList", params=params, headers={"X-Request-Id": header}, content=b"")
        )


def entity_bomb(levels: int) -> str:
    entities = "".join(f'<!ENTITY e{level + 1} "{f"&e{level};" * 10}">' for level in range(levels))
    return f'<!DOCTYPE x [<!ENTITY e0 "boom">{entities}]><x><Data>&e{levels};</Data></x>'


@pytest.mark.parametrize(
    "content",
    [
        entity_bomb(12),
        '<!DOCTYPE x [<!ENTITY a "' + "a" * 100_000 + '">]><x>' + "&a;" * 10_000 + "</x>",
        '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://192.0.2.1/x.dtd">%p;]><x/>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
        "<a>" * 200_000,
        "<a>" * 200_000 + "</a>" * 200_000,
        "<a " + " ".join(f"a{number}='1'" for number in range(50_000)) + "/>",
        "<Inforu><Data>" + "<List/>" * 200_000 + "</Data></Inforu>",
        "<Inforu><Data><List>" + "<Contact/>" * 5_001 + "</List></Data></Inforu>",
        '{"Data":' * 100_000,
        '{"Data":' + "[" * 200_000 + "]" * 200_000 + "}",
        '{"Data":{"List":' + "[" * 1_000 + "]" * 1_000 + "}}",
        '{"Data":{"List":[' + "{}," * 100_000 + "{}]}}",
        '{"Data":{' + ",".join(f'"k{number}":1' for number in range(100_000)) + "}}",
        '{"Data":{"List":[{' + ",".join(f'"k{number}":1' for number in range(50_000)) + "}]}}",
        '{"Data":{"LastFetchedId":' + "9" * 100_000 + "}}",
        '{"Data":{"Value":"' + "\\u0000" * 10_000 + '"}}',
    ],
    ids=range(17),
)
@pytest.mark.parametrize("function", ["CreateOrUpdateContacts", "GetContact"])
async def test_bombs_are_answered(wire: Wire, function: str, content: str) -> None:
    kind = "application/xml" if content.startswith("<") else "application/json"
    assert_is_answered(await wire.post(function, content=content, headers={"Content-Type": kind}))
