"""The operations on the contacts of a list."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from msgspec import UNSET

from carillon.audience.adding import AddContacts, add_contacts
from carillon.audience.audiences import Audience, AudienceKind
from carillon.audience.batch import read_rows
from carillon.audience.conditions import Condition, Op, Order
from carillon.audience.contacts import read_id
from carillon.audience.devices import RegisteredDevice, owner_of_token, register_devices
from carillon.audience.fields import Kind, type_value
from carillon.audience.own_fields import CreateField, create_field, field_kinds, free_name
from carillon.audience.ranges import RangeContacts, RangedContact, Silence, range_contacts
from carillon.audience.rows import Batch
from carillon.audience.suppressions import Address, Channel, Suppress, suppress
from carillon.audience.writing import lock_account, lock_audience
from carillon.db.database import Tx
from carillon.dialects.devino import mapping, replies, rows, schemas
from carillon.dialects.devino.errors import UNKNOWN, RefusedError
from carillon.dialects.devino.lists import find_list, within, words_of
from carillon.dialects.devino.mapping import FieldWord, Words
from carillon.dialects.devino.rows import ReadContact, Wrong
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError, MissingInputError
from carillon.kit.actor import Actor
from carillon.kit.phones import phone_digits

_DUPLICATE = "DUPLICATE_VALUE"
_CHECKED = {"": None, "0": None, "1": "phone", "2": "email", "phone": "phone", "email": "email"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Contacts to add to a list, as they were sent; `unique` is the field that may not repeat, by Devino's name."""

    audience_id: int
    contacts: Sequence[object]
    unique: str
    zone: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Uploaded:
    """What became of the contacts, by their places from 1: an id, or what was wrong."""

    audience_id: int
    contact_ids: dict[int, int]
    wrong: dict[int, Wrong]


async def upload(tx: Tx, actor: Actor, command: Upload) -> Uploaded:
    """Add contacts to a list; whoever is added to a stop list is suppressed on every channel."""
    audience = await find_list(tx, actor, command.audience_id)
    inside = within(actor, audience)
    if audience.kind is AudienceKind.STOPLIST:
        await lock_account(tx, inside)  # before the list alone: others lock all of them in their order
    await lock_audience(tx, inside)
    words = await _with_new_fields(tx, inside, audience, command.contacts)
    unique = _unique(words, command.unique)
    kinds = await field_kinds(tx, inside)

    def read() -> tuple[list[ReadContact], Batch]:
        contacts = [rows.read_contact(place, one, words, command.zone) for place, one in enumerate(command.contacts, 1)]
        return contacts, read_rows([one.row for one in contacts], None, kinds=kinds, keyless=True)

    contacts, batch = await asyncio.to_thread(read)
    wrong = {place: one.wrong for place, one in enumerate(contacts, 1) if one.wrong}
    for error in batch.errors:
        wrong.setdefault(error.row, rows.wrong_of(words, error.field, error.code, error.message))
    good = replace(batch, frame=batch.frame.filter(~batch.frame["row"].is_in(list(wrong))))
    added = await add_contacts(tx, inside, AddContacts(batch=good, unique=unique))
    for place in added.duplicates:
        wrong[place] = rows.wrong_of(words, unique or "", _DUPLICATE, "Duplicate")
    devices = [
        RegisteredDevice(contact_id=added.contact_ids[place], platform=platform, token=token, application=application)
        for place, one in enumerate(contacts, 1)
        if place in added.contact_ids
        for platform, token, application in one.devices
    ]
    await register_devices(tx, inside, devices)
    if audience.kind is AudienceKind.STOPLIST:
        await _silence(tx, inside, audience, good, set(added.contact_ids))
    return Uploaded(audience_id=audience.audience_id, contact_ids=dict(added.contact_ids), wrong=wrong)


