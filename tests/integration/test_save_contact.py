"""Single contacts saved by id or by keys, numbered pages, calls that are blocked, and feeds of new contacts."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from tests.support import Tenant

from carillon.audience.contacts.contact import Contact, ContactKey, KeyKind, SubscriptionStatus
from carillon.audience.contacts.feed import ReadFeed, read_feed
from carillon.audience.contacts.lookup import FindContacts, find_contacts
from carillon.audience.contacts.query import ContactQuery, page_contacts
from carillon.audience.contacts.save import SaveContact, SavedContact, save_contact
from carillon.audience.field_types import Kind
from carillon.audience.fields import CreateField, ListFields, create_field, list_fields
from carillon.audience.groups import FindGroups, GroupKey, SaveGroup, find_groups, page_groups, save_group
from carillon.audience.labelled_fields import LabelledValue
from carillon.audience.memberships import Regroup
from carillon.audience.suppression_queries import PageSuppressions, page_suppressions
from carillon.audience.suppressions import Address, Channel, Reactivate, Suppress, reactivate, suppress
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database
from carillon.db.filters import Condition, Op
from carillon.errors import InvalidInputError, KeyConflictError, NotFoundError
from carillon.kit.ids import GroupId
from carillon.kit.page import NumberedPage

ANA = ContactRow(phone="0541110001", email="ana@mail.example", fields={"first_name": "Ana", "city": "Arad"})
BEN = ContactRow(phone="0541110002", email="ben@mail.example")


async def save(db: Database, tenant: Tenant, row: ContactRow, **options: Any) -> SavedContact:
    return await db.run(save_contact, tenant.actor, SaveContact(row=row, **options))


async def contact(db: Database, tenant: Tenant, contact_id: int) -> Contact:
    key = ContactKey(kind=KeyKind.CONTACT_ID, value=str(contact_id))
    (found,) = await db.read(find_contacts, tenant.actor, FindContacts(key=key, with_groups=True))
    return found


async def group(db: Database, tenant: Tenant, name: str) -> GroupId:
    return (await db.run(save_group, tenant.actor, SaveGroup(name=name))).group_id


async def members(db: Database, tenant: Tenant, group_id: int) -> tuple[int, int]:
    (found,) = await db.read(find_groups, tenant.actor, FindGroups(by=GroupKey.ID, value=str(group_id)))
    return found.members, found.reachable


async def test_a_contact_is_made_found_by_its_keys_and_changed(db: Database, account: Tenant) -> None:
    made = await save(db, account, ANA)
    again = await save(db, account, ANA)
    changed = await save(db, account, ContactRow(email="ANA@mail.example", fields={"city": "Eilat"}))
    assert {made.contact_id} == {again.contact_id, changed.contact_id}
    assert (made.outcome, again.outcome, changed.outcome) == ("new", "unchanged", "updated")
    found = await contact(db, account, made.contact_id)
    assert (found.phone, found.email, found.fields) == (
        "972541110001",
        "ANA@mail.example",
        {"first_name": "Ana", "city": "Eilat"},
    )


async def test_a_contact_is_changed_by_id_whatever_its_keys(db: Database, account: Tenant) -> None:
    made = await save(db, account, ANA)
    row = ContactRow(phone="0541110009", email="", fields={"first_name": "Anat"})
    assert (await save(db, account, row, contact_id=made.contact_id)).outcome == "updated"
    found = await contact(db, account, made.contact_id)
    assert (found.phone, found.email, found.sms_status, found.email_status) == (
        "972541110009",
        None,
        SubscriptionStatus.SUBSCRIBED,
        SubscriptionStatus.NONE,
    )
    assert (
        await save(db, account, ContactRow(fields={"city": "Arad"}), contact_id=made.contact_id)
    ).outcome == "unchanged"


async def test_keys_of_other_contacts_are_refused_with_their_owners(db: Database, account: Tenant) -> None:
    ana, ben = await save(db, account, ANA), await save(db, account, BEN)
    both = ContactRow(phone=ANA.phone, email=BEN.email)
    with pytest.raises(KeyConflictError) as refused:
        await save(db, account, both)
    assert refused.value.owners == {"phone": ana.contact_id, "email": ben.contact_id}
    with pytest.raises(KeyConflictError):
        await save(db, account, ContactRow(email=BEN.email), contact_id=ana.contact_id)
    assert (await contact(db, account, ana.contact_id)).email == ANA.email


async def test_a_contact_may_have_nothing_but_a_landline(db: Database, account: Tenant) -> None:
    made = await save(db, account, ContactRow(landline="03-6100000"))
    assert made.outcome == "new"
    assert (await contact(db, account, made.contact_id)).landline == "03-6100000"


async def test_national_phones_are_read_with_the_calls_country(db: Database, account: Tenant) -> None:
    made = await save(db, account, ContactRow(phone="612345678"), country="es")
    assert (await contact(db, account, made.contact_id)).phone == "34612345678"
    with pytest.raises(InvalidInputError) as refused:
        await save(db, account, ContactRow(phone="612345678"), country="Spain")
    assert refused.value.field == "country"


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (ContactRow(phone="12"), "phone"),
        (ContactRow(phone="0541110001", email="nobody@"), "email"),
        (ContactRow(phone="0541110001", fields={"number1": "many"}), "number1"),
        (ContactRow(phone="0541110001", fields={"shoe_size": "44"}), "shoe_size"),
        (ContactRow(phone="0541110001", add_to=["x" * 201]), "group"),
    ],
)
async def test_a_value_that_cannot_be_read_refuses_the_whole_contact(
    db: Database, account: Tenant, row: ContactRow, field: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await save(db, account, row)
    assert refused.value.field == field
    assert (await db.read(page_contacts, account.actor, ContactQuery())).total == 0


async def test_an_unknown_contact_and_an_unknown_group_are_not_found(db: Database, account: Tenant) -> None:
    with pytest.raises(NotFoundError, match="contact"):
        await save(db, account, ANA, contact_id=4711)
    with pytest.raises(NotFoundError, match="group 4711"):
        await save(db, account, ANA, groups=Regroup(join=[GroupId(4711)]))
    assert (await db.read(page_contacts, account.actor, ContactQuery())).total == 0


async def test_groups_are_joined_and_left_by_id_and_counted(db: Database, account: Tenant) -> None:
    gold, silver, bronze = [await group(db, account, name) for name in ("Gold", "Silver", "Bronze")]
    made = await save(db, account, ANA, groups=Regroup(join=[gold, silver]))
    assert [await members(db, account, one) for one in (gold, silver, bronze)] == [(1, 1), (1, 1), (0, 0)]
    await save(db, account, ANA, groups=Regroup(join=[bronze], leave=[silver, GroupId(99)]))
    await save(db, account, ANA, groups=Regroup(join=[gold]))
    assert [await members(db, account, one) for one in (gold, silver, bronze)] == [(1, 1), (0, 0), (1, 1)]
    await save(db, account, ANA, groups=Regroup(join=[silver], leave_others=True))
    assert [one.name for one in (await contact(db, account, made.contact_id)).groups] == ["Silver"]
    assert [await members(db, account, one) for one in (gold, silver, bronze)] == [(0, 0), (1, 1), (0, 0)]


async def test_fields_that_are_not_given_are_cleared_on_demand(db: Database, account: Tenant) -> None:
    made = await save(db, account, ANA)
    await save(db, account, replace_fields(ANA, {"first_name": "Anat"}), clear_fields=True)
    assert (await contact(db, account, made.contact_id)).fields == {"first_name": "Anat"}


async def test_labelled_fields_are_made_where_they_are_missing(db: Database, account: Tenant) -> None:
    await db.run(create_field, account.actor, CreateField(name="since", kind=Kind.DATETIME, label="Since when"))
    values = [
        LabelledValue(label="Shoe size", kind=Kind.NUMBER, value=" 41 "),
        LabelledValue(label="shoe size", value="large"),
        LabelledValue(label="city", value="Lod"),
        LabelledValue(label="Since when", kind=Kind.NUMBER, value="2018-03-13T14:32:25+02:00"),
    ]
    made = await save(db, account, ANA, labelled_fields=values)
    own = {one.label: one.name for one in await db.read(list_fields, account.actor, ListFields())}
    assert own == {"Shoe size": "shoe_size", "shoe size": "shoe_size_2", "city": "city_2", "Since when": "since"}
    kept = {"shoe_size": 41, "shoe_size_2": "large", "city_2": "Lod", "since": "2018-03-13T12:32:25"}
    assert (await contact(db, account, made.contact_id)).fields == {"first_name": "Ana", "city": "Arad", **kept}
    emptied = [LabelledValue(label=one.label, value="") for one in values]
    await save(db, account, ANA, labelled_fields=emptied)
    assert (await contact(db, account, made.contact_id)).fields == {"first_name": "Ana", "city": "Arad"}


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (LabelledValue(label="size", kind=Kind.NUMBER, value="large"), "labelled_fields.1.value"),
        (LabelledValue(label="day", kind=Kind.DATE, value="13/03/2018"), "labelled_fields.1.value"),
        (LabelledValue(label="day", kind=Kind.DATE, value="0001-01-01T00:00:00+14:00"), "labelled_fields.1.value"),
        (LabelledValue(label="x" * 201, value="1"), "labelled_fields.1.label"),
    ],
)
async def test_a_labelled_field_that_cannot_be_used_is_told_by_its_place(
    db: Database, account: Tenant, value: LabelledValue, field: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await save(db, account, ANA, labelled_fields=[LabelledValue(label="good", value="1"), value])
    assert refused.value.field == field
    assert await db.read(list_fields, account.actor, ListFields()) == []


def replace_fields(row: ContactRow, fields: dict[str, str]) -> ContactRow:
    return ContactRow(phone=row.phone, email=row.email, fields=fields)


async def test_twenty_callers_at_once_make_one_contact(db: Database, account: Tenant) -> None:
    saved = await asyncio.gather(*(save(db, account, ANA) for _ in range(20)))
    assert len({one.contact_id for one in saved}) == 1
    assert sorted(one.outcome for one in saved) == ["new"] + ["unchanged"] * 19


async def test_contacts_are_paged_by_number_and_filtered(db: Database, account: Tenant) -> None:
    rows = [ContactRow(phone=f"05411100{n:02d}", landline="03-61" if n % 2 else None) for n in range(7)]
    ids = [(await save(db, account, row)).contact_id for row in rows]
    third = await db.read(page_contacts, account.actor, ContactQuery(limit=3, offset=6))
    assert ([one.contact_id for one in third.items], third.total) == (ids[6:], 7)
    odd_one = Condition("landline", Op.EQ, "03-61")
    odd = await db.read(page_contacts, account.actor, ContactQuery(conditions=[odd_one]))
    assert ([one.contact_id for one in odd.items], odd.total) == (ids[1::2], 3)
    keys = [ContactKey(kind=KeyKind.PHONE, value="0541110001")]
    one = await db.read(page_contacts, account.actor, ContactQuery(keys=keys, conditions=[odd_one]))
    assert ([one.contact_id for one in one.items], one.total) == ([ids[1]], 1)
    none = await db.read(
        page_contacts, account.actor, ContactQuery(keys=keys, conditions=[Condition("landline", Op.EQ, "04")])
    )
    assert (none.items, none.total) == ([], 0)


async def test_groups_are_paged_by_number(db: Database, account: Tenant) -> None:
    ids = [await group(db, account, f"Group {number}") for number in range(5)]
    page = await db.read(page_groups, account.actor, NumberedPage(number=2, size=2))
    assert ([one.group_id for one in page.items], page.total) == (ids[2:4], 5)


async def test_calls_are_blocked_apart_from_texts(db: Database, account: Tenant) -> None:
    made = await save(db, account, ANA)
    voice = Address(channel=Channel.VOICE, value="0541110001")
    texts = Address(channel=Channel.SMS, value="0541110001")
    await db.run(suppress, account.actor, Suppress(addresses=[voice], reason="asked"))
    assert (await contact(db, account, made.contact_id)).sms_status is SubscriptionStatus.SUBSCRIBED
    asked = PageSuppressions(channels=[Channel.VOICE], page=NumberedPage(), address="+972541110001")
    page = await db.read(page_suppressions, account.actor, asked)
    assert ([one.address for one in page.items], page.total) == (["972541110001"], 1)
    for other in (replace(asked, channels=[Channel.SMS]), replace(asked, address="no phone")):
        nobody = await db.read(page_suppressions, account.actor, other)
        assert (nobody.items, nobody.total) == ([], 0)
    done = await db.run(reactivate, account.actor, Reactivate(addresses=[voice, texts], reason="asked"))
    assert (done.done, done.failed) == (1, [texts])


async def test_a_feed_gives_each_new_contact_once_and_each_credential_has_its_own(
    db: Database, account: Tenant
) -> None:
    first, second = (replace(account.actor, credential_id=number) for number in (1, 2))
    ids = [(await save(db, account, ContactRow(phone=f"05411100{n:02d}"))).contact_id for n in range(5)]
    assert [one.contact_id for one in await db.run(read_feed, first, ReadFeed(limit=3))] == ids[:3]
    await save(db, account, ContactRow(phone="0541110001", fields={"city": "Arad"}))  # an update doesn't count
    assert [one.contact_id for one in await db.run(read_feed, first, ReadFeed(limit=3))] == ids[3:]
    assert await db.run(read_feed, first, ReadFeed(limit=3)) == []
    reads = await asyncio.gather(*(db.run(read_feed, second, ReadFeed(limit=1)) for _ in range(9)))
    assert sorted(one.contact_id for read in reads for one in read) == ids
