"""What is said of the dialect is what it does: OpenAPI, samples, the coverage page and the first calls."""

import shlex
from typing import Any

import pytest
import schemathesis
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.dialects.devino.wire import BASE, LISTS, Wire

from carillon.app import openapi_document
from carillon.dialects.devino.routes import DIALECT, OPERATIONS
from carillon.dialects.rest import Operation

SCHEMA = schemathesis.openapi.from_dict(openapi_document([DIALECT]))
CHECKS: Any = [status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.title)
async def test_samples_work_and_their_answers_are_as_openapi_says(wire: Wire, operation: Operation) -> None:
    made = await wire.make()
    await wire.add(made, {"phone": "79261112233", "fields": [{"name": "name", "value": "Dina"}]}, {"phone": "x"})
    query = {"contactGroupId": made, "ids": [made, "77777"]}
    sample = operation.sample and {**operation.sample, "contactGroupId": made}
    reply = await wire.send(operation.method, operation.path.removeprefix(BASE), sample, params=query)
    assert reply.status_code == operation.status
    SCHEMA[operation.path][operation.method].Case().validate_response(reply, checks=CHECKS)


def test_every_parameter_of_the_reference_is_served() -> None:
    page = DIALECT.coverage()
    assert "not served" not in page
    for one in OPERATIONS:
        assert f"## {one.title}" in page


async def test_the_first_calls_work(wire: Wire) -> None:
    for line in DIALECT.first_calls("http://carillon.example"):
        field_map = shlex.split(line)
        body = field_map[field_map.index("-d") + 1] if "-d" in field_map else None
        url = next(word for word in field_map if word.startswith("http"))
        assert url == f"http://carillon.example{BASE}{LISTS}"
        reply = await wire.send("POST" if body else "GET", LISTS, content=body)
        assert reply.status_code == 200
    assert reply.json()["result"][-1]["name"] == "Friends"
