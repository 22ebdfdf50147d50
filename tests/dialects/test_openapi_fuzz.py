"""OpenAPI's requests to every operation of every dialect, with its credential: they are answered as it says."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import given
from schemathesis.core import NOT_SET
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.dialects.clients import DialectClients
from tests.dialects.fixtures import filled, make_fixtures
from tests.dialects.fuzzing import bounded
from tests.support import Tenant, shorten_wait

from carillon.app import openapi_document
from carillon.dialects.registry import DIALECTS

pytestmark = pytest.mark.any_database

BOUNDED = bounded(25)
CHECKS: Any = [status_code_conformance, content_type_conformance, response_schema_conformance]
DOCUMENT = openapi_document(DIALECTS)
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = [(path, method.upper()) for path, methods in DOCUMENT["paths"].items() for method in methods]
# What no key that is good is answered.
REFUSED = {401, 403}
# But Apifon's sending endpoints, which say 403 of wrong parameters too, and its verification, of wrong passwords.
OF_CONTENT = ("Request validation Error(s)", '"result_info"')


@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=[f"{method} {path}" for path, method in OPERATIONS])
async def test_openapis_requests_are_answered_as_openapi_says(
    clients: DialectClients, account: Tenant, path: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten_wait(monkeypatch)
    described = SCHEMA[path][method]

    @BOUNDED
    @given(described.as_strategy())
    def collect(case: Any) -> None:
        cases.append(case)

    cases: list[Any] = []
    collect()
    dialect = DOCUMENT["paths"][path][method.lower()]["tags"][0].lower()
    headers = {"Content-Type": "application/json", **await clients.headers(dialect)}
    known = await make_fixtures(clients, account, path)
    statuses: set[int] = set()

    async def send(case: Any, values: Mapping[str, Any]) -> httpx.Response:
        content = b"" if case.body is NOT_SET else json.dumps(case.body).encode("utf-8", "replace")
        query = {name: str(value) for name, value in (case.query or {}).items()}
        where = filled(path, values)
        return await clients.client.request(method, where, content=content, params=query, headers=headers)

    for case in cases:
        for values in (case.path_parameters or {}, known):
            reply = await send(case, values)
            assert reply.status_code < 500, reply.text
            case.validate_response(reply, checks=CHECKS)
            statuses.add(400 if any(one in reply.text for one in OF_CONTENT) else reply.status_code)
    assert statuses - REFUSED, statuses


def test_every_path_is_in_the_document() -> None:
    missing = {route.path for one in DIALECTS for route in one.routes} - set(DOCUMENT["paths"])
    pages = {one for one in missing if one.startswith("/listmanager/")}  # of forms, for people
    assert missing - pages == {"/oauth2/token", "/oauth2/revoke"}  # which the Apifon dialect's own fuzz calls
