"""Contacts: uploaded to a list, kept apart from duplicates, suppressed by stop lists."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from tests.dialects.devino.wire import BATCH, LISTS, Wire

from carillon.audience.suppressions import Address, Channel, Reactivate, reactivate

PHONE, MAIL = "79261112233", "Dina@mail.example"


def rejected(key: str, name: str, display_name: str) -> dict[str, Any]:
    return {"localizationKey": key, "fieldName": name, "displayName": display_name}


async def test_a_contact_is_added_and_shown(wire: Wire) -> None:
    made = await wire.make(type="PUSH", fields=[{"name": "Pet", "displayName": "Pet name"}])
    (outcome,) = await wire.add(
        made,
        {
            "email": MAIL,
            "phone": PHONE,
            "fields": [
                {"name": "name", "type": 3, "value": "Dina"},
                {"name": "SURNAME", "value": ["Orlova"]},
                {"name": "gender", "type": 3, "value": "gender.female"},
                {"name": "birthdate", "type": 8, "value": "1990-05-17"},
                {"name": "Pet", "value": "cat"},
            ],
            "pushInfo": [{"appId": "shop", "os": 1, "pushToken": "token-a"}],
        },
    )
    assert outcome["code"] == "OK"
    (shown,) = await wire.contacts(made)
    assert shown["contactId"] == outcome["result"]["contactId"]
    of_list, own = shown["contactId"].split("-")
    assert (len(of_list), len(own), int(of_list, 16)) == (16, 16, int(made))
    assert (shown["companyId"], shown["contactGroupId"]) == (wire.account.account_id, made)
    assert (shown["creationDate"], shown["lastUpdate"]) == ("2025-03-09 10:30:00", "2025-03-09 10:30:00")
    assert (shown["phone"], shown["email"]) == (PHONE, MAIL)
    assert {one["name"]: one["value"] for one in shown["fields"]} == {
        "name": ["Dina"],
        "surname": ["Orlova"],
        "gender": ["gender.female"],
        "birthdate": ["1990-05-17"],
        "Pet": ["cat"],
    }
    pet = next(one for one in shown["fields"] if one["name"] == "Pet")
    assert (pet["displayName"], pet["type"], pet["isDefault"]) == ("Pet name", 3, False)
    assert shown["unsubscribedData"] == []
    assert shown["pushInfo"] == [{"appId": "shop", "os": 1, "pushToken": "token-a"}]


async def test_the_lists_id_is_a_number_or_a_text(wire: Wire) -> None:
    made = await wire.make()
    for given in (int(made), made, float(made), f" {made} "):
        assert (await wire.add(given, {"phone": PHONE}))[0]["code"] == "OK"
    (shown,) = await wire.lists(name="Clients")
    assert shown["contactsCount"] == "4"


@pytest.mark.parametrize("given", [3576505602081984000, "3576505602081984000", 2**63 - 1, "9" * 30])
async def test_a_list_of_64_bits_that_is_not_there_is_unknown(wire: Wire, given: Any) -> None:
    body = {"contactGroupId": given, "contacts": [{"phone": PHONE}]}
    assert await wire.refusal("POST", BATCH, body) == (400, "contactGroupId.unknown")


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({}, "contactGroupId.must.be.not.null"),
        ({"contactGroupId": "x", "contacts": [{}]}, "contactGroupId.invalid"),
        ({"contactGroupId": {}, "contacts": [{}]}, "contactGroupId.invalid"),
        ({"contactGroupId": -1, "contacts": [{}]}, "contactGroupId.invalid"),
        ({"contactGroupId": 1}, "contacts.must.be.not.null"),
        ({"contactGroupId": 1, "contacts": []}, "contacts.must.be.not.null"),
        ({"contactGroupId": 1, "contacts": {}}, "contacts.must.be.not.null"),
        ({"contactGroupId": 1, "contacts": ""}, "contacts.must.be.not.null"),
        ({"contactGroupId": 1, "contacts": "79261112233"}, "contacts.invalid"),
        ({"contactGroupId": 1, "contacts": 79261112233}, "contacts.invalid"),
        ({"contactGroupId": 1, "contacts": {"phone": PHONE, "email": MAIL}}, "contacts.invalid"),
        ({"contactGroupId": 1, "contacts": {"contact": [{"phone": PHONE}]}}, "contacts.invalid"),
        ({"contactGroupId": 1, "contacts": {"fields": [{"name": "name", "value": "Dina"}]}}, "contacts.invalid"),
        ({"contactGroupId": 1, "contacts": {"0": {"phone": PHONE}, "a": {"email": MAIL}}}, "contacts.invalid"),
        ({"contactGroupId": 1, "contacts": [{}], "duplicateCheckField": "shoe"}, "duplicateCheckField.unknown"),
        ({"contactGroupId": 1, "contacts": [{}] * 10_001}, "contacts.length.too.long"),
    ],
)
async def test_an_upload_that_is_wrong_as_a_whole_is_refused(wire: Wire, body: Any, key: str) -> None:
    if body.get("contactGroupId") == 1:
        body = {**body, "contactGroupId": wire.account.audience_id}
    assert await wire.refusal("POST", BATCH, body) == (400, key)


@pytest.mark.parametrize("zone", [841, -721, "x"])
async def test_a_zone_that_is_nowhere_is_refused(wire: Wire, zone: Any) -> None:
    body = {"contactGroupId": wire.account.audience_id, "contacts": [{}]}
    assert await wire.refusal("POST", BATCH, body, params={"zoneOffset": zone}) == (400, "zoneOffset.invalid")


@pytest.mark.parametrize(
    ("contact", "result"),
    [
        ({"phone": "12"}, rejected("INVALID_VALUE", "phone", "Phone")),
        ({"phone": "0541110001"}, rejected("INVALID_VALUE", "phone", "Phone")),
        ({"phone": PHONE, "email": "nobody"}, rejected("INVALID_VALUE", "email", "Email")),
        ({"phone": {}}, rejected("INVALID_VALUE", "phone", "Phone")),
        ({"email": ["a"]}, rejected("INVALID_VALUE", "email", "Email")),
        ("text", rejected("INVALID_VALUE", "contacts", "Contacts")),
        (None, rejected("INVALID_VALUE", "contacts", "Contacts")),
        ({"fields": "x"}, rejected("INVALID_VALUE", "fields", "fields")),
        ({"fields": ""}, rejected("INVALID_VALUE", "fields", "fields")),
        ({"fields": {"name": "name", "value": "Dina"}}, rejected("INVALID_VALUE", "fields", "fields")),
        ({"fields": [1]}, rejected("INVALID_VALUE", "fields", "Fields")),
        ({"fields": [{"value": "x"}]}, rejected("INVALID_VALUE", "fields.name", "Field name")),
        ({"fields": [{"name": "gender", "value": "x"}]}, rejected("INVALID_VALUE", "gender", "Gender")),
        ({"fields": [{"name": "name", "value": "x" * 4001}]}, rejected("LENGTH_TOO_LONG", "name", "Name")),
        ({"fields": [{"name": "birthdate", "value": "May"}]}, rejected("INVALID_VALUE", "birthdate", "Birthdate")),
        ({"fields": [{"name": "Size", "value": "XL"}]}, rejected("INVALID_VALUE", "Size", "The size")),
        ({"fields": [{"name": "Size", "value": {"a": 1}}]}, rejected("INVALID_VALUE", "Size", "Size")),
        ({"fields": [{"name": "Shoes", "value": "many"}]}, rejected("INVALID_VALUE", "Shoes", "Shoes")),
        ({"fields": [{"name": "name", "value": "x"}] * 201}, rejected("LENGTH_TOO_LONG", "fields", "fields")),
        ({"pushInfo": [{"os": 0}]}, rejected("INVALID_VALUE", "pushToken", "pushToken")),
        ({"pushInfo": [{"os": 2, "pushToken": "t"}]}, rejected("INVALID_VALUE", "os", "os")),
        ({"pushInfo": {"os": 0, "pushToken": "t"}}, rejected("INVALID_VALUE", "pushInfo", "pushInfo")),
        ({"pushInfo": ["t"]}, rejected("INVALID_VALUE", "pushInfo", "pushInfo")),
        ({"pushInfo": [{"os": 0, "pushToken": "t" * 1025}]}, rejected("LENGTH_TOO_LONG", "pushToken", "pushToken")),
        (
            {"pushInfo": [{"os": 0, "pushToken": "t", "appId": "a" * 201}]},
            rejected("LENGTH_TOO_LONG", "appId", "appId"),
        ),
    ],
)
async def test_a_bad_contact_costs_only_itself(wire: Wire, contact: Any, result: Any) -> None:
    fields = [{"name": "Size", "displayName": "The size", "values": ["S", "M"]}, {"name": "Shoes", "type": 2}]
    made = await wire.make(fields=fields)
    first, outcome, last = await wire.add(made, {"phone": PHONE}, contact, {"email": MAIL})
    assert (outcome["code"], outcome["result"]) == ("REJECTED", result)
    assert outcome["description"]
    assert (first["code"], last["code"]) == ("OK", "OK")
    assert len(await wire.contacts(made)) == 2


@pytest.mark.parametrize(("check", "name"), [("phone", "phone"), (1, "phone"), ("EMAIL", "email"), ("2", "email")])
async def test_a_duplicate_of_the_field_that_is_checked_is_rejected(wire: Wire, check: Any, name: str) -> None:
    made = await wire.make()
    values = {"phone": ("79261112233", "+7 926 111-22-33"), "email": (MAIL, MAIL.upper())}[name]
    await wire.add(made, {name: values[0]})
    again, other, same = await wire.add(
        made,
        {name: values[1]},
        {"phone": "79260000001", "email": "new@mail.example"},
        {"phone": "79260000001", "email": "new@mail.example"},
        duplicateCheckField=check,
    )
    assert again == {
        "code": "REJECTED",
        "result": rejected("DUPLICATE_VALUE", name, name.capitalize()),
        "description": "Duplicate",
    }
    assert (other["code"], same["code"]) == ("OK", "REJECTED")
    assert len(await wire.contacts(made)) == 2


async def test_duplicates_of_any_field_can_be_checked(wire: Wire) -> None:
    made = await wire.make(fields=[{"name": "Card", "displayName": "Card number", "type": 2}])
    card = {"fields": [{"name": "Card", "value": 4711}]}
    assert (await wire.add(made, card))[0]["code"] == "OK"
    outcome = await wire.add(made, card, {"fields": [{"name": "Card", "value": 5}]}, {}, duplicateCheckField="Card")
    assert [one["code"] for one in outcome] == ["REJECTED", "OK", "OK"]
    assert outcome[0]["result"] == rejected("DUPLICATE_VALUE", "Card", "Card number")
    named = {"fields": [{"name": "name", "value": "Dina"}]}
    outcome = await wire.add(made, named, named, duplicateCheckField="name")
    assert [one["code"] for one in outcome] == ["OK", "REJECTED"]


@pytest.mark.parametrize(
    ("code", "values"),
    [
        (1, [True, "1", "yes", "true"]),
        (2, [1.5, "1.50", "+01.5"]),
        (0, ["2024-03-01 00:00:00", "2024-03-01", "01.03.2024", "2024-03-01T03:00:00+03:00", "2024-03-01T00:00:00.5Z"]),
        (8, ["2024-03-01", "01.03.2024", "2024/03/01"]),
    ],
)
async def test_a_duplicate_is_one_of_the_value_whatever_its_spelling(wire: Wire, code: int, values: list[Any]) -> None:
    made = await wire.make(fields=[{"name": "Own", "type": code}])
    contacts = [{"fields": [{"name": "Own", "value": value}]} for value in values]
    assert (await wire.add(made, contacts[0]))[0]["code"] == "OK"
    for contact in contacts:
        (outcome,) = await wire.add(made, contact, duplicateCheckField="Own")
        assert outcome["result"] == rejected("DUPLICATE_VALUE", "Own", "Own"), contact


@pytest.mark.parametrize("check", [{}, {"duplicateCheckField": 0}, {"duplicateCheckField": "email"}])
async def test_duplicates_that_are_not_checked_are_contacts_of_their_own(wire: Wire, check: Any) -> None:
    made = await wire.make()
    contact = {"phone": PHONE, "fields": [{"name": "name", "value": "Dina"}]}
    outcome = await wire.add(made, contact, contact, **check)
    outcome += await wire.add(made, contact, **check)
    assert len({one["result"]["contactId"] for one in outcome}) == 3
    assert [one["phone"] for one in await wire.contacts(made)] == [PHONE] * 3
    assert len(await wire.contacts(made, queryName="phone", queryValue=PHONE)) == 3
    assert {tuple(one["name"] for one in shown["fields"]) for shown in await wire.contacts(made)} == {("name",)}
    (shown,) = await wire.lists(name="Clients")
    assert "repeated_phone" not in [one["name"] for one in shown["fields"]]


async def test_many_contacts_are_added_at_once(wire: Wire) -> None:
    made = await wire.make()
    rows = [{"phone": f"7926{number:07}", "email": f"a{number % 3000}@mail.example"} for number in range(6_000)]
    outcome = await wire.add(made, *rows, {"phone": "1"}, {}, duplicateCheckField="phone")
    assert [one["code"] for one in outcome] == ["OK"] * 6_000 + ["REJECTED", "OK"]
    again = await wire.add(made, *rows[:200], duplicateCheckField="phone")
    assert {one["code"] for one in again} == {"REJECTED"}
    last = (await wire.contacts(made, offset=5_999, limit=1))[0]
    assert (last["phone"], last["email"]) == ("79260005999", "a2999@mail.example")
    assert last["contactId"] == outcome[5_999]["result"]["contactId"]


@pytest.mark.parametrize("size", [1, 12, 80])
@pytest.mark.parametrize("check", ["", "phone"])
async def test_who_is_there_is_noticed_after_batches_that_matched_none(wire: Wire, size: int, check: str) -> None:
    def many(first: int, count: int) -> list[dict[str, str]]:
        return [{"phone": f"97254{number:07d}"} for number in range(first, first + count)]

    list_id = await wire.make()
    for place in range(4):
        await wire.add(list_id, *many(100 * place, 60), duplicateCheckField=check)
    known = many(30, 1)[0]
    done = await wire.add(list_id, *many(1000, size - 1), known, duplicateCheckField=check)
    assert [one["code"] for one in done[:-1]] == ["OK"] * (size - 1)
    assert done[-1]["code"] == ("REJECTED" if check else "OK")
    await wire.add(list_id, *many(2000, 60), duplicateCheckField=check)
    shown = await wire.contacts(list_id, limit=1000)
    assert len(shown) == 5 * 60 + size - bool(check)
    assert len({one["contactId"] for one in shown}) == len(shown)
    assert [one["phone"] for one in shown].count(known["phone"]) == (1 if check else 2)


async def test_a_field_that_the_list_lacks_is_made(wire: Wire) -> None:
    made = await wire.make()
    fields = [
        {"name": "Since", "type": 0, "value": "2024-05-01 10:00:00"},
        {"name": "timezone", "value": "+3", "displayName": "Zone"},
    ]
    (outcome,) = await wire.add(made, {"phone": PHONE, "fields": fields}, params={"zoneOffset": 180})
    assert outcome["code"] == "OK"
    (shown,) = await wire.lists(name="Clients")
    assert {one["name"]: one["type"] for one in shown["fields"] if not one["isDefault"]} == {"Since": 0, "timezone": 3}
    assert [one["displayName"] for one in shown["fields"] if not one["isDefault"]] == ["Since", "Zone"]
    (contact,) = await wire.contacts(made)
    assert {one["name"]: one["value"] for one in contact["fields"]} == {
        "Since": ["2024-05-01 07:00:00"],
        "timezone": ["+3"],
    }
    (contact,) = await wire.contacts(made, zoneOffset=60)
    assert [one["value"] for one in contact["fields"]] == [["2024-05-01 08:00:00"], ["+3"]]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2024-05-01T10:00", "2024-05-01 07:00:00"),
        ("2024-05-01 10:00:00.75", "2024-05-01 07:00:00"),
        ("01.05.2024 10:00:00", "2024-05-01 07:00:00"),
        ("1/5/2024", "2024-04-30 21:00:00"),
        ("2024-05-01T10:00:00Z", "2024-05-01 10:00:00"),
        ("2024-05-01T10:00:00-0230", "2024-05-01 12:30:00"),
    ],
)
async def test_a_moment_is_of_the_zone_unless_it_says_its_own(wire: Wire, given: str, shown: str) -> None:
    made = await wire.make(fields=[{"name": "Since", "type": 0}])
    await wire.add(made, {"fields": [{"name": "Since", "value": given}]}, params={"zoneOffset": 180})
    (contact,) = await wire.contacts(made)
    assert contact["fields"][0]["value"] == [shown]


@pytest.mark.parametrize(
    "given", ["2024-02-30 10:00:00", "2024-05-01 25:00:00", "2024-05-01 10:00:00+99:99:99", "0000-01-01", "10:00:00",
     "0001-01-01 00:00:00", "1714557600", "2024-05-01 10", "99.99.2024"]
)  # fmt: skip
async def test_what_is_no_moment_costs_its_contact(wire: Wire, given: str) -> None:
    made = await wire.make(fields=[{"name": "Since", "type": 0}])
    (outcome,) = await wire.add(made, {"fields": [{"name": "Since", "value": given}]}, params={"zoneOffset": 180})
    assert outcome["result"] == rejected("INVALID_VALUE", "Since", "Since")


async def test_a_contact_with_fields_beyond_what_a_list_can_have_is_rejected_and_no_other(wire: Wire) -> None:
    made = await wire.make()
    fields = [[{"name": f"own {number}", "value": "1"} for number in range(at, at + 101)] for at in (0, 101)]
    outcome = await wire.add(made, *({"fields": one} for one in fields), {"fields": fields[0][:1]})
    assert [one["code"] for one in outcome] == ["OK", "REJECTED", "OK"]
    assert outcome[1]["description"] == "The list has no such field, and can't have it."
    assert await custom_fields(wire) == {one["name"]: 3 for one in fields[0]}


async def custom_fields(wire: Wire) -> dict[str, int]:
    (shown,) = await wire.lists(name="Clients")
    return {one["name"]: one["type"] for one in shown["fields"] if not one["isDefault"]}


CODE = {"name": "code", "type": 2, "value": "1"}


@pytest.mark.parametrize(
    ("contact", "outcome"),
    [
        ({"fields": [{"name": "nick", "type": 2, "value": "abc"}]}, "The value isn't a number."),
        ({"phone": "x", "fields": [CODE, {"name": "nick", "type": 2, "value": "1"}]}, "This is not a phone number."),
        (
            {"phone": "79750000009", "fields": [CODE, {"name": "gender", "value": "?"}]},
            "The value isn't a gender.",
        ),
        ({"fields": [CODE, {"name": "x" * 201, "value": "1"}]}, "The list has no such field, and can't have it."),
    ],
)
async def test_a_contact_that_is_rejected_makes_no_fields_and_costs_no_other_its_own(
    wire: Wire, contact: dict[str, Any], outcome: str
) -> None:
    made = await wire.make()
    (alone,) = await wire.add(made, contact)
    assert (alone["code"], alone["description"]) == ("REJECTED", outcome)
    assert await custom_fields(wire) == {}
    texts = [{"name": "nick", "type": 3, "value": "abc"}, {"name": "code", "type": 3, "value": "AB-1"}]
    _, second = await wire.add(made, contact, {"phone": "79750000001", "fields": texts})
    assert second["code"] == "OK"
    assert await custom_fields(wire) == {"nick": 3, "code": 3}


@pytest.mark.parametrize(
    "bad",
    [
        {"phone": "x", "fields": [{"name": "f", "type": 2, "value": "1"}]},
        {"fields": [{"name": "f", "type": 2, "value": "one"}]},
    ],
)
async def test_types_are_those_of_contacts_that_are_taken_though_many_are_not(wire: Wire, bad: dict[str, Any]) -> None:
    made = await wire.make()
    good = [{"phone": f"7975000000{number}", "fields": [{"name": "f", "value": "a"}]} for number in range(2)]
    outcome = await wire.add(made, *[bad] * 60, *good)
    assert [one["code"] for one in outcome[60:]] == ["OK", "OK"]
    assert await custom_fields(wire) == {"f": 3}


async def test_a_contact_that_is_wrong_beside_another_costs_no_third_its_own(wire: Wire) -> None:
    made = await wire.make()
    first = {"fields": [{"name": "bar", "type": 2, "value": "1"}]}
    second = {"fields": [{"name": "bar", "value": "abc"}, {"name": "foo", "type": 8, "value": "2024-01-01"}]}
    third = {"fields": [{"name": "foo", "value": "hello"}]}
    outcome = await wire.add(made, first, second, third)
    assert [one["code"] for one in outcome] == ["OK", "REJECTED", "OK"]
    assert await custom_fields(wire) == {"bar": 2, "foo": 3}


async def test_a_field_whose_name_is_a_number_is_made_by_whoever_is_taken(wire: Wire) -> None:
    made = await wire.make()
    outcome = await wire.add(
        made, {"phone": "x", "fields": [{"name": "5", "value": "a"}]}, {"fields": [{"name": 5, "value": "x"}]}
    )
    own = await custom_fields(wire)
    (shown,) = await wire.contacts(made)
    assert [one["code"] for one in outcome] == ["REJECTED", "OK"]
    assert (own, [one["value"] for one in shown["fields"]]) == ({"5": 3}, [["x"]])


async def test_contacts_that_php_has_numbered_are_all_there(wire: Wire) -> None:
    body = {"contactGroupId": await wire.make(), "contacts": {"0": {"phone": PHONE}, "2": {"email": MAIL}}}
    reply = await wire.send("POST", BATCH, body)
    assert [one["code"] for one in reply.json()["result"]] == ["OK", "OK"]


async def test_fields_of_a_contact_that_has_too_many_are_not_made(wire: Wire) -> None:
    made = await wire.make()
    many = [{"name": f"own {number}", "value": "1"} for number in range(201)]
    outcome = await wire.add(made, {"fields": many}, {"fields": many[:1]})
    assert [one["code"] for one in outcome] == ["REJECTED", "OK"]
    (shown,) = await wire.lists(name="Clients")
    assert [one["name"] for one in shown["fields"] if not one["isDefault"]] == ["own 0"]


@pytest.mark.parametrize("name", ["CreationDate", "lastUpdate", "contactId"])
async def test_what_the_address_book_sets_is_not_written(wire: Wire, name: str) -> None:
    made = await wire.make()
    (outcome,) = await wire.add(made, {"fields": [{"name": name, "value": "2024-05-01"}]})
    assert outcome["result"] == rejected("INVALID_VALUE", name, name)
    (shown,) = await wire.lists(name="Clients")
    assert name not in {one["name"] for one in shown["fields"]}


@pytest.mark.parametrize(
    ("code", "given", "shown"),
    [(1, True, "true"), (1, "no", "false"), (2, "0042", "42"), (2, 7, "7"), (2, 0.000001, "0.000001"),
     (5, {"a": 1}, '{"a":1}'), (5, [{"a": 1}], '{"a":1}'), (5, [{"a": 1}, 2], '[{"a":1},2]'), (5, ["x"], "x"),
     (3, ["a", "b"], "a, b"), (8, "2024-02-29", "2024-02-29")],
)  # fmt: skip
async def test_every_type_of_value_is_kept(wire: Wire, code: int, given: Any, shown: str) -> None:
    made = await wire.make(fields=[{"name": "Own", "type": code}])
    assert (await wire.add(made, {"fields": [{"name": "Own", "value": given}]}))[0]["code"] == "OK"
    (contact,) = await wire.contacts(made)
    assert contact["fields"][0]["value"] == [shown]


async def test_phone_and_email_may_be_among_the_fields(wire: Wire) -> None:
    made = await wire.make()
    await wire.add(made, {"fields": [{"name": "phone", "value": PHONE}, {"name": "Email", "value": MAIL}]})
    (shown,) = await wire.contacts(made)
    assert (shown["phone"], shown["email"], shown["fields"]) == (PHONE, MAIL, [])


async def test_a_token_belongs_to_who_brought_it_last_and_a_contact_has_one_a_platform(wire: Wire) -> None:
    made = await wire.make(type="PUSH")
    both = [{"os": 0, "pushToken": "a"}, {"os": "1", "pushToken": "b"}, {"os": 0, "pushToken": "c"}]
    await wire.add(made, {"pushInfo": both})
    (shown,) = await wire.contacts(made)
    assert [(one["os"], one["pushToken"], one["appId"]) for one in shown["pushInfo"]] == [(0, "c", ""), (1, "b", "")]
    await wire.add(made, {"phone": PHONE, "pushInfo": [{"os": 0, "pushToken": "b"}]})
    first, second = await wire.contacts(made)
    assert [one["pushToken"] for one in first["pushInfo"]] == ["c"]
    assert [one["pushToken"] for one in second["pushInfo"]] == ["b"]


async def test_contacts_of_a_stop_list_are_suppressed_everywhere(wire: Wire) -> None:
    clients = await wire.make()
    await wire.add(clients, {"phone": PHONE, "email": MAIL}, {"phone": "79260000002"})
    stop = await wire.make("Stop", type="STOPLIST")
    wire.clock.moment += timedelta(hours=1)
    outcome = await wire.add(stop, {"phone": PHONE, "email": MAIL.lower()}, {"phone": "1"}, {})
    assert [one["code"] for one in outcome] == ["OK", "REJECTED", "OK"]
    suppressed_addresses, other = await wire.contacts(clients)
    assert other["unsubscribedData"] == []
    assert suppressed_addresses["unsubscribedData"] == [
        {
            "companyId": wire.account.account_id,
            "data": PHONE,
            "dataType": "PHONE",
            "channelList": [
                {"channel": channel, "unsubscribedAt": "2025-03-09T11:30:00", "unsubscribedType": "SPAM"}
                for channel in ("SMS", "VOICE")
            ],
            "updatedAt": "2025-03-09 11:30:00",
        },
        {
            "companyId": wire.account.account_id,
            "data": MAIL,
            "dataType": "EMAIL",
            "channelList": [{"channel": "EMAIL", "unsubscribedAt": "2025-03-09T11:30:00", "unsubscribedType": "SPAM"}],
            "updatedAt": "2025-03-09 11:30:00",
        },
    ]
    assert (await wire.contacts(stop))[0]["unsubscribedData"]
    await wire.result("DELETE", LISTS, params={"ids": stop})
    assert (await wire.contacts(clients))[0]["unsubscribedData"]


async def test_a_duplicate_in_a_stop_list_is_suppressed_again_by_the_address_that_is_checked(wire: Wire) -> None:
    stop = await wire.make("Stop", type="STOPLIST")
    await wire.add(stop, {"phone": PHONE})
    lifted = Reactivate(addresses=[Address(channel=Channel.SMS, value=f"+{PHONE}")], reason="asked")
    await wire.runtime.db.run(reactivate, wire.account.actor, lifted)
    (outcome,) = await wire.add(stop, {"phone": PHONE, "email": MAIL}, duplicateCheckField="phone")
    assert outcome["code"] == "REJECTED"
    clients = await wire.make()
    await wire.add(clients, {"phone": PHONE, "email": MAIL})
    (shown,) = await wire.contacts(clients)
    assert [one["data"] for one in shown["unsubscribedData"]] == [PHONE]
    assert [one["channel"] for one in shown["unsubscribedData"][0]["channelList"]] == ["SMS", "VOICE"]


async def test_twenty_clients_that_add_the_same_contact_make_one(wire: Wire) -> None:
    made = await wire.make()
    outcome = await asyncio.gather(
        *(
            wire.add(made, {"phone": PHONE, "fields": [{"name": "Fresh", "value": 1}]}, duplicateCheckField="phone")
            for _ in range(20)
        )
    )
    assert sorted(one["code"] for (one,) in outcome) == ["OK"] + ["REJECTED"] * 19
    assert len(await wire.contacts(made)) == 1


async def test_uploads_to_several_stop_lists_at_once_do_not_meet(wire: Wire) -> None:
    stops = [await wire.make(f"Stop {number}", type="STOPLIST") for number in range(4)]
    plain = await wire.make()
    contact = {"phone": PHONE, "email": MAIL}
    outcome = await asyncio.gather(*(wire.add(one, contact) for one in (*stops, plain) * 4))
    assert {one["code"] for (one,) in outcome} == {"OK"}


async def test_a_field_may_be_called_as_ours_for_repeated_addresses(wire: Wire) -> None:
    made = await wire.make()
    contact = {"phone": PHONE, "fields": [{"name": "repeated_phone", "type": 2, "value": 7}]}
    outcome = await wire.add(made, contact, contact)
    assert [one["code"] for one in outcome] == ["OK", "OK"]
    shown = await wire.contacts(made, queryName="repeated_phone", queryValue="7")
    assert [(one["phone"], one["fields"][0]["value"]) for one in shown] == [(PHONE, ["7"])] * 2


async def test_each_application_of_a_contact_has_a_token_on_each_system(wire: Wire) -> None:
    made = await wire.make()
    given = [("shop", 0, "a"), ("news", 0, "b"), ("shop", 1, "c"), ("", 0, "d"), ("news", 0, "e")]
    infos = [{"appId": app, "os": system, "pushToken": token} for app, system, token in given]
    await wire.add(made, {"phone": PHONE, "pushInfo": infos})
    (shown,) = await wire.contacts(made)
    assert sorted(one["pushToken"] for one in shown["pushInfo"]) == ["a", "c", "d", "e"]
    for token, found in (("a", 1), ("b", 0), ("e", 1)):
        assert len(await wire.contacts(made, pushToken=token)) == found


async def test_lists_inside_a_contact_may_be_as_php_numbers_them(wire: Wire) -> None:
    made = await wire.make()
    numbered = {
        "phone": PHONE,
        "fields": {"0": {"name": "name", "value": "Dina"}, "3": {"name": "pet", "value": "cat"}},
        "pushInfo": {"1": {"os": 0, "pushToken": "a"}},
    }
    outcome = await wire.add(made, numbered, {"email": MAIL, "fields": {}, "pushInfo": {}})
    assert [one["code"] for one in outcome] == ["OK", "OK"]
    first, _ = await wire.contacts(made)
    assert [one["value"] for one in first["fields"]] == [["Dina"], ["cat"]]
    assert [one["pushToken"] for one in first["pushInfo"]] == ["a"]


async def test_a_field_that_is_named_without_a_value_is_made(wire: Wire) -> None:
    made = await wire.make()
    for _ in range(2):
        body = {
            "contactGroupId": made,
            "duplicateCheckField": "pet",
            "contacts": [{"fields": [{"name": "pet", "value": ""}]}],
        }
        assert (await wire.send("POST", BATCH, body)).status_code == 200
    assert await custom_fields(wire) == {"pet": 3}
