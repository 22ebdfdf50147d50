"""The 7-bit alphabets of SMS, by 3GPP TS 23.038: the default one and Portugal's, each with the table behind its escape.

The reference of 360NRS prints the same tables; its copy has lost the euro sign and the infinity sign, which the
standard has at the places given here. U+0009 is no part of any of them.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

ESCAPE: Final = "\x1b"

DEFAULT: Final = (
    "@£$¥èéùìòÇ\nØø\rÅå"  # 0x00
    "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"  # 0x10
    " !\"#¤%&'()*+,-./"  # 0x20
    "0123456789:;<=>?"  # 0x30
    "¡ABCDEFGHIJKLMNO"  # 0x40
    "PQRSTUVWXYZÄÖÑÜ§"  # 0x50
    "¿abcdefghijklmno"  # 0x60
    "pqrstuvwxyzäöñüà"  # 0x70
)
"""The default alphabet: the character of each septet."""

PORTUGUESE: Final = (
    "@£$¥êéúíóç\nÔô\rÁá"  # 0x00
    "Δ_ªÇÀ∞^\\€Ó|\x1bÂâÊÉ"  # 0x10
    " !\"#º%&'()*+,-./"  # 0x20
    "0123456789:;<=>?"  # 0x30
    "ÍABCDEFGHIJKLMNO"  # 0x40
    "PQRSTUVWXYZÃÕÚÜ§"  # 0x50
    "~abcdefghijklmno"  # 0x60
    "pqrstuvwxyzãõ`üà"  # 0x70
)
"""Portugal's national language locking shift table, in the place of the default alphabet. It has no ñ."""

# 0x0D (CR2) and 0x1B (SS2) of these are no characters.
DEFAULT_EXTENSION: Final[Mapping[int, str]] = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
"""What an escape and a septet stand for."""

PORTUGUESE_EXTENSION: Final[Mapping[int, str]] = {
    **DEFAULT_EXTENSION,
    0x05: "ê",
    0x09: "ç",
    0x0B: "Ô",
    0x0C: "ô",
    0x0E: "Á",
    0x0F: "á",
    0x12: "Φ",
    0x13: "Γ",
    0x15: "Ω",
    0x16: "Π",
    0x17: "Ψ",
    0x18: "Σ",
    0x19: "Θ",
    0x1F: "Ê",
    0x41: "À",
    0x49: "Í",
    0x4F: "Ó",
    0x55: "Ú",
    0x5B: "Ã",
    0x5C: "Õ",
    0x61: "Â",
    0x69: "í",
    0x6F: "ó",
    0x75: "ú",
    0x7B: "ã",
    0x7C: "õ",
    0x7F: "â",
}
"""Portugal's national language single shift table, in the place of the default extension."""

_RUN: Final = re.compile(f"{ESCAPE}(.?)|[^{ESCAPE}]+", re.DOTALL)
_ESCAPE_SEPTET: Final = ord(ESCAPE)
_PAIR: Final = 0x80
_NOT_DECODABLE: Final = "\N{REPLACEMENT CHARACTER}"


class Alphabet:
    """A table of 128 characters with an extension. Septets are octets below 128, one each.

    `foreign` matches a character that is in neither; `latin_singles` are those of Latin-1 that take one septet.
    """

    def __init__(self, characters: str, extension: Mapping[int, str]) -> None:
        singles = {character: septet for septet, character in enumerate(characters) if character != ESCAPE}
        # A character of both tables is written with one septet.
        pairs = {character: septet for septet, character in extension.items() if character not in singles}
        written = {**{c: chr(septet) for c, septet in singles.items()}, **{c: ESCAPE + chr(pairs[c]) for c in pairs}}
        self.foreign = re.compile(_none_of(written))
        self._not_single = re.compile(_none_of(singles))
        self._encode_table = str.maketrans(written)
        self._decode_table = dict(enumerate(characters.replace(ESCAPE, " ") + _NOT_DECODABLE * 128))
        self._extension = {chr(septet): character for septet, character in extension.items()}
        # Tables of octets are several times as fast, where a text is in Latin-1. They mark a pair by the bit 0x80.
        self.latin_singles, self._latin_pairs = _in_latin(singles), _in_latin(pairs)
        marked = singles | {character: septet | _PAIR for character, septet in pairs.items()}
        self._latin_table = bytes(marked.get(chr(octet), 0) for octet in range(256))
        self._pairs = [(bytes((septet | _PAIR,)), bytes((_ESCAPE_SEPTET, septet))) for septet in pairs.values()]

    def units(self, text: str) -> int | None:
        """Count septets; None where the text has a foreign character."""
        try:
            others = text.encode("latin-1").translate(None, self.latin_singles)
        except UnicodeEncodeError:
            return None if self.foreign.search(text) else len(text) + len(self._not_single.findall(text))
        if others and others.translate(None, self._latin_pairs):
            return None
        return len(text) + len(others)

    def encode(self, text: str) -> bytes:
        """Write a text that has no foreign character as septets."""
        try:
            octets = text.encode("latin-1").translate(self._latin_table)
        except UnicodeEncodeError:
            return text.translate(self._encode_table).encode("ascii")
        if not octets.isascii():
            for mark, pair in self._pairs:
                octets = octets.replace(mark, pair)
        return octets

    def decode(self, septets: bytes) -> str:
        """Read septets, whatever they are.

        As the standard wants of a receiver, a pair that the extension lacks is the second septet's character, and an
        escape before an escape or before nothing is a space. Octets above 127 are U+FFFD.
        """
        text = septets.decode("latin-1")
        if ESCAPE not in text:
            return text.translate(self._decode_table)
        return _RUN.sub(self._decode_run, text)

    def _decode_run(self, run: re.Match[str]) -> str:
        second: str | None = run[1]
        if second is None:
            return run[0].translate(self._decode_table)
        return self._extension.get(second) or second.translate(self._decode_table) or " "


def _none_of(characters: Iterable[str]) -> str:
    return f"[^{re.escape(''.join(characters))}]"


def _in_latin(characters: Iterable[str]) -> bytes:
    return "".join(characters).encode("latin-1", "ignore")
