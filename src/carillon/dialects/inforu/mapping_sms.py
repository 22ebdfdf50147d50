"""Recipients, senders and placeholders of SMS from InforU's values, and the outcome to them. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from carillon.addresses.phone_readings import PhoneForm
from carillon.carriers.failures import Failure
from carillon.dialects.inforu import replies, schemas_sms
from carillon.dialects.inforu.errors import InvalidSenderError
from carillon.dialects.inforu.mapping_fields import CONTACT_FIELDS
from carillon.dialects.reading import as_json, read_request, read_text
from carillon.errors import InvalidInputError
from carillon.links.targets import check_url
from carillon.messaging.sendings import AcceptedSending, Recipients
from carillon.text.placeholders import PlaceholderStyle, Template

PLACEHOLDERS = PlaceholderStyle.FIELDS
MAX_SHOWN_ERRORS = 100
"""So many of the recipients that were left out are listed in a reply."""

CUSTOMER_MESSAGE_ID, CUSTOMER_PARAMETER = "CustomerMessageID", "CustomerParameter"

SHORT_URL = "ShortenUrl"
"""How the placeholders are called that stand for URLs; a number is behind it."""

_URL = re.compile(r"https?://(?:[^\s<>\"\[]|\[(?!#))+", re.IGNORECASE)
_BEHIND_URLS = ".,;:!?)]}'\""

_SENDER_NUMBER = re.compile(r"\+?[0-9]{1,14}")
_SENDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._&+-]{0,10}")
_PHONE_NAMES = frozenset({"phone", "phonenumber"})
_SLOTS = {name.lower(): one.slot for one in CONTACT_FIELDS for name in (one.name, *one.aliases)}

ERROR_CODES: Mapping[Failure, tuple[int, str]] = {
    Failure.ADDRESS_INVALID: (-92, "This is no phone number."),
    Failure.DUPLICATE: (-94, "The number is there before."),
    Failure.SUPPRESSED: (-98, "The number is unsubscribed."),
    Failure.CONSENT_MISSING: (-98, "The contact has not consented."),
    Failure.REPEATED: (-94, "The number has got the same text lately."),
    Failure.TEXT_INVALID: (-96, "The text is empty or too long."),
    Failure.NO_CREDIT: (-13, "The credit is used up."),
}
"""Codes of recipients that are left out; all are ours but -92, -96 and -13."""

_OTHER_CODE = (-99, "The number can't be reached.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRecipients:
    """What recipients were read as. `fields` are the contacts' attributes for placeholders that they leave open."""

    recipients: Recipients
    fields: Mapping[str, str] = field(default_factory=dict)


def read_sender(text: str) -> str:
    """Read a sender. Raises InvalidSenderError."""
    sender = text.strip()
    if _SENDER_NUMBER.fullmatch(sender):
        return sender.removeprefix("+")
    if _SENDER_NAME.fullmatch(sender):
        return sender
    raise InvalidSenderError("Data.Settings.Sender", "A sender has up to 11 letters and digits, or up to 14 digits.")


def placeholder_fields(message: str) -> tuple[Mapping[str, str], frozenset[str]]:
    """Return the contacts' attributes that a message's placeholders name, by key, and the keys of its others."""
    keys = Template.parse(message, PLACEHOLDERS).keys
    fields = {key: slot for key in keys if (slot := _SLOTS.get(key.strip().lower()))}
    return fields, keys - fields.keys()


def read_recipients(items: Sequence[object], message: str) -> ReadRecipients:
    """Read recipients. One that can't be read has no number, and so is left out alone."""
    fields, others = placeholder_fields(message)
    keys = [*fields, *others]
    members = [_members(item) for item in items]
    read = [_recipient(item) for item in items]
    values = [_values(keys, one, phone) for one, (phone, _) in zip(members, read, strict=True)] if keys else None
    if values is not None:
        # What some recipients have of their own, and no contact: the others have nothing there.
        own = {key for one in values for key in one} - fields.keys()
        values = [{**dict.fromkeys(own, ""), **one} for one in values] if own else values
    return ReadRecipients(
        recipients=Recipients(
            addresses=[phone for phone, _ in read],
            values=values,
            custom=[custom for _, custom in read],
            phone_form=PhoneForm.NATIONAL_FIRST,
        ),
        fields=fields,
    )


def _members(item: object) -> Mapping[str, object]:
    return {str(name).strip().lower(): value for name, value in item.items()} if isinstance(item, Mapping) else {}


def _recipient(item: object) -> tuple[str, Mapping[str, object] | None]:
    if isinstance(item, str | int) and not isinstance(item, bool):
        return str(item), None
    try:
        read = read_request(schemas_sms.SmsRecipient, item, "Data.Recipients")
    except InvalidInputError:
        return as_json(item), None
    return read.phone, customer_marks(read.customer_message_id, read.customer_parameter) or None


def customer_marks(message_id: str | None, parameter: str | None) -> dict[str, object]:
    """Return what the caller keeps of a message, or of all, as it is kept."""
    given = {CUSTOMER_MESSAGE_ID: message_id, CUSTOMER_PARAMETER: parameter}
    return {name: value for name, value in given.items() if value}


def _values(keys: Sequence[str], members: Mapping[str, object], phone: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for key in keys:
        name = key.strip().lower()
        given = phone if name in _PHONE_NAMES else members.get(name)
        if given is None or isinstance(given, Mapping | list):
            continue
        try:
            found[key] = read_text(given, "")
        except InvalidInputError:
            continue
    return found


def shorten_links(message: str) -> tuple[str, Mapping[str, str]]:
    """Put placeholders where a message has URLs, and return where their short links lead.

    A URL that has a placeholder in it stays as it is, and so does what a link must not lead to.
    """
    keys: dict[str, str] = {}
    links: dict[str, str] = {}

    def place(found: re.Match[str]) -> str:
        url = found[0].rstrip(_BEHIND_URLS)
        if message.startswith("[#", found.end()):
            return found[0]
        if url not in keys:
            try:
                target = check_url(url)
            except InvalidInputError:
                return found[0]
            keys[url] = f"{SHORT_URL} {len(keys) + 1}"
            links[keys[url]] = target
        return f"[#{keys[url]}#]{found[0][len(url) :]}"

    return _URL.sub(place, message), links


def read_group_numbers(items: Sequence[object], place: str) -> list[int]:
    """Read groups' numbers: objects with a GroupNumber, or the numbers alone. Raises InvalidInputError."""
    found: list[int] = []
    for item in items:
        given = item if isinstance(item, Mapping) else {"GroupNumber": item}
        number = read_request(schemas_sms.SmsGroup, given, place).group_number
        if number not in found:
            found.append(number)
    return found


def show_accepted(accepted: AcceptedSending, given: Sequence[str]) -> replies.SmsAccepted:
    """Show how many get the message, and whom it leaves out."""
    excluded = [(row, failure) for row, failure in enumerate(accepted.failures) if failure is not None]
    return replies.SmsAccepted(
        recipients=len(accepted.failures) - len(excluded) + accepted.members,
        errors=[_error(row, failure, given[row]) for row, failure in excluded[:MAX_SHOWN_ERRORS]],
    )


def show_failure(failure: Failure) -> str:
    """Say why a recipient is left out."""
    return ERROR_CODES.get(failure, _OTHER_CODE)[1]


def _error(row: int, failure: Failure, given: str) -> replies.UploadError:
    code, message = ERROR_CODES.get(failure, _OTHER_CODE)
    return replies.UploadError(
        row_number=row + 1,
        error_code=code,
        field_name="Phone",
        actual_field_name="Phone",
        error_value=given,
        error_message=message,
    )
