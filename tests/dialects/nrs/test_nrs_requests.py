"""Authentication, what is read of a request, and how it is refused."""

import base64
import json

import httpx
import pytest
from tests.dialects.nrs.wire import BASE, Wire

from carillon.dialects.nrs.operations import OPERATIONS
from carillon.tenancy.accounts import AccountStatus, SetAccountStatus, set_account_status

UNKNOWN = (401, 103, "Username or password unknown")
NOT_ALLOWED = (401, 112, "IP address not allowed")
CALLS = [(one.method, one.path.replace("{id}", "1").replace("{type}", "sms")) for one in OPERATIONS]


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


async def answer(
    wire: Wire, authorization: str | None, method: str = "GET", path: str = f"{BASE}/account"
) -> httpx.Response:
    headers = {} if authorization is None else {"Authorization": authorization}
    return await wire.client.request(method, path, headers=headers)


@pytest.mark.parametrize(("method", "path"), CALLS)
async def test_every_operation_wants_credentials(wire: Wire, method: str, path: str) -> None:
    reply = await answer(wire, None, method, path)
    assert (reply.status_code, reply.json()["error"]) == (401, {"code": 103, "description": UNKNOWN[2]})
    assert reply.headers["www-authenticate"] == 'Basic realm="360NRS", charset="UTF-8"'


async def test_bad_credentials_are_unknown(wire: Wire) -> None:
    for header in (
        basic(f"{wire.username}:wrong"),
        basic(f"nobody:{wire.password}"),
        basic(f"{wire.username}:"),
        basic("no colon"),
        basic("a\0b:c"),
        basic("é:é"),
        "Basic",
        "Basic !!!",
        "Basic /w==",
        f"Bearer {wire.password}",
        basic(f"{'x' * 20_000}:{'y' * 20_000}"),
    ):
        reply = await answer(wire, header)
        assert (reply.status_code, reply.json()["error"]["code"]) == UNKNOWN[:2]


async def test_the_schemes_case_does_not_matter(wire: Wire) -> None:
    header = basic(f"{wire.username}:{wire.password}")
    assert (await answer(wire, header.replace("Basic", "bASIC "))).status_code == 200


async def test_an_address_that_is_not_on_the_list_is_told_so(wire: Wire) -> None:
    # The client of these tests calls from 192.0.2.10.
    near = await wire.credential(allowed_networks=["192.0.2.0/24"])
    far = await wire.credential(allowed_networks=["198.51.100.0/24"])
    assert (await wire.send("GET", "/account", auth=near)).status_code == 200
    assert await wire.refusal("GET", "/account", auth=far) == NOT_ALLOWED
    assert await wire.refusal("GET", "/account", auth=(far[0], "wrong")) == UNKNOWN


async def test_a_credential_of_another_dialect_does_not_authenticate(wire: Wire) -> None:
    other = await wire.credential(dialect="inforu")
    assert await wire.refusal("GET", "/account", auth=other) == UNKNOWN


@pytest.mark.parametrize("state", [AccountStatus.NOT_ACTIVE, AccountStatus.LOCKED])
async def test_a_closed_account_is_forbidden(wire: Wire, state: AccountStatus) -> None:
    await wire.runtime.db.run(set_account_status, wire.account.actor, SetAccountStatus(status=state))
    assert (await wire.refusal("GET", "/account"))[:2] == (403, 403)


@pytest.mark.parametrize(
    ("scope", "allowed", "refused"), [("audience:read", "GET", "POST"), ("audience:write", "POST", "GET")]
)
async def test_a_scope_covers_its_operations_only(wire: Wire, scope: str, allowed: str, refused: str) -> None:
    pair = await wire.credential(scopes=[scope])
    body = {"name": "Scoped"}
    assert (await wire.send(allowed, "/groups", body, auth=pair)).status_code < 300
    assert (await wire.refusal(refused, "/groups", body, auth=pair))[:2] == (403, 403)


async def test_a_credential_may_have_a_rate_of_its_own(wire: Wire) -> None:
    slow = await wire.credential(calls_per_second=0.1)
    assert (await wire.send("GET", "/account", auth=slow)).status_code == 200
    reply = await wire.send("GET", "/account", auth=slow)
    assert (reply.status_code, reply.json()["error"]["code"]) == (429, 429)
    assert 1 <= int(reply.headers["retry-after"]) <= 10


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'"x"', b"1", b"\xff\xfe{}", b"{'name': 'x'}", b"[" * 100_000, b'{"name":"a"} x']
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/groups"), ("PUT", "/contacts/1"), ("DELETE", "/v2/blacklist/sms")]
)
async def test_what_is_no_json_object_is_invalid_json(wire: Wire, method: str, path: str, content: bytes) -> None:
    assert await wire.refusal(method, path, content=content) == (400, 125, "Invalid JSON")