async def _with_new_fields(tx: Tx, inside: Actor, audience: Audience, contacts: Sequence[object]) -> Words:
    """Make the fields that the contacts name and the list lacks, and give all of them."""
    words = await words_of(tx, inside, audience)
    missing = {name: code for name, code in rows.field_names(contacts) if words.find(name) is None}
    if not missing:
        return words
    names = list(await field_kinds(tx, inside))
    for label, code in missing.items():
        names.append(free_name(label, names))
        try:
            await create_field(
                tx, inside, CreateField(name=names[-1], kind=mapping.FIELD_KINDS.get(code, Kind.TEXT), label=label)
            )
        except InvalidInputError as error:
            raise InvalidInputError("contacts.fields.name", error.message) from error
    return await words_of(tx, inside, audience)


def _unique(words: Words, name: str) -> str | None:
    if name.strip().lower() in _CHECKED:
        return _CHECKED[name.strip().lower()]
    word = words.find(name.strip())
    if word is None:
        raise RefusedError("duplicateCheckField", UNKNOWN, "the list has no such field")
    return word.field


async def _silence(tx: Tx, inside: Actor, audience: Audience, batch: Batch, added: set[int]) -> None:
    addresses: list[Address] = []
    for place, phone, email in batch.frame.select("row", "phone", "email").iter_rows():
        if place in added and phone:
            addresses += [Address(channel=one, value=f"+{phone}") for one in (Channel.SMS, Channel.VOICE)]
        if place in added and email:
            addresses.append(Address(channel=Channel.EMAIL, value=email))
    if addresses:
        await suppress(tx, inside, Suppress(addresses=addresses, reason=f"STOPLIST {audience.name}"))


async def batch(call: Call) -> Answer:
    """Add contacts to a list; each has its own result."""
    asked: schemas.Batch = call.body
    command = Upload(
        audience_id=mapping.list_id(asked.contact_group_id),
        contacts=asked.contacts,
        unique=asked.duplicate_check_field,
        zone=mapping.read_zone(call.query.zone_offset),
    )
    done = await call.db.run(upload, call.actor, command)
    return Answer(data=replies.Result([_outcome(done, place) for place in range(1, len(asked.contacts) + 1)]))


def _outcome(done: Uploaded, place: int) -> replies.AddedContact:
    wrong = done.wrong.get(place)
    if wrong is None:
        shown = mapping.contact_id(done.audience_id, done.contact_ids[place])
        return replies.AddedContact(code="OK", result=replies.Outcome(contact_id=shown))
    outcome = replies.Outcome(
        localization_key=wrong.localization_key, field_name=wrong.field_name, display_name=wrong.display_name
    )
    return replies.AddedContact(code="REJECTED", result=outcome, description=wrong.description)


# --- range --------------------------------------------------------------------------------------------------------------

_OPERATORS = {
    "EQ": Op.EQ,
    "NE": Op.NE,
    "LIKE": Op.CONTAINS,
    "CONTAINS": Op.CONTAINS,
    "STARTS_WITH": Op.BEGINS_WITH,
    "GT": Op.GT,
    "GTE": Op.GTE,
    "LT": Op.LT,
    "LTE": Op.LTE,
}
_ATTRIBUTES = {
    "phone": "phone",
    "email": "email",
    "contactid": "contact_id",
    "creationdate": "created_at",
    "lastupdate": "updated_at",
}
# What a channel writes to, and where its unsubscribes are kept; nobody unsubscribes from the others.
_ADDRESS_OF = {
    "SMS": "phone",
    "VOICE": "phone",
    "EMAIL": "email",
    "VIBER": "phone",
    "WHATSAPP": "phone",
    "PUSH": "has_device",
}
_SILENT = {"SMS": "silent_sms", "VOICE": "silent_voice", "EMAIL": "silent_email"}
_STATES = ("SUBSCRIBED", "UNSUBSCRIBED")
_OS = {"android": 0, "ios": 1}
_UNSUBSCRIBED = "SPAM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A range of a list's contacts; its query is read when the list's fields are known."""

    audience_id: int
    query: schemas.Range
    limit: int
    offset: int
    zone: timedelta


