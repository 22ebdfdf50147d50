import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.carriers.smpp.pdu import (
    MESSAGE_PAYLOAD,
    SUBMIT_SM,
    Bind,
    MalformedPduError,
    Message,
    decode_bind,
    decode_data_sm,
    decode_message,
    decode_message_id,
    decode_tlvs,
    encode_bind,
    encode_data_sm,
    encode_message,
    pdu,
    submit_body,
    submit_prefix,
    tlv,
)

pytestmark = pytest.mark.any_database

# A submit_sm written down octet by octet from section 4.4.1 of the specification.
SUBMIT = bytes.fromhex(
    "00000043 00000004 00000000 00000007"
    "00 05 00 43617269 6c6c6f6e00"
    "01 01 39373235303000"
    "40 00 00"
    "00 30303030303130303030303030303052 00"
    "01 00 08 00 04 00480069"
)
octet = st.integers(0, 255)
text = st.text(st.characters(min_codepoint=1, max_codepoint=127), max_size=20)
message = st.builds(
    Message,
    service_type=text,
    source_ton=octet,
    source_npi=octet,
    source=text,
    destination_ton=octet,
    destination_npi=octet,
    destination=text,
    esm_class=octet,
    protocol_id=octet,
    priority=octet,
    scheduled=text,
    validity=text,
    registered_delivery=octet,
    replace_if_present=octet,
    data_coding=octet,
    default_message_id=octet,
    short_message=st.binary(max_size=254),
    tlvs=st.dictionaries(st.integers(0, 0xFFFF), st.binary(max_size=300), max_size=3),
)


def test_a_submit_is_read_as_the_specification_writes_it() -> None:
    assert len(SUBMIT) == 0x43
    read = decode_message(SUBMIT, 16, len(SUBMIT))
    assert (read.source_ton, read.source_npi, read.source) == (5, 0, "Carillon")
    assert (read.destination_ton, read.destination_npi, read.destination) == (1, 1, "972500")
    assert (read.esm_class, read.validity, read.registered_delivery) == (0x40, "000001000000000R", 1)
    assert (read.data_coding, read.short_message) == (8, "Hi".encode("utf-16-be"))


def test_a_submit_is_written_as_the_specification_writes_it() -> None:
    body = submit_body(
        submit_prefix("", 5, 0, "Carillon", 1, 1),
        b"972500",
        0x40,
        b"000001000000000R",
        1,
        8,
        "Hi".encode("utf-16-be"),
    )
    assert pdu(SUBMIT_SM, 0, 7, body) == SUBMIT


@given(message, st.binary(max_size=20))
def test_a_message_is_read_as_it_was_written_wherever_it_lies(written: Message, around: bytes) -> None:
    body = encode_message(written)
    assert decode_message(around + body + around, len(around), len(around) + len(body)) == written


@given(message)
def test_a_data_sm_is_read_as_it_was_written(written: Message) -> None:
    body = encode_data_sm(written)
    read = decode_data_sm(body, 0, len(body))
    kept = ("service_type", "source", "destination", "esm_class", "registered_delivery", "data_coding", "tlvs")
    assert all(getattr(read, name) == getattr(written, name) for name in kept)


@given(message, st.data())
def test_a_message_that_is_cut_off_before_its_text_ends_is_malformed(written: Message, data: st.DataObject) -> None:
    body = encode_message(written._replace(tlvs={}))
    end = data.draw(st.integers(0, len(body) - 1))
    with pytest.raises(MalformedPduError):
        # What follows are octets of another PDU, and no part of this one.
        decode_message(body[:end] + bytes(64), 0, end)


@given(st.binary(max_size=200))
def test_octets_of_any_kind_are_a_message_or_malformed(octets: bytes) -> None:
    for decode in (decode_message, decode_data_sm, decode_bind):
        try:
            decode(octets, 0, len(octets))
        except MalformedPduError:
            continue
    decode_message_id(octets, 0, len(octets))
    decode_tlvs(octets, 0, len(octets))


def test_a_field_of_absurd_length_is_malformed() -> None:
    body = encode_message(Message(source="1" * 300, destination="2"))
    with pytest.raises(MalformedPduError):
        decode_message(body, 0, len(body))


def test_optional_parameters_are_read_up_to_the_one_that_is_cut_off() -> None:
    octets = tlv(0x1E, b"abc\0") + tlv(0x1E, b"second") + struct.pack(">HH", 0x427, 9) + b"x"
    assert decode_tlvs(octets, 0, len(octets)) == {0x1E: b"abc\0"}


def test_the_text_of_a_message_without_short_message_is_its_payload() -> None:
    assert Message(tlvs={MESSAGE_PAYLOAD: b"long"}).text == b"long"


def test_an_id_without_its_nul_is_read() -> None:
    assert decode_message_id(b"..abc", 2, 5) == "abc"
    assert decode_message_id(b"", 0, 0) == ""


def test_a_bind_is_read_as_it_was_written_and_shows_no_password() -> None:
    bind = Bind(system_id="us", password="s3cret", system_type="VMA", address_range="^972")
    body = encode_bind(bind)
    assert decode_bind(body, 0, len(body)) == bind
    assert "s3cret" not in repr(bind)


def test_a_message_shows_neither_numbers_nor_text() -> None:
    shown = repr(Message(source="972500000001", destination="12345", short_message=b"the code is 1234"))
    assert not any(private in shown for private in ("972500000001", "12345", "code"))
