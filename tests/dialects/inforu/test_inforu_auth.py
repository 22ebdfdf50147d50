"""Which callers are authenticated, and how the others are refused."""

import base64
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.dialects.inforu.wire import Wire
from tests.support import body_of, new_key

from carillon.app import create_app
from carillon.dialects.contract import Services
from carillon.dialects.inforu.auth import authenticate
from carillon.dialects.inforu.bodies import Document, open_document
from carillon.errors import BadCredentialsError
from carillon.http.request import Request
from carillon.settings import Settings
from carillon.tenancy.accounts import AccountStatus, SetAccountStatus, set_account_status
from carillon.tenancy.credentials import create_credential

GENERAL_FAILURE = (401, -1)
NOT_AUTHENTICATED = (401, -2)


async def status(wire: Wire, headers: dict[str, str], body: object | None = None) -> tuple[int, int]:
    given = {"Data": {}} if body is None else body
    reply = await wire.client.post("/api/v2/Contact/GetGroupList", json=given, headers=headers)
    return reply.status_code, reply.json()["StatusId"]


def basic(text: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


async def credential(wire: Wire, **more: Any) -> tuple[str, str]:
    command = new_key("inforu", **more)
    made = await wire.runtime.db.run(create_credential, wire.account.actor, command, wire.runtime.secret_box)
    return made.parts["username"], made.parts["token"]


async def test_no_credentials_are_a_general_failure(wire: Wire) -> None:
    assert await status(wire, {}) == GENERAL_FAILURE


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ",
        "Basic %%%",
        "Basic " + base64.b64encode(b"no-colon").decode(),
        "Basic /w==",
    ],
)
async def test_a_header_that_cannot_be_decoded_is_a_general_failure(wire: Wire, header: str) -> None:
    assert await status(wire, {"Authorization": header}) == GENERAL_FAILURE


async def test_wrong_credentials_are_an_authentication_failure(wire: Wire) -> None:
    assert await status(wire, basic(f"{wire.username}:{wire.token}x")) == NOT_AUTHENTICATED
    assert await status(wire, basic(f"nobody:{wire.token}")) == NOT_AUTHENTICATED
    assert await status(wire, basic(":")) == NOT_AUTHENTICATED
    assert await status(wire, basic("a\0b:c")) == NOT_AUTHENTICATED
    assert await status(wire, basic(f"{'u' * 2000}:c")) == NOT_AUTHENTICATED


async def test_a_401_says_how_to_come_in(wire: Wire) -> None:
    reply = await wire.client.post("/api/v2/Contact/GetGroupList", json={})
    assert reply.headers["www-authenticate"].startswith("Basic ")


async def test_the_scheme_is_read_in_any_case(wire: Wire) -> None:
    encoded = base64.b64encode(f"{wire.username}:{wire.token}".encode()).decode()
    assert await status(wire, {"Authorization": f"basic  {encoded}"}) == (200, 1)


async def test_auth_in_the_body_authenticates(wire: Wire) -> None:
    body = {"Auth": {"Username": wire.username, "Token": wire.token}, "Data": {}}
    assert await status(wire, {}, body) == (200, 1)
    assert await status(wire, {}, {"auth": {"username": wire.username, "TOKEN": wire.token}}) == (200, 1)


async def test_auth_in_the_body_that_is_wrong_or_incomplete_does_not(wire: Wire) -> None:
    assert await status(wire, {}, {"Auth": {"Username": wire.username, "Token": "x"}}) == NOT_AUTHENTICATED
    assert await status(wire, {}, {"Auth": {"Username": wire.username}}) == GENERAL_FAILURE
    assert await status(wire, {}, {"Auth": "x"}) == GENERAL_FAILURE
    assert await status(wire, {}, {"Auth": {"Username": ["x"], "Token": {}}}) == GENERAL_FAILURE


async def test_the_header_wins_over_the_body(wire: Wire) -> None:
    good = {"Auth": {"Username": wire.username, "Token": wire.token}, "Data": {}}
    bad = {"Auth": {"Username": "x", "Token": "y"}, "Data": {}}
    assert await status(wire, basic("x:y"), good) == NOT_AUTHENTICATED
    assert await status(wire, basic(f"{wire.username}:{wire.token}"), bad) == (200, 1)


@pytest.mark.parametrize("header", ["Bearer abc", "abc", "", "Negotiate"])
async def test_a_header_that_is_not_basic_leaves_it_to_the_body(wire: Wire, header: str) -> None:
    good = {"Auth": {"Username": wire.username, "Token": wire.token}, "Data": {}}
    assert await status(wire, {"Authorization": header}, good) == (200, 1)
    assert await status(wire, {"Authorization": header}) == GENERAL_FAILURE


async def test_a_body_is_not_read_before_its_header_is_authenticated(wire: Wire) -> None:
    body = body_of(b"<R><Data>" + b"<x/>" * 50_000 + b"</Data></R>")
    request = Request(
        method="POST",
        path="/api/v2/Contact/GetGroupList",
        headers={"authorization": basic("x:y")["Authorization"], "content-type": "application/xml"},
        body=body,
        remote_address="192.0.2.10",
        request_id="r",
        report_id="r",
    )
    services = Services(db=wire.runtime.db, authenticator=wire.runtime.authenticator, box=wire.runtime.secret_box)
    with pytest.raises(BadCredentialsError):
        await authenticate(services, request)
    assert body.content == b""


