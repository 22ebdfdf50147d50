"""What an SMPP carrier is set to: its URL, and options that are texts."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from carillon.carriers.failures import Failure
from carillon.carriers.smpp.pdu import c_string
from carillon.errors import InvalidInputError

DEFAULT_PORT = 2775
DEFAULT_TLS_PORT = 3550


class BindMode(StrEnum):
    """How submits and receipts are carried."""

    TRANSCEIVER = "transceiver"
    PAIR = "pair"  # a transmitter and a receiver, each on a connection of its own


class LongMessages(StrEnum):
    """How parts of a text are told to belong together."""

    UDH = "udh"
    SAR = "sar"  # the TLVs sar_msg_ref_num, sar_total_segments and sar_segment_seqnum
    PAYLOAD = "payload"  # the SMSC splits the text: all of it is in the TLV message_payload


class ReceiptIds(StrEnum):
    """How the id in a receipt differs from the one that the submit was answered with."""

    AS_IS = "as_is"  # not at all
    HEX = "hex"  # hexadecimal in receipts, decimal in answers
    DECIMAL = "decimal"  # decimal in receipts, hexadecimal in answers
    AUTO = "auto"  # in letters' case and leading zeros at most; in radix where the receipts show it


class Alphabet(StrEnum):
    """What data coding 0 means in replies."""

    GSM = "gsm"
    LATIN1 = "latin1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmppOptions:
    """What `--option K=V` sets, with its unit in the name or here; the text of each is read by `_READERS`.

    `window` counts unanswered parts of one bind. `source_ton` and `source_npi` None: by the sender's form. `errors` and
    `statuses` say what the carrier's own codes mean: of receipts (`err:` or network_error_code), and of answers.
    """

    binds: int = 1
    window: int = 50
    bind_mode: BindMode = BindMode.TRANSCEIVER
    system_type: str = ""
    service_type: str = ""
    address_range: str = ""
    source_ton: int | None = None
    source_npi: int | None = None
    destination_ton: int = 1
    destination_npi: int = 1
    long_messages: LongMessages = LongMessages.UDH
    gsm_data_coding: int = 0x00
    ucs2_data_coding: int = 0x08
    binary_data_coding: int = 0x04
    flash_gsm_data_coding: int = 0x10
    flash_ucs2_data_coding: int = 0x18
    flash_binary_data_coding: int = 0xF4
    default_alphabet: Alphabet = Alphabet.GSM
    validity: bool = True  # whether validity_period is sent, in its relative form
    registered_delivery: int = 1
    receipt_ids: ReceiptIds = ReceiptIds.AUTO
    receipt_zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    network_tlv: int | None = None  # the vendor's TLV that has MCC and MNC as digits
    errors: Mapping[int, Failure] = field(default_factory=dict)
    statuses: Mapping[int, Failure] = field(default_factory=dict)
    ca_file: Path | None = None
    connect_seconds: float = 10.0
    answer_seconds: float = 30.0
    enquire_seconds: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where to connect, and who we are there."""

    host: str
    port: int
    tls: bool
    system_id: str
    password: str = field(repr=False)


def parse_url(url: str, secret: str) -> Endpoint:
    """Read `smpp[s]://system_id@host:port`. Raises InvalidInputError for `url` or `secret`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidInputError("url", "The URL can't be read: smpp[s]://system_id@host:port.") from None
    if parts.scheme not in {"smpp", "smpps"} or not parts.hostname or not parts.username:
        raise InvalidInputError("url", "The URL of an SMPP carrier is smpp[s]://system_id@host:port.")
    if parts.password is not None:
        raise InvalidInputError("url", "The password isn't part of the URL: give it as the carrier's secret.")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise InvalidInputError("url", "The URL ends with the port; everything else is an option.")
    tls = parts.scheme == "smpps"
    return Endpoint(
        host=parts.hostname,
        port=port or (DEFAULT_TLS_PORT if tls else DEFAULT_PORT),
        tls=tls,
        system_id=_field("url", unquote(parts.username), 15),
        password=_field("secret", secret, 64),
    )


def parse_options(given: Mapping[str, str]) -> SmppOptions:
    """Read options from their texts. Raises InvalidInputError, whose field is the option's name."""
    unknown = next((name for name in given if name not in _READERS), None)
    if unknown is not None:
        raise InvalidInputError(unknown, f"There is no option {unknown}: there are {', '.join(sorted(_READERS))}.")
    return SmppOptions(**{name: _READERS[name](name, text.strip()) for name, text in given.items()})


