"""Whatever is sent, nothing answers 5xx."""

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.dialects.nrs.wire import BASE, Wire

from carillon.dialects.nrs.operations import OPERATIONS
from carillon.dialects.reading import parameters
from carillon.dialects.rest import Nothing, Operation

# All examples share one database, and the machine may be busy: neither shrinking nor time is the point here.
BOUNDED = settings(
    max_examples=300,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

HOSTILE: list[Any] = [
    *("34612000111", "0521110001", "rosa@example.org", "ES", "es", "string", "date", "decimal", "customFields"),
    *("", " ", "0", "1", "-1", "9007199254740993", "9" * 40, "1e400", "NaN", "\0", "\ud83d\ude00", "\u202e"),
    *("2018-03-13", "2018-03-13T14:32:25+00:00", "9999-12-31T23:59:59-12:00", "0000-00-00", "x" * 5000),
    *(0, -1, 1, 2**31, 2**53 - 1, 2**53, 2**63 - 1, 2**63, -(2**63) - 1, 10**17, 10**30, 1e300, 0.5),
    *(None, True, [], {}, [[]], [{}], ["a", 1], {"a": {"b": [None]}}),
]
NAMES = sorted(
    {one.names[0] for operation in OPERATIONS for part in (operation.query, operation.body) for one in parameters(part)}
    | {"key", "type", "value", "data"}
)
SEGMENTS = st.sampled_from(["1", "0", "x", "sms", "mailing", "voice", "9" * 40, "\0", "%", "é", " "]) | st.text(
    min_size=1
)
LEAVES = st.sampled_from(HOSTILE) | st.text(max_size=20) | st.integers() | st.floats() | st.booleans() | st.none()
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=6), inner, max_size=5)
    ),
    max_leaves=25,
)
BODIES = st.dictionaries(st.sampled_from(NAMES), TREES, max_size=8)
QUERIES = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=6), st.text(max_size=12), max_size=4)


def path_of(operation: Operation, segment: str) -> str:
    escaped = quote(segment.encode("utf-8", "replace"), safe="")
    return operation.path.replace("{id}", escaped).replace("{type}", escaped).removeprefix(BASE)


def assert_is_answered(reply: httpx.Response) -> None:
    assert reply.status_code in {200, 201, 204, 400, 404, 405, 413, 422}, reply.text
    if reply.status_code >= 400:
        assert reply.json()["error"].keys() == {"code", "description"}


@BOUNDED
@given(operation=st.sampled_from(OPERATIONS), segment=SEGMENTS, body=BODIES | TREES, query=QUERIES)
async def test_any_body_and_any_query_are_answered(
    wire: Wire, operation: Operation, segment: str, body: object, query: dict[str, str]
) -> None:
    params = {name.encode("utf-8", "replace"): value.encode("utf-8", "replace") for name, value in query.items()}
    content = json.dumps(body)
    assert_is_answered(await wire.send(operation.method, path_of(operation, segment), content=content, params=params))


@BOUNDED
@given(operation=st.sampled_from(OPERATIONS), body=st.binary(max_size=200))
async def test_any_bytes_are_answered(wire: Wire, operation: Operation, body: bytes) -> None:
    assert_is_answered(await wire.send(operation.method, path_of(operation, "1"), content=body))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.title)
async def test_every_parameter_of_a_good_request_may_have_any_hostile_value(wire: Wire, operation: Operation) -> None:
    path = path_of(operation, "sms" if "{type}" in operation.path else "1")
    good = dict(operation.sample or {})
    if operation.body is not Nothing:
        for one in parameters(operation.body):
            for value in HOSTILE:
                content = json.dumps({**good, one.names[0]: value})
                assert_is_answered(await wire.send(operation.method, path, content=content))
    for one in parameters(operation.query):
        for value in HOSTILE:
            text = value if isinstance(value, str) else json.dumps(value)
            query = f"{one.names[0]}={quote(text.encode('utf-8', 'replace'))}"
            assert_is_answered(await wire.send(operation.method, f"{path}?{query}"))


async def test_every_part_of_a_custom_field_may_have_any_hostile_value(wire: Wire) -> None:
    for name in ("key", "type", "value"):
        for kind in ("string", "date", "decimal"):
            for value in HOSTILE:
                field = {"key": f"a {kind}", "type": kind, "value": "1", name: value}
                content = json.dumps({"email": "rosa@example.org", "groupsNames": ["G"], "customFields": [field]})
                assert_is_answered(await wire.send("POST", "/contacts", content=content))
    assert_is_answered(await wire.send("GET", "/contacts?include=customFields,groups"))
