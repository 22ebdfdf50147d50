"""Audiences as lists: kinds, sizes and deletion; contacts that are added, devices, ranges and the sweep."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.support import Tenant, until_somebody_waits

from carillon.audience.audiences import (
    Audience,
    AudienceKind,
    CreateAudience,
    GetAudience,
    PageAudiences,
    count_audiences,
    create_audience,
    delete_audience,
    get_audience,
    page_audiences,
)
from carillon.audience.contacts.contact import ContactKey, KeyKind
from carillon.audience.contacts.delete import DeleteContacts, delete_contacts
from carillon.audience.contacts.insert import InsertBatch, InsertedBatch, insert_batch
from carillon.audience.contacts.lookup import FindContacts, find_contacts
from carillon.audience.contacts.query import ContactQuery, query_contacts
from carillon.audience.contacts.retention import SweepAudience, sweep_audience, sweep_audiences, swept_audiences
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.devices import RegisteredDevice, owner_of_token, register_devices
from carillon.audience.fields import ListFields, list_fields
from carillon.audience.groups import ListGroups, list_groups
from carillon.audience.upsert.parse import read_rows
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database
from carillon.db.filters import Condition, Op, Order
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.clock import FixedClock
from carillon.tenancy.audit import ListAudit, list_audit

EVERYTHING = """
SELECT count(*) FROM (
    SELECT account_id, audience_id FROM contact UNION ALL SELECT account_id, audience_id FROM device
    UNION ALL SELECT account_id, audience_id FROM contact_group
    UNION ALL SELECT account_id, audience_id FROM field
    UNION ALL SELECT account_id, 0 FROM membership
    UNION ALL SELECT account_id, audience_id FROM form_token
    UNION ALL SELECT account_id, audience_id FROM contact_import
    UNION ALL SELECT account_id, audience_id FROM contact_feed
) t WHERE account_id = $1
"""


async def another(db: Database, account: Tenant, **given: Any) -> tuple[Audience, Actor]:
    audience = await db.run(create_audience, account.actor, CreateAudience(**{"name": "List", **given}))
    return audience, replace(account.actor, audience_id=audience.audience_id)


async def add(db: Database, actor: Actor, *rows: ContactRow, unique: str | None = None) -> InsertedBatch:
    batch = read_rows(rows, "IL", keyless=True)
    return await db.run(insert_batch, actor, InsertBatch(batch=batch, unique=unique))


async def test_an_audience_keeps_what_it_is_made_with(db: Database, account: Tenant) -> None:
    made, _ = await another(db, account, kind=AudienceKind.PUSH, idle_days=3, attributes={"x": {"y": [1, "z"]}})
    found = await db.read(get_audience, account.actor, GetAudience(audience_id=made.audience_id))
    assert found == made
    assert (found.kind, found.idle_days, found.attributes) == (AudienceKind.PUSH, 3, {"x": {"y": [1, "z"]}})
    default = await db.read(get_audience, account.actor, GetAudience(audience_id=account.audience_id))
    assert (default.kind, default.idle_days, default.attributes) == (AudienceKind.STANDARD, None, {})


async def test_audiences_come_by_their_places_with_all_counted(db: Database, account: Tenant) -> None:
    made = [(await another(db, account, name=name))[0] for name in ("Red", "Green", "Reddish")]
    page = await db.read(page_audiences, account.actor, PageAudiences(limit=1, offset=1, name="red"))
    assert (page.total, list(page.items)) == (2, [made[2]])
    assert (await db.read(page_audiences, account.actor, PageAudiences(limit=9))).total == 4


async def test_an_audience_goes_with_everything_in_it(db: Database, account: Tenant) -> None:
    made, inside = await another(db, account)
    row = ContactRow(phone="0541110001", add_to=["Gold"], device_token="t", device_platform="ios")
    for actor in (inside, account.actor):
        await db.run(save_contact, actor, SaveContact(row=row))
    await add(db, inside, ContactRow(phone="0541110001"))
    size = (await db.read(count_audiences, account.actor, [made.audience_id]))[made.audience_id]
    assert (size.contacts, size.groups, size.last_added_at) == (2, 1, db.clock.now())
    await db.run(delete_audience, inside)
    async with db.transaction() as tx:
        assert await tx.fetchval(EVERYTHING, account.account_id) == 4  # contact, device, group, membership
    assert len((await db.read(list_groups, account.actor, ListGroups())).items) == 1
    newest = (await db.read(list_audit, account.actor, ListAudit(limit=1)))[0]
    assert (newest.action, newest.subject) == ("audience.delete", str(made.audience_id))
    with pytest.raises(NotFoundError):
        await db.run(delete_audience, inside)


async def test_the_default_audience_stays(db: Database, account: Tenant) -> None:
    with pytest.raises(InvalidInputError, match="default"):
        await db.run(delete_audience, account.actor)


async def test_every_row_that_is_added_makes_a_contact(db: Database, account: Tenant) -> None:
    row = ContactRow(phone="0541110001", email="Ana@mail.example", fields={"city": "Lod"})
    other = ContactRow(phone="0541110002", email="ana@mail.example")
    added = await add(db, account.actor, row, row, other, ContactRow())
    assert sorted(added.contact_ids) == [1, 2, 3, 4]
    assert len(set(added.contact_ids.values())) == 4
    found = (await db.read(query_contacts, account.actor, ContactQuery())).items
    assert [(one.any_phone, one.any_email) for one in found] == [
        ("972541110001", "Ana@mail.example"),
        ("972541110001", "ana@mail.example"),
        ("972541110002", "ana@mail.example"),
        (None, None),
    ]
    assert found[1].fields["city"] == "Lod"
    names = [one.name for one in await db.read(list_fields, account.actor, ListFields())]
    assert names == ["repeated_email", "repeated_phone"]
    key = ContactKey(kind=KeyKind.EMAIL, value="ana@mail.example")
    (first,) = await db.read(find_contacts, account.actor, FindContacts(key=key))
    assert first.contact_id == added.contact_ids[1]


@pytest.mark.parametrize(("unique", "duplicates"), [("phone", [2, 4]), ("email", [3]), ("city", [3]), (None, [])])
@pytest.mark.parametrize("padding", [0, 60])
async def test_rows_whose_unique_value_is_there_are_left_out(
    db: Database, account: Tenant, unique: str | None, duplicates: list[int], padding: int
) -> None:
    await add(db, account.actor, ContactRow(phone="0541110009"))
    rows = [
        ContactRow(phone="0541110001", email="a@mail.example", fields={"city": "Lod"}),
        ContactRow(phone="0541110001", email="b@mail.example"),
        ContactRow(email="a@mail.example", fields={"city": "Lod"}),
        ContactRow(phone="0541110009", email="c@mail.example"),
        *(ContactRow(phone=f"05422200{number:02}") for number in range(padding)),
    ]
    added = await add(db, account.actor, *rows, unique=unique)
    assert list(added.duplicates) == duplicates
    assert len(added.contact_ids) == len(rows) - len(duplicates)
    if unique:
        again = await add(db, account.actor, rows[0], unique=unique)
        assert list(again.duplicates) == [1]


async def test_a_contact_has_several_devices_with_their_applications(db: Database, account: Tenant) -> None:
    added = await add(db, account.actor, ContactRow(phone="0541110001"), ContactRow(phone="0541110002"))
    first, second = added.contact_ids[1], added.contact_ids[2]
    devices = [
        RegisteredDevice(contact_id=first, platform="ios", token="a:1", application="shop"),
        RegisteredDevice(contact_id=first, platform="android", token="b"),
    ]
    await db.run(register_devices, account.actor, devices)
    assert await devices_by_contact(db, account) == {first: devices[::-1], second: []}
    await db.run(register_devices, account.actor, [replace(devices[0], contact_id=second)])
    assert await db.read(owner_of_token, account.actor, "a:1") == second
    assert await db.read(owner_of_token, account.actor, "z") is None
    assert (await devices_by_contact(db, account))[first] == devices[1:]
    other = RegisteredDevice(contact_id=first, platform="android", token="c", application="shop")
    await db.run(register_devices, account.actor, [other, replace(devices[1], token="d")])
    assert (await devices_by_contact(db, account))[first] == [replace(devices[1], token="d"), other]


async def devices_by_contact(db: Database, account: Tenant) -> dict[int, list[RegisteredDevice]]:
    page = await db.read(query_contacts, account.actor, ContactQuery(with_devices=True))
    return {
        one.contact_id: [
            RegisteredDevice(
                contact_id=one.contact_id, platform=device.platform, token=device.token, application=device.application
            )
            for device in one.devices
        ]
        for one in page.items
    }


async def test_devices_move_the_counters_of_groups(db: Database, account: Tenant) -> None:
    saved = await db.run(save_contact, account.actor, SaveContact(row=ContactRow(landline="1", add_to=["Gold"])))
    device = RegisteredDevice(contact_id=saved.contact_id, platform="ios", token="a")
    await db.run(register_devices, account.actor, [device])
    (group,) = (await db.read(list_groups, account.actor, ListGroups())).items
    assert (group.members, group.reachable, group.reachable_ios, group.reachable_android) == (1, 1, 1, 0)


async def test_a_range_meets_conditions_in_an_order(db: Database, account: Tenant) -> None:
    rows = [ContactRow(phone=f"054111000{number}", fields={"number1": str(number)}) for number in range(1, 6)]
    await add(db, account.actor, *rows)
    query = ContactQuery(
        limit=2,
        offset=1,
        conditions=[Condition("fields.number1", Op.GTE, 2), Condition("unsubscribed", Op.EQ, value=False)],
        order=Order("fields.number1", descending=True),
    )
    found = (await db.read(query_contacts, account.actor, query)).items
    assert [one.fields["number1"] for one in found] == [4, 3]
    with pytest.raises(InvalidInputError):
        await db.read(query_contacts, account.actor, replace(query, order=Order("nothing")))


async def test_only_what_is_idle_or_out_of_reach_is_swept(db: Database, account: Tenant, clock: FixedClock) -> None:
    made, inside = await another(db, account, idle_days=2)
    assert await db.read(swept_audiences, account.account_id) == {made.audience_id: 2}
    await add(db, inside, ContactRow(phone="0541110001"), ContactRow(email="a@mail.example"), ContactRow())
    await db.run(save_contact, inside, SaveContact(row=ContactRow(landline="1")))
    sweep = (inside, SweepAudience(idle_days=2))
    assert await db.run(sweep_audience, *sweep) is None
    assert len((await db.read(query_contacts, inside, ContactQuery())).items) == 3
    clock.moment += timedelta(days=2)
    await db.run(save_contact, inside, SaveContact(row=ContactRow(phone="0541110001", fields={"city": "Lod"})))
    (kept, idle, _) = (await db.read(query_contacts, inside, ContactQuery())).items
    await db.run(register_devices, inside, [RegisteredDevice(contact_id=idle.contact_id, platform="ios", token="a")])
    clock.moment += timedelta(seconds=1)
    await db.run(sweep_audience, *sweep)
    found = (await db.read(query_contacts, inside, ContactQuery())).items
    assert [one.contact_id for one in found] == [kept.contact_id, idle.contact_id]


async def test_an_audience_that_is_gone_is_no_failure_of_the_sweep(db: Database, account: Tenant) -> None:
    _, inside = await another(db, account, idle_days=2)
    with capture_logs() as logs:
        async with db.transaction(inside) as tx:
            await delete_audience(tx, inside)
            sweeping = asyncio.create_task(sweep_audiences(db))
            await until_somebody_waits(tx)
        await sweeping
    assert logs == []


async def test_who_is_deleted_by_an_address_is_gone_where_it_is_repeated_too(db: Database, account: Tenant) -> None:
    _, inside = await another(db, account)
    twice = ContactRow(phone="0541110001", email="a@mail.example")
    await add(db, inside, twice, twice, ContactRow(phone="0541110002"), ContactRow(email="A@mail.example"))
    for kind, value, gone, left in (
        (KeyKind.PHONE, "054-111-0001", 2, 2),
        (KeyKind.EMAIL, "A@MAIL.example", 1, 1),
        (KeyKind.PHONE, "0541110001", 0, 1),
    ):
        command = DeleteContacts(keys=[ContactKey(kind=kind, value=value)])
        assert await db.run(delete_contacts, inside, command) == gone
        assert len((await db.read(query_contacts, inside, ContactQuery())).items) == left
