"""Subscribers of a list: contacts of its audience."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from carillon.audience.audiences import AudienceKind
from carillon.audience.contacts.batch_write import RowChange, WritePolicy
from carillon.audience.contacts.contact import Contact, ContactKey, KeyKind, SubscriptionStatus
from carillon.audience.contacts.delete import delete_contact_ids
from carillon.audience.contacts.lookup import FindByDigest, FindContacts, find_by_digest, find_contacts
from carillon.audience.contacts.query import QueryContacts, query_contacts
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.contacts.subscription import ChangeSubscriptions, SubscriptionChange, change_subscriptions
from carillon.audience.field_types import CANONICAL
from carillon.audience.fields import field_kinds
from carillon.audience.memberships import NO_MOVES, Regroup
from carillon.audience.suppressions import Channel, suppressed_among
from carillon.audience.uploads.accept import AcceptUpload, accept_upload, upload_or_queue
from carillon.audience.upsert.ambiguous_phones import read_ambiguous_rows, resolve_phone
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Tx
from carillon.db.filters import Condition, Op
from carillon.dialects.apifon import schemas
from carillon.dialects.apifon.forms import FORM_URLS, forms_of
from carillon.dialects.apifon.mapping import chosen, in_query, only, read_fields
from carillon.dialects.apifon.replies import if_match, links_of, location_of, read_page, require_match, tagged
from carillon.dialects.apifon.structure import OpenList, open_list
from carillon.dialects.apifon.subscriber_words import (
    STATUSES,
    Wanted,
    digest_of,
    field_map_of,
    name_conditions,
    read_digest,
    read_operands,
    read_subscriber,
    read_subscriber_order,
    show_subscriber,
)
from carillon.dialects.reading import read_request, read_text
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError, KeyConflictError, MissingInputError, NotFoundError, TooManyItemsError
from carillon.kit.actor import Actor
from carillon.kit.page import Counted, NumberedPage

_WORDS = {"phone": "destination", "row": "destination"}
_NOTHING = RowChange()
_BLOCKED = "This is on the bounce list."


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A subscriber as a call names it; `expected` is what its If-Match says."""

    list_id: str
    digest: UUID
    expected: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriberQuery:
    """A page of a list's subscribers; `conditions` are as the caller said them."""

    list_id: str
    page: NumberedPage
    sort: str | None
    sort_dir: str | None
    conditions: Sequence[object] = ()
    fixed: Sequence[Condition] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a look found."""

    opened: OpenList
    contacts: Counted[Contact]


def _list_id(call: Call) -> str:
    return call.request.segments["list_id"]


def _name_of(call: Call) -> Named:
    digest = read_digest(call.request.segments["lookup_md5"])
    return Named(list_id=_list_id(call), digest=digest, expected=if_match(call))


def _location(call: Call, contact: Contact) -> str:
    address = contact.phone or (contact.email or "").lower()
    return location_of(call, "subscriber", digest_of(address))


async def create(call: Call) -> Answer:
    """Add a subscriber to a list."""
    contact = await call.db.run(_create, call.actor, _list_id(call), call.body)
    return Answer(data=None, status=201, headers={"Location": _location(call, contact)})


async def _create(tx: Tx, actor: Actor, list_id: str, asked: schemas.Subscriber) -> Contact:
    opened = await open_list(tx, actor, list_id, lock=True)
    wanted = await _read_one(tx, opened, asked)
    if not ((asked.destination or "").strip() or (asked.email or "").strip()):
        raise MissingInputError("destination")
    owners = {key.kind.value: one.contact_id for key, one in await _owners(tx, opened.actor, wanted.row)}
    if owners:
        raise KeyConflictError(owners)
    return await _save(tx, opened, wanted, None)


async def _read_one(tx: Tx, opened: OpenList, asked: schemas.Subscriber, known: Contact | None = None) -> Wanted:
    """Read what is said of a subscriber; its number may be national, or international without a plus as it is shown."""
    wanted = read_subscriber(asked, field_map_of(opened), known)
    plain = read_ambiguous_rows([wanted.row], opened.actor.country)
    return Wanted(await resolve_phone(tx, opened.actor, plain, known.contact_id if known else None), wanted.change)


async def _owners(tx: Tx, actor: Actor, row: ContactRow) -> list[tuple[ContactKey, Contact]]:
    given = ((KeyKind.PHONE, row.phone), (KeyKind.EMAIL, row.email))
    keys = [ContactKey(kind=kind, value=value) for kind, value in given if value]
    queries = [FindContacts(key=key, with_archived=True) for key in keys]
    return [(query.key, one) for query in queries for one in await find_contacts(tx, actor, query)]


async def _save(tx: Tx, opened: OpenList, wanted: Wanted, contact_id: int | None) -> Contact:
    """Write a subscriber: its attributes, its subgroups and its standing."""
    change = wanted.change
    groups = NO_MOVES if change.groups is None else Regroup(join=change.groups, leave_others=True)
    save = SaveContact(row=wanted.row, contact_id=contact_id, groups=groups)
    try:
        saved = await save_contact(tx, opened.actor, save)
    except InvalidInputError as error:
        place = field_map_of(opened).place_of(error.field) or _WORDS.get(error.field, error.field)
        raise InvalidInputError(place, error.message) from error
    except NotFoundError as error:
        if error.subject == "group":  # another door has deleted it
            raise InvalidInputError("groupOptions", "There is no such subgroup.") from error
        raise
    contact = await _contact(tx, opened.actor, saved.contact_id)
    if not (contact.phone or contact.email):
        raise InvalidInputError("destination", "A subscriber has a destination or an e-mail address.")
    is_new = contact_id is None
    sms = change.sms or (SubscriptionStatus.SUBSCRIBED if is_new else None)
    email = change.email or (SubscriptionStatus.SUBSCRIBED if is_new else None)
    if opened.audience.kind is not AudienceKind.STOPLIST:  # whose subscribers are blocked by being added
        await _refuse_blocked(tx, opened.actor, contact, sms, email)
    if saved.outcome != "new" or change.changes_status(is_new=True):
        standing = SubscriptionChange(contact_id=saved.contact_id, sms=change.sms, email=change.email, archived=False)
        await change_subscriptions(tx, opened.actor, ChangeSubscriptions(standings=[standing]))
    return contact


async def _refuse_blocked(
    tx: Tx, actor: Actor, contact: Contact, sms: SubscriptionStatus | None, email: SubscriptionStatus | None
) -> None:
    """Raise InvalidInputError when an address would be written to that is blocked."""
    for channel, status, address, place in (
        (Channel.SMS, sms, contact.phone, "destination"),
        (Channel.EMAIL, email, (contact.email or "").lower(), "email"),
    ):
        if not address or status in {None, SubscriptionStatus.UNSUBSCRIBED}:
            continue
        if await suppressed_among(tx, actor, channel, [address]):
            raise InvalidInputError(place, _BLOCKED)


async def _contact(tx: Tx, actor: Actor, contact_id: int) -> Contact:
    key = ContactKey(kind=KeyKind.CONTACT_ID, value=str(contact_id))
    (contact,) = await find_contacts(tx, actor, FindContacts(key=key))
    return contact


async def _found(tx: Tx, actor: Actor, name: Named) -> Contact:
    found = await find_by_digest(tx, actor, FindByDigest(digest=name.digest))
    if not found:
        raise NotFoundError("subscriber")
    return found[0]


async def _matching(tx: Tx, actor: Actor, name: Named) -> tuple[OpenList, Contact]:
    """Find a subscriber to change, and its list, which is locked. Raises NotFoundError and StaleTagError."""
    opened = await open_list(tx, actor, name.list_id, lock=True)
    contact = await _found(tx, opened.actor, name)
    if name.expected:
        require_match(name.expected, show_subscriber(contact, opened)["meta"]["Etag"])
    return opened, contact


async def create_many(call: Call) -> Answer:
    """Take many subscribers in, to be added or changed; a row that can't be used costs only itself.

    A few are written before the reply, unless earlier ones are still being worked off; more are stored before it.
    """
    asked: schemas.AddSubscribers = call.body
    if not any(isinstance(one, Mapping) for one in asked.subscribers):
        raise InvalidInputError("subscribers", "A list of objects belongs here.")
    opened = await call.db.read(open_list, call.actor, _list_id(call))
    command = await asyncio.to_thread(_read_many, asked, opened)
    is_few = len(asked.subscribers) <= schemas.MAX_SUBSCRIBERS_AT_ONCE
    try:
        if is_few:
            await upload_or_queue(call.db, opened.actor, command)
        else:
            await call.db.run_at_once(accept_upload, opened.actor, command)
    except NotFoundError as error:  # removed since it was opened
        raise NotFoundError("list") from error
    return Answer(data=None)


def _read_many(asked: schemas.AddSubscribers, opened: OpenList) -> AcceptUpload:
    field_map, rows, changes = field_map_of(opened), list[ContactRow](), dict[int, RowChange]()
    for place, item in enumerate(asked.subscribers):
        try:
            wanted = read_subscriber(read_request(schemas.Subscriber, item, f"subscribers[{place}]"), field_map)
        except (InvalidInputError, TooManyItemsError):
            continue
        rows.append(wanted.row)
        if wanted.change != _NOTHING:
            changes[len(rows)] = wanted.change
    plain = read_ambiguous_rows(rows, field_map.country)
    policy = WritePolicy(
        update_existing=bool(asked.update_on_duplicate),
        archived_exist=True,
        changes=changes,
        skip_suppressed=True,
        alternative_phones=plain.alternative_phones,
    )
    return AcceptUpload(rows=plain.rows, policy=policy)


async def update(call: Call) -> Answer:
    """Change a subscriber, who is archived no more."""
    contact = await call.db.run(_update, call.actor, _name_of(call), call.body)
    place = _location(call, contact)
    return Answer(data=None, status=204, headers={"Location": place, "Content-Location": place})


async def _update(tx: Tx, actor: Actor, name: Named, asked: schemas.Subscriber) -> Contact:
    opened, contact = await _matching(tx, actor, name)
    return await _save(tx, opened, await _read_one(tx, opened, asked, contact), contact.contact_id)


async def show(call: Call) -> Answer:
    """Show a subscriber."""
    opened, contact = await call.db.read(_shown, call.actor, _name_of(call))
    shown = show_subscriber(contact, opened)
    if _are_shown(FORM_URLS, read_fields(call.query.fields)):
        shown |= _with_forms(await forms_of(call, opened, [contact]), contact)
    return tagged(call, shown, shown["meta"]["Etag"])


def _are_shown(name: str, fields: Sequence[str]) -> bool:
    return not fields or name in fields


def _with_forms(forms: Mapping[int, Mapping[str, str]], contact: Contact) -> dict[str, Any]:
    return {FORM_URLS: forms[contact.contact_id]} if contact.contact_id in forms else {}


async def _shown(tx: Tx, actor: Actor, name: Named) -> tuple[OpenList, Contact]:
    opened = await open_list(tx, actor, name.list_id)
    return opened, await _found(tx, opened.actor, name)


async def list_subscribers(call: Call) -> Answer:
    """Show a page of a list's subscribers."""
    asked: schemas.ListSubscribers = call.query
    page = read_page(asked.page, asked.size)
    given = (("sms_status", "status", asked.status), ("email_status", "email", asked.email))
    fixed = [
        Condition(ours, Op.EQ, int(STATUSES[chosen(word, tuple(STATUSES), place)]))
        for ours, place, word in given
        if word
    ]
    look = SubscriberQuery(list_id=_list_id(call), page=page, sort=asked.sort, sort_dir=asked.sort_dir, fixed=fixed)
    found = await call.db.read(_query, call.actor, look)
    fields = read_fields(asked.fields)
    forms = await forms_of(call, found.opened, found.contacts.items) if _are_shown(FORM_URLS, fields) else {}
    shown = _show_page(found, page, fields, forms)
    links = links_of(call.request, page, found.contacts.total)
    return Answer(data={"meta": shown["meta"], "links": links, "results": shown["results"]})


