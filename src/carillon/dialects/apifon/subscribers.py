"""Subscribers of a list: contacts of its audience."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from carillon.addresses.phone_readings import PhoneForm
from carillon.audience.contacts.batch_write import WritePolicy
from carillon.audience.contacts.change import (
    ChangeContact,
    ChangedContact,
    RemoveContact,
    change_contact,
    remove_contact,
)
from carillon.audience.contacts.contact import Contact, SubscriptionStatus
from carillon.audience.contacts.lookup import FindByDigest, find_by_digest
from carillon.audience.contacts.query import ContactQuery, page_contacts
from carillon.audience.contacts.row_changes import RowChange
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.memberships import NO_MOVES, Regroup
from carillon.audience.uploads.accept_rows import AcceptRows, accept_rows
from carillon.audience.upsert.rows import ContactRow
from carillon.db.filters import Condition, Op, Order
from carillon.dialects.apifon import schemas
from carillon.dialects.apifon.forms import FORM_URLS, forms_of
from carillon.dialects.apifon.lists import naming_list, open_list
from carillon.dialects.apifon.mapping import chosen, in_query, only, read_fields
from carillon.dialects.apifon.mapping_queries import read_subscriber_conditions, read_subscriber_order
from carillon.dialects.apifon.mapping_structure import SubscriberList
from carillon.dialects.apifon.mapping_subscribers import (
    STATUSES,
    FieldMap,
    Wanted,
    digest_of,
    field_map_of,
    read_digest,
    read_subscriber,
    show_subscriber,
)
from carillon.dialects.apifon.paging import links_of, read_page
from carillon.dialects.apifon.replies import if_match, location_of, require_match, tagged
from carillon.dialects.reading import read_request, read_text
from carillon.dialects.rest import Answer, Call
from carillon.errors import (
    InvalidInputError,
    MissingInputError,
    NotFoundError,
    SuppressedAddressError,
    TooManyItemsError,
)
from carillon.kit.page import Counted, NumberedPage

_PLACES = {"phone": "destination", "row": "destination"}
_NOTHING = RowChange()
_BLOCKED = "This is on the bounce list."
_GONE = {
    "group": ("groupOptions", "There is no such subgroup."),
    "purpose": ("gdpr_fields", "The list has no such field."),
}


@contextmanager
def _naming(field_map: FieldMap) -> Iterator[None]:
    """Name the places of what is wrong with a subscriber as its body does."""
    try:
        with naming_list():
            yield
    except SuppressedAddressError as error:
        raise InvalidInputError(_PLACES.get(error.field, error.field), _BLOCKED) from error
    except InvalidInputError as error:
        place = field_map.place_of(error.field) or _PLACES.get(error.field, error.field)
        raise InvalidInputError(place, error.message) from error
    except NotFoundError as error:
        if error.subject in _GONE:  # another API has deleted it
            raise InvalidInputError(*_GONE[error.subject]) from error
        raise NotFoundError("subscriber") if error.subject == "contact" else error from error


def _digest(call: Call) -> UUID:
    return read_digest(call.request.segments["lookup_md5"])


def _require_match(call: Call, contact: Contact, opened: SubscriberList) -> None:
    if expected := if_match(call):
        require_match(expected, show_subscriber(contact, opened)["meta"]["Etag"])


def _location(call: Call, phone: str | None, email: str | None) -> str:
    return location_of(call, "subscriber", digest_of(phone or (email or "").lower()))


def _saving(wanted: Wanted, *, is_new: bool) -> SaveContact:
    change = wanted.change
    return SaveContact(
        row=wanted.row,
        phone_form=PhoneForm.NATIONAL_FIRST,  # national, or international without a plus as it is shown
        groups=NO_MOVES if change.groups is None else Regroup(join=change.groups, leave_others=True),
        sms=change.sms,
        email=change.email,
        consents=change.consents,
        must_be_new=is_new,
        refuse_suppressed=True,
    )


async def create(call: Call) -> Answer:
    """Add a subscriber to a list."""
    opened = await open_list(call)
    asked, field_map = call.body, field_map_of(opened)
    wanted = read_subscriber(asked, field_map)
    if not ((asked.destination or "").strip() or (asked.email or "").strip()):
        raise MissingInputError("destination")
    with _naming(field_map):
        saved = await call.db.run(save_contact, opened.actor, _saving(wanted, is_new=True))
    return Answer(data=None, status=201, headers={"Location": _location(call, saved.phone, saved.email)})


async def create_many(call: Call) -> Answer:
    """Take many subscribers in, to be added or changed; a row that can't be used costs only itself.

    A few are written before the reply, unless earlier ones are still to be written; more are stored before it.
    """
    asked: schemas.AddSubscribers = call.body
    if not any(isinstance(one, Mapping) for one in asked.subscribers):
        raise InvalidInputError("subscribers", "A list of objects belongs here.")
    opened = await open_list(call)
    command = await asyncio.to_thread(_read_many, asked, opened)
    with naming_list():
        await call.db.run_spanning(accept_rows, opened.actor, command)
    return Answer(data=None)


def _read_many(asked: schemas.AddSubscribers, opened: SubscriberList) -> AcceptRows:
    field_map, rows, changes = field_map_of(opened), list[ContactRow](), dict[int, RowChange]()
    for place, item in enumerate(asked.subscribers):
        try:
            given = read_request(schemas.Subscriber, item, f"subscribers[{place}]")
            wanted = read_subscriber(given, field_map, skip_removed=True)
        except (InvalidInputError, TooManyItemsError):
            continue
        rows.append(wanted.row)
        if wanted.change != _NOTHING:
            changes[len(rows)] = wanted.change
    policy = WritePolicy(
        update_existing=bool(asked.update_on_duplicate), archived_exist=True, changes=changes, skip_suppressed=True
    )
    is_few = len(asked.subscribers) <= schemas.MAX_SUBSCRIBERS_AT_ONCE
    return AcceptRows(rows=rows, policy=policy, at_once=is_few)


async def update(call: Call) -> Answer:
    """Change a subscriber, which is archived no more."""
    digest, opened = _digest(call), await open_list(call)
    asked, field_map = call.body, field_map_of(opened)

    def decide(known: Contact) -> SaveContact:
        _require_match(call, known, opened)
        wanted = read_subscriber(asked, field_map, known)
        phone = known.phone if asked.destination is None else asked.destination.strip()
        email = known.email if asked.email is None else asked.email.strip()
        if not (phone or email):
            raise InvalidInputError("destination", "A subscriber has a destination or an e-mail address.")
        return _saving(wanted, is_new=False)

    changed = await _change(call, opened, ChangeContact(digest=digest, decide=decide))
    saved, before = changed.saved, changed.before
    phone = before.phone if saved.phone is None else saved.phone
    place = _location(call, phone, before.email if saved.email is None else saved.email)
    return Answer(data=None, status=204, headers={"Location": place, "Content-Location": place})


async def _change(call: Call, opened: SubscriberList, command: ChangeContact) -> ChangedContact:
    with _naming(field_map_of(opened)):
        return await call.db.run(change_contact, opened.actor, command)


async def show(call: Call) -> Answer:
    digest, opened = _digest(call), await open_list(call)
    found = await call.db.read(find_by_digest, opened.actor, FindByDigest(digest=digest))
    if not found:
        raise NotFoundError("subscriber")
    shown = show_subscriber(found[0], opened)
    if _are_shown(FORM_URLS, read_fields(call.query.fields)):
        shown |= _with_forms(await forms_of(call, opened.actor, found[:1]), found[0])
    return tagged(call, shown, shown["meta"]["Etag"])


def _are_shown(name: str, fields: Sequence[str]) -> bool:
    return not fields or name in fields


def _with_forms(forms: Mapping[int, Mapping[str, str]], contact: Contact) -> dict[str, Any]:
    return {FORM_URLS: forms[contact.contact_id]} if contact.contact_id in forms else {}


async def list_subscribers(call: Call) -> Answer:
    """Show a page of a list's subscribers."""
    asked: schemas.ListSubscribers = call.query
    page, fields = read_page(asked.page, asked.size), read_fields(asked.fields)
    given = (("sms_status", "status", asked.status), ("email_status", "email", asked.email))
    conditions = [
        Condition(ours, Op.EQ, int(STATUSES[chosen(status, tuple(STATUSES), place)]))
        for ours, place, status in given
        if status
    ]
    opened = await open_list(call)
    found = await _query(call, opened, page, conditions, read_subscriber_order(asked.sort, asked.sort_dir, opened))
    forms = await forms_of(call, opened.actor, found.items) if _are_shown(FORM_URLS, fields) else {}
    shown = _show_page(opened, found, page, fields, forms)
    links = links_of(call.request, page, found.total)
    return Answer(data={"meta": shown["meta"], "links": links, "results": shown["results"]})


