"""Sends, and what becomes of them, from and to 360NRS's values. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from msgspec import UNSET

from carillon.carriers.failures import Failure
from carillon.dialects.nrs import errors, replies, schemas
from carillon.dialects.nrs.errors import Refusal, RefusedError
from carillon.dialects.nrs.mapping import show_moment
from carillon.dialects.reading import read_text
from carillon.errors import InvalidInputError
from carillon.events.endpoints import check_callback_url
from carillon.kit.networks import Network
from carillon.kit.traffic import TrafficClass
from carillon.messaging.campaigns import MAX_NAME_CHARACTERS
from carillon.messaging.prepare import read_numbers
from carillon.messaging.sendings import (
    DEFAULT_VALIDITY,
    MAX_SCHEDULE,
    MAX_TEXT_CHARACTERS,
    AcceptedSending,
    Recipients,
    Send,
)
from carillon.messaging.states import MessageState
from carillon.text.encodings import Encoding
from carillon.text.placeholders import PlaceholderStyle
from carillon.text.segments import measure_many
from carillon.text.typography import replace_typographic

DIALECT = "nrs"

_COMPACT = re.compile(r"[0-9]{14}")
_NUMERIC_SENDER = re.compile(r"\+?[0-9]{1,15}")
_MAX_SENDER_CHARACTERS = 11
_MAX_TAG_CHARACTERS = 100
_LINK = "shortUrl"

ENCODINGS: Mapping[str, tuple[Encoding, ...]] = {
    "": (Encoding.GSM, Encoding.UCS2),
    "gsm": (Encoding.GSM,),
    "gsm-pt": (Encoding.GSM_PT,),
    "unicode": (Encoding.UCS2,),
    "utf-16": (Encoding.UCS2,),
}

_NO_RECIPIENT = errors.NO_VALID_RECIPIENTS
# Every failure has its code; those of carriers come too late for the reply of a send.
FAILURES: Mapping[Failure, Refusal] = {
    **dict.fromkeys(Failure, _NO_RECIPIENT),
    Failure.SENDER_MISSING: errors.SENDER_MISSING,
    Failure.SENDER_INVALID: errors.SENDER_NOT_VERIFIED,
    Failure.SENDER_TYPE_UNKNOWN: errors.SENDER_NOT_VERIFIED,
    Failure.TEXT_INVALID: errors.TOO_MANY_PARTS,
    Failure.NO_CREDIT: errors.NO_CREDIT,
    Failure.ACCOUNT_NOT_ALLOWED: errors.UNKNOWN_USER,
    Failure.ACCOUNT_SUSPENDED: errors.UNKNOWN_USER,
}
_WHY: Mapping[Failure, str] = {
    Failure.DUPLICATE: "The recipient is in the request already",
    Failure.SUPPRESSED: "The recipient is on the blacklist",
    Failure.CONSENT_MISSING: "The recipient has not consented",
    Failure.REPEATED: "The same text was sent to the recipient a moment ago",
    Failure.FORBIDDEN_BY_RULE: "The recipient's country does not permit it",
    Failure.NO_ROUTE: "There is no route to the recipient",
    Failure.NO_PRICE: "There is no price for the recipient",
}

STATUSES: Mapping[MessageState, str] = {
    MessageState.WAITING: "pending",
    MessageState.UNCERTAIN: "pending",
    MessageState.SUBMITTED: "sent",
    MessageState.DELIVERED: "delivered",
    MessageState.UNDELIVERED: "undelivered",
    MessageState.UNKNOWN: "undelivered",
    MessageState.EXPIRED: "expired",
    MessageState.REJECTED: "rejected",
    MessageState.EXCLUDED: "rejected",
    MessageState.CANCELLED: "cancelled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SendFacts:
    """What a send is read with: the account's moment, and what its caller's credential and the settings say."""

    now: datetime
    country: str
    traffic_class: TrafficClass | None
    outbound_allow: Sequence[Network] = field(default=())


def read_moment(text: str) -> datetime | None:
    """Read YYYYMMDDHHmmss or ISO 8601, in UTC where it has no offset; a blank is None. Raises ValueError."""
    text = text.strip()
    if not text:
        return None
    if _COMPACT.fullmatch(text):
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    found = datetime.fromisoformat(text)
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(text) from error


def read_send(asked: schemas.SendSms, facts: SendFacts) -> Send:
    """Make the command of a request. Raises RefusedError with the lowest code of all that is wrong with it."""
    recipients = Recipients(addresses=[read_text(one, f"to.{place}") for place, one in enumerate(asked.to)])
    refusals = [refusal for refusal in _wrong(asked, facts) if refusal is not None]
    if refusals or not recipients.addresses:
        if not any(read_numbers(recipients, facts.country)):
            raise RefusedError(_NO_RECIPIENT)
        raise RefusedError(min(refusals, key=lambda one: one.code))
    tags = _tags(asked)
    if asked.certified:
        raise InvalidInputError("certified", "Certified messages are not offered.")
    scheduled_at, expires_at = read_moment(asked.schedule_date), read_moment(asked.expiration_date)
    due_at = max(facts.now, scheduled_at or facts.now)
    return Send(
        dialect=DIALECT,
        traffic_class=facts.traffic_class or TrafficClass.TRANSACTIONAL,
        sender=asked.sender.strip(),
        text=asked.message,
        encodings=_encodings(asked),
        replaces_typographic=_is_gsm(asked),
        max_parts=_max_parts(asked),
        recipients=recipients,
        scheduled_at=scheduled_at,
        validity=DEFAULT_VALIDITY if expires_at is None else expires_at - due_at,
        expires_at=expires_at,
        callback_url=asked.notification_url.strip() or None,
        campaign=(asked.campaign_name or "").strip(),
        tags=tags,
        options={"flash": True} if asked.flash else {},
        numbered=due_at > facts.now,
        only_if_any=True,
    )


def with_links_of_each(command: Send, targets: Mapping[str, str]) -> Send:
    """Let each recipient have links of its own in the places of short URLs, whose targets are given.

    They are as long, and whoever opens one is known: `clicked` names the message.
    """
    text, links = command.text, {}
    for place, (url, target) in enumerate(targets.items(), 1):
        key = f"{_LINK} {place}"
        text = re.sub(rf"{re.escape(url)}(?![0-9A-Za-z/])", f"[#{key}#]", text)
        links[key] = target
    return replace(command, text=text, placeholders=PlaceholderStyle.FIELDS, links=links) if links else command


def _wrong(asked: schemas.SendSms, facts: SendFacts) -> Iterator[Refusal | None]:
    """Look at all parts of a request; each that is wrong has its refusal."""
    yield from _wrong_text(asked)
    sender = asked.sender.strip()
    if not sender:
        yield errors.SENDER_MISSING
    elif len(sender) > _MAX_SENDER_CHARACTERS and not _NUMERIC_SENDER.fullmatch(sender):
        yield errors.SENDER_TOO_LONG
    yield from _wrong_moments(asked, facts.now)
    url = asked.notification_url.strip()
    if url:
        try:
            check_callback_url(url, https_only=False, allow=facts.outbound_allow)
        except InvalidInputError:
            yield errors.URL_INCORRECT
    if asked.campaign_name is not None:
        if not asked.campaign_name.strip():
            yield errors.EMPTY_CAMPAIGN_NAME
        elif len(asked.campaign_name.strip()) > MAX_NAME_CHARACTERS:
            raise InvalidInputError("campaignName", f"It has at most {MAX_NAME_CHARACTERS} characters.")


def _wrong_text(asked: schemas.SendSms) -> Iterator[Refusal | None]:
    if asked.parts is not None and not 1 <= asked.parts <= schemas.MAX_PARTS:
        yield errors.TOO_MANY_PARTS
    encodings = ENCODINGS.get(asked.encoding.strip().lower())
    if encodings is None:
        yield errors.INVALID_CODING
    if not asked.message.strip():
        yield errors.TEXT_MISSING
    elif len(asked.message) > MAX_TEXT_CHARACTERS:
        yield errors.TEXT_TOO_LONG
    elif encodings is not None:
        text = replace_typographic(asked.message) if _is_gsm(asked) else asked.message
        (encoding,), (parts,) = measure_many([text], encodings)
        if encoding is None:
            yield errors.INVALID_CODING
        elif parts > schemas.MAX_PARTS:
            yield errors.TEXT_TOO_LONG
        elif parts > _max_parts(asked):
            yield errors.TOO_MANY_PARTS


def _wrong_moments(asked: schemas.SendSms, now: datetime) -> Iterator[Refusal | None]:
    due_at = now
    try:
        due_at = max(now, read_moment(asked.schedule_date) or now)
    except ValueError:
        yield errors.INVALID_SCHEDULE
    if due_at > now + MAX_SCHEDULE:
        yield errors.INVALID_SCHEDULE
    try:
        expires_at = read_moment(asked.expiration_date)
    except ValueError:
        yield errors.INVALID_EXPIRATION
        return
    if expires_at is not None and expires_at - due_at < timedelta(seconds=1):
        yield errors.INVALID_EXPIRATION


def _encodings(asked: schemas.SendSms) -> tuple[Encoding, ...]:
    return ENCODINGS[asked.encoding.strip().lower()]


def _is_gsm(asked: schemas.SendSms) -> bool:
    return asked.encoding.strip().lower() in {"gsm", "gsm-pt"}


def _max_parts(asked: schemas.SendSms) -> int:
    return schemas.MAX_PARTS if asked.parts is None else asked.parts


def _tags(asked: schemas.SendSms) -> list[str]:
    found = [read_text(one, f"tags.{place}").strip() for place, one in enumerate(asked.tags)]
    for place, one in enumerate(found):
        if len(one) > _MAX_TAG_CHARACTERS:
            raise InvalidInputError(f"tags.{place}", f"A tag has at most {_MAX_TAG_CHARACTERS} characters.")
    return [one for one in dict.fromkeys(found) if one]


def refusal_of_all(failures: Sequence[Failure | None]) -> Refusal | None:
    """Return the lowest refusal where every recipient has one, None where somebody is written to."""
    if any(one is None for one in failures):
        return None
    return min((FAILURES[one] for one in failures if one is not None), key=lambda one: one.code)


def show_results(asked: schemas.SendSms, command: Send, accepted: AcceptedSending) -> list[replies.SentTo]:
    """Show what becomes of each recipient, in the order of the request."""
    scheduled_at = show_moment(accepted.due_at) if command.numbered else UNSET
    expires_at = show_moment(accepted.expires_at) if asked.expiration_date.strip() else UNSET
    return [
        replies.SentTo(
            accepted=True, to=given, id=str(message_id), parts=parts, scheduled_at=scheduled_at, expires_at=expires_at
        )
        if failure is None
        else replies.SentTo(accepted=False, to=given, error=_error(failure))
        for given, message_id, failure, parts in zip(
            command.recipients.addresses,
            accepted.message_ids,
            accepted.failures,
            accepted.parts,
            strict=True,
        )
    ]


def _error(failure: Failure) -> replies.ErrorOf:
    refusal = FAILURES[failure]
    return replies.ErrorOf(code=refusal.code, description=_WHY.get(failure, refusal.description))