async def query_subscribers(call: Call) -> Answer:
    """Show a page of the subscribers that meet all conditions."""
    asked: schemas.Query = call.body
    sort = read_request(schemas.Sort, asked.sort[0] if asked.sort else None, "sort")
    page = read_page(asked.page, asked.size)
    look = SubscriberQuery(
        list_id=_list_id(call),
        page=page,
        sort=sort.sort_field,
        sort_dir=sort.sort_dir,
        conditions=asked.conditions,
    )
    try:
        found = await call.db.read(_query, call.actor, look)
    except InvalidInputError as error:
        raise in_query(error) from error
    fields = [name for one in asked.fields for name in read_fields(read_text(one, "fields"))]
    return Answer(data=_show_page(found, page, fields, {}))


async def _query(tx: Tx, actor: Actor, look: SubscriberQuery) -> Found:
    opened = await open_list(tx, actor, look.list_id)
    structure = opened.structure
    order = read_subscriber_order(look.sort, look.sort_dir, structure)
    named = name_conditions(look.conditions, structure)
    is_of_fields = any(name.startswith("fields.") for name in (order.name, *(one.name for one in named)))
    kinds = await field_kinds(tx, opened.actor) if is_of_fields else CANONICAL
    query = QueryContacts(
        page=look.page,
        kinds=kinds,
        conditions=[*look.fixed, *read_operands(named, structure, kinds)],
        order=order,
    )
    return Found(opened=opened, contacts=await query_contacts(tx, opened.actor, query))


