"""The range of a list's contacts: read, asked for and shown."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from msgspec import UNSET

from carillon.addresses.emails import read_email
from carillon.addresses.phones import phone_digits
from carillon.audience.audience_fields import audience_fields
from carillon.audience.audiences import Audience
from carillon.audience.contacts.contact import read_id
from carillon.audience.contacts.ranges import RangeContacts, RangedContact, Unsubscribed, range_contacts
from carillon.audience.devices import owner_of_token
from carillon.audience.field_types import Kind, type_value
from carillon.db.filters import Condition, Op, Order
from carillon.dialects.devino import mapping, replies, rows, schemas
from carillon.dialects.devino.errors import UNKNOWN, RefusedError
from carillon.dialects.devino.mapping import FieldMap, VendorField
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError, MissingInputError
from carillon.kit.actor import Actor
from carillon.kit.ids import AudienceId

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
_OF_TEXTS = {Op.CONTAINS, Op.BEGINS_WITH}
_NOBODY = Condition("contact_id", Op.EQ, -1)
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
_UNSUBSCRIBED = {"SMS": "unsubscribed_sms", "VOICE": "unsubscribed_voice", "EMAIL": "unsubscribed_email"}
_STATES = ("SUBSCRIBED", "UNSUBSCRIBED")
_OS = {"android": 0, "ios": 1}
_UNSUBSCRIBED_TYPE = "SPAM"


async def show_range(call: Call) -> Answer:
    """Show contacts of a list."""
    asked: schemas.Range = call.query
    limit, offset = mapping.read_span(asked.limit, asked.offset)
    inside = replace(call.actor, audience_id=AudienceId(mapping.list_id(asked.contact_group_id)))
    zone = mapping.read_zone(asked.zone_offset)
    fields = await call.db.read(audience_fields, inside)
    audience, field_map = fields.audience, FieldMap(fields.audience, fields.custom)
    conditions = [*_queried(asked, field_map, audience, zone), *_subscription(asked)]
    if token := asked.push_token.strip():
        owner = await call.db.read(owner_of_token, inside, token)
        conditions.append(Condition("contact_id", Op.EQ, owner or -1))
    query = RangeContacts(
        limit=limit,
        offset=offset,
        conditions=conditions,
        order=Order(_sorted_by(asked, field_map), descending=bool(asked.desc_order)),
        group_id=_segment(asked.segment_id),
    )
    found = await _found(call, inside, query)
    company_id = call.actor.account_id
    return Answer(data=replies.Result([show_contact(one, audience, field_map, company_id, zone) for one in found]))


async def _found(call: Call, inside: Actor, query: RangeContacts) -> list[RangedContact]:
    try:
        return await call.db.read(range_contacts, inside, query)
    except InvalidInputError as error:
        ref = "queryOperator" if error.field.endswith(".op") else "queryValue"
        raise InvalidInputError(ref, error.message) from error


def _segment(text: str) -> int | None:
    if not text.strip():
        return None
    return read_id(text) or -1


def _attribute(name: str, field_map: FieldMap, ref: str) -> tuple[str, Kind | None]:
    """Give the attribute that a range knows by a name, and its kind where it is a field."""
    name = name.strip()
    if name.lower() in _ATTRIBUTES:
        return _ATTRIBUTES[name.lower()], None
    word: VendorField | None = field_map.find(name)
    if word is None:
        raise RefusedError(ref, UNKNOWN, "the list has no such field")
    return word.field, word.kind


def _sorted_by(query: schemas.Range, field_map: FieldMap) -> str:
    if not query.sort_by_field.strip():
        return "contact_id"
    return _attribute(query.sort_by_field, field_map, "sortByField")[0]


def _queried(query: schemas.Range, field_map: FieldMap, audience: Audience, zone: timedelta) -> list[Condition]:
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
    name, kind = _attribute(given[0], field_map, "queryName")
    text = given[2].strip("%") if given[1].upper() == "LIKE" else given[2]
    if op in _OF_TEXTS and kind is Kind.GENDER:
        return [_gender(name, op, text)]
    return [Condition(name, op, _value(name, kind, text, op, audience.audience_id, zone))]


def _gender(name: str, op: Op, text: str) -> Condition:
    """Hold a part of a gender's word, as it is shown, against both of them."""
    shown = {one: rows.show_value(Kind.GENDER, one, timedelta()) for one in ("male", "female")}
    alike = [one for one, word in shown.items() if (text in word if op is Op.CONTAINS else word.startswith(text))]
    if not alike:
        return _NOBODY
    return Condition(name, Op.EQ, alike[0]) if len(alike) == 1 else Condition(name, Op.EXISTS)