async def show_range(call: Call) -> Answer:
    """Show contacts of a list."""
    asked: schemas.Range = call.query
    limit, offset = mapping.read_span(asked.limit, asked.offset)
    query = Asked(
        audience_id=mapping.list_id(asked.contact_group_id),
        query=asked,
        limit=limit,
        offset=offset,
        zone=mapping.read_zone(asked.zone_offset),
    )
    return Answer(data=replies.Result(await call.db.read(_range, call.actor, query)))


async def _range(tx: Tx, actor: Actor, asked: Asked) -> list[replies.Contact]:
    audience = await find_list(tx, actor, asked.audience_id)
    inside, query = within(actor, audience), asked.query
    words = await words_of(tx, actor, audience)
    conditions = [*_queried(query, words, audience, asked.zone), *_subscription(query)]
    if query.push_token.strip():
        owner = await owner_of_token(tx, inside, query.push_token.strip())
        conditions.append(Condition("contact_id", Op.EQ, owner or -1))
    found = await _found(
        tx,
        inside,
        RangeContacts(
            limit=asked.limit,
            offset=asked.offset,
            conditions=conditions,
            order=Order(_sorted_by(query, words), descending=bool(query.desc_order)),
            group_id=_segment(query.segment_id),
        ),
    )
    return [show_contact(one, audience, words, actor.account_id, asked.zone) for one in found]


async def _found(tx: Tx, inside: Actor, query: RangeContacts) -> list[RangedContact]:
    try:
        return await range_contacts(tx, inside, query)
    except InvalidInputError as error:
        ref = "queryOperator" if error.field.endswith(".op") else "queryValue"
        raise InvalidInputError(ref, error.message) from error


def _segment(text: str) -> int | None:
    if not text.strip():
        return None
    return read_id(text) or -1


def _attribute(name: str, words: Words, ref: str) -> tuple[str, Kind | None]:
    """Give the attribute that a range knows by a name, and its kind where it is a field."""
    name = name.strip()
    if name.lower() in _ATTRIBUTES:
        return _ATTRIBUTES[name.lower()], None
    word: FieldWord | None = words.find(name)
    if word is None:
        raise RefusedError(ref, UNKNOWN, "the list has no such field")
    return word.field, word.kind


def _sorted_by(query: schemas.Range, words: Words) -> str:
    if not query.sort_by_field.strip():
        return "contact_id"
    return _attribute(query.sort_by_field, words, "sortByField")[0]


def _queried(query: schemas.Range, words: Words, audience: Audience, zone: timedelta) -> list[Condition]:
    given = [query.query_name.strip(), query.query_operator.strip(), query.query_value.strip()]
    if not any(given):
        return []
    if not given[0]:
        raise MissingInputError("queryName")
    if not given[2]:
        raise MissingInputError("queryValue")
    op = _OPERATORS.get(given[1].upper() or "EQ")
    if op is None:
        raise InvalidInputError("queryOperator", f"it is one of {', '.join(_OPERATORS)}")
    name, kind = _attribute(given[0], words, "queryName")
    text = given[2].strip("%") if given[1].upper() == "LIKE" else given[2]
    return [Condition(name, op, _value(name, kind, text, op, audience.audience_id, zone))]