async def query_subscribers(call: Call) -> Answer:
    """Show a page of the subscribers that meet all conditions."""
    asked: schemas.Query = call.body
    sort = read_request(schemas.Sort, asked.sort[0] if asked.sort else None, "sort")
    page = read_page(asked.page, asked.size)
    opened = await open_list(call)
    try:
        order = read_subscriber_order(sort.sort_field, sort.sort_dir, opened)
        conditions = read_subscriber_conditions(asked.conditions, opened)
        found = await _query(call, opened, page, conditions, order)
    except InvalidInputError as error:
        raise in_query(error) from error
    fields = [name for one in asked.fields for name in read_fields(read_text(one, "fields"))]
    return Answer(data=_show_page(opened, found, page, fields, {}))


async def _query(
    call: Call, opened: SubscriberList, page: NumberedPage, conditions: Sequence[Condition], order: Order
) -> Counted[Contact]:
    query = ContactQuery(
        limit=page.size,
        offset=page.offset,
        kinds=opened.described.kinds,
        purposes=[one.key for one in opened.described.purposes],
        conditions=conditions,
        order=order,
        with_archived=True,
        with_groups=True,
        with_consents=True,
    )
    return await call.db.read(page_contacts, opened.actor, query)


def _show_page(
    opened: SubscriberList,
    found: Counted[Contact],
    page: NumberedPage,
    fields: Sequence[str],
    forms: Mapping[int, Mapping[str, str]],
) -> dict[str, Any]:
    return {
        "meta": {"page": page.number, "size": page.size, "total": found.total},
        "results": [only(show_subscriber(one, opened) | _with_forms(forms, one), fields) for one in found.items],
    }


