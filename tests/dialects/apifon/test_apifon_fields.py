"""Fields, purposes, groups and subgroups of lists."""

import asyncio
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from tests.dialects.apifon.wire import HOST, LISTS, Wire

from carillon.audience.contacts.contact import ContactKey, KeyKind
from carillon.audience.contacts.lookup import FindContacts, find_contacts
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.field_types import Kind
from carillon.audience.fields import CreateField, ListFields, create_field, field_kinds, list_fields
from carillon.audience.groups import DeleteGroups, FindGroups, GroupKey, delete_groups, find_groups
from carillon.audience.upsert.rows import ContactRow
from carillon.kit.ids import first_uuid_of
from carillon.tenancy.accounts import AdvanceClock, advance_clock

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


async def fields_of(wire: Wire, place: str) -> list[dict[str, Any]]:
    return list((await wire.ok("GET", place))["subscriber_fields"])


async def add_field(wire: Wire, place: str, **more: Any) -> None:
    reply = await wire.call("POST", f"{place}/field", {"name": "Shoe size", "type": "NUMBER", "length": 5, **more})
    assert (reply.status_code, reply.content) == (201, b""), reply.text
    assert reply.headers["location"] == f"{HOST}{place}"


async def add_group(wire: Wire, place: str, **more: Any) -> str:
    reply = await wire.call("POST", f"{place}/group/", {"name": "Food", "type": "GROUP", **more})
    assert (reply.status_code, reply.content) == (201, b""), reply.text
    return str(reply.headers["location"].removeprefix(HOST))


async def add_option(wire: Wire, place: str, name: str = "Fish") -> str:
    reply = await wire.call("POST", f"{place.replace('/group/', '/')}/option", {"name": name})
    assert (reply.status_code, reply.content) == (201, b""), reply.text
    return str(reply.headers["location"].removeprefix(HOST))


async def test_locations_have_letters_of_any_script_escaped_and_are_served_as_they_are(wire: Wire) -> None:
    place = await wire.made_list()
    group = await add_group(wire, place, name="Φαγητό")
    assert group.isascii()
    option = await add_option(wire, group, "Ψάρι")
    assert option.isascii()
    assert (await wire.ok("GET", group))["name"] == "Φαγητό"
    assert (await wire.ok("GET", option))["name"] == "Ψάρι"
    inside = option.replace("/option/", "/")
    for changed, body, expected in (
        (group, {"name": "Ποτό", "type": "GROUP"}, group),
        (inside, {"name": "Κρέας"}, option),
    ):
        reply = await wire.call("PUT", changed, body)
        assert (reply.status_code, reply.headers["location"]) == (200, f"{HOST}{expected}")


async def test_a_location_has_the_lists_id_as_it_is_shown_however_it_was_written(wire: Wire) -> None:
    place = await wire.made_list()
    number = int(place.rpartition("/")[2], 16)
    for spelling in (str(number), f"%20{number}", f"{number}%0d%0a", f"{number:024X}"):
        reply = await wire.call("POST", f"{LISTS}/{spelling}/gdpr", {"name": "Offers"})
        assert (reply.status_code, reply.headers["location"]) == (201, f"{HOST}{place}")


@pytest.mark.parametrize("kind", ["TEXT", "NUMBER", "URL", "EMAIL", "MOBILE_NUMBER"])
async def test_a_field_of_each_type_is_added_and_shown(wire: Wire, kind: str) -> None:
    place = await wire.made_list()
    await add_field(wire, place, name="Second choice", type=kind.lower(), internal=True)
    assert await fields_of(wire, place) == [
        {"field": "SECOND_CHOICE", "length": 5, "name": "Second choice", "type": kind, "internal": True}
    ]


@pytest.mark.parametrize("date_format", ["dd-MM-yy", "yy-MM-dd", "MM-dd-yy", "dd/MM/yy", "yy/MM/dd", "MM/dd/yy"])
async def test_a_date_field_has_one_of_six_formats(wire: Wire, date_format: str) -> None:
    place = await wire.made_list()
    await add_field(wire, place, name="Joined", type="DATE", date_format=date_format)
    assert await fields_of(wire, place) == [
        {"field": "date_JOINED", "length": 5, "name": "Joined", "type": "DATE", "internal": False,
         "date_format": date_format}
    ]  # fmt: skip


