"""POST /contacts and GET /contacts/{id}: keys, personal fields, groups, local numbers, conflicts."""

import asyncio
from typing import Any

import pytest
from tests.dialects.inwise.wire import Wire

from carillon.audience.contacts.contact import ContactKey, KeyKind, SubscriptionStatus
from carillon.audience.contacts.lookup import FindContacts, find_contacts
from carillon.audience.contacts.subscription import ChangeSubscriptions, SubscriptionChange, change_subscriptions
from carillon.audience.groups import FindGroups, GroupKey, find_groups
from carillon.audience.suppressions import Address, Channel, Reactivate, Suppress, reactivate, suppress

MOBILE = "972523334444"
OTHER_MOBILE = "972523335555"
EMAIL = "Maya.Levi@example.com"


def field(name: str, content: object) -> dict[str, Any]:
    return {"name": name, "content": content}


async def members(wire: Wire, group_id: int) -> int:
    query = FindGroups(by=GroupKey.ID, value=str(group_id))
    (group,) = await wire.runtime.db.read(find_groups, wire.account.actor, query)
    return group.members


async def test_a_contact_is_shown_as_it_was_saved(wire: Wire) -> None:
    group = await wire.group("Readers")
    contact_id = await wire.save(
        id=0,
        email=EMAIL,
        mobile_number="052-333-4444",
        external_id="crm-77",
        fields=[
            field("field1", "Maya"),
            field("field2", "Levi"),
            field("field7", "blue"),
            field("field21", "3/11/1991"),
        ],
        confirmation_status="confirmed",
        add_to_groups_ids=[group],
        remove_from_groups_ids=[0],
    )
    assert await wire.show(contact_id) == {
        "id": contact_id,
        "email": EMAIL,
        "mobile_number": MOBILE,
        "external_id": "crm-77",
        "fields": [
            field("field1", "Maya"),
            field("field2", "Levi"),
            field("field7", "blue"),
            field("field21", "03/11/1991"),
        ],
        "groups_ids": [group],
        "created": "2025-03-09T10:30:00Z",
    }


async def test_a_contact_without_anything_has_empty_texts(wire: Wire) -> None:
    contact_id = await wire.save(email="bare@example.com")
    shown = await wire.show(contact_id)
    assert (shown["mobile_number"], shown["external_id"], shown["fields"], shown["groups_ids"]) == ("", "", [], [])


@pytest.mark.parametrize("key", [{"email": EMAIL.upper()}, {"mobile_number": "0523334444"}, {"mobile_number": MOBILE}])
async def test_a_key_finds_the_contact_again(wire: Wire, key: dict[str, str]) -> None:
    contact_id = await wire.save(email=EMAIL, mobile_number=MOBILE)
    assert await wire.save(**key, fields=[field("field1", "Gil")]) == contact_id
    assert await wire.fields(contact_id) == {"field1": "Gil"}


@pytest.mark.parametrize("nobody", [{}, {"id": 0}, {"id": None}, {"id": ""}, {"id": "0"}])
async def test_no_id_and_zero_are_a_contact_by_its_keys(wire: Wire, nobody: dict[str, Any]) -> None:
    contact_id = await wire.save(**nobody, mobile_number=MOBILE)
    assert await wire.save(**nobody, mobile_number=MOBILE) == contact_id


@pytest.mark.parametrize("keys", [{}, {"email": "", "mobile_number": " "}, {"external_id": "only"}])
async def test_a_contact_without_an_id_needs_a_key(wire: Wire, keys: dict[str, str]) -> None:
    assert await wire.refused(**keys) == (422, "email: A contact needs an email or a mobile_number.")


async def test_an_id_is_that_contact_whose_keys_it_may_change(wire: Wire) -> None:
    contact_id = await wire.save(email=EMAIL, mobile_number=MOBILE)
    assert await wire.save(id=contact_id, email="maya@example.org", mobile_number=OTHER_MOBILE) == contact_id
    assert await wire.save(id=str(contact_id), fields=[field("field1", "Maya")]) == contact_id
    shown = await wire.show(contact_id)
    assert (shown["email"], shown["mobile_number"]) == ("maya@example.org", OTHER_MOBILE)