async def test_without_a_credential_a_broken_body_is_a_general_failure(wire: Wire) -> None:
    reply = await wire.client.post("/api/v2/Contact/GetGroupList", content=b'{"Auth": {')
    assert (reply.status_code, reply.json()["StatusId"]) == GENERAL_FAILURE


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("application/x-www-form-urlencoded", b"&" * 200),
        ("application/json; charset=klingon", b"{}"),
        ("application/json; charset=utf-16", b"\xff\xfe{"),
    ],
)
async def test_without_a_credential_a_body_that_cannot_be_opened_is_a_general_failure(
    wire: Wire, media_type: str, content: bytes
) -> None:
    headers = {"Content-Type": media_type}
    reply = await wire.client.post("/api/v2/Contact/GetGroupList", content=content, headers=headers)
    assert (reply.status_code, reply.json()["StatusId"]) == GENERAL_FAILURE


async def test_a_body_with_its_credential_is_opened_once(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def counted(request: Request, content: bytes) -> Document:
        sizes.append(len(content))
        return open_document(request, content)

    monkeypatch.setattr("carillon.dialects.inforu.auth.open_document", counted)
    monkeypatch.setattr("carillon.dialects.inforu.dialect.open_document", counted)
    assert await status(wire, {}, {"Auth": {"Username": wire.username, "Token": wire.token}, "Data": {}}) == (200, 1)
    assert len(sizes) == 1


async def test_a_credential_of_another_dialect_does_not_authenticate(wire: Wire) -> None:
    command = new_key("nrs")
    made = await wire.runtime.db.run(create_credential, wire.account.actor, command, wire.runtime.secret_box)
    assert await status(wire, basic(f"{made.parts['username']}:{made.parts['password']}")) == NOT_AUTHENTICATED


@pytest.mark.parametrize(
    ("state", "expected"), [(AccountStatus.NOT_ACTIVE, (403, -221)), (AccountStatus.LOCKED, (403, -222))]
)
async def test_a_closed_account_is_told_so(wire: Wire, state: AccountStatus, expected: tuple[int, int]) -> None:
    await wire.runtime.db.run(set_account_status, wire.account.actor, SetAccountStatus(status=state))
    assert await status(wire, basic(f"{wire.username}:{wire.token}")) == expected


async def test_an_address_that_is_not_on_the_list_is_an_authentication_failure(wire: Wire) -> None:
    # The client of these tests calls from 192.0.2.10.
    near = await credential(wire, allowed_networks=["192.0.2.0/24"])
    far = await credential(wire, allowed_networks=["198.51.100.0/24"])
    assert await status(wire, basic(":".join(near))) == (200, 1)
    assert await status(wire, basic(":".join(far))) == NOT_AUTHENTICATED


async def test_x_forwarded_for_is_believed_from_trusted_proxies_only(wire: Wire, tmp_path: Path) -> None:
    far = await credential(wire, allowed_networks=["198.51.100.7"])
    headers = {**basic(":".join(far)), "X-Forwarded-For": "203.0.113.5, 198.51.100.7"}
    assert await status(wire, headers) == NOT_AUTHENTICATED
    trusting = Settings(data_dir=tmp_path, trusted_proxies=(ip_network("192.0.2.0/24"),))
    app = create_app(replace(wire.runtime, settings=trusting))
    transport = httpx.ASGITransport(app, client=("192.0.2.10", 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://carillon.example") as client:
        assert await status(replace(wire, client=client), headers) == (200, 1)
        # Only the last hop that no trusted proxy wrote counts: a caller can't choose its address.
        forged = headers | {"X-Forwarded-For": "198.51.100.7, 203.0.113.5"}
        assert await status(replace(wire, client=client), forged) == NOT_AUTHENTICATED


async def test_the_vendors_rate_is_30_calls_a_second(wire: Wire) -> None:
    username, token = await credential(wire)
    statuses = [await status(wire, basic(f"{username}:{token}")) for _ in range(45)]
    assert statuses[:30] == [(200, 1)] * 30
    assert (429, -429) in statuses[30:]


async def test_over_the_rate_the_reply_says_when_to_come_back(wire: Wire) -> None:
    username, token = await credential(wire, calls_per_second=0.1)
    assert await status(wire, basic(f"{username}:{token}")) == (200, 1)
    reply = await wire.post("GetGroupList", auth=(username, token))
    assert (reply.status_code, reply.json()["StatusId"]) == (429, -429)
    assert 1 <= int(reply.headers["retry-after"]) <= 10


@pytest.mark.parametrize(
    ("scope", "allowed", "refused"),
    [
        ("audience:read", "GetGroupList", "CreateOrUpdateGroup"),
        ("audience:write", "CreateOrUpdateGroup", "GetGroupList"),
    ],
)
async def test_a_scope_covers_its_functions_only(wire: Wire, scope: str, allowed: str, refused: str) -> None:
    pair = await credential(wire, scopes=[scope])
    data = {"GroupName": "Scoped"}
    assert (await wire.post(allowed, data, auth=pair)).json()["StatusId"] == 1
    assert (await wire.refusal(refused, data, auth=pair))[:2] == (403, -403)
