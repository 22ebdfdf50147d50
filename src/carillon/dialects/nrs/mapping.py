"""Contacts, groups and blacklists from and to 360NRS's values. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from msgspec import UNSET

from carillon.audience.contacts.contact import Contact, read_id
from carillon.audience.field_types import Kind
from carillon.audience.fields import MAX_LABEL_CHARACTERS, Field
from carillon.audience.groups import MAX_NAME_CHARACTERS, Group
from carillon.audience.labelled_fields import LabelledValue
from carillon.audience.suppression_queries import Suppression
from carillon.audience.suppressions import Channel
from carillon.audience.upsert.rows import ContactRow
from carillon.dialects.nrs import replies, schemas
from carillon.dialects.reading import read_request, read_text, read_typed_text, require
from carillon.errors import InvalidInputError, MissingInputError
from carillon.kit.ids import GroupId

CHANNELS: Mapping[str, Channel] = {"sms": Channel.SMS, "mailing": Channel.EMAIL, "voice": Channel.VOICE}

# A field that is made for a date has a time of day, as ISO 8601 may give one.
KINDS: Mapping[str, Kind] = {"string": Kind.TEXT, "date": Kind.DATETIME, "decimal": Kind.NUMBER}
_TYPES = {Kind.NUMBER: "decimal", Kind.DATE: "date", Kind.DATETIME: "date"}
_COUNTRY_LETTERS = 2
_WITHOUT_PHONES = {"AQ", "BV", "GS", "HM", "PN", "TF", "UM"}  # of ISO 3166, no telephone network of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class Include:
    """What is shown of a contact beside itself."""

    custom_fields: bool
    groups: bool


def read_include(text: str) -> Include:
    """Read which subresources are wanted. Raises InvalidInputError for one that isn't known."""
    wanted = {name.strip() for name in text.split(",")} - {""}
    if unknown := sorted(wanted - {"customFields", "groups"}):
        raise InvalidInputError("include", f"{unknown[0]!r} is neither customFields nor groups.")
    return Include(custom_fields="customFields" in wanted, groups="groups" in wanted)


def check_required(asked: schemas.SaveContact) -> None:
    """Raise MissingInputError for the first field that is absent or blank and depends on others, in their order."""
    phone, landline = _given(asked.phone), _given(asked.landline)
    if not (phone or landline or _given(asked.email)):
        raise MissingInputError("email")
    if (phone or landline) and not _given(asked.country_iso):
        raise MissingInputError("countryIso")
    if not (asked.groups_ids or asked.groups_names):
        raise MissingInputError("groupsIds")


def _given(text: str | None) -> str:
    return (text or "").strip()


def read_country(text: str | None) -> str | None:
    """Return the code of a country in capitals, or None where none is given."""
    return _given(text).upper() or None


def dialling_country(text: str | None) -> str | None:
    """Return the country by whose plan phones are dialled, or None where none is given, or one without a network."""
    country = read_country(text)
    return None if country in _WITHOUT_PHONES else country


def contact_row(asked: schemas.SaveContact) -> ContactRow:
    """Make the row of a contact, without its custom fields. Raises InvalidInputError."""
    names = [_group_name(one, f"groupsNames.{place}") for place, one in enumerate(asked.groups_names)]
    country = read_country(asked.country_iso)
    if country and len(country) != _COUNTRY_LETTERS:
        raise InvalidInputError("countryIso", "It is a country's code of two letters.")
    given = {
        "first_name": asked.name,
        "last_name": asked.surname,
        "country": None if asked.country_iso is None else country or "",
    }
    return ContactRow(
        phone=asked.phone,
        email=asked.email,
        external_id=asked.external_id,
        landline=_landline(asked.landline),
        fields={name: text for name, text in given.items() if text is not None},
        add_to=names,
    )


def _landline(text: str | None) -> str | None:
    """Check a landline, which is kept as it is given. Raises InvalidInputError for what has letters, or no digit."""
    if _given(text) and (any(map(str.isalpha, text or "")) or not any(map(str.isdigit, text or ""))):
        raise InvalidInputError("landline", "This is not a phone number.")
    return text


