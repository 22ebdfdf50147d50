"""Contacts one by one: make or change one, show one, and the feed of new ones."""

from dataclasses import replace

from carillon.audience.contacts.contact import ContactKey, KeyKind
from carillon.audience.contacts.feed import read_feed
from carillon.audience.contacts.lookup import FindContacts, find_contacts
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.contacts.subscription import Confirm, confirm
from carillon.audience.locks import lock_audience
from carillon.audience.memberships import Regroup
from carillon.audience.upsert.ambiguous_phones import AmbiguousRows, read_ambiguous_rows, resolve_phone
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Tx
from carillon.dialects.inwise.mapping import country_of, field_of, group_ids, show_contact, trimmed
from carillon.dialects.inwise.schemas import PersonalField, SaveContactRequest, SavedContact
from carillon.dialects.reading import read_request, require
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError, KeyConflictError, NotFoundError
from carillon.kit.actor import Actor

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
    plain = read_ambiguous_rows([_row(asked)], country or call.actor.country)
    command = SaveContact(
        row=plain.rows[0],
        contact_id=contact_id,
        country=country,
        groups=Regroup(
            join=group_ids(asked.add_to_groups_ids, "add_to_groups_ids"),
            leave=group_ids(asked.remove_from_groups_ids, "remove_from_groups_ids"),
            leave_others=bool(asked.remove_from_all_other_groups),
        ),
        clear_fields=bool(asked.clear_existing_fields),
    )
    is_confirmed = _is_confirmed(asked)
    try:
        saved = await call.db.run(_save, call.actor, command, plain, is_confirmed)
    except KeyConflictError as error:
        # A key that is the contact's own conflicts with nothing.
        others = {key: owner for key, owner in error.owners.items() if owner != contact_id}
        raise KeyConflictError(others) from error
    return Answer(data=saved)


async def _save(
    tx: Tx,
    actor: Actor,
    command: SaveContact,
    plain: AmbiguousRows,
    is_confirmed: bool | None,  # noqa: FBT001 - or nothing
) -> SavedContact:
    await lock_audience(tx, actor)  # so that a number that is in doubt is held as the contact is written
    row = await resolve_phone(tx, actor, plain, command.contact_id)
    saved = await save_contact(tx, actor, replace(command, row=row))
    if is_confirmed is not None:
        await confirm(tx, actor, Confirm(contact_id=saved.contact_id, is_confirmed=is_confirmed))
    return SavedContact(id=saved.contact_id)


def _is_confirmed(asked: SaveContactRequest) -> bool | None:
    word = (asked.confirmation_status or "").strip().lower()
    if word not in _CONFIRMATIONS:
        raise InvalidInputError("confirmation_status", "confirmed or unconfirmed belongs here.")
    return _CONFIRMATIONS[word]


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
    """Show a contact."""
    key = ContactKey(kind=KeyKind.CONTACT_ID, value=call.request.segments["id"])
    found = await call.db.read(find_contacts, call.actor, FindContacts(key=key, with_groups=True))
    if not found:
        raise NotFoundError("contact")
    return Answer(data=show_contact(found[0], call.actor.country))


async def feed(call: Call) -> Answer:
    """Give the contacts that were made since the key's last call."""
    contacts = await call.db.run(read_feed, call.actor, FEED_LIMIT, with_groups=True)
    return Answer(data=[show_contact(one, call.actor.country) for one in contacts])
