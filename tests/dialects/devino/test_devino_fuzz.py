"""Whatever is sent, nothing answers 5xx."""

import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialects import fuzzing
from tests.dialects.devino.wire import BASE, BATCH, RANGE, Wire
from tests.dialects.fuzzing import escaped, escaped_query

from carillon.dialects.devino import schemas
from carillon.dialects.devino.operations import OPERATIONS
from carillon.dialects.reading import parameters
from carillon.dialects.rest import Nothing, Operation

pytestmark = pytest.mark.any_database

OWN = (
    *("79261112233", "0521110001", "dina@mail.example", "STOPLIST", "PUSH", "OMNI_API", "name", "phone", "gender.male"),
    *("8", "2018-03-13 14:32:25", "9999-12-31 23:59:59", "0001-01-01 00:00:00", "repeated_phone"),
)
HOSTILE = [*OWN, *fuzzing.HOSTILE]
STRUCTS = (schemas.ListField, schemas.Contact, schemas.ContactField, schemas.PushInfo)
NAMES = sorted(
    {
        one.names[0]
        for part in (*STRUCTS, *(part for operation in OPERATIONS for part in (operation.query, operation.body)))
        for one in parameters(part)
    }
)
BOUNDED = fuzzing.bounded(200)
TREES, BODIES = fuzzing.trees(NAMES, OWN), fuzzing.bodies(NAMES, OWN)


def assert_is_answered(reply: httpx.Response) -> None:
    assert reply.status_code in {200, 400, 404, 405, 413}, reply.text
    if reply.status_code >= 400:
        assert reply.json()["code"] == "REJECTED"


@BOUNDED
@given(operation=st.sampled_from(OPERATIONS), body=BODIES | TREES, query=fuzzing.queries(NAMES))
async def test_any_body_and_any_query_are_answered(
    wire: Wire, operation: Operation, body: object, query: dict[str, str]
) -> None:
    text = escaped_query({"contactGroupId": str(wire.account.audience_id), **query})
    path = operation.path.removeprefix(BASE)
    assert_is_answered(await wire.send(operation.method, f"{path}?{text}", content=json.dumps(body)))


@BOUNDED
@given(contacts=st.lists(BODIES | TREES, max_size=4), check=fuzzing.leaves(OWN))
async def test_any_contacts_are_answered(wire: Wire, contacts: list[object], check: object) -> None:
    body = {"contactGroupId": wire.account.audience_id, "contacts": contacts, "duplicateCheckField": check}
    assert_is_answered(await wire.send("POST", BATCH, content=json.dumps(body)))
    assert_is_answered(await wire.send("GET", f"{RANGE}?contactGroupId={wire.account.audience_id}&limit=1000"))


@BOUNDED
@given(operation=st.sampled_from(OPERATIONS), body=st.binary(max_size=200))
async def test_any_bytes_are_answered(wire: Wire, operation: Operation, body: bytes) -> None:
    assert_is_answered(await wire.send(operation.method, operation.path.removeprefix(BASE), content=body))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.title)
async def test_every_parameter_of_a_good_request_may_have_any_hostile_value(wire: Wire, operation: Operation) -> None:
    path = operation.path.removeprefix(BASE)
    audience = wire.account.audience_id
    good = {**(operation.sample or {}), "contactGroupId": audience}
    if operation.body is not Nothing:
        for one in parameters(operation.body):
            for value in HOSTILE:
                content = json.dumps({**good, one.names[0]: value})
                assert_is_answered(await wire.send(operation.method, path, content=content))
    for one in parameters(operation.query):
        for value in HOSTILE:
            query = f"contactGroupId={audience}&{one.names[0]}={escaped(value)}"
            assert_is_answered(await wire.send(operation.method, f"{path}?{query}"))


@pytest.mark.parametrize(
    "name", ["phone", "email", "contactId", "creationDate", "name", "gender", "birthdate", "number1"]
)
async def test_any_field_may_be_held_against_any_hostile_value(wire: Wire, name: str) -> None:
    for value in HOSTILE:
        for operator in ("EQ", "LIKE", "STARTS_WITH", "LT"):
            query = f"queryName={name}&queryOperator={operator}&queryValue={escaped(value)}&zoneOffset=840"
            assert_is_answered(await wire.send("GET", f"{RANGE}?contactGroupId={wire.account.audience_id}&{query}"))


async def test_every_part_of_a_field_and_a_device_may_have_any_hostile_value(wire: Wire) -> None:
    for name in ("name", "type", "value", "displayName", "appId", "os", "pushToken"):
        contacts = [
            {
                "fields": [{"name": f"own {code}", "type": code, "value": "1", name: value}],
                "pushInfo": [{"os": 0, "pushToken": "t", name: value}],
            }
            for code in (0, 1, 2, 3, 5, 8)
            for value in HOSTILE
        ]
        body = {"contactGroupId": wire.account.audience_id, "contacts": contacts}
        assert_is_answered(await wire.send("POST", f"{BATCH}?zoneOffset=-720", content=json.dumps(body)))
    for zone in (-720, 840):
        query = f"contactGroupId={wire.account.audience_id}&limit=1000&zoneOffset={zone}"
        assert_is_answered(await wire.send("GET", f"{RANGE}?{query}"))