def _group_name(given: object, place: str) -> str:
    name = read_typed_text(given, place).strip()
    if not name:
        raise MissingInputError(place)
    if len(name) > MAX_NAME_CHARACTERS:
        raise InvalidInputError(place, f"A name has at most {MAX_NAME_CHARACTERS} characters.")
    return name


def group_ids(asked: schemas.SaveContact) -> list[GroupId]:
    """Read the groups that a contact joins. Raises InvalidInputError for what can't be an id."""
    found: list[GroupId] = []
    for place, given in enumerate(asked.groups_ids):
        number = read_id(read_text(given, f"groupsIds.{place}"))
        if number is None:
            raise InvalidInputError(f"groupsIds.{place}", "There is no such group.")
        found.append(GroupId(number))
    return list(dict.fromkeys(found))


def custom_values(asked: schemas.SaveContact) -> list[LabelledValue]:
    """Read the custom fields of a contact. Raises InvalidInputError with the place of what can't be read."""
    return [_custom_value(given, f"customFields.{place}") for place, given in enumerate(asked.custom_fields)]


def _custom_value(given: object, place: str) -> LabelledValue:
    one = read_request(schemas.CustomField, given, place)
    require(one, place)
    key = one.key.strip()
    if len(key) > MAX_LABEL_CHARACTERS:
        raise InvalidInputError(f"{place}.key", f"A key has at most {MAX_LABEL_CHARACTERS} characters.")
    kind = KINDS.get(one.type.strip().lower() or "string")
    if kind is None:
        raise InvalidInputError(f"{place}.type", "It is string, date or decimal.")
    return LabelledValue(label=key, kind=kind, value=one.value)


def show_moment(moment: datetime) -> str:
    """Write a moment: 2018-03-13T14:32:25+00:00."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def show_contact(contact: Contact, include: Include, own: Sequence[Field], url: str | None = None) -> replies.Contact:
    """Show a contact; `own` are the audience's custom fields, `url` is where one is that has just been written."""
    country = contact.fields.get("country") or ""
    return replies.Contact(
        id=contact.contact_id,
        email=contact.email,
        phone=contact.phone,
        country_iso=country if len(country) == _COUNTRY_LETTERS else None,
        landline=contact.landline,
        name=contact.fields.get("first_name"),
        surname=contact.fields.get("last_name"),
        external_id=contact.external_id,
        created_at=show_moment(contact.created_at),
        updated_at=show_moment(contact.updated_at),
        custom_fields=replies.Inner(data=_custom_fields(contact, own)) if include.custom_fields else UNSET,
        groups=(
            replies.Inner(data=[replies.Group(id=one.group_id, name=one.name) for one in contact.groups])
            if include.groups
            else UNSET
        ),
        links=UNSET if url is None else replies.Self(url=url),
    )


def _custom_fields(contact: Contact, own: Sequence[Field]) -> list[replies.CustomField]:
    return [
        replies.CustomField(
            key=one.label,
            type=_TYPES.get(one.kind, "string"),
            value=_shown(contact.fields[one.name], one.kind),
        )
        for one in own
        if one.name in contact.fields
    ]


def _shown(value: Any, kind: Kind) -> str:
    match kind:
        case Kind.NUMBER:
            return format(Decimal(str(value)), "f")
        case Kind.DATETIME:
            return f"{value}+00:00"
        case Kind.BOOLEAN:
            return "true" if value else "false"
    return str(value)


def show_group(group: Group) -> replies.Group:
    return replies.Group(id=group.group_id, name=group.name)


def show_line(blacklist: str, line: Suppression, *, in_list: bool) -> replies.BlacklistLine:
    """Show a line of a blacklist, by whose name it goes."""
    return replies.BlacklistLine(
        type=blacklist,
        recipient=line.address,
        is_definitive=False,
        sending_id=None if in_list else UNSET,
        campaign_name=None,
        created_at=show_moment(line.created_at),
    )


def show_unsubscribed(channel_name: str, contact: Contact, channel: Channel) -> replies.BlacklistLine:
    """Show a contact that its audience has unsubscribed: a definitive line, which isn't removed through this API."""
    address = (contact.email or "").lower() if channel is Channel.EMAIL else contact.phone or ""
    return replies.BlacklistLine(
        type=channel_name,
        recipient=address,
        is_definitive=True,
        sending_id=None,
        campaign_name=None,
        created_at=show_moment(contact.updated_at),
    )
