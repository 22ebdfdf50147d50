"""Contacts: finding, listing and deleting them. Writing them is `carillon.audience.upsert`.

Archived contacts are found by digest, by conditions and `with_archived`; for anyone else they aren't there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Any, Literal
from uuid import UUID

import msgspec
from asyncpg import Record

from carillon.audience.conditions import Condition, Order, compile_conditions, compile_order
from carillon.audience.contact_attributes import contact_attributes
from carillon.audience.fields import Kind
from carillon.audience.writing import lock_audience, recounting
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.emails import read_email
from carillon.kit.ids import ContactId, GroupId
from carillon.kit.page import Counted, NumberedPage, Page
from carillon.kit.phones import phone_digits
from carillon.tenancy import audit

SQL = load_statements("carillon.audience", "contacts.sql")

MAX_ID = 2**53 - 1
_decode_fields = msgspec.json.Decoder(dict[str, Any]).decode


class KeyKind(StrEnum):
    """What a contact is looked up by."""

    PHONE = "phone"
    EMAIL = "email"
    EXTERNAL_ID = "external_id"
    CONTACT_ID = "contact_id"


class Status(IntEnum):
    """A contact's standing on a channel; the transitions are in schema.sql.

    Whoever is suppressed is unsubscribed; the standing that it has otherwise is kept, `SUPPRESSED_BY` higher, in the
    tables.
    """

    NONE = 0
    SUBSCRIBED = 1
    UNCONFIRMED = 2
    UNSUBSCRIBED = 3


SUPPRESSED_BY = 3
STORED_STATUSES = (*Status, Status.UNSUBSCRIBED, Status.UNSUBSCRIBED, Status.NONE, Status.NONE)
"""What the numbers in the tables mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactKey:
    """A key as the caller gave it; a phone is read with the audience's country."""

    kind: KeyKind
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRef:
    """A group as a contact shows it."""

    group_id: GroupId
    number: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Where push messages reach a contact."""

    platform: Literal["android", "ios"]
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A contact. Phones are E.164 digits, e-mails as they were spelt, times UTC, fields under their canonical names."""

    contact_id: ContactId
    external_id: str | None
    phone: str | None = field(repr=False)
    email: str | None = field(repr=False)
    landline: str | None = field(repr=False)
    sms_status: Status
    email_status: Status
    created_at: datetime
    updated_at: datetime
    fields: Mapping[str, Any] = field(repr=False)
    devices: tuple[Device, ...]
    groups: tuple[GroupRef, ...] = ()
    is_archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FindContacts:
    """Find the contacts that a key names; those that are archived only where they are asked for."""

    key: ContactKey
    with_groups: bool = False
    with_archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ListContacts:
    """List contacts by id, after one, optionally of a group or of a span of time (half open, UTC)."""

    after_id: int = 0
    limit: int = 1000
    date_field: Literal["created", "updated"] = "created"
    since: datetime | None = None
    until: datetime | None = None
    group_id: GroupId | None = None
    with_groups: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContacts:
    """Ask for a numbered page of the contacts that have all of these attributes, oldest first.

    Phone, e-mail and external id are found by their indexes; by landline or country the audience is walked.
    """

    page: NumberedPage
    keys: Sequence[ContactKey] = ()
    landline: str | None = field(default=None, repr=False)
    country: str | None = None
    with_groups: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FindByDigest:
    """Find the contacts whose phone or e-mail has this MD5, which some vendors name a contact by."""

    digest: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryContacts:
    """Ask for a numbered page of the contacts that meet all conditions, oldest first unless said otherwise.

    Conditions and the order name attributes of `contact_attributes(kinds)`.
    """

    page: NumberedPage
    kinds: Mapping[str, Kind]
    conditions: Sequence[Condition] = ()
    order: Order | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteContacts:
    """Delete the contacts that any of the keys names, from all groups too."""

    keys: Sequence[ContactKey]


async def find_contacts(tx: Tx, actor: Actor, query: FindContacts) -> list[Contact]:
    """Find contacts by a key: none when nothing matches or when the value can't be such a key."""
    rows = await tx.fetch(
        SQL["find_contacts"], actor.account_id, actor.audience_id, *_key_columns([query.key], actor.country)
    )
    present = [row for row in rows if query.with_archived or row["archived_at"] is None]
    return await _shown(tx, actor, present, with_groups=query.with_groups)


async def find_by_digest(tx: Tx, actor: Actor, query: FindByDigest) -> list[Contact]:
    """Find contacts by the MD5 of an address: one, unless one's phone and another's e-mail had the same."""
    rows = await tx.fetch(SQL["find_by_digest"], actor.account_id, actor.audience_id, query.digest)
    return [_contact(row, _groups(row)) for row in rows]


async def query_contacts(tx: Tx, actor: Actor, query: QueryContacts) -> Counted[Contact]:
    """Give a numbered page of contacts that meet conditions, and how many there are in all.

    Raises InvalidInputError for conditions and the order.
    """
    attributes = contact_attributes(query.kinds)
    compiled = compile_conditions(attributes, query.conditions, given=4)
    order = compile_order(attributes, query.order, "c.contact_id")
    counting, paging = (compiled.into(SQL[name], order) for name in ("count_queried", "query_contacts"))
    asked = (actor.account_id, actor.audience_id, query.page.size, query.page.offset, *compiled.arguments)
    rows = await tx.fetch(paging, *asked)
    # The end of the list tells how long it is; only what goes on is counted.
    is_end = len(rows) < query.page.size and (rows or not query.page.offset)
    total = query.page.offset + len(rows) if is_end else await tx.fetchval(counting, *asked)
    return Counted(items=[_contact(row, _groups(row)) for row in rows], total=total)