async def test_a_blank_key_leaves_what_the_contact_has(wire: Wire) -> None:
    contact_id = await wire.save(email=EMAIL, mobile_number=MOBILE, external_id="a1")
    await wire.save(id=contact_id, email="", mobile_number=" ", external_id="")
    shown = await wire.show(contact_id)
    assert (shown["email"], shown["mobile_number"], shown["external_id"]) == (EMAIL, MOBILE, "a1")


@pytest.mark.parametrize("contact_id", [404404, 2**53, 10**18 - 1])
async def test_an_unknown_id_is_not_found(wire: Wire, contact_id: int) -> None:
    assert await wire.refused(id=contact_id, email=EMAIL) == (404, "There is no such contact.")


@pytest.mark.parametrize("contact_id", [-1, "x", 1.5, True, [1], 10**18])
async def test_an_id_that_is_none_is_refused(wire: Wire, contact_id: object) -> None:
    status, message = await wire.refused(id=contact_id, email=EMAIL)
    assert status == 422
    assert message.startswith("id: ")


async def test_a_conflict_names_both_contacts(wire: Wire) -> None:
    by_email = await wire.save(email=EMAIL)
    by_mobile = await wire.save(mobile_number=MOBILE)
    assert await wire.refused(email=EMAIL, mobile_number=MOBILE) == (
        422,
        f"The email exists for contact ID #{by_email}.The mobile number exists for contact ID #{by_mobile}.",
    )


async def test_a_conflict_names_only_the_keys_that_conflict(wire: Wire) -> None:
    first = await wire.save(email=EMAIL, mobile_number=MOBILE, external_id="a1")
    second = await wire.save(email="second@example.com", mobile_number=OTHER_MOBILE)
    outcome = f"The mobile number exists for contact ID #{first}."
    assert await wire.refused(id=second, email="second@example.com", mobile_number=MOBILE) == (422, outcome)
    outcome = f"The email exists for contact ID #{first}.The external ID exists for contact ID #{first}."
    assert await wire.refused(id=second, email=EMAIL, external_id="a1") == (422, outcome)


async def test_a_conflict_changes_nothing(wire: Wire) -> None:
    contact_id = await wire.save(email=EMAIL, fields=[field("field1", "Maya")])
    await wire.save(mobile_number=MOBILE)
    await wire.refused(email=EMAIL, mobile_number=MOBILE, fields=[field("field1", "Gil")])
    assert await wire.fields(contact_id) == {"field1": "Maya"}


async def test_every_personal_field_is_kept(wire: Wire) -> None:
    given = {f"field{number}": f"value {number}" for number in range(1, 21)} | {"field21": "29/02/1988"}
    contact_id = await wire.save(email=EMAIL, fields=[field(name, content) for name, content in given.items()])
    assert await wire.fields(contact_id) == given


@pytest.mark.parametrize("name", ["FIELD3", "3", " field3 "])
async def test_a_field_is_named_in_any_case_or_by_its_number(wire: Wire, name: str) -> None:
    contact_id = await wire.save(email=EMAIL, fields=[field(name, 12.5)])
    assert await wire.fields(contact_id) == {"field3": "12.5"}


