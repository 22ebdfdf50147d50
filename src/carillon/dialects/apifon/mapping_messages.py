"""SMS requests between Apifon's form and ours. Pure, but for what is asked of the outbound guard."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import repeat
from typing import Any

import msgspec

from carillon.dialects.apifon import schemas
from carillon.dialects.apifon.auth import DIALECT
from carillon.dialects.apifon.mapping_landings import (
    LANDING,
    has_landing_place,
    landing_keys,
    read_landings,
    show_landings,
)
from carillon.dialects.reading import read_request, read_text, require
from carillon.errors import InvalidInputError
from carillon.events.endpoints import check_callback_url
from carillon.kit.json_texts import json_texts
from carillon.kit.networks import Network
from carillon.kit.traffic import TrafficClass
from carillon.messaging.sendings import (
    DEFAULT_VALIDITY,
    MAX_REFERENCE_CHARACTERS,
    MAX_TEXT_CHARACTERS,
    MAX_VALIDITY,
    AcceptedSending,
    Recipients,
    Send,
)
from carillon.text.encodings import Encoding, can_encode
from carillon.text.placeholders import PlaceholderStyle

# Data coding: 0 is GSM, 1 octets, 2 UCS-2. What GSM lacks is sent as UCS-2 rather than not, or mutilated.
ENCODINGS: Mapping[int, tuple[Encoding, ...]] = {
    0: (Encoding.GSM, Encoding.UCS2),
    1: (Encoding.BINARY,),
    2: (Encoding.UCS2,),
}
DEFAULT_CODING, OCTETS = 0, 1
_UNIT_BYTES = {Encoding.UCS2: 2}

NUMBER = re.compile(r"[1-9][0-9]{6,14}")
_SENDER_DIGITS = re.compile(r"[0-9]{1,16}")
_SENDER_CHARACTERS = re.compile(r"[ -~]{1,11}")
_SECONDS = re.compile(r"[+-]?[0-9]{1,9}")
_DIGITS = re.compile(r"[+-]?[0-9]+")
_PLACES = {
    "text": "message.text",
    "reference": "reference_id",
    "scheduled_at": "date",
    "domain": "params.landing_domain",
    "page": "params.url",
}


@contextmanager
def naming_message(places: Mapping[str, str] = _PLACES) -> Iterator[None]:
    """Name the places of what is wrong with a sending as its body does."""
    try:
        yield
    except InvalidInputError as error:
        raise InvalidInputError(places.get(error.field, error.field), error.message) from error


def read_send(asked: schemas.SendSms, traffic_class: TrafficClass | None, allow: Iterable[Network]) -> Send:
    """Read a request, of transactional traffic unless the credential's is another.

    A number that can't be one costs only its own recipient, unless there is no other. Raises InvalidInputError with the
    place of what is wrong, and MissingInputError.
    """
    message = read_request(schemas.Message, asked.message, "message")
    require(message, "message")
    coding = read_coding(message)
    text = read_body(message, coding)
    sender = read_sender(message.sender_id.strip())
    keys = frozenset[str]() if coding == OCTETS else landing_keys(text, "message.text")
    recipients = read_recipients(asked.subscribers, with_values=coding != OCTETS, landings=keys)
    url = read_callback_url(asked.callback_url, allow)
    reference = asked.reference_id
    require_length(reference, MAX_REFERENCE_CHARACTERS, "reference_id")
    validity, expires_at = _validity(asked.tte)
    return Send(
        dialect=DIALECT,
        traffic_class=traffic_class or TrafficClass.TRANSACTIONAL,
        sender=sender,
        text=text,
        placeholders=None if coding == OCTETS else PlaceholderStyle.BRACES,
        encodings=ENCODINGS[coding],
        replaces_typographic=coding == DEFAULT_CODING,
        recipients=recipients,
        same_text_only=True,
        scheduled_at=read_moment(asked.date, "date"),
        validity=validity,
        expires_at=expires_at,
        reference=reference,
        callback_url=url,
        reply_url=url,
    )


def read_coding(message: schemas.Message) -> int:
    """Read the data coding. Raises InvalidInputError for `message.dc`."""
    coding = DEFAULT_CODING if message.dc is None else message.dc
    if coding not in ENCODINGS:
        raise InvalidInputError("message.dc", "This is 0, 1 or 2.")
    return coding


def read_body(message: schemas.Message, coding: int) -> str:
    """Read the text of an SMS. Raises InvalidInputError for `message.text`."""
    text = message.text
    require_length(text, MAX_TEXT_CHARACTERS, "message.text")
    if coding == OCTETS and has_landing_place(text):
        raise InvalidInputError("message.text", "With dc 1 a text has no places.")
    if coding == OCTETS and not can_encode(text, Encoding.BINARY):
        raise InvalidInputError("message.text", "With dc 1 each character is an octet: U+0000 to U+00FF.")
    return text


def read_sender(given: str) -> str:
    """Read the sender of an SMS. Raises InvalidInputError for `message.sender_id`."""
    digits = given.removeprefix("+")
    if _SENDER_DIGITS.fullmatch(digits):
        return digits
    if digits.isascii() and digits.isdigit():
        raise InvalidInputError("message.sender_id", "A number has 1 to 16 digits.")
    if not _SENDER_CHARACTERS.fullmatch(given):
        raise InvalidInputError("message.sender_id", "A name has 1 to 11 Latin characters.")
    return given


def read_recipients(
    subscribers: Sequence[Any],
    *,
    with_values: bool,
    has_params: bool = True,
    landings: frozenset[str] = frozenset(),
) -> Recipients:
    """Read recipients; what `has_params` doesn't say that they have is not looked at.

    `landings` are the landing parameters that the message refers to. Raises InvalidInputError and MissingInputError
    with the place of what is wrong.
    """
    numbers, values, custom = list[str](), list[Mapping[str, str]](), list[Mapping[str, object] | None]()
    params: list[Mapping[str, Any] | None] = []
    for row, item in enumerate(subscribers):
        place = f"subscribers[{row}]"
        one = read_request(schemas.Recipient, item, place)
        require(one, place)
        require_length(one.custom_id, schemas.MAX_CUSTOM_ID_CHARACTERS, f"{place}.custom_id")
        numbers.append(one.number.strip().removeprefix("+"))
        own = one.params if has_params and one.params and not landings.issuperset(one.params) else None
        values.append(_values(own, f"{place}.params") if own else {})
        params.append(one.params if has_params else None)
        custom.append({"custom_id": one.custom_id} if one.custom_id is not None else None)
    if not any(NUMBER.fullmatch(one) for one in numbers):
        raise InvalidInputError("subscribers[0].number", "A number has 7 to 15 digits, and does not begin with 0.")
    return Recipients(
        addresses=numbers,
        values=values if with_values and any(values) else None,
        custom=custom if any(custom) else None,
        links=read_landings(params, landings, lambda row: f"subscribers[{row}].params"),
        are_digits=True,
    )


def _values(params: Mapping[str, Any], place: str) -> Mapping[str, str]:
    return {
        name: "" if given is None else read_text(given, place)
        for name, given in params.items()
        if not name.startswith(LANDING)
    }


def require_length(text: str | None, limit: int, place: str) -> None:
    """Require that a text has no more characters. Raises InvalidInputError for the place."""
    if text is not None and len(text) > limit:
        raise InvalidInputError(place, f"This has at most {limit} characters.")


def read_callback_url(given: str | None, allow: Iterable[Network], place: str = "callback_url") -> str | None:
    """Read a URL for callbacks, if any. Raises InvalidInputError for its place."""
    url = (given or "").strip()
    return check_callback_url(url, https_only=True, allow=allow, field=place) if url else None


def _validity(given: str | None) -> tuple[timedelta, datetime | None]:
    """Read a validity period in seconds, or the moment of its end; the engine brings both within its limits."""
    text = (given or "").strip()
    if _DIGITS.fullmatch(text):
        # What has more digits is beyond the limit anyway.
        seconds = int(text) if _SECONDS.fullmatch(text) else (-1 if text.startswith("-") else 1) * 10**9
        return timedelta(seconds=seconds) if seconds else DEFAULT_VALIDITY, None
    moment = read_moment(text, "tte")
    return (DEFAULT_VALIDITY, None) if moment is None else (MAX_VALIDITY, moment)


def read_moment(given: str | None, place: str) -> datetime | None:
    """Read yyyy-MM-dd'T'HH:mm:ss, in UTC unless it names another zone."""
    text = (given or "").strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidInputError(place, "A date is written yyyy-MM-dd'T'HH:mm:ss.") from None


def _shown_landings(command: Send) -> frozenset[str]:
    """Return the landing parameters that are answered: those of the message, not those of the SMS behind it alone."""
    button = command.content.button if command.content else None
    return landing_keys(command.text, "text") | (landing_keys(button.url, "button") if button else frozenset())


# The members of a recipient's result, as JSON.
_RESULT = '"message_id":"%s","custom_id":%s,"length":%d'
_encode = msgspec.json.Encoder().encode


def show_accepted(command: Send, accepted: AcceptedSending, given: Sequence[str]) -> dict[str, Any]:
    """Show what was accepted; `given` are the numbers as the caller wrote them, which it finds its results by."""
    custom = command.recipients.custom
    landings, of_landings = show_landings(accepted.links, _shown_landings(command))
    form = f"{{{_RESULT}{landings}}}"
    columns = (
        accepted.message_ids,
        [_encode(one.get("custom_id") if one else None).decode() for one in custom] if custom else repeat("null"),
        [shown_length(accepted, row) for row in range(len(given))],
        *of_landings,
    )
    # Of very many recipients an object each takes longer than its text.
    rows = [form % row for row in zip(*columns, strict=False)]
    return {
        "request_id": str(accepted.sending_id),
        "reference": command.reference,
        "results": msgspec.Raw(_by_number(given, rows).encode()),
        "result_info": {"status_code": 200, "description": "OK"},
    }


def _by_number(given: Sequence[str], results: Sequence[str]) -> str:
    """Write results by their numbers, each of which has as many as it was named times, as JSON."""
    if len(set(given)) < len(given):
        grouped: dict[str, list[str]] = {}
        for number, result in zip(given, results, strict=True):
            grouped.setdefault(number, []).append(result)
        given, results = list(grouped), [",".join(one) for one in grouped.values()]
    return f"{{{','.join(map('%s:[%s]'.__mod__, zip(json_texts(given), results, strict=True)))}}}"


def shown_length(accepted: AcceptedSending, row: int) -> int:
    """Count what the text of a recipient takes, as replies show it."""
    encoding = accepted.encodings[row]
    return accepted.lengths[row] * (_UNIT_BYTES.get(encoding, 1) if encoding else 1)
