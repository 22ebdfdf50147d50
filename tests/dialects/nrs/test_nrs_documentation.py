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
from tests.dialects.nrs.wire import BASE, Wire

from carillon.app import openapi_document
from carillon.dialects.nrs.operations import OPERATIONS
from carillon.dialects.nrs.routes import DIALECT
from carillon.dialects.rest import Operation

SCHEMA = schemathesis.openapi.from_dict(openapi_document([DIALECT]))
CHECKS: Any = [status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.title)
async def test_samples_work_and_their_answers_are_as_openapi_says(wire: Wire, operation: Operation) -> None:
    contact = await wire.add(email="x@example.org", customFields=[{"key": "k", "value": "v"}])
    group = (await wire.get("/groups"))["data"][0]
    await wire.send("PUT", "/v2/blacklist/sms", {"recipient": "34612345678"})
    number = contact["id"] if "/contacts" in operation.path else group["id"]
    path = operation.path.replace("{id}", str(number)).replace("{type}", "sms").removeprefix(BASE)
    query = {"include": "customFields,groups"} if "/contacts" in path and operation.method == "GET" else {}
    reply = await wire.send(operation.method, path, operation.sample, params=query)
    assert reply.status_code == operation.status
    case = SCHEMA[operation.path][operation.method].Case(path_parameters={"id": str(number), "type": "sms"})
    case.validate_response(reply, checks=CHECKS)


def test_every_parameter_of_the_reference_is_served() -> None:
    page = DIALECT.coverage()
    assert "not served" not in page
    for one in OPERATIONS:
        assert f"## {one.title}" in page


async def test_the_first_calls_work(wire: Wire) -> None:
    for line in DIALECT.first_calls("http://carillon.example"):
        words = shlex.split(line)
        url = next(word for word in words if word.startswith("http"))
        body = words[words.index("-d") + 1] if "-d" in words else None
        path = url.removeprefix(f"http://carillon.example{BASE}")
        reply = await wire.send("POST" if body else "GET", path, content=body)
        assert reply.status_code == (201 if body else 200)
    assert reply.json()["data"][0]["groups"]["data"][0]["name"] == "Friends"
