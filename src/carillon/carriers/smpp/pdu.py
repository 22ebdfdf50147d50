"""The octets of SMPP 3.4: protocol data units to and from values, for both ends of a connection.

Decoders take the whole buffer with the bounds of the PDU's body, so that nothing is copied to be read. They raise
MalformedPduError and nothing else, and are tolerant where peers are known to be wrong: fields longer than the
specification's are taken up to `MOST_FIELD` octets, unknown and cut off optional parameters (TLVs) are ignored.
"""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

RESPONSE = 0x8000_0000
GENERIC_NACK = 0x8000_0000
BIND_RECEIVER = 0x0000_0001
BIND_TRANSMITTER = 0x0000_0002
SUBMIT_SM = 0x0000_0004
SUBMIT_SM_RESP = 0x8000_0004
DELIVER_SM = 0x0000_0005
DELIVER_SM_RESP = 0x8000_0005
UNBIND = 0x0000_0006
UNBIND_RESP = 0x8000_0006
BIND_TRANSCEIVER = 0x0000_0009
OUTBIND = 0x0000_000B
ENQUIRE_LINK = 0x0000_0015
ENQUIRE_LINK_RESP = 0x8000_0015
ALERT_NOTIFICATION = 0x0000_0102
DATA_SM = 0x0000_0103
DATA_SM_RESP = 0x8000_0103

BINDS = frozenset({BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER})

SOURCE_PORT = 0x020A
SAR_REFERENCE = 0x020C
SAR_TOTAL = 0x020E
SAR_SEQUENCE = 0x020F
MESSAGE_PAYLOAD = 0x0424
NETWORK_ERROR_CODE = 0x0423
MESSAGE_STATE = 0x0427
RECEIPTED_MESSAGE_ID = 0x001E

UDH_INDICATOR = 0x40
# Bits 5 to 2 of esm_class: a receipt of the SMSC's, or a notification before the final state.
RECEIPT = 0x04
INTERMEDIATE = 0x20
MESSAGE_TYPE = 0x3C

HEADER = struct.Struct(">IIII")
HEADER_SIZE = HEADER.size
# A message_payload has at most 65,535 octets; everything else of a PDU is far below what remains.
MOST_PDU = 70_000
MOST_SHORT_MESSAGE = 254
MOST_FIELD = 256
_INTERFACE_VERSION = 0x34
_TLV = struct.Struct(">HH")
_RESPONSE_WITH_EMPTY_ID = struct.Struct(">IIIIx")
_NO_TLVS: Mapping[int, bytes] = {}


class MalformedPduError(ValueError):
    """The octets are no such PDU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """The body of bind_transceiver, bind_transmitter and bind_receiver."""

    system_id: str
    password: str = field(repr=False)
    system_type: str = ""
    interface_version: int = _INTERFACE_VERSION
    address_ton: int = 0
    address_npi: int = 0
    address_range: str = ""


class Message(NamedTuple):
    """The body of submit_sm, deliver_sm and, with the fields that it has, data_sm. Times are as on the wire."""

    service_type: str = ""
    source_ton: int = 0
    source_npi: int = 0
    source: str = ""
    destination_ton: int = 0
    destination_npi: int = 0
    destination: str = ""
    esm_class: int = 0
    protocol_id: int = 0
    priority: int = 0
    scheduled: str = ""
    validity: str = ""
    registered_delivery: int = 0
    replace_if_present: int = 0
    data_coding: int = 0
    default_message_id: int = 0
    short_message: bytes = b""
    tlvs: Mapping[int, bytes] = _NO_TLVS

    def __repr__(self) -> str:
        return f"Message(esm_class={self.esm_class:#04x}, data_coding={self.data_coding:#04x}, octets={len(self.text)})"

    @property
    def text(self) -> bytes:
        """The user data, with its UDH if it has one: short_message, or message_payload where that is empty."""
        return self.short_message or self.tlvs.get(MESSAGE_PAYLOAD, b"")


def pdu(command: int, status: int, sequence: int, body: bytes = b"") -> bytes:
    """Make a whole PDU."""
    return HEADER.pack(HEADER_SIZE + len(body), command, status, sequence) + body


def deliver_response(command: int, status: int, sequence: int) -> bytes:
    """Make deliver_sm_resp or data_sm_resp, whose message_id is empty from an ESME."""
    return _RESPONSE_WITH_EMPTY_ID.pack(HEADER_SIZE + 1, command, status, sequence)


def tlv(tag: int, value: bytes) -> bytes:
    """Make an optional parameter."""
    return _TLV.pack(tag, len(value)) + value


def c_string(text: str) -> bytes:
    """Make a C-Octet String. Raises UnicodeEncodeError for what isn't ASCII, ValueError for a NUL within."""
    octets = text.encode("ascii")
    if 0 in octets:
        raise ValueError("a NUL ends the field")
    return octets + b"\0"


