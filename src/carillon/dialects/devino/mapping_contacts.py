"""The contacts of a batch, into rows of contacts and their devices. Pure.

They are read by hand and not by structs, since a batch has thousands of them.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from carillon.audience.audience_fields import AudienceFields
from carillon.audience.contacts.contact import Device
from carillon.audience.contacts.new_fields import ReadRow
from carillon.audience.field_types import Kind
from carillon.audience.fields import MAX_LABEL_CHARACTERS, NewField
from carillon.audience.upsert.rows import MAX_TOKEN_CHARACTERS, ContactRow, RowError
from carillon.dialects.devino import mapping, schemas
from carillon.dialects.devino.errors import UNKNOWN, RefusedError
from carillon.dialects.devino.mapping_fields import (
    FIELD_KINDS,
    GENDER_PREFIX,
    OBJECT,
    SET_HERE,
    TEXT,
    FieldMap,
    VendorField,
    new_field,
)
from carillon.dialects.reading import as_json, is_numbered, read_text
from carillon.errors import InvalidInputError

INVALID_VALUE, TOO_LONG, DUPLICATE = "INVALID_VALUE", "LENGTH_TOO_LONG", "DUPLICATE_VALUE"
_CODES = {"too_long": TOO_LONG, DUPLICATE: DUPLICATE}
_PLATFORMS: Mapping[str, Literal["android", "ios"]] = {"0": "android", "1": "ios"}
_CHECKED = {"": None, "0": None, "1": "phone", "2": "email", "phone": "phone", "email": "email"}
_ADDRESSES = ("phone", "email")
_CODES_OF_TYPES = {str(code): code for code in FIELD_KINDS}


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why a contact is rejected."""

    localization_key: str
    field_name: str
    display_name: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRows:
    """The contacts of a batch; `unique` is the field that may not repeat, by Devino's name."""

    contacts: Sequence[object]
    unique: str
    zone: timedelta

    @property
    def size(self) -> int:
        """How many contacts there are."""
        return len(self.contacts)

    def read(self, fields: AudienceFields) -> Sequence[ReadRow]:
        """Read all contacts, by the fields of their list."""
        field_map = FieldMap(fields)
        return [self._read(place, one, field_map) for place, one in enumerate(self.contacts, 1)]

    def _read(self, place: int, given: object, field_map: FieldMap) -> ReadRow:
        try:
            return _read_contact(given, field_map, self.zone)
        except _RejectedError as error:
            failure = RowError(place, error.wrong.field_name, "invalid", "", error.wrong.description)
            return ReadRow(ContactRow(failure=failure))

    def missing_fields(self, fields: AudienceFields, last: Collection[int] = ()) -> Iterator[tuple[int, NewField]]:
        """Yield the fields that contacts name and the list lacks, as the first contact that does says what it is.

        What can't be read is left out, and so are the fields of a contact that is rejected for their number.
        """
        return _missing_fields(self.contacts, FieldMap(fields), last)

    def labels(self, row: int) -> Iterator[str]:
        """Yield the names of a contact's fields, those among them that have no value."""
        items = _items(self.contacts[row - 1], "fields")
        return (str(one.get("name")).strip() for one in items if isinstance(one, dict))

    def unique_field(self, fields: AudienceFields) -> str | None:
        """Return the field that may not repeat. Raises RefusedError where the list has no such field."""
        name = self.unique.strip()
        if name.lower() in _CHECKED:
            return _CHECKED[name.lower()]
        known = FieldMap(fields).find(name)
        if known is None:
            raise RefusedError("duplicateCheckField", UNKNOWN, "the list has no such field")
        return known.field

    def alone(self, row: int) -> "BatchRows":
        """Return a batch of a single contact."""
        return replace(self, contacts=[self.contacts[row - 1]])

    def wrong(self, row: int, error: RowError, field_map: FieldMap) -> Wrong:
        """Say why a contact is rejected."""
        try:
            _read_contact(self.contacts[row - 1], field_map, self.zone)
        except _RejectedError as rejected:
            return rejected.wrong
        return wrong_of(field_map, error.field, error.code, error.message)