async def test_the_lowest_code_is_told_first(wire: Wire) -> None:
    assert await wire.refusal("POST", "/groups", content=b"{", auth=("nobody", "x")) == UNKNOWN
    assert (await wire.refusal("POST", "/contacts", {"email": "nobody"}, auth=("nobody", "x"))) == UNKNOWN
    assert (await wire.refusal("PUT", "/groups/4000000", content=b"{"))[1] == 125


@pytest.mark.parametrize("content", [b"", b" ", b"null", b"{}", b"\xef\xbb\xbf{}"])
async def test_an_empty_body_is_an_empty_object(wire: Wire, content: bytes) -> None:
    assert await wire.refusal("POST", "/groups", content=content) == (422, 422, "The name field is required.")


async def test_names_are_read_in_any_case_and_content_types_do_not_matter(wire: Wire) -> None:
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded", ""):
        content = json.dumps({"NAME": "G", "nothing": {"a": [1]}})
        reply = await wire.send("POST", "/groups", content=content, headers={"Content-Type": kind})
        assert reply.status_code == 201


async def test_numbers_may_be_texts_and_what_has_only_digits_a_number(wire: Wire) -> None:
    group = await wire.group("G")
    contact = await wire.add(phone=34612000111, landline=910000222, countryIso="ES", groupsIds=[str(group)])
    shown = await wire.show(contact["id"])
    assert (shown["phone"], shown["landline"]) == ("34612000111", "910000222")
    assert [one["name"] for one in shown["groups"]["data"]] == ["G", "Everybody"]
    put = await wire.send("PUT", "/v2/blacklist/sms", {"recipient": 34612000111})
    assert put.json()["data"]["recipient"] == "34612000111"


async def test_a_list_may_be_as_php_writes_one_that_has_lost_items(wire: Wire) -> None:
    field = {"key": "k", "value": "v"}
    contact = await wire.add(email="x@example.org", groupsNames={"0": "A", "2": "B"}, customFields={"1": field})
    shown = await wire.show(contact["id"])
    assert [one["name"] for one in shown["groups"]["data"]] == ["A", "B"]
    assert [one["key"] for one in shown["customFields"]["data"]] == ["k"]


async def test_a_body_that_is_too_large_is_refused(wire: Wire) -> None:
    assert (await wire.refusal("POST", "/groups", {"name": "x" * 1024**2}))[:2] == (413, 413)


async def test_a_query_of_too_many_parameters_is_refused(wire: Wire) -> None:
    query = "&".join(f"a{number}=1" for number in range(2_000))
    assert (await wire.refusal("GET", f"/contacts?{query}"))[:2] == (422, 422)


@pytest.mark.parametrize(
    "path", ["", "/", "/nothing", "/contacts/1/2", "/v2", "/v2/blacklist", "/blacklist/sms", "/Contacts"]
)
async def test_an_unknown_path_is_not_found(wire: Wire, path: str) -> None:
    assert (await wire.refusal("GET", path))[:2] == (404, 404)


async def test_a_path_says_which_methods_it_takes(wire: Wire) -> None:
    reply = await wire.send("PATCH", "/contacts/1")
    assert (reply.status_code, reply.json()["error"]["code"]) == (405, 405)
    assert reply.headers["allow"] == "DELETE, GET, PUT"


async def test_a_slash_at_the_end_does_not_matter(wire: Wire) -> None:
    assert (await wire.get("/groups/"))["data"] == []


async def test_other_paths_are_not_the_dialects(wire: Wire) -> None:
    reply = await wire.client.get("/apirest/contacts")
    assert reply.status_code == 404
    assert reply.json()["error"] == "Not Found"


async def test_the_account_is_shown(wire: Wire) -> None:
    assert await wire.get("/account") == {
        "username": wire.username,
        "email": None,
        "timezone": "Asia/Jerusalem",
        "language": "en",
        "balance": 0.0,
        "createdAt": "2025-03-09T10:30:00+00:00",
        "country": "IL",
        "currency": "ILS",
    }