def encode_bind(bind: Bind) -> bytes:
    return b"%b%b%b%c%c%c%b" % (
        c_string(bind.system_id),
        c_string(bind.password),
        c_string(bind.system_type),
        bind.interface_version,
        bind.address_ton,
        bind.address_npi,
        c_string(bind.address_range),
    )


def submit_prefix(  # noqa: PLR0913, PLR0917 - the fields of the wire, in its order
    service_type: str, source_ton: int, source_npi: int, source: str, destination_ton: int, destination_npi: int
) -> bytes:
    """Make what comes before the destination: the same for every message of a sender, so that it is kept."""
    return b"%b%c%c%b%c%c" % (
        c_string(service_type),
        source_ton,
        source_npi,
        c_string(source),
        destination_ton,
        destination_npi,
    )


def submit_body(  # noqa: PLR0913, PLR0917 - the fields of the wire, in its order
    prefix: bytes,
    destination: bytes,
    esm_class: int,
    validity: bytes,
    registered_delivery: int,
    data_coding: int,
    short_message: bytes,
    tlvs: bytes = b"",
) -> bytes:
    """Make the body of a submit_sm after its `submit_prefix`; `destination` and `validity` come without their NUL."""
    return b"%b%b\0%c\0\0\0%b\0%c\0%c\0%c%b%b" % (
        prefix,
        destination,
        esm_class,
        validity,
        registered_delivery,
        data_coding,
        len(short_message),
        short_message,
        tlvs,
    )


def encode_message(message: Message) -> bytes:
    """Make the body of submit_sm or deliver_sm."""
    return b"%b%b%c%c%c%b%b%c%c%c%c%c%b%b" % (
        submit_prefix(*message[:6]),
        c_string(message.destination),
        message.esm_class,
        message.protocol_id,
        message.priority,
        c_string(message.scheduled),
        c_string(message.validity),
        message.registered_delivery,
        message.replace_if_present,
        message.data_coding,
        message.default_message_id,
        len(message.short_message),
        message.short_message,
        _encode_tlvs(message.tlvs.items()),
    )


def encode_data_sm(message: Message) -> bytes:
    """Make the body of data_sm: the text has to be in the TLV message_payload."""
    return b"%b%b%c%c%c%b" % (
        submit_prefix(*message[:6]),
        c_string(message.destination),
        message.esm_class,
        message.registered_delivery,
        message.data_coding,
        _encode_tlvs(message.tlvs.items()),
    )


def _encode_tlvs(tlvs: Iterable[tuple[int, bytes]]) -> bytes:
    return b"".join([tlv(tag, value) for tag, value in tlvs])


def decode_c_string(data: bytes, start: int, end: int) -> tuple[str, int]:
    """Read a C-Octet String, and where the next field starts."""
    stop = data.find(0, start, end)
    if not 0 <= stop - start <= MOST_FIELD:
        raise MalformedPduError("a string has no end")
    return data[start:stop].decode("latin-1"), stop + 1


