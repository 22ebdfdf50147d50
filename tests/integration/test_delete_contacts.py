"""Deleting contacts: whatever the cause, the audit trail has one entry of it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.support import Tenant

from carillon.audience.audiences import CreateAudience, create_audience, delete_audience
from carillon.audience.contacts.contact import ContactKey, KeyKind
from carillon.audience.contacts.delete import DeleteContacts, delete_contacts
from carillon.audience.contacts.retention import SweepAudience, sweep_audience
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.groups import DeleteGroups, GroupDeletion, GroupKey, delete_groups
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database
from carillon.kit.actor import Actor
from carillon.tenancy.audit import ListAudit, list_audit


async def book(db: Database, account: Tenant) -> Actor:
    """An audience with three contacts, two of them in a group."""
    audience = await db.run(create_audience, account.actor, CreateAudience(name="List"))
    inside = replace(account.actor, audience_id=audience.audience_id)
    for number in range(3):
        row = ContactRow(phone=f"054111000{number}", add_to=["Gold"] if number else [])
        await db.run(save_contact, inside, SaveContact(row=row))
    return inside


async def deletions(db: Database, inside: Actor) -> list[Mapping[str, Any]]:
    """What the trail has of contacts that were deleted from the audience."""
    entries = await db.read(list_audit, inside, ListAudit())
    return [one.detail for one in entries if (one.action, one.subject) == ("contact.delete", str(inside.audience_id))]


async def test_a_request_that_deletes_is_one_entry(db: Database, account: Tenant) -> None:
    inside = await book(db, account)
    keys = [ContactKey(kind=KeyKind.PHONE, value=value) for value in ("0541110001", "0541110002", "0541110009")]
    assert await db.run(delete_contacts, inside, DeleteContacts(keys=keys)) == 2
    assert await db.run(delete_contacts, inside, DeleteContacts(keys=keys)) == 0
    assert await deletions(db, inside) == [{"contacts": 2, "cause": "request"}]


async def test_a_group_that_is_deleted_with_its_contacts_is_one_entry_of_them(db: Database, account: Tenant) -> None:
    inside = await book(db, account)
    command = DeleteGroups(by=GroupKey.NAME, value="Gold", mode=GroupDeletion.DELETE_CONTACTS)
    await db.run(delete_groups, inside, command)
    assert await deletions(db, inside) == [{"contacts": 2, "cause": "group_deleted"}]


async def test_an_audience_that_is_deleted_is_one_entry_of_its_contacts(db: Database, account: Tenant) -> None:
    inside = await book(db, account)
    await db.run(delete_audience, inside)
    assert await deletions(db, inside) == [{"contacts": 3, "cause": "audience_deleted"}]


async def test_a_sweep_is_one_entry(db: Database, account: Tenant) -> None:
    inside = await book(db, account)
    await db.run(sweep_audience, inside, SweepAudience(idle_days=-1))
    assert await deletions(db, inside) == [{"contacts": 3, "cause": "idle"}]
