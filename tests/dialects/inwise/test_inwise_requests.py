"""Who is authenticated, where the operations are, and what a request that is none gets."""

import json
from typing import Any

import pytest
from tests.dialects.inwise.wire import BASE, Wire, batch
from tests.support import OPERATOR, new_key

from carillon.db.database import Database
from carillon.tenancy.accounts import (
    AccountStatus,
    CreateAccount,
    OpenAccount,
    SetAccountStatus,
    create_account,
    open_account,
    set_account_status,
)
from carillon.tenancy.credentials import create_credential

CALLS = [("POST", "/contacts"), ("POST", "/contacts/batchInsert"), ("GET", "/contacts"), ("GET", "/contacts/7")]


async def made_key(wire: Wire, **more: Any) -> str:
    command = new_key(**{"dialect": "inwise", **more})
    made = await wire.runtime.db.run(create_credential, wire.account.actor, command, wire.runtime.secret_box)
    return made.parts["key"]


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize("headers", [{}, {"X-API-Key": ""}, {"X-API-Key": "nobody"}, {"X-API-Key": "k" * 2_000}])
async def test_without_a_good_key_nobody_is_authenticated(
    wire: Wire, method: str, path: str, headers: dict[str, str]
) -> None:
    status, message = await wire.refusal(method, path, headers=headers)
    assert (status, bool(message)) == (401, True)


async def test_a_wrong_secret_is_a_wrong_key(wire: Wire) -> None:
    wrong = wire.key[:-1] + ("a" if wire.key[-1] != "a" else "b")
    for key in (wrong, wire.key + "a", wire.key[:10], wire.key.swapcase()):
        assert (await wire.refusal("GET", "/contacts", headers={"X-API-Key": key}))[0] == 401
    reply = await wire.call("GET", "/contacts", headers={"X-API-Key": b"\xe9"})
    assert reply.status_code == 401
    assert "www-authenticate" in reply.headers


async def test_the_key_comes_before_the_body(wire: Wire) -> None:
    assert (await wire.refusal("POST", "/contacts", headers={}, content=b"{"))[0] == 401


async def test_white_space_around_the_key_does_not_count(wire: Wire) -> None:
    assert (await wire.call("GET", "/contacts", headers={"x-api-key": f" {wire.key} "})).status_code == 200


async def test_a_key_of_another_dialect_does_not_open_this_one(wire: Wire) -> None:
    key = await made_key(wire, dialect="devino")
    assert (await wire.refusal("GET", "/contacts", headers={"X-API-Key": key}))[0] == 401


async def test_an_address_that_is_not_on_the_list_is_not_authenticated(wire: Wire) -> None:
    key = await made_key(wire, allowed_networks=["198.51.100.0/24"])
    assert (await wire.refusal("GET", "/contacts", headers={"X-API-Key": key}))[0] == 401


async def test_scopes_are_asked_for(wire: Wire) -> None:
    reader, writer = await made_key(wire, scopes=["audience:read"]), await made_key(wire, scopes=["audience:write"])
    for method, path in CALLS:
        key = writer if method == "GET" else reader
        assert (await wire.refusal(method, path, headers={"X-API-Key": key}))[0] == 403
    saved = await wire.call("POST", "/contacts", headers={"X-API-Key": writer}, json={"email": "a@example.com"})
    assert saved.status_code == 200
    assert len(await wire.feed(reader)) == 1


async def test_a_locked_account_is_forbidden(wire: Wire) -> None:
    command = SetAccountStatus(status=AccountStatus.LOCKED)
    await wire.runtime.db.run(set_account_status, wire.account.actor, command)
    assert (await wire.refusal("GET", "/contacts"))[0] == 403


async def test_there_is_no_rate_but_the_keys_own(wire: Wire) -> None:
    for _ in range(60):
        assert (await wire.call("GET", "/contacts")).status_code == 200
    key = await made_key(wire, calls_per_second=1)
    replies = [await wire.call("GET", "/contacts", headers={"X-API-Key": key}) for _ in range(5)]
    assert replies[-1].status_code == 429
    assert int(replies[-1].headers["retry-after"]) >= 1
    assert replies[-1].json()["code"] == 429


