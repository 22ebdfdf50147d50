"""Contacts through 360NRS's API: made, changed, shown, found and deleted."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from tests.dialects.nrs.wire import Wire
from tests.support import OPERATOR, new_key

from carillon.audience.fields import CreateField, create_field
from carillon.db.database import Database
from carillon.tenancy.accounts import CreateAccount, OpenAccount, create_account, open_account
from carillon.tenancy.credentials import create_credential

NEW = {"email": "ines@example.org", "groupsNames": ["Everybody"]}
BLANK = [None, "", " "]


async def test_a_new_contact_is_answered_with_201_and_where_it_is(wire: Wire) -> None:
    body = {
        "email": "Ines@Example.org",
        "phone": "612 000 111",
        "countryIso": "es",
        "landline": "910000222",
        "name": "Inés",
        "surname": "Soler",
        "externalId": "A-7",
        "groupsNames": ["Everybody"],
    }
    reply = await wire.send("POST", "/contacts", body)
    assert reply.status_code == 201
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    data = reply.json()["data"]
    assert list(data.items()) == [
        ("id", data["id"]),
        ("email", "Ines@example.org"),
        ("phone", "34612000111"),
        ("countryIso", "ES"),
        ("landline", "910000222"),
        ("name", "Inés"),
        ("surname", "Soler"),
        ("externalId", "A-7"),
        ("createdAt", "2025-03-09T10:30:00+00:00"),
        ("updatedAt", "2025-03-09T10:30:00+00:00"),
        ("links", {"self": f"http://carillon.example/api/rest/contacts/{data['id']}"}),
    ]
    assert isinstance(data["id"], int)
    found = await wire.client.get(data["links"]["self"], auth=(wire.username, wire.password))
    assert found.json()["data"] == {key: value for key, value in data.items() if key != "links"}


async def test_what_a_contact_has_not_is_null(wire: Wire) -> None:
    data = await wire.add(email="only@example.org")
    empty = {"phone", "countryIso", "landline", "name", "surname", "externalId"}
    assert {key for key, value in data.items() if value is None} == empty


@pytest.mark.parametrize("missing", BLANK)
async def test_email_is_required_without_phone_and_landline(wire: Wire, missing: str | None) -> None:
    body = {"email": missing, "phone": missing, "landline": missing, "countryIso": "ES"}
    assert await wire.refusal("POST", "/contacts", body) == (422, 422, "The email field is required.")


@pytest.mark.parametrize("missing", BLANK)
@pytest.mark.parametrize("key", ["phone", "landline"])
async def test_the_country_is_required_with_a_phone_and_with_a_landline(
    wire: Wire, key: str, missing: str | None
) -> None:
    body = {key: "612000111", "countryIso": missing, "email": "x@example.org"}
    assert await wire.refusal("POST", "/contacts", body) == (422, 422, "The countryIso field is required.")


@pytest.mark.parametrize("blank", ["", " "])
async def test_a_blank_name_among_groups_is_missing(wire: Wire, blank: str) -> None:
    expected = (422, 422, "The groupsNames.1 field is required.")
    assert await wire.refusal("POST", "/contacts", {**NEW, "groupsNames": ["Everybody", blank]}) == expected


@pytest.mark.parametrize("nothing", [{}, {"groupsIds": [], "groupsNames": []}, {"groupsIds": None}])
async def test_groups_are_required_by_ids_or_by_names(wire: Wire, nothing: dict[str, Any]) -> None:
    expected = (422, 422, "The groupsIds field is required.")
    assert await wire.refusal("POST", "/contacts", {"email": "x@example.org", **nothing}) == expected
    contact = await wire.add(email="y@example.org")
    assert await wire.refusal("PUT", f"/contacts/{contact['id']}", {"email": "x@example.org", **nothing}) == expected


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"phone": "12", "countryIso": "ES"}, "phone"),
        ({"phone": "612000111", "countryIso": "XX"}, "countryIso"),
        ({"countryIso": "Spain"}, "countryIso"),
        ({"landline": "9" * 51, "countryIso": "ES"}, "landline"),
        ({"externalId": "e" * 256}, "externalId"),
        ({"name": "n" * 4001}, "name"),
        ({"surname": "n" * 4001}, "surname"),
        ({"name": ["Ines"]}, "name"),
        ({"name": 5}, "name"),
        ({"surname": True}, "surname"),
        ({"email": 5}, "email"),
        ({"phone": ["612000111"], "countryIso": "ES"}, "phone"),
        ({"phone": "six one two", "countryIso": "ES"}, "phone"),
        ({"landline": "home", "countryIso": "ES"}, "landline"),
        ({"landline": "910000222x", "countryIso": "ES"}, "landline"),
        ({"landline": "---", "countryIso": "ES"}, "landline"),
        ({"landline": {"a": "910000222"}, "countryIso": "ES"}, "landline"),
        ({"landline": True, "countryIso": "ES"}, "landline"),
        ({"countryIso": 34}, "countryIso"),
        ({"externalId": ["7"]}, "externalId"),
        ({"groupsNames": "Everybody"}, "groupsNames"),
        ({"groupsNames": 7}, "groupsNames"),
        ({"groupsNames": {"name": "Everybody"}}, "groupsNames"),
        ({"groupsNames": ["Everybody", 7]}, "groupsNames.1"),
        ({"groupsNames": [True]}, "groupsNames.0"),
        ({"groupsNames": [["Everybody"]]}, "groupsNames.0"),
        ({"groupsIds": "1"}, "groupsIds"),
        ({"groupsIds": 1}, "groupsIds"),
        ({"groupsIds": {"id": 1}}, "groupsIds"),
        ({"groupsIds": [True]}, "groupsIds.0"),
        ({"customFields": "x"}, "customFields"),
        ({"customFields": 5}, "customFields"),
        ({"customFields": {"key": "k", "value": "v"}}, "customFields"),
        ({"customFields": [["k", "v"]]}, "customFields.0"),
        ({"customFields": [{"key": 5, "value": "v"}]}, "customFields.0.key"),
        ({"customFields": [{"key": "k", "type": 5, "value": "v"}]}, "customFields.0.type"),
        ({"email": {"a": 1}}, "email"),
        ({"email": "a\0@example.org"}, "email"),
        ({"groupsNames": ["ok", "g" * 201]}, "groupsNames.1"),
        ({"groupsNames": [" "]}, "groupsNames.0"),
        ({"groupsNames": [{"a": 1, "b": 2}]}, "groupsNames.0"),
        ({"groupsIds": ["x"]}, "groupsIds.0"),
        ({"groupsIds": [2**53]}, "groupsIds.0"),
        ({"groupsIds": [4_000_000]}, "groupsIds"),
        ({"customFields": ["x"]}, "customFields.0"),
        ({"customFields": [{"key": "k", "value": "v"}, {"value": "v"}]}, "customFields.1.key"),
        ({"customFields": [{"key": "k", "type": "number", "value": "1"}]}, "customFields.0.type"),
        ({"customFields": [{"key": "k" * 201, "value": "1"}]}, "customFields.0.key"),
        ({"customFields": [{"key": "k", "value": ["1"]}]}, "customFields.0.value"),
        ({"customFields": [{"key": "k", "value": "v" * 4001}]}, "customFields.0.value"),
        ({"customFields": [{"key": "k", "type": "decimal", "value": "1,5"}]}, "customFields.0.value"),
        ({"customFields": [{"key": "k", "type": "date", "value": "13/03/2018"}]}, "customFields.0.value"),
        (
            {"customFields": [{"key": "k", "type": "date", "value": "0001-01-01T00:00:00+14:00"}]},
            "customFields.0.value",
        ),
    ],
)
async def test_a_value_that_cant_be_used_is_told_by_its_name_and_nothing_is_kept(
    wire: Wire, change: dict[str, Any], field: str
) -> None:
    status, code, description = await wire.refusal("POST", "/contacts", {**NEW, **change})
    assert (status, code) == (422, 422)
    assert description.startswith(f"The {field} field is ")
    assert (await wire.get("/contacts"))["data"] == []
    assert (await wire.get("/groups"))["data"] == []


@pytest.mark.parametrize(("key", "limit"), [("groupsIds", 1000), ("groupsNames", 1000), ("customFields", 200)])
async def test_lists_have_limits(wire: Wire, key: str, limit: int) -> None:
    status, code, description = await wire.refusal("POST", "/contacts", {**NEW, key: ["1"] * (limit + 1)})
    assert (status, code) == (422, 422)
    assert description.startswith(f"The {key} field is invalid: ")
    assert str(limit) in description


async def test_a_national_phone_is_read_with_the_contacts_country(wire: Wire) -> None:
    for phone, country, read in (
        ("0521110001", "IL", "972521110001"),
        ("612000111", "ES", "34612000111"),
        ("34612000112", "ES", "34612000112"),
        ("+44 7700 900123", "ES", "447700900123"),
        ("3466666666", "ES", "3466666666"),
        ("415 555 0123", "US", "14155550123"),
    ):
        assert (await wire.add(phone=phone, countryIso=country))["phone"] == read


async def test_a_phone_that_was_shown_can_be_sent_back(wire: Wire) -> None:
    contact = await wire.add(phone="+447700900123", countryIso="ES")
    again = await wire.put(contact["id"], phone=contact["phone"], countryIso=contact["countryIso"])
    assert again == contact


async def test_a_contact_may_have_a_landline_only(wire: Wire) -> None:
    contact = await wire.add(landline="910 000 222", countryIso="ES")
    assert (contact["landline"], contact["phone"], contact["email"]) == ("910 000 222", None, None)


async def test_groups_are_joined_by_id_and_by_name_and_made_where_they_are_missing(wire: Wire) -> None:
    first = await wire.group("First")
    contact = await wire.add(email="x@example.org", groupsIds=[first, str(first)], groupsNames=["Second", " second "])
    groups = (await wire.show(contact["id"]))["groups"]["data"]
    assert groups == [{"id": first, "name": "First"}, {"id": groups[1]["id"], "name": "Second"}]
    assert len((await wire.get("/groups"))["data"]) == 2
    assert (await wire.add(email="y@example.org", groupsIds=[first], groupsNames=[]))["id"]


async def test_an_unknown_group_refuses_all_of_the_call(wire: Wire) -> None:
    first = await wire.group("First")
    body = {
        "email": "x@example.org",
        "groupsIds": [first, first + 1],
        "groupsNames": ["Second"],
        "customFields": [{"key": "k", "value": "v"}],
    }
    status, code, description = await wire.refusal("POST", "/contacts", body)
    assert (status, code) == (422, 422)
    assert description == f"The groupsIds field is invalid: There is no group {first + 1}."
    assert [one["name"] for one in (await wire.get("/groups"))["data"]] == ["First"]
    assert (await wire.get("/contacts"))["data"] == []


async def test_posting_a_known_email_or_phone_changes_that_contact(wire: Wire) -> None:
    first = await wire.add(email="x@example.org", phone="612000111", countryIso="ES", name="X", externalId="7")
    wire.clock.moment += timedelta(seconds=5)
    for keys in ({"email": "X@example.org"}, {"phone": "+34612000111", "countryIso": "ES"}):
        changed = await wire.add(**keys, surname="Y")
        assert (changed["id"], changed["name"], changed["surname"]) == (first["id"], "X", "Y")
        assert changed["updatedAt"] == "2025-03-09T10:30:05+00:00"
    assert (await wire.add(email="new@example.org", externalId="7"))["id"] == first["id"]


async def test_keys_of_two_contacts_are_a_conflict(wire: Wire) -> None:
    first = await wire.add(email="x@example.org")
    second = await wire.add(phone="612000111", countryIso="ES")
    body = {"email": "x@example.org", "phone": "612000111", "countryIso": "ES", "groupsNames": ["Everybody"]}
    status, code, description = await wire.refusal("POST", "/contacts", body)
    assert (status, code) == (422, 422)
    assert str(first["id"]) in description
    assert str(second["id"]) in description
    await wire.put(first["id"], email="x@example.org", externalId="7")
    body = {"email": "z@example.org", "externalId": "7", "groupsNames": ["Everybody"]}
    expected = (422, 422, f"The externalId exists for contact {first['id']}.")
    assert await wire.refusal("PUT", f"/contacts/{second['id']}", body) == expected


async def test_an_update_changes_what_it_gives_and_leaves_the_rest(wire: Wire) -> None:
    contact = await wire.add(
        email="x@example.org", phone="612000111", countryIso="ES", name="X", landline="91", externalId="7"
    )
    wire.clock.moment += timedelta(minutes=1)
    changed = await wire.put(contact["id"], email="y@example.org", surname="Y", name=None)
    assert changed == contact | {
        "email": "y@example.org",
        "surname": "Y",
        "updatedAt": "2025-03-09T10:31:00+00:00",
    }
    assert changed["links"] == contact["links"]


async def test_an_empty_text_empties(wire: Wire) -> None:
    contact = await wire.add(email="x@example.org", phone="612000111", countryIso="ES", name="X", surname="Y")
    changed = await wire.put(contact["id"], email="x@example.org", phone="", countryIso="", name="", surname=" ")
    assert [changed[key] for key in ("phone", "countryIso", "name", "surname")] == [None] * 4


async def test_an_update_has_the_requirements_of_a_new_contact(wire: Wire) -> None:
    contact = await wire.add(email="x@example.org")
    path = f"/contacts/{contact['id']}"
    assert (await wire.refusal("PUT", path, {"name": "X"}))[2] == "The email field is required."
    assert (await wire.refusal("PUT", path, {"phone": "612000111"}))[2] == "The countryIso field is required."


async def test_an_update_joins_groups_and_leaves_none(wire: Wire) -> None:
    contact = await wire.add(email="x@example.org")
    second = await wire.group("Second")
    await wire.put(contact["id"], email="x@example.org", groupsIds=[second], groupsNames=["Third"])
    groups = (await wire.show(contact["id"]))["groups"]["data"]
    assert [one["name"] for one in groups] == ["Everybody", "Second", "Third"]


@pytest.mark.parametrize("contact_id", ["4000000", "0", "-1", "x", "9007199254740992", "1.0", "%00", "9" * 40])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_unknown_contact_is_not_found(wire: Wire, method: str, contact_id: str) -> None:
    body = NEW if method == "PUT" else None
    expected = (404, 404, "There is no such contact.")
    assert await wire.refusal(method, f"/contacts/{contact_id}", body) == expected
    assert (await wire.get("/groups"))["data"] == []


async def test_what_is_wrong_with_the_body_is_told_before_an_unknown_id(wire: Wire) -> None:
    assert (await wire.refusal("PUT", "/contacts/x", {}))[:2] == (422, 422)


async def test_a_contact_is_deleted_without_a_body_in_the_answer(wire: Wire) -> None:
    contact = await wire.add(email="x@example.org")
    reply = await wire.send("DELETE", f"/contacts/{contact['id']}")
    assert (reply.status_code, reply.content) == (204, b"")
    assert (await wire.refusal("GET", f"/contacts/{contact['id']}"))[0] == 404
    assert (await wire.refusal("DELETE", f"/contacts/{contact['id']}"))[0] == 404


async def test_custom_fields_and_groups_are_shown_when_they_are_asked_for(wire: Wire) -> None:
    contact = await wire.add(email="x@example.org", customFields=[{"key": "Colour", "value": "green"}])
    group = (await wire.get("/groups"))["data"][0]
    custom = {"data": [{"key": "Colour", "type": "string", "value": "green"}]}
    for include, shown in (
        ("", {}),
        ("customFields", {"customFields": custom}),
        ("groups", {"groups": {"data": [group]}}),
        (" groups ,customFields,", {"customFields": custom, "groups": {"data": [group]}}),
    ):
        one = (await wire.get(f"/contacts/{contact['id']}", include=include))["data"]
        assert {key: one[key] for key in one.keys() & {"customFields", "groups", "links"}} == shown
        assert (await wire.get("/contacts", include=include))["data"] == [one]
    assert (await wire.refusal("GET", f"/contacts/{contact['id']}?include=sendings"))[:2] == (422, 422)
    assert (await wire.refusal("GET", "/contacts?include=sendings"))[:2] == (422, 422)


async def test_custom_fields_are_typed_and_keep_their_keys(wire: Wire) -> None:
    fields = [
        {"key": "Talla de camisa", "value": "L"},
        {"key": "since", "type": "date", "value": "2018-03-13T14:32:25+02:00"},
        {"key": "day", "type": "DATE", "value": "2018-03-13"},
        {"key": "height", "type": "decimal", "value": "0.000001"},
        {"key": "debt", "type": "decimal", "value": -12.50},
        {"key": "city", "type": "string", "value": "Lod"},
        {"key": "CITY", "type": "", "value": 5},
        {"key": "цвет", "value": "синий"},
    ]
    contact = await wire.add(email="x@example.org", customFields=fields)
    assert await wire.custom(contact["id"]) == {
        "Talla de camisa": ("string", "L"),
        "since": ("date", "2018-03-13T12:32:25+00:00"),
        "day": ("date", "2018-03-13T00:00:00+00:00"),
        "height": ("decimal", "0.000001"),
        "debt": ("decimal", "-12.5"),
        "city": ("string", "Lod"),
        "CITY": ("string", "5"),
        "цвет": ("string", "синий"),
    }
    shown = (await wire.show(contact["id"]))["customFields"]
    again = await wire.add(email="y@example.org", customFields=shown)
    assert await wire.custom(again["id"]) == await wire.custom(contact["id"])


async def test_a_field_keeps_its_first_type(wire: Wire) -> None:
    contact = await wire.add(email="x@example.org", customFields=[{"key": "size", "type": "decimal", "value": "4"}])
    status, code, description = await wire.refusal(
        "PUT", f"/contacts/{contact['id']}", {**NEW, "customFields": [{"key": "size", "value": "large"}]}
    )
    assert (status, code) == (422, 422)
    assert description.startswith("The customFields.0.value field is invalid: ")
    await wire.put(contact["id"], email="x@example.org", customFields=[{"key": "size", "value": "5"}])
    assert await wire.custom(contact["id"]) == {"size": ("decimal", "5")}


async def test_an_update_leaves_other_custom_fields_and_empties_with_null(wire: Wire) -> None:
    first, second = {"key": "a", "value": "1"}, {"key": "b", "value": "2"}
    contact = await wire.add(email="x@example.org", customFields=[first, second])
    await wire.put(contact["id"], email="x@example.org", customFields=[{"key": "a", "value": None}])
    assert await wire.custom(contact["id"]) == {"b": ("string", "2")}


async def test_fields_that_were_made_elsewhere_are_shown_by_their_labels(wire: Wire, db: Database) -> None:
    await db.run(create_field, wire.account.actor, CreateField(name="shoe_size", label="Shoe size"))
    contact = await wire.add(email="x@example.org", customFields=[{"key": "Shoe size", "value": "41"}])
    assert await wire.custom(contact["id"]) == {"Shoe size": ("string", "41")}


async def test_an_audience_has_so_many_fields_and_no_more(wire: Wire) -> None:
    await wire.add(email="x@example.org", customFields=[{"key": f"k{n}", "value": "v"} for n in range(200)])
    body = {**NEW, "customFields": [{"key": "one more", "value": "v"}]}
    status, code, description = await wire.refusal("POST", "/contacts", body)
    assert (status, code) == (422, 422)
    assert description.startswith("The customFields.0.key field is invalid: ")


async def test_filters_find_contacts(wire: Wire) -> None:
    x = await wire.add(
        email="X@example.org", phone="612000111", countryIso="ES", landline="910000222", externalId="E 1"
    )
    y = await wire.add(email="y@example.org", phone="0521110001", countryIso="IL", landline="910000222")
    for filters, found in (
        ({}, [x, y]),
        ({"email": "x@EXAMPLE.org"}, [x]),
        ({"phone": "34612000111"}, [x]),
        ({"phone": "+34612000111"}, [x]),
        ({"phone": "972521110001"}, [y]),
        ({"phone": "0521110001"}, [y]),
        ({"phone": "612000111", "countryIso": "ES"}, [x]),
        ({"landline": "910000222"}, [x, y]),
        ({"landline": "910000222", "countryIso": "es"}, [x]),
        ({"countryIso": "IL"}, [y]),
        ({"externalId": "E 1"}, [x]),
        ({"email": "x@example.org", "phone": "972521110001"}, []),
        ({"email": "x@example.org", "landline": "1"}, []),
        ({"email": "nobody"}, []),
        ({"phone": "x"}, []),
        ({"email": "", "phone": " "}, [x, y]),
        ({"unknown": "x"}, [x, y]),
    ):
        assert [one["id"] for one in (await wire.get("/contacts", **filters))["data"]] == [one["id"] for one in found]


async def test_a_list_is_divided_into_pages_that_are_linked(wire: Wire) -> None:
    ids = [
        (await wire.add(email=f"p{number}@example.org", landline="9 1", countryIso="ES"))["id"] for number in range(5)
    ]
    seen: list[int] = []
    url = "/contacts?limit=2&include=customFields,groups&landline=9 1"
    pages = []
    while url:
        reply = (await wire.send("GET", url.removeprefix("http://carillon.example/api/rest"))).json()
        seen += [one["id"] for one in reply["data"]]
        pages.append(reply["meta"]["pagination"])
        url = pages[-1]["links"].get("next")
    assert seen == ids
    base = "http://carillon.example/api/rest/contacts?limit=2&include=customFields%2Cgroups&landline=9+1&page="
    assert pages == [
        {
            "total": 5,
            "count": count,
            "per_page": 2,
            "current_page": number,
            "total_pages": 3,
            "links": links,
        }
        for number, count, links in (
            (1, 2, {"next": f"{base}2"}),
            (2, 2, {"previous": f"{base}1", "next": f"{base}3"}),
            (3, 1, {"previous": f"{base}2"}),
        )
    ]


async def test_a_page_has_100_items_unless_said_otherwise_and_at_most_1000(wire: Wire) -> None:
    for given, size in (
        ({}, 100),
        ({"limit": ""}, 100),
        ({"limit": 1}, 1),
        ({"limit": 1000}, 1000),
        ({"limit": 1001}, 1000),
    ):
        pagination = (await wire.get("/contacts", **given))["meta"]["pagination"]
        assert pagination == {
            "total": 0,
            "count": 0,
            "per_page": size,
            "current_page": 1,
            "total_pages": 1,
            "links": {},
        }


async def test_a_page_behind_the_last_is_empty(wire: Wire) -> None:
    await wire.add(email="x@example.org")
    page = await wire.get("/contacts", page=1_000_000_000, limit=1000)
    assert page["data"] == []
    assert page["meta"]["pagination"]["links"] == {
        "previous": "http://carillon.example/api/rest/contacts?limit=1000&page=1"
    }


@pytest.mark.parametrize("path", ["/contacts", "/groups", "/v2/blacklist/sms"])
@pytest.mark.parametrize(
    ("name", "value"),
    [("page", "0"), ("page", "-1"), ("page", "x"), ("page", "1000000001"), ("limit", "0"), ("limit", "x")],
)
async def test_a_page_and_a_limit_are_numbers_from_1(wire: Wire, path: str, name: str, value: str) -> None:
    status, code, description = await wire.refusal("GET", f"{path}?{name}={value}")
    assert (status, code) == (422, 422)
    assert description.startswith(f"The {name} field is invalid: ")


async def test_twenty_clients_make_one_contact_one_group_and_one_field(wire: Wire) -> None:
    body = {
        "email": "x@example.org",
        "phone": "612000111",
        "countryIso": "ES",
        "groupsNames": ["New"],
        "customFields": [{"key": "colour", "value": "green"}],
    }
    replies = await asyncio.gather(*(wire.send("POST", "/contacts", body) for _ in range(20)))
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.json()["data"]["id"] for reply in replies}) == 1
    assert (await wire.get("/contacts"))["meta"]["pagination"]["total"] == 1
    assert [one["name"] for one in (await wire.get("/groups"))["data"]] == ["New"]
    assert await wire.custom(replies[0].json()["data"]["id"]) == {"colour": ("string", "green")}


async def test_another_accounts_contacts_and_groups_are_not_there(wire: Wire, db: Database) -> None:
    contact = await wire.add(email="x@example.org", phone="612000111", countryIso="ES")
    group = await wire.group("Ours")
    other = await db.run(create_account, OPERATOR, CreateAccount(name="Others", country="ES"))
    actor = await db.read(open_account, OPERATOR, OpenAccount(account_id=other.account.account_id))
    made = await db.run(create_credential, actor, new_key("nrs"), wire.runtime.secret_box)
    theirs = {"auth": (made.parts["username"], made.parts["password"])}
    for path in (f"/contacts/{contact['id']}", f"/groups/{group}"):
        for method in ("GET", "PUT", "DELETE"):
            body = {**NEW, "name": "Mine"} if method == "PUT" else None
            assert (await wire.refusal(method, path, body, **theirs))[0] == 404
    joining = {"email": "z@example.org", "groupsIds": [group]}
    assert (await wire.refusal("POST", "/contacts", joining, **theirs))[:2] == (422, 422)
    for path in ("/contacts", "/groups", "/contacts?phone=34612000111"):
        assert (await wire.send("GET", path, **theirs)).json()["data"] == []
    assert (await wire.show(contact["id"]))["name"] is None


# Short for a Spanish number, so that a number of an account in Israel is the likelier reading of its digits.
SHORT = {"phone": "3466666667", "countryIso": "ES"}


async def test_a_phone_as_it_is_shown_finds_its_contact_whatever_the_plans_say(wire: Wire) -> None:
    made = await wire.add(**SHORT)
    assert made["phone"] == SHORT["phone"]
    (found,) = (await wire.get("/contacts", phone=made["phone"]))["data"]
    assert found["id"] == made["id"]
    assert (await wire.get("/contacts", phone="3466666668"))["data"] == []


async def test_a_phone_as_it_is_shown_can_be_sent_back(wire: Wire) -> None:
    made = await wire.add(email="una@example.org", phone="+3212345678", countryIso="US")
    assert made["phone"] == "3212345678"
    put = await wire.put(made["id"], phone=made["phone"], countryIso="US")
    assert put["phone"] == made["phone"]
    other = await wire.put(made["id"], email="una@example.org", phone="3212345679", countryIso="US")
    assert other["phone"] == "13212345679"


async def test_a_phone_as_it_is_shown_is_posted_to_its_contact(wire: Wire) -> None:
    made = await wire.add(**SHORT)
    again = await wire.add(phone=made["phone"], countryIso="IL", name="Una")
    assert (again["id"], again["phone"]) == (made["id"], made["phone"])


async def test_with_a_country_the_number_that_it_dials_is_found_first(wire: Wire) -> None:
    spanish = await wire.add(phone="687751234", countryIso="ES")
    await wire.add(phone="+687751234", countryIso="NC", email="una@example.org")
    (found,) = (await wire.get("/contacts", phone="687751234", countryIso="ES"))["data"]
    assert found["id"] == spanish["id"]
    ukrainian = await wire.add(phone="0501234567", countryIso="UA")
    await wire.add(phone="+972501234567", countryIso="IL")
    (found,) = (await wire.get("/contacts", phone="0501234567", countryIso="UA"))["data"]
    assert found["id"] == ukrainian["id"]


@pytest.mark.parametrize("country", ["AQ", "BV", "GS", "HM", "PN", "TF", "UM"])
async def test_a_country_without_a_telephone_network_is_a_country(wire: Wire, country: str) -> None:
    made = await wire.add(email=f"{country}@example.org", phone="34612000111", countryIso=country)
    assert (made["countryIso"], made["phone"]) == (country, "34612000111")


@pytest.mark.parametrize("empty", [{"data": []}, {}, [], ""])
async def test_custom_fields_as_they_are_shown_can_be_sent_back_though_there_are_none(wire: Wire, empty: Any) -> None:
    made = await wire.add(email="una@example.org")
    assert (await wire.show(made["id"]))["customFields"] == {"data": []}
    await wire.put(made["id"], email="una@example.org", customFields=empty)
    assert await wire.custom(made["id"]) == {}


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("40.4167754", "40.4167754"),
        (40.4167754, "40.4167754"),
        (0.1 + 0.2, "0.30000000000000004"),
        ("1000000.0000000", "1000000.0"),
        (4111111111111111, "4111111111111111"),
        ("9223372036854775807", "9223372036854775807"),
    ],
)
async def test_a_decimal_may_have_many_digits(wire: Wire, given: object, shown: str) -> None:
    made = await wire.add(email="una@example.org", customFields=[{"key": "k", "type": "decimal", "value": given}])
    assert await wire.custom(made["id"]) == {"k": ("decimal", shown)}