async def test_identifiers_are_derived_from_names_and_never_the_same(wire: Wire) -> None:
    place = await wire.made_list()
    for name in ("First Name", "First  name!", "Όνομα", "??", "date"):
        await add_field(wire, place, name=name, type="TEXT")
    names = [one["field"] for one in await fields_of(wire, place)]
    assert names == ["FIRST_NAME", "FIRST_NAME_2", "ΌΝΟΜΑ", "FIELD", "DATE"]


async def test_a_field_that_is_built_in_or_another_apis_is_that_field(wire: Wire) -> None:
    place = await wire.made_list()
    actor = wire.inside(place)
    await wire.runtime.db.run(create_field, actor, CreateField(name="shoe_size", kind=Kind.NUMBER))
    await wire.runtime.db.run(create_field, actor, CreateField(name="colour", kind=Kind.NUMBER))
    for name, kind in (("First Name", "TEXT"), ("Shoe size", "NUMBER"), ("City", "NUMBER"), ("Colour", "TEXT")):
        await add_field(wire, place, name=name, type=kind)
    own = {one.name: one.kind for one in await wire.runtime.db.read(list_fields, actor, ListFields())}
    assert own == {
        "shoe_size": Kind.NUMBER,
        "colour": Kind.NUMBER,
        "city_2": Kind.NUMBER,
        "colour_2": Kind.TEXT,
    }


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"type": None}, "type"),
        ({"type": "CHIPS"}, "type"),
        ({"length": None}, "length"),
        ({"length": 0}, "length"),
        ({"length": 257}, "length"),
        ({"length": "long"}, "length"),
        ({"date_format": "dd/MM/yy"}, "date_format"),
        ({"type": "DATE", "date_format": "d/M/y"}, "date_format"),
        ({"internal": "perhaps"}, "internal"),
    ],
)
async def test_what_a_field_cannot_be_is_400_and_named(wire: Wire, change: dict[str, Any], field: str) -> None:
    body = {"name": "Shoe size", "type": "NUMBER", "length": 256, **change}
    status, details = await wire.refusal("POST", f"{await wire.made_list()}/field", body)
    assert (status, list(details)) == (400, [field])


async def test_a_field_and_a_purpose_of_one_name_have_the_identifier_that_it_gives(wire: Wire) -> None:
    place = await wire.made_list()
    await add_field(wire, place, name="Offers")
    await wire.ok("POST", f"{place}/gdpr", {"name": "Offers"}, 201)
    body = {
        "destination": "+306912345678",
        "subscriber_fields": {"OFFERS": 3},
        "gdpr_fields": {"OFFERS": {"email": True}},
    }
    await wire.ok("POST", f"{place}/subscriber", body, 201)
    (shown,) = (await wire.ok("GET", f"{place}/subscriber"))["results"]
    assert (shown["subscriber_fields"], shown["gdpr_fields"]) == ({"OFFERS": 3}, {"OFFERS": {"email": True}})
    await wire.ok("DELETE", f"{place}/field/OFFERS", None, 204)
    (shown,) = (await wire.ok("GET", f"{place}/subscriber"))["results"]
    assert (shown["subscriber_fields"], shown["gdpr_fields"]) == ({}, {"OFFERS": {"email": True}})


async def test_a_field_is_changed_and_keeps_its_identifier_and_type(wire: Wire) -> None:
    place = await wire.made_list()
    await add_field(wire, place, name="Joined", type="DATE", date_format="dd-MM-yy")
    change = {"name": "Came", "length": 30, "internal": "true", "date_format": "MM/dd/yy", "type": "TEXT"}
    reply = await wire.call("PUT", f"{place}/field/date_JOINED", change)
    assert (reply.status_code, reply.headers["location"]) == (200, f"{HOST}{place}")
    expected = {"field": "date_JOINED", "length": 30, "name": "Came", "type": "DATE", "internal": True}
    assert await fields_of(wire, place) == [{**expected, "date_format": "MM/dd/yy"}]
    await wire.ok("PUT", f"{place}/field/date_JOINED", {"name": "Came", "length": 31})
    assert await fields_of(wire, place) == [{**expected, "length": 31, "date_format": "MM/dd/yy"}]


