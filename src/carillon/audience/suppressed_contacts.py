"""The addresses that keys of contacts stand for, and whether they are suppressed."""

from collections.abc import Sequence
from dataclasses import dataclass

from carillon.audience.contacts.contact import ContactKey, KeyKind
from carillon.audience.contacts.lookup import contacts_by_key, key_values
from carillon.audience.suppressions import Channel, StoredAddress, suppressed_addresses
from carillon.db.database import Tx
from carillon.kit.actor import Actor

_CHANNEL_OF_KEY = {KeyKind.PHONE: Channel.SMS, KeyKind.EMAIL: Channel.EMAIL}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckKeysSuppressed:
    """Ask of each key whether the phone (sms) or e-mail that it is, or any address of its contact, is suppressed."""

    keys: Sequence[ContactKey]


async def check_keys_suppressed(tx: Tx, actor: Actor, query: CheckKeysSuppressed) -> list[bool]:
    """Tell of each key, in the order asked, whether any address that it names is suppressed."""
    named = await addresses_of_keys(tx, actor, query.keys)
    found = await suppressed_addresses(tx, actor, [address for addresses in named for address in addresses])
    return [not found.isdisjoint(addresses) for addresses in named]


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
