"""Reading texts that come from the air. Nothing here raises, whatever the octets are."""

from collections.abc import Iterable
from itertools import groupby

from carillon.text.codings import (
    BOTH_SHIFTS_SEPTETS,
    DEFAULT_SEPTETS,
    LOCKING_SHIFT_SEPTETS,
    SINGLE_SHIFT_SEPTETS,
)
from carillon.text.encodings import Encoding
from carillon.text.segments import Part
from carillon.text.user_data import Header, Language, read_header

# By whether the single shift and the locking shift are Portuguese. Tables of other languages are not known here.
_SEPTETS = {
    (False, False): DEFAULT_SEPTETS.alphabet,
    (True, False): SINGLE_SHIFT_SEPTETS.alphabet,
    (False, True): LOCKING_SHIFT_SEPTETS.alphabet,
    (True, True): BOTH_SHIFTS_SEPTETS.alphabet,
}


def decode_gsm(septets: bytes, *, single: int | None = None, locking: int | None = None) -> str:
    """Read septets that are one in an octet.

    `single` and `locking` are the languages of the header's shift elements; one that is not Portuguese is read by the
    default tables, as the standard wants of a receiver that lacks it. Octets above 127 become U+FFFD.
    """
    return _SEPTETS[single == Language.PORTUGUESE, locking == Language.PORTUGUESE].decode(septets)


def decode_ucs2(octets: bytes) -> str:
    """Read UTF-16, big endian. Half a surrogate pair and an odd last octet become U+FFFD."""
    return octets.decode("utf-16-be", "replace")


def decode_payload(payload: bytes, encoding: Encoding, header: Header) -> str:
    match encoding:
        case Encoding.UCS2:
            return decode_ucs2(payload)
        case Encoding.BINARY:
            return payload.decode("latin-1")
        case Encoding.GSM | Encoding.GSM_PT:
            return decode_gsm(payload, single=header.single, locking=header.locking)


def read_part(octets: bytes, encoding: Encoding, *, has_header: bool) -> Part:
    """Make a part of the user data of a received message (of SMPP, `has_header` is bit 0x40 of its esm_class)."""
    if not has_header:
        return Part(payload=octets, encoding=encoding)
    header, payload = read_header(octets)
    return Part(
        udh=octets[: len(octets) - len(payload)],
        payload=payload,
        encoding=encoding,
        reference=header.reference,
        total=header.total,
        number=header.number,
    )


def join_parts(parts: Iterable[Part]) -> str:
    """Read the text of parts, by their numbers, whatever order they came in.

    Neighbours with the same encoding and tables are read as one, since other senders split surrogate pairs and
    escapes. Parts that are missing leave no mark; of parts with one number, the first holds.
    """
    distinct: dict[int, Part] = {}
    for part in parts:
        distinct.setdefault(part.number, part)
    ordered = [distinct[number] for number in sorted(distinct)]
    return "".join(
        decode_payload(b"".join(part.payload for part in alike), encoding, header)
        for (encoding, header), alike in groupby(ordered, key=_tables)
    )


def _tables(part: Part) -> tuple[Encoding, Header]:
    header, _ = read_header(part.udh)
    return part.encoding, Header(single=header.single, locking=header.locking)
