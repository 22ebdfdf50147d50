"""What is told of the dialect is true: the greeting's calls, OpenAPI, the samples, the coverage."""

import shlex

import pytest
import schemathesis
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.dialects.inwise.wire import Wire

from carillon.app import openapi_document
from carillon.dialects.inwise.routes import DIALECT, OPERATIONS
from carillon.dialects.registry import DIALECTS
from carillon.dialects.rest import Operation

SCHEMA = schemathesis.openapi.from_dict(openapi_document(DIALECTS))


async def test_the_greetings_calls_work_one_after_another(wire: Wire) -> None:
    replies = []
    for line in DIALECT.first_calls(str(wire.client.base_url).rstrip("/")):
        words = shlex.split(line.replace("$INWISE_KEY", wire.key))
        assert words[:2] == ["curl", "-s"]
        headers = dict(words[place + 1].split(": ", 1) for place, word in enumerate(words) if word == "-H")
        content = words[words.index("-d") + 1] if "-d" in words else None
        url = next(word for word in words if word.startswith("http"))
        reply = await wire.client.request("POST" if content else "GET", url, content=content, headers=headers)
        assert reply.status_code == 200, reply.text
        replies.append(reply.json())
    written, (read,) = replies
    assert read["id"] == written["id"]
    assert read["fields"] == [{"name": "field1", "content": "Noa"}]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.title)
async def test_a_sample_is_answered_as_openapi_says(wire: Wire, operation: Operation) -> None:
    contact_id = await wire.save(mobile_number="0521230000", fields=[{"name": "field21", "content": "1/2/1990"}])
    path = operation.path.replace("{id}", str(contact_id)).removeprefix("/rest/v1")
    described = SCHEMA[operation.path][operation.method]
    for body, good in ((operation.sample, True), ({"id": "x"}, operation.method == "GET")):
        reply = await wire.call(operation.method, path, json=body)
        assert (reply.status_code == 200) == good
        case = described.Case(path_parameters={"id": str(contact_id)} if "{id}" in operation.path else {})
        checks = [status_code_conformance, content_type_conformance, response_schema_conformance]
        case.validate_response(reply, checks=checks)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.title)
def test_every_parameter_of_the_reference_is_served(operation: Operation) -> None:
    page = DIALECT.coverage()
    assert f"`{operation.method} {operation.path}`" in page
    assert "not served" not in page
