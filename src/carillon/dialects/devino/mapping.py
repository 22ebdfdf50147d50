"""Devino's words and ours: ids, moments, lists, and the fields of a list under the vendor's names. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from msgspec import UNSET

from carillon.audience.audiences import Audience, AudienceCounts, AudienceKind
from carillon.audience.contacts.contact import read_id
from carillon.audience.field_types import CANONICAL, Kind
from carillon.audience.fields import REPEATED, Field, NewField
from carillon.dialects.devino import replies, schemas
from carillon.dialects.devino.errors import FORBIDDEN, TOO_LONG, RefusedError
from carillon.errors import InvalidInputError, NotFoundError

KINDS: Mapping[str, AudienceKind] = {
    "STANDARD": AudienceKind.STANDARD,
    "STOPLIST": AudienceKind.STOPLIST,
    "PUSH": AudienceKind.PUSH,
}
MADE_BY_SENDING = "OMNI_API"
IDLE_DAYS = 14
"""What autoDeleteEnabled means: contacts that were not used for more than two weeks."""

DATE_TIME, BOOLEAN, INTEGER, TEXT, OBJECT, DATE = 0, 1, 2, 3, 5, 8
FIELD_KINDS: Mapping[int, Kind] = {
    DATE_TIME: Kind.DATETIME,
    BOOLEAN: Kind.BOOLEAN,
    INTEGER: Kind.NUMBER,
    TEXT: Kind.TEXT,
    OBJECT: Kind.TEXT,
    DATE: Kind.DATE,
}
_TYPES = {Kind.DATETIME: DATE_TIME, Kind.BOOLEAN: BOOLEAN, Kind.NUMBER: INTEGER, Kind.DATE: DATE}

GENDER_PREFIX = "gender."
_KEY = "devino"
"""Under it a list's attributes have what is shown of its fields."""
# Year first or day first, as the engine reads dates; a moment may say its own zone.
_MOMENT = re.compile(
    r"(?:(?P<y>\d{4})[-/](?P<m>\d\d?)[-/](?P<d>\d\d?)|(?P<D>\d\d?)[-/.](?P<M>\d\d?)[-/.](?P<Y>\d{4}))"
    r"(?:[T ](?P<hour>\d\d?):(?P<minute>\d\d?)(?::(?P<second>\d\d?)(?:\.\d+)?)?"
    r"(?:(?P<utc>Z)|(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>\d\d))?)?",
    re.ASCII,
)
_CONTACT_ID = re.compile(r"([0-9a-f]{1,16})-([0-9a-f]{1,16})", re.ASCII | re.IGNORECASE)
_LEAST_ZONE, _MOST_ZONE = -720, 840


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorField:
    """A field as Devino names it; `field` and `kind` are ours."""

    field: str
    kind: Kind
    name: str
    display_name: str
    type: int
    is_default: bool = False
    values: Sequence[str] = ()

    @property
    def takes_texts(self) -> bool:
        """Whether a value's text is kept as it is given."""
        return not (self.values or self.type == OBJECT or self.kind in {Kind.GENDER, Kind.DATETIME})


_MAIN = (
    VendorField(field="first_name", kind=Kind.TEXT, name="name", display_name="Name", type=TEXT, is_default=True),
    VendorField(
        field="last_name", kind=Kind.TEXT, name="surname", display_name="Last name", type=TEXT, is_default=True
    ),
    VendorField(
        field="gender",
        kind=Kind.GENDER,
        name="gender",
        display_name="Gender",
        type=TEXT,
        is_default=True,
        values=("gender.male", "gender.female"),
    ),
    VendorField(
        field="birth_date", kind=Kind.DATE, name="birthdate", display_name="Birthdate", type=DATE, is_default=True
    ),
    VendorField(field="country", kind=Kind.TEXT, name="country", display_name="Country", type=TEXT, is_default=True),
    VendorField(field="city", kind=Kind.TEXT, name="city", display_name="City", type=TEXT, is_default=True),
)
MAIN_NAMES = frozenset(one.name for one in _MAIN) | {"phone", "email"}
SET_HERE = frozenset({"contactid", "creationdate", "lastupdate"})
"""What every contact has and no caller writes, in lower case."""