def _value(  # noqa: PLR0913, PLR0917 - all that a value's reading depends on
    name: str, kind: Kind | None, text: str, op: Op, audience_id: int, zone: timedelta
) -> str | int | Decimal | datetime:
    """Read what an attribute is held against."""
    match name, kind:
        case "phone", None:
            whole = phone_digits(text, None) if op in {Op.EQ, Op.NE} else None
            return whole or text.removeprefix("+")
        case "email", None:
            return text.lower()
        case "contact_id", None:
            return mapping.read_contact_id(audience_id, text)
        case "created_at" | "updated_at", None:
            moment = mapping.read_moment(text, zone, "queryValue")
            if moment is not None:
                return moment
        case _, Kind.NUMBER:
            return _number(text)
        case _, Kind.DATE | Kind.DATETIME | Kind.BOOLEAN | Kind.GENDER if kind is not None:
            typed = type_value(kind, rows.plain_text(text, kind, zone))
            if typed is not None:
                return typed.strip('"')
        case _:
            return text
    raise InvalidInputError("queryValue", "the field is not compared with such a value")


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise InvalidInputError("queryValue", "a number belongs here") from error
    if not number.is_finite():
        raise InvalidInputError("queryValue", "a number belongs here")
    return number


def _subscription(query: schemas.Range) -> list[Condition]:
    channel, state = query.subscription_channel.strip().upper(), query.subscription_state.strip().upper()
    if channel and channel not in _ADDRESS_OF:
        raise InvalidInputError("subscriptionChannel", f"it is one of {', '.join(_ADDRESS_OF)}")
    if state and state not in _STATES:
        raise InvalidInputError("subscriptionState", f"it is one of {', '.join(_STATES)}")
    if not state:
        return []
    unsubscribed = state == "UNSUBSCRIBED"
    silent = _SILENT.get(channel, "" if channel else "silent")
    if unsubscribed:
        return [Condition(silent, Op.EQ, value=True) if silent else Condition("contact_id", Op.EQ, -1)]
    reached = _ADDRESS_OF.get(channel)
    conditions = [Condition(silent, Op.EQ, value=False)] if silent else []
    if reached == "has_device":
        conditions.append(Condition(reached, Op.EQ, value=True))
    elif reached:
        conditions.append(Condition(reached, Op.EXISTS))
    return conditions


def show_contact(
    contact: RangedContact, audience: Audience, words: Words, company_id: int, zone: timedelta
) -> replies.Contact:
    """Show a contact."""
    return replies.Contact(
        contact_id=mapping.contact_id(audience.audience_id, contact.contact_id),
        company_id=company_id,
        contact_group_id=str(audience.audience_id),
        creation_date=mapping.show_moment(contact.created_at, zone),
        last_update=mapping.show_moment(contact.updated_at, zone),
        phone=contact.phone,
        email=contact.email,
        fields=[
            _field_value(word, value, zone)
            for name, value in contact.fields.items()
            if (word := words.by_field.get(name)) is not None
        ],
        unsubscribed_data=[
            _unsubscribed(data, kind, silences, company_id, zone)
            for data, kind, silences in (
                (contact.phone, "PHONE", contact.phone_silence),
                (contact.email, "EMAIL", contact.email_silence),
            )
            if data and silences
        ],
        push_info=[
            replies.PushInfo(app_id=one.application or "", os=_OS[one.platform], push_token=one.token)
            for one in contact.devices
        ],
    )


def _field_value(word: FieldWord, value: object, zone: timedelta) -> replies.FieldValue:
    return replies.FieldValue(
        name=word.name,
        display_name=word.display_name,
        type=word.type,
        is_default=word.is_default,
        value=[rows.show_value(word.kind, value, zone)],
        values=list(word.values) or UNSET,
    )


def _unsubscribed(
    data: str, kind: str, silences: Sequence[Silence], company_id: int, zone: timedelta
) -> replies.UnsubscribedData:
    return replies.UnsubscribedData(
        company_id=company_id,
        data=data,
        data_type=kind,
        channel_list=[
            replies.UnsubscribedChannel(
                channel=one.channel.value.upper(),
                unsubscribed_at=mapping.show_moment(one.since, zone, "T"),
                unsubscribed_type=_UNSUBSCRIBED,
            )
            for one in silences
        ],
        updated_at=mapping.show_moment(max(one.since for one in silences), zone),
    )