@pytest.mark.parametrize("prefix", ["", BASE, BASE.upper()])
@pytest.mark.parametrize("slash", ["", "/"])
async def test_paths_go_without_the_prefix_in_any_case_and_with_a_slash(wire: Wire, prefix: str, slash: str) -> None:
    head = {"X-API-Key": wire.key}
    for name, word in (("one", "contacts"), ("two", "Contacts")):
        url = f"{prefix}/{word}"
        saved = await wire.client.post(url + slash, headers=head, json={"email": f"{name}@example.com"})
        assert saved.status_code == 200, saved.text
        shown = await wire.client.get(f"{url}/{saved.json()['id']}{slash}", headers=head)
        assert shown.status_code == 200, shown.text
        assert len((await wire.client.get(url + slash, headers=head)).json()) == 1
        body = batch("E\nx@example.com", {"E": "[Email]"})
        for action in ("batchInsert", "batchinsert"):
            assert (await wire.client.post(f"{url}/{action}{slash}", headers=head, json=body)).status_code == 200
        await wire.feed()


@pytest.mark.parametrize("path", ["", "/", "/groups", "/contacts/7/groups", "/contacts//7"])
async def test_an_unknown_path_is_not_found_in_the_vendors_words(wire: Wire, path: str) -> None:
    assert (await wire.refusal("GET", path))[0] == 404


async def test_paths_that_only_look_alike_are_not_ours(wire: Wire) -> None:
    for path in ("/contactsx", "/rest/v1x/contacts", "/rest/v2/contacts"):
        reply = await wire.client.get(path, headers={"X-API-Key": wire.key})
        assert reply.status_code == 404
        assert "code" not in reply.json()


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/contacts", {"GET", "POST"}),
        ("GET", "/contacts/batchInsert", {"POST"}),
        ("DELETE", "/contacts/7", {"GET"}),
    ],
)
async def test_a_method_that_a_path_lacks_is_refused(wire: Wire, method: str, path: str, allowed: set[str]) -> None:
    reply = await wire.call(method, path)
    assert (reply.status_code, reply.json()["code"]) == (405, 405)
    assert set(reply.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b"7", b'"x"', b"\xff\xfe", b'{"email":"\\ud800"}', b"[" * 100_000, b'{"a":' * 100_000, b'{"id":NaN}'],
    ids=range(9),
)
@pytest.mark.parametrize("path", ["/contacts", "/contacts/batchInsert"])
async def test_a_body_that_is_no_object_is_refused(wire: Wire, path: str, content: bytes) -> None:
    status, message = await wire.refusal("POST", path, content=content)
    assert status == 422
    assert message


@pytest.mark.parametrize("path", ["/contacts", "/contacts/batchInsert"])
async def test_an_empty_body_lacks_what_is_required(wire: Wire, path: str) -> None:
    for content in (b"", b"{}", b"null", b"\xef\xbb\xbf {} "):
        assert (await wire.refusal("POST", path, content=content))[0] == 422


async def test_a_body_that_is_too_large_is_refused(wire: Wire) -> None:
    content = json.dumps({"email": "a@example.com", "x": "y" * 4 * 1024**2})
    assert (await wire.refusal("POST", "/contacts", content=content))[0] == 413


async def test_what_is_another_accounts_is_not_there(wire: Wire, db: Database) -> None:
    made = await db.run(create_account, OPERATOR, CreateAccount(name="Other", country="IL"))
    actor = await db.read(open_account, OPERATOR, OpenAccount(account_id=made.account.account_id))
    command = new_key("inwise")
    other = (await db.run(create_credential, actor, command, wire.runtime.secret_box)).parts["key"]
    contact_id, group = await wire.save(email="mine@example.com"), await wire.group("Mine")
    head = {"X-API-Key": other}
    assert (await wire.refusal("GET", f"/contacts/{contact_id}", headers=head))[0] == 404
    assert (await wire.refusal("POST", "/contacts", headers=head, json={"id": contact_id, "email": "x@example.com"}))[
        0
    ] == 404
    joining = {"email": "x@example.com", "add_to_groups_ids": [group]}
    assert (await wire.refusal("POST", "/contacts", headers=head, json=joining))[0] == 422
    body = batch("E\nx@example.com", {"E": "[Email]"}, group_id=group)
    assert (await wire.refusal("POST", "/contacts/batchInsert", headers=head, json=body))[0] == 422
    assert await wire.feed(other) == []
