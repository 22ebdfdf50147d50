"""Contacts one by one: make or change one, show one, and the feed of new ones."""

from carillon.addresses.phone_readings import PhoneForm
from carillon.audience.contacts.contact import ContactKey, KeyKind
from carillon.audience.contacts.feed import ReadFeed, read_feed
from carillon.audience.contacts.lookup import FindContacts, get_contact
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.memberships import Regroup
from carillon.audience.upsert.rows import ContactRow
from carillon.dialects.inwise.mapping import country_of, field_of, group_ids, show_contact, trimmed
from carillon.dialects.inwise.replies import SavedContact
from carillon.dialects.inwise.schemas import PersonalField, SaveContactRequest
from carillon.dialects.reading import read_request, require
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError, KeyConflictError

FEED_LIMIT = 1_000
_DEFAULT_CODE = "mobile_number_default_country_code"
_CONFIRMATIONS = {"": None, "confirmed": True, "unconfirmed": False}


async def save(call: Call) -> Answer:
    """Make a contact or change it, wholly or not at all."""
    asked: SaveContactRequest = call.body
    contact_id = asked.id or None
    if contact_id is not None and contact_id < 0:
        raise InvalidInputError("id", "The id of a contact belongs here; 0 or nothing for a new one.")
    country = _country(asked)
    command = SaveContact(
        row=_row(asked),
        contact_id=contact_id,
        country=country,
        phone_form=PhoneForm.NATIONAL_FIRST,
        groups=Regroup(
            join=group_ids(asked.add_to_groups_ids, "add_to_groups_ids"),
            leave=group_ids(asked.remove_from_groups_ids, "remove_from_groups_ids"),
            leave_others=bool(asked.remove_from_all_other_groups),
        ),
        clear_fields=bool(asked.clear_existing_fields),
        is_confirmed=_is_confirmed(asked),
    )
    try:
        saved = await call.db.run(save_contact, call.actor, command)
    except KeyConflictError as error:
        # A key that is the contact's own conflicts with nothing.
        others = {key: owner for key, owner in error.owners.items() if owner != contact_id}
        raise KeyConflictError(others) from error
    return Answer(data=SavedContact(id=saved.contact_id))


def _is_confirmed(asked: SaveContactRequest) -> bool | None:
    status = (asked.confirmation_status or "").strip().lower()
    if status not in _CONFIRMATIONS:
        raise InvalidInputError("confirmation_status", "confirmed or unconfirmed belongs here.")
    return _CONFIRMATIONS[status]


def _row(asked: SaveContactRequest) -> ContactRow:
    email, phone = _given(asked.email), _given(asked.mobile_number)
    if not (asked.id or email or phone):
        raise InvalidInputError("email", "A contact needs an email or a mobile_number.")
    if phone and asked.trim_mobile_number_leading_zero:
        phone = trimmed(phone)
    return ContactRow(phone=phone, email=email, external_id=_given(asked.external_id), fields=_fields(asked))


def _given(text: str | None) -> str | None:
    return text if text and not text.isspace() else None


def _fields(asked: SaveContactRequest) -> dict[str, str]:
    fields: dict[str, str] = {}
    for place, item in enumerate(asked.fields):
        path = f"fields[{place}]"
        given = read_request(PersonalField, item, path)
        require(given, path)
        field = field_of(given.name, f"{path}.name")
        if given.content is not None:
            fields[field] = given.content
    return fields


def _country(asked: SaveContactRequest) -> str | None:
    code = _given(asked.mobile_number_default_country_code)
    if not (code and asked.add_default_country_to_mobile_number_only_if_not_exists):
        return None
    return country_of(code, _DEFAULT_CODE)


async def show(call: Call) -> Answer:
    key = ContactKey(kind=KeyKind.CONTACT_ID, value=call.request.segments["id"])
    found = await call.db.read(get_contact, call.actor, FindContacts(key=key, with_groups=True))
    return Answer(data=show_contact(found, call.actor.country))


async def feed(call: Call) -> Answer:
    """Show the contacts that were made since the key's last call."""
    contacts = await call.db.run(read_feed, call.actor, ReadFeed(limit=FEED_LIMIT, with_groups=True))
    return Answer(data=[show_contact(one, call.actor.country) for one in contacts])
