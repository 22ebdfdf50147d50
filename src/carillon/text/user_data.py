"""The user data header of SMS: parts of one text and national languages (3GPP TS 23.040, 9.2.3.24)."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

CONCATENATED: Final = 0x00
CONCATENATED_WIDE: Final = 0x08
SINGLE_SHIFT: Final = 0x24
LOCKING_SHIFT: Final = 0x25

CONCATENATION_OCTETS: Final = 5
WIDE_CONCATENATION_OCTETS: Final = 6

_CONCATENATION_DATA: Final = {CONCATENATED: 3, CONCATENATED_WIDE: 4}


class Language(IntEnum):
    """The national languages whose tables are known here, by their identifiers on the air."""

    PORTUGUESE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a header says. A part that is alone has the reference None, and is number 1 of 1."""

    reference: int | None = None
    total: int = 1
    number: int = 1
    single: int | None = None  # the language of the single shift table
    locking: int | None = None  # the language of the locking shift table


NO_HEADER: Final = Header()


def shift_elements(*, single: Language | None = None, locking: Language | None = None) -> bytes:
    """Make the elements that choose languages, without the header's length."""
    elements = b"" if single is None else bytes((SINGLE_SHIFT, 1, single))
    return elements if locking is None else elements + bytes((LOCKING_SHIFT, 1, locking))


def concatenation_element(reference: int, total: int, number: int, *, wide: bool) -> bytes:
    """Make the element of one of several parts. Of the reference the low 8 bits are sent, or 16 with `wide`."""
    if wide:
        return bytes((CONCATENATED_WIDE, 4, reference >> 8 & 0xFF, reference & 0xFF, total, number))
    return bytes((CONCATENATED, 3, reference & 0xFF, total, number))


def make_header(elements: bytes) -> bytes:
    """Put the length before the elements; no elements, no header."""
    return bytes((len(elements),)) + elements if elements else b""


def read_header(octets: bytes) -> tuple[Header, bytes]:
    """Part the user data of a message that has a header from it, whatever the octets are.

    A header that is not well formed is ignored; one that would be longer than the message is read as text, so that
    nothing of it is lost. Of elements that repeat, the last one holds.
    """
    if not octets or octets[0] >= len(octets):
        whole = len(octets) > 0 and octets[0] == len(octets) - 1
        return (_read_elements(octets[1:]), b"") if whole else (NO_HEADER, octets)
    end = octets[0] + 1
    return _read_elements(octets[1:end]), octets[end:]


def _read_elements(octets: bytes) -> Header:
    elements: dict[int, bytes] = {}
    place = 0
    while place < len(octets):
        data = octets[place + 2 : place + 2 + octets[place + 1]] if place + 1 < len(octets) else None
        if data is None or len(data) < octets[place + 1]:
            return NO_HEADER
        elements[octets[place]] = data
        place += 2 + len(data)
    reference, total, number = _read_concatenation(elements)
    return Header(
        reference=reference,
        total=total,
        number=number,
        single=_language(elements.get(SINGLE_SHIFT)),
        locking=_language(elements.get(LOCKING_SHIFT)),
    )


def _read_concatenation(elements: dict[int, bytes]) -> tuple[int | None, int, int]:
    """Read which part of which text this is; what the standard forbids (part 0, part 3 of 2) is no concatenation."""
    for identifier, size in _CONCATENATION_DATA.items():
        data = elements.get(identifier)
        if data is not None and len(data) == size and 0 < data[-1] <= data[-2]:
            return int.from_bytes(data[:-2]), data[-2], data[-1]
    return None, 1, 1


def _language(data: bytes | None) -> int | None:
    return data[0] if data else None