async def subscribe(call: Call) -> Answer:
    """Subscribe a subscriber on the channel whose identifier it is named by."""
    return await _set_status(call, SubscriptionStatus.SUBSCRIBED)


async def unsubscribe(call: Call) -> Answer:
    """Unsubscribe a subscriber on the channel whose identifier it is named by."""
    return await _set_status(call, SubscriptionStatus.UNSUBSCRIBED)


async def _set_status(call: Call, status: SubscriptionStatus) -> Answer:
    digest, opened = _digest(call), await open_list(call)

    def decide(known: Contact) -> SaveContact:
        _require_match(call, known, opened)
        by_phone = bool(known.phone) and UUID(hex=digest_of(known.phone or "")) == digest
        sms, email = (status, None) if by_phone else (None, status)
        return SaveContact(row=ContactRow(), sms=sms, email=email, refuse_suppressed=True)

    await _change(call, opened, ChangeContact(digest=digest, decide=decide))
    return Answer(data=None, status=204)


async def delete(call: Call) -> Answer:
    """Archive a subscriber, or delete it."""
    digest, opened = _digest(call), await open_list(call)

    def precondition(contact: Contact) -> None:
        _require_match(call, contact, opened)

    command = RemoveContact(digest=digest, permanently=bool(call.query.permanent), precondition=precondition)
    with _naming(field_map_of(opened)):
        await call.db.run(remove_contact, opened.actor, command)
    return Answer(data=None, status=204)
