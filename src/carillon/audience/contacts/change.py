"""Changing and removing one contact by what it is when its audience is locked."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID

from carillon.audience.contacts.contact import Contact
from carillon.audience.contacts.delete import delete_contact_ids
from carillon.audience.contacts.lookup import FindByDigest, find_by_digest
from carillon.audience.contacts.save import SaveContact, SavedContact, save_contact
from carillon.audience.contacts.subscription import ChangeSubscriptions, SubscriptionChange, change_subscriptions
from carillon.audience.locks import lock_audience
from carillon.db.database import Tx
from carillon.errors import NotFoundError
from carillon.kit.actor import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeContact:
    """Change the contact whose phone or e-mail has this MD5, by what it is when the audience is locked.

    `decide` is pure; what it raises leaves the contact as it is.
    """

    digest: UUID
    decide: Callable[[Contact], SaveContact]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedContact:
    """The contact as it was, and what became of it."""

    before: Contact
    saved: SavedContact


async def change_contact(tx: Tx, actor: Actor, command: ChangeContact) -> ChangedContact:
    """Change a contact, wholly or not at all; an archived one is archived no more.

    Raises NotFoundError for `contact`, what `decide` raises, and what `save_contact` raises.
    """
    before = await _locked(tx, actor, command.digest)
    saved = await save_contact(tx, actor, replace(command.decide(before), contact_id=before.contact_id))
    return ChangedContact(before=before, saved=saved)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveContact:
    """Archive the contact whose phone or e-mail has this MD5, or delete it, unless `precondition` raises for it."""

    digest: UUID
    permanently: bool = False
    precondition: Callable[[Contact], None]


async def remove_contact(tx: Tx, actor: Actor, command: RemoveContact) -> None:
    """Archive or delete a contact. Raises NotFoundError for `contact`, and what the precondition raises."""
    contact = await _locked(tx, actor, command.digest)
    command.precondition(contact)
    if command.permanently:
        await delete_contact_ids(tx, actor, [contact.contact_id])
    else:
        change = SubscriptionChange(contact_id=contact.contact_id, archived=True)
        await change_subscriptions(tx, actor, ChangeSubscriptions(changes=[change]))


async def _locked(tx: Tx, actor: Actor, digest: UUID) -> Contact:
    await lock_audience(tx, actor)
    found = await find_by_digest(tx, actor, FindByDigest(digest=digest))
    if not found:
        raise NotFoundError("contact")
    return found[0]
