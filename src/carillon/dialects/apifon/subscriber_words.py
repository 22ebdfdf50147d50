"""Subscribers between Apifon's words and ours: what is asked, what is shown, and what is queried. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import msgspec

from carillon.audience.contacts.batch_write import RowChange
from carillon.audience.contacts.contact import Contact, SubscriptionStatus
from carillon.audience.field_types import Kind
from carillon.audience.upsert.rows import ContactRow
from carillon.db.filters import Condition, Op, Order
from carillon.dialects.apifon import schemas
from carillon.dialects.apifon.mapping import (
    WITHOUT_VALUE,
    chosen,
    epoch_milliseconds,
    etag_of,
    parse_id,
    read_condition_words,
    read_direction,
    read_moment,
    show_id,
)
from carillon.dialects.apifon.structure import (
    GdprField,
    Group,
    OpenList,
    Option,
    Structure,
    SubscriberField,
    other_group_id,
    other_option,
)
from carillon.dialects.apifon.values import read_date, read_value, show_value, stored_date
from carillon.dialects.reading import read_flag, read_text
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.ids import GroupId

STATUSES: Mapping[str, SubscriptionStatus] = {
    "SUBSCRIBED": SubscriptionStatus.SUBSCRIBED,
    "UNSUBSCRIBED": SubscriptionStatus.UNSUBSCRIBED,
    "UNCONFIRMED": SubscriptionStatus.UNCONFIRMED,
}
_STATUS_WORDS = {status: word for word, status in STATUSES.items()}
_OURS = {
    "id": "contact_id",
    "destination": "phone",
    "destination_id": "phone_digest",
    "email": "email",
    "email_id": "email_digest",
    "status": "sms_status",
    "email_status": "email_status",
    "archived": "is_archived",
    "date_created": "created_at",
    "date_updated": "updated_at",
    "groupOptions": "groups",
}


class Wanted(msgspec.Struct, frozen=True):
    """What is said of a subscriber."""

    row: ContactRow
    change: RowChange


@dataclass(frozen=True, slots=True)
class FieldMap:
    """What subscribers of a list are read with, put in order once for all of a call."""

    country: str
    double_optin: Mapping[str, bool]
    fields: Mapping[str, SubscriberField]
    purposes: Mapping[str, GdprField]
    options: Mapping[str, tuple[Group, Option]]

    def place_of(self, ours: str) -> str | None:
        """Say where the value of one of our fields was given."""
        return next((_place(one.field) for one in self.fields.values() if one.ours == ours), None)


def field_map_of(opened: OpenList) -> FieldMap:
    """Give a list's words."""
    structure = opened.structure
    return FieldMap(
        country=opened.actor.country,
        double_optin=structure.double_optin,
        fields={one.field: one for one in structure.fields},
        purposes={one.field: one for one in structure.gdpr},
        options=structure.options(),
    )


def _place(name: str) -> str:
    return f"subscriber_fields.{name[:100]}"


def read_digest(text: str) -> UUID:
    """Read the MD5 that names a subscriber. Raises NotFoundError: what is none names nobody."""
    try:
        return UUID(hex=text) if len(text) == 32 else _nobody()  # noqa: PLR2004 - its digits
    except ValueError:
        return _nobody()


def _nobody() -> UUID:
    raise NotFoundError("subscriber")


def digest_of(address: str) -> str:
    """Give the MD5 that names the subscriber with an address."""
    return hashlib.md5(address.encode(), usedforsecurity=False).hexdigest()


def read_subscriber(asked: schemas.Subscriber, field_map: FieldMap, known: Contact | None = None) -> Wanted:
    """Read what is said of a subscriber, who may be `known`; InvalidInputError has the place of what can't be used."""
    texts: dict[str, str] = {}
    for name, given in (asked.subscriber_fields or {}).items():
        field = field_map.fields.get(name)
        if field is None:
            raise InvalidInputError(_place(name), "The list has no such field.")
        if known is None or given != show_value(field.type, known.fields.get(field.ours)):  # else it was shown so
            texts[field.ours] = read_value(field, given, field_map.country, _place(name))
    if asked.gdpr_fields:
        texts |= _consents(asked.gdpr_fields, field_map)
    change = RowChange(
        sms=_status(asked.status, field_map, "mobile", "status", known.sms_status if known else None),
        email=_status(asked.email_status, field_map, "email", "email_status", known.email_status if known else None),
        groups=None if asked.group_options is None else _options(asked.group_options, field_map, known),
    )
    return Wanted(ContactRow(phone=asked.destination, email=asked.email, fields=texts), change)


