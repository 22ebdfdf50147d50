"""Querying contacts: by conditions, group and keys, in any order, by a place or by numbered pages.

Every listing, export and segment is a `ContactQuery`. A page by `after_id` costs the same at any depth; one by `offset`
as much as all that comes before it. A condition that no index serves, an order and a count walk over the audience:
these wait for their turn (`Tx.require_turn`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from asyncpg import Record

from carillon.audience.contacts.attributes import contact_attributes
from carillon.audience.contacts.contact import Contact, ContactKey, KeyKind, contacts_of
from carillon.audience.contacts.lookup import key_values
from carillon.audience.field_types import CANONICAL, Kind
from carillon.audience.fields import field_kinds
from carillon.audience.suppression_queries import suppressed_since
from carillon.audience.suppressions import Channel
from carillon.audience.unsubscriptions import unsubscriptions_of
from carillon.db.database import Tx
from carillon.db.filters import MAX_VALUE_CHARACTERS, Condition, Op, Order, compile_conditions, compile_order
from carillon.db.sql import load_statements, with_parts
from carillon.errors import NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.page import Counted, Page

SQL = load_statements("carillon.audience.contacts", "contact.sql")

_NO_CONTACT = Condition("contact_id", Op.EQ, -1)
# Attributes whose expressions depend on the audience's fields.
_OF_FIELDS = ("fields.", "any_", "suppressed_", "unsubscribed")
# Of those that are equal to a value there are few, and an index finds them.
_KEYS = frozenset({*KeyKind, "phone_digest", "email_digest"})
# To pass over so many takes a millisecond or two.
_MAX_CHEAP_OFFSET = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactQuery:
    """Ask for the contacts that meet all conditions, that every key names and that are in a group, oldest first.

    Conditions and the order name attributes of `contact_attributes(kinds, purposes)`; the kinds of the audience's
    fields are read where they are None and asked for. Archived contacts are there only with `with_archived`. `after_id`
    goes with no order. Groups, consents, devices and suppressions come with the contacts where they are asked for.
    """

    conditions: Sequence[Condition] = ()
    keys: Sequence[ContactKey] = ()
    group_id: int | None = None
    order: Order | None = None
    after_id: int = 0
    offset: int = 0
    limit: int = 1000
    kinds: Mapping[str, Kind] | None = None
    purposes: Sequence[str] = ()
    with_archived: bool = False
    with_groups: bool = False
    with_consents: bool = False
    with_devices: bool = False
    with_suppressions: bool = False
    with_unsubscriptions: bool = False


@dataclass(frozen=True, slots=True)
class Statement:
    """A compiled statement with its arguments."""

    text: str
    arguments: Sequence[object]


async def query_contacts(tx: Tx, actor: Actor, query: ContactQuery) -> Page[Contact]:
    """List contacts. Raises NotFoundError for `group`, and InvalidInputError for conditions and the order."""
    await _require_group(tx, actor, query)
    query = await _prepared(tx, actor, query)
    if _is_expensive(query):
        tx.require_turn()
    rows = await contact_rows(tx, actor, query)
    contacts = contacts_of(rows)
    if query.with_suppressions:
        contacts = await _with_suppressions(tx, actor, rows, contacts)
    if query.with_unsubscriptions:
        contacts = await _with_unsubscriptions(tx, actor, contacts)
    return Page(items=contacts, last_id=contacts[-1].contact_id if contacts else query.after_id)


async def page_contacts(tx: Tx, actor: Actor, query: ContactQuery) -> Counted[Contact]:
    """List contacts, and count all that meet the query. Raises what `query_contacts` does."""
    prepared = await _prepared(tx, actor, query)
    if not _names_keys(prepared):
        tx.require_turn()
    contacts = (await query_contacts(tx, actor, prepared)).items
    # A page that ends the list tells its length; only what goes on is counted.
    if len(contacts) < query.limit and (contacts or not query.offset):
        return Counted(items=contacts, total=query.offset + len(contacts))
    counting = compile_count(actor, prepared)
    return Counted(items=contacts, total=await tx.fetchval(counting.text, *counting.arguments))


async def contact_rows(tx: Tx, actor: Actor, query: ContactQuery) -> Sequence[Record]:
    """Return the rows that `contacts_of` makes contacts of. Raises InvalidInputError for conditions and the order."""
    listing = compile_query(actor, await _prepared(tx, actor, query))
    return await tx.fetch(listing.text, *listing.arguments)


async def _prepared(tx: Tx, actor: Actor, query: ContactQuery) -> ContactQuery:
    """Read the keys, which become conditions, and the kinds of fields where these are asked for."""
    if query.keys:
        values = await key_values(tx, actor, query.keys, actor.country)
        of_keys = [_key_condition(key, value) for key, value in zip(query.keys, values, strict=True)]
        query = replace(query, keys=(), conditions=[*query.conditions, *of_keys])
    names = [one.name for one in query.conditions] + ([query.order.name] if query.order else [])
    if query.kinds is not None or not any(name.startswith(_OF_FIELDS) for name in names):
        return query
    return replace(query, kinds=await field_kinds(tx, actor))


def _is_expensive(query: ContactQuery) -> bool:
    """Whether a page may be a walk over the audience."""
    is_sorted = query.order is not None and query.order.name != KeyKind.CONTACT_ID
    return (bool(query.conditions) or is_sorted or query.offset > _MAX_CHEAP_OFFSET) and not _names_keys(query)


def _names_keys(query: ContactQuery) -> bool:
    return any(one.op is Op.EQ and one.name in _KEYS for one in query.conditions)


def _key_condition(key: ContactKey, value: str | int | None) -> Condition:
    if value is None or len(str(value)) > MAX_VALUE_CHARACTERS:
        return _NO_CONTACT
    return Condition(key.kind, Op.EQ, value)


async def _with_suppressions(
    tx: Tx, actor: Actor, rows: Sequence[Record], contacts: Sequence[Contact]
) -> list[Contact]:
    """Add the suppressions of a page's addresses: asked for at once, they cost one walk at most, whatever the plan."""
    # The column has the e-mail in the form that suppressions have it in.
    keys = [(one.any_phone, row["email"] or one.any_email) for row, one in zip(rows, contacts, strict=True)]
    since = await suppressed_since(tx, actor, {address for pair in keys for address in pair if address})
    if not since:
        return list(contacts)
    of_contacts = (
        {
            channel: since[channel, address]
            for channel, address in ((Channel.SMS, phone), (Channel.VOICE, phone), (Channel.EMAIL, email))
            if address and (channel, address) in since
        }
        for phone, email in keys
    )
    return [replace(one, suppressions=found) for one, found in zip(contacts, of_contacts, strict=True)]