@pytest.mark.parametrize("name", ["field0", "field22", "first_name", "field", "field-1", "text5", "٣"])
async def test_an_unknown_field_is_refused_by_name(wire: Wire, name: str) -> None:
    status, message = await wire.refused(email=EMAIL, fields=[field("field1", "a"), field(name, "b")])
    assert status == 422
    assert message.startswith("fields[1].name: ")
    assert name in message


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ([{"content": "x"}], "fields[0].name"),
        ([{"name": "field1", "content": {}}], "fields[0].content"),
        (["field1"], "fields[0]"),
        ([{"name": "field21", "content": "31/02/1990"}], "field21"),
        ([{"name": "field4", "content": "x" * 4_001}], "field4"),
        ([{"name": "field1", "content": "a\0b"}], "fields[0].content"),
    ],
)
async def test_a_field_that_cannot_be_read_is_refused(wire: Wire, fields: list[Any], place: str) -> None:
    status, message = await wire.refused(email=EMAIL, fields=fields)
    assert status == 422
    assert message.startswith(f"{place}: ")


async def test_an_empty_content_empties_and_an_absent_one_leaves(wire: Wire) -> None:
    await wire.save(email=EMAIL, fields=[field("field1", "Maya"), field("field21", "1/2/1990"), field("field2", "L")])
    contact_id = await wire.save(
        email=EMAIL, fields=[field("field1", ""), field("field2", None), field("field21", " ")]
    )
    assert await wire.fields(contact_id) == {"field2": "L"}


async def test_clear_existing_fields_drops_the_fields_that_are_not_given(wire: Wire) -> None:
    await wire.save(email=EMAIL, fields=[field("field1", "Maya"), field("field2", "Levi")])
    contact_id = await wire.save(email=EMAIL, fields=[field("field2", "Cohen")], clear_existing_fields=True)
    assert await wire.fields(contact_id) == {"field2": "Cohen"}
    await wire.save(email=EMAIL, clear_existing_fields=False)
    assert await wire.fields(contact_id) == {"field2": "Cohen"}


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["confirmed"], SubscriptionStatus.SUBSCRIBED),
        (["unconfirmed"], SubscriptionStatus.UNCONFIRMED),
        ([""], SubscriptionStatus.SUBSCRIBED),
        ([None], SubscriptionStatus.SUBSCRIBED),
        (["Unconfirmed", None], SubscriptionStatus.UNCONFIRMED),
        (["unconfirmed", "confirmed"], SubscriptionStatus.SUBSCRIBED),
        (["confirmed", "unconfirmed"], SubscriptionStatus.UNCONFIRMED),
    ],
)
async def test_the_confirmation_status_is_the_contacts_on_every_channel(
    wire: Wire, words: list[str | None], status: SubscriptionStatus
) -> None:
    for word in words:
        contact_id = await wire.save(email=EMAIL, mobile_number=MOBILE, confirmation_status=word)
    found = await statuses_of(wire, contact_id)
    assert found == (status, status)


async def test_who_is_unsubscribed_is_not_subscribed_by_a_confirmation(wire: Wire) -> None:
    contact_id = await wire.save(email=EMAIL, mobile_number=MOBILE)
    gone = ChangeSubscriptions(changes=[SubscriptionChange(contact_id=contact_id, sms=SubscriptionStatus.UNSUBSCRIBED)])
    await wire.runtime.db.run(change_subscriptions, wire.account.actor, gone)
    blocked = [Address(channel=Channel.EMAIL, value=EMAIL)]
    await wire.runtime.db.run(suppress, wire.account.actor, Suppress(addresses=blocked, reason="asked"))
    for word in ("unconfirmed", "confirmed", "unconfirmed"):
        await wire.save(email=EMAIL, confirmation_status=word)
        assert await statuses_of(wire, contact_id) == (SubscriptionStatus.UNSUBSCRIBED, SubscriptionStatus.UNSUBSCRIBED)
    await wire.runtime.db.run(reactivate, wire.account.actor, Reactivate(addresses=blocked, reason="asked"))
    assert await statuses_of(wire, contact_id) == (SubscriptionStatus.UNSUBSCRIBED, SubscriptionStatus.UNCONFIRMED)


async def test_another_confirmation_status_is_refused(wire: Wire) -> None:
    status, message = await wire.refused(email=EMAIL, confirmation_status="maybe")
    assert (status, "confirmation_status" in message) == (422, True)


