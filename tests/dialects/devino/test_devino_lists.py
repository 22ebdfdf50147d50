"""Contact lists: made, shown and deleted."""

from datetime import timedelta
from typing import Any

import pytest
from tests.dialects.devino.wire import LISTS, Wire
from tests.support import OPERATOR

from carillon.tenancy.accounts import CreateAccount, create_account

FIELDS = [
    {"displayName": "Pet name", "name": "Pet", "type": 3},
    {"name": "Shoes", "type": 2},
    {"name": "Size", "values": ["S", "M"]},
]


async def test_a_list_is_made_and_shown(wire: Wire) -> None:
    made = await wire.make("Clients", fields=FIELDS, type="STANDARD", autoDeleteEnabled=True)
    assert made.isdigit()
    (shown,) = await wire.lists(name="client")
    assert (shown["contactGroupId"], shown["companyId"]) == (made, wire.account.account_id)
    assert (shown["name"], shown["type"], shown["autoDeleteEnabled"]) == ("Clients", "STANDARD", True)
    assert (shown["creationDate"], shown["lastUpdate"]) == ("2025-03-09T10:30:00", "2025-03-09T10:30:00")
    assert (shown["contactsCount"], shown["segmentsCount"]) == ("0", "0")


async def test_a_list_shows_its_main_fields_and_its_own(wire: Wire) -> None:
    await wire.make("Clients", fields=FIELDS)
    (shown,) = await wire.lists(name="Clients")
    fields = {one["name"]: one for one in shown["fields"]}
    assert [*fields] == ["name", "surname", "gender", "birthdate", "country", "city", "Pet", "Shoes", "Size"]
    assert fields["gender"]["values"] == ["gender.male", "gender.female"]
    assert fields["name"] == {"name": "name", "displayName": "Name", "type": 3, "isDefault": True}
    assert fields["Pet"] == {"name": "Pet", "displayName": "Pet name", "type": 3, "isDefault": False}
    assert (fields["Shoes"]["type"], fields["Shoes"]["displayName"]) == (2, "Shoes")
    assert fields["Size"]["values"] == ["S", "M"]


async def test_a_field_that_every_contact_has_is_not_made_again(wire: Wire) -> None:
    await wire.make("Same", fields=[{"name": one} for one in ("name", "PHONE", "CreationDate", "LastUpdate", "Own")])
    (shown,) = await wire.lists(name="Same")
    assert [one["name"] for one in shown["fields"] if not one["isDefault"]] == ["Own"]


@pytest.mark.parametrize("code", [0, 1, 2, 3, 5, 8])
async def test_every_type_of_field_is_kept(wire: Wire, code: int) -> None:
    await wire.make("Typed", fields=[{"name": "own", "type": code}])
    (shown,) = await wire.lists(name="Typed")
    assert shown["fields"][-1]["type"] == code


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({}, "name.must.be.not.null"),
        ({"name": " "}, "name.must.be.not.null"),
        ({"name": None}, "name.must.be.not.null"),
        ({"name": "x" * 201}, "name.length.too.long"),
        ({"name": {}}, "name.invalid"),
        ({"name": "A", "type": "OMNI_API"}, "type.forbidden"),
        ({"name": "A", "type": "WHATEVER"}, "type.invalid"),
        ({"name": "A", "autoDeleteEnabled": "perhaps"}, "autoDeleteEnabled.invalid"),
        ({"name": "A", "fields": [{}]}, "fields[0].name.must.be.not.null"),
        ({"name": "A", "fields": [{"name": "x" * 201}]}, "fields[0].name.length.too.long"),
        ({"name": "A", "fields": [{"name": "B", "type": 4}]}, "fields[0].type.invalid"),
        ({"name": "A", "fields": [{"name": "B"}, {"name": "B"}]}, "fields[1].name.invalid"),
        ({"name": "A", "fields": [{"name": str(number)} for number in range(201)]}, "fields.length.too.long"),
        ({"name": "A", "fields": [{"name": "B", "values": ["v"] * 1_001}]}, "fields[0].values.length.too.long"),
        ({"name": "A", "fields": [{"name": "B", "values": "v"}]}, "fields[0].values.invalid"),
        ({"name": "A", "fields": [{"name": "B", "values": 1}]}, "fields[0].values.invalid"),
        ({"name": "A", "fields": [{"name": "B", "values": {"first": "v"}}]}, "fields[0].values.invalid"),
    ],
)
async def test_a_list_that_cannot_be_made_is_refused(wire: Wire, body: Any, key: str) -> None:
    assert await wire.refusal("POST", LISTS, body) == (400, key)
    assert len(await wire.lists()) == 1


async def test_the_vendors_own_refusal(wire: Wire) -> None:
    reply = await wire.send("POST", LISTS, {"type": "STANDARD"})
    assert reply.json() == {
        "code": "REJECTED",
        "result": None,
        "reasons": [{"key": "name.must.be.not.null", "ref": "name", "defaultMessage": "must not be null"}],
        "description": "Key error: (parameter: name -> must not be null)",
    }


async def test_lists_are_filtered(wire: Wire) -> None:
    first = await wire.make("Old", type="PUSH")
    wire.clock.moment += timedelta(days=1)
    second = await wire.make("New", type="STOPLIST", autoDeleteEnabled="true")

    async def found(**params: Any) -> list[str]:
        return [one["contactGroupId"] for one in await wire.lists(**params) if one["name"] != "Default"]

    assert await found() == [first, second]
    assert await found(name="ne") == [second]
    assert await found(type="PUSH") == [first]
    assert await found(type=["PUSH", "STOPLIST"]) == [first, second]
    assert await found(type="push,stoplist") == [first, second]
    assert await found(type="OMNI_API") == []
    assert await found(autoDeleteEnabled="true") == [second]
    assert await found(autoDeleteEnabled="false") == [first]
    assert await found(**{"from": "2025-03-10 00:00:00"}) == [second]
    assert await found(to="2025-03-09 10:30:00") == [first]
    assert await found(to="2025-03-09 10:29:59") == []
    assert await found(to="2025-03-09 13:30:00", zoneOffset=180) == [first]
    assert await found(limit=1, offset=1) == [first]
    assert await found(limit=2, offset=1) == [first, second]
    shown = await wire.lists(name="Old", zoneOffset="-30")
    assert shown[0]["creationDate"] == "2025-03-09T10:00:00"


