"""A credential that was bound to an audience reaches no other one, in the dialects that show audiences as lists too."""

from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest
from tests.dialects.apifon.wire import BLOCKS, LISTS
from tests.dialects.apifon.wire import Wire as ApifonWire
from tests.dialects.devino.wire import Wire as DevinoWire
from tests.support import Tenant, new_key

from carillon.audience.audiences import CreateAudience, create_audience
from carillon.dialects.apifon.mapping import show_id
from carillon.kit.clock import FixedClock
from carillon.runtime import Runtime
from carillon.tenancy.credentials import create_credential


@dataclass(frozen=True, slots=True, kw_only=True)
class Lists:
    """An account with two lists beside the default one, and clients that are bound to the first of them."""

    apifon: ApifonWire
    devino: DevinoWire
    default: int
    own: int
    other: int


@pytest.fixture
async def lists(runtime: Runtime, client: httpx.AsyncClient, clock: FixedClock, account: Tenant) -> Lists:
    made = [
        await runtime.db.run(create_audience, account.actor, CreateAudience(name=name, country="GR"))
        for name in ("Athens", "Patras")
    ]
    own, other = (one.audience_id for one in made)
    apifon, devino = [
        (await runtime.db.run(create_credential, account.actor, command, runtime.secret_box)).parts
        for command in (new_key("apifon", audience_id=own), new_key("devino", audience_id=own))
    ]
    base: dict[str, Any] = {"client": client, "runtime": runtime, "clock": clock, "account": account}
    return Lists(
        apifon=ApifonWire(**base, parts=apifon),
        devino=DevinoWire(**base, key=devino["key"]),
        default=account.audience_id,
        own=own,
        other=other,
    )


async def test_apifon_lists_it_alone(lists: Lists) -> None:
    for query in ("", "?page=1&size=50&sort=title"):
        shown = await lists.apifon.ok("GET", f"{LISTS}{query}")
        assert [one["id"] for one in shown["results"]] == [show_id(lists.own)]
        assert shown["meta"]["total"] == 1


async def test_apifon_knows_no_other_list(lists: Lists) -> None:
    digest = "0" * 32
    calls: list[tuple[str, str, Any]] = [
        ("GET", "", None),
        ("PUT", "", {"title": "Ours", "type": "ADVANCED", "prefix": "+30"}),
        ("DELETE", "", None),
        ("POST", "/field", {"name": "Table", "type": "TEXT", "length": 20}),
        ("POST", "/gdpr", {"name": "Offers"}),
        ("POST", "/group", {"name": "Food", "type": "GROUP", "selectionType": "SINGLE"}),
        ("GET", "/subscriber", None),
        ("POST", "/subscriber", {"destination": "+306912345678", "status": "SUBSCRIBED"}),
        ("POST", "/subscriber/bulk", {"subscribers": [{"destination": "+306912345678"}]}),
        ("POST", "/subscriber/query", {"conditions": []}),
        ("GET", f"/subscriber/{digest}", None),
        ("PUT", f"/subscriber/{digest}", {"email": "a@mail.example"}),
        ("DELETE", f"/subscriber/{digest}", None),
        ("POST", f"/subscriber/{digest}/subscribe", None),
        ("POST", f"/subscriber/{digest}/unsubscribe", None),
    ]
    for audience_id in (lists.default, lists.other):
        for method, path, data in calls:
            place = f"{LISTS}/{show_id(audience_id)}{path}"
            status, details = await lists.apifon.refusal(method, place, data)
            assert (status, list(details)) == (404, ["list"]), (method, path)


async def test_apifon_works_in_it(lists: Lists) -> None:
    place = f"{LISTS}/{show_id(lists.own)}"
    await lists.apifon.ok("POST", f"{place}/subscriber", {"destination": "+306912345678", "status": "SUBSCRIBED"}, 201)
    assert (await lists.apifon.ok("GET", f"{place}/subscriber"))["meta"]["total"] == 1


