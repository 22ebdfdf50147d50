"""Looking up contacts by a key or by the digest of an address.

Archived contacts are found by digest and `with_archived` only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from asyncpg import Record

from carillon.addresses.emails import read_email
from carillon.audience.contacts.contact import Contact, ContactKey, KeyKind, contacts_of, read_id
from carillon.audience.upsert.ambiguous_phones import GivenPhone, resolve_numbers
from carillon.db.database import Tx
from carillon.db.sql import load_statements, with_parts
from carillon.errors import NotFoundError
from carillon.kit.actor import Actor

SQL = load_statements("carillon.audience.contacts", "contact.sql")

_FIND_BY = {
    (kind, with_groups): with_parts(SQL["find_contact"], [kind.value, *(["groups"] if with_groups else [])])
    for kind in KeyKind
    for with_groups in (False, True)
}

KeyColumns = tuple[list[Any], list[Any], list[Any], list[Any]]
"""Phones, e-mails, external ids and contact ids."""

_COLUMN_KINDS = (KeyKind.PHONE, KeyKind.EMAIL, KeyKind.EXTERNAL_ID, KeyKind.CONTACT_ID)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindContacts:
    """Find the contacts that a key names; those that are archived only where they are asked for."""

    key: ContactKey
    with_groups: bool = False
    with_archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FindByDigest:
    """Find the contacts whose phone or e-mail has this MD5, which some vendors name a contact by."""

    digest: UUID


async def find_contacts(tx: Tx, actor: Actor, query: FindContacts) -> list[Contact]:
    """Find contacts by a key, with their devices: none when nothing matches or when the value can't be such a key."""
    (value,) = await key_values(tx, actor, [query.key], actor.country)
    if value is None:
        return []
    statement = _FIND_BY[query.key.kind, query.with_groups]
    rows = await tx.fetch(statement, actor.account_id, actor.audience_id, str(value))
    return contacts_of([row for row in rows if query.with_archived or row["archived_at"] is None])


async def get_contact(tx: Tx, actor: Actor, query: FindContacts) -> Contact:
    """Find the contact that a key names. Raises NotFoundError for `contact`."""
    found = await find_contacts(tx, actor, query)
    if not found:
        raise NotFoundError("contact")
    return found[0]


async def contacts_by_key(
    tx: Tx, actor: Actor, keys: Sequence[ContactKey], *, with_archived: bool = False
) -> list[list[Contact]]:
    """Find the contacts that each of the keys names, in the order of the keys; archived ones where they are asked for.

    What can't be such a key names none.
    """
    values = await key_values(tx, actor, keys, actor.country)
    rows = await tx.fetch(SQL["find_contacts"], actor.account_id, actor.audience_id, *_columns(keys, values))
    found: dict[tuple[KeyKind, str | int], list[Record]] = {}
    for row in rows:
        for kind in _COLUMN_KINDS if with_archived or row["archived_at"] is None else ():
            if (value := row[kind.value]) is not None:
                found.setdefault((kind, value), []).append(row)
    return [
        [] if value is None else contacts_of(found.get((key.kind, value), ()))
        for key, value in zip(keys, values, strict=True)
    ]


async def find_by_digest(tx: Tx, actor: Actor, query: FindByDigest) -> list[Contact]:
    """Find contacts by the MD5 of an address, with groups, consents and devices.

    It is one, unless one's phone and another's e-mail had the same.
    """
    rows = await tx.fetch(SQL["find_by_digest"], actor.account_id, actor.audience_id, query.digest)
    return contacts_of(rows)


async def key_columns(tx: Tx, actor: Actor, keys: Sequence[ContactKey], country: str) -> KeyColumns:
    """Sort keys into phones, e-mails, external ids and contact ids; what can't be one is left out.

    A phone that can be read in two ways is the one that is known (`resolve_numbers`).
    """
    return _columns(keys, await key_values(tx, actor, keys, country))


def _columns(keys: Sequence[ContactKey], values: Sequence[str | int | None]) -> KeyColumns:
    columns: dict[KeyKind, list[Any]] = {kind: [] for kind in _COLUMN_KINDS}
    for key, value in zip(keys, values, strict=True):
        if value is not None:
            columns[key.kind].append(value)
    phones, emails, external_ids, contact_ids = columns.values()
    return phones, emails, external_ids, contact_ids


async def key_values(tx: Tx, actor: Actor, keys: Sequence[ContactKey], country: str) -> list[str | int | None]:
    """Read keys into the values that the table has; None for what can't be such a key."""
    given = [
        GivenPhone(value=key.value, country=key.country or country, form=key.phone_form)
        for key in keys
        if key.kind is KeyKind.PHONE
    ]
    phones = iter(await resolve_numbers(tx, actor, given))
    return [next(phones) if key.kind is KeyKind.PHONE else _key_value(key) for key in keys]


def _key_value(key: ContactKey) -> str | int | None:
    match key.kind:
        case KeyKind.EMAIL:
            email = read_email(key.value)
            return email.key if email else None
        case KeyKind.CONTACT_ID:
            return read_id(key.value)
    text = key.value.strip()
    return None if "\0" in text else text or None
