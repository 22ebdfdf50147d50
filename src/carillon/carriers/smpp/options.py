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
from carillon.carriers.options import invalid_option, require_known
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
    system_id = unquote(parts.username)
    if not _is_field(system_id, 15):
        raise InvalidInputError("url", "The system_id is at most 15 ASCII characters.")
    if not _is_field(secret, 64):
        raise InvalidInputError("secret", "A password of SMPP is at most 64 ASCII characters, usually 8.")
    return Endpoint(
        host=parts.hostname,
        port=port or (DEFAULT_TLS_PORT if tls else DEFAULT_PORT),
        tls=tls,
        system_id=system_id,
        password=secret,
    )


def parse_options(given: Mapping[str, str]) -> SmppOptions:
    """Read options from their texts. Raises InvalidInputError, which names the option."""
    require_known(given, _READERS)
    return SmppOptions(**{name: _READERS[name](name, text.strip()) for name, text in given.items()})


Reader = Callable[[str, str], Any]


def _is_field(text: str, most: int) -> bool:
    try:
        return len(c_string(text)) <= most + 1
    except ValueError:
        return False


def _text(most: int) -> Reader:
    def read(name: str, text: str) -> str:
        if not _is_field(text, most):
            raise invalid_option(name, f"is at most {most} ASCII characters")
        return text

    return read


def _integer(least: int, most: int) -> Reader:
    def read(name: str, text: str) -> int:
        try:
            value = int(text, 0)
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise invalid_option(name, f"is a number from {least} to {most}")
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
            raise invalid_option(name, f"is {word}, or a number from {least} to {most}") from None

    return read


def _seconds(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value <= 3600:  # noqa: PLR2004 - an hour
        raise invalid_option(name, "is a number of seconds, up to 3600")
    return value


def _one_of(choices: type[StrEnum]) -> Reader:
    def read(name: str, text: str) -> StrEnum:
        try:
            return choices(text.lower())
        except ValueError:
            raise invalid_option(name, f"is one of {', '.join(choices)}") from None

    return read


def _yes_or_no(name: str, text: str) -> bool:
    if text not in {"yes", "no"}:
        raise invalid_option(name, "is yes or no")
    return text == "yes"


def _zone(name: str, text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (KeyError, OSError, ValueError):
        raise invalid_option(name, "is a zone of the IANA, such as Europe/Madrid") from None


def _file(name: str, text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise invalid_option(name, "is the path of a file, and there is none")
    return path


_FAILURES = frozenset(map(str, Failure))
_PAIR = re.compile(r"(?P<code>0x[0-9a-fA-F]+|\d+):(?P<failure>[a-z_]+)")


def _failures(name: str, text: str) -> dict[int, Failure]:
    """Read `CODE:FAILURE,…`; codes may have leading zeros, and are hexadecimal after 0x."""
    table: dict[int, Failure] = {}
    for pair in filter(None, (one.strip() for one in text.split(","))):
        found = _PAIR.fullmatch(pair)
        if found is None or found["failure"] not in _FAILURES:
            raise invalid_option(name, f"is CODE:FAILURE,…, with these failures: {', '.join(Failure)}")
        code = found["code"]
        table[int(code, 16 if code.startswith("0x") else 10)] = Failure(found["failure"])
    return table


_octet = _integer(0, 0xFF)
_OPTIONS: Mapping[str, tuple[Reader, str]] = {
    "binds": (_integer(1, 64), "How many binds are kept (1)."),
    "window": (_integer(1, 10_000), "How many parts may be unanswered in each bind (50)."),
    "bind_mode": (_one_of(BindMode), "`transceiver` (the default), or `pair`: a transmitter and a receiver."),
    "system_type": (_text(12), "The system_type of the bind."),
    "service_type": (_text(5), "The service_type of messages."),
    "address_range": (_text(40), "The address_range of the bind."),
    "source_ton": (_integer_or("auto", 0, 0xFF), "Type of number of senders; `auto` (the default): by the form."),
    "source_npi": (_integer_or("auto", 0, 0xFF), "Numbering plan of senders; `auto` (the default): by the form."),
    "destination_ton": (_octet, "Type of number of recipients (1)."),
    "destination_npi": (_octet, "Numbering plan of recipients (1)."),
    "long_messages": (_one_of(LongMessages), "How a long text goes out: `udh` (the default), `sar` or `payload`."),
    "gsm_data_coding": (_octet, "data_coding of the GSM alphabet (0)."),
    "ucs2_data_coding": (_octet, "data_coding of UCS-2 (8)."),
    "binary_data_coding": (_octet, "data_coding of octets (4)."),
    "flash_gsm_data_coding": (_octet, "data_coding of the GSM alphabet in flash messages (0x10)."),
    "flash_ucs2_data_coding": (_octet, "data_coding of UCS-2 in flash messages (0x18)."),
    "flash_binary_data_coding": (_octet, "data_coding of octets in flash messages (0xF4)."),
    "default_alphabet": (_one_of(Alphabet), "What data_coding 0 of replies means: `gsm` (the default) or `latin1`."),
    "validity": (_yes_or_no, "Whether validity_period is sent: `yes` (the default) or `no`."),
    "registered_delivery": (_octet, "Which receipts are asked for: 1 all (the default), 2 those of failures, 0 none."),
    "receipt_ids": (
        _one_of(ReceiptIds),
        "How ids in receipts differ from answers: `auto` (the default), `as_is`, `hex` or `decimal`.",
    ),
    "receipt_zone": (_zone, "The time zone of receipts, as Europe/Athens (UTC)."),
    "network_tlv": (_integer(1, 0xFFFF), "The tag of the optional parameter of receipts that has MCC and MNC."),
    "errors": (_failures, "What the carrier's codes in receipts mean: CODE:FAILURE,…."),
    "statuses": (_failures, "What the carrier's own command_status means: CODE:FAILURE,…."),
    "ca_file": (_file, "The authorities that the server's certificate is checked by (the system's)."),
    "connect_seconds": (_seconds, "How long a connection may take (10)."),
    "answer_seconds": (_seconds, "How long an answer may take (30)."),
    "enquire_seconds": (_seconds, "After how many quiet seconds the peer is asked whether it is there (30)."),
}
_READERS = {name: reader for name, (reader, _) in _OPTIONS.items()}

OPTIONS: Mapping[str, str] = {name: what for name, (_, what) in _OPTIONS.items()}
"""What each option says, by name."""


def check_smpp(url: str, options: Mapping[str, str]) -> bool:
    """Require a URL and options that can be used; a password is needed. Raises InvalidInputError."""
    parse_url(url, "")
    parse_options(options)
    return True
