"""OpenAPI's requests to every operation of every dialect, with its credential: they are answered as it says."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
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
from tests.dialects.fuzzing import bounded, escaped
from tests.dialects.keyboards import Keyboards
from tests.support import Tenant, shorten_wait

from carillon.app import openapi_document
from carillon.dialects.registry import DIALECTS

BOUNDED = bounded(25)
CHECKS: Any = [status_code_conformance, content_type_conformance, response_schema_conformance]
DOCUMENT = openapi_document(DIALECTS)
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = [(path, method.upper()) for path, methods in DOCUMENT["paths"].items() for method in methods]
PHONE, MAIL = "972541110001", "ana@mail.example"
# What answers to a key that is good.
REFUSED = {401, 403}


def basic(user: str, secret: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{secret}'.encode()).decode()}"


KEYS: Mapping[str, Callable[[dict[str, str]], dict[str, str]]] = {
    "inforu": lambda key: {"Authorization": basic(key["username"], key["token"])},
    "nrs": lambda key: {"Authorization": basic(key["username"], key["password"])},
    "inwise": lambda key: {"X-API-Key": key["key"]},
    "apifon": lambda key: {"Authorization": f"Bearer {key['access_token']}"},
    "devino": lambda key: {"Authorization": f"Key {key['key']}"},
}


async def credentials(keyboards: Keyboards, dialect: str) -> dict[str, str]:
    key = keyboards.keys[dialect]
    if dialect == "apifon":
        auth = (key["client_id"], key["client_secret"])
        key = (await keyboards.client.post("/oauth2/token", auth=auth)).json()
    return KEYS[dialect](key)


async def furnish(keyboards: Keyboards, account: Tenant, path: str) -> dict[str, str]:
    """Make something of everything, and give what a path may name."""
    row = {"PhoneNumber": "0541110001", "Email": MAIL, "AddToGroupName": "Food"}
    await keyboards.inforu("CreateOrUpdateContacts", {"List": [row]})
    found = await keyboards.inforu("GetContact", {"Type": "Email", "Value": MAIL, "Configuration": "WithGroups"})
    (contact,) = found["Contacts"]["List"]
    place = f"/list/{account.audience_id}"
    field = {"name": "Joined", "type": "DATE", "length": 20}
    await keyboards.apifon("POST", f"{place}/field", field)
    await keyboards.apifon("POST", f"{place}/gdpr", {"name": "Offers"})
    await keyboards.apifon("POST", "/bounce/subscriber/block", {"destination": "306912345678", "reason": "other"})
    group_id = str(contact["Groups"][0]["GroupId"])
    return {
        "list_id": str(account.audience_id),
        "lookup_md5": hashlib.md5(PHONE.encode(), usedforsecurity=False).hexdigest(),
        "destination": "306912345678",
        "field": "OFFERS" if "/gdpr" in path else "date_JOINED",
        "group_field": "GROUPS",
        "option_field": f"GROUP_{group_id}",
        "type": "sms",
        "id": group_id if "/groups" in path else str(contact["ContactId"]),
    }


def filled(path: str, values: Mapping[str, Any]) -> str:
    """Put values into a path's places."""
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", escaped(str(value)))
    return path


@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=[f"{method} {path}" for path, method in OPERATIONS])
async def test_openapis_requests_are_answered_as_openapi_says(
    keyboards: Keyboards, account: Tenant, path: str, method: str, monkeypatch: pytest.MonkeyPatch
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
    headers = {"Content-Type": "application/json", **await credentials(keyboards, dialect)}
    known = await furnish(keyboards, account, path)
    statuses: set[int] = set()

    async def send(case: Any, values: Mapping[str, Any]) -> httpx.Response:
        content = b"" if case.body is NOT_SET else json.dumps(case.body).encode("utf-8", "replace")
        query = {name: str(value) for name, value in (case.query or {}).items()}
        where = filled(path, values)
        return await keyboards.client.request(method, where, content=content, params=query, headers=headers)

    for case in cases:
        for values in (case.path_parameters or {}, known):
            reply = await send(case, values)
            assert reply.status_code < 500, reply.text
            case.validate_response(reply, checks=CHECKS)
            statuses.add(reply.status_code)
    assert statuses - REFUSED, statuses


def test_every_path_is_in_the_document() -> None:
    missing = {route.path for one in DIALECTS for route in one.routes} - set(DOCUMENT["paths"])
    assert missing == {"/oauth2/token", "/oauth2/revoke"}  # which the Apifon dialect's own fuzz calls
