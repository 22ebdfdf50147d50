"""The 7-bit tables are those that 360NRS's reference prints; the standard's, where its copy lost signs."""

import re

import pytest
from tests.unit import sms_reference as reference
from tests.unit.sms_texts import SCRIPTS, corpus

from carillon.text.alphabets import (
    DEFAULT,
    DEFAULT_EXTENSION,
    PORTUGUESE,
    PORTUGUESE_EXTENSION,
    Alphabet,
)
from carillon.text.encodings import Encoding, can_encode, unencodable
from carillon.text.segments import count_parts

EXTENSION_CONTROLS = {0x0D: "", 0x1B: ""}  # CR2 and SS2


def lines_of(characters: str) -> list[list[str]]:
    return [[characters[row + column] for column in range(0, 128, 16)] for row in range(16)]


def lines_of_extension(extension: dict[int, str]) -> list[list[str]]:
    table = extension | EXTENSION_CONTROLS
    return [[table[row + column] for column in range(0, 128, 16) if row + column in table] for row in range(16)]


@pytest.mark.parametrize("row", range(16))
@pytest.mark.parametrize(
    ("printed", "table", "lost"),
    [
        (reference.GSM_BASIC, lines_of(DEFAULT), ""),
        (reference.GSM_EXTENDED, lines_of_extension({**DEFAULT_EXTENSION}), reference.LOST_FROM_EXTENDED),
        (reference.GSM_PT_BASIC, lines_of(PORTUGUESE), reference.LOST_FROM_PT_BASIC),
        (reference.GSM_PT_EXTENDED, lines_of_extension({**PORTUGUESE_EXTENSION}), reference.LOST_FROM_EXTENDED),
    ],
    ids=["default", "extension", "portuguese", "portuguese extension"],
)
def test_each_line_is_the_printed_one(printed: str, table: list[list[str]], lost: str, row: int) -> None:
    assert [character for character in table[row] if character not in set(lost)] == reference.characters(printed)[row]


def test_the_lost_signs_are_where_the_standard_has_them() -> None:
    assert DEFAULT_EXTENSION[0x65] == PORTUGUESE_EXTENSION[0x65] == PORTUGUESE[0x18] == "€"
    assert PORTUGUESE[0x15] == "∞"


def test_the_extensions_have_their_septets() -> None:
    # The annex leaves empty columns out, so that it doesn't say in which column a sign is; these are the standard's.
    assert (
        "".join(DEFAULT_EXTENSION[septet] for septet in (0x14, 0x28, 0x29, 0x2F, 0x3C, 0x3D, 0x3E, 0x40)) == "^{}\\[~]|"
    )
    shifted = Alphabet(DEFAULT, PORTUGUESE_EXTENSION)
    assert shifted.encode("êçÔôÁáÊ") == b"\x1b\x05\x1b\x09\x1b\x0b\x1b\x0c\x1b\x0e\x1b\x0f\x1b\x1f"
    assert shifted.encode("ÀÍÓÚÃÕÂ€íóúãõâ") == b"".join(
        b"\x1b%c" % septet for septet in b"\x41\x49\x4f\x55\x5b\x5c\x61\x65\x69\x6f\x75\x7b\x7c\x7f"
    )


def test_a_table_has_128_characters_each_once() -> None:
    for table in (DEFAULT, PORTUGUESE):
        assert len(table) == len(set(table)) == 128


@pytest.mark.parametrize("encoding", Encoding)
def test_what_can_be_encoded_is_what_the_reference_can_write(encoding: Encoding) -> None:
    for text in corpus():
        expected = next(reference.costs(text, encoding), None) is not None
        assert can_encode(text, encoding) is expected
        assert (unencodable(text, encoding) == "") is expected


def test_every_character_of_the_first_plane_is_where_the_reference_has_it() -> None:
    for number in range(0x10000):
        character = chr(number)
        assert can_encode(character, Encoding.GSM) is (character in reference.BASIC | reference.EXTENDED)


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("Grüße", Encoding.GSM, ""),
        ("çà va, ça", Encoding.GSM, "ç"),
        ("Καλημέρα", Encoding.GSM, "Καλημέρ"),
        ("a`b`c\u00b4", Encoding.GSM, "`\u00b4"),
        ("São João", Encoding.GSM_PT, ""),
        ("nº, señor", Encoding.GSM_PT, "º"),
        ("a\ud83d", Encoding.UCS2, "\ud83d"),
        ("5 €", Encoding.BINARY, "€"),
        ("你好\uff0c世界。短信測試你好嗎", Encoding.GSM, "你好\uff0c世界。短信測試"),
    ],
)
def test_unencodable_names_the_first_characters_each_once(text: str, encoding: Encoding, expected: str) -> None:
    assert unencodable(text, encoding) == expected


def test_unencodable_names_ten_characters_at_most() -> None:
    assert unencodable(SCRIPTS["chinese"] + SCRIPTS["korean"], Encoding.GSM) == SCRIPTS["chinese"][:10]


def test_no_error_shows_a_text() -> None:
    with pytest.raises(ValueError, match=re.escape("The text has characters that gsm can't write.")):
        count_parts("тайна", Encoding.GSM)