async def statuses_of(wire: Wire, contact_id: int) -> tuple[SubscriptionStatus, SubscriptionStatus]:
    key = ContactKey(kind=KeyKind.CONTACT_ID, value=str(contact_id))
    (found,) = await wire.runtime.db.read(find_contacts, wire.account.actor, FindContacts(key=key))
    return found.sms_status, found.email_status


async def test_groups_are_joined_and_left_by_id(wire: Wire) -> None:
    first, second = await wire.group("First"), await wire.group("Second")
    contact_id = await wire.save(email=EMAIL, add_to_groups_ids=[first, 0, str(first), ""])
    assert (await wire.show(contact_id))["groups_ids"] == [first]
    await wire.save(email=EMAIL, add_to_groups_ids=[second], remove_from_groups_ids=[first, 0, 777777])
    assert (await wire.show(contact_id))["groups_ids"] == [second]
    assert (await members(wire, first), await members(wire, second)) == (0, 1)


async def test_a_group_that_is_named_twice_is_joined(wire: Wire) -> None:
    group = await wire.group("Both")
    contact_id = await wire.save(email=EMAIL, add_to_groups_ids=[group], remove_from_groups_ids=[group])
    assert (await wire.show(contact_id))["groups_ids"] == [group]


async def test_remove_from_all_other_groups_leaves_exactly_those_that_are_given(wire: Wire) -> None:
    first, second, third = [await wire.group(name) for name in ("First", "Second", "Third")]
    contact_id = await wire.save(email=EMAIL, add_to_groups_ids=[first, second])
    await wire.save(email=EMAIL, add_to_groups_ids=[second, third], remove_from_all_other_groups=True)
    assert (await wire.show(contact_id))["groups_ids"] == [second, third]
    assert await members(wire, first) == 0
    await wire.save(email=EMAIL, remove_from_all_other_groups=True)
    assert (await wire.show(contact_id))["groups_ids"] == []


async def test_an_unknown_group_refuses_the_whole_contact(wire: Wire) -> None:
    assert await wire.refused(email=EMAIL, add_to_groups_ids=[987654]) == (422, "There is no group 987654.")
    assert await wire.feed() == []


@pytest.mark.parametrize("group", ["x", -4, 1.5, True, {"id": 4}, 2**53])
async def test_a_group_id_that_is_none_is_refused(wire: Wire, group: object) -> None:
    for name in ("add_to_groups_ids", "remove_from_groups_ids"):
        status, message = await wire.refused(email=EMAIL, **{name: [0, group]})
        assert status == 422
        assert message.startswith(f"{name}[1]: ")


@pytest.mark.parametrize(
    ("name", "limit"), [("add_to_groups_ids", 1_000), ("remove_from_groups_ids", 1_000), ("fields", 200)]
)
async def test_lists_have_limits(wire: Wire, name: str, limit: int) -> None:
    item: Any = field("field1", "x") if name == "fields" else 0
    assert await wire.save(email=EMAIL, **{name: [item] * limit})
    status, message = await wire.refused(email=EMAIL, **{name: [item] * (limit + 1)})
    assert (status, str(limit) in message) == (422, True)
    assert message.startswith(f"{name}: ")


TRIM = {"trim_mobile_number_leading_zero": True}
ADD_972 = {
    "add_default_country_to_mobile_number_only_if_not_exists": True,
    "mobile_number_default_country_code": "972",
}
ADD_30 = {**ADD_972, "mobile_number_default_country_code": "30"}