def decode_message_id(data: bytes, start: int, end: int) -> str:
    """Read the message_id of a submit_sm_resp, which has no body where the SMSC refuses, and sometimes no NUL."""
    stop = data.find(0, start, end)
    return data[start : stop if stop >= 0 else end][:MOST_FIELD].decode("latin-1")


def decode_bind(data: bytes, start: int, end: int) -> Bind:
    system_id, at = decode_c_string(data, start, end)
    password, at = decode_c_string(data, at, end)
    system_type, at = decode_c_string(data, at, end)
    if at + 3 > end:
        raise MalformedPduError("the bind is cut off")
    version, ton, npi = data[at : at + 3]
    address_range, _ = decode_c_string(data, at + 3, end)
    return Bind(
        system_id=system_id,
        password=password,
        system_type=system_type,
        interface_version=version,
        address_ton=ton,
        address_npi=npi,
        address_range=address_range,
    )


def decode_message(data: bytes, start: int, end: int) -> Message:
    """Read the body of a submit_sm or deliver_sm."""
    try:
        # Reads beyond `end` see octets of the next PDU: the last check finds them, as fields only come one after
        # another.
        one = data.index(0, start, end)
        two = data.index(0, one + 3, end)
        three = data.index(0, two + 3, end)
        four = data.index(0, three + 4, end)
        five = data.index(0, four + 1, end)
        registered, replace, coding, default_id, length = data[five + 1 : five + 6]
    except ValueError:
        raise MalformedPduError("the message is cut off") from None
    text_at = five + 6
    text_end = text_at + length
    if text_end > end or two - one > MOST_FIELD or three - two > MOST_FIELD:
        raise MalformedPduError("the message is cut off, or a field too long")
    return Message(
        data[start:one].decode("latin-1"),
        data[one + 1],
        data[one + 2],
        data[one + 3 : two].decode("latin-1"),
        data[two + 1],
        data[two + 2],
        data[two + 3 : three].decode("latin-1"),
        data[three + 1],
        data[three + 2],
        data[three + 3],
        data[three + 4 : four].decode("latin-1"),
        data[four + 1 : five].decode("latin-1"),
        registered,
        replace,
        coding,
        default_id,
        data[text_at:text_end],
        decode_tlvs(data, text_end, end) if text_end < end else _NO_TLVS,
    )


def decode_data_sm(data: bytes, start: int, end: int) -> Message:
    """Read the body of a data_sm."""
    try:
        one = data.index(0, start, end)
        two = data.index(0, one + 3, end)
        three = data.index(0, two + 3, end)
    except ValueError:
        raise MalformedPduError("the message is cut off") from None
    if three + 4 > end or two - one > MOST_FIELD or three - two > MOST_FIELD:
        raise MalformedPduError("the message is cut off, or a field too long")
    esm_class, registered, coding = data[three + 1 : three + 4]
    return Message(
        service_type=data[start:one].decode("latin-1"),
        source_ton=data[one + 1],
        source_npi=data[one + 2],
        source=data[one + 3 : two].decode("latin-1"),
        destination_ton=data[two + 1],
        destination_npi=data[two + 2],
        destination=data[two + 3 : three].decode("latin-1"),
        esm_class=esm_class,
        registered_delivery=registered,
        data_coding=coding,
        tlvs=decode_tlvs(data, three + 4, end),
    )


def decode_tlvs(data: bytes, start: int, end: int) -> dict[int, bytes]:
    """Read optional parameters up to the first that is cut off; of one that comes twice the first counts."""
    found: dict[int, bytes] = {}
    at = start
    while at + _TLV.size <= end:
        tag, length = _TLV.unpack_from(data, at)
        at += _TLV.size
        if at + length > end:
            break
        found.setdefault(tag, data[at : at + length])
        at += length
    return found