@pytest.mark.parametrize("fields", ["", "x", 1, {"name": "abc"}, {"field": {"name": "abc"}}, {"field": []}])
async def test_fields_that_are_no_list_are_refused(wire: Wire, fields: Any) -> None:
    assert await wire.refusal("POST", LISTS, {"name": "A", "fields": fields}) == (400, "fields.invalid")


@pytest.mark.parametrize("fields", [[], {}, None, {"1": {"name": "abc"}}])
async def test_fields_are_a_list_as_php_writes_it_too(wire: Wire, fields: Any) -> None:
    assert await wire.result("POST", LISTS, {"name": "A", "fields": fields})


@pytest.mark.parametrize(
    ("params", "key"),
    [
        ({"limit": 0}, "limit.invalid"),
        ({"limit": "x"}, "limit.invalid"),
        ({"offset": -1}, "offset.invalid"),
        ({"from": "yesterday"}, "from.invalid"),
        ({"to": "2025"}, "to.invalid"),
        ({"type": "LIST"}, "type.invalid"),
        ({"zoneOffset": 841}, "zoneOffset.invalid"),
        ({"autoDeleteEnabled": "2"}, "autoDeleteEnabled.invalid"),
    ],
)
async def test_a_filter_that_cannot_be_read_is_refused(wire: Wire, params: Any, key: str) -> None:
    assert await wire.refusal("GET", LISTS, params=params) == (400, key)


async def test_the_default_audience_is_a_list(wire: Wire) -> None:
    (shown,) = await wire.lists()
    assert (shown["name"], shown["contactGroupId"]) == ("Default", str(wire.account.audience_id))


async def test_each_deleted_list_has_its_own_result(wire: Wire) -> None:
    first, second = await wire.make("A"), await wire.make("B")
    await wire.add(first, {"phone": "79261112233", "pushInfo": [{"os": 0, "pushToken": "t"}]})
    default = str(wire.account.audience_id)
    outcome = await wire.result("DELETE", LISTS, params={"ids": [first, "9999", default, "x", second]})
    assert [(one["code"], one["result"]) for one in outcome] == [
        ("OK", first),
        ("REJECTED", "9999"),
        ("REJECTED", default),
        ("REJECTED", "x"),
        ("OK", second),
    ]
    keys = [one["reasons"][0]["key"] for one in outcome if one["code"] == "REJECTED"]
    assert keys == ["contactGroupId.unknown", "contactGroupId.forbidden", "contactGroupId.invalid"]
    assert [one["name"] for one in await wire.lists()] == ["Default"]
    assert (await wire.result("DELETE", LISTS, params={"ids": first}))[0]["code"] == "REJECTED"


async def test_lists_are_deleted_by_every_spelling(wire: Wire) -> None:
    for path, query in (
        ("/contacts-groups", "smsIds={}"),
        ("/contact-groups/", "ids={}"),
        ("/contact-groups", "IDS={}"),
    ):
        made = await wire.make("A")
        assert await wire.result("DELETE", f"{path}?{query.format(made)}") == [{"code": "OK", "result": made}]
    one, two = await wire.make("A"), await wire.make("B")
    reply = await wire.client.delete(f"/contact-groups?ids={one},{two}", headers={"Authorization": f"Key {wire.key}"})
    assert [outcome["code"] for outcome in reply.json()["result"]] == ["OK", "OK"]


async def test_nothing_to_delete_is_refused(wire: Wire) -> None:
    assert await wire.refusal("DELETE", LISTS) == (400, "ids.must.be.not.null")
    assert await wire.refusal("DELETE", LISTS, params={"ids": " ,,"}) == (400, "ids.must.be.not.null")
    assert await wire.refusal("DELETE", LISTS, params={"ids": ["1"] * 101}) == (400, "ids.length.too.long")
    assert await wire.refusal("DELETE", LISTS, params={"ids": "1," * 101}) == (400, "ids.length.too.long")


async def test_a_list_that_a_credential_works_in_is_not_deleted(wire: Wire) -> None:
    made = await wire.make("A")
    await wire.credential(audience_id=int(made))
    (outcome,) = await wire.result("DELETE", LISTS, params={"ids": made})
    assert outcome["reasons"] == [{"key": "contactGroupId.forbidden", "ref": "contactGroupId"}]


async def test_another_accounts_list_is_unknown(wire: Wire) -> None:
    other = await wire.runtime.db.run(create_account, OPERATOR, CreateAccount(name="Others", country="RU"))
    theirs = str(other.audience_id)
    (outcome,) = await wire.result("DELETE", LISTS, params={"ids": theirs})
    assert outcome["reasons"][0]["key"] == "contactGroupId.unknown"
    assert theirs not in [one["contactGroupId"] for one in await wire.lists()]
    assert await wire.refusal("GET", "/contacts/http/range", params={"contactGroupId": theirs}) == (
        400,
        "contactGroupId.unknown",
    )
    body = {"contactGroupId": theirs, "contacts": [{}]}
    assert await wire.refusal("POST", "/contacts/batch", body) == (400, "contactGroupId.unknown")
