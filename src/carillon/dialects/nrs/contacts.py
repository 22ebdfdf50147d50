"""The operations on contacts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from carillon.addresses.phones import likely_phone, phone_digits
from carillon.audience.contacts.contact import Contact, ContactKey, KeyKind, read_id
from carillon.audience.contacts.delete import DeleteContacts, delete_contacts
from carillon.audience.contacts.lookup import FindContacts, find_contacts
from carillon.audience.contacts.query import PageContacts, page_contacts
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.fields import CreateField, Field, ListFields, create_field, free_name, list_fields
from carillon.audience.locks import lock_audience
from carillon.audience.memberships import Regroup
from carillon.audience.upsert.ambiguous_phones import known_phones, read_ambiguous_rows, resolve_phone
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Tx
from carillon.dialects.nrs import mapping, schemas
from carillon.dialects.nrs.mapping import CustomValue, Include, show_contact
from carillon.dialects.nrs.paging import read_page, show_page
from carillon.dialects.nrs.replies import One
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import GroupId

PATH = "/api/rest/contacts"

_PLAIN = Include(custom_fields=False, groups=False)
_CREATED = 201
_GONE = 204


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteContact:
    """A contact to write with its custom fields and groups; with `contact_id` that one is changed."""

    row: ContactRow
    custom: Sequence[CustomValue]
    groups: Sequence[GroupId]
    country: str | None
    contact_id: int | None = None


async def resolve_known_phone(call: Call, text: str, country: str | None = None) -> str:
    """Read a phone that is looked for: as replies show it where somebody has that, else as it is dialled.

    With a country the latter goes first. Whoever has it is a contact of the audience, or a line of the blacklists.
    """
    shown, dialled = phone_digits(text, None), phone_digits(text, country or call.actor.country)
    likely = likely_phone(text, *((country, None) if country else (None, call.actor.country)))
    if shown is None or dialled is None or shown == dialled:
        return likely
    readings = (dialled, shown) if country else (shown, dialled)
    held = await call.db.read(known_phones, call.actor, readings)
    return next((f"+{one}" for one in readings if one in held), likely)


async def write_contact(tx: Tx, actor: Actor, command: WriteContact) -> Contact:
    """Write a contact, and make the custom fields and groups that it names, all of it or nothing.

    Raises InvalidInputError with the place of what can't be used, an unknown group's id among it; NotFoundError and
    KeyConflictError as `save_contact` does.
    """
    await lock_audience(tx, actor)  # so that new fields that others name, and numbers in doubt, are there or not
    names = await _own_fields(tx, actor, command.custom)
    texts = {names[one.key].name: mapping.typed_text(one, names[one.key].kind) for one in command.custom}
    plain = read_ambiguous_rows([command.row], command.row.fields.get("country") or actor.country)
    row = await resolve_phone(tx, actor, plain, command.contact_id)
    save = SaveContact(
        row=msgspec.structs.replace(row, fields={**row.fields, **texts}),
        contact_id=command.contact_id,
        country=command.country,
        groups=Regroup(join=command.groups),
    )
    try:
        saved = await save_contact(tx, actor, save)
    except NotFoundError as error:
        if error.subject == "group":
            raise InvalidInputError("groupsIds", error.message) from error
        raise
    except InvalidInputError as error:
        places = {names[one.key].name: one.place for one in command.custom}
        if error.field in places:
            raise InvalidInputError(f"{places[error.field]}.value", error.message) from error
        raise
    return await _contact(tx, actor, str(saved.contact_id))


async def _own_fields(tx: Tx, actor: Actor, custom: Sequence[CustomValue]) -> Mapping[str, Field]:
    """Give the audience's own fields by their labels, those included that are made here."""
    if not custom:
        return {}
    own = await list_fields(tx, actor, ListFields())
    known = {one.label: one for one in reversed(own)}
    for one in custom:
        if one.key not in known:
            name = free_name(one.key, [field.name for field in known.values()] + [field.name for field in own])
            try:
                known[one.key] = await create_field(tx, actor, CreateField(name=name, kind=one.kind, label=one.key))
            except InvalidInputError as error:
                raise InvalidInputError(f"{one.place}.key", error.message) from error
    return known


async def _contact(tx: Tx, actor: Actor, contact_id: str, *, with_groups: bool = False) -> Contact:
    key = ContactKey(kind=KeyKind.CONTACT_ID, value=contact_id)
    found = await find_contacts(tx, actor, FindContacts(key=key, with_groups=with_groups))
    if not found:
        raise NotFoundError("contact")
    return found[0]


async def _delete(tx: Tx, actor: Actor, contact_id: str) -> None:
    key = ContactKey(kind=KeyKind.CONTACT_ID, value=contact_id)
    if not await delete_contacts(tx, actor, DeleteContacts(keys=[key])):
        raise NotFoundError("contact")


async def list_contacts(call: Call) -> Answer:
    """Show a page of the contacts that have all that the filters ask for."""
    asked: schemas.ListContacts = call.query
    include, page = mapping.read_include(asked.include), read_page(asked)
    country = mapping.read_country(asked.country_iso)
    phone = await resolve_known_phone(call, asked.phone, country)
    given = ((KeyKind.EMAIL, asked.email), (KeyKind.PHONE, phone), (KeyKind.EXTERNAL_ID, asked.external_id))
    query = PageContacts(
        page=page,
        keys=[ContactKey(kind=kind, value=value) for kind, value in given if value.strip()],
        landline=asked.landline.strip() or None,
        country=country,
        with_groups=include.groups,
    )
    found = await call.db.read(page_contacts, call.actor, query)
    own = await _fields_for(call, include)
    return Answer(data=show_page(call.request, PATH, page, found, lambda one: show_contact(one, include, own)))


async def _fields_for(call: Call, include: Include) -> list[Field]:
    return await call.db.read(list_fields, call.actor, ListFields()) if include.custom_fields else []


async def show(call: Call) -> Answer:
    """Show a contact."""
    include = mapping.read_include(call.query.include)
    contact = await call.db.read(_contact, call.actor, call.request.segments["id"], with_groups=include.groups)
    own = await _fields_for(call, include)
    return Answer(data=One(show_contact(contact, include, own)))


async def create(call: Call) -> Answer:
    """Make a contact, or change the one that has the e-mail, the phone or the external id."""
    return await _written(call, _command(call.body), _CREATED)


async def update(call: Call) -> Answer:
    """Change a contact."""
    command = _command(call.body)
    contact_id = read_id(call.request.segments["id"])
    if contact_id is None:
        raise NotFoundError("contact")
    return await _written(call, replace(command, contact_id=contact_id), 200)


def _command(asked: schemas.SaveContact) -> WriteContact:
    mapping.check_required(asked)
    return WriteContact(
        row=mapping.contact_row(asked),
        custom=mapping.custom_values(asked),
        groups=mapping.group_ids(asked),
        country=mapping.dialling_country(asked.country_iso),
    )


async def _written(call: Call, command: WriteContact, status: int) -> Answer:
    contact = await call.db.run(write_contact, call.actor, command)
    url = f"{call.request.base_url}{PATH}/{contact.contact_id}"
    return Answer(data=One(show_contact(contact, _PLAIN, [], url)), status=status)


async def delete(call: Call) -> Answer:
    """Delete a contact, from all groups too."""
    await call.db.run(_delete, call.actor, call.request.segments["id"])
    return Answer(data=None, status=_GONE)
