"""inwise's values and ours: personal fields, phones, ids, and a contact as it is shown."""

import re
from collections.abc import Sequence
from datetime import UTC, date

from msgspec import UNSET

from carillon.addresses.phone_readings import likely_phone
from carillon.addresses.phones import phone_digits, region_of_calling_code
from carillon.audience.contacts.contact import Contact, SubscriptionStatus, read_id
from carillon.dialects.inwise.errors import FIELD_NAMES
from carillon.dialects.inwise.replies import ShownContact, ShownField
from carillon.dialects.reading import read_text
from carillon.errors import InvalidInputError
from carillon.kit.ids import GroupId

# Personal fields by number, under the names of the audience's fields.
_FIELDS = {
    1: "first_name",
    2: "last_name",
    **{number: f"text{number}" for number in range(3, 21)},
    21: "birth_date",
}
_FIELD_NAME = re.compile(r"(?:field)?([0-9]{1,3})", re.IGNORECASE)
# What goes before the first digit of a number that is dialled nationally; 00 and a plus begin international ones.
_LEADING_ZERO = re.compile(r"([^+\uff0b0-9]*)0(?!0)")


def field_of(name: str, path: str) -> str:
    """Return the audience's field for field1, or for 1 alone. Raises InvalidInputError, with the name in its text."""
    match = _FIELD_NAME.fullmatch(name.strip())
    field = _FIELDS.get(int(match[1])) if match else None
    if field is None:
        raise InvalidInputError(path, f"There is no personal field {name.strip()[:50]!r}: they are field1 to field21.")
    return field


def trimmed(phone: str) -> str:
    """Take one leading zero off a number that is not an international one."""
    text = phone.strip()
    zero = _LEADING_ZERO.match(text)
    return f"{zero[1]}{text[zero.end() :]}" if zero else text


def country_of(code: str, path: str) -> str:
    """Return the country of a calling code. Raises InvalidInputError."""
    country = region_of_calling_code(code)
    if country is None:
        raise InvalidInputError(path, "This is no country's calling code; 972 is one.")
    return country


def group_ids(items: Sequence[object], path: str) -> list[GroupId]:
    """Read the ids of groups; 0 and blanks are passed over. Raises InvalidInputError."""
    ids: list[GroupId] = []
    for place, item in enumerate(items):
        if item is None:
            continue
        group_id = group_id_of(read_text(item, f"{path}[{place}]"), f"{path}[{place}]")
        if group_id is not None and group_id not in ids:
            ids.append(group_id)
    return ids


def group_id_of(text: str, path: str) -> GroupId | None:
    """Read the id of a group; a blank and 0 are none. Raises InvalidInputError."""
    if not text.strip().strip("0"):
        return None
    number = read_id(text)
    if number is None:
        raise InvalidInputError(path, "The id of a group belongs here.")
    return GroupId(number)


def show_contact(contact: Contact, country: str) -> ShownContact:
    values = ((number, contact.fields.get(name)) for number, name in _FIELDS.items())
    statuses = (("email", contact.email_status), ("mobile_number", contact.sms_status))
    return ShownContact(
        id=contact.contact_id,
        email=contact.email or "",
        mobile_number=_shown_phone(contact.phone, country) if contact.phone else "",
        external_id=contact.external_id or "",
        fields=[
            ShownField(name=f"field{number}", content=_shown_value(number, value))
            for number, value in values
            if value is not None
        ],
        groups_ids=[group.group_id for group in contact.groups],
        created=f"{contact.created_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        unsubscribed=[name for name, status in statuses if status is SubscriptionStatus.UNSUBSCRIBED] or UNSET,
    )


def _shown_phone(digits: str, country: str) -> str:
    """Write a number as the reference does, in digits; with a plus where those would be read as another number."""
    if phone_digits(digits, country) == digits:  # the quick way, of most of a page's
        return digits
    written = f"+{digits}"
    return digits if likely_phone(digits, country, None) == written else written


def _shown_value(number: int, value: object) -> str:
    text = str(value)
    if _FIELDS[number] == "birth_date":
        day = date.fromisoformat(text)
        return f"{day.day:02}/{day.month:02}/{day.year:04}"
    return text


def field_name_of(field: str) -> str:
    """Return inwise's name of a row's field."""
    return {"email": "[Email]", "phone": "[MobileNumber]"}.get(field) or FIELD_NAMES.get(field, field)