# Fields of every audience that another vendor's clients write; they are no part of a list, but of its contacts.
_OTHERS = tuple(
    VendorField(field=name, kind=kind, name=name, display_name=name, type=_TYPES.get(kind, TEXT))
    for name, kind in CANONICAL.items()
    if name not in {one.field for one in _MAIN}
)


def new_field(name: str, display_name: str, code: int, values: Sequence[str] = ()) -> NewField:
    """Make a field that a list gets, with what Devino's clients are shown of it."""
    shown = {"displayName": display_name, "type": code, "values": list(values)}
    return NewField(label=name, kind=FIELD_KINDS[code], attributes={_KEY: shown})


class FieldMap:
    """The fields of a list's contacts, by Devino's names and by ours."""

    def __init__(self, audience: Audience, custom: Sequence[Field]) -> None:
        kept = audience.attributes.get(_KEY, {}).get("fields", {})
        self.custom = tuple(
            _custom_field(one, kept.get(one.name, {})) for one in custom if one.name not in REPEATED.values()
        )
        self.of_list = (*_MAIN, *self.custom)
        everything = (*_OTHERS, *reversed(self.custom), *_MAIN)
        self._by_name = {one.name: one for one in everything}
        as_given = (
            one for one in everything if one.takes_texts and (one in _MAIN or one.name.lower() not in MAIN_NAMES)
        )
        self.taking_texts = {one.name: one.field for one in as_given}
        """Our fields that take a value's text as it is given, by Devino's names."""
        self.by_field = {one.field: one for one in (*self.of_list, *_OTHERS)}
        self._places = {field: place for place, field in enumerate(self.by_field)}

    def find(self, name: str) -> VendorField | None:
        """Find a field; the main ones in any case."""
        lower = name.lower()
        return self._by_name.get(lower if lower in MAIN_NAMES else name)

    def in_order(self, fields: Iterable[str]) -> list[VendorField]:
        """Return those of our fields that are known, in the order of the list."""
        return [self.by_field[one] for one in sorted(self._places.keys() & fields, key=self._places.__getitem__)]

    def titles(self, field: str) -> tuple[str, str]:
        """Return the name and the display name of one of our fields or addresses."""
        known = self.by_field.get(field)
        return (known.name, known.display_name) if known else (field, field.capitalize())


def _custom_field(one: Field, kept: Mapping[str, object]) -> VendorField:
    kind = one.kind
    code, values = kept.get("type"), kept.get("values")
    return VendorField(
        field=one.name,
        kind=kind,
        name=one.label,
        display_name=str(kept.get("displayName") or one.label),
        type=code if isinstance(code, int) else _TYPES.get(kind, TEXT),
        values=[str(value) for value in values] if isinstance(values, list) else (),
    )


def list_id(text: str) -> int:
    """Read the id of a list. Raises InvalidInputError for what is no number, NotFoundError for one that no list has."""
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit()):
        raise InvalidInputError("contactGroupId", "the id of a contact list belongs here")
    number = read_id(digits)
    if number is None:
        raise NotFoundError("audience")
    return number


def contact_id(audience_id: int, number: int) -> str:
    """Write a contact's id: the list's and its own, in 16 hexadecimal digits each."""
    return f"{audience_id:016x}-{number:016x}"


def read_contact_id(audience_id: int, text: str) -> int:
    """Read a contact's id; -1, which nobody has, for one of another list. Raises InvalidInputError."""
    halves = _CONTACT_ID.fullmatch(text.strip())
    if halves is None:
        raise InvalidInputError("queryValue", "the id of a contact belongs here")
    return int(halves[2], 16) if int(halves[1], 16) == audience_id else -1


def read_zone(minutes: int | None) -> timedelta:
    """Read how far a caller is ahead of UTC. Raises InvalidInputError."""
    if minutes is not None and not _LEAST_ZONE <= minutes <= _MOST_ZONE:
        raise InvalidInputError("zoneOffset", f"it is {_LEAST_ZONE} to {_MOST_ZONE} minutes")
    return timedelta(minutes=minutes or 0)


