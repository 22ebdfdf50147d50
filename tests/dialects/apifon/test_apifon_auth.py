"""Who calls: signatures, tokens, scopes."""

import base64
import hashlib
import re
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime

import httpx
import pytest
from tests.dialects.apifon.wire import BLOCKS, HOST, JSON, Wire
from tests.support import body_of

from carillon.app import create_app
from carillon.dialects.apifon.auth import VENDOR_SCOPES, authenticate
from carillon.dialects.apifon.oauth import LIFETIME
from carillon.dialects.apifon.operations import OPERATIONS
from carillon.dialects.contract import Services
from carillon.dialects.rest import Operation
from carillon.errors import AddressNotAllowedError, BadCredentialsError
from carillon.http.request import Request
from carillon.settings import Settings
from carillon.tenancy.accounts import (
    AccountStatus,
    AdvanceClock,
    SetAccountStatus,
    advance_clock,
    set_account_status,
)
from carillon.tenancy.signed_calls import delete_signed_calls


async def bearer(
    wire: Wire, token: str, method: str = "GET", path: str = BLOCKS, content: bytes = b""
) -> httpx.Response:
    headers = {**JSON, "Authorization": f"Bearer {token}"}
    return await wire.client.request(method, path, headers=headers, content=content)


@pytest.mark.parametrize(
    ("secret", "method", "path", "body", "expected"),
    [
        ("topsecret", "GET", "/services/api/v1/list/", "", "Se5E5JvSC78uei9heKSygIUNMuyF/Y7GsKUALFh3aB0="),
        ("topsecret", "POST", "/services/api/v1/balance", "", "GN2cX0ZCZhgQWHUIz0H/3vnJcTpUOI0/n5n3lcIGhaA="),
    ],
)
def test_our_client_signs_as_the_vendors_clients_do(
    secret: str, method: str, path: str, body: str, expected: str
) -> None:
    wire = Wire.__new__(Wire)
    object.__setattr__(wire, "parts", {"secret": secret})
    assert wire.signature(method, path, body.encode(), "Mon, 01 Jan 2024 00:00:00 GMT") == expected


@pytest.mark.parametrize(
    "path", [BLOCKS, f"{BLOCKS}/", f"{BLOCKS}?", "/services/bounce/subscriber", "/services/bounce/subscriber/"]
)
async def test_paths_are_served_with_and_without_a_slash_and_under_both_bases(wire: Wire, path: str) -> None:
    assert (await wire.ok("GET", path))["meta"]["total"] == 0


async def test_a_body_is_signed_as_it_was_sent(wire: Wire) -> None:
    body = '{ "destination" : "306912345678", "reason": "other", "description": "Γιάννης" }'.encode()
    assert (await wire.call("POST", f"{BLOCKS}/block", body)).status_code == 201


@pytest.mark.parametrize("zone", ["+0000", "-0000", "GMT", "Z", "UTC"])
async def test_a_space_after_the_colon_and_any_spelling_of_the_date_are_taken(wire: Wire, zone: str) -> None:
    date = format_datetime(wire.clock.now()).replace("+0000", zone)
    signed = wire.signature("GET", BLOCKS, b"", date)
    headers = {"Authorization": f"ApifonWS {wire.parts['token']}: {signed}"}
    assert (await wire.call("GET", BLOCKS, headers=headers, date=date)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "Basic YTpi"},
        {"Authorization": "ApifonWS"},
        {"Authorization": "ApifonWS nobody:abc"},
        {"Authorization": "ApifonWS nobody:AAAA"},
        {"Authorization": "ApifonWS " + "x" * 2000},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer 1-nonsense"},
        {"X-ApifonWS-Date": ""},
        {"X-ApifonWS-Date": "yesterday"},
        {"X-ApifonWS-Date": "Mon, 01 Jan 99999999999 00:00:00 GMT"},
        {"X-ApifonWS-Date": "Mon, 01 Jan 2024 00:00:00 +99999999999999"},
    ],
)
async def test_who_is_not_authenticated_learns_nothing_but_that(wire: Wire, headers: dict[str, str]) -> None:
    assert await wire.refusal("GET", BLOCKS, headers=headers) == (401, {})
    reply = await wire.call("GET", BLOCKS, headers=headers)
    assert reply.json()["title"] == "Unauthorized"
    assert "invalid_token" in reply.headers["www-authenticate"]


