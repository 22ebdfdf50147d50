"""How texts become the units that parts are counted in: septets, UTF-16 code units or octets.

A part carries 140 octets, its header included (3GPP TS 23.040). A header is its length octet and its elements.
"""

import re
from abc import ABC, abstractmethod
from typing import Final

from carillon.text.alphabets import DEFAULT, DEFAULT_EXTENSION, PORTUGUESE, PORTUGUESE_EXTENSION, Alphabet
from carillon.text.user_data import (
    CONCATENATION_OCTETS,
    WIDE_CONCATENATION_OCTETS,
    Language,
    shift_elements,
)

PART_OCTETS: Final = 140
_HIGH_SURROGATES: Final = range(0xD8, 0xDC)
_ESCAPE: Final = 0x1B


class Coding(ABC):
    """One way to write a text. `one` is the units of a single part, `many` and `many_wide` those of each of several."""

    unit_octets: int = 1
    """Octets of the payload that are one unit."""

    def __init__(self, elements: bytes = b"") -> None:
        self.elements = elements
        self.one = self._room(len(elements))
        self.many = self._room(len(elements) + CONCATENATION_OCTETS)
        self.many_wide = self._room(len(elements) + WIDE_CONCATENATION_OCTETS)

    def _room(self, elements: int) -> int:
        return self._units_of(PART_OCTETS - (1 + elements if elements else 0))

    @abstractmethod
    def _units_of(self, octets: int) -> int: ...

    @property
    @abstractmethod
    def foreign(self) -> re.Pattern[str]:
        """What matches a character that can't be written."""

    @abstractmethod
    def units(self, text: str) -> int | None:
        """Count the units of a text; None where it has a foreign character."""

    @abstractmethod
    def encode(self, text: str) -> bytes:
        """Write a text that has no foreign character."""

    @abstractmethod
    def pair_begins(self, octets: bytes, unit: int) -> bool:
        """Tell whether this unit and the next are one character."""


class Septets(Coding):
    """A 7-bit alphabet; the payload has one septet in an octet, which the SMSC packs."""

    def __init__(self, alphabet: Alphabet, elements: bytes = b"") -> None:
        super().__init__(elements)
        self.alphabet = alphabet

    def _units_of(self, octets: int) -> int:
        return octets * 8 // 7

    @property
    def foreign(self) -> re.Pattern[str]:
        return self.alphabet.foreign

    def units(self, text: str) -> int | None:
        return self.alphabet.units(text)

    def encode(self, text: str) -> bytes:
        return self.alphabet.encode(text)

    def pair_begins(self, octets: bytes, unit: int) -> bool:
        return octets[unit] == _ESCAPE


class Utf16(Coding):
    """UCS-2 as it is used: UTF-16, big endian. Lone surrogates can't be written."""

    unit_octets = 2
    _FOREIGN: Final = re.compile("[\ud800-\udfff]")

    def _units_of(self, octets: int) -> int:
        return octets // 2

    @property
    def foreign(self) -> re.Pattern[str]:
        return self._FOREIGN

    def units(self, text: str) -> int | None:
        try:
            return len(text.encode("utf-16-be")) // 2
        except UnicodeEncodeError:
            return None

    def encode(self, text: str) -> bytes:
        return text.encode("utf-16-be")

    def pair_begins(self, octets: bytes, unit: int) -> bool:
        return octets[2 * unit] in _HIGH_SURROGATES


class Octets(Coding):
    """8-bit data: the octet of each character is its number in Latin-1."""

    _FOREIGN: Final = re.compile("[^\x00-\xff]")

    def _units_of(self, octets: int) -> int:
        return octets

    @property
    def foreign(self) -> re.Pattern[str]:
        return self._FOREIGN

    def units(self, text: str) -> int | None:
        return None if self._FOREIGN.search(text) else len(text)

    def encode(self, text: str) -> bytes:
        return text.encode("latin-1")

    def pair_begins(self, octets: bytes, unit: int) -> bool:  # noqa: ARG002 - an octet is a character
        return False


_PORTUGUESE: Final = Language.PORTUGUESE

DEFAULT_SEPTETS: Final = Septets(Alphabet(DEFAULT, DEFAULT_EXTENSION))
SINGLE_SHIFT_SEPTETS: Final = Septets(Alphabet(DEFAULT, PORTUGUESE_EXTENSION), shift_elements(single=_PORTUGUESE))
LOCKING_SHIFT_SEPTETS: Final = Septets(Alphabet(PORTUGUESE, DEFAULT_EXTENSION), shift_elements(locking=_PORTUGUESE))
BOTH_SHIFTS_SEPTETS: Final = Septets(
    Alphabet(PORTUGUESE, PORTUGUESE_EXTENSION), shift_elements(single=_PORTUGUESE, locking=_PORTUGUESE)
)
UTF_16: Final = Utf16()
OCTETS: Final = Octets()
