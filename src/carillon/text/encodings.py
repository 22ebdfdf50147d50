"""Encodings of SMS texts, and which texts they can write."""

from collections.abc import Mapping
from enum import StrEnum
from itertools import islice
from typing import Final

from carillon.text.codings import (
    BOTH_SHIFTS_SEPTETS,
    DEFAULT_SEPTETS,
    LOCKING_SHIFT_SEPTETS,
    OCTETS,
    SINGLE_SHIFT_SEPTETS,
    UTF_16,
    Coding,
)

UNENCODABLE_SHOWN: Final = 10
"""Characters that `unencodable` names at most."""


class Encoding(StrEnum):
    """How a text is written on the air. The values are stored."""

    GSM = "gsm"  # GSM 03.38 with its extension table: 160 septets, 153 in each of several parts
    GSM_PT = "gsm-pt"  # the same with the Portuguese tables, as single or locking shift: fewer, for the UDH
    UCS2 = "ucs2"  # UTF-16: 70 units, 67 in each of several parts
    BINARY = "binary"  # one octet a character: 140, 134 in each of several parts


# The first of those that need the fewest parts is taken: fewer handsets know a locking shift than a single one.
CODINGS: Final[Mapping[Encoding, tuple[Coding, ...]]] = {
    Encoding.GSM: (DEFAULT_SEPTETS,),
    Encoding.GSM_PT: (DEFAULT_SEPTETS, SINGLE_SHIFT_SEPTETS, LOCKING_SHIFT_SEPTETS, BOTH_SHIFTS_SEPTETS),
    Encoding.UCS2: (UTF_16,),
    Encoding.BINARY: (OCTETS,),
}


class UnencodableTextError(ValueError):
    """A text has characters that the encoding lacks. It names none: texts are in no log."""

    def __init__(self, encoding: Encoding) -> None:
        super().__init__(f"The text has characters that {encoding} can't write.")
        self.encoding = encoding


def can_encode(text: str, encoding: Encoding) -> bool:
    return any(coding.units(text) is not None for coding in CODINGS[encoding])


def unencodable(text: str, encoding: Encoding) -> str:
    """Return the first characters that the encoding lacks, each once, at most ten; empty where it lacks none.

    Where tables exclude each other (GSM-PT), they are those of the table that lacks the fewest.
    """
    return min((_foreign(text, coding) for coding in CODINGS[encoding]), key=len)


def _foreign(text: str, coding: Coding) -> str:
    # Found and counted as they come: a long text of other letters has few distinct ones, or is left early.
    found: dict[str, None] = {}
    for match in coding.foreign.finditer(text):
        found[match[0]] = None
        if len(found) == UNENCODABLE_SHOWN:
            break
    return "".join(islice(found, UNENCODABLE_SHOWN))