async def test_a_field_is_removed_with_its_values(wire: Wire) -> None:
    place = await wire.made_list()
    await add_field(wire, place)
    actor = wire.inside(place)
    row = ContactRow(email="ana@mail.example", fields={"shoe_size": "38", "city": "Lod"})
    await wire.runtime.db.run(save_contact, actor, SaveContact(row=row))
    reply = await wire.call("DELETE", f"{place}/field/SHOE_SIZE")
    assert (reply.status_code, reply.content) == (204, b"")
    assert await fields_of(wire, place) == []
    key = FindContacts(key=ContactKey(kind=KeyKind.EMAIL, value="ana@mail.example"))
    (contact,) = await wire.runtime.db.read(find_contacts, actor, key)
    assert contact.fields == {"city": "Lod"}
    assert await wire.runtime.db.read(list_fields, actor, ListFields()) == []


async def test_a_purpose_is_added_and_changed(wire: Wire) -> None:
    place = await wire.made_list()
    reply = await wire.call("POST", f"{place}/gdpr", {"name": "Offers", "description": "Of ours"})
    assert (reply.status_code, reply.content, reply.headers["location"]) == (201, b"", f"{HOST}{place}")
    await wire.ok("POST", f"{place}/gdpr/", {"name": "Offers"}, 201)
    reply = await wire.call("PUT", f"{place}/gdpr/OFFERS", {"name": "Bargains"})
    assert (reply.status_code, reply.headers["location"]) == (200, f"{HOST}{place}")
    channels = {"mobile": True, "email": True}
    assert (await wire.ok("GET", place))["gdpr_fields"] == [
        {"field": "OFFERS", "name": "Bargains", "description": "Of ours", **channels},
        {"field": "OFFERS_2", "name": "Offers", "description": "", **channels},
    ]
    for body, field in (
        ({}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": "x", "description": [1]}, "description"),
    ):
        assert list((await wire.refusal("POST", f"{place}/gdpr", body))[1]) == [field]


async def test_a_group_is_added_with_its_defaults_and_shown(wire: Wire) -> None:
    place = await wire.made_list()
    group = await add_group(wire, place)
    identity = group.rpartition("/")[2]
    assert re.fullmatch(f"FOOD_{UUID}", identity)
    shown = await wire.ok("GET", group)
    assert shown == {
        "name": "Food", "field": identity, "type": "GROUP", "internal": False, "selectionType": "SINGLE",
        "options": [], "formHidden": False, "groupOptionsOrientation": "VERTICAL",
    }  # fmt: skip
    assert (await wire.ok("GET", place))["groups"] == [shown]


@pytest.mark.parametrize("selection", ["SINGLE", "MULTIPLE"])
@pytest.mark.parametrize("orientation", ["VERTICAL", "HORIZONTAL", "DROPDOWN_LIST"])
async def test_a_group_is_changed_in_every_way(wire: Wire, selection: str, orientation: str) -> None:
    group = await add_group(wire, await wire.made_list())
    change = {"name": "Meals", "type": "GROUP", "internal": True, "formHidden": True}
    change |= {"selectionType": selection, "groupOptionsOrientation": orientation}
    reply = await wire.call("PUT", group, change)
    assert (reply.status_code, reply.headers["location"]) == (200, f"{HOST}{group}")
    shown = await wire.ok("GET", group)
    assert shown == {**change, "field": group.rpartition("/")[2], "options": []}
    await wire.ok("PUT", group, {"name": "Dishes", "type": "GROUP"})
    assert await wire.ok("GET", group) == {**shown, "name": "Dishes"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"type": None}, "type"),
        ({"type": "CHIPS"}, "type"),
        ({"selectionType": "DOUBLE"}, "selectionType"),
        ({"groupOptionsOrientation": "ROUND"}, "groupOptionsOrientation"),
    ],
)
async def test_what_a_group_cannot_be_is_400_and_named(wire: Wire, change: dict[str, Any], field: str) -> None:
    status, details = await wire.refusal(
        "POST", f"{await wire.made_list()}/group", {"name": "Food", "type": "GROUP", **change}
    )
    assert (status, list(details)) == (400, [field])


