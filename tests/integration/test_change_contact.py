"""Saving a contact with statuses, and changing or removing one by what it is when its audience is locked."""

import asyncio
import hashlib
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from tests.support import Tenant

from carillon.audience.audiences import AudienceKind, CreateAudience, create_audience
from carillon.audience.contacts.change import (
    ChangeContact,
    RemoveContact,
    change_contact,
    remove_contact,
)
from carillon.audience.contacts.contact import Contact, SubscriptionStatus
from carillon.audience.contacts.lookup import FindByDigest, find_by_digest
from carillon.audience.contacts.save import SaveContact, SavedContact, save_contact
from carillon.audience.suppressions import Address, Channel, Reactivate, Suppress, reactivate, suppress
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database
from carillon.errors import KeyConflictError, NotFoundError, SuppressedAddressError
from carillon.kit.actor import Actor

PHONE, OTHER, MAIL = "972541110001", "972541110002", "ana@mail.example"
SUBSCRIBED, UNCONFIRMED, UNSUBSCRIBED = (
    SubscriptionStatus.SUBSCRIBED,
    SubscriptionStatus.UNCONFIRMED,
    SubscriptionStatus.UNSUBSCRIBED,
)
BLOCKED = [Address(channel=Channel.SMS, value=f"+{OTHER}")]


def digest(address: str) -> UUID:
    return UUID(hashlib.md5(address.encode(), usedforsecurity=False).hexdigest())


async def save(db: Database, actor: Actor, phone: str | None, mail: str | None = None, **more: Any) -> SavedContact:
    row = ContactRow(phone=f"+{phone}" if phone else None, email=mail)
    return await db.run(save_contact, actor, SaveContact(row=row, **more))


async def found(db: Database, actor: Actor, address: str) -> Contact:
    (contact,) = await db.read(find_by_digest, actor, FindByDigest(digest=digest(address)))
    return contact


async def test_a_contact_is_saved_with_its_statuses(db: Database, account: Tenant) -> None:
    saved = await save(db, account.actor, PHONE, "Ana@Mail.example", sms=UNCONFIRMED, email=UNSUBSCRIBED)
    assert (saved.outcome, saved.phone, saved.email) == ("new", PHONE, MAIL)
    contact = await found(db, account.actor, PHONE)
    assert (contact.sms_status, contact.email_status) == (UNCONFIRMED, UNSUBSCRIBED)
    saved = await save(db, account.actor, PHONE, sms=SUBSCRIBED)
    assert (saved.outcome, saved.phone, saved.email) == ("unchanged", PHONE, None)
    contact = await found(db, account.actor, PHONE)
    assert (contact.sms_status, contact.email_status) == (SUBSCRIBED, UNSUBSCRIBED)


async def test_one_that_must_be_new_is_refused_with_the_owners_of_its_keys(db: Database, account: Tenant) -> None:
    first, second = await save(db, account.actor, PHONE), await save(db, account.actor, None, MAIL)
    command = RemoveContact(digest=digest(MAIL), precondition=lambda _: None)
    await db.run(remove_contact, account.actor, command)  # archived, and there
    with pytest.raises(KeyConflictError) as refused:
        await save(db, account.actor, PHONE, MAIL, must_be_new=True)
    assert refused.value.owners == {"phone": first.contact_id, "email": second.contact_id}
    assert (await save(db, account.actor, OTHER, must_be_new=True)).outcome == "new"


@pytest.mark.parametrize("status", [None, SUBSCRIBED, UNCONFIRMED])
async def test_a_suppressed_address_is_not_subscribed_where_that_is_refused(
    db: Database, account: Tenant, status: SubscriptionStatus | None
) -> None:
    await db.run(suppress, account.actor, Suppress(addresses=BLOCKED, reason="asked"))
    with pytest.raises(SuppressedAddressError) as refused:
        await save(db, account.actor, OTHER, MAIL, sms=status, refuse_suppressed=True)
    assert refused.value.field == "phone"
    contact_id = (await save(db, account.actor, PHONE)).contact_id
    if status is not None:
        with pytest.raises(SuppressedAddressError):
            await save(db, account.actor, OTHER, contact_id=contact_id, sms=status, refuse_suppressed=True)
    assert (await found(db, account.actor, PHONE)).sms_status is SUBSCRIBED
    assert (await save(db, account.actor, OTHER, sms=UNSUBSCRIBED, refuse_suppressed=True)).outcome == "new"


