"""The one contact query: what it filters, how it pages, and what comes with the contacts."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support import Tenant

from carillon.audience.contacts.attributes import span_of
from carillon.audience.contacts.contact import ContactKey, KeyKind, SubscriptionStatus
from carillon.audience.contacts.query import ContactQuery, page_contacts, query_contacts
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.contacts.subscription import ChangeSubscriptions, SubscriptionChange, change_subscriptions
from carillon.audience.devices import RegisteredDevice, register_devices
from carillon.audience.groups import SaveGroup, save_group
from carillon.audience.memberships import Regroup
from carillon.audience.suppressions import Address, Channel, Suppress, suppress
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database
from carillon.db.filters import Condition, Op, Order
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.clock import FixedClock
from carillon.kit.ids import GroupId

CITIES = ("Lod", "Arad", "Eilat", "Haifa", "Jaffa")


@pytest.fixture
async def ids(db: Database, account: Tenant, clock: FixedClock) -> list[int]:
    """Five contacts, made an hour apart."""
    made = []
    for number, city in enumerate(CITIES):
        row = ContactRow(
            phone=f"054111000{number}", email=f"{city}@mail.example", external_id=f"r{number}", fields={"city": city}
        )
        made.append((await db.run(save_contact, account.actor, SaveContact(row=row))).contact_id)
        clock.moment += timedelta(hours=1)
    return list(made)


async def found(db: Database, account: Tenant, query: ContactQuery) -> list[int]:
    return [one.contact_id for one in (await db.read(query_contacts, account.actor, query)).items]


async def test_contacts_come_by_their_ids_behind_a_place(db: Database, account: Tenant, ids: list[int]) -> None:
    page = await db.read(query_contacts, account.actor, ContactQuery(after_id=ids[0], limit=2))
    assert ([one.contact_id for one in page.items], page.last_id) == (ids[1:3], ids[2])
    last = await db.read(query_contacts, account.actor, ContactQuery(after_id=ids[4]))
    assert (last.items, last.last_id) == ([], ids[4])


async def test_contacts_come_in_an_order_by_numbered_pages(db: Database, account: Tenant, ids: list[int]) -> None:
    query = ContactQuery(order=Order("fields.city"), limit=2)
    pages = [await db.read(page_contacts, account.actor, replace(query, offset=offset)) for offset in (0, 2, 4, 6)]
    assert [[one.fields["city"] for one in page.items] for page in pages] == [
        ["Arad", "Eilat"], ["Haifa", "Jaffa"], ["Lod"], [],
    ]  # fmt: skip
    assert [page.total for page in pages] == [5, 5, 5, 5]
    assert await found(db, account, replace(query, order=Order("contact_id", descending=True))) == ids[:2:-1]


async def test_a_span_is_half_open(db: Database, account: Tenant, ids: list[int], clock: FixedClock) -> None:
    begun = clock.moment - timedelta(hours=5)
    span = span_of("created_at", begun + timedelta(hours=1), begun + timedelta(hours=3))
    assert await found(db, account, ContactQuery(conditions=span)) == ids[1:3]
    assert await found(db, account, ContactQuery(conditions=span_of("updated_at", None, begun))) == []
    assert await found(db, account, ContactQuery(conditions=span_of("updated_at", None, None))) == ids


@pytest.mark.parametrize(
    ("keys", "places"),
    [
        ([(KeyKind.PHONE, "054-111-0001")], [1]),
        ([(KeyKind.EMAIL, "ARAD@mail.example"), (KeyKind.EXTERNAL_ID, " r1 ")], [1]),
        ([(KeyKind.EMAIL, "arad@mail.example"), (KeyKind.EXTERNAL_ID, "r2")], []),
        ([(KeyKind.PHONE, "nobody")], []),
        ([(KeyKind.EXTERNAL_ID, "x" * 5_000)], []),
        ([(KeyKind.CONTACT_ID, "12x")], []),
    ],
)
async def test_a_contact_has_all_keys_that_are_asked_for(
    db: Database, account: Tenant, ids: list[int], keys: list[tuple[KeyKind, str]], places: list[int]
) -> None:
    query = ContactQuery(keys=[ContactKey(kind=kind, value=value) for kind, value in keys])
    assert await found(db, account, query) == [ids[place] for place in places]
    assert (await db.read(page_contacts, account.actor, query)).total == len(places)


async def test_a_groups_contacts_are_listed_counted_and_filtered(db: Database, account: Tenant, ids: list[int]) -> None:
    group = await db.run(save_group, account.actor, SaveGroup(name="Food"))
    for contact_id in ids[1:4]:
        row = ContactRow(landline="1" if contact_id == ids[2] else None)
        groups = Regroup(join=[group.group_id])
        await db.run(save_contact, account.actor, SaveContact(row=row, contact_id=contact_id, groups=groups))
    query = ContactQuery(group_id=group.group_id, with_groups=True)
    page = await db.read(query_contacts, account.actor, query)
    assert [(one.contact_id, [ref.name for ref in one.groups]) for one in page.items] == [
        (contact_id, ["Food"]) for contact_id in ids[1:4]
    ]
    assert await found(db, account, replace(query, after_id=ids[1], limit=1)) == ids[2:3]
    assert (await db.read(page_contacts, account.actor, replace(query, limit=1))).total == 3
    landline = Condition("landline", Op.EXISTS)
    assert (await db.read(page_contacts, account.actor, replace(query, conditions=[landline]))).total == 1
    member = Condition("groups", Op.NE, group.group_id)
    assert await found(db, account, ContactQuery(conditions=[member])) == [ids[0], ids[4]]
    for ask in (query_contacts, page_contacts):
        with pytest.raises(NotFoundError):
            await db.read(ask, account.actor, ContactQuery(group_id=GroupId(group.group_id + 1)))


async def test_devices_and_suppressions_come_where_they_are_asked_for(
    db: Database, account: Tenant, ids: list[int], clock: FixedClock
) -> None:
    device = RegisteredDevice(contact_id=ids[0], platform="ios", token="a:b", application="shop")
    await db.run(register_devices, account.actor, [device])
    addresses = [
        Address(channel=Channel.SMS, value="0541110000"),
        Address(channel=Channel.EMAIL, value="LOD@mail.example"),
    ]
    await db.run(suppress, account.actor, Suppress(addresses=addresses, reason="asked"))
    change = SubscriptionChange(contact_id=ids[1], sms=SubscriptionStatus.UNSUBSCRIBED)
    await db.run(change_subscriptions, account.actor, ChangeSubscriptions(changes=[change]))

    query = ContactQuery(limit=2, with_devices=True, with_suppressions=True)
    first, second = (await db.read(query_contacts, account.actor, query)).items
    assert [(one.platform, one.token, one.application) for one in first.devices] == [("ios", "a:b", "shop")]
    assert dict(first.suppressions) == {Channel.SMS: clock.moment, Channel.EMAIL: clock.moment}
    assert (second.devices, dict(second.suppressions)) == ((), {})
    (bare,) = (await db.read(query_contacts, account.actor, ContactQuery(limit=1))).items
    assert (bare.devices, dict(bare.suppressions)) == ((), {})

    for name, places in (
        ("suppressed_sms", [0]),
        ("unsubscribed_sms", [0, 1]),
        ("unsubscribed_voice", []),
        ("unsubscribed_email", [0]),
        ("unsubscribed", [0, 1]),
        ("has_device", [0]),
    ):
        asked = ContactQuery(conditions=[Condition(name, Op.EQ, value=True)])
        assert await found(db, account, asked) == [ids[place] for place in places], name


@pytest.mark.parametrize(
    ("query", "place"),
    [
        (ContactQuery(conditions=[Condition("fields.nothing", Op.EXISTS)]), "conditions[0].name"),
        (
            ContactQuery(conditions=[Condition("landline", Op.EXISTS), Condition("phone", Op.EQ, 5)]),
            "conditions[1].value",
        ),
        (ContactQuery(order=Order("groups")), "sort"),
    ],
)
async def test_what_cannot_be_asked_is_refused(db: Database, account: Tenant, query: ContactQuery, place: str) -> None:
    for ask in (query_contacts, page_contacts):
        with pytest.raises(InvalidInputError) as caught:
            await db.read(ask, account.actor, query)
        assert caught.value.field == place
