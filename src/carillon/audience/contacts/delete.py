"""Deleting contacts."""

from collections.abc import Sequence
from dataclasses import dataclass

from carillon.audience.contacts.contact import ContactKey
from carillon.audience.contacts.lookup import key_columns
from carillon.audience.counters import recounting
from carillon.audience.locks import lock_audience
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import NotFoundError
from carillon.kit.actor import Actor
from carillon.tenancy import audit

SQL = load_statements("carillon.audience.contacts", "delete.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteContacts:
    """Delete the contacts that any of the keys names, from all groups too; with `must_exist` at least one."""

    keys: Sequence[ContactKey]
    must_exist: bool = False


async def delete_contacts(tx: Tx, actor: Actor, command: DeleteContacts) -> int:
    """Delete contacts and return how many there were. Their suppressions stay: they belong to the addresses.

    Who is named by an address is forgotten wholly: contacts that keep it because another one has it go too. Raises
    NotFoundError for `contact` where one must exist.
    """
    audience = await lock_audience(tx, actor)
    where = (actor.account_id, actor.audience_id)
    phones, emails, external_ids, contact_ids = await key_columns(tx, actor, command.keys, audience.country)
    rows = await tx.fetch(SQL["contact_ids"], *where, phones, emails, external_ids, contact_ids)
    if phones or emails:
        rows += await tx.fetch(SQL["repeated_ids"], *where, phones, emails)
    gone = await delete_contact_ids(tx, actor, sorted({row["contact_id"] for row in rows}))
    if command.must_exist and not gone:
        raise NotFoundError("contact")
    if gone:
        await audit.record(tx, actor, "contact.delete", actor.audience_id, {"contacts": gone})
    return gone


async def delete_contact_ids(tx: Tx, actor: Actor, contact_ids: Sequence[int]) -> int:
    """Delete contacts of a locked audience by id, with their devices, form tokens and memberships."""
    if not contact_ids:
        return 0
    async with recounting(tx, actor, contact_ids):
        await tx.execute(SQL["delete_memberships"], actor.account_id, contact_ids)
        await tx.execute(SQL["delete_devices"], actor.account_id, actor.audience_id, contact_ids)
        gone = await tx.fetch(SQL["delete_contacts"], actor.account_id, actor.audience_id, contact_ids)
        # Last: until a contact is gone, tokens are made for it without the audience's lock.
        await tx.execute(SQL["delete_form_tokens"], actor.account_id, actor.audience_id, contact_ids)
    return len(gone)