async def test_a_contact_that_gets_a_suppressed_address_stays_unsubscribed_when_that_is_lifted(
    db: Database, account: Tenant
) -> None:
    await db.run(suppress, account.actor, Suppress(addresses=BLOCKED, reason="asked"))
    saved = await save(db, account.actor, PHONE, MAIL)
    await save(db, account.actor, OTHER, contact_id=saved.contact_id, refuse_suppressed=True)
    await db.run(reactivate, account.actor, Reactivate(addresses=BLOCKED, reason="asked"))
    contact = await found(db, account.actor, OTHER)
    assert (contact.sms_status, contact.email_status) == (UNSUBSCRIBED, SUBSCRIBED)


async def test_a_stop_list_takes_suppressed_addresses(db: Database, account: Tenant) -> None:
    made = await db.run(create_audience, account.actor, CreateAudience(name="Stop", kind=AudienceKind.STOPLIST))
    stop = replace(account.actor, audience_id=made.audience_id)
    for _ in range(2):
        await save(db, stop, OTHER, sms=SUBSCRIBED, refuse_suppressed=True)
    assert (await found(db, stop, OTHER)).sms_status is UNSUBSCRIBED


async def test_callers_at_once_change_a_contact_by_what_the_others_have_left(db: Database, account: Tenant) -> None:
    await save(db, account.actor, PHONE)

    def decide(contact: Contact) -> SaveContact:
        count = int(contact.fields.get("number1", 0)) + 1
        return SaveContact(row=ContactRow(fields={"number1": str(count)}))

    command = ChangeContact(digest=digest(PHONE), decide=decide)
    await asyncio.gather(*(db.run(change_contact, account.actor, command) for _ in range(20)))
    assert (await found(db, account.actor, PHONE)).fields == {"number1": 20}


async def test_what_a_decision_raises_leaves_the_contact_as_it_is(db: Database, account: Tenant) -> None:
    def refuse(contact: Contact) -> SaveContact:
        raise RuntimeError(contact.contact_id)

    def refuse_removal(contact: Contact) -> None:
        raise RuntimeError(contact.contact_id)

    await save(db, account.actor, PHONE)
    with pytest.raises(RuntimeError):
        await db.run(change_contact, account.actor, ChangeContact(digest=digest(PHONE), decide=refuse))
    removal = RemoveContact(digest=digest(PHONE), permanently=True, precondition=refuse_removal)
    with pytest.raises(RuntimeError):
        await db.run(remove_contact, account.actor, removal)
    assert not (await found(db, account.actor, PHONE)).is_archived


async def test_a_contact_is_archived_until_it_is_changed_or_deleted(db: Database, account: Tenant) -> None:
    await save(db, account.actor, PHONE)
    removal = RemoveContact(digest=digest(PHONE), precondition=lambda _: None)
    await db.run(remove_contact, account.actor, removal)
    assert (await found(db, account.actor, PHONE)).is_archived
    nothing = ChangeContact(digest=digest(PHONE), decide=lambda _: SaveContact(row=ContactRow()))
    changed = await db.run(change_contact, account.actor, nothing)
    assert (changed.before.is_archived, changed.saved.outcome) == (True, "updated")
    assert not (await found(db, account.actor, PHONE)).is_archived
    await db.run(remove_contact, account.actor, replace(removal, permanently=True))
    for operation, command in ((change_contact, nothing), (remove_contact, removal)):
        with pytest.raises(NotFoundError) as refused:
            await db.run(operation, account.actor, command)  # type: ignore[arg-type]
        assert refused.value.subject == "contact"
