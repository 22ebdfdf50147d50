"""Blocked addresses and conditions between Apifon's words and ours. Pure."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from carillon.audience.contacts.contact import MAX_ID, read_id
from carillon.audience.suppressions import Address, Channel, Suppression
from carillon.db.filters import Condition, Op, Order
from carillon.dialects.apifon import schemas
from carillon.dialects.reading import read_request, require
from carillon.errors import InvalidInputError

TYPES: Mapping[str, Channel] = {"MOBILE": Channel.SMS, "EMAIL": Channel.EMAIL}
_TYPE_WORDS = {channel: word for word, channel in TYPES.items()}
BLOCK_REASONS = ("other", "not_delivering", "sub_deleted", "sub_requested", "sub_invalid")
USER = "API"

_OPS = {
    "eq": Op.EQ,
    "beginsWith": Op.BEGINS_WITH,
    "gte": Op.GTE,
    "gt": Op.GT,
    "lte": Op.LTE,
    "lt": Op.LT,
    "exists": Op.EXISTS,
    "nexists": Op.NOT_EXISTS,
}
WITHOUT_VALUE = {Op.EXISTS, Op.NOT_EXISTS}
_BLOCK_FIELDS = {
    "id": "suppression_id",
    "destination": "address",
    "type": "channel",
    "reason": "reason",
    "user": "actor",
    "description": "description",
    "date_created": "created_at",
}
_ID_DIGITS = 24
_IS_HEXADECIMAL = re.compile("[0-9a-fA-F]+").fullmatch
_EPOCH = datetime.fromtimestamp(0, UTC)
_LAST_MILLISECOND = 253_402_300_799_999  # of the year 9999


def show_id(number: int) -> str:
    """Write the id of a list or a subscriber as the vendor's are: 24 hexadecimal digits."""
    return f"{number:0{_ID_DIGITS}x}"


def parse_id(text: str) -> int | None:
    """Read the id of a list or a subscriber, also in decimals, as the command line shows it; None for what is none."""
    digits = text.strip()
    if len(digits) != _ID_DIGITS:
        return read_id(digits)
    number = int(digits, 16) if _IS_HEXADECIMAL(digits) else 0
    return number if 0 < number <= MAX_ID else None


def address_of(destination: str) -> Address:
    """Read a destination: an e-mail address, or a number with its country code, with or without a plus."""
    text = destination.strip()
    if "@" in text:
        return Address(channel=Channel.EMAIL, value=text)
    return Address(channel=Channel.SMS, value=text if text.startswith("+") else f"+{text}")


def chosen(given: str, options: Sequence[str], field: str) -> str:
    """Find the option that a word names, its case ignored. Raises InvalidInputError that lists the options."""
    for option in options:
        if option.lower() == given.strip().lower():
            return option
    raise InvalidInputError(field, f"This is one of {', '.join(options)}.")


def show_block(block: Suppression) -> dict[str, Any]:
    """Show a blocked address; a reason that isn't one of the vendor's is `other`."""
    shown = {
        "destination": block.address,
        "type": _TYPE_WORDS[block.channel],
        "reason": block.reason if block.reason in BLOCK_REASONS else "other",
        "user": block.actor,
        "description": block.description,
        "date_created": epoch_milliseconds(block.created_at),
    }
    return {"meta": {"Etag": etag_of(shown)}, **shown}


def etag_of(shown: Mapping[str, Any]) -> str:
    """Make the tag of what is shown: another one when anything of it changes."""
    return hashlib.md5(msgspec.json.encode(shown), usedforsecurity=False).hexdigest()


def epoch_milliseconds(moment: datetime) -> int:
    """Write a moment as the vendor's timestamps are."""
    return (moment - _EPOCH) // _MILLISECOND


_MILLISECOND = datetime.resolution * 1000


def only(shown: Mapping[str, Any], fields: Sequence[str]) -> Mapping[str, Any]:
    """Show only some keys, in their order (Partial Responses); all of them when none is named."""
    return {name: value for name, value in shown.items() if name in fields} if fields else shown


def read_fields(text: str | None) -> list[str]:
    """Take a list of keys apart."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def read_order(field: str | None, direction: str | None, default: str) -> Order:
    """Read what items are sorted by. Raises InvalidInputError."""
    name = (field or default).strip()
    ours = _BLOCK_FIELDS.get(name)
    if ours is None:
        raise InvalidInputError("sort", f"There is no field {name[:100]!r} to sort by.")
    return Order(ours, descending=read_direction(direction))


def read_direction(given: str | None) -> bool:
    """Tell whether items are sorted downwards. Raises InvalidInputError."""
    return chosen(given or "ASC", ("ASC", "DESC"), "sort_dir") == "DESC"


def read_conditions(items: Sequence[object]) -> list[Condition]:
    """Read the conditions of a query on blocked addresses. Raises InvalidInputError with the place of a wrong one."""
    return [_read_condition(item, f"conditions[{place}]") for place, item in enumerate(items)]


def read_condition_words(item: object, where: str) -> tuple[schemas.Condition, Op]:
    """Read a condition's words and its operator. Raises InvalidInputError."""
    alone = {name: item[name] for name in item if name.lower() != "vl"} if isinstance(item, Mapping) else item
    asked = read_request(schemas.Condition, alone, where)
    require(asked, where)
    op = _OPS[chosen(asked.op, tuple(_OPS), f"{where}.op")]
    return asked if op in WITHOUT_VALUE else read_request(schemas.Condition, item, where), op


def in_query(error: InvalidInputError) -> InvalidInputError:
    """Name the place of what is wrong with a query as its body does."""
    place = _PLACES.get(error.field, error.field)
    if place.endswith(".value"):
        place = f"{place.removesuffix('.value')}.vl"
    return InvalidInputError(place, error.message)


_PLACES = {"sort": "sort.sort_field", "sort_dir": "sort.sort_dir"}


def _read_condition(item: object, where: str) -> Condition:
    asked, op = read_condition_words(item, where)
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


def read_moment(text: str, where: str) -> datetime:
    """Read an epoch timestamp in milliseconds. Raises InvalidInputError."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15 and int(digits) <= _LAST_MILLISECOND):  # noqa: PLR2004
        raise InvalidInputError(where, "A timestamp in milliseconds since 1970 belongs here.")
    return _EPOCH + int(digits) * _MILLISECOND