@pytest.mark.parametrize(("key", "address"), [("nobody", "198.51.100.7"), ("", "203.0.113.5"), ("", "unix:")])
async def test_no_body_is_read_of_a_caller_without_a_key_or_from_elsewhere(wire: Wire, key: str, address: str) -> None:
    near = await wire.limited(allowed_networks=["198.51.100.0/24"])
    services = Services(db=wire.runtime.db, authenticator=wire.runtime.authenticator, box=wire.runtime.secret_box)

    def signed(key_name: str, remote_address: str) -> Request:
        return Request(
            method="POST",
            path=BLOCKS,
            headers={
                "authorization": f"ApifonWS {key_name}:{base64.b64encode(bytes(32)).decode()}",
                "x-apifonws-date": format_datetime(wire.clock.now(), usegmt=True),
            },
            body=body_of(b"[" * 300_000),
            remote_address=remote_address,
            request_id="r",
            report_id="r",
        )

    request = signed(key or near.parts["token"], address)
    for _ in range(2):  # what is cached says the same
        with pytest.raises(BadCredentialsError if key else AddressNotAllowedError):
            await authenticate(services, request)
    assert request.body.content == b""
    known = signed(near.parts["token"], "198.51.100.7")
    with pytest.raises(BadCredentialsError):
        await authenticate(services, known)
    assert len(known.body.content) == 300_000  # it may be what was signed


async def test_a_signature_of_another_request_is_refused(wire: Wire) -> None:
    date = format_datetime(wire.clock.now(), usegmt=True)
    signed = wire.signature("GET", f"{BLOCKS}/", b"", date)
    headers = {"Authorization": f"ApifonWS {wire.parts['token']}:{signed}"}
    assert await wire.refusal("GET", BLOCKS, headers=headers, date=date) == (401, {})


async def is_authenticated(wire: Wire, *seconds: int) -> list[bool]:
    """Whether dates so far ahead of the server's clock are taken; negative ones are behind it."""
    dates = [wire.clock.now() + timedelta(seconds=one) for one in seconds]
    replies = [await wire.call("GET", BLOCKS, date=format_datetime(date, usegmt=True)) for date in dates]
    assert {reply.status_code for reply in replies} <= {200, 401}
    return [reply.status_code == 200 for reply in replies]


async def test_a_signature_outside_the_clocks_tolerance_is_refused(wire: Wire) -> None:
    assert await is_authenticated(wire, -90_000, -90_001) == [True, False]
    assert await is_authenticated(wire, 5_400, 5_401) == [True, False]


@pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(hours=-1)], ids=["a day forward", "an hour back"])
async def test_clients_are_authenticated_though_the_servers_clock_has_jumped(wire: Wire, jump: timedelta) -> None:
    moment = wire.clock.moment
    for number in range(3):
        right = format_datetime(moment + timedelta(seconds=number), usegmt=True)
        wire.clock.moment = moment + timedelta(seconds=number) + (jump if number else timedelta())
        sent = ("POST", f"{BLOCKS}/block", blocking(f"30691234567{number}"), right)
        assert await status_of_copy(wire, *sent) == 201


async def test_the_clocks_tolerance_is_a_setting(wire: Wire) -> None:
    strict = Settings(data_dir=wire.runtime.settings.data_dir, signature_age_seconds=60)
    app = create_app(replace(wire.runtime, settings=strict))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HOST) as client:
        there = replace(wire, client=client)
        assert await is_authenticated(there, -60, -61) == [True, False]


