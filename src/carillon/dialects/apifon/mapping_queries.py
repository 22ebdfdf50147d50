"""Queries of subscribers: conditions and orders of Apifon's, on attributes of contacts. Pure."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from carillon.audience.field_types import Kind
from carillon.db.filters import Condition, Order
from carillon.dialects.apifon import schemas
from carillon.dialects.apifon.mapping import (
    WITHOUT_VALUE,
    chosen,
    parse_id,
    read_condition_parts,
    read_direction,
    read_moment,
)
from carillon.dialects.apifon.mapping_lists import CHANNELS
from carillon.dialects.apifon.mapping_structure import SubscriberList, other_group_id
from carillon.dialects.apifon.mapping_subscribers import STATUSES
from carillon.dialects.apifon.mapping_values import read_date, stored_date
from carillon.dialects.reading import read_flag
from carillon.errors import InvalidInputError

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
_MOST_DIGITS = 30


def read_subscriber_order(name: str | None, direction: str | None, opened: SubscriberList) -> Order:
    """Read what subscribers are sorted by. Raises InvalidInputError."""
    wanted = (name or "id").strip()
    ours = _our_name(wanted, opened)
    if ours is None or ours == "groups":
        raise InvalidInputError("sort", f"There is no field {wanted[:100]!r} to sort by.")
    return Order(ours, descending=read_direction(direction))


def read_subscriber_conditions(items: Sequence[object], opened: SubscriberList) -> list[Condition]:
    """Read a query's conditions. Raises InvalidInputError with the place of what can't be asked."""
    return [_read_condition(item, f"conditions[{place}]", opened) for place, item in enumerate(items)]


def _read_condition(item: object, where: str, opened: SubscriberList) -> Condition:
    asked, op = read_condition_parts(item, where)
    name = _our_name(asked.name.strip(), opened)
    if name is None:
        raise InvalidInputError(f"{where}.name", f"There is no field {asked.name[:100]!r}.")
    if op in WITHOUT_VALUE:
        return Condition(name, op)
    text = _required(asked.vl, f"{where}.vl", "This is required.")
    return Condition(name, op, _read_operand(name, text, opened, f"{where}.vl"))


def _our_name(name: str, opened: SubscriberList) -> str | None:
    whole, _, inner = name.partition(".")
    if whole == "subscriber_fields":
        field = opened.fields.get(inner)
        return f"fields.{field.ours}" if field else None
    if whole == "gdpr_fields":
        purpose, _, channel = inner.rpartition(".")
        is_known = channel in CHANNELS and any(one.key == purpose for one in opened.described.purposes)
        return f"consents.{purpose}.{CHANNELS[channel]}" if is_known else None
    return _OURS.get(name)


def _read_operand(name: str, text: str, opened: SubscriberList, where: str) -> Any:
    value: Any = text.strip().lower()  # of an address or a digest
    match name:
        case "contact_id":
            value = _required(parse_id(text), where, "An id belongs here.")
        case "groups":
            known = opened.options.get(text)
            value = known[1].group_id if known else other_group_id(text) or 0  # which no group has
        case "sms_status" | "email_status":
            value = int(STATUSES[chosen(text, tuple(STATUSES), where)])
        case "created_at" | "updated_at":
            value = read_moment(text, where)
        case "is_archived":
            value = _required(read_flag(text, where), where, "true or false belongs here.")
        case "phone":
            value = value.removeprefix("+")
        case _ if name.startswith("consents."):
            value = _required(read_flag(text, where), where, "true or false belongs here.")
        case _ if name.startswith("fields."):
            value = _read_field_operand(name.removeprefix("fields."), text, opened, where)
    return value


def _read_field_operand(ours: str, text: str, opened: SubscriberList, where: str) -> Any:
    shown = next((one for one in opened.attributes.fields if one.ours == ours), None)
    match opened.described.kinds.get(ours):
        case Kind.NUMBER:
            return _number(text, where)
        case Kind.BOOLEAN:
            return _required(read_flag(text, where), where, "true or false belongs here.")
        case (Kind.DATE | Kind.DATETIME) as kind:
            return stored_date(read_date(text.strip(), shown.date_format if shown else None, where), kind)
    is_mobile = shown is not None and shown.type == "MOBILE_NUMBER"
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
