"""The range of a list's contacts: filters, orders, places."""

from datetime import timedelta
from typing import Any

import pytest
from tests.dialects.devino.wire import RANGE, Wire

from carillon.audience.contacts.contact import ContactKey, KeyKind
from carillon.audience.contacts.lookup import FindContacts, find_contacts
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.groups import SaveGroup, save_group
from carillon.audience.suppressions import Address, Channel, Suppress, suppress
from carillon.audience.upsert.rows import ContactRow


@pytest.fixture
async def people(wire: Wire) -> str:
    """Four contacts, an hour between each."""
    types = {"Age": 2, "Vip": 1, "Since": 0, "Born": 8}
    made = await wire.make(fields=[{"name": name, "type": code} for name, code in types.items()])
    for phone, email, name, age, vip, since, gender, born in (
        ("79260000001", "ann@mail.example", "Ann", 30, True, "2024-01-01 10:00:00", "gender.female", "1990-05-17"),
        ("79260000002", "Bob@mail.example", "Bob", 9, False, "2024-02-01 10:00:00", "gender.male", "1991-05-17"),
        ("380671234567", "", "Ann-Marie", 100, True, "2024-03-01 10:00:00", "gender.female", ""),
        ("", "zoe@else.example", "Zoe", "", "", "", "", ""),
    ):
        values = {"name": name, "Age": age, "Vip": vip, "Since": since, "gender": gender, "Born": born}
        given = [{"name": field, "value": value} for field, value in values.items()]
        (outcome,) = await wire.add(made, {"phone": phone, "email": email, "fields": given})
        assert outcome["code"] == "OK", outcome
        wire.clock.moment += timedelta(hours=1)
    return made


async def names(wire: Wire, people: str, **params: Any) -> list[str]:
    found = await wire.contacts(people, **params)
    return [next(one["value"][0] for one in shown["fields"] if one["name"] == "name") for shown in found]


async def test_contacts_come_in_the_order_of_their_making(wire: Wire, people: str) -> None:
    assert await names(wire, people) == ["Ann", "Bob", "Ann-Marie", "Zoe"]
    assert await names(wire, people, descOrder="true") == ["Zoe", "Ann-Marie", "Bob", "Ann"]
    assert await names(wire, people, limit=2, offset=1) == ["Bob", "Ann-Marie"]
    assert await names(wire, people, limit=2, descOrder=True) == ["Zoe", "Ann-Marie"]
    assert await names(wire, people, offset=4) == []
    assert await names(wire, people, limit=5_000) == ["Ann", "Bob", "Ann-Marie", "Zoe"]


@pytest.mark.parametrize(
    ("field", "order"),
    [
        ("name", ["Ann", "Ann-Marie", "Bob", "Zoe"]),
        ("Age", ["Bob", "Ann", "Ann-Marie", "Zoe"]),
        ("Since", ["Ann", "Bob", "Ann-Marie", "Zoe"]),
        ("phone", ["Ann-Marie", "Ann", "Bob", "Zoe"]),
        ("email", ["Ann", "Bob", "Zoe", "Ann-Marie"]),
        ("creationDate", ["Ann", "Bob", "Ann-Marie", "Zoe"]),
        ("lastUpdate", ["Ann", "Bob", "Ann-Marie", "Zoe"]),
        ("contactId", ["Ann", "Bob", "Ann-Marie", "Zoe"]),
    ],
)
async def test_contacts_are_sorted_by_any_field(wire: Wire, people: str, field: str, order: list[str]) -> None:
    assert await names(wire, people, sortByField=field) == order