def blocking(destination: str) -> dict[str, str]:
    return {"destination": destination, "reason": "other"}


async def status_of_copy(wire: Wire, method: str, path: str, data: object, date: str) -> int:
    """Send a request as it was sent before, and give the status."""
    return (await wire.call(method, path, data, date=date)).status_code


async def test_a_signed_call_that_changes_something_is_refused_when_it_comes_again_later(wire: Wire) -> None:
    date = format_datetime(wire.clock.now(), usegmt=True)
    sent = ("POST", f"{BLOCKS}/block", blocking("306912345678"), date)
    assert [await status_of_copy(wire, *sent) for _ in range(2)] == [201, 201]  # twice within a second
    wire.clock.moment += timedelta(minutes=1)
    assert await status_of_copy(wire, *sent) == 201  # a client's retry
    wire.clock.moment += timedelta(seconds=1)
    assert await wire.refusal(*sent[:3], date=date) == (401, {})
    assert (await wire.call(*sent[:3])).status_code == 201  # signed anew
    assert (await wire.call("POST", f"{BLOCKS}/block", blocking("306912345679"), date=date)).status_code == 201


async def test_what_is_added_to_the_query_is_no_other_call(wire: Wire) -> None:
    date = format_datetime(wire.clock.now(), usegmt=True)
    made = await wire.made_list()
    digest = hashlib.md5(b"306912345678", usedforsecurity=False).hexdigest()
    await wire.ok("POST", f"{made}/subscriber", {"destination": "306912345678", "status": "SUBSCRIBED"}, 201)
    archiving = f"{made}/subscriber/{digest}"
    assert await status_of_copy(wire, "DELETE", archiving, None, date) == 204
    wire.clock.moment += timedelta(minutes=2)
    assert await status_of_copy(wire, "DELETE", f"{archiving}?permanent=true", None, date) == 401


async def test_queries_by_post_may_come_again(wire: Wire) -> None:
    date = format_datetime(wire.clock.now(), usegmt=True)
    for _ in range(3):
        assert await status_of_copy(wire, "POST", f"{BLOCKS}/query", {"conditions": []}, date) == 200
        wire.clock.moment += timedelta(hours=1)
    async with wire.runtime.db.transaction() as tx:
        assert not await tx.fetchval("SELECT count(*) FROM signed_call WHERE account_id = $1", wire.account.account_id)


async def test_a_call_that_was_not_admitted_is_not_remembered(wire: Wire) -> None:
    date = format_datetime(wire.clock.now(), usegmt=True)
    slow = await wire.limited(calls_per_second=1.0)
    first, second = [("POST", f"{BLOCKS}/block", blocking(one), date) for one in ("306912345678", "306912345679")]
    assert [await status_of_copy(slow, *one) for one in (first, second)] == [201, 429]
    async with wire.runtime.db.transaction() as tx:
        known = await tx.fetchval("SELECT count(*) FROM signed_call WHERE account_id = $1", wire.account.account_id)
    assert known == 1


async def test_a_signature_is_held_against_the_real_time(wire: Wire) -> None:
    date = format_datetime(wire.clock.now(), usegmt=True)
    sent = ("POST", f"{BLOCKS}/block", blocking("306912345678"), date)
    assert await status_of_copy(wire, *sent) == 201
    await wire.runtime.db.run(advance_clock, wire.account.actor, AdvanceClock(by=timedelta(days=30)))
    assert await status_of_copy(wire, *sent) == 201