async def test_apifon_neither_makes_nor_removes_lists(lists: Lists) -> None:
    asked = {"title": "Guests", "type": "ADVANCED", "prefix": "+30"}
    tag = (await lists.apifon.call("GET", f"{LISTS}/{show_id(lists.own)}")).headers["etag"]
    for method, path, data, headers in (
        ("POST", LISTS, asked, {}),
        ("DELETE", f"{LISTS}/{show_id(lists.own)}", None, {}),
        ("DELETE", f"{LISTS}/{show_id(lists.own)}", None, {"If-Match": tag}),
    ):
        status, details = await lists.apifon.refusal(method, path, data, headers=headers)
        assert (status, f"audience {lists.own} only" in details["request"]) == (403, True)


async def test_a_token_of_it_is_confined_too(lists: Lists) -> None:
    token = (await lists.apifon.token()).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    shown = (await lists.apifon.client.get(LISTS, headers=headers)).json()
    assert [one["id"] for one in shown["results"]] == [show_id(lists.own)]
    assert (await lists.apifon.client.get(f"{LISTS}/{show_id(lists.other)}", headers=headers)).status_code == 404


async def test_a_block_holds_in_every_list_all_the_same(lists: Lists) -> None:
    there = replace(lists.apifon, parts=(await lists.apifon.limited()).parts)  # bound to none
    place = f"{LISTS}/{show_id(lists.other)}/subscriber"
    await there.ok("POST", place, {"destination": "+306912345678", "status": "SUBSCRIBED"}, 201)
    await lists.apifon.block("306912345678")
    (shown,) = (await there.ok("GET", place))["results"]
    assert shown["status"] == "UNSUBSCRIBED"
    assert (await lists.apifon.ok("GET", BLOCKS))["meta"]["total"] == 1


async def test_devino_lists_it_alone(lists: Lists) -> None:
    assert [one["contactGroupId"] for one in await lists.devino.lists()] == [str(lists.own)]


async def test_devino_knows_no_other_list(lists: Lists) -> None:
    contact = {"phone": "79261234567"}
    for audience_id in (lists.default, lists.other):
        body = {"contactGroupId": str(audience_id), "contacts": [contact]}
        unknown = (400, "contactGroupId.unknown")
        assert await lists.devino.refusal("POST", "/contacts/batch", body) == unknown
        params = {"contactGroupId": audience_id}
        assert await lists.devino.refusal("GET", "/contacts/http/range", params=params) == unknown
    (added,) = await lists.devino.add(lists.own, contact)
    assert added["code"] == "OK"


async def test_devino_neither_makes_nor_deletes_lists(lists: Lists) -> None:
    assert await lists.devino.refusal("POST", "/contact-groups", {"name": "Friends"}) == (
        403,
        "authorization.forbidden",
    )
    ids = f"{lists.other},{lists.own}"
    other, own = await lists.devino.result("DELETE", "/contact-groups", params={"ids": ids})
    assert [one["reasons"][0]["key"] for one in (other, own)] == ["contactGroupId.unknown", "authorization.forbidden"]
    assert f"audience {lists.own} only" in own["description"]


async def test_one_that_is_bound_to_none_reaches_them_all(lists: Lists) -> None:
    apifon = await lists.apifon.limited()
    assert (await apifon.ok("GET", LISTS))["meta"]["total"] == 3
    devino = replace(lists.devino, key=await lists.devino.credential())
    assert len(await devino.lists()) == 3


async def test_one_that_is_bound_to_the_default_list_reaches_it_alone(lists: Lists) -> None:
    apifon = await lists.apifon.limited(audience_id=lists.default)
    assert (await apifon.ok("GET", LISTS))["meta"]["total"] == 1
    assert (await apifon.refusal("GET", f"{LISTS}/{show_id(lists.own)}"))[0] == 404