class _RejectedError(Exception):
    def __init__(self, name: str, display_name: str, message: str, key: str = INVALID_VALUE) -> None:
        super().__init__(message)
        self.wrong = Wrong(key, name, display_name, message)


def wrong_of(field_map: FieldMap, name: str, code: str, message: str) -> Wrong:
    """Say what the engine found wrong with one of our fields."""
    return Wrong(_CODES.get(code, INVALID_VALUE), *field_map.titles(name), message)


def _missing_fields(
    contacts: Sequence[object], field_map: FieldMap, last: Collection[int]
) -> Iterator[tuple[int, NewField]]:
    seen: set[str] = set()  # as they are spelt: most contacts name the same few
    named: set[str] = set()
    places = [place for place in range(1, len(contacts) + 1) if place not in last]
    for place in (*places, *sorted(last)):
        items = _items(contacts[place - 1], "fields")
        for one in items if len(items) <= schemas.MAX_FIELDS else ():
            given = one.get("name") if isinstance(one, dict) else None
            if not isinstance(one, dict) or not isinstance(given, str) or given in seen:
                continue
            seen.add(given)
            name = given.strip()
            if name in named or not _can_be_made(name) or field_map.find(name) is not None:
                continue
            named.add(name)
            display_name = one.get("displayName")
            shown = display_name.strip()[:MAX_LABEL_CHARACTERS] if isinstance(display_name, str) else ""
            code = str(one.get("type", TEXT)).strip()
            shown = shown.replace("\0", "") or name
            yield place, new_field(name, shown, _CODES_OF_TYPES.get(code, TEXT))


def _can_be_made(name: str) -> bool:
    reserved = name.lower() in _ADDRESSES or name.lower() in SET_HERE
    return bool(name) and len(name) <= MAX_LABEL_CHARACTERS and "\0" not in name and not reserved


def _items(contact: object, name: str) -> Sequence[object]:
    given = contact.get(name) if isinstance(contact, dict) else None
    if isinstance(given, dict) and is_numbered(given):
        return list(given.values())
    return given if isinstance(given, list) else []


def _read_contact(given: object, field_map: FieldMap, zone: timedelta) -> ReadRow:
    if not isinstance(given, dict):
        raise _RejectedError("contacts", "Contacts", "An object belongs here.")
    addresses = {
        "phone": _text(given.get("phone"), "phone", "Phone"),
        "email": _text(given.get("email"), "email", "Email"),
    }
    fields: dict[str, str] = {}
    find = field_map.taking_texts.get
    items = given.get("fields")
    if items.__class__ is not list or len(items) > schemas.MAX_FIELDS:
        items = _limited(given, "fields", schemas.MAX_FIELDS)
    for item in items:
        # The hot path: a text of a field that takes it as it comes. `_read_field` knows the rest.
        if item.__class__ is dict and (name := item.get("name")).__class__ is str and (field := find(name)):
            value = item.get("value")
            if value.__class__ is str and "\0" not in value:
                if text := value.strip():
                    fields[field] = text
                continue
        _read_field(item, field_map, zone, addresses, fields)
    devices = (
        [_read_device(item) for item in _limited(given, "pushInfo", schemas.MAX_DEVICES)] if "pushInfo" in given else []
    )
    row = ContactRow(phone=_international(addresses["phone"]), email=addresses["email"] or None, fields=fields)
    return ReadRow(row, devices)


def _limited(given: Mapping[str, object], name: str, most: int) -> Sequence[object]:
    value = given.get(name)
    if value is not None and not isinstance(value, list) and not is_numbered(value):
        raise _RejectedError(name, name, "A list belongs here.")
    items = _items(given, name)
    if len(items) > most:
        raise _RejectedError(name, name, f"There are {most} at most.", TOO_LONG)
    return items