@pytest.mark.parametrize(
    ("mobile", "flags", "shown"),
    [
        ("0523334444", {}, MOBILE),
        ("0523334444", TRIM, MOBILE),
        ("052 333 4444", {**TRIM, **ADD_972}, MOBILE),
        ("523334444", ADD_972, MOBILE),
        ("0523334444", ADD_972, MOBILE),
        (MOBILE, {**TRIM, **ADD_972}, MOBILE),
        ("00972523334444", {**TRIM, **ADD_972}, MOBILE),
        ("+972523334444", {**TRIM, **ADD_30}, MOBILE),
        ("00972523334444", {**TRIM, **ADD_30}, MOBILE),
        ("6912345678", ADD_30, "306912345678"),
        ("306912345678", ADD_30, "306912345678"),
        # The code alone, without its flag, does nothing.
        ("0523334444", {"mobile_number_default_country_code": "30"}, MOBILE),
        ("447911123456", {}, "447911123456"),
        ("2125550123", {**ADD_972, "mobile_number_default_country_code": "1"}, "12125550123"),
        ("12025550123", {}, "12025550123"),
        ("306912345678", ADD_972, "306912345678"),
        ("4915112345678", TRIM, "4915112345678"),
        ("0523334444", {"mobile_number_default_country_code": "nonsense"}, MOBILE),
        # Without a code the default country is the account's.
        ("0523334444", {"add_default_country_to_mobile_number_only_if_not_exists": True}, MOBILE),
        ("3331234567", {**ADD_972, "mobile_number_default_country_code": 39}, "393331234567"),
        # Begins with the digits of Italy's own code, and yet lacks it.
        ("3931234567", {**ADD_972, "mobile_number_default_country_code": "+39"}, "393931234567"),
    ],
)
async def test_local_numbers_are_read_as_the_flags_say(
    wire: Wire, mobile: str, flags: dict[str, Any], shown: str
) -> None:
    contact_id = await wire.save(mobile_number=mobile, **flags)
    assert (await wire.show(contact_id))["mobile_number"] == shown


@pytest.mark.parametrize("code", ["0", "IL", "9999", "888", "97 2", "٩٧٢"])
async def test_a_code_of_no_country_is_refused(wire: Wire, code: str) -> None:
    status, message = await wire.refused(
        mobile_number="0523334444", **{**ADD_972, "mobile_number_default_country_code": code}
    )
    assert status == 422
    assert message.startswith("mobile_number_default_country_code: ")


async def test_a_shown_number_is_read_as_the_same(wire: Wire) -> None:
    contact_id = await wire.save(mobile_number="+44 7400 123456")
    shown = (await wire.show(contact_id))["mobile_number"]
    assert await wire.save(mobile_number=shown) == contact_id


@pytest.mark.parametrize(
    ("contact", "place"),
    [
        ({"email": "no address"}, "email"),
        ({"mobile_number": "12"}, "mobile_number"),
        ({"email": EMAIL, "external_id": "x" * 256}, "external_id"),
        ({"email": ["a"]}, "email"),
        ({"email": EMAIL, "clear_existing_fields": "perhaps"}, "clear_existing_fields"),
        ({"email": EMAIL, "trim_mobile_number_leading_zero": 2}, "trim_mobile_number_leading_zero"),
    ],
)
async def test_a_value_that_cannot_be_read_is_refused_by_name(wire: Wire, contact: dict[str, Any], place: str) -> None:
    status, message = await wire.refused(**contact)
    assert status == 422
    assert message.startswith(f"{place}: ")


async def test_unknown_names_are_ignored_and_case_does_not_count(wire: Wire) -> None:
    contact_id = await wire.save(EMAIL=EMAIL, colour="red")
    assert (await wire.show(contact_id))["email"] == EMAIL


async def test_twenty_clients_make_one_contact(wire: Wire) -> None:
    ids = await asyncio.gather(*(wire.save(email=EMAIL, mobile_number=MOBILE) for _ in range(20)))
    assert len(set(ids)) == 1
    assert len(await wire.feed()) == 1


@pytest.mark.parametrize("contact_id", ["404404", "0", "x", "-1", "9" * 40, "%00", "%D9%A1"])
async def test_a_contact_that_is_not_there_is_not_found(wire: Wire, contact_id: str) -> None:
    assert await wire.refusal("GET", f"/contacts/{contact_id}") == (404, "There is no such contact.")
