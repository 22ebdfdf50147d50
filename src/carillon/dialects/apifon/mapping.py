"""What all of the dialect's values share: ids, times, tags, options, partial replies and conditions. Pure."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from carillon.audience.contacts.contact import MAX_ID, read_id
from carillon.db.filters import Op
from carillon.dialects.apifon import schemas
from carillon.dialects.reading import read_request, require
from carillon.errors import InvalidInputError

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


def chosen(given: str, options: Sequence[str], field: str) -> str:
    """Find the option that a text names, its case ignored. Raises InvalidInputError that lists the options."""
    for option in options:
        if option.lower() == given.strip().lower():
            return option
    raise InvalidInputError(field, f"This is one of {', '.join(options)}.")


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


def read_direction(given: str | None) -> bool:
    """Tell whether items are sorted downwards. Raises InvalidInputError."""
    return chosen(given or "ASC", ("ASC", "DESC"), "sort_dir") == "DESC"


def read_condition_parts(item: object, where: str) -> tuple[schemas.Condition, Op]:
    """Read a condition's parts and its operator; the value beside `exists` isn't read. Raises InvalidInputError."""
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


def read_moment(text: str, where: str) -> datetime:
    """Read an epoch timestamp in milliseconds. Raises InvalidInputError."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15 and int(digits) <= _LAST_MILLISECOND):  # noqa: PLR2004
        raise InvalidInputError(where, "A timestamp in milliseconds since 1970 belongs here.")
    return _EPOCH + int(digits) * _MILLISECOND
