"""Which encoding a file is in, and the one form in which everything behind this module sees its text.

That form, the *canonical* text, is UTF-8 bytes. What cannot be decoded stays in it as bytes that are not valid UTF-8,
so that the records around it are read and only the record that holds it is bad. The way there and back loses nothing:
the length in the source of any piece of canonical text can be computed, which is how reading resumes at an exact
byte.
"""

import codecs
import re
from collections import Counter
from typing import BinaryIO, Final

from carillon.tabular.errors import UnknownEncodingError, UnreadableFileError

SAMPLE: Final = 4 * 1024 * 1024
"""Bytes from the file's start that decide its encoding."""

PROBES: Final = 16
PROBE_SIZE: Final = 64 * 1024
"""A file whose start is plain ASCII is looked into at so many places, as its first names may come late."""

UTF16: Final = frozenset({"utf-16-le", "utf-16-be"})

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ASKED: Final = {"utf-8-sig": "utf-8", "ascii": "utf-8", "utf-16": "utf-16-le", "iso8859-1": "cp1252"}
_HIGH: Final = re.compile(rb"[\x80-\xff]")
_HEBREW_RUN: Final = re.compile(rb"[\xe0-\xfa]{2,}")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def to_canonical(raw: bytes, encoding: str) -> bytes:
    """Turn `raw` into canonical text; for UTF-16 it is an even number of bytes that does not part a surrogate pair."""
    if encoding == "utf-8":
        return raw
    if encoding in UTF16:
        return raw.decode(encoding, "surrogatepass").encode("utf-8", "surrogatepass")
    return raw.decode(encoding, "surrogateescape").encode("utf-8", "surrogatepass")


def source_length(canonical: bytes, encoding: str) -> int:
    """Count the bytes of the source that became `canonical`, which begins and ends between characters."""
    if encoding == "utf-8" or (canonical.isascii() and encoding not in UTF16):
        return len(canonical)
    text = canonical.decode("utf-8", "surrogatepass")
    return len(text.encode(encoding, "surrogatepass")) if encoding in UTF16 else len(text)


def readable(canonical: bytes) -> str:
    """Show canonical text to a person: what could not be decoded shows as U+FFFD."""
    try:
        return _SURROGATE.sub("�", canonical.decode("utf-8", "surrogatepass"))
    except UnicodeDecodeError:
        return canonical.decode("utf-8", "replace")


def is_text(canonical: bytes) -> bool:
    """Tell whether every byte could be decoded."""
    if canonical.isascii():
        return True
    try:
        canonical.decode()
    except UnicodeDecodeError:
        return False
    return True


def asked_encoding(name: str) -> str:
    """Normalise the spelling of an encoding that a caller named.

    UTF-8, UTF-16 and every single-byte encoding that holds ASCII are taken; a bare "utf-16" means little-endian
    unless the file's mark says otherwise.

    Raises:
        UnknownEncodingError: no such encoding, or one whose characters have varying lengths.

    """
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        raise UnknownEncodingError(f"The encoding “{name[:40]}” is unknown.") from None
    found = _ASKED.get(found, found)
    if found == "utf-8" or found in UTF16 or _is_single_byte(found):
        return found
    raise UnknownEncodingError(f"Files in the encoding “{name[:40]}” are not read; save the file as UTF-8.")


def _is_single_byte(encoding: str) -> bool:
    every = bytes(range(256))
    try:
        text = every.decode(encoding, "surrogateescape")
        return len(text) == len(every) and text.encode(encoding, "surrogateescape") == every and text[:128].isascii()
    except (LookupError, UnicodeError, ValueError, AssertionError):
        return False  # also the codecs that are no text encodings at all (base64, zlib …)


def find_encoding(file: BinaryIO, size: int, asked: str | None) -> tuple[str, int]:
    """Find the file's encoding and the length of its byte order mark. A mark outranks what was asked for."""
    head = file.read(SAMPLE)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    if asked is not None:
        return asked_encoding(asked), 0
    if wide := _utf16_without_mark(head[:PROBE_SIZE]):
        return wide, 0
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF", b"\x1f\x8b", b"PAR1")):
        raise UnreadableFileError("The file is a workbook, an archive or a document, not a text file. Save it as CSV.")
    sample = head
    if head.isascii() and size > SAMPLE:
        sample = _probes(file, size)
    return _eight_bits(sample), 0


def _utf16_without_mark(sample: bytes) -> str | None:
    """Recognise UTF-16 by the upper halves of its code units: zero for delimiters and digits, one more for a script."""
    for upper, lower, encoding in (
        (sample[1::2], sample[0::2], "utf-16-le"),
        (sample[0::2], sample[1::2], "utf-16-be"),
    ):
        zeros = upper.count(0)
        usual = sum(count for _, count in Counter(upper).most_common(2))
        if zeros * 10 > len(upper) and lower.count(0) * 5 < zeros and usual * 10 > len(upper) * 8:
            return encoding
    return None


def _probes(file: BinaryIO, size: int) -> bytes:
    pieces = []
    for place in range(1, PROBES + 1):
        file.seek(SAMPLE + (size - SAMPLE - PROBE_SIZE) * place // PROBES if size > SAMPLE + PROBE_SIZE else SAMPLE)
        pieces.append(file.read(PROBE_SIZE))
    return b"\n".join(pieces)


def _eight_bits(sample: bytes) -> str:
    """Choose UTF-8 unless its characters are outnumbered by bytes that break it, else a Hebrew or a western code page.

    French and German also fall in the range of Hebrew letters, but one accented letter at a time; Hebrew comes in
    words.
    """
    if sample.isascii():
        return "utf-8"
    text = sample.decode("utf-8", "surrogateescape")
    broken = len(_SURROGATE.findall(text))
    whole = sum(1 for _ in re.finditer("[^\x00-\x7f\ud800-\udfff]", text))
    if broken <= 3 + whole // 10 and whole >= broken:  # up to three: a sample may part a character at each end
        return "utf-8"
    high = len(_HIGH.findall(sample))
    hebrew = sum(len(run) for run in _HEBREW_RUN.findall(sample))
    return "cp1255" if hebrew * 2 >= high else "cp1252"