def _text(given: object, name: str, display_name: str) -> str:
    if given is None:
        return ""
    if given.__class__ is str and "\0" not in given:
        return given.strip()
    try:
        return read_text(given, name).strip()
    except InvalidInputError as error:
        raise _RejectedError(name, display_name, error.message) from error


def _international(phone: str) -> str | None:
    """Read a number as an international one, as E.164 says, also without a plus."""
    if not phone:
        return None
    return phone if phone.startswith("+") or not phone.isdigit() else f"+{phone}"


def _read_field(
    item: object, field_map: FieldMap, zone: timedelta, addresses: dict[str, str], fields: dict[str, str]
) -> None:
    if not isinstance(item, dict):
        raise _RejectedError("fields", "Fields", "An object belongs here.")
    name = _text(item.get("name"), "fields.name", "Field name")
    if not name:
        raise _RejectedError("fields.name", "Field name", "must not be null")
    known = field_map.find(name)
    text = _value_of(item.get("value"), name[:50], is_object=known is not None and known.type == OBJECT)
    if name.lower() in _ADDRESSES:
        addresses[name.lower()] = addresses[name.lower()] or text
    elif known is None:
        raise _RejectedError(name[:50], name[:50], "The list has no such field, and can't have it.")
    elif text:
        fields[known.field] = _checked(known, text, zone)


def _value_of(value: object, name: str, *, is_object: bool) -> str:
    values = value if isinstance(value, list) else [value]
    if is_object and any(isinstance(one, dict | list) for one in values):
        return as_json(values[0] if len(values) == 1 else values)
    texts = [_text(one, name, name) for one in values]
    return ", ".join(one for one in texts if one)


def _checked(known: VendorField, text: str, zone: timedelta) -> str:
    if known.values and not known.is_default and text not in known.values:
        raise _RejectedError(known.name, known.display_name, "It is none of the field's values.")
    return stored_text(text, known.kind, zone)


def stored_text(text: str, kind: Kind, zone: timedelta) -> str:
    """Return a value as our fields of its kind are read; a date with a time is of the zone."""
    if kind is Kind.GENDER:
        return text.removeprefix(GENDER_PREFIX)
    if kind is Kind.DATETIME and (moment := mapping.parse_moment(text, zone)) is not None:
        return mapping.show_moment(moment, timedelta(), "T")
    return text


def show_value(kind: Kind, value: object, zone: timedelta) -> str:
    """Write a field's value."""
    match kind:
        case Kind.GENDER:
            return f"{GENDER_PREFIX}{value}"
        case Kind.BOOLEAN:
            return "true" if value else "false"
        case Kind.NUMBER:
            return format(Decimal(str(value)), "f")
        case Kind.DATETIME:
            return _in_zone(str(value), zone)
    return str(value)


def _in_zone(text: str, zone: timedelta) -> str:
    try:
        return f"{datetime.fromisoformat(text) + zone:%Y-%m-%d %H:%M:%S}"
    except OverflowError:  # on the last day of the calendar
        return text


def _read_device(item: object) -> Device:
    if not isinstance(item, dict):
        raise _RejectedError("pushInfo", "pushInfo", "An object belongs here.")
    token = _text(item.get("pushToken"), "pushToken", "pushToken")
    if not token:
        raise _RejectedError("pushToken", "pushToken", "must not be null")
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise _RejectedError("pushToken", "pushToken", f"It has at most {MAX_TOKEN_CHARACTERS} characters.", TOO_LONG)
    platform = _PLATFORMS.get(_text(item.get("os"), "os", "os"))
    if platform is None:
        raise _RejectedError("os", "os", "It is 0 (Android) or 1 (iOS).")
    application = _text(item.get("appId"), "appId", "appId")
    if len(application) > schemas.MAX_NAME_CHARACTERS:
        raise _RejectedError("appId", "appId", f"It has at most {schemas.MAX_NAME_CHARACTERS} characters.", TOO_LONG)
    return Device(platform=platform, token=token, application=application or None)
