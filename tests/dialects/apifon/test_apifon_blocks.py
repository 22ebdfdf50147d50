"""The bounce list, endpoint by endpoint."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.dialects.apifon.wire import BLOCKS, Wire
from tests.support import OPERATOR

from carillon.audience.contacts.contact import ContactKey, KeyKind, SubscriptionStatus
from carillon.audience.contacts.lookup import FindContacts, find_contacts
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.suppressions import Address, Channel, Suppress, suppress
from carillon.audience.upsert.rows import ContactRow
from carillon.dialects.apifon.mapping import epoch_milliseconds
from carillon.dialects.apifon.mapping_blocks import BLOCK_REASONS
from carillon.tenancy.accounts import CreateAccount, OpenAccount, create_account, open_account

NUMBER, MAIL = "306912345678", "ana@mail.example"


async def query(wire: Wire, *conditions: dict[str, Any], **more: Any) -> Any:
    return await wire.ok("POST", f"{BLOCKS}/query", {"conditions": list(conditions), **more})


def destinations(body: Any) -> list[str]:
    return [one["destination"] for one in body["results"]]


async def fill(wire: Wire) -> None:
    """Five blocks, a minute apart."""
    for number, (destination, reason) in enumerate(
        [(NUMBER, "other"), (MAIL, "sub_requested"), ("306987654321", "other"), ("35799123456", "sub_invalid"),
         ("ben@mail.example", "not_delivering")]
    ):  # fmt: skip
        wire.clock.moment += timedelta(minutes=1)
        more = {"description": f"Case {number}"} if number % 2 else {}
        await wire.block(destination, reason, **more)


@pytest.mark.parametrize("reason", BLOCK_REASONS)
async def test_a_block_is_made_with_every_reason_and_shown(wire: Wire, reason: str) -> None:
    reply = await wire.call("POST", f"{BLOCKS}/block", {"destination": NUMBER, "reason": reason, "description": "Told"})
    assert (reply.status_code, reply.content) == (201, b"")
    shown = await wire.ok("GET", f"{BLOCKS}/{NUMBER}")
    assert list(shown) == ["meta", "destination", "type", "reason", "user", "description", "date_created"]
    assert {name: value for name, value in shown.items() if name != "meta"} == {
        "destination": NUMBER,
        "type": "MOBILE",
        "reason": reason,
        "user": "API",
        "description": "Told",
        "date_created": epoch_milliseconds(wire.clock.now()),
    }


@pytest.mark.parametrize("said", [{}, {"description": ""}, {"description": "  "}])
async def test_an_address_is_blocked_without_a_description(wire: Wire, said: dict[str, str]) -> None:
    await wire.block("Ana@Mail.example", **said)
    shown = await wire.ok("GET", f"{BLOCKS}/{MAIL}")
    assert (shown["destination"], shown["type"], shown["description"]) == (MAIL, "EMAIL", None)


async def test_blocking_unsubscribes_on_its_channel_and_unblocking_leaves_it_so(wire: Wire) -> None:
    row = ContactRow(phone=f"+{NUMBER}", email=MAIL)
    await wire.runtime.db.run(save_contact, wire.account.actor, SaveContact(row=row))
    key = FindContacts(key=ContactKey(kind=KeyKind.EMAIL, value=MAIL))
    await wire.block(f"+{NUMBER}")
    (contact,) = await wire.runtime.db.read(find_contacts, wire.account.actor, key)
    assert (contact.sms_status, contact.email_status) == (
        SubscriptionStatus.UNSUBSCRIBED,
        SubscriptionStatus.SUBSCRIBED,
    )
    reply = await wire.call("DELETE", f"{BLOCKS}/unblock/{NUMBER}")
    assert (reply.status_code, reply.content) == (204, b"")
    (contact,) = await wire.runtime.db.read(find_contacts, wire.account.actor, key)
    assert (contact.sms_status, contact.email_status) == (
        SubscriptionStatus.UNSUBSCRIBED,
        SubscriptionStatus.SUBSCRIBED,
    )


async def test_blocking_again_changes_nothing(wire: Wire) -> None:
    await wire.block(NUMBER, "other")
    await wire.block(NUMBER, "sub_invalid")
    assert (await wire.ok("GET", BLOCKS))["meta"]["total"] == 1
    assert (await wire.ok("GET", f"{BLOCKS}/{NUMBER}"))["reason"] == "other"


async def test_twenty_callers_at_once_make_one_block(wire: Wire) -> None:
    await asyncio.gather(*(wire.block(NUMBER) for _ in range(20)))
    assert (await wire.ok("GET", BLOCKS))["meta"]["total"] == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "destination"),
        ({"destination": NUMBER}, "reason"),
        ({"destination": " ", "reason": "other"}, "destination"),
        ({"destination": NUMBER, "reason": "because"}, "reason"),
        ({"destination": "12", "reason": "other"}, "destination"),
        ({"destination": "nobody@", "reason": "other"}, "destination"),
        ({"destination": ["x"], "reason": "other"}, "destination"),
        ({"destination": NUMBER, "reason": "other", "description": "x" * 501}, "description"),
        ({"destination": "a\0b", "reason": "other"}, "destination"),
        ([], "body"),
        (b"{", "body"),
        (b"[" * 100_000, "body"),
    ],
)
async def test_what_cannot_be_blocked_is_400_and_named(wire: Wire, body: Any, field: str) -> None:
    status, details = await wire.refusal("POST", f"{BLOCKS}/block", body)
    assert (status, list(details)) == (400, [field])


async def test_other_media_types_larger_bodies_unknown_paths_and_methods(wire: Wire) -> None:
    text = {"Content-Type": "text/plain"}
    assert (await wire.refusal("POST", f"{BLOCKS}/block", {"reason": "other"}, headers=text))[0] == 415
    assert (await wire.refusal("POST", f"{BLOCKS}/block", b" " * 100_001))[0] == 413
    assert (await wire.refusal("GET", "/services/api/v1/nothing"))[0] == 404
    assert (await wire.refusal("GET", "/services/api/v1/bounce/subscriber/unblock/a/b"))[0] == 404
    reply = await wire.call("PUT", BLOCKS)
    assert (reply.status_code, reply.headers["allow"]) == (405, "GET")


async def test_a_destination_that_is_not_blocked_is_404(wire: Wire) -> None:
    for method, path in (("GET", f"{BLOCKS}/{NUMBER}"), ("DELETE", f"{BLOCKS}/unblock/{NUMBER}")):
        assert await wire.refusal(method, path) == (404, {"destination": "This destination isn't blocked."})
    assert (await wire.refusal("GET", f"{BLOCKS}/nonsense"))[0] == 404


async def test_the_list_has_pages_and_links_on_the_host_that_was_called(wire: Wire) -> None:
    await fill(wire)
    path = f"{BLOCKS}?fields=destination%2Creason&sort_dir=DESC"
    body = await wire.ok("GET", f"{path}&size=2")
    assert body["meta"] == {"page": 1, "size": 2, "total": 5}
    assert body["results"] == [
        {"destination": "ben@mail.example", "reason": "not_delivering"},
        {"destination": "35799123456", "reason": "sub_invalid"},
    ]
    link = "http://carillon.example" + path + "&page={}&size=2"
    assert body["links"] == {"prev": "", "next": link.format(2), "first": link.format(1), "last": link.format(3)}
    last = await wire.ok("GET", body["links"]["last"].removeprefix("http://carillon.example"))
    assert (destinations(last), last["links"]["next"], last["links"]["prev"]) == ([NUMBER], "", link.format(2))
    assert (await wire.ok("GET", f"{BLOCKS}?page=9"))["results"] == []


async def test_the_list_has_two_hundred_by_date_unless_said_otherwise(wire: Wire) -> None:
    addresses = [Address(channel=Channel.SMS, value=f"+3069100{number:05d}") for number in range(203)]
    await wire.runtime.db.run(suppress, wire.account.actor, Suppress(addresses=addresses, reason="a text of another's"))
    body = await wire.ok("GET", BLOCKS)
    assert (len(body["results"]), body["meta"]) == (200, {"page": 1, "size": 200, "total": 203})
    assert {one["reason"] for one in body["results"]} == {"other"}


async def test_the_list_is_filtered_by_type_and_reason(wire: Wire) -> None:
    await fill(wire)
    assert destinations(await wire.ok("GET", f"{BLOCKS}?type=EMAIL")) == [MAIL, "ben@mail.example"]
    assert destinations(await wire.ok("GET", f"{BLOCKS}?type=mobile&reason=other")) == [NUMBER, "306987654321"]


@pytest.mark.parametrize("field", ["destination", "type", "reason", "user", "description", "date_created", "id"])
async def test_the_list_is_sorted_by_any_field_both_ways(wire: Wire, field: str) -> None:
    await fill(wire)
    rising = destinations(await wire.ok("GET", f"{BLOCKS}?sort={field}"))
    falling = destinations(await wire.ok("GET", f"{BLOCKS}?sort={field}&sort_dir=desc"))
    if field != "description":  # those without one come last either way
        assert falling == rising[::-1]
    assert len(set(rising)) == 5


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ("type=FAX", "type"),
        ("reason=because", "reason"),
        ("size=201", "size"),
        ("size=0", "size"),
        ("size=many", "size"),
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=99999999999999999999", "page"),
        ("sort=secret", "sort"),
        ("sort_dir=UP", "sort_dir"),
        ("&".join(f"a{n}=1" for n in range(1001)), "query"),
    ],
)
async def test_a_list_that_cannot_be_given_is_400_and_named(wire: Wire, asked: str, field: str) -> None:
    status, details = await wire.refusal("GET", f"{BLOCKS}?{asked}")
    assert (status, list(details)) == (400, [field])


async def test_one_block_has_an_etag_and_answers_304_to_who_has_it(wire: Wire) -> None:
    await wire.block(NUMBER)
    first = await wire.call("GET", f"{BLOCKS}/{NUMBER}?fields=destination")
    tag = first.headers["etag"]
    assert first.json() == {"destination": NUMBER}
    listed = (await wire.ok("GET", BLOCKS))["results"][0]["meta"]["Etag"]
    assert tag == f'"{listed}"'
    for given_tag in (tag, listed, f"W/{tag}", f'"other", {tag}', "*"):
        again = await wire.call("GET", f"{BLOCKS}/{NUMBER}", headers={"If-None-Match": given_tag})
        assert (again.status_code, again.content) == (304, b"")
    assert (await wire.call("GET", f"{BLOCKS}/{NUMBER}", headers={"If-None-Match": '"x"'})).status_code == 200


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ([], [0, 1, 2, 3, 4]),
        ([{"name": "destination", "op": "beginsWith", "vl": "3069"}], [0, 2]),
        ([{"name": "destination", "op": "eq", "vl": "+306912345678"}], [0]),
        ([{"name": "destination", "op": "eq", "vl": "Ana@MAIL.example"}], [1]),
        ([{"name": "type", "op": "eq", "vl": "EMAIL"}], [1, 4]),
        ([{"name": "reason", "op": "eq", "vl": "other"}, {"name": "destination", "op": "gt", "vl": "30698"}], [2]),
        ([{"name": "description", "op": "exists"}], [1, 3]),
        ([{"name": "description", "op": "nexists", "vl": None}], [0, 2, 4]),
        ([{"name": "user", "op": "eq", "vl": "API"}, {"name": "reason", "op": "lte", "vl": "o"}], [4]),
        ([{"name": "reason", "op": "gte", "vl": "sub_r"}], [1]),
        ([{"name": "reason", "op": "lt", "vl": "other"}], [4]),
    ],
)
async def test_a_query_takes_every_operator(wire: Wire, conditions: list[dict[str, Any]], found: list[int]) -> None:
    await fill(wire)
    everybody = destinations(await wire.ok("GET", f"{BLOCKS}?sort=id"))
    body = await query(wire, *conditions)
    assert destinations(body) == [everybody[place] for place in found]
    assert body["meta"] == {"page": 1, "size": 200, "total": len(found)}


@pytest.mark.parametrize(("op", "found"), [("eq", 1), ("gt", 2), ("gte", 3), ("lt", 2), ("lte", 3)])
async def test_a_query_takes_dates_as_numbers_and_as_texts(wire: Wire, op: str, found: int) -> None:
    await fill(wire)
    third = epoch_milliseconds(wire.clock.now() - timedelta(minutes=2))
    for value in (third, str(third)):
        assert (await query(wire, {"name": "date_created", "op": op, "vl": value}))["meta"]["total"] == found


async def test_a_query_has_fields_sort_page_and_size(wire: Wire) -> None:
    await fill(wire)
    sort = {"sort_dir": "DESC", "sort_field": "destination"}
    body = await query(wire, fields=["destination", "reason"], sort=sort, page="2", size=2)
    assert body["meta"] == {"page": 2, "size": 2, "total": 5}
    assert [list(one) for one in body["results"]] == [["destination", "reason"]] * 2
    falling = sorted([NUMBER, MAIL, "306987654321", "35799123456", "ben@mail.example"], reverse=True)
    assert destinations(body) == falling[2:4]
    assert "links" not in body


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"conditions": [{"name": "shoe", "op": "eq", "vl": "1"}]}, "conditions[0].name"),
        ({"conditions": [{"name": "reason", "op": "eq", "vl": "x"}, {"name": "reason", "op": "like", "vl": "x"}]},
         "conditions[1].op"),
        ({"conditions": [{"name": "reason", "op": "eq"}]}, "conditions[0].vl"),
        ({"conditions": [{"name": "reason", "op": "eq", "vl": {"a": 1}}]}, "conditions[0].vl"),
        ({"conditions": [{"name": "date_created", "op": "gt", "vl": "yesterday"}]}, "conditions[0].vl"),
        ({"conditions": [{"name": "date_created", "op": "gt", "vl": "9" * 15}]}, "conditions[0].vl"),
        ({"conditions": [{"name": "date_created", "op": "beginsWith", "vl": "1"}]}, "conditions[0].op"),
        ({"conditions": [{"name": "type", "op": "eq", "vl": "FAX"}]}, "conditions[0].vl"),
        ({"conditions": [{"name": "id", "op": "gt", "vl": "first"}]}, "conditions[0].vl"),
        ({"conditions": ""}, "conditions"),
        ({"conditions": {"name": "type", "op": "eq", "vl": "EMAIL"}}, "conditions"),
        ({"conditions": {"condition": [{"name": "type", "op": "eq", "vl": "EMAIL"}]}}, "conditions"),
        ({"conditions": ["x"]}, "conditions[0]"),
        ({"conditions": [{"op": "eq", "vl": "x"}]}, "conditions[0].name"),
        ({"sort": {"sort_field": "shoe"}}, "sort.sort_field"),
        ({"sort": {"sort_dir": "up"}}, "sort.sort_dir"),
        ({"sort": ["up"]}, "sort"),
        ({"size": 201}, "size"),
        ({"page": "first"}, "page"),
        ({"fields": [{"a": 1}]}, "fields"),
    ],
)  # fmt: skip
async def test_a_query_that_cannot_be_asked_is_400_and_named(wire: Wire, body: Any, field: str) -> None:
    status, details = await wire.refusal("POST", f"{BLOCKS}/query", body)
    assert (status, list(details)) == (400, [field])


async def test_an_unknown_operator_is_told_those_there_are_as_they_are_spelt(wire: Wire) -> None:
    asked = {"conditions": [{"name": "reason", "op": "like", "vl": "x"}]}
    message = "This is one of eq, beginsWith, gte, gt, lte, lt, exists, nexists."
    assert await wire.refusal("POST", f"{BLOCKS}/query", asked) == (400, {"conditions[0].op": message})


async def test_another_account_sees_none_of_it(wire: Wire) -> None:
    await fill(wire)
    made = await wire.runtime.db.run(create_account, OPERATOR, CreateAccount(name="Other", country="GR"))
    actor = await wire.runtime.db.read(open_account, OPERATOR, OpenAccount(account_id=made.account.account_id))
    other = await replace(wire, account=replace(wire.account, actor=actor)).limited()
    assert (await other.ok("GET", BLOCKS))["results"] == []
    assert (await query(other))["meta"]["total"] == 0
    assert (await other.refusal("GET", f"{BLOCKS}/{NUMBER}"))[0] == 404
    assert (await other.refusal("DELETE", f"{BLOCKS}/unblock/{NUMBER}"))[0] == 404
    assert (await wire.ok("GET", BLOCKS))["meta"]["total"] == 5
