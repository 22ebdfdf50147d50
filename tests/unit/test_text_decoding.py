"""What comes from the air is read as far as it can be, whatever the octets are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.text.decoding import decode_gsm, decode_ucs2, join_parts, read_part
from carillon.text.encodings import Encoding
from carillon.text.segments import Part, split_parts
from carillon.text.user_data import NO_HEADER, Header, read_header


@given(st.binary(max_size=200), st.integers(0, 255), st.integers(0, 255))
def test_no_octets_make_decoding_raise(octets: bytes, single: int, locking: int) -> None:
    decode_gsm(octets, single=single, locking=locking)
    decode_ucs2(octets)
    for encoding in Encoding:
        for has_header in (True, False):
            part = read_part(octets, encoding, has_header=has_header)
            assert part.octets == octets
            assert 0 < part.number <= part.total
            join_parts([part, part])


@pytest.mark.parametrize(
    ("septets", "text"),
    [
        (b"\x00\x11\x1b\x65", "@_€"),
        (b"\x1b", " "),
        (b"a\x1b\x1bb", "a b"),
        (b"\x1b\x61", "a"),  # the extension lacks it
        (b"\x1b\x0d", "\r"),
        (b"a\x80\xff", "a\ufffd\ufffd"),
        (b"\x1b\xe9", "\ufffd"),
        (b"", ""),
    ],
)
def test_septets(septets: bytes, text: str) -> None:
    assert decode_gsm(septets) == text


def test_septets_with_national_tables() -> None:
    assert decode_gsm(b"n\x1b\x7bo") == "näo"
    assert decode_gsm(b"n\x1b\x7bo", single=3) == "não"
    assert decode_gsm(b"n\x7bo\x1b\x7b", locking=3) == "nãoã"
    assert decode_gsm(b"\x7b\x1b\x12", single=3, locking=3) == "ãΦ"
    assert decode_gsm(b"n\x1b\x7bo", single=2) == "näo"  # Spanish is not known here


def test_half_a_pair_and_half_a_unit_are_marked() -> None:
    assert decode_ucs2(b"\x00a\xd8\x3d\x00b") == "a\ufffdb"
    assert decode_ucs2(b"\x00a\x00") == "a\ufffd"


@pytest.mark.parametrize(
    ("octets", "header", "text"),
    [
        (b"\x05\x00\x03\x07\x02\x01hello", Header(reference=7, total=2, number=1), b"hello"),
        (b"\x06\x08\x04\x01\x02\x03\x03hello", Header(reference=258, total=3, number=3), b"hello"),
        (b"\x03\x24\x01\x03hello", Header(single=3), b"hello"),
        (b"\x0b\x05\x04\x15\x81\x15\x81\x00\x03\x07\x02\x02hello", Header(reference=7, total=2, number=2), b"hello"),
        (b"\x05\x00\x03\x07\x02\x03hello", NO_HEADER, b"hello"),  # part 3 of 2
        (b"\x05\x00\x03\x07\x00\x00hello", NO_HEADER, b"hello"),
        (b"\x05\x00\x09\x07\x02\x01hello", NO_HEADER, b"hello"),  # an element beyond the header's end
        (b"\x01\x00hello", NO_HEADER, b"hello"),
        (b"\x0a\x00\x03\x07\x02\x01\x00\x03\x08\x02\x02hello", Header(reference=8, total=2, number=2), b"hello"),
        (b"\x05\x00\x03\x07\x02\x01", Header(reference=7, total=2, number=1), b""),
        (b"\x20hello", NO_HEADER, b"\x20hello"),  # no header has room: all of it is text
        (b"\x00hello", NO_HEADER, b"hello"),
        (b"", NO_HEADER, b""),
    ],
)
def test_headers_are_read(octets: bytes, header: Header, text: bytes) -> None:
    assert read_header(octets) == (header, text)


def test_parts_join_in_the_order_of_their_numbers_and_each_once() -> None:
    parts = split_parts("a" * 153 + "b" * 153 + "c", Encoding.GSM, 5)
    assert join_parts([parts[2], parts[0], parts[0], parts[1]]) == "a" * 153 + "b" * 153 + "c"
    assert join_parts([parts[2], parts[0]]) == "a" * 153 + "c"
    assert join_parts([]) == ""


def test_pairs_that_other_senders_split_are_joined() -> None:
    def pieces(encoding: Encoding, *payloads: bytes) -> list[Part]:
        return [
            read_part(bytes((5, 0, 3, 9, len(payloads), number)) + payload, encoding, has_header=True)
            for number, payload in enumerate(payloads, 1)
        ]

    assert join_parts(pieces(Encoding.UCS2, b"\x00a\xd8\x3d", b"\xde\x00\x00b")) == "a😀b"
    assert join_parts(pieces(Encoding.GSM, b"a\x1b", b"\x65b")) == "a€b"


def test_parts_with_tables_of_their_own_are_read_each_by_its_own() -> None:
    octets = [b"\x08\x00\x03\x09\x02\x01\x25\x01\x03\x7b", b"\x05\x00\x03\x09\x02\x02\x7b"]
    assert join_parts([read_part(part, Encoding.GSM, has_header=True) for part in octets]) == "ãä"