Reader = Callable[[str, str], Any]


def _field(name: str, text: str, most: int) -> str:
    try:
        octets = c_string(text)
    except ValueError:
        raise InvalidInputError(name, f"{name} has characters other than ASCII.") from None
    if len(octets) > most + 1:
        raise InvalidInputError(name, f"{name} has at most {most} characters.")
    return text


def _text(most: int) -> Reader:
    return lambda name, text: _field(name, text, most)


def _integer(least: int, most: int) -> Reader:
    def read(name: str, text: str) -> int:
        try:
            value = int(text, 0)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise InvalidInputError(name, f"{name} is a number from {least} to {most}.")
        return value

    return read


def _integer_or(word: str, least: int, most: int) -> Reader:
    number = _integer(least, most)

    def read(name: str, text: str) -> int | None:
        if text == word:
            return None
        try:
            return int(number(name, text))
        except InvalidInputError:
            raise InvalidInputError(name, f"{name} is {word}, or a number from {least} to {most}.") from None

    return read


def _seconds(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 3600:  # noqa: PLR2004 - an hour
        raise InvalidInputError(name, f"{name} is a number of seconds, up to 3600.")
    return value


def _one_of(choices: type[StrEnum]) -> Reader:
    def read(name: str, text: str) -> StrEnum:
        try:
            return choices(text.lower())
        except ValueError:
            raise InvalidInputError(name, f"{name} is one of {', '.join(choices)}.") from None

    return read


def _yes_or_no(name: str, text: str) -> bool:
    if text not in {"yes", "no"}:
        raise InvalidInputError(name, f"{name} is yes or no.")
    return text == "yes"


def _zone(name: str, text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (OSError, ValueError):
        raise InvalidInputError(name, f"{name} is a zone of the IANA, such as Europe/Madrid.") from None


def _file(name: str, text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise InvalidInputError(name, f"{name}: there is no such file.")
    return path


_FAILURES = frozenset(map(str, Failure))
_PAIR = re.compile(r"(?P<code>0x[0-9a-fA-F]+|\d+):(?P<failure>[a-z_]+)")


def _failures(name: str, text: str) -> dict[int, Failure]:
    """Read `CODE:FAILURE,…`; codes may have leading zeros, and are hexadecimal after 0x."""
    table: dict[int, Failure] = {}
    for pair in filter(None, (one.strip() for one in text.split(","))):
        found = _PAIR.fullmatch(pair)
        if found is None or found["failure"] not in _FAILURES:
            raise InvalidInputError(name, f"{name} is CODE:FAILURE,…; {pair} isn't. Failures: {', '.join(Failure)}.")
        code = found["code"]
        table[int(code, 16 if code.startswith("0x") else 10)] = Failure(found["failure"])
    return table


_octet = _integer(0, 0xFF)
_READERS: Mapping[str, Reader] = {
    "binds": _integer(1, 64),
    "window": _integer(1, 10_000),
    "bind_mode": _one_of(BindMode),
    "system_type": _text(12),
    "service_type": _text(5),
    "address_range": _text(40),
    "source_ton": _integer_or("auto", 0, 0xFF),
    "source_npi": _integer_or("auto", 0, 0xFF),
    "destination_ton": _octet,
    "destination_npi": _octet,
    "long_messages": _one_of(LongMessages),
    "gsm_data_coding": _octet,
    "ucs2_data_coding": _octet,
    "binary_data_coding": _octet,
    "flash_gsm_data_coding": _octet,
    "flash_ucs2_data_coding": _octet,
    "flash_binary_data_coding": _octet,
    "default_alphabet": _one_of(Alphabet),
    "validity": _yes_or_no,
    "registered_delivery": _octet,
    "receipt_ids": _one_of(ReceiptIds),
    "receipt_zone": _zone,
    "network_tlv": _integer(1, 0xFFFF),
    "errors": _failures,
    "statuses": _failures,
    "ca_file": _file,
    "connect_seconds": _seconds,
    "answer_seconds": _seconds,
    "enquire_seconds": _seconds,
}
