"""The range of a list's contacts: its query into ours, and contacts as they are shown. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

from msgspec import UNSET

from carillon.addresses.emails import read_email
from carillon.addresses.phones import phone_digits
from carillon.audience.contacts.contact import Contact, SubscriptionStatus, read_id
from carillon.audience.field_types import Kind, type_value
from carillon.audience.suppressions import Channel
from carillon.db.filters import Condition, Op
from carillon.dialects.devino import mapping, replies, schemas
from carillon.dialects.devino.errors import UNKNOWN, RefusedError
from carillon.dialects.devino.mapping_contacts import show_value, stored_text
from carillon.dialects.devino.mapping_fields import FieldMap, VendorField
from carillon.errors import InvalidInputError, MissingInputError

Operand: TypeAlias = str | int | Decimal | datetime | bool
"""What an attribute is compared with."""

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
_BOOLEANS = {"true": True, "false": False}
_CHOICES: Mapping[Kind, Sequence[str | bool]] = {Kind.GENDER: ("male", "female"), Kind.BOOLEAN: (True, False)}
_NO_CONTACT = Condition("contact_id", Op.EQ, -1)
_ATTRIBUTES = {
    "phone": "any_phone",
    "email": "any_email",
    "contactid": "contact_id",
    "creationdate": "created_second",
    "lastupdate": "updated_second",
}
# What a channel writes to, and where its unsubscribes are kept; the others have none.
_ADDRESS_OF = {
    "SMS": "any_phone",
    "VOICE": "any_phone",
    "EMAIL": "any_email",
    "VIBER": "any_phone",
    "WHATSAPP": "any_phone",
    "PUSH": "has_device",
}
_UNSUBSCRIBED = {"SMS": "unsubscribed_sms", "VOICE": "unsubscribed_voice", "EMAIL": "unsubscribed_email"}
_STATES = ("SUBSCRIBED", "UNSUBSCRIBED")
_OS = {"android": 0, "ios": 1}
_UNSUBSCRIBED_TYPE = "SPAM"


def read_segment(text: str) -> int | None:
    """Read the id of a segment; -1, which none has, for what can't be one."""
    if not text.strip():
        return None
    return read_id(text) or -1


def _attribute(name: str, field_map: FieldMap, ref: str) -> tuple[str, Kind | None]:
    """Return the attribute that has a name, and its kind where it is a field. Raises RefusedError."""
    name = name.strip()
    if name.lower() in _ATTRIBUTES:
        return _ATTRIBUTES[name.lower()], None
    known = field_map.find(name)
    if known is None:
        raise RefusedError(ref, UNKNOWN, "the list has no such field")
    return f"fields.{known.field}", known.kind


def sorted_by(query: schemas.Range, field_map: FieldMap) -> str:
    """Return the attribute that a range is sorted by. Raises RefusedError."""
    if not query.sort_by_field.strip():
        return "contact_id"
    return _attribute(query.sort_by_field, field_map, "sortByField")[0]


def read_conditions(query: schemas.Range, field_map: FieldMap, audience_id: int, zone: timedelta) -> list[Condition]:
    """Read the filter and the subscription of a range.

    Raises RefusedError, MissingInputError and InvalidInputError, with the parameter.
    """
    return [*_queried(query, field_map, audience_id, zone), *_subscription(query)]


def _queried(query: schemas.Range, field_map: FieldMap, audience_id: int, zone: timedelta) -> list[Condition]:
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
    if kind is not None and op in _OF_TEXTS and kind in _CHOICES:
        return [_of_choices(name, op, text, kind)]
    if kind is None:
        value = _attribute_value(name, text, op, audience_id, zone)
    else:
        value = _field_operand(kind, text, op, zone)
    if value is None:
        raise InvalidInputError("queryValue", "the field is not compared with such a value")
    return [Condition(name, op, value)]


def _of_choices(name: str, op: Op, text: str, kind: Kind) -> Condition:
    """Compare a part of a value as it is shown with the two values that a field of the kind has."""
    shown = {one: show_value(kind, one, timedelta()) for one in _CHOICES[kind]}
    alike = [one for one, whole in shown.items() if (text in whole if op is Op.CONTAINS else whole.startswith(text))]
    if not alike:
        return _NO_CONTACT
    return Condition(name, Op.EQ, alike[0]) if len(alike) == 1 else Condition(name, Op.EXISTS)