@pytest.mark.parametrize(
    ("name", "operator", "value", "found"),
    [
        ("name", "", "Ann", ["Ann"]),
        ("name", "EQ", "ann", []),
        ("name", "ne", "Ann", ["Bob", "Ann-Marie", "Zoe"]),
        ("NAME", "starts_with", "Ann", ["Ann", "Ann-Marie"]),
        ("name", "LIKE", "%ar%", ["Ann-Marie"]),
        ("name", "CONTAINS", "o", ["Bob", "Zoe"]),
        ("name", "GT", "Ann", ["Bob", "Ann-Marie", "Zoe"]),
        ("phone", "EQ", "+7 926 000-00-02", ["Bob"]),
        ("phone", "STARTS_WITH", "+7926", ["Ann", "Bob"]),
        ("phone", "LIKE", "67123", ["Ann-Marie"]),
        ("email", "EQ", "BOB@mail.example", ["Bob"]),
        ("email", "EQ", "zoe@ELSE.example", ["Zoe"]),
        ("email", "CONTAINS", "@mail", ["Ann", "Bob"]),
        ("Age", "GT", "9", ["Ann", "Ann-Marie"]),
        ("Age", "GTE", "9", ["Ann", "Bob", "Ann-Marie"]),
        ("Age", "LT", "30.5", ["Ann", "Bob"]),
        ("Age", "EQ", "100", ["Ann-Marie"]),
        ("Vip", "EQ", "true", ["Ann", "Ann-Marie"]),
        ("Vip", "EQ", "0", ["Bob"]),
        ("Since", "LTE", "2024-02-01 10:00:00", ["Ann", "Bob"]),
        ("gender", "EQ", "gender.male", ["Bob"]),
        ("gender", "LIKE", "gender.male", ["Bob"]),
        ("gender", "CONTAINS", "male", ["Ann", "Bob", "Ann-Marie"]),
        ("gender", "STARTS_WITH", "gender.f", ["Ann", "Ann-Marie"]),
        ("gender", "CONTAINS", "x", []),
        ("Vip", "STARTS_WITH", "t", ["Ann", "Ann-Marie"]),
        ("Born", "LIKE", "1990-%", ["Ann"]),
        ("Born", "CONTAINS", "-05-", ["Ann", "Bob"]),
        ("creationDate", "GTE", "2025-03-09 11:30:00", ["Bob", "Ann-Marie", "Zoe"]),
        ("lastUpdate", "LT", "2025-03-09 11:30:00", ["Ann"]),
    ],
)
async def test_contacts_are_found_by_any_field(  # noqa: PLR0913, PLR0917 - a table's columns
    wire: Wire, people: str, name: str, operator: str, value: str, found: list[str]
) -> None:
    given = {"queryName": name, "queryOperator": operator, "queryValue": value}
    assert await names(wire, people, **given) == found


async def test_a_contact_is_found_by_either_spelling_of_its_emails_domain(wire: Wire) -> None:
    made = await wire.make()
    await wire.add(made, {"email": "ivan@почта.рф"})
    for spelt in ("Ivan@Почта.рф", "ivan@xn--80a1acny.xn--p1ai"):
        assert len(await wire.contacts(made, queryName="email", queryValue=spelt)) == 1


async def test_a_contact_is_found_by_its_id(wire: Wire, people: str) -> None:
    second = (await wire.contacts(people))[1]["contactId"]
    assert await names(wire, people, queryName="contactId", queryValue=second) == ["Bob"]
    for last in ("8000000000000000", "f" * 16):  # as large as an id can be written, and larger than one can be
        beyond = f"{second.partition('-')[0]}-{last}"
        for operator in ("EQ", "GT", "GTE", "LT", "LTE", "NE"):
            found = await names(wire, people, queryName="contactId", queryValue=beyond, queryOperator=operator)
            assert len(found) == (4 if operator in {"LT", "LTE", "NE"} else 0)
    elsewhere = f"{'f' * 16}-{second.split('-')[1]}"
    assert await names(wire, people, queryName="contactId", queryValue=elsewhere) == []