async def test_signatures_are_deleted_when_their_dates_are_too_old(wire: Wire) -> None:
    date = format_datetime(wire.clock.now(), usegmt=True)
    sent = ("POST", f"{BLOCKS}/block", blocking("306912345678"), date)
    assert await status_of_copy(wire, *sent) == 201

    async def remembered() -> int:
        async with wire.runtime.db.transaction() as tx:
            statement = "SELECT count(*) FROM signed_call WHERE account_id = $1"
            return int(await tx.fetchval(statement, wire.account.account_id))

    wire.clock.moment += timedelta(seconds=89_999)
    await delete_signed_calls(wire.runtime.db)
    assert (await remembered(), await status_of_copy(wire, *sent)) == (1, 401)
    wire.clock.moment += timedelta(seconds=2)
    await delete_signed_calls(wire.runtime.db)
    assert (await remembered(), await status_of_copy(wire, *sent)) == (0, 401)


async def test_a_token_is_given_as_the_sdk_asks_for_it(wire: Wire) -> None:
    reply = await wire.token()
    body = reply.json()
    assert reply.status_code == 200
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 3600, " ".join(VENDOR_SCOPES))
    assert reply.headers["cache-control"] == "no-store"
    assert (await bearer(wire, body["access_token"])).status_code == 200


async def test_a_token_is_given_to_forms_json_and_basic_headers(wire: Wire) -> None:
    name, secret = wire.parts["client_id"], wire.parts["client_secret"]
    pair = {"client_id": name, "client_secret": secret, "grant_type": "client_credentials"}
    basic = base64.b64encode(f"{name}:{secret}".encode()).decode()
    for reply in (
        await wire.client.post("/oauth2/token", data=pair),
        await wire.client.post("/oauth2/token/", json=pair),
        await wire.client.post("/oauth2/token", headers={"Authorization": f"Basic {basic}"}),
    ):
        assert reply.status_code == 200, reply.text
        assert (await bearer(wire, reply.json()["access_token"])).status_code == 200


@pytest.mark.parametrize("name", ["scope", "scopes"])
async def test_a_token_has_the_scopes_that_were_asked_for(wire: Wire, name: str) -> None:
    given = (await wire.token(**{"scope": "", name: "readSubscriber readList"})).json()
    assert given["scope"] == "readList readSubscriber"
    token = given["access_token"]
    assert (await bearer(wire, token)).status_code == 200
    body = b'{"destination":"306912345678","reason":"other"}'
    refused = await bearer(wire, token, "POST", f"{BLOCKS}/block", body)
    assert (refused.status_code, refused.json()["title"]) == (403, "Forbidden")
    assert "writeSubscriber" in refused.json()["error_details"]["request"]


async def test_a_limited_credential_gets_no_wider_token(wire: Wire) -> None:
    limited = await wire.limited(scopes=["audience:read"])
    assert (await limited.token()).json()["scope"] == "readList readSubscriber"
    refused = await limited.token(scope="writeList")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")
    assert (await limited.refusal("POST", f"{BLOCKS}/block", {"destination": "x", "reason": "other"}))[0] == 403
    assert (await limited.call("GET", BLOCKS)).status_code == 200


@pytest.mark.parametrize(
    ("asked", "status", "name"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_id": ""}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"scope": "everything"}, 400, "invalid_scope"),
    ],
)
async def test_a_token_that_is_refused_is_an_oauth_error(
    wire: Wire, asked: dict[str, str], status: int, name: str
) -> None:
    reply = await wire.token(**asked)
    assert (reply.status_code, reply.json()["error"]) == (status, name)
    assert reply.json()["error_description"]


async def test_parameters_that_cannot_be_read_are_an_oauth_error(wire: Wire) -> None:
    for content in (b"{", b'{"client_id": {}}', b"[1]"):
        reply = await wire.client.post("/oauth2/token", content=content, headers=JSON)
        assert reply.status_code in {400, 401}
        assert reply.json()["error"] in {"invalid_request", "invalid_client"}