async def _with_unsubscriptions(tx: Tx, actor: Actor, contacts: Sequence[Contact]) -> list[Contact]:
    """Add how a page's contacts came to be unsubscribed."""
    found = await unsubscriptions_of(tx, actor, [one.contact_id for one in contacts])
    of_contacts = (
        {channel: how for channel in (Channel.SMS, Channel.EMAIL) if (how := found.get((one.contact_id, channel)))}
        for one in contacts
    )
    return [replace(one, unsubscriptions=how) for one, how in zip(contacts, of_contacts, strict=True)]


async def _require_group(tx: Tx, actor: Actor, query: ContactQuery) -> None:
    place = (actor.account_id, actor.audience_id, query.group_id)
    if query.group_id is not None and not await tx.fetchval(SQL["group_exists"], *place):
        raise NotFoundError("group")


def compile_query(actor: Actor, query: ContactQuery) -> Statement:
    """Compile a query without keys to the statement of its page. Raises InvalidInputError."""
    fixed = (actor.account_id, actor.audience_id, query.after_id, query.limit, query.offset)
    return _compile(SQL["contacts"], query, fixed)


def compile_count(actor: Actor, query: ContactQuery) -> Statement:
    """Compile a query without keys to the statement that counts. Raises InvalidInputError."""
    return _compile(SQL["count_contacts"], query, (actor.account_id, actor.audience_id))


def _compile(statement: str, query: ContactQuery, fixed: Sequence[object]) -> Statement:
    attributes = contact_attributes(query.kinds or CANONICAL, query.purposes)
    arguments = [*fixed] if query.group_id is None else [*fixed, query.group_id]
    compiled = compile_conditions(attributes, query.conditions, given=len(arguments))
    order = compile_order(attributes, query.order, "c.contact_id")
    text = compiled.into(_with_parts(statement, _parts(query)), order)
    return Statement(text, [*arguments, *compiled.arguments])


def _parts(query: ContactQuery) -> frozenset[str]:
    asked = {
        "all": not query.conditions,
        "group": query.group_id is not None,
        "present": not query.with_archived,
        "groups": query.with_groups,
        "consents": query.with_consents,
        "devices": query.with_devices,
    }
    return frozenset(part for part, is_asked in asked.items() if is_asked)


@cache
def _with_parts(statement: str, parts: frozenset[str]) -> str:
    return with_parts(statement, parts)
