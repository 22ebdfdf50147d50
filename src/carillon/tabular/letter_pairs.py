"""Which eight-bit encoding a text is in, by how often its letters stand beside each other in the names of a language.

A text that is read in a wrong encoding has letters in places where its language has none: Hebrew among Latin ones,
small before capital, pairs that no name has. Each encoding is tried with each language that is written in it, and the
likeliest pair wins; the account's country counts for as much as a few letters do. Libraries that do it guess most of
such texts, too, but not all of the encodings, and less from few letters (docs/adr/0057).
"""

import math
import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import islice, pairwise
from typing import Final

_CYRILLIC: Final = ("ru", "uk", "bg")
_LATIN: Final = ("es", "fr", "de", "pt", "western")
_WITH_ASCII: Final = (*_LATIN, "tr")
# The likelier comes first: it is chosen where another reads the same text.
_CANDIDATES: Final = (
    ("cp1252", _LATIN),
    ("cp1251", _CYRILLIC),
    ("cp1253", ("el",)),
    ("cp1254", ("tr",)),
    ("cp1255", ("he",)),
    ("iso8859-5", _CYRILLIC),
    ("iso8859-7", ("el",)),
    ("iso8859-8", ("he",)),
    ("koi8-r", _CYRILLIC),
    ("koi8-u", _CYRILLIC),
    ("cp862", ("he",)),
    ("cp866", _CYRILLIC),
)
_SPOKEN: Final = {
    "bg": "BG",
    "de": "DE AT CH LI LU",
    "el": "GR CY",
    "es": "ES MX AR CO CL PE VE EC GT CU BO DO HN PY SV NI CR PA UY PR",
    "fr": "FR BE CH CA LU MC MA DZ TN SN CI",
    "he": "IL",
    "pt": "PT BR AO MZ",
    "ru": "RU BY KZ KG UZ TJ TM AM AZ GE MD",
    "tr": "TR",
    "uk": "UA",
    "western": "IT SE DK NO FI NL IS IE GB",
}

# In nats, as the logarithms of probabilities are.
_OF_THE_COUNTRY: Final = 6.0
_OF_WINDOWS: Final = 2.0
_SMALL_BEFORE_CAPITAL: Final = -4.0
_BESIDE_ANOTHER_SCRIPT: Final = -14.0
_PUNCTUATION: Final = -5.0
_SYMBOL: Final = -15.0
_UNDEFINED: Final = -30.0
_UNSEEN_LETTER: Final = 1e-5
_SMOOTHING: Final = 3.0

_USUAL_PUNCTUATION: Final = frozenset("\xa0«»–—“”„‘’€№°…")  # noqa: RUF001 - as they are written
_EDGE: Final = "\n"
_APOSTROPHES: Final = "'’"  # noqa: RUF001 - both are written in names
_MOST_WORDS: Final = 1_000
_MOST_FOUND: Final = 20_000
_WORD: Final = re.compile(rb"[A-Za-z'\x80-\xff]*[\x80-\xff][A-Za-z'\x80-\xff]*")
# The likelihood a letter that names in their own language do not fall below (measured: -6.3 and -5.1), and those of
# languages that are not known here mostly do.
_UNFIT_LATIN: Final = -7.0
_UNFIT: Final = -5.2


@dataclass(frozen=True, slots=True, kw_only=True)
class LikelyEncoding:
    """The likeliest encoding, and the language that speaks for it.

    `letters` counts the bytes beyond ASCII in the distinct words that were looked at; `fits` says that they are as
    likely in the language as names of it are, and `fits_alone` that they are so whatever the country is.
    """

    encoding: str
    language: str
    letters: int
    fits: bool
    fits_alone: bool


def likely_encoding(words: bytes, country: str | None) -> LikelyEncoding:
    """Choose the encoding of a text's `telling_words`; `country` (ISO 3166, two letters) is where it is from."""
    letters = sum(byte > 0x7F for byte in words)  # noqa: PLR2004 - the last of ASCII
    best = (-math.inf, 0.0, "", "")
    for encoding, languages in _CANDIDATES:
        text = words.decode(encoding, "surrogateescape")
        of_all = _shape_score(text)
        prior = _OF_WINDOWS if encoding.startswith("cp125") else 0.0
        for language in languages:
            there = _OF_THE_COUNTRY if country in _SPOKEN[language].split() else 0.0
            alone = of_all + _letter_score(language, text)
            score = alone + prior + there
            if score > best[0]:
                best = (score, alone, encoding, language)
    score, alone, encoding, language = best
    unfit = letters * (_UNFIT_LATIN if language in _WITH_ASCII else _UNFIT)
    return LikelyEncoding(
        encoding=encoding, language=language, letters=letters, fits=score > unfit, fits_alone=alone > unfit
    )


def telling_words(sample: bytes) -> bytes:
    """Return the distinct words of a text that have bytes beyond ASCII, each on a line of its own."""
    found = (match[0] for match in islice(_WORD.finditer(sample), _MOST_FOUND))
    return b"\n".join(islice(dict.fromkeys(found), _MOST_WORDS))


@cache
def usual_characters() -> frozenset[str]:
    """Return the characters beyond ASCII that names have in the languages known here, and the usual marks."""
    words = "".join(language["words"] for language in _names().values())
    return frozenset(words.lower() + words.upper()) | _USUAL_PUNCTUATION


def _shape_score(text: str) -> float:
    """Score what no language has: symbols in words, bytes that mean nothing, capitals behind small letters."""
    score = _SMALL_BEFORE_CAPITAL * sum(
        1 for left, right in pairwise(text) if left.islower() and right.isupper() and not (left + right).isascii()
    )
    for character in text:
        if not character.isascii() and not character.isalpha():
            if "\udc80" <= character <= "\udcff":
                score += _UNDEFINED
            else:
                score += _PUNCTUATION if character in _USUAL_PUNCTUATION else _SYMBOL
    return score


def _letter_score(language: str, text: str) -> float:
    """Add up how likely each letter is behind the one before it, where one of them is beyond ASCII."""
    score = 0.0
    before = _EDGE
    for character in _lower(text):
        letter = character if character.isalpha() or character in _APOSTROPHES else _EDGE
        if not (before.isascii() and letter.isascii()):
            score += _likelihood(language, before, letter)
        before = letter
    return score


@cache
def _likelihood(language: str, before: str, letter: str) -> float:
    if (before + letter).isalpha() and before.isascii() != letter.isascii() and language not in _WITH_ASCII:
        return _BESIDE_ANOTHER_SCRIPT
    pairs, single, size = _counted(language)
    alone = single[letter] / size or _UNSEEN_LETTER
    return math.log((pairs[before, letter] + _SMOOTHING * alone) / (single[before] + _SMOOTHING))


@cache
def _counted(language: str) -> tuple[Counter[tuple[str, str]], Counter[str], int]:
    """Count a language's pairs of letters, its letters, and all of these together."""
    pairs, single = Counter[tuple[str, str]](), Counter[str]()
    for word in _names()[language]["words"].split():
        letters = _EDGE + _lower(word) + _EDGE
        pairs.update(pairwise(letters))
        single.update(letters[1:])
    return pairs, single, single.total()


@cache
def _names() -> dict[str, dict[str, str]]:
    return tomllib.loads(files("carillon.tabular").joinpath("names.toml").read_text("utf-8"))


def _lower(text: str) -> str:
    return text.replace("İ", "i").lower()  # Python makes two characters of this one
