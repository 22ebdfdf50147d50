"""What is documented of every dialect is so: OpenAPI, its samples, the coverage pages and the first calls."""

import re
import shlex
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
import schemathesis
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from structlog.testing import capture_logs
from tests.dialects.clients import DialectClients
from tests.dialects.fixtures import filled, make_fixtures
from tests.support import Tenant

from carillon.app import openapi_document
from carillon.dialects.contract import Dialect
from carillon.dialects.registry import DIALECTS

pytestmark = pytest.mark.any_database

DOCUMENT = openapi_document(DIALECTS)
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
CHECKS: Any = [status_code_conformance, content_type_conformance, response_schema_conformance]
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]
HOST = "http://carillon.example"
# What samples name that has to be there.
IDS = {"contactGroupId", "RequestToken", "guid"}


def sample_of(described: Mapping[str, Any]) -> Any:
    content = described.get("requestBody", {}).get("content", {}).get("application/json", {})
    return content.get("example", content.get("schema", {}).get("example"))


def with_known(tree: Any, known: Mapping[str, str]) -> Any:
    """Put ids of what is there into a sample."""
    if not isinstance(tree, dict):
        return tree
    return {key: known[key] if key in IDS else with_known(one, known) for key, one in tree.items()}


async def ids_for(clients: DialectClients, account: Tenant, path: str, method: str) -> dict[str, str]:
    known = await make_fixtures(clients, account, path)
    if path.endswith("{list_id}") and method == "delete":  # the default list can't be deleted
        reply = await clients.apifon("POST", "/list", {"title": "Guests", "type": "ADVANCED", "prefix": "+30"})
        known["list_id"] = reply.headers["location"].rpartition("/")[2]
    if path.endswith("/group/{group_field}"):  # the group of what other APIs have made can't be changed
        reply = await clients.apifon("POST", f"/list/{account.audience_id}/group", {"name": "Diets", "type": "GROUP"})
        known["group_field"] = reply.headers["location"].rpartition("/")[2]
    return known


@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=[f"{method} {path}" for path, method in OPERATIONS])
async def test_a_sample_is_answered_as_openapi_says(
    clients: DialectClients, account: Tenant, path: str, method: str
) -> None:
    described = DOCUMENT["paths"][path][method]
    known = await ids_for(clients, account, path, method)
    sample = with_known(sample_of(described), known)
    required = [one["name"] for one in described["parameters"] if one["in"] == "query" and one.get("required")]
    reply = await clients.client.request(
        method,
        filled(path, known),
        json=sample,
        params={name: known[name] for name in required},
        headers=await clients.headers(described["tags"][0].lower()),
    )
    success = min(int(status) for status in described["responses"] if status.isdecimal())
    assert reply.status_code == success, reply.text
    SCHEMA[path][method].Case(path_parameters=known).validate_response(reply, checks=CHECKS)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_parameter_of_the_reference_is_served(dialect: Dialect) -> None:
    page = dialect.coverage()
    assert "not served" not in page.replace("sending is not served yet", "")
    for path, method in OPERATIONS:
        if DOCUMENT["paths"][path][method]["tags"][0].lower() == dialect.name:
            assert f"`{method.upper()} {path}`" in page


async def curl(client: httpx.AsyncClient, line: str, environment: dict[str, str]) -> httpx.Response:
    """Do what a line of curl does; one that sets a variable from a token sets it in the environment."""
    assigned = re.fullmatch(r"(\w+)=\$\((curl .*?) \| .*\)", line)
    command = re.sub(r"\$(\w+)", lambda name: environment[name[1]], assigned[2] if assigned else line)
    parts = shlex.split(command)
    assert parts[:2] == ["curl", "-s"]
    headers = dict(parts[place + 1].split(": ", 1) for place, part in enumerate(parts) if part == "-H")
    options = {part: parts[place + 1] for place, part in enumerate(parts) if part in {"-u", "-d", "-X"}}
    url = next(part for part in parts if part.startswith("http"))
    if "-d" in options:
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    method = options.get("-X", "POST" if "-d" in options else "GET")
    auth = httpx.BasicAuth(*options["-u"].split(":")) if "-u" in options else None
    reply = await client.request(method, url, content=options.get("-d"), headers=headers, auth=auth)
    if assigned:
        environment[assigned[1]] = reply.json()["access_token"]
    return reply


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
async def test_the_first_calls_work_and_no_log_shows_what_they_say(clients: DialectClients, dialect: Dialect) -> None:
    environment = {f"{dialect.name}_{part}".upper(): value for part, value in clients.keys[dialect.name].items()}
    with capture_logs() as lines:
        replies = [await curl(clients.client, line, environment) for line in dialect.first_calls(HOST)]
    assert all(reply.is_success for reply in replies), [reply.text for reply in replies]
    written, read = (line for line in dialect.first_calls(HOST)[-2:])
    names = re.findall(r"Friends|306912345678|Noa", written)
    assert names, "the first of the two calls writes something"
    assert names[0] in replies[-1].text, f"{read} shows it"
    logged = repr(lines)
    for value in environment.values():
        assert value not in logged
    assert not re.search(r"\d{9}|@example", logged)