async def test_a_subgroup_is_a_group_of_ours_under_its_name(wire: Wire) -> None:
    place = await wire.made_list()
    option = await add_option(wire, await add_group(wire, place))
    identity = option.rpartition("/")[2]
    assert re.fullmatch(f"FISH_{UUID}", identity)
    assert await wire.ok("GET", option) == {"name": "Fish", "field": identity}
    (ours,) = await wire.runtime.db.read(find_groups, wire.inside(place), FindGroups(by=GroupKey.NAME, value="fish"))
    reply = await wire.call("PUT", option.replace("/option/", "/"), {"name": "Seafood"})
    assert (reply.status_code, reply.headers["location"]) == (200, f"{HOST}{option}")
    assert await wire.ok("GET", option) == {"name": "Seafood", "field": identity}
    found = await wire.runtime.db.read(find_groups, wire.inside(place), FindGroups(by=GroupKey.NAME, value="Seafood"))
    assert [one.group_id for one in found] == [ours.group_id]


async def test_groups_and_subgroups_have_ids_of_the_accounts_time(wire: Wire) -> None:
    month = timedelta(days=30)
    await wire.runtime.db.run(advance_clock, wire.account.actor, AdvanceClock(by=month))
    group = await add_group(wire, await wire.made_list())
    for made in (group, await add_option(wire, group)):
        first = first_uuid_of(wire.clock.now() + month)
        assert first < uuid.UUID(made.rpartition("_")[2]) < first_uuid_of(wire.clock.now() + month + timedelta(hours=1))


async def test_several_subgroups_are_added_at_once(wire: Wire) -> None:
    group = await add_group(wire, await wire.made_list())
    reply = await wire.call("POST", f"{group.replace('/group/', '/')}/options", {"name": ["Fish", "Meat"]})
    assert (reply.status_code, reply.headers["location"]) == (201, f"{HOST}{group}")
    assert [one["name"] for one in (await wire.ok("GET", group))["options"]] == ["Fish", "Meat"]


@pytest.mark.parametrize(
    ("names", "field"),
    [
        ([], "name"),
        ("x", "name"),
        ({"option": "x"}, "name"),
        (["a", " "], "name[1]"),
        (["x" * 201], "name[0]"),
        ([["a"]], "name[0]"),
        (["a"] * 101, "request"),
    ],
)
async def test_what_subgroups_cannot_be_is_400(wire: Wire, names: Any, field: str) -> None:
    group = await add_group(wire, await wire.made_list())
    status, details = await wire.refusal("POST", f"{group.replace('/group/', '/')}/options", {"name": names})
    assert (status, list(details)) == (400, [field])


async def test_a_subgroup_is_removed_and_one_that_another_api_deleted_is_not_shown(wire: Wire) -> None:
    place = await wire.made_list()
    group = await add_group(wire, place)
    fish, meat = await add_option(wire, group), await add_option(wire, group, "Meat")
    reply = await wire.call("DELETE", fish.replace("/option/", "/"))
    assert (reply.status_code, reply.content) == (204, b"")
    assert [one["name"] for one in (await wire.ok("GET", group))["options"]] == ["Meat"]
    await wire.runtime.db.run(delete_groups, wire.inside(place), DeleteGroups(by=GroupKey.NAME, value="Meat"))
    assert (await wire.ok("GET", group))["options"] == []
    for method, path in (
        ("GET", meat),
        ("PUT", meat.replace("/option/", "/")),
        ("DELETE", fish.replace("/option/", "/")),
    ):
        assert (await wire.refusal(method, path, {"name": "x"}))[0] == 404


