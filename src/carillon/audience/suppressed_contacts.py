"""The addresses that keys of contacts stand for, and whether they are unsubscribed."""

from collections.abc import Sequence
from dataclasses import dataclass

from carillon.audience.contacts.contact import Contact, ContactKey, KeyKind, SubscriptionStatus
from carillon.audience.contacts.lookup import contacts_by_key, key_values
from carillon.audience.suppression_queries import suppressed_addresses
from carillon.audience.suppressions import Channel, StoredAddress
from carillon.db.database import Tx
from carillon.kit.actor import Actor

_CHANNEL_OF_KEY = {KeyKind.PHONE: Channel.SMS, KeyKind.EMAIL: Channel.EMAIL}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckKeysUnsubscribed:
    """Ask of each key whether the phone (sms) or e-mail that it is, or any address of its contact, is unsubscribed."""

    keys: Sequence[ContactKey]


async def check_keys_unsubscribed(tx: Tx, actor: Actor, query: CheckKeysUnsubscribed) -> list[bool]:
    """Tell of each key, in the order asked, whether any address that it names is unsubscribed.

    That is one that is suppressed, and one on whose channel its contact in the actor's audience is unsubscribed:
    nothing is sent to either.
    """
    named = await addresses_of_keys(tx, actor, query.keys)
    found = await suppressed_addresses(tx, actor, [address for addresses in named for address in addresses])
    contacts = await contacts_by_key(tx, actor, query.keys)
    return [
        not found.isdisjoint(addresses) or any(_is_unsubscribed(key, one) for one in its_contacts)
        for key, addresses, its_contacts in zip(query.keys, named, contacts, strict=True)
    ]


def _is_unsubscribed(key: ContactKey, contact: Contact) -> bool:
    """Tell whether a contact is unsubscribed on the channel of a key, or on any for a key that is no address."""
    statuses = {Channel.SMS: contact.sms_status, Channel.EMAIL: contact.email_status}
    asked = [_CHANNEL_OF_KEY[key.kind]] if key.kind in _CHANNEL_OF_KEY else list(statuses)
    return any(statuses[channel] is SubscriptionStatus.UNSUBSCRIBED for channel in asked)


async def addresses_of_keys(tx: Tx, actor: Actor, keys: Sequence[ContactKey]) -> list[list[StoredAddress]]:
    """Return the addresses that each key names: a phone or an e-mail itself, or those that its contacts have now."""
    values = await key_values(tx, actor, keys, actor.country)
    contacts = await contacts_by_key(tx, actor, [key for key in keys if key.kind not in _CHANNEL_OF_KEY])
    by_contact = iter(
        [address for one in found for address in ((Channel.SMS, one.phone), (Channel.EMAIL, (one.email or "").lower()))]
        for found in contacts
    )
    named = [
        [(_CHANNEL_OF_KEY[key.kind], value)] if key.kind in _CHANNEL_OF_KEY else next(by_contact)
        for key, value in zip(keys, values, strict=True)
    ]
    return [[(channel, str(value)) for channel, value in addresses if value] for addresses in named]