def _attribute_value(name: str, text: str, op: Op, audience_id: int, zone: timedelta) -> Operand | None:
    match name:
        case "any_phone":
            return (phone_digits(text, None) if op in {Op.EQ, Op.NE} else None) or text.removeprefix("+")
        case "any_email":
            email = read_email(text) if op in {Op.EQ, Op.NE} else None
            return email.key if email else text.lower()
        case "contact_id":
            return mapping.read_contact_id(audience_id, text)
    return mapping.read_moment(text, zone, "queryValue")


def _field_operand(kind: Kind, text: str, op: Op, zone: timedelta) -> Operand | None:
    match kind:
        case Kind.NUMBER:
            return _number(text)
        case Kind.BOOLEAN:
            return _BOOLEANS.get(type_value(kind, text) or "")
        case Kind.DATETIME if op in _OF_TEXTS:
            raise InvalidInputError("queryOperator", "the field is no text")
        case Kind.DATE if op in _OF_TEXTS:
            return text
        case Kind.DATE | Kind.DATETIME | Kind.GENDER:
            typed = type_value(kind, stored_text(text, kind, zone))
            return typed and typed.strip('"')
    return text


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
        return [Condition(attribute, Op.EQ, value=True) if attribute else _NO_CONTACT]
    reached = _ADDRESS_OF.get(channel)
    conditions = [Condition(attribute, Op.EQ, value=False)] if attribute else []
    if reached == "has_device":
        conditions.append(Condition(reached, Op.EQ, value=True))
    elif reached:
        conditions.append(Condition(reached, Op.EXISTS))
    return conditions


def show_contact(
    contact: Contact, audience_id: int, field_map: FieldMap, company_id: int, zone: timedelta
) -> replies.Contact:
    return replies.Contact(
        contact_id=mapping.contact_id(audience_id, contact.contact_id),
        company_id=company_id,
        contact_group_id=str(audience_id),
        creation_date=mapping.show_moment(contact.created_at, zone),
        last_update=mapping.show_moment(contact.updated_at, zone),
        phone=contact.any_phone,
        email=contact.any_email,
        fields=[_field_value(one, contact.fields[one.field], zone) for one in field_map.in_order(contact.fields)],
        unsubscribed_data=_unsubscribed(contact, company_id, zone),
        push_info=[
            replies.PushInfo(app_id=one.application or "", os=_OS[one.platform], push_token=one.token)
            for one in contact.devices
        ],
    )


def _field_value(field: VendorField, value: object, zone: timedelta) -> replies.FieldValue:
    return replies.FieldValue(
        name=field.name,
        display_name=field.display_name,
        type=field.type,
        is_default=field.is_default,
        value=[show_value(field.kind, value, zone)],
        values=list(field.values) or UNSET,
    )


def _unsubscribed(contact: Contact, company_id: int, zone: timedelta) -> list[replies.UnsubscribedData]:
    """Show where a contact is unsubscribed: its address is suppressed, or its list has set that status.

    No time is kept of the latter, so it is the contact's last change.
    """
    since = dict(contact.suppressions)
    for channel, status in ((Channel.SMS, contact.sms_status), (Channel.EMAIL, contact.email_status)):
        if status is SubscriptionStatus.UNSUBSCRIBED:
            since.setdefault(channel, contact.updated_at)
    if not since:
        return []
    of_addresses = (
        (contact.any_phone, "PHONE", [one for one in (Channel.SMS, Channel.VOICE) if one in since]),
        (contact.any_email, "EMAIL", [one for one in (Channel.EMAIL,) if one in since]),
    )
    return [
        replies.UnsubscribedData(
            company_id=company_id,
            data=data,
            data_type=data_type,
            channel_list=[
                replies.UnsubscribedChannel(
                    channel=channel.value.upper(),
                    unsubscribed_at=mapping.show_moment(since[channel], zone, "T"),
                    unsubscribed_type=_UNSUBSCRIBED_TYPE,
                )
                for channel in channels
            ],
            updated_at=mapping.show_moment(max(since[channel] for channel in channels), zone),
        )
        for data, data_type, channels in of_addresses
        if data and channels
    ]
