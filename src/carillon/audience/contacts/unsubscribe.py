"""Unsubscribing contacts from one audience by their addresses, which are not suppressed elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass

from carillon.audience.contacts.contact import ContactKey, KeyKind, SubscriptionStatus
from carillon.audience.contacts.lookup import contacts_by_key
from carillon.audience.contacts.subscription import LowerStatuses, SubscriptionChange, lower_statuses
from carillon.audience.locks import lock_audience
from carillon.audience.suppressions import checked_reason
from carillon.db.database import Tx
from carillon.kit.actor import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
    """Unsubscribe the contacts of the actor's audience that phones (from SMS) and e-mails (from e-mail) name."""

    keys: Sequence[ContactKey]
    reason: str


async def unsubscribe_contacts(tx: Tx, actor: Actor, command: Unsubscribe) -> list[ContactKey]:
    """Unsubscribe contacts, archived ones too, and return the keys that name none.

    It comes after earlier uploads, as no suppression lies over what they write later (docs/adr/0022). Raises
    InvalidInputError for the `reason`.
    """
    reason = checked_reason(command.reason)
    await lock_audience(tx, actor)
    gone = SubscriptionStatus.UNSUBSCRIBED
    found = await contacts_by_key(tx, actor, command.keys, with_archived=True)
    changes = [
        SubscriptionChange(contact_id=one.contact_id, sms=gone)
        if key.kind is KeyKind.PHONE
        else SubscriptionChange(contact_id=one.contact_id, email=gone)
        for key, contacts in zip(command.keys, found, strict=True)
        for one in contacts
    ]
    await lower_statuses(tx, actor, LowerStatuses(changes=changes, reason=reason))
    return [key for key, contacts in zip(command.keys, found, strict=True) if not contacts]