async def test_a_token_ends_when_it_expires_and_when_it_is_revoked(wire: Wire) -> None:
    first, second = [(await wire.token()).json()["access_token"] for _ in range(2)]
    asked = {**{name: wire.parts[name] for name in ("client_id", "client_secret")}, "token": first}
    ended = await wire.client.post("/oauth2/revoke", params={**asked, "token_type_hint": "access_token"})
    assert ended.status_code == 200
    assert [(await bearer(wire, token)).status_code for token in (first, second)] == [401, 200]
    assert (await wire.client.post("/oauth2/revoke", params=asked)).status_code == 200
    wire.clock.moment += LIFETIME
    assert (await bearer(wire, second)).status_code == 401


async def test_an_address_that_is_not_allowed_and_a_closed_account_are_401(wire: Wire) -> None:
    elsewhere = await wire.limited(allowed_networks=["198.51.100.0/24"])
    assert await elsewhere.refusal("GET", BLOCKS) == (401, {})
    closing = SetAccountStatus(status=AccountStatus.LOCKED)
    await wire.runtime.db.run(set_account_status, wire.account.actor, closing)
    assert await wire.refusal("GET", BLOCKS) == (401, {})


async def test_a_rate_that_is_exceeded_is_429_with_retry_after(wire: Wire) -> None:
    slow = await wire.limited(calls_per_second=1.0)
    assert (await slow.call("GET", BLOCKS)).status_code == 200
    reply = await slow.call("GET", BLOCKS)
    assert (reply.status_code, reply.json()["title"]) == (429, "Too Many Requests")
    assert int(reply.headers["retry-after"]) >= 1


# As the reference lists them, "OAuth2 Scopes Required", by the operations' titles.
SCOPES = {
    "readList": ("Get Lists", "Get List", "Get Group", "Get Subgroup"),
    "writeList": (
        *("Add List", "Update List", "Add Subscriber field", "Update Subscriber field", "Add GDPR field"),
        *("Update GDPR field", "Add Group", "Update Group", "Add Subgroup", "Add Subgroups", "Update Subgroup"),
    ),
    "writeList writeSubscriber": ("Remove List", "Remove Subscriber field", "Remove Group", "Remove Subgroup"),
    "readSubscriber": (
        *("Get Subscribers", "Get Subscriber", "Query Subscribers"),
        *("Get blocked subscribers", "Get blocked subscriber by destination", "Query blocked subscribers"),
    ),
    "writeSubscriber": (
        *("Add Subscriber", "Add Subscribers", "Update Subscriber", "Remove Subscriber", "Subscribe Subscriber"),
        *("Unsubscribe Subscriber", "Add blocked subscriber", "Remove blocked subscriber"),
    ),
    "smsGateway": ("Send SMS", "Delete Scheduled SMS"),
    "imGateway": ("IM Request", "IM File Request", "Delete Scheduled IM"),
    "accountInfo": ("Balance",),
    "otpGateway": (
        *("OTP Request", "OTP Verification", "OTP Verification without a password"),
        "OTP Verification without a reference",
    ),
}
# Where the SMS endpoints and otp/create say 403, too; verifications have no title.
WRONG_PARAMETERS = "Request validation Error(s)"
REQUIRED = {title: scopes.split() for scopes, titles in SCOPES.items() for title in titles}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.title)
async def test_an_operation_asks_for_each_scope_that_the_reference_lists_and_no_other(
    wire: Wire, operation: Operation
) -> None:
    path = re.sub("{[^}]+}", "1", operation.path)
    required = REQUIRED[operation.title]
    for missing in required:
        others = " ".join(one for one in VENDOR_SCOPES if one != missing)
        token = (await wire.token(scope=others)).json()["access_token"]
        assert (await bearer(wire, token, operation.method, path)).status_code == 403
    token = (await wire.token(scope=" ".join(required))).json()["access_token"]
    reply = await bearer(wire, token, operation.method, path)
    assert reply.status_code in {200, 400, 404} or reply.json().get("title", WRONG_PARAMETERS) == WRONG_PARAMETERS


def test_every_operation_is_there() -> None:
    assert {one.title for one in OPERATIONS} == set(REQUIRED)
