"""Delivery receipts (DLRs): what a deliver_sm or data_sm says of a message that the SMSC took.

By TLVs (receipted_message_id, message_state, network_error_code) where they are, and by the text of appendix B of SMPP
3.4 otherwise: `id:… sub:… dlvrd:… submit date:… done date:… stat:… err:… text:…`, in any case, order and spacing.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from carillon.carriers.contract import Receipt, ReceiptState
from carillon.carriers.failures import Failure
from carillon.carriers.smpp.message_ids import MessageIds
from carillon.carriers.smpp.options import SmppOptions
from carillon.carriers.smpp.pdu import (
    INTERMEDIATE,
    MESSAGE_STATE,
    NETWORK_ERROR_CODE,
    RECEIPT,
    RECEIPTED_MESSAGE_ID,
    Message,
)

_State = tuple[ReceiptState, Failure | None]
_ACCEPTED: _State = (ReceiptState.ACCEPTED, None)
_DELIVERED: _State = (ReceiptState.DELIVERED, None)
_EXPIRED: _State = (ReceiptState.EXPIRED, Failure.EXPIRED)
_DELETED: _State = (ReceiptState.UNDELIVERED, Failure.DELETED)
_UNDELIVERED: _State = (ReceiptState.UNDELIVERED, Failure.NETWORK_ERROR)
_UNKNOWN: _State = (ReceiptState.UNKNOWN, None)
_REJECTED: _State = (ReceiptState.REJECTED, Failure.REJECTED_BY_NETWORK)

_BY_TLV = {
    1: _ACCEPTED,  # ENROUTE
    2: _DELIVERED,
    3: _EXPIRED,
    4: _DELETED,
    5: _UNDELIVERED,
    6: _ACCEPTED,
    7: _UNKNOWN,
    8: _REJECTED,
}
# By the first four letters: SMSCs write DELIVRD, DELIVERED, DELIVERD …
_BY_TEXT = {
    "enro": _ACCEPTED,
    "acce": _ACCEPTED,
    "buff": _ACCEPTED,
    "sche": _ACCEPTED,
    "deli": _DELIVERED,
    "expi": _EXPIRED,
    "dele": _DELETED,
    "unde": _UNDELIVERED,
    "fail": _UNDELIVERED,
    "unkn": _UNKNOWN,
    "reje": _REJECTED,
}

# The errors of MAP (3GPP TS 29.002), which most SMSCs of GSM networks repeat.
_MAP_ERRORS: Mapping[int, Failure] = {
    1: Failure.UNKNOWN_SUBSCRIBER,
    5: Failure.UNKNOWN_SUBSCRIBER,  # unidentified
    6: Failure.ABSENT_SUBSCRIBER,
    10: Failure.TELESERVICE_NOT_PROVISIONED,  # bearer service
    11: Failure.TELESERVICE_NOT_PROVISIONED,
    13: Failure.CALL_BARRED,
    27: Failure.ABSENT_SUBSCRIBER,
}
_GSM_NETWORK = 3
_NETWORK_ERROR_SIZE = 3
_LONGEST = 256

# What nearly all SMSCs write, in one step.
_USUAL = re.compile(
    r"id:(\S+) sub:\S* dlvrd:\S* submit date:\S* done date:(\d*) stat:(\w+) err:(\w*)"
    r"(?: [Tt]ext:|$)"
)
_KEY = re.compile(
    r"(?<![^\s,;|])(id|sub|dlvrd|submit[ _]*date|done[ _]*date|stat(?:us|e)?|err(?:or)?|text|msg)[ \t]*[:=]",
    re.IGNORECASE,
)
_FIELD_END = re.compile(r"[\s,;|]+$")
_DONE = re.compile(r"(?:20)?(\d{10}(?:\d{2})?)")


class ReceiptReader:
    """Reads receipts of one carrier."""

    def __init__(self, options: SmppOptions, ids: MessageIds) -> None:
        self._ids = ids
        self._errors = options.errors
        self._zone = options.receipt_zone
        self._network_tlv = options.network_tlv

    def read(self, message: Message) -> Receipt | None:
        """Read a receipt; None when it names no message. It raises nothing."""
        tlvs = message.tlvs
        named, done, stat, error = _read_text(message.text.replace(b"\0", b"").decode("latin-1"))
        if tlvs:
            named = tlvs.get(RECEIPTED_MESSAGE_ID, b"").split(b"\0", 1)[0].decode("latin-1") or named
        named = named[:_LONGEST]  # more digits than Python would make a number of
        if not named.strip():
            return None
        state, failure = self._state(message, stat)
        code = error[:_LONGEST]
        if failure is not None:
            failure = self._failure(state, _number(code), tlvs.get(NETWORK_ERROR_CODE, b"")) or failure
        return Receipt(
            reference=self._ids.of_receipt(named),
            state=state,
            failure=failure,
            at=_moment(done, self._zone) if done else None,
            address=message.source.lstrip("+") or None,
            sender=message.destination or None,
            network=self._network(tlvs) if tlvs else None,
            code=code or (_network_code(tlvs) if tlvs else None),
        )

    def _state(self, message: Message, text: str) -> _State:
        state = message.tlvs.get(MESSAGE_STATE) if message.tlvs else None
        if state:
            return _BY_TLV.get(state[0], _UNKNOWN)
        # A notification that names no state is no final one.
        return _BY_TEXT.get(text[:4].lower(), _ACCEPTED if message.esm_class & INTERMEDIATE else _UNKNOWN)

    def _failure(self, state: ReceiptState, code: int | None, network_error: bytes) -> Failure | None:
        """Say more exactly why: by the carrier's own table whatever the state, else of what was undelivered."""
        number = int.from_bytes(network_error[1:]) if len(network_error) == _NETWORK_ERROR_SIZE else None
        for one in (code, number):
            if one is not None and one in self._errors:
                return self._errors[one]
        if state is not ReceiptState.UNDELIVERED:
            return None
        if number is not None and network_error[0] == _GSM_NETWORK and number in _MAP_ERRORS:
            return _MAP_ERRORS[number]
        return None if code is None else _MAP_ERRORS.get(code)

    def _network(self, tlvs: Mapping[int, bytes]) -> str | None:
        if self._network_tlv is None:
            return None
        digits = tlvs.get(self._network_tlv, b"").rstrip(b"\0").decode("latin-1")
        return digits if digits.isascii() and digits.isdigit() and len(digits) in {5, 6} else None


