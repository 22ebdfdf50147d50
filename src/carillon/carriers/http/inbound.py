"""From a request of an HTTP provider to receipts and replies, by the template in its carrier's options."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from carillon.carriers.contract import Receipt, ReceiptState, Reply
from carillon.carriers.failures import Failure
from carillon.carriers.http.answers import read_failure
from carillon.carriers.http.reading import Document, Place, read_optional_place
from carillon.carriers.http.tokens import CallbackToken
from carillon.carriers.options import invalid_option
from carillon.errors import InvalidInputError
from carillon.kit.ids import AccountId

_STATE, _CODE = "receipt.state.", "receipt.code."
_MOST_FIELDS, _MOST_ITEMS = 1_000, 1_000
_LONGEST = 256
_NETWORK = re.compile(r"[0-9]{5,6}")
_NOT_DIGITS = re.compile(r"[^0-9]")
_FORM = "application/x-www-form-urlencoded"
_MILLISECONDS_FROM = 100_000_000_000  # as seconds, the year 5138

# What providers commonly write, in small letters.
_STATES: Mapping[str, ReceiptState] = {
    "accepted": ReceiptState.ACCEPTED,
    "acceptd": ReceiptState.ACCEPTED,
    "buffered": ReceiptState.ACCEPTED,
    "enroute": ReceiptState.ACCEPTED,
    "queued": ReceiptState.ACCEPTED,
    "sent": ReceiptState.ACCEPTED,
    "submitted": ReceiptState.ACCEPTED,
    "delivered": ReceiptState.DELIVERED,
    "delivrd": ReceiptState.DELIVERED,
    "failed": ReceiptState.UNDELIVERED,
    "undeliverable": ReceiptState.UNDELIVERED,
    "undelivered": ReceiptState.UNDELIVERED,
    "undeliv": ReceiptState.UNDELIVERED,
    "deleted": ReceiptState.UNDELIVERED,
    "expired": ReceiptState.EXPIRED,
    "read": ReceiptState.SEEN,
    "seen": ReceiptState.SEEN,
    "rejected": ReceiptState.REJECTED,
    "rejectd": ReceiptState.REJECTED,
    "unknown": ReceiptState.UNKNOWN,
}
_FAILURES: Mapping[ReceiptState, Failure] = {
    ReceiptState.UNDELIVERED: Failure.NETWORK_ERROR,
    ReceiptState.EXPIRED: Failure.EXPIRED,
    ReceiptState.REJECTED: Failure.REJECTED_BY_NETWORK,
}

OPTIONS: Mapping[str, str] = {
    "receipt.items": "Where the list of receipts stands, for a provider that sends several in one request.",
    "receipt.reference": "Where the reference of the submit's answer stands; needed in the carrier's own URL.",
    "receipt.state": "Where the state stands. Without it there are no receipts.",
    _STATE: "What a state of the provider means: accepted, delivered, seen, undelivered, expired, rejected or "
    "unknown. "
    "The usual names are known; any other is taken for accepted.",
    "receipt.code": "Where the provider's code for a failure stands.",
    _CODE: "Which failure a code of the provider is.",
    "receipt.at": "Where the time stands, in ISO 8601, or in seconds or milliseconds since 1970.",
    "receipt.to": "Where the number of the phone stands.",
    "receipt.from": "Where the sender stands.",
    "receipt.network": "Where the MCC and MNC stand, in one text.",
    "reply.items": "Where the list of replies stands.",
    "reply.from": "Where the number of the phone stands. Without it there are no replies.",
    "reply.to": "Where our number stands.",
    "reply.text": "Where the text stands.",
    "reply.media_url": "Where the URL of a picture, video or file stands that was sent instead of a text.",
    "reply.media_name": "Where its name stands.",
    "reply.at": "Where the time stands.",
    "inbound.answer": "What the provider is answered when all is stored; OK unless given.",
}
"""The options that say how a provider's requests are read, each with what it is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptTemplate:
    """Where the parts of a receipt stand."""

    state: Place
    items: Place | None
    reference: Place | None
    code: Place | None
    at: Place | None
    to: Place | None
    sender: Place | None
    network: Place | None
    states: Mapping[str, ReceiptState]
    failures: Mapping[str, Failure]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyTemplate:
    """Where the parts of a reply stand."""

    address: Place
    items: Place | None
    to: Place | None
    text: Place | None
    media_url: Place | None
    media_name: Place | None
    at: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundTemplate:
    """How a provider's requests are read, and what it is answered."""

    receipt: ReceiptTemplate | None
    reply: ReplyTemplate | None
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundRequest:
    """A provider's request: its query, still encoded, its body and what the body is. Headers have lower-case names."""

    query: str = field(default="", repr=False)
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def read_inbound_template(options: Mapping[str, str]) -> InboundTemplate:
    """Read the options of receipts and replies. Raises InvalidInputError."""
    return InboundTemplate(
        receipt=_receipt_template(options), reply=_reply_template(options), answer=options.get("inbound.answer", "OK")
    )


def read_inbound(request: InboundRequest, template: InboundTemplate, token: CallbackToken) -> list[Receipt | Reply]:
    """Read a request that came to the URL of a token; replies first, where it could be either.

    A receipt that came to a message's own URL needs no reference. Raises InvalidInputError where there is neither.
    """
    document = _document(request)
    received: list[Receipt | Reply] = []
    if template.reply is not None and token.message_id is None:
        received += _replies(document, template.reply, token)
    if template.receipt is not None and not received:
        received += _receipts(document, template.receipt, token)
    if not received:
        raise InvalidInputError("body", "Neither a receipt nor a reply was found where the carrier's options say.")
    return received


