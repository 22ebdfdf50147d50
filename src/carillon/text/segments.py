"""Parts of SMS texts: how many a text needs, and the parts themselves.

Each part of several carries a header with a reference, so it has room for less: 153 septets for 160, 67 UTF-16 units
for 70, 134 octets for 140. An escape and its septet, and the two halves of a surrogate pair, are never in two parts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from carillon.text.codings import DEFAULT_SEPTETS, Coding
from carillon.text.encodings import CODINGS, Encoding, UnencodableTextError
from carillon.text.user_data import concatenation_element, make_header

MAX_PARTS: Final = 255
"""Parts that the header can count."""

AUTOMATIC: Final = (Encoding.GSM, Encoding.UCS2)

_CHUNK: Final = 256  # texts that are looked at together; one odd text makes the others of its chunk slower


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One SMS on the air. Its text is in no repr."""

    udh: bytes = b""  # with its length octet; empty where there is none
    payload: bytes = field(repr=False)  # septets one in an octet, UTF-16-BE, or octets
    encoding: Encoding
    reference: int | None = None  # what parts of one text have in common; None: it is alone
    total: int = 1
    number: int = 1  # from 1 on

    @property
    def octets(self) -> bytes:
        """The user data: the header, then the payload."""
        return self.udh + self.payload


class Measures(NamedTuple):
    """The encodings that were chosen for texts, and their parts. None and 0 where no encoding fits."""

    encodings: list[Encoding | None]
    parts: list[int]


def count_units(text: str, encoding: Encoding) -> int:
    """Count septets, UTF-16 units or octets of a text, headers not included. Raises `UnencodableTextError`."""
    coding, _ = _best(text, encoding, wide=False)
    return coding.units(text) or 0


def count_parts(text: str, encoding: Encoding, *, wide_reference: bool = False) -> int:
    """Count the parts that a text needs, at least 1. Raises `UnencodableTextError`.

    References of 16 bits (`wide_reference`) take an octet of each part.
    """
    return _best(text, encoding, wide=wide_reference)[1]


def choose_encoding(text: str, allowed: Sequence[Encoding] = AUTOMATIC) -> Encoding | None:
    """Choose the allowed encoding that needs the fewest parts, the earlier one of equals; None where none fits."""
    return _measure(text, [(encoding, CODINGS[encoding]) for encoding in allowed])[0]


def measure_many(texts: Sequence[str], allowed: Sequence[Encoding] = AUTOMATIC) -> Measures:
    """Do `choose_encoding` and `count_parts` for many texts; with one encoding allowed, count with that."""
    candidates = [(encoding, CODINGS[encoding]) for encoding in allowed]
    begins_with_gsm = bool(allowed) and allowed[0] is Encoding.GSM
    measures = Measures([], [])
    for start in range(0, len(texts), _CHUNK):
        chunk = texts[start : start + _CHUNK]
        parts = _parts_of_singles(chunk) if begins_with_gsm else None
        if parts is not None:
            measures.encodings.extend([Encoding.GSM] * len(chunk))
            measures.parts.extend(parts)
            continue
        for text in chunk:
            encoding, count = _measure(text, candidates)
            measures.encodings.append(encoding)
            measures.parts.append(count)
    return measures


def _parts_of_singles(texts: Sequence[str]) -> list[int] | None:
    """Count parts where all characters are in Latin-1 and take one septet: no encoding needs fewer. None: others."""
    try:
        others = "".join(texts).encode("latin-1").translate(None, DEFAULT_SEPTETS.alphabet.latin_singles)
    except UnicodeEncodeError:
        return None
    if others:
        return None
    one, many = DEFAULT_SEPTETS.one, DEFAULT_SEPTETS.many
    return [1 if size <= one else -(-size // many) for size in map(len, texts)]


def _measure(text: str, candidates: Sequence[tuple[Encoding, tuple[Coding, ...]]]) -> tuple[Encoding | None, int]:
    chosen, fewest = None, 0
    for encoding, codings in candidates:
        for coding in codings:
            parts = _count(text, coding, wide=False)
            if parts is not None and (chosen is None or parts < fewest):
                chosen, fewest = encoding, parts
                if parts == 1:
                    return chosen, 1
    return chosen, fewest


def _best(text: str, encoding: Encoding, *, wide: bool) -> tuple[Coding, int]:
    """Choose the coding of an encoding that needs the fewest parts, the earlier one of equals."""
    chosen, fewest = None, 0
    for coding in CODINGS[encoding]:
        parts = _count(text, coding, wide=wide)
        if parts is not None and (chosen is None or parts < fewest):
            chosen, fewest = coding, parts
            if parts == 1:
                break
    if chosen is None:
        raise UnencodableTextError(encoding)
    return chosen, fewest


def _count(text: str, coding: Coding, *, wide: bool) -> int | None:
    units = coding.units(text)
    if units is None or units <= coding.one:
        return None if units is None else 1
    room = coding.many_wide if wide else coding.many
    if units == len(text):
        return -(-units // room)
    return sum(1 for _ in _cut(coding.encode(text), coding, room))


def _cut(octets: bytes, coding: Coding, room: int) -> Iterator[bytes]:
    """Yield payloads of at most `room` units, no pair in two of them."""
    size, units = coding.unit_octets, len(octets) // coding.unit_octets
    start = 0
    while start < units:
        end = min(start + room, units)
        if end < units and coding.pair_begins(octets, end - 1):
            end -= 1
        yield octets[start * size : end * size]
        start = end


def split_parts(text: str, encoding: Encoding, reference: int, *, wide_reference: bool = False) -> list[Part]:
    """Make the parts of a text, in their order.

    Of `reference` the low 8 bits are sent, or 16 with `wide_reference`. Raises `UnencodableTextError`, and ValueError
    for a text of more than 255 parts.
    """
    coding, total = _best(text, encoding, wide=wide_reference)
    octets = coding.encode(text)
    if total == 1:
        return [Part(udh=make_header(coding.elements), payload=octets, encoding=encoding)]
    if total > MAX_PARTS:
        raise ValueError(f"The text has {total} parts, the most is {MAX_PARTS}.")
    reference &= 0xFFFF if wide_reference else 0xFF
    payloads = _cut(octets, coding, coding.many_wide if wide_reference else coding.many)
    return [
        Part(
            udh=make_header(concatenation_element(reference, total, number, wide=wide_reference) + coding.elements),
            payload=payload,
            encoding=encoding,
            reference=reference,
            total=total,
            number=number,
        )
        for number, payload in enumerate(payloads, 1)
    ]
