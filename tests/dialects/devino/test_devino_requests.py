"""Who is authenticated, what is read of a request, and how it is refused."""

import base64
import json

import httpx
import pytest
from tests.dialects.devino.wire import BASE, LISTS, Wire

from carillon.dialects.devino.operations import OPERATIONS
from carillon.tenancy.accounts import AccountStatus, SetAccountStatus, set_account_status

CALLS = [(one.method, one.path) for one in OPERATIONS]


async def answer(wire: Wire, authorization: str | None, method: str = "GET", path: str = LISTS) -> httpx.Response:
    headers = {} if authorization is None else {"Authorization": authorization}
    return await wire.client.request(method, f"{BASE}{path}", headers=headers)


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_every_operation_wants_credentials(wire: Wire, method: str, path: str) -> None:
    reply = await answer(wire, None, method, path.removeprefix(BASE))
    assert (reply.status_code, reply.json()["reasons"][0]["key"]) == (401, "authorization.forbidden")
    assert reply.headers["www-authenticate"] == 'Key realm="Devino"'


@pytest.mark.parametrize(
    "given", ["", "Key", "Key ", "Key x", "Bearer {key}", "{key}", "Key {key}x", "Basic !", "Basic bm9jb2xvbg==",
     "Key " + "x" * 2000]
)  # fmt: skip
async def test_wrong_credentials_are_refused(wire: Wire, given: str) -> None:
    reply = await answer(wire, given.format(key=wire.key))
    assert (reply.status_code, reply.json()["reasons"][0]["ref"]) == (401, "authorization")


async def test_the_key_opens_by_either_scheme(wire: Wire) -> None:
    pair = base64.b64encode(f"me:{wire.key}".encode()).decode()
    for given in (f"Key {wire.key}", f"key  {wire.key} ", f"Basic {pair}"):
        assert (await answer(wire, given)).status_code == 200


async def test_another_dialects_key_is_refused(wire: Wire) -> None:
    key = await wire.credential(dialect="inwise")
    assert (await answer(wire, f"Key {key}")).status_code == 401


async def test_a_key_is_refused_from_a_network_that_is_not_its_own(wire: Wire) -> None:
    elsewhere = await wire.credential(allowed_networks=["198.51.100.0/24"])
    assert (await answer(wire, f"Key {elsewhere}")).status_code == 401
    here = await wire.credential(allowed_networks=["192.0.2.0/24"])
    assert (await answer(wire, f"Key {here}")).status_code == 200


@pytest.mark.parametrize("status", [AccountStatus.LOCKED, AccountStatus.NOT_ACTIVE])
async def test_a_closed_account_is_refused(wire: Wire, status: AccountStatus) -> None:
    await wire.runtime.db.run(set_account_status, wire.account.actor, SetAccountStatus(status=status))
    assert await wire.refusal("GET", LISTS) == (403, "company.forbidden")


async def test_a_scope_lets_into_its_operations_only(wire: Wire) -> None:
    reading = {"Authorization": f"Key {await wire.credential(scopes=['audience:read'])}"}
    writing = {"Authorization": f"Key {await wire.credential(scopes=['audience:write'])}"}
    assert (await wire.send("GET", LISTS, headers=reading)).status_code == 200
    assert await wire.refusal("POST", LISTS, {"name": "A"}, headers=reading) == (403, "authorization.forbidden")
    assert (await wire.send("POST", LISTS, {"name": "A"}, headers=writing)).status_code == 200
    assert await wire.refusal("GET", LISTS, headers=writing) == (403, "authorization.forbidden")


async def test_there_is_no_rate_but_the_credentials_own(wire: Wire) -> None:
    assert {(await wire.send("GET", LISTS)).status_code for _ in range(60)} == {200}
    slow = {"Authorization": f"Key {await wire.credential(calls_per_second=0.1)}"}
    assert (await wire.send("GET", LISTS, headers=slow)).status_code == 200
    reply = await wire.send("GET", LISTS, headers=slow)
    assert (reply.status_code, reply.json()["reasons"][0]["key"]) == (429, "calls.forbidden")
    assert 1 <= int(reply.headers["retry-after"]) <= 10


@pytest.mark.parametrize("content", [b"{", b"[]", b'"x"', b"1", b"\xff\xfe{}", b"{'name': 'x'}", b"[" * 100_000])
@pytest.mark.parametrize("path", [LISTS, "/contacts/batch"])
async def test_what_is_no_json_object_is_refused(wire: Wire, path: str, content: bytes) -> None:
    assert await wire.refusal("POST", path, content=content) == (400, "body.invalid")


@pytest.mark.parametrize("content", [b"", b" ", b"null", b"{}", b"\xef\xbb\xbf{}"])
async def test_an_empty_body_is_an_empty_object(wire: Wire, content: bytes) -> None:
    assert await wire.refusal("POST", LISTS, content=content) == (400, "name.must.be.not.null")


async def test_names_are_read_in_any_case_and_content_types_do_not_matter(wire: Wire) -> None:
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded", ""):
        content = json.dumps({"NAME": "G", "nothing": {"a": [1]}})
        headers = {"Authorization": f"Key {wire.key}", "Content-Type": kind}
        assert (await wire.send("POST", LISTS, content=content, headers=headers)).status_code == 200


async def test_a_body_that_is_too_large_is_refused(wire: Wire) -> None:
    assert await wire.refusal("POST", LISTS, {"name": "x" * 1024**2}) == (413, "body.length.too.long")


async def test_a_query_of_too_many_parameters_is_refused(wire: Wire) -> None:
    query = "&".join(f"a{number}=1" for number in range(2_000))
    assert await wire.refusal("GET", f"{LISTS}?{query}") == (400, "query.invalid")


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/contacts", "/contact-groups/1", "/Contact-groups"])
async def test_an_unknown_path_is_not_found(wire: Wire, path: str) -> None:
    assert await wire.refusal("GET", path) == (404, "path.unknown")


async def test_a_path_says_which_methods_it_takes(wire: Wire) -> None:
    reply = await wire.send("PATCH", LISTS)
    assert (reply.status_code, reply.json()["reasons"][0]["key"]) == (405, "method.invalid")
    assert reply.headers["allow"] == "DELETE, GET, POST"


async def test_other_paths_are_not_the_dialects(wire: Wire) -> None:
    reply = await wire.client.get("/address-books")
    assert (reply.status_code, reply.json()["error"]) == (404, "Not Found")