@pytest.mark.parametrize(
    ("params", "key"),
    [
        ({"queryName": "Shoe", "queryValue": "1"}, "queryName.unknown"),
        ({"queryValue": "1"}, "queryName.must.be.not.null"),
        ({"queryName": "name"}, "queryValue.must.be.not.null"),
        ({"queryName": "name", "queryValue": "1", "queryOperator": "IS"}, "queryOperator.invalid"),
        ({"queryName": "Age", "queryValue": "old"}, "queryValue.invalid"),
        ({"queryName": "Age", "queryValue": "NaN"}, "queryValue.invalid"),
        ({"queryName": "Age", "queryValue": "1e999999"}, "queryValue.invalid"),
        ({"queryName": "number1", "queryValue": "-1e-999999"}, "queryValue.invalid"),
        ({"queryName": "Age", "queryValue": "9" * 5_000}, "queryValue.invalid"),
        ({"queryName": "Age", "queryValue": "0." + "1" * 20_000}, "queryValue.invalid"),
        ({"queryName": "Age", "queryValue": "1", "queryOperator": "LIKE"}, "queryOperator.invalid"),
        ({"queryName": "Since", "queryValue": "then"}, "queryValue.invalid"),
        ({"queryName": "Since", "queryValue": "2024", "queryOperator": "LIKE"}, "queryOperator.invalid"),
        ({"queryName": "creationDate", "queryValue": "2024-01-01", "queryOperator": "LIKE"}, "queryOperator.invalid"),
        ({"queryName": "Vip", "queryValue": "perhaps"}, "queryValue.invalid"),
        ({"queryName": "gender", "queryValue": "x"}, "queryValue.invalid"),
        ({"queryName": "creationDate", "queryValue": "x"}, "queryValue.invalid"),
        ({"queryName": "contactId", "queryValue": "x"}, "queryValue.invalid"),
        ({"queryName": "contactId", "queryValue": "1_0-1"}, "queryValue.invalid"),
        ({"queryName": "contactId", "queryValue": "1-" + "f" * 30_000}, "queryValue.invalid"),
        ({"queryName": "name", "queryValue": "x" * 4001}, "queryValue.invalid"),
        ({"sortByField": "Shoe"}, "sortByField.unknown"),
        ({"descOrder": "down"}, "descOrder.invalid"),
        ({"limit": 0}, "limit.invalid"),
        ({"offset": 10**10}, "offset.invalid"),
        ({"zoneOffset": 900}, "zoneOffset.invalid"),
        ({"subscriptionChannel": "PIGEON"}, "subscriptionChannel.invalid"),
        ({"subscriptionState": "MAYBE"}, "subscriptionState.invalid"),
    ],
)
async def test_a_range_that_cannot_be_asked_for_is_refused(wire: Wire, people: str, params: Any, key: str) -> None:
    assert await wire.refusal("GET", RANGE, params={"contactGroupId": people, **params}) == (400, key)


async def test_a_contact_is_found_by_the_dates_it_is_shown_with(wire: Wire) -> None:
    made = await wire.make()
    wire.clock.moment += timedelta(microseconds=600_000)
    await wire.add(made, {"phone": "79260000001"})
    (shown,) = await wire.contacts(made)
    for name in ("creationDate", "lastUpdate"):
        for operator, count in {"EQ": 1, "NE": 0, "GTE": 1, "GT": 0, "LTE": 1, "LT": 0}.items():
            asked = {"queryName": name, "queryOperator": operator, "queryValue": shown[name]}
            assert len(await wire.contacts(made, **asked)) == count, (name, operator)


async def test_fields_of_a_contact_come_in_the_order_of_its_list(wire: Wire) -> None:
    made = await wire.make(fields=[{"name": "Zip"}, {"name": "Age", "type": 2}])
    order = [one["name"] for one in (await wire.lists(name="Clients"))[0]["fields"]]
    values = {"name": "Al", "surname": "Bo", "gender": "m", "birthdate": "1990-05-17", "country": "RU", "city": "Omsk"}
    given = [{"name": name, "value": value} for name, value in {"Zip": "1", "Age": 2, **values}.items()]
    await wire.add(made, {"fields": given})
    (shown,) = await wire.contacts(made)
    assert [one["name"] for one in shown["fields"]] == order


