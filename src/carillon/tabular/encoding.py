"""Which encoding a file is in, and the one form in which everything behind this module sees its text.

That form, the *canonical* text, is UTF-8 bytes. What cannot be decoded stays in it as bytes that are not valid UTF-8,
so that the records around it are read and only the record that holds it is bad. The way there and back loses nothing:
the length in the source of any piece of canonical text can be computed, which is how reading resumes at an exact
byte.
"""

import codecs
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import BinaryIO, Final

from carillon.tabular.errors import UnknownEncodingError, UnreadableFileError
from carillon.tabular.letter_pairs import LikelyEncoding, likely_encoding, telling_words, usual_characters

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
_ENOUGH_LETTERS: Final = 20
_WHOLE_PER_BROKEN: Final = 20  # in UTF-8 that was damaged, or that a sample parts, there are so many and more
_ENOUGH_CHARACTERS: Final = 40  # so many different words' bytes make characters of UTF-8 in no other encoding
_SAMPLE_LINES: Final = 2_000
_SAMPLE_CHARACTERS: Final = 120
_LANGUAGES: Final = {
    "bg": "Bulgarian",
    "de": "German",
    "el": "Greek",
    "es": "Spanish",
    "fr": "French",
    "he": "Hebrew",
    "pt": "Portuguese",
    "ru": "Russian",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "western": "western European",
}
_ASCII: Final = re.compile("[\\x00-\\x7f]+")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodingChoice:
    """Which encoding a file is read in, and why.

    `reason` is a clause for a person, such as “it begins with a byte order mark”. `letters` counts what spoke for it:
    the bytes beyond ASCII in distinct words, 0 where nothing had to be guessed. `is_sure` is False for a guess that may
    well be wrong: from fewer than 20 letters, or from ones that are in no language known here. `sample` is a line
    of the file that shows whether it is right, and holds somebody's data; it is empty where nothing was guessed.
    """

    encoding: str
    reason: str
    letters: int = 0
    is_sure: bool = True
    sample: str = field(default="", repr=False)


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


def find_encoding(
    file: BinaryIO, size: int, asked: str | None, country: str | None = None
) -> tuple[EncodingChoice, int]:
    """Choose the file's encoding, and find the length of its byte order mark. A mark outranks what was asked for.

    `country` is where the file is from.
    """
    head = file.read(SAMPLE)
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return EncodingChoice(encoding=encoding, reason="it begins with a byte order mark"), len(mark)
    if asked is not None:
        return EncodingChoice(encoding=asked_encoding(asked), reason="it was asked for"), 0
    if wide := _utf16_without_mark(head[:PROBE_SIZE]):
        return EncodingChoice(encoding=wide, reason="every second byte is that of UTF-16"), 0
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"%PDF", b"\x1f\x8b", b"PAR1")):
        raise UnreadableFileError("The file is a workbook, an archive or a document, not a text file. Save it as CSV.")
    sample = head
    if head.isascii() and size > SAMPLE:
        sample = _probes(file, size)
    return _eight_bits(sample, country), 0


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


def _eight_bits(sample: bytes, country: str | None) -> EncodingChoice:
    """Choose UTF-8 unless its characters are outnumbered by bytes that break it, else what the letters speak for.

    A few characters of UTF-8 may be an eight-bit encoding's letters by chance: ISO-8859-5's ЧИТА is Ǹ°.
    """
    if sample.isascii():
        return EncodingChoice(encoding="utf-8", reason="it is plain ASCII")
    decoded, broken = _as_utf8(sample)
    whole = len(decoded) - len(decoded.encode("ascii", "ignore"))
    if broken <= 3 + whole // 10 and whole >= broken:  # up to three: a sample may part a character at each end
        return _few_of_utf8(sample, country, is_broken=broken * _WHOLE_PER_BROKEN > whole)
    return _guessed(sample, likely_encoding(telling_words(sample), country))


def _few_of_utf8(sample: bytes, country: str | None, *, is_broken: bool) -> EncodingChoice:
    """Choose UTF-8, or of few different characters what explains them better."""
    telling = telling_words(sample)
    words, _ = _as_utf8(telling)
    choice = EncodingChoice(encoding="utf-8", reason="its characters are those of UTF-8")
    characters = _beyond_ascii(words)
    if len(characters) >= _ENOUGH_CHARACTERS:
        return choice
    likely = likely_encoding(telling, country)
    fits = likely.fits if is_broken else likely.fits_alone
    is_usual = sum(map(usual_characters().__contains__, characters)) * 2 > len(characters)
    if fits and not is_usual and (is_broken or any(map(_is_mixed, words.split()))):
        return _guessed(sample, likely)
    is_sure = (is_usual and not fits) if is_broken else (is_usual or not fits)
    return choice if is_sure else replace(choice, is_sure=False, sample=_telling_line(sample, "utf-8"))


def _guessed(sample: bytes, likely: LikelyEncoding) -> EncodingChoice:
    return EncodingChoice(
        encoding=likely.encoding,
        reason=f"{likely.letters:,} letters that are not ASCII make {_LANGUAGES[likely.language]} words in it",
        letters=likely.letters,
        is_sure=likely.fits and likely.letters >= _ENOUGH_LETTERS,
        sample=_telling_line(sample, likely.encoding),
    )


def _as_utf8(text: bytes) -> tuple[str, int]:
    """Decode what is UTF-8, and count the bytes that are not."""
    decoded = text.decode("utf-8", "surrogateescape")
    whole = _SURROGATE.sub("", decoded)
    return whole, len(decoded) - len(whole)


def _beyond_ascii(text: str) -> str:
    return _ASCII.sub("", text)


def _is_mixed(word: str) -> bool:
    """Tell whether the characters of a word are of several scripts, as those of another encoding's letters may be."""
    return len({_script(one) for one in _beyond_ascii(word)}) > 1


def _script(character: str) -> str:
    """Name the script of a letter, "" for any other character."""
    return unicodedata.name(character, "").partition(" ")[0] if character.isalpha() else ""


def _telling_line(sample: bytes, encoding: str) -> str:
    """Decode the line that has the most letters to judge an encoding by; what may not be printed shows as U+FFFD."""
    lines = islice((line for line in sample.splitlines() if not line.isascii()), _SAMPLE_LINES)
    line = max(lines, key=lambda one: len({byte for byte in one[:_SAMPLE_CHARACTERS] if byte > 0x7F}))  # noqa: PLR2004
    text = line[:_SAMPLE_CHARACTERS].decode(encoding, "replace")
    return "".join(character if character.isprintable() else "�" for character in text.replace("\t", " "))