def _receipt_template(options: Mapping[str, str]) -> ReceiptTemplate | None:
    state = read_optional_place(options, "receipt.state")
    if state is None:
        _require_none(options, "receipt.", "receipt.state")
        return None
    own_states = {
        name.removeprefix(_STATE).lower(): _state(name, text)
        for name, text in options.items()
        if name.startswith(_STATE)
    }
    return ReceiptTemplate(
        state=state,
        items=read_optional_place(options, "receipt.items"),
        reference=read_optional_place(options, "receipt.reference"),
        code=read_optional_place(options, "receipt.code"),
        at=read_optional_place(options, "receipt.at"),
        to=read_optional_place(options, "receipt.to"),
        sender=read_optional_place(options, "receipt.from"),
        network=read_optional_place(options, "receipt.network"),
        states={**_STATES, **own_states},
        failures={
            name.removeprefix(_CODE): read_failure(name, text)
            for name, text in options.items()
            if name.startswith(_CODE)
        },
    )


def _reply_template(options: Mapping[str, str]) -> ReplyTemplate | None:
    address = read_optional_place(options, "reply.from")
    if address is None:
        _require_none(options, "reply.", "reply.from")
        return None
    return ReplyTemplate(
        address=address,
        items=read_optional_place(options, "reply.items"),
        to=read_optional_place(options, "reply.to"),
        text=read_optional_place(options, "reply.text"),
        media_url=read_optional_place(options, "reply.media_url"),
        media_name=read_optional_place(options, "reply.media_name"),
        at=read_optional_place(options, "reply.at"),
    )


def _require_none(options: Mapping[str, str], family: str, missing: str) -> None:
    for name in options:
        if name.startswith(family):
            raise invalid_option(name, f"needs the option {missing}")


def _state(option: str, text: str) -> ReceiptState:
    try:
        return ReceiptState(text)
    except ValueError:
        raise invalid_option(option, f"is one of {', '.join(ReceiptState)}") from None


def _document(request: InboundRequest) -> Document:
    """Collect the fields of query and form; of one that is there twice, the last counts."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    form = request.body.decode("utf-8", "replace") if media_type == _FORM else ""
    try:
        pairs = [
            pair
            for text in (request.query, form)
            for pair in parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        ]
    except ValueError:
        raise InvalidInputError("body", f"There are more than {_MOST_FIELDS} fields.") from None
    return Document(body=request.body, headers=request.headers, params=dict(pairs))


def _items(document: Document, place: Place | None) -> Sequence[Document]:
    found = [document] if place is None else place.find_items(document)
    if len(found) > _MOST_ITEMS:
        raise InvalidInputError("body", f"There are more than {_MOST_ITEMS} receipts or replies.")
    return found


def _find(place: Place | None, document: Document) -> str | None:
    return None if place is None else place.find(document)


def _receipts(document: Document, template: ReceiptTemplate, token: CallbackToken) -> list[Receipt | Reply]:
    return [
        receipt for item in _items(document, template.items) if (receipt := _receipt(item, template, token)) is not None
    ]


def _receipt(document: Document, template: ReceiptTemplate, token: CallbackToken) -> Receipt | None:
    written, reference = template.state.find(document), _find(template.reference, document)
    if not written or not (reference or token.message_id):
        return None
    code = _find(template.code, document)
    state = template.states.get(written.strip().lower(), ReceiptState.ACCEPTED)
    network = _find(template.network, document)
    return Receipt(
        reference=(reference or str(token.message_id))[:_LONGEST],
        state=state,
        failure=template.failures.get(code or "", _FAILURES.get(state)) if state in _FAILURES else None,
        at=_moment(_find(template.at, document)),
        address=_digits(_find(template.to, document)),
        sender=_find(template.sender, document),
        account_id=_account(token),
        message_id=token.message_id,
        network=network if network and _NETWORK.fullmatch(network) else None,
        code=(code or written)[:_LONGEST],
    )


def _replies(document: Document, template: ReplyTemplate, token: CallbackToken) -> list[Reply]:
    found: list[Reply] = []
    for item in _items(document, template.items):
        address, text = _digits(template.address.find(item)), _find(template.text, item)
        media_url, media_name = _find(template.media_url, item), _find(template.media_name, item)
        if address and (text is not None or media_url):
            found.append(
                Reply(
                    address=address,
                    to=_find(template.to, item) or "",
                    text=text or "",
                    media_url=media_url or None,
                    media_name=(media_name or "")[:_LONGEST] or None,
                    at=_moment(_find(template.at, item)),
                    account_id=_account(token),
                )
            )
    return found


def _account(token: CallbackToken) -> AccountId | None:
    return AccountId(token.account_id) if token.account_id else None


def _digits(text: str | None) -> str | None:
    """Write a number as E.164 digits: without a plus, 00 before it, spaces or hyphens."""
    if text is None:
        return None
    digits = _NOT_DIGITS.sub("", text)
    return (digits.removeprefix("00") if text.strip().startswith("00") else digits)[:_LONGEST] or None


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        if text.isascii() and text.isdecimal():
            number = int(text[:15])
            return datetime.fromtimestamp(number / 1000 if number >= _MILLISECONDS_FROM else number, UTC)
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None
