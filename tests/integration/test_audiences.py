"""Audiences beside the default one: their attributes, their pages, their counts and their end."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.support import Tenant, until_somebody_waits

from carillon.audience.audiences import (
    AudienceKind,
    ChangeAudience,
    CreateAudience,
    GetAudience,
    PageAudiences,
    change_audience,
    count_audiences,
    create_audience,
    delete_audience,
    get_audience,
    page_audiences,
)
from carillon.audience.contacts.contact import SubscriptionStatus
from carillon.audience.contacts.query import ContactQuery, query_contacts
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.contacts.subscription import ChangeSubscriptions, SubscriptionChange, change_subscriptions
from carillon.audience.locks import lock_audience
from carillon.audience.suppressions import Address, Channel, Suppress, suppress
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database
from carillon.db.filters import Order
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.clock import FixedClock
from carillon.kit.ids import AudienceId
from carillon.tenancy.audit import ListAudit, list_audit


async def made(db: Database, tenant: Tenant, name: str = "Shop", **attributes: object) -> Actor:
    audience = await db.run(create_audience, tenant.actor, CreateAudience(name=name, attributes=attributes))
    return replace(tenant.actor, audience_id=audience.audience_id)


async def test_attributes_are_replaced_key_by_key(db: Database, account: Tenant, clock: FixedClock) -> None:
    actor = await made(db, account, first={"a": 1}, second=[2])
    clock.moment += timedelta(minutes=1)
    await db.run(change_audience, actor, ChangeAudience(attributes={"first": {"b": "ג"}}))
    audience = await db.read(get_audience, actor, GetAudience(audience_id=actor.audience_id))
    assert (audience.name, audience.country, audience.attributes) == (
        "Shop",
        "IL",
        {"first": {"b": "ג"}, "second": [2]},
    )
    assert audience.updated_at - audience.created_at == timedelta(minutes=1)
    await db.run(change_audience, actor, ChangeAudience(name="Market", country="GR"))
    audience = await db.read(get_audience, actor, GetAudience(audience_id=actor.audience_id))
    assert (audience.name, audience.country, len(audience.attributes)) == ("Market", "GR", 2)
    newest = (await db.read(list_audit, actor, ListAudit(limit=1)))[0]
    assert (newest.action, newest.subject) == ("audience.change", str(actor.audience_id))


async def test_an_audience_is_not_changed_into_nonsense(db: Database, account: Tenant) -> None:
    for change, field in ((ChangeAudience(name=" "), "name"), (ChangeAudience(country="XX"), "country")):
        with pytest.raises(InvalidInputError) as refused:
            await db.run(change_audience, account.actor, change)
        assert refused.value.field == field


async def test_nothing_is_done_to_an_audience_that_is_gone(db: Database, account: Tenant) -> None:
    actor = await made(db, account)
    await db.run(delete_audience, actor)
    with pytest.raises(NotFoundError):
        await db.run(delete_audience, actor)
    with pytest.raises(NotFoundError):
        await db.run(change_audience, actor, ChangeAudience(name="Market"))
    with pytest.raises(NotFoundError):
        await db.run(change_subscriptions, actor, ChangeSubscriptions(changes=[SubscriptionChange(contact_id=1)]))


async def test_audiences_come_in_pages_by_any_attribute(db: Database, account: Tenant) -> None:
    for name in ("b", "c", "a"):
        await made(db, account, name)
    query = PageAudiences(limit=2, offset=2, order=Order("name", descending=True))
    page = await db.read(page_audiences, account.actor, query)
    assert ([one.name for one in page.items], page.total) == (["a", "Default"], 4)
    with pytest.raises(InvalidInputError, match="sort by"):
        await db.read(page_audiences, account.actor, replace(query, order=Order("attributes")))


async def test_an_audience_goes_with_all_its_contacts_and_leaves_the_others(
    db: Database, account: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("carillon.audience.audiences.DELETION_CHUNK", 2)
    actor = await made(db, account)
    for where in (actor, account.actor):
        for number in range(5):
            row = ContactRow(phone=f"054111000{number}", add_to=["Food"])
            await db.run(save_contact, where, SaveContact(row=row))
    await db.run(delete_audience, actor)
    counts = await db.read(count_audiences, account.actor, [actor.audience_id, account.audience_id])
    assert {key: (one.contacts, one.reachable_sms) for key, one in counts.items()} == {account.audience_id: (5, 5)}
    with pytest.raises(InvalidInputError, match="default"):
        await db.run(delete_audience, account.actor)


async def test_a_status_is_of_one_audience_and_a_suppressed_address_stays_unsubscribed(
    db: Database, account: Tenant
) -> None:
    row = ContactRow(phone="0541110001", email="ana@mail.example")
    saved = await db.run(save_contact, account.actor, SaveContact(row=row))
    elsewhere = await made(db, account)
    await db.run(save_contact, elsewhere, SaveContact(row=row))
    one = SubscriptionChange(
        contact_id=saved.contact_id,
        sms=SubscriptionStatus.UNSUBSCRIBED,
        email=SubscriptionStatus.UNCONFIRMED,
        archived=True,
    )
    await db.run(change_subscriptions, account.actor, ChangeSubscriptions(changes=[one]))
    assert await reach(db, account.actor) == (0, 0)
    assert await reach(db, elsewhere) == (1, 1)
    back = replace(one, sms=SubscriptionStatus.SUBSCRIBED, email=None, archived=False)
    address = Address(channel=Channel.EMAIL, value="ana@mail.example")
    await db.run(suppress, account.actor, Suppress(addresses=[address], reason="asked"))
    await db.run(
        change_subscriptions,
        account.actor,
        ChangeSubscriptions(changes=[replace(back, email=SubscriptionStatus.SUBSCRIBED)]),
    )
    assert await reach(db, account.actor) == (1, 0)


async def reach(db: Database, actor: Actor) -> tuple[int, int]:
    counts = (await db.read(count_audiences, actor, [actor.audience_id]))[actor.audience_id]
    return counts.reachable_sms, counts.reachable_email


PHONE = "0541110001"
BLOCK = Suppress(addresses=[Address(channel=Channel.SMS, value=PHONE)], reason="asked")


async def statuses(db: Database, actor: Actor) -> list[SubscriptionStatus]:
    return [one.sms_status for one in (await db.read(query_contacts, actor, ContactQuery())).items]


async def test_who_is_written_into_an_audience_made_during_a_suppression_has_it(db: Database, account: Tenant) -> None:
    async def write() -> Actor:
        actor = await made(db, account)
        await db.run(save_contact, actor, SaveContact(row=ContactRow(phone=PHONE)))
        return actor

    async with db.transaction() as tx:
        await suppress(tx, account.actor, BLOCK)
        writing = asyncio.create_task(write())
        await until_somebody_waits(tx)
    assert await statuses(db, await writing) == [SubscriptionStatus.UNSUBSCRIBED]


async def test_a_suppression_waits_for_an_audience_that_is_being_made(db: Database, account: Tenant) -> None:
    async with db.transaction() as tx:
        audience = await create_audience(tx, account.actor, CreateAudience(name="Shop"))
        actor = replace(account.actor, audience_id=audience.audience_id)
        await save_contact(tx, actor, SaveContact(row=ContactRow(phone=PHONE)))
        suppressing = asyncio.create_task(db.run(suppress, account.actor, BLOCK))
        await until_somebody_waits(tx)
    await suppressing
    assert await statuses(db, actor) == [SubscriptionStatus.UNSUBSCRIBED]


async def test_an_audience_that_is_not_there_is_told_at_once(db: Database, account: Tenant) -> None:
    other = await made(db, account)
    nowhere = replace(account.actor, audience_id=AudienceId(2**50))
    async with db.transaction() as tx:
        await lock_audience(tx, account.actor)
        await lock_audience(tx, other)
        async with asyncio.timeout(10):
            with pytest.raises(NotFoundError):
                await db.run(lock_audience, nowhere)


async def test_contacts_that_are_gone_have_no_status(db: Database, account: Tenant) -> None:
    gone = SubscriptionChange(contact_id=2**50, sms=SubscriptionStatus.UNSUBSCRIBED)
    await db.run(change_subscriptions, account.actor, ChangeSubscriptions(changes=[gone]))


async def test_a_stop_list_suppresses_who_is_in_an_audience_made_meanwhile(db: Database, account: Tenant) -> None:
    stop = await db.run(create_audience, account.actor, CreateAudience(name="Stop", kind=AudienceKind.STOPLIST))
    inside = replace(account.actor, audience_id=stop.audience_id)
    async with db.transaction() as tx:
        audience = await create_audience(tx, account.actor, CreateAudience(name="Shop"))
        actor = replace(account.actor, audience_id=audience.audience_id)
        await save_contact(tx, actor, SaveContact(row=ContactRow(phone=PHONE)))
        stopping = asyncio.create_task(db.run(save_contact, inside, SaveContact(row=ContactRow(phone=PHONE))))
        await until_somebody_waits(tx)
    await stopping
    assert await statuses(db, actor) == [SubscriptionStatus.UNSUBSCRIBED]
