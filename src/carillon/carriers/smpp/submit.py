"""From a message to the submit_sm of its parts, and what becomes of them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from random import Random
from typing import NamedTuple

from carillon.carriers.contract import Failed, OutgoingMessage
from carillon.carriers.failures import Failure
from carillon.carriers.smpp.options import LongMessages, SmppOptions
from carillon.carriers.smpp.pdu import (
    MESSAGE_PAYLOAD,
    SAR_REFERENCE,
    SAR_SEQUENCE,
    SAR_TOTAL,
    UDH_INDICATOR,
    submit_body,
    submit_prefix,
    tlv,
)
from carillon.text.encodings import CODINGS, Encoding
from carillon.text.segments import Part, split_parts

ALPHANUMERIC = (5, 0)
SHORT_CODE = (3, 0)
INTERNATIONAL = (1, 1)
UNKNOWN = (0, 0)
# Numbers of networks' own services; the shortest international ones have 7 digits.
_SHORT_CODE_DIGITS = 6
# 20 characters and a NUL on the wire, of which the air carries 11 letters.
_MOST_ADDRESS = 20
_MOST_SENDERS = 10_000


class UnsendableError(ValueError):
    """The message can't be written as a submit_sm."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failed = Failed(failure=failure)


class _Segment(NamedTuple):
    esm_class: int
    short_message: bytes
    tlvs: bytes = b""


class SubmitEncoder:
    """Makes the bodies of submit_sm for one carrier.

    A receipt is asked for the last part only: a message has one reference, the one of its last part's answer (ADR 38).
    """

    def __init__(self, options: SmppOptions, random: Random) -> None:
        self._options = options
        self._destination = (options.destination_ton, options.destination_npi)
        self._prefixes: dict[str, bytes] = {}
        # Phones put parts together by sender and this number: processes must not start with the same one.
        self._reference = random.randrange(0x100)
        self._codings: Mapping[tuple[Encoding, bool], int] = {
            (Encoding.GSM, False): options.gsm_data_coding,
            (Encoding.GSM_PT, False): options.gsm_data_coding,
            (Encoding.UCS2, False): options.ucs2_data_coding,
            (Encoding.BINARY, False): options.binary_data_coding,
            (Encoding.GSM, True): options.flash_gsm_data_coding,
            (Encoding.GSM_PT, True): options.flash_gsm_data_coding,
            (Encoding.UCS2, True): options.flash_ucs2_data_coding,
            (Encoding.BINARY, True): options.flash_binary_data_coding,
        }

    def bodies(self, message: OutgoingMessage) -> list[bytes]:
        """Make the bodies of a message's parts, in order. Raises UnsendableError."""
        prefix = self._prefixes.get(message.sender) or self._prefix(message.sender)
        address = message.address.removeprefix("+").encode("ascii", "replace")
        if not address.isdigit() or len(address) > _MOST_ADDRESS:
            raise UnsendableError(Failure.ADDRESS_INVALID)
        validity = relative_time(message.validity) if self._options.validity else b""
        data_coding = self._codings[message.encoding, message.flash]
        asked = self._options.registered_delivery
        # Most texts are one part without a header, which takes a third of the time this way.
        coding = CODINGS[message.encoding][0]
        units = coding.units(message.text)
        if units is not None and units <= coding.one:
            octets = coding.encode(message.text)
            return [submit_body(prefix, address, 0, validity, asked, data_coding, octets)]
        segments = self._segments(message)
        last = len(segments) - 1
        return [
            submit_body(
                prefix,
                address,
                one.esm_class,
                validity,
                asked if number == last else 0,
                data_coding,
                one.short_message,
                one.tlvs,
            )
            for number, one in enumerate(segments)
        ]

    def _prefix(self, sender: str) -> bytes:
        options = self._options
        ton, npi = source_type(sender)
        ton = ton if options.source_ton is None else options.source_ton
        npi = npi if options.source_npi is None else options.source_npi
        source = sender if ton == ALPHANUMERIC[0] else sender.removeprefix("+")
        if len(source) > _MOST_ADDRESS:
            raise UnsendableError(Failure.SENDER_INVALID)
        try:
            prefix = submit_prefix(options.service_type, ton, npi, source, *self._destination)
        except ValueError:
            raise UnsendableError(Failure.SENDER_INVALID) from None
        if len(self._prefixes) >= _MOST_SENDERS:
            self._prefixes.clear()
        self._prefixes[sender] = prefix
        return prefix

    def _segments(self, message: OutgoingMessage) -> list[_Segment]:
        reference = self._reference
        try:
            parts = split_parts(message.text, message.encoding, reference)
        except ValueError:
            raise UnsendableError(Failure.TEXT_INVALID) from None
        if len(parts) == 1:
            only = parts[0]
            return [_Segment(UDH_INDICATOR if only.udh else 0, only.udh + only.payload)]
        self._reference = (reference + 1) & 0xFF
        # Portuguese tables are chosen in the header, which neither of the other ways has.
        how = LongMessages.UDH if message.encoding is Encoding.GSM_PT else self._options.long_messages
        if how is LongMessages.PAYLOAD:
            return [_Segment(0, b"", tlv(MESSAGE_PAYLOAD, b"".join([one.payload for one in parts])))]
        return list(_by_sar(parts, reference) if how is LongMessages.SAR else _by_header(parts))


def _by_header(parts: Sequence[Part]) -> Iterator[_Segment]:
    return (_Segment(UDH_INDICATOR, one.udh + one.payload) for one in parts)


def _by_sar(parts: Sequence[Part], reference: int) -> Iterator[_Segment]:
    common = tlv(SAR_REFERENCE, reference.to_bytes(2)) + tlv(SAR_TOTAL, bytes((len(parts),)))
    return (
        _Segment(0, one.payload, common + tlv(SAR_SEQUENCE, bytes((number,)))) for number, one in enumerate(parts, 1)
    )


def source_type(sender: str) -> tuple[int, int]:
    """Return type of number and numbering plan by the sender's form; without a sender the SMSC puts its own."""
    if not sender:
        return UNKNOWN
    digits = sender.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return ALPHANUMERIC
    return SHORT_CODE if len(digits) <= _SHORT_CODE_DIGITS and digits == sender else INTERNATIONAL


@lru_cache(4096)
def relative_time(validity: timedelta) -> bytes:
    """Write a duration as SMPP's relative time, YYMMDDhhmmss000R: at least a second, months of 30 days."""
    seconds = max(1, int(validity.total_seconds()))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    months, days = divmod(days, 30)
    years, months = divmod(months, 12)
    if years > 99:  # noqa: PLR2004 - two digits
        return b"990000000000000R"
    return b"%02d%02d%02d%02d%02d%02d000R" % (years, months, days, hours, minutes, seconds)
