"""Parts of SMS texts are as few as they can be, each within its limit, and together they are the text."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit import sms_reference as reference
from tests.unit.sms_texts import SCRIPTS, corpus, texts

from carillon.text.decoding import join_parts, read_part
from carillon.text.encodings import Encoding, UnencodableTextError, can_encode
from carillon.text.segments import (
    Part,
    choose_encoding,
    count_parts,
    count_units,
    measure_many,
    split_parts,
)
from carillon.text.user_data import read_header

GSM, GSM_PT, UCS2, BINARY = Encoding.GSM, Encoding.GSM_PT, Encoding.UCS2, Encoding.BINARY
CHOICES = [(GSM, UCS2), (GSM, GSM_PT, UCS2), (UCS2, GSM), (BINARY, GSM, UCS2), (GSM_PT,), (UCS2,), (GSM,), ()]

encodings = st.sampled_from(Encoding)


def octets_on_air(part: Part) -> int:
    """Octets that a part takes of the 140, its septets packed behind the header's fill bits."""
    if part.encoding in {GSM, GSM_PT}:
        header_septets = -(-len(part.udh) * 8 // 7)
        return -(-(header_septets + len(part.payload)) * 7 // 8)
    return len(part.octets)


def assert_parts_are_sound(text: str, encoding: Encoding, parts: list[Part], *, wide: bool) -> None:
    assert len(parts) == reference.count_parts(text, encoding, wide_reference=wide)
    assert all(octets_on_air(part) <= 140 for part in parts)
    assert [(part.number, part.total) for part in parts] == [(n, len(parts)) for n in range(1, len(parts) + 1)]
    for part in parts:
        if encoding in {GSM, GSM_PT}:
            assert max(part.payload, default=0) < 128
            assert not part.payload.endswith(b"\x1b")
        if encoding is UCS2:
            part.payload.decode("utf-16-be")  # raises for half a pair
        header, payload = read_header(part.octets) if part.udh else read_header(b"\0" + part.payload)
        assert (header.reference, header.total, header.number) == (part.reference, part.total, part.number)
        assert payload == part.payload


@pytest.mark.parametrize("encoding", Encoding)
def test_parts_of_a_large_corpus_are_counted_as_by_the_reference(encoding: Encoding) -> None:
    counted = 0
    for text in corpus():
        expected = reference.count_parts(text, encoding)
        if expected is None:
            with pytest.raises(UnencodableTextError):
                count_parts(text, encoding)
            continue
        counted += 1
        assert count_parts(text, encoding) == expected
        assert count_parts(text, encoding, wide_reference=True) == reference.count_parts(
            text, encoding, wide_reference=True
        )
    assert counted > 500


@pytest.mark.parametrize("encoding", Encoding)
def test_parts_of_a_large_corpus_are_sound_and_join_again(encoding: Encoding) -> None:
    for text in corpus(seed=13):
        if can_encode(text, encoding):
            parts = split_parts(text, encoding, 77)
            assert_parts_are_sound(text, encoding, parts, wide=False)
            assert join_parts(parts) == text


@given(texts, encodings, st.integers(0, 70_000), st.booleans())
def test_any_text_splits_and_joins(text: str, encoding: Encoding, reference_number: int, wide: bool) -> None:  # noqa: FBT001
    if not can_encode(text, encoding):
        with pytest.raises(UnencodableTextError):
            split_parts(text, encoding, reference_number, wide_reference=wide)
        return
    parts = split_parts(text, encoding, reference_number, wide_reference=wide)
    assert_parts_are_sound(text, encoding, parts, wide=wide)
    assert count_parts(text, encoding, wide_reference=wide) == len(parts)
    read = [read_part(part.octets, encoding, has_header=part.udh != b"") for part in reversed(parts)]
    assert read == parts[::-1]
    assert join_parts(read) == text


@given(st.lists(texts, max_size=20), st.sampled_from(CHOICES))
def test_texts_are_measured_as_one_by_one(many: list[str], allowed: tuple[Encoding, ...]) -> None:
    measures = measure_many(many, allowed)
    assert list(zip(*measures, strict=True)) == [reference.choose(text, allowed) for text in many]
    assert measures.encodings == [choose_encoding(text, allowed) for text in many]


@pytest.mark.parametrize("allowed", CHOICES, ids=str)
def test_a_large_corpus_is_measured_as_by_the_reference(allowed: tuple[Encoding, ...]) -> None:
    many = list(corpus(seed=14))
    assert list(zip(*measure_many(many, allowed), strict=True)) == [reference.choose(text, allowed) for text in many]


def test_a_sending_of_ascii_texts_is_measured_with_one_odd_among_them() -> None:
    many = [*("a" * size for size in range(600)), "й", "[", "a" * 161]
    measures = measure_many(many)
    assert measures.parts[:160] == [1] * 160
    assert measures.parts[160:162] == [1, 2]
    assert measures.parts[-3:] == [1, 1, 2]
    assert measures.encodings[-3:] == [UCS2, GSM, GSM]


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts"),
    [
        ("", GSM, 0, 1),
        ("a" * 160, GSM, 160, 1),
        ("a" * 161, GSM, 161, 2),
        ("a" * 306, GSM, 306, 2),
        ("a" * 307, GSM, 307, 3),
        ("€" * 80, GSM, 160, 1),
        # 152 and an escape would end a part in the middle of a pair: two parts hold 152 and 153.
        ("a" * 152 + "€" + "a" * 152, GSM, 306, 3),
        ("я" * 70, UCS2, 70, 1),
        ("я" * 71, UCS2, 71, 2),
        ("😀" * 35, UCS2, 70, 1),
        ("😀" * 66, UCS2, 132, 2),
        ("😀" * 67, UCS2, 134, 3),
        ("a" * 140, BINARY, 140, 1),
        ("a" * 268, BINARY, 268, 2),
        ("a" * 269, BINARY, 269, 3),
        ("a" * 160, GSM_PT, 160, 1),  # no shift is needed
        ("a" * 153 + "ã", GSM_PT, 155, 1),  # single shift
        ("a" * 154 + "ã", GSM_PT, 155, 1),  # locking shift
        ("ã" * 155, GSM_PT, 155, 1),
        ("ã" * 298, GSM_PT, 298, 2),
        ("ã" * 299, GSM_PT, 299, 3),
        ("ãΦ" + "ã" * 149, GSM_PT, 152, 1),  # both shifts
        ("ãΦ" + "ã" * 289, GSM_PT, 292, 2),
        ("ãΦ" + "ã" * 290, GSM_PT, 293, 3),
    ],
)
def test_limits(text: str, encoding: Encoding, units: int, parts: int) -> None:
    assert count_units(text, encoding) == units
    assert count_parts(text, encoding) == parts
    assert len(split_parts(text, encoding, 1)) == parts


@pytest.mark.parametrize(
    ("text", "encoding", "wide", "headers"),
    [
        ("a", GSM, False, [b""]),
        ("a" * 161, GSM, False, [b"\x05\x00\x03\x34\x02\x01", b"\x05\x00\x03\x34\x02\x02"]),
        ("a" * 161, GSM, True, [b"\x06\x08\x04\x12\x34\x02\x01", b"\x06\x08\x04\x12\x34\x02\x02"]),
        ("não", GSM_PT, False, [b"\x03\x24\x01\x03"]),
        ("ã" * 100, GSM_PT, False, [b"\x03\x25\x01\x03"]),
        ("ã" * 100 + "Ψ", GSM_PT, False, [b"\x06\x24\x01\x03\x25\x01\x03"]),
        (
            "ã" * 156,
            GSM_PT,
            False,
            [b"\x08\x00\x03\x34\x02\x01\x25\x01\x03", b"\x08\x00\x03\x34\x02\x02\x25\x01\x03"],
        ),
    ],
)
def test_headers(text: str, encoding: Encoding, wide: bool, headers: list[bytes]) -> None:  # noqa: FBT001
    assert [part.udh for part in split_parts(text, encoding, 0x1234, wide_reference=wide)] == headers


def test_payloads_are_septets_units_and_octets() -> None:
    assert split_parts("@€à", GSM, 1)[0].payload == b"\x00\x1b\x65\x7f"
    assert split_parts("nãº", GSM_PT, 1)[0].payload == b"\x6e\x7b\x24"
    assert split_parts("я😀", UCS2, 1)[0].payload == b"\x04\x4f\xd8\x3d\xde\x00"
    assert split_parts("aÿ", BINARY, 1)[0].payload == b"\x61\xff"


def test_a_wide_reference_takes_room() -> None:
    assert (count_parts("a" * 306, GSM), count_parts("a" * 306, GSM, wide_reference=True)) == (2, 3)
    assert (count_parts("я" * 134, UCS2), count_parts("я" * 134, UCS2, wide_reference=True)) == (2, 3)
    assert (count_parts("a" * 268, BINARY), count_parts("a" * 268, BINARY, wide_reference=True)) == (2, 3)


def test_a_text_of_more_parts_than_a_header_counts_is_not_split() -> None:
    assert len(split_parts("a" * 153 * 255, GSM, 1)) == 255
    assert count_parts("a" * (153 * 255 + 1), GSM) == 256
    with pytest.raises(ValueError, match="256 parts"):
        split_parts("a" * (153 * 255 + 1), GSM, 1)


def test_the_encoding_with_the_fewest_parts_is_chosen_and_the_earlier_of_equals() -> None:
    assert choose_encoding("hello") is GSM
    assert choose_encoding("привет") is UCS2
    assert choose_encoding("привет", (GSM, GSM_PT)) is None
    assert choose_encoding("hello", (UCS2, GSM)) is UCS2
    assert choose_encoding("a" * 100, (UCS2, GSM)) is GSM
    assert choose_encoding("[" * 100, (GSM, BINARY)) is BINARY
    assert choose_encoding("São João", (GSM, GSM_PT, UCS2)) is GSM_PT
    assert choose_encoding("hello", ()) is None


@settings(max_examples=30)
@given(st.text(alphabet=SCRIPTS["extension"], min_size=100, max_size=2_000))
def test_texts_of_escapes_alone_fill_even_numbers_of_septets(text: str) -> None:
    parts = split_parts(text, GSM, 1)
    assert {len(part.payload) % 2 for part in parts} == {0}


def test_a_part_shows_no_text() -> None:
    assert "payload" not in repr(split_parts("secret", GSM, 1)[0])