def parse_moment(text: str, zone: timedelta) -> datetime | None:
    """Read a moment of the zone, in whole seconds, unless it says another one; None for what isn't one."""
    match = _MOMENT.fullmatch(text.strip())
    if match is None:
        return None
    part = match.groupdict(default="")
    day = (int(part["y"] or part["Y"]), int(part["m"] or part["M"]), int(part["d"] or part["D"]))
    time = (int(part["hour"] or 0), int(part["minute"] or 0), int(part["second"] or 0))
    if part["utc"] or part["sign"]:
        ahead = timedelta(hours=int(part["hours"] or 0), minutes=int(part["minutes"] or 0))
        zone = -ahead if part["sign"] == "-" else ahead
    try:
        return datetime(*day, *time, tzinfo=UTC) - zone
    except (ValueError, OverflowError):
        return None


def read_moment(text: str, zone: timedelta, ref: str) -> datetime | None:
    """Read a moment; None for a blank. Raises InvalidInputError."""
    if not text.strip():
        return None
    moment = parse_moment(text, zone)
    if moment is None:
        raise InvalidInputError(ref, "a moment is written YYYY-MM-DD HH:MM:SS")
    return moment


def show_moment(moment: datetime, zone: timedelta, between: str = " ") -> str:
    """Write a moment in the zone."""
    return f"{moment.astimezone(UTC) + zone:%Y-%m-%d{between}%H:%M:%S}"


def read_span(limit: int | None, offset: int | None) -> tuple[int, int]:
    """Read limit and offset. Raises InvalidInputError."""
    if limit is not None and limit < 1:
        raise InvalidInputError("limit", "it is 1 at least")
    if offset is not None and not 0 <= offset <= schemas.MAX_OFFSET:
        raise InvalidInputError("offset", f"it is 0 to {schemas.MAX_OFFSET}")
    return min(limit or schemas.DEFAULT_LIMIT, schemas.MAX_LIMIT), offset or 0


def read_kind(text: str) -> AudienceKind:
    """Read the type of a list that is to be made. Raises InvalidInputError."""
    name = text.strip().upper() or "STANDARD"
    if name == MADE_BY_SENDING:
        raise RefusedError("type", FORBIDDEN, "such lists are made by sending only")
    kind = KINDS.get(name)
    if kind is None:
        raise InvalidInputError("type", f"it is one of {', '.join(KINDS)}")
    return kind


def read_kinds(texts: Sequence[str]) -> list[AudienceKind] | None:
    """Read the types of lists that are asked for; None where no list can have one. Raises InvalidInputError."""
    types = {one.strip().upper() for text in texts for one in text.split(",")} - {""}
    if unknown := sorted(types - {*KINDS, MADE_BY_SENDING}):
        raise InvalidInputError("type", f"{unknown[0][:50]!r} is none of {', '.join(KINDS)}")
    kinds = [KINDS[one] for one in sorted(types) if one in KINDS]
    return None if types and not kinds else kinds


def read_type(text: str, ref: str) -> int:
    """Read the type of a field. Raises InvalidInputError."""
    text = text.strip()
    if not text:
        return TEXT
    if text not in {str(one) for one in FIELD_KINDS}:
        raise InvalidInputError(ref, f"it is one of {', '.join(map(str, FIELD_KINDS))}")
    return int(text)


def checked_length(text: str, ref: str, most: int = schemas.MAX_NAME_CHARACTERS) -> str:
    """Give a text without white space around it. Raises RefusedError for one that is too long."""
    text = text.strip()
    if len(text) > most:
        raise RefusedError(ref, TOO_LONG, f"it has at most {most} characters")
    return text


def show_list(
    audience: Audience, field_map: FieldMap, counts: AudienceCounts, company_id: int, zone: timedelta
) -> replies.ContactList:
    """Show a list."""
    return replies.ContactList(
        contact_group_id=str(audience.audience_id),
        company_id=company_id,
        name=audience.name,
        creation_date=show_moment(audience.created_at, zone, "T"),
        last_update=show_moment(max(audience.created_at, counts.last_added_at or audience.created_at), zone, "T"),
        fields=[
            replies.ListField(
                name=one.name,
                display_name=one.display_name,
                type=one.type,
                is_default=one.is_default,
                values=list(one.values) or UNSET,
            )
            for one in field_map.of_list
        ],
        contacts_count=str(counts.contacts - counts.archived),
        segments_count=str(counts.groups),
        type=next(name for name, kind in KINDS.items() if kind is audience.kind),
        auto_delete_enabled=audience.idle_days is not None,
    )