async def test_the_list_is_required(wire: Wire) -> None:
    assert await wire.refusal("GET", RANGE) == (400, "contactGroupId.must.be.not.null")
    assert await wire.refusal("GET", RANGE, params={"contactGroupId": "x"}) == (400, "contactGroupId.invalid")


async def test_dates_are_shown_in_the_callers_zone(wire: Wire, people: str) -> None:
    shown = (await wire.contacts(people, zoneOffset=-90))[0]
    assert (shown["creationDate"], shown["lastUpdate"]) == ("2025-03-09 09:00:00", "2025-03-09 09:00:00")


async def test_contacts_are_found_by_their_subscription(wire: Wire, people: str) -> None:
    unsubscribed = [
        Address(channel=Channel.SMS, value="+79260000001"),
        Address(channel=Channel.EMAIL, value="bob@mail.example"),
    ]
    await wire.runtime.db.run(suppress, wire.account.actor, Suppress(addresses=unsubscribed, reason="asked"))

    async def found(channel: str, state: str) -> list[str]:
        return await names(wire, people, subscriptionChannel=channel, subscriptionState=state)

    assert await found("SMS", "UNSUBSCRIBED") == ["Ann"]
    assert await found("sms", "subscribed") == ["Bob", "Ann-Marie"]
    assert await found("EMAIL", "UNSUBSCRIBED") == ["Bob"]
    assert await found("EMAIL", "SUBSCRIBED") == ["Ann", "Zoe"]
    assert await found("VOICE", "UNSUBSCRIBED") == []
    assert await found("VIBER", "UNSUBSCRIBED") == []
    assert await found("WHATSAPP", "SUBSCRIBED") == ["Ann", "Bob", "Ann-Marie"]
    assert await found("PUSH", "SUBSCRIBED") == []
    assert await found("", "UNSUBSCRIBED") == ["Ann", "Bob"]
    assert await found("", "SUBSCRIBED") == ["Ann-Marie", "Zoe"]
    assert await found("SMS", "") == ["Ann", "Bob", "Ann-Marie", "Zoe"]


async def test_a_contact_is_found_by_its_token(wire: Wire, people: str) -> None:
    await wire.add(people, {"fields": [{"name": "name", "value": "Pia"}], "pushInfo": [{"os": 0, "pushToken": "p"}]})
    assert await names(wire, people, pushToken="p") == ["Pia"]
    assert await names(wire, people, pushToken="q") == []
    found = {"subscriptionChannel": "PUSH", "subscriptionState": "SUBSCRIBED"}
    assert await names(wire, people, **found) == ["Pia"]


async def test_a_segment_is_a_group_of_the_audience(wire: Wire) -> None:
    default = str(wire.account.audience_id)
    await wire.add(default, {"phone": "79260000001"}, {"phone": "79260000002"})
    group = await wire.runtime.db.run(save_group, wire.account.actor, SaveGroup(name="Some"))
    save = SaveContact(row=ContactRow(phone="+79260000002", add_to=["Some"]))
    await wire.runtime.db.run(save_contact, wire.account.actor, save)
    (shown,) = await wire.contacts(default, segmentId=str(group.group_id))
    assert shown["phone"] == "79260000002"
    assert await wire.contacts(default, segmentId="x") == []
    (shown,) = await wire.lists()
    assert (shown["segmentsCount"], shown["contactsCount"]) == ("1", "2")


async def test_other_dialects_find_the_contact_by_its_address(wire: Wire) -> None:
    default = str(wire.account.audience_id)
    await wire.add(default, {"phone": "79260000001"}, {"phone": "79260000001"})
    key = ContactKey(kind=KeyKind.PHONE, value="+79260000001")
    found = await wire.runtime.db.read(find_contacts, wire.account.actor, FindContacts(key=key))
    assert len(found) == 1
