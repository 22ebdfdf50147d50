"""Whatever is sent, nothing answers 5xx."""

import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialects import fuzzing
from tests.dialects.fuzzing import escaped, escaped_query
from tests.dialects.nrs.wire import BASE, Wire

from carillon.dialects.nrs.operations import OPERATIONS
from carillon.dialects.reading import parameters
from carillon.dialects.rest import Nothing, Operation
from carillon.otp.limits import SetLimit, set_limit

pytestmark = pytest.mark.any_database

OWN = ("34612000111", "0521110001", "rosa@example.org", "ES", "es", "string", "date", "decimal", "customFields")
HOSTILE = [*OWN, *fuzzing.HOSTILE]
NAMES = sorted(
    {one.names[0] for operation in OPERATIONS for part in (operation.query, operation.body) for one in parameters(part)}
    | {"key", "type", "value", "data"}
)
SEGMENTS = st.sampled_from(["1", "0", "x", "sms", "mailing", "voice", "9" * 40, "\0", "%", "é", " "]) | st.text(
    min_size=1
)

BOUNDED = fuzzing.bounded(300)
TREES, BODIES = fuzzing.trees(NAMES, OWN), fuzzing.bodies(NAMES, OWN)


def path_of(operation: Operation, segment: str) -> str:
    shown = escaped(segment)
    return operation.path.replace("{id}", shown).replace("{type}", shown).removeprefix(BASE)


def assert_is_answered(reply: httpx.Response) -> None:
    assert reply.status_code in {200, 201, 204, 400, 404, 405, 413, 422}, reply.text
    if reply.status_code >= 400:
        assert reply.json()["error"].keys() == {"code", "description"}


@pytest.fixture(autouse=True)
async def _unlimited(wire: Wire) -> None:
    """Let a recipient have as many passwords as there are examples."""
    for name, value in (("recipient_sends", "1000000"), ("prefix_sends", "1000000"), ("conversion_percent", "0")):
        await wire.runtime.db.run(set_limit, wire.account.actor, SetLimit(name=name, value=value))


@BOUNDED
@given(operation=st.sampled_from(OPERATIONS), segment=SEGMENTS, body=BODIES | TREES, query=fuzzing.queries(NAMES))
async def test_any_body_and_any_query_are_answered(
    wire: Wire, operation: Operation, segment: str, body: object, query: dict[str, str]
) -> None:
    path = f"{path_of(operation, segment)}?{escaped_query(query)}"
    assert_is_answered(await wire.send(operation.method, path, content=json.dumps(body)))


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
            assert_is_answered(await wire.send(operation.method, f"{path}?{one.names[0]}={escaped(value)}"))


async def test_every_part_of_a_custom_field_may_have_any_hostile_value(wire: Wire) -> None:
    for name in ("key", "type", "value"):
        for kind in ("string", "date", "decimal"):
            for value in HOSTILE:
                field = {"key": f"a {kind}", "type": kind, "value": "1", name: value}
                content = json.dumps({"email": "rosa@example.org", "groupsNames": ["G"], "customFields": [field]})
                assert_is_answered(await wire.send("POST", "/contacts", content=content))
    assert_is_answered(await wire.send("GET", "/contacts?include=customFields,groups"))