def _value(  # noqa: PLR0913, PLR0917 - all that a value's reading depends on
    name: str, kind: Kind | None, text: str, op: Op, audience_id: int, zone: timedelta
) -> str | int | Decimal | datetime:
    """Read what an attribute is held against."""
    value: str | int | Decimal | datetime | None = text
    match name, kind:
        case "phone", None:
            whole = phone_digits(text, None) if op in {Op.EQ, Op.NE} else None
            value = whole or text.removeprefix("+")
        case "email", None:
            whole_email = read_email(text) if op in {Op.EQ, Op.NE} else None
            value = whole_email.key if whole_email else text.lower()
        case "contact_id", None:
            value = mapping.read_contact_id(audience_id, text)
        case "created_at" | "updated_at", None:
            value = mapping.read_moment(text, zone, "queryValue")
        case _, Kind.NUMBER:
            value = _number(text)
        case _, Kind.DATETIME if op in _OF_TEXTS:
            raise InvalidInputError("queryOperator", "the field is no text")
        case _, Kind.DATE | Kind.BOOLEAN if op in _OF_TEXTS:
            pass
        case _, Kind.DATE | Kind.DATETIME | Kind.BOOLEAN | Kind.GENDER if kind is not None:
            typed = type_value(kind, rows.plain_text(text, kind, zone))
            value = typed and typed.strip('"')
    if value is None:
        raise InvalidInputError("queryValue", "the field is not compared with such a value")
    return value


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
    attribute = _UNSUBSCRIBED.get(channel, "" if channel else "unsubscribed")
    if state == "UNSUBSCRIBED":
        return [Condition(attribute, Op.EQ, value=True) if attribute else _NOBODY]
    reached = _ADDRESS_OF.get(channel)
    conditions = [Condition(attribute, Op.EQ, value=False)] if attribute else []
    if reached == "has_device":
        conditions.append(Condition(reached, Op.EQ, value=True))
    elif reached:
        conditions.append(Condition(reached, Op.EXISTS))
    return conditions


def show_contact(
    contact: RangedContact, audience: Audience, field_map: FieldMap, company_id: int, zone: timedelta
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
        fields=[_field_value(word, contact.fields[word.field], zone) for word in field_map.in_order(contact.fields)],
        unsubscribed_data=[
            _unsubscribed(data, kind, channels, company_id, zone)
            for data, kind, channels in (
                (contact.phone, "PHONE", contact.phone_unsubscribed),
                (contact.email, "EMAIL", contact.email_unsubscribed),
            )
            if data and channels
        ],
        push_info=[
            replies.PushInfo(app_id=one.application or "", os=_OS[one.platform], push_token=one.token)
            for one in contact.devices
        ],
    )


def _field_value(word: VendorField, value: object, zone: timedelta) -> replies.FieldValue:
    return replies.FieldValue(
        name=word.name,
        display_name=word.display_name,
        type=word.type,
        is_default=word.is_default,
        value=[rows.show_value(word.kind, value, zone)],
        values=list(word.values) or UNSET,
    )


def _unsubscribed(
    data: str, kind: str, channels: Sequence[Unsubscribed], company_id: int, zone: timedelta
) -> replies.UnsubscribedData:
    return replies.UnsubscribedData(
        company_id=company_id,
        data=data,
        data_type=kind,
        channel_list=[
            replies.UnsubscribedChannel(
                channel=one.channel.value.upper(),
                unsubscribed_at=mapping.show_moment(one.since, zone, "T"),
                unsubscribed_type=_UNSUBSCRIBED_TYPE,
            )
            for one in channels
        ],
        updated_at=mapping.show_moment(max(one.since for one in channels), zone),
    )