def _consents(given: Mapping[str, Any], field_map: FieldMap) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, consent in given.items():
        place = f"gdpr_fields.{name[:100]}"
        if name not in field_map.purposes:
            raise InvalidInputError(place, "The list has no such field.")
        if not isinstance(consent, Mapping):
            raise InvalidInputError(place, "An object belongs here.")
        for channel, ours in field_map.purposes[name].names().items():
            if consent.get(channel) is not None:
                flag = read_flag(consent[channel], f"{place}.{channel}")
                texts[ours] = "" if flag is None else str(flag).lower()
    return texts


def _options(given: Sequence[Any], field_map: FieldMap, known: Contact | None) -> list[GroupId]:
    """Read the subgroups that a subscriber shall have, the list's own and those that other doors have made."""
    chosen_of, join = dict[str, int](), list[GroupId]()
    # Other doors know no single choices, and clients write back what they were shown.
    present = {one.group_id for one in known.groups} if known else set[int]()
    own = {option.group_id for _, option in field_map.options.values()}
    for place, item in enumerate(given):
        where = f"groupOptions[{place}]"
        identity = read_text(item, where)
        other = other_group_id(identity)
        if other is not None and other not in own:
            join.append(GroupId(other))
            continue
        if identity not in field_map.options:
            raise InvalidInputError(where, f"The list has no subgroup {identity[:100]!r}.")
        group, option = field_map.options[identity]
        if GroupId(option.group_id) in join:
            continue
        chosen = chosen_of.setdefault(group.field, option.group_id)
        if group.selection_type == "SINGLE" and chosen != option.group_id and not {chosen, option.group_id} <= present:
            raise InvalidInputError(where, f"A subscriber has one subgroup of {group.name}.")
        join.append(GroupId(option.group_id))
    return join


def _status(
    given: str | None, field_map: FieldMap, channel: str, place: str, known: SubscriptionStatus | None
) -> SubscriptionStatus | None:
    if not given:
        return None
    status = STATUSES.get(given) or STATUSES[chosen(given, tuple(STATUSES), place)]
    # Another door may have left it unconfirmed, and clients write back what they were shown.
    if status is SubscriptionStatus.UNCONFIRMED and status is not known and not field_map.double_optin.get(channel):
        raise InvalidInputError(place, "UNCONFIRMED is only for lists with double opt-in.")
    return status


def show_subscriber(contact: Contact, opened: OpenList) -> dict[str, Any]:
    """Show a subscriber; what it doesn't have is left out."""
    structure, fields = opened.structure, contact.fields
    options = opened.option_names if contact.groups else {}
    consents = {
        one.field: {channel: fields[ours] for channel, ours in one.names().items() if ours in fields}
        for one in structure.gdpr
    }
    shown = {
        "id": show_id(contact.contact_id),
        **_addresses(contact),
        "account_id": opened.actor.account_id,
        "archived": contact.is_archived,
        "date_created": epoch_milliseconds(contact.created_at),
        "date_updated": epoch_milliseconds(contact.updated_at),
        "list_id": opened.list_id,
        "gdpr_fields": {name: consent for name, consent in consents.items() if consent},
        "subscriber_fields": {
            one.field: show_value(one.type, fields[one.ours]) for one in structure.fields if one.ours in fields
        },
        "groupOptions": [options.get(one.group_id, other_option(one.group_id)) for one in contact.groups],
    }
    return {"meta": {"Etag": etag_of(shown)}, **shown}


def _addresses(contact: Contact) -> dict[str, str | None]:
    # The vendor's SDK takes email_id for one whose destination_id is null, not for one that has none.
    shown: dict[str, str | None] = {} if contact.phone else {"destination_id": None}
    if contact.phone:
        status = _STATUS_WORDS[contact.sms_status]
        shown |= {"destination": contact.phone, "destination_id": digest_of(contact.phone), "status": status}
    if contact.email:
        status, digest = _STATUS_WORDS[contact.email_status], digest_of(contact.email.lower())
        shown |= {"email": contact.email, "email_id": digest, "email_status": status}
    return shown


