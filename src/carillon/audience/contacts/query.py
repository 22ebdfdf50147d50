"""Listing contacts: by keyset, by numbered pages, by conditions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from carillon.audience.contacts.attributes import contact_attributes
from carillon.audience.contacts.contact import Contact, ContactKey, consents_of, contact_of, groups_of
from carillon.audience.contacts.lookup import FindContacts, find_contacts, with_group_refs
from carillon.audience.field_types import Kind
from carillon.db.database import Tx
from carillon.db.filters import Condition, Order, compile_conditions, compile_order
from carillon.db.sql import load_statements
from carillon.errors import NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import GroupId
from carillon.kit.page import Counted, NumberedPage, Page

SQL = load_statements("carillon.audience.contacts", "query.sql")


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
class QueryContacts:
    """Ask for a numbered page of the contacts that meet all conditions, oldest first unless said otherwise.

    Conditions and the order name attributes of `contact_attributes(kinds, purposes)`.
    """

    page: NumberedPage
    kinds: Mapping[str, Kind]
    purposes: Sequence[str] = ()
    conditions: Sequence[Condition] = ()
    order: Order | None = None


async def query_contacts(tx: Tx, actor: Actor, query: QueryContacts) -> Counted[Contact]:
    """Return a numbered page of contacts that meet conditions, with groups and consents, and how many there are in all.

    Raises InvalidInputError for conditions and the order.
    """
    attributes = contact_attributes(query.kinds, query.purposes)
    compiled = compile_conditions(attributes, query.conditions, given=4)
    order = compile_order(attributes, query.order, "c.contact_id")
    counting, paging = (compiled.into(SQL[name], order) for name in ("count_queried", "query_contacts"))
    asked = (actor.account_id, actor.audience_id, query.page.size, query.page.offset, *compiled.arguments)
    rows = await tx.fetch(paging, *asked)
    # The end of the list tells how long it is; only what goes on is counted.
    is_end = len(rows) < query.page.size and (rows or not query.page.offset)
    total = query.page.offset + len(rows) if is_end else await tx.fetchval(counting, *asked)
    return Counted(items=[contact_of(row, groups_of(row), consents_of(row)) for row in rows], total=total)


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
    contacts = await with_group_refs(tx, actor, rows, with_groups=query.with_groups)
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
    return Counted(items=await with_group_refs(tx, actor, rows, with_groups=query.with_groups), total=total)


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
