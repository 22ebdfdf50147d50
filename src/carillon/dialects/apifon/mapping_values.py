"""Values of subscriber fields between Apifon's forms and ours. Pure."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from carillon.addresses.emails import read_email
from carillon.addresses.phone_readings import likely_phone
from carillon.addresses.phones import phone_digits
from carillon.audience.field_types import Kind
from carillon.dialects.apifon.mapping import epoch_milliseconds
from carillon.dialects.apifon.mapping_structure import SubscriberField
from carillon.dialects.reading import read_text
from carillon.errors import InvalidInputError

DATE_FORMATS = ("dd-MM-yy", "yy-MM-dd", "MM-dd-yy", "dd/MM/yy", "yy/MM/dd", "MM/dd/yy")

_TEXTUAL = {"TEXT", "NUMBER"}
_URL = re.compile(r"https?://[^\s/?#]+\.[^\s]+", re.IGNORECASE)
_EPOCH = datetime.fromtimestamp(0, UTC)
_TIMESTAMP_CHARACTERS = 18
_SHORT_YEAR = 100
_PIVOT = 70  # a year of two digits is of the last century from here on


def read_value(field: SubscriberField, given: object, country: str, place: str) -> str:
    """Read a value into the text that our field of that kind takes; "" empties it. Raises InvalidInputError."""
    if field.type in _TEXTUAL and given.__class__ is str and "\0" not in given:  # most values of thousands are so
        return given.strip()
    text = "" if given is None else read_text(given, place).strip()
    if not text or field.type in _TEXTUAL:
        return text
    match field.type:
        case "DATE":
            return read_date(text, field.date_format, place).strftime("%Y-%m-%dT%H:%M:%S")
        case "EMAIL" if read_email(text) is None:
            raise InvalidInputError(place, "Not a valid email address")
        case "URL" if not _URL.fullmatch(text):
            raise InvalidInputError(place, "Not a valid URL")
        case "MOBILE_NUMBER":
            digits = phone_digits(likely_phone(text, country, None), country)
            if digits is None:
                raise InvalidInputError(place, "Not a valid mobile number")
            return digits
    return text


def read_date(text: str, date_format: str | None, place: str) -> datetime:
    """Read an epoch timestamp in milliseconds, a date in the field's format, or ISO 8601; UTC unless it says otherwise.

    Raises InvalidInputError.
    """
    if text.isascii() and text.removeprefix("-").isdigit():
        try:
            return _EPOCH + timedelta(milliseconds=int(text[:_TIMESTAMP_CHARACTERS]))
        except OverflowError:
            raise InvalidInputError(place, "This date is out of range.") from None
    by_format = _by_format(text, date_format) if date_format else None
    if by_format:
        return by_format
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(place, "Neither a timestamp in milliseconds nor a date in the field's format") from None
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise InvalidInputError(place, "This date is out of range.") from None


def _by_format(text: str, date_format: str) -> datetime | None:
    divider = "/" if "/" in date_format else "-"
    parts, names = text.split(divider), date_format.split(divider)
    if len(parts) != len(names) or not all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts):  # noqa: PLR2004 - a year's digits
        return None
    values = {name: int(part) for name, part in zip(names, parts, strict=True)}
    year = values["yy"]
    if year < _SHORT_YEAR:
        year += 1900 if year >= _PIVOT else 2000
    try:
        return datetime(year, values["MM"], values["dd"], tzinfo=UTC)
    except ValueError:
        return None


def show_value(kind: str, value: Any) -> Any:
    """Show a value: dates as timestamps in milliseconds."""
    if kind != "DATE" or not isinstance(value, str):
        return value
    return epoch_milliseconds(datetime.fromisoformat(value).replace(tzinfo=UTC))


def stored_date(moment: datetime, kind: Kind) -> str:
    """Write a moment as a field of ours holds it, for comparing."""
    return moment.strftime("%Y-%m-%d" if kind is Kind.DATE else "%Y-%m-%dT%H:%M:%S")
