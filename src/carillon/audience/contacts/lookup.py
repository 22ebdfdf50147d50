"""Looking up contacts by a key or by the digest of an address.

Archived contacts are found by digest and `with_archived` only.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from asyncpg import Record

from carillon.addresses.emails import read_email
from carillon.addresses.phones import phone_digits
from carillon.audience.contacts.contact import (
    Contact,
    ContactKey,
    GroupRef,
    KeyKind,
    consents_of,
    contact_of,
    groups_of,
    read_id,
)
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.kit.ids import GroupId

SQL = load_statements("carillon.audience.contacts", "lookup.sql")


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
    """Find contacts by a key: none when nothing matches or when the value can't be such a key."""
    rows = await tx.fetch(
        SQL["find_contacts"], actor.account_id, actor.audience_id, *key_columns([query.key], actor.country)
    )
    present = [row for row in rows if query.with_archived or row["archived_at"] is None]
    return await with_group_refs(tx, actor, present, with_groups=query.with_groups)


async def find_by_digest(tx: Tx, actor: Actor, query: FindByDigest) -> list[Contact]:
    """Find contacts by the MD5 of an address, with groups and consents.

    It is one, unless one's phone and another's e-mail had the same.
    """
    rows = await tx.fetch(SQL["find_by_digest"], actor.account_id, actor.audience_id, query.digest)
    return [contact_of(row, groups_of(row), consents_of(row)) for row in rows]


def key_columns(keys: Iterable[ContactKey], country: str) -> tuple[list[str], list[str], list[str], list[int]]:
    """Sort keys into phones, e-mails, external ids and contact ids; what can't be one is left out."""
    phones: list[str] = []
    emails: list[str] = []
    external_ids: list[str] = []
    contact_ids: list[int] = []
    for key in keys:
        match key.kind:
            case KeyKind.PHONE:
                if digits := phone_digits(key.value, country):
                    phones.append(digits)
            case KeyKind.EMAIL:
                if email := read_email(key.value):
                    emails.append(email.key)
            case KeyKind.EXTERNAL_ID:
                if (text := key.value.strip()) and "\0" not in text:
                    external_ids.append(text)
            case KeyKind.CONTACT_ID:
                if (number := read_id(key.value)) is not None:
                    contact_ids.append(number)
    return phones, emails, external_ids, contact_ids


async def with_group_refs(tx: Tx, actor: Actor, rows: Sequence[Record], *, with_groups: bool) -> list[Contact]:
    """Make contacts of rows, with references to their groups where they are asked for."""
    contacts = [contact_of(row) for row in rows]
    if not (with_groups and contacts):
        return contacts
    groups: dict[int, list[GroupRef]] = {contact.contact_id: [] for contact in contacts}
    for row in await tx.fetch(SQL["groups_of_contacts"], actor.account_id, list(groups)):
        ref = GroupRef(group_id=GroupId(row["group_id"]), number=row["number"], name=row["name"])
        groups[row["contact_id"]].append(ref)
    return [replace(contact, groups=tuple(groups[contact.contact_id])) for contact in contacts]
