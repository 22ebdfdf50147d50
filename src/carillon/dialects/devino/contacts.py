"""The upload of contacts to a list."""

from dataclasses import replace

from carillon.audience.contacts.insert import AddContacts, AddedContacts, add_contacts
from carillon.dialects.devino import mapping, replies, rows, schemas
from carillon.dialects.devino.mapping import FieldMap
from carillon.dialects.devino.rows import BatchRows, Wrong
from carillon.dialects.rest import Answer, Call
from carillon.kit.ids import AudienceId


async def batch(call: Call) -> Answer:
    """Add contacts to a list; each has its own result."""
    asked: schemas.Batch = call.body
    inside = replace(call.actor, audience_id=AudienceId(mapping.list_id(asked.contact_group_id)))
    contacts = BatchRows(
        contacts=asked.contacts,
        unique=asked.duplicate_check_field,
        zone=mapping.read_zone(call.query.zone_offset),
    )
    added = await add_contacts(call.db, inside, AddContacts(rows=contacts))
    return Answer(data=replies.Result(_outcomes(contacts, added)))


def _outcomes(contacts: BatchRows, added: AddedContacts) -> list[replies.AddedContact]:
    field_map = FieldMap(added.fields.audience, added.fields.custom)
    wrong = {row: contacts.wrong(row, error, field_map) for row, error in added.errors.items()}
    duplicate = rows.wrong_of(field_map, added.unique or "", rows.DUPLICATE, "Duplicate")
    wrong |= dict.fromkeys(added.duplicates, duplicate)
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
