"""Subscribers between Apifon's words and ours: what is asked, what is shown, and what is queried. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from carillon.audience.conditions import Condition, Op, Order
from carillon.audience.contacts import Contact, Status
from carillon.audience.fields import Kind
from carillon.audience.rows import ContactRow
from carillon.dialects.apifon import schemas
from carillon.dialects.apifon.mapping import (
    chosen,
    epoch_milliseconds,
    etag_of,
    read_condition_words,
    read_direction,
    read_moment,
    read_shown_id,
    show_id,
)
from carillon.dialects.apifon.structure import Group, OpenList, Structure, other_group_id, other_option
from carillon.dialects.apifon.values import read_date, read_value, show_value, stored_date
from carillon.dialects.reading import read_flag, read_text
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.ids import GroupId

STATUSES: Mapping[str, Status] = {
    "SUBSCRIBED": Status.SUBSCRIBED,
    "UNSUBSCRIBED": Status.UNSUBSCRIBED,
    "UNCONFIRMED": Status.UNCONFIRMED,
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is said of a subscriber; `places` are where our fields' values were said."""

    row: ContactRow
    sms: Status | None = None
    email: Status | None = None
    groups: Sequence[GroupId] | None = None
    places: Mapping[str, str] = field(default_factory=dict)


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


def read_subscriber(asked: schemas.Subscriber, opened: OpenList) -> Wanted:
    """Read what is said of a subscriber. Raises InvalidInputError with the place of what can't be used."""
    structure, texts, places = opened.structure, dict[str, str](), dict[str, str]()
    fields = {one.field: one for one in structure.fields}
    for name, given in (asked.subscriber_fields or {}).items():
        place = f"subscriber_fields.{name[:100]}"
        if name not in fields:
            raise InvalidInputError(place, "The list has no such field.")
        texts[fields[name].ours] = read_value(fields[name], given, opened.actor.country, place)
        places[fields[name].ours] = place
    texts |= _consents(asked.gdpr_fields or {}, structure)
    return Wanted(
        row=ContactRow(phone=asked.destination, email=asked.email, fields=texts),
        sms=_status(asked.status, structure, "mobile", "status"),
        email=_status(asked.email_status, structure, "email", "email_status"),
        groups=_options(asked.group_options, structure),
        places=places,
    )


def _consents(given: Mapping[str, Any], structure: Structure) -> dict[str, str]:
    purposes = {one.field: one for one in structure.gdpr}
    texts: dict[str, str] = {}
    for name, consent in given.items():
        place = f"gdpr_fields.{name[:100]}"
        if name not in purposes:
            raise InvalidInputError(place, "The list has no such field.")
        if not isinstance(consent, Mapping):
            raise InvalidInputError(place, "An object belongs here.")
        for channel, ours in purposes[name].names().items():
            if consent.get(channel) is not None:
                flag = read_flag(consent[channel], f"{place}.{channel}")
                texts[ours] = "" if flag is None else str(flag).lower()
    return texts


def _options(given: Sequence[Any] | None, structure: Structure) -> list[GroupId] | None:
    """Read the subgroups that a subscriber shall have, the list's own and those that other doors have made."""
    if given is None:
        return None
    known, chosen_of, join = structure.options(), dict[str, Group](), list[GroupId]()
    own = {option.group_id for _, option in known.values()}
    for place, item in enumerate(given):
        where = f"groupOptions[{place}]"
        identity = read_text(item, where)
        other = other_group_id(identity)
        if other is not None and other not in own:
            join.append(GroupId(other))
            continue
        if identity not in known:
            raise InvalidInputError(where, f"The list has no subgroup {identity[:100]!r}.")
        group, option = known[identity]
        if GroupId(option.group_id) in join:
            continue
        if group.selection_type == "SINGLE" and group.field in chosen_of:
            raise InvalidInputError(where, f"A subscriber has one subgroup of {group.name}.")
        chosen_of[group.field] = group
        join.append(GroupId(option.group_id))
    return join


def _status(given: str | None, structure: Structure, channel: str, place: str) -> Status | None:
    if not given:
        return None
    status = STATUSES[chosen(given, tuple(STATUSES), place)]
    if status is Status.UNCONFIRMED and not structure.double_optin.get(channel):
        raise InvalidInputError(place, "UNCONFIRMED is only for lists with double opt-in.")
    return status


def show_subscriber(contact: Contact, opened: OpenList) -> dict[str, Any]:
    """Show a subscriber; what it doesn't have is left out."""
    structure, fields = opened.structure, contact.fields
    options = {option.group_id: identity for identity, (_, option) in structure.options().items()}
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


def _addresses(contact: Contact) -> dict[str, str]:
    shown: dict[str, str] = {}
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


def read_subscriber_conditions(items: Sequence[object], opened: OpenList, kinds: Mapping[str, Kind]) -> list[Condition]:
    """Read the conditions of a query. Raises InvalidInputError with the place of a wrong one."""
    conditions = []
    for place, item in enumerate(items):
        where = f"conditions[{place}]"
        asked, op = read_condition_words(item, where)
        name = _our_name(asked.name.strip(), opened.structure)
        if name is None:
            raise InvalidInputError(f"{where}.name", f"There is no field {asked.name[:100]!r}.")
        value = None
        if op not in {Op.EXISTS, Op.NOT_EXISTS}:
            if asked.vl is None:
                raise InvalidInputError(f"{where}.vl", "This is required.")
            value = _read_operand(name, asked.vl, opened.structure, kinds, f"{where}.vl")
        conditions.append(Condition(name, op, value))
    return conditions


def _read_operand(name: str, text: str, structure: Structure, kinds: Mapping[str, Kind], where: str) -> Any:
    value: Any = text.strip().lower()  # of an address or a digest
    match name:
        case "contact_id":
            value = _required(read_shown_id(text), where, "An id belongs here.")
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
    return text


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
