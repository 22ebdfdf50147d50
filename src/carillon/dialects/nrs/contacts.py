"""The operations on contacts."""

from dataclasses import replace

from carillon.addresses.phone_readings import PhoneForm
from carillon.audience.contacts.contact import ContactKey, KeyKind, read_id
from carillon.audience.contacts.delete import DeleteContacts, delete_contacts
from carillon.audience.contacts.lookup import FindContacts, get_contact
from carillon.audience.contacts.query import ContactQuery, page_contacts
from carillon.audience.contacts.save import SaveContact, save_and_get_contact
from carillon.audience.fields import Field, ListFields, list_fields
from carillon.audience.memberships import Regroup
from carillon.db.filters import Condition, Op
from carillon.dialects.nrs import mapping, schemas
from carillon.dialects.nrs.mapping import Include, show_contact
from carillon.dialects.nrs.paging import read_page, show_page
from carillon.dialects.nrs.replies import One
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError, NotFoundError

PATH = "/api/rest/contacts"

_ALONE = Include(custom_fields=False, groups=False)
_CREATED = 201
_GONE = 204


async def list_contacts(call: Call) -> Answer:
    """Show a page of the contacts that have all that the filters ask for."""
    asked: schemas.ListContacts = call.query
    include, page = mapping.read_include(asked.include), read_page(asked)
    country = mapping.read_country(asked.country_iso)
    phone_form = PhoneForm.NATIONAL_FIRST if country else PhoneForm.INTERNATIONAL_FIRST
    keys = (
        ContactKey(kind=KeyKind.EMAIL, value=asked.email),
        ContactKey(kind=KeyKind.PHONE, value=asked.phone, country=country, phone_form=phone_form),
        ContactKey(kind=KeyKind.EXTERNAL_ID, value=asked.external_id),
    )
    attributes = (("landline", asked.landline.strip()), ("fields.country", country))
    query = ContactQuery(
        keys=[key for key in keys if key.value.strip()],
        conditions=[Condition(name, Op.EQ, value) for name, value in attributes if value],
        limit=page.size,
        offset=page.offset,
        with_groups=include.groups,
    )
    found = await call.db.read(page_contacts, call.actor, query)
    own = await _fields_for(call, include)
    return Answer(data=show_page(call.request, PATH, page, found, lambda one: show_contact(one, include, own)))


async def _fields_for(call: Call, include: Include) -> list[Field]:
    return await call.db.read(list_fields, call.actor, ListFields()) if include.custom_fields else []


async def show(call: Call) -> Answer:
    include = mapping.read_include(call.query.include)
    query = FindContacts(key=_key(call), with_groups=include.groups)
    contact = await call.db.read(get_contact, call.actor, query)
    own = await _fields_for(call, include)
    return Answer(data=One(show_contact(contact, include, own)))


async def create(call: Call) -> Answer:
    """Make a contact, or change the one that has the e-mail, the phone or the external id."""
    return await _written(call, _command(call.body), _CREATED)


async def update(call: Call) -> Answer:
    command = _command(call.body)
    contact_id = read_id(call.request.segments["id"])
    if contact_id is None:
        raise NotFoundError("contact")
    return await _written(call, replace(command, contact_id=contact_id), 200)


def _key(call: Call) -> ContactKey:
    return ContactKey(kind=KeyKind.CONTACT_ID, value=call.request.segments["id"])


def _command(asked: schemas.SaveContact) -> SaveContact:
    mapping.check_required(asked)
    return SaveContact(
        row=mapping.contact_row(asked),
        country=mapping.dialling_country(asked.country_iso),
        phone_form=PhoneForm.NATIONAL_FIRST,
        labelled_fields=mapping.custom_values(asked),
        groups=Regroup(join=mapping.group_ids(asked)),
    )


async def _written(call: Call, command: SaveContact, status: int) -> Answer:
    try:
        contact = await call.db.run(save_and_get_contact, call.actor, command)
    except NotFoundError as error:
        if error.subject == "group":
            raise InvalidInputError("groupsIds", error.message) from error
        raise
    url = f"{call.request.base_url}{PATH}/{contact.contact_id}"
    return Answer(data=One(show_contact(contact, _ALONE, [], url)), status=status)


async def delete(call: Call) -> Answer:
    """Delete a contact, from all groups too."""
    await call.db.run(delete_contacts, call.actor, DeleteContacts(keys=[_key(call)], must_exist=True))
    return Answer(data=None, status=_GONE)
