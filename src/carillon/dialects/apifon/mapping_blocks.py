"""Blocked addresses between Apifon's values and ours. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from carillon.audience.suppression_queries import Suppression
from carillon.audience.suppressions import Address, Channel
from carillon.db.filters import Condition, Order
from carillon.dialects.apifon.mapping import (
    WITHOUT_VALUE,
    chosen,
    epoch_milliseconds,
    etag_of,
    read_condition_parts,
    read_direction,
    read_moment,
)
from carillon.errors import InvalidInputError

TYPES: Mapping[str, Channel] = {"MOBILE": Channel.SMS, "EMAIL": Channel.EMAIL}
_TYPE_NAMES = {channel: name for name, channel in TYPES.items()}
BLOCK_REASONS = ("other", "not_delivering", "sub_deleted", "sub_requested", "sub_invalid")
USER = "API"
_BLOCK_FIELDS = {
    "id": "suppression_id",
    "destination": "address",
    "type": "channel",
    "reason": "reason",
    "user": "actor",
    "description": "description",
    "date_created": "created_at",
}


def address_of(destination: str) -> Address:
    """Read a destination: an e-mail address, or a number with its country code, with or without a plus."""
    text = destination.strip()
    if "@" in text:
        return Address(channel=Channel.EMAIL, value=text)
    return Address(channel=Channel.SMS, value=text if text.startswith("+") else f"+{text}")


def show_block(block: Suppression) -> dict[str, Any]:
    """Show a blocked address; a reason that isn't one of the vendor's is `other`."""
    shown = {
        "destination": block.address,
        "type": _TYPE_NAMES[block.channel],
        "reason": block.reason if block.reason in BLOCK_REASONS else "other",
        "user": block.actor,
        "description": block.description,
        "date_created": epoch_milliseconds(block.created_at),
    }
    return {"meta": {"Etag": etag_of(shown)}, **shown}


def read_order(field: str | None, direction: str | None, default: str) -> Order:
    """Read what items are sorted by. Raises InvalidInputError."""
    name = (field or default).strip()
    ours = _BLOCK_FIELDS.get(name)
    if ours is None:
        raise InvalidInputError("sort", f"There is no field {name[:100]!r} to sort by.")
    return Order(ours, descending=read_direction(direction))


def read_conditions(items: Sequence[object]) -> list[Condition]:
    """Read the conditions of a query on blocked addresses. Raises InvalidInputError with the place of a wrong one."""
    return [_read_condition(item, f"conditions[{place}]") for place, item in enumerate(items)]


def _read_condition(item: object, where: str) -> Condition:
    asked, op = read_condition_parts(item, where)
    name = _BLOCK_FIELDS.get(asked.name.strip())
    if name is None:
        raise InvalidInputError(f"{where}.name", f"There is no field {asked.name[:100]!r}.")
    if op in WITHOUT_VALUE:
        return Condition(name, op)
    if asked.vl is None:
        raise InvalidInputError(f"{where}.vl", "This is required.")
    return Condition(name, op, _read_value(name, asked.vl, f"{where}.vl"))


def _read_value(name: str, text: str, where: str) -> str | int | datetime:
    match name:
        case "created_at":
            return read_moment(text, where)
        case "suppression_id":
            if not (text.isascii() and text.isdigit() and len(text) <= 15):  # noqa: PLR2004 - below 2^53
                raise InvalidInputError(where, "A whole number belongs here.")
            return int(text)
        case "channel":
            return TYPES[chosen(text, tuple(TYPES), where)].value
        case "address":
            return text.strip().removeprefix("+").lower()
    return text