def _show_page(
    found: Found, page: NumberedPage, fields: Sequence[str], forms: Mapping[int, Mapping[str, str]]
) -> dict[str, Any]:
    return {
        "meta": {"page": page.number, "size": page.size, "total": found.contacts.total},
        "results": [
            only(show_subscriber(one, found.opened) | _with_forms(forms, one), fields) for one in found.contacts.items
        ],
    }


async def subscribe(call: Call) -> Answer:
    """Subscribe a subscriber on the channel whose identifier it is named by."""
    await call.db.run(_stand, call.actor, _name_of(call), SubscriptionStatus.SUBSCRIBED)
    return Answer(data=None, status=204)


async def unsubscribe(call: Call) -> Answer:
    """Unsubscribe a subscriber on the channel whose identifier it is named by."""
    await call.db.run(_stand, call.actor, _name_of(call), SubscriptionStatus.UNSUBSCRIBED)
    return Answer(data=None, status=204)


async def _stand(tx: Tx, actor: Actor, name: Named, status: SubscriptionStatus) -> None:
    opened, contact = await _matching(tx, actor, name)
    by_phone = bool(contact.phone) and UUID(hex=digest_of(contact.phone or "")) == name.digest
    sms, email = (status, None) if by_phone else (None, status)
    await _refuse_blocked(tx, opened.actor, contact, sms, email)
    standing = SubscriptionChange(contact_id=contact.contact_id, sms=sms, email=email, archived=False)
    await change_subscriptions(tx, opened.actor, ChangeSubscriptions(standings=[standing]))


async def delete(call: Call) -> Answer:
    """Archive a subscriber, or delete it."""
    permanently = bool(call.query.permanent)
    await call.db.run(_remove, call.actor, _name_of(call), permanently=permanently)
    return Answer(data=None, status=204)


async def _remove(tx: Tx, actor: Actor, name: Named, *, permanently: bool) -> None:
    opened, contact = await _matching(tx, actor, name)
    if permanently:
        await delete_contact_ids(tx, opened.actor, [contact.contact_id])
    else:
        standing = SubscriptionChange(contact_id=contact.contact_id, archived=True)
        await change_subscriptions(tx, opened.actor, ChangeSubscriptions(standings=[standing]))