def read_subscriber_order(name: str | None, direction: str | None, structure: Structure) -> Order:
    """Read what subscribers are sorted by. Raises InvalidInputError."""
    wanted = (name or "id").strip()
    ours = _our_name(wanted, structure)
    if ours is None or ours == "groups":
        raise InvalidInputError("sort", f"There is no field {wanted[:100]!r} to sort by.")
    return Order(ours, descending=read_direction(direction))


def _our_name(name: str, structure: Structure) -> str | None:
    whole, _, inner = name.partition(".")
    if whole == "subscriber_fields":
        return next((f"fields.{one.ours}" for one in structure.fields if one.field == inner), None)
    if whole == "gdpr_fields":
        purpose, _, channel = inner.rpartition(".")
        found = [one.names().get(channel) for one in structure.gdpr if one.field == purpose]
        return f"fields.{found[0]}" if found and found[0] else None
    return _OURS.get(name)


@dataclass(frozen=True, slots=True)
class NamedCondition:
    """A condition of a query on an attribute of ours; `text` is what it is held against, None where nothing is."""

    name: str
    op: Op
    text: str | None
    where: str


def name_conditions(items: Sequence[object], structure: Structure) -> list[NamedCondition]:
    """Read the names and operators of a query's conditions. Raises InvalidInputError with the place of a wrong one."""
    named = []
    for place, item in enumerate(items):
        where = f"conditions[{place}]"
        asked, op = read_condition_words(item, where)
        name = _our_name(asked.name.strip(), structure)
        if name is None:
            raise InvalidInputError(f"{where}.name", f"There is no field {asked.name[:100]!r}.")
        text = None if op in WITHOUT_VALUE else _required(asked.vl, f"{where}.vl", "This is required.")
        named.append(NamedCondition(name, op, text, f"{where}.vl"))
    return named


def read_operands(named: Sequence[NamedCondition], structure: Structure, kinds: Mapping[str, Kind]) -> list[Condition]:
    """Read what attributes are held against. Raises InvalidInputError with the place of what can't be."""
    return [
        Condition(
            one.name,
            one.op,
            None if one.text is None else _read_operand(one.name, one.text, structure, kinds, one.where),
        )
        for one in named
    ]


def _read_operand(name: str, text: str, structure: Structure, kinds: Mapping[str, Kind], where: str) -> Any:
    value: Any = text.strip().lower()  # of an address or a digest
    match name:
        case "contact_id":
            value = _required(parse_id(text), where, "An id belongs here.")
        case "groups":
            known = structure.options().get(text)
            value = known[1].group_id if known else other_group_id(text) or 0  # which no group has
        case "sms_status" | "email_status":
            value = int(STATUSES[chosen(text, tuple(STATUSES), where)])
        case "created_at" | "updated_at":
            value = read_moment(text, where)
        case "is_archived":
            value = _required(read_flag(text, where), where, "true or false belongs here.")
        case "phone":
            value = value.removeprefix("+")
        case _ if name.startswith("fields."):
            value = _read_field_operand(name.removeprefix("fields."), text, structure, kinds, where)
    return value


def _read_field_operand(ours: str, text: str, structure: Structure, kinds: Mapping[str, Kind], where: str) -> Any:
    match kinds.get(ours):
        case Kind.NUMBER:
            return _number(text, where)
        case Kind.BOOLEAN:
            return _required(read_flag(text, where), where, "true or false belongs here.")
        case (Kind.DATE | Kind.DATETIME) as kind:
            date_format = next((one.date_format for one in structure.fields if one.ours == ours), None)
            return stored_date(read_date(text.strip(), date_format, where), kind)
    is_mobile = any(one.ours == ours and one.type == "MOBILE_NUMBER" for one in structure.fields)
    return text.strip().removeprefix("+") if is_mobile else text


def _required(value: Any, where: str, message: str) -> Any:
    if value is None:
        raise InvalidInputError(where, message)
    return value


def _number(text: str, where: str) -> Decimal:
    try:
        number = Decimal(text.strip()[: schemas.MAX_LENGTH])
    except InvalidOperation:
        raise InvalidInputError(where, "A number belongs here.") from None
    if not number.is_finite() or abs(number.adjusted()) > _MOST_DIGITS:
        raise InvalidInputError(where, "A number belongs here.")
    return number


_MOST_DIGITS = 30
