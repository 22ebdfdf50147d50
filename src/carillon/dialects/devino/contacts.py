"""The operations on the contacts of a list."""

from collections.abc import Sequence
from dataclasses import replace

from carillon.audience.audience_fields import audience_fields
from carillon.audience.contacts.contact import Contact
from carillon.audience.contacts.insert import AddContacts, AddedContacts, add_contacts
from carillon.audience.contacts.query import ContactQuery, query_contacts
from carillon.audience.devices import owner_of_token
from carillon.db.filters import Condition, Op, Order
from carillon.dialects.devino import mapping, replies, schemas
from carillon.dialects.devino.mapping_contacts import DUPLICATE, BatchRows, Wrong, wrong_of
from carillon.dialects.devino.mapping_fields import FieldMap
from carillon.dialects.devino.mapping_ranges import read_conditions, read_segment, show_contact, sorted_by
from carillon.dialects.devino.paging import read_span
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import AudienceId


async def add_batch(call: Call) -> Answer:
    """Add contacts to a list; each has its own result."""
    asked: schemas.Batch = call.body
    inside = _inside(call, asked.contact_group_id)
    contacts = BatchRows(
        contacts=asked.contacts,
        unique=asked.duplicate_check_field,
        zone=mapping.read_zone(call.query.zone_offset),
    )
    added = await call.db.run_spanning(add_contacts, inside, AddContacts(rows=contacts))
    return Answer(data=replies.Result(_outcomes(contacts, added)))


def _inside(call: Call, list_id: str) -> Actor:
    """Return the caller as an actor of a list. Raises InvalidInputError, and NotFoundError for what no list can be."""
    return replace(call.actor, audience_id=AudienceId(mapping.list_id(list_id)))


def _outcomes(contacts: BatchRows, added: AddedContacts) -> list[replies.AddedContact]:
    field_map = FieldMap(added.fields)
    wrong = {row: contacts.wrong(row, error, field_map) for row, error in added.errors.items()}
    wrong |= dict.fromkeys(added.duplicates, wrong_of(field_map, added.unique or "", DUPLICATE, "Duplicate"))
    audience_id = added.fields.audience.audience_id
    return [
        _rejected(wrong[row])
        if row in wrong
        else replies.AddedContact(
            code="OK",
            result=replies.Outcome(contact_id=mapping.contact_id(audience_id, added.contact_ids[row])),
        )
        for row in range(1, contacts.size + 1)
    ]


def _rejected(wrong: Wrong) -> replies.AddedContact:
    outcome = replies.Outcome(
        localization_key=wrong.localization_key, field_name=wrong.field_name, display_name=wrong.display_name
    )
    return replies.AddedContact(code="REJECTED", result=outcome, description=wrong.description)


async def show_range(call: Call) -> Answer:
    """Show contacts of a list."""
    asked: schemas.Range = call.query
    limit, offset = read_span(asked.limit, asked.offset)
    inside, zone = _inside(call, asked.contact_group_id), mapping.read_zone(asked.zone_offset)
    fields = await call.db.read(audience_fields, inside)
    field_map = FieldMap(fields)
    conditions = read_conditions(asked, field_map, inside.audience_id, zone)
    if token := asked.push_token.strip():
        owner = await call.db.read(owner_of_token, inside, token)
        conditions.append(Condition("contact_id", Op.EQ, owner or -1))
    query = ContactQuery(
        limit=limit,
        offset=offset,
        kinds=fields.kinds,
        conditions=conditions,
        order=Order(sorted_by(asked, field_map), descending=bool(asked.desc_order)),
        group_id=read_segment(asked.segment_id),
        with_devices=True,
        with_suppressions=True,
    )
    found = await _found(call, inside, query)
    account_id = call.actor.account_id
    shown = [show_contact(one, inside.audience_id, field_map, account_id, zone) for one in found]
    return Answer(data=replies.Result(shown))


async def _found(call: Call, inside: Actor, query: ContactQuery) -> Sequence[Contact]:
    try:
        return (await call.db.read(query_contacts, inside, query)).items
    except NotFoundError:  # a segment that is no group of the list has no contacts
        return []
    except InvalidInputError as error:
        ref = "queryOperator" if error.field.endswith(".op") else "queryValue"
        raise InvalidInputError(ref, error.message) from error