async def list_contacts(tx: Tx, actor: Actor, query: ListContacts) -> Page[Contact]:
    """List contacts in the order of their ids; a page costs the same at any depth.

    Raises NotFoundError for a group that isn't in the actor's audience.
    """
    by_creation = query.date_field == "created"
    span = (query.since, query.until)
    moments = (*span, None, None) if by_creation else (None, None, *span)
    if query.group_id is None:
        rows = await tx.fetch(
            SQL["list_contacts"], actor.account_id, actor.audience_id, query.after_id, query.limit, *moments
        )
    else:
        known = await tx.fetchval(SQL["group_exists"], actor.account_id, actor.audience_id, query.group_id)
        if not known:
            raise NotFoundError("group")
        rows = await tx.fetch(
            SQL["list_group_contacts"],
            actor.account_id,
            actor.audience_id,
            query.after_id,
            query.limit,
            *moments,
            query.group_id,
        )
    contacts = await _shown(tx, actor, rows, with_groups=query.with_groups)
    return Page(items=contacts, last_id=contacts[-1].contact_id if contacts else query.after_id)


async def page_contacts(tx: Tx, actor: Actor, query: PageContacts) -> Counted[Contact]:
    """Give a numbered page of contacts, and how many there are in all."""
    if query.keys:
        return await _page_of_keyed(tx, actor, query)
    total = await tx.fetchval(SQL["count_contacts"], actor.account_id, actor.audience_id, query.landline, query.country)
    rows = await tx.fetch(
        SQL["page_contacts"],
        actor.account_id,
        actor.audience_id,
        query.landline,
        query.country,
        query.page.size,
        query.page.offset,
    )
    return Counted(items=await _shown(tx, actor, rows, with_groups=query.with_groups), total=total)


async def _page_of_keyed(tx: Tx, actor: Actor, query: PageContacts) -> Counted[Contact]:
    """Find the contacts that every key names; they are few, so the rest is asked of each."""
    found: dict[int, Contact] | None = None
    for key in query.keys:
        named = await find_contacts(tx, actor, FindContacts(key=key, with_groups=query.with_groups))
        found = {one.contact_id: one for one in named if found is None or one.contact_id in found}
    contacts = [
        one
        for one in (found or {}).values()
        if query.landline in {None, one.landline} and query.country in {None, one.fields.get("country")}
    ]
    return Counted(items=contacts[query.page.offset :][: query.page.size], total=len(contacts))


async def delete_contacts(tx: Tx, actor: Actor, command: DeleteContacts) -> int:
    """Delete contacts and return how many there were. Their suppressions stay: they belong to the addresses.

    Who is named by an address is forgotten wholly: contacts that keep it because another one has it go too.
    """
    audience = await lock_audience(tx, actor)
    where = (actor.account_id, actor.audience_id)
    phones, emails, external_ids, contact_ids = _key_columns(command.keys, audience.country)
    rows = await tx.fetch(SQL["contact_ids"], *where, phones, emails, external_ids, contact_ids)
    if phones or emails:
        rows += await tx.fetch(SQL["repeated_ids"], *where, phones, emails)
    gone = await delete_contact_ids(tx, actor, sorted({row["contact_id"] for row in rows}))
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


def _key_columns(keys: Iterable[ContactKey], country: str) -> tuple[list[str], list[str], list[str], list[int]]:
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


def read_id(text: str) -> int | None:
    """Read a decimal id below 2^53, or None."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 16):  # noqa: PLR2004 - 2^53 has 16 digits
        return None
    number = int(digits)
    return number if 0 < number <= MAX_ID else None


async def _shown(tx: Tx, actor: Actor, rows: Sequence[Record], *, with_groups: bool) -> list[Contact]:
    contacts = [_contact(row) for row in rows]
    if not (with_groups and contacts):
        return contacts
    groups: dict[int, list[GroupRef]] = {contact.contact_id: [] for contact in contacts}
    for row in await tx.fetch(SQL["groups_of_contacts"], actor.account_id, list(groups)):
        ref = GroupRef(group_id=GroupId(row["group_id"]), number=row["number"], name=row["name"])
        groups[row["contact_id"]].append(ref)
    return [replace(contact, groups=tuple(groups[contact.contact_id])) for contact in contacts]


def _groups(row: Record) -> tuple[GroupRef, ...]:
    """Take apart the groups that come with a row."""
    return tuple(
        GroupRef(group_id=GroupId(int(group_id)), number=int(number), name=name)
        for group_id, number, name in (group.split(":", 2) for group in row["groups"])
    )


def _contact(row: Record, groups: tuple[GroupRef, ...] = ()) -> Contact:
    return Contact(
        contact_id=ContactId(row["contact_id"]),
        external_id=row["external_id"],
        phone=row["phone"],
        email=row["email_given"] or row["email"],
        landline=row["landline"],
        sms_status=STORED_STATUSES[row["sms_status"]],
        email_status=STORED_STATUSES[row["email_status"]],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        is_archived=row["archived_at"] is not None,
        fields=_decode_fields(row["fields"]),
        groups=groups,
        devices=tuple(
            Device(platform=platform, token=token)
            for platform, _, token in (device.partition(":") for device in row["devices"])
        ),
    )