def is_receipt(message: Message) -> bool:
    """Decide whether a message is a receipt and no reply: by its esm_class, or a TLV that only receipts have.

    The text alone doesn't make it one: a phone may write whatever it likes.
    """
    return bool(message.esm_class & (RECEIPT | INTERMEDIATE)) or RECEIPTED_MESSAGE_ID in message.tlvs


def _read_text(text: str) -> tuple[str, str, str, str]:
    """Return id, done date, state and error; empty where they are missing."""
    usual = _USUAL.match(text)
    if usual is not None:
        return usual[1], usual[2], usual[3], usual[4]
    fields: dict[str, str] = {}
    matches = list(_KEY.finditer(text))
    ends = [*(match.start() for match in matches[1:]), len(text)]
    for match, end in zip(matches, ends, strict=False):
        key = match[1].lower()[:4].strip()
        if key == "text" and "id" in fields and "stat" in fields:
            break  # what follows is the message's own text, whatever it looks like
        fields.setdefault("err" if key == "erro" else key, _FIELD_END.sub("", text[match.end() : end]).strip())
    return fields.get("id", ""), fields.get("done", ""), fields.get("stat", ""), fields.get("err", "")


def _number(error: str) -> int | None:
    return int(error) if error.isascii() and error.isdigit() else None


def _network_code(tlvs: Mapping[int, bytes]) -> str | None:
    found = tlvs.get(NETWORK_ERROR_CODE, b"")
    return f"{found[0]}:{int.from_bytes(found[1:])}" if len(found) == _NETWORK_ERROR_SIZE else None


@lru_cache(4096)
def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    """Read YYMMDDhhmm with or without seconds, or with the century; None for anything else."""
    digits = _DONE.fullmatch(text.replace(" ", ""))
    if digits is None:
        return None
    form = "%y%m%d%H%M%S" if len(digits[1]) == 12 else "%y%m%d%H%M"  # noqa: PLR2004 - with seconds
    try:
        return datetime.strptime(digits[1], form).replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