async def test_a_group_is_removed_with_its_subgroups(wire: Wire) -> None:
    place = await wire.made_list()
    group = await add_group(wire, place)
    await add_option(wire, group)
    reply = await wire.call("DELETE", group)
    assert (reply.status_code, reply.content) == (204, b"")
    assert (await wire.refusal("GET", group))[0] == 404
    assert await wire.runtime.db.read(find_groups, wire.inside(place), FindGroups(by=GroupKey.NAME, value="Fish")) == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/field/NONE"),
        ("DELETE", "/field/NONE"),
        ("PUT", "/gdpr/NONE"),
        ("GET", "/group/NONE"),
        ("PUT", "/group/NONE"),
        ("DELETE", "/group/NONE"),
        ("POST", "/NONE/option"),
        ("POST", "/NONE/options"),
        ("GET", "/NONE/option/NONE"),
        ("PUT", "/NONE/NONE"),
        ("DELETE", "/NONE/NONE"),
    ],
)
async def test_what_is_not_there_is_404(wire: Wire, method: str, path: str) -> None:
    body = {"name": ["x"] if path.endswith("options") else "x", "length": 1, "type": "GROUP"}
    for place in (await wire.made_list(), f"{LISTS}/999"):
        assert (await wire.refusal(method, f"{place}{path}", body))[0] == 404


async def test_twenty_callers_at_once_add_twenty_subgroups(wire: Wire) -> None:
    group = await add_group(wire, await wire.made_list())
    await asyncio.gather(*(add_option(wire, group, f"Dish {number}") for number in range(20)))
    assert len((await wire.ok("GET", group))["options"]) == 20


async def test_removing_needs_the_scopes_of_lists_and_of_subscribers(wire: Wire) -> None:
    place = await wire.made_list()
    await add_field(wire, place)
    group = await add_group(wire, place)
    option = (await add_option(wire, group)).replace("/option/", "/")
    tokens = [(await wire.token(scope=scope)).json() for scope in ("writeList", "writeList writeSubscriber")]
    narrow, wide = ({"Authorization": f"Bearer {token['access_token']}"} for token in tokens)
    for path in (f"{place}/field/SHOE_SIZE", option, group, place):
        assert (await wire.client.delete(path, headers=narrow)).status_code == 403
        assert (await wire.client.delete(path, headers=wide)).status_code == 204


async def test_a_number_in_a_name_is_its_own(wire: Wire) -> None:
    """City 2 is neither the built-in city nor a field that another API calls city."""
    place = await wire.made_list()
    inside = wire.inside(place)
    await wire.runtime.db.run(create_field, inside, CreateField(name="city_2", kind=Kind.TEXT, label="city"))
    for name in ("City", "City 2"):
        await wire.ok("POST", f"{place}/field", {"name": name, "type": "TEXT", "length": 9}, 201)
    body = {"email": "ana@mail.example", "subscriber_fields": {"CITY": "Lod", "CITY_2": "Arad"}}
    await wire.ok("POST", f"{place}/subscriber", body, 201)
    key = ContactKey(kind=KeyKind.EMAIL, value="ana@mail.example")
    (contact,) = await wire.runtime.db.read(find_contacts, inside, FindContacts(key=key))
    assert contact.fields == {"city": "Lod", "city_2_2": "Arad"}


async def test_a_field_that_keeps_repeated_addresses_is_not_a_lists(wire: Wire) -> None:
    place = await wire.made_list()
    field = CreateField(name="repeated_phone", kind=Kind.TEXT)
    await wire.runtime.db.run(create_field, wire.inside(place), field)
    await wire.ok("POST", f"{place}/field", {"name": "Repeated phone", "type": "TEXT", "length": 20}, 201)
    await wire.ok("DELETE", f"{place}/field/REPEATED_PHONE", None, 204)
    assert "repeated_phone" in await wire.runtime.db.read(field_kinds, wire.inside(place))
