"""Devino's values and ours: ids, moments and lists. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from msgspec import UNSET

from carillon.audience.audiences import Audience, AudienceCounts, AudienceKind
from carillon.audience.contacts.contact import read_id
from carillon.dialects.devino import replies, schemas
from carillon.dialects.devino.errors import FORBIDDEN, TOO_LONG, RefusedError
from carillon.dialects.devino.mapping_fields import FieldMap
from carillon.errors import InvalidInputError, NotFoundError

KINDS: Mapping[str, AudienceKind] = {
    "STANDARD": AudienceKind.STANDARD,
    "STOPLIST": AudienceKind.STOPLIST,
    "PUSH": AudienceKind.PUSH,
}
MADE_BY_SENDING = "OMNI_API"
IDLE_DAYS = 14
"""What autoDeleteEnabled means: contacts that were not used for more than two weeks."""

# Year first or day first, as the engine reads dates; a moment may say its own zone.
_MOMENT = re.compile(
    r"(?:(?P<y>\d{4})[-/](?P<m>\d\d?)[-/](?P<d>\d\d?)|(?P<D>\d\d?)[-/.](?P<M>\d\d?)[-/.](?P<Y>\d{4}))"
    r"(?:[T ](?P<hour>\d\d?):(?P<minute>\d\d?)(?::(?P<second>\d\d?)(?:\.\d+)?)?"
    r"(?:(?P<utc>Z)|(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>\d\d))?)?",
    re.ASCII,
)
_CONTACT_ID = re.compile(r"([0-9a-f]{1,16})-([0-9a-f]{1,16})", re.ASCII | re.IGNORECASE)
_LEAST_ZONE, _MOST_ZONE = -720, 840


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
    """Read a contact's id; -1, which no contact has, for one of another list. Raises InvalidInputError."""
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
    """Write a moment in the zone, to the second."""
    local = moment.astimezone(UTC) + zone
    return local.isoformat(between, "seconds")[: len("2022-10-22T18:14:21")]


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


def checked_length(text: str, ref: str, most: int = schemas.MAX_NAME_CHARACTERS) -> str:
    """Trim a text. Raises RefusedError for one that is too long."""
    text = text.strip()
    if len(text) > most:
        raise RefusedError(ref, TOO_LONG, f"it has at most {most} characters")
    return text


def show_list(
    audience: Audience, field_map: FieldMap, counts: AudienceCounts, company_id: int, zone: timedelta
) -> replies.ContactList:
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
