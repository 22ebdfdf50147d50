"""Typographic characters that force UCS-2, and what GSM has in their place."""

import unicodedata
from typing import Final

from carillon.text.codings import BOTH_SHIFTS_SEPTETS, DEFAULT_SEPTETS, LOCKING_SHIFT_SEPTETS, SINGLE_SHIFT_SEPTETS

_REPLACEMENTS: Final = {
    # Single quotes, apostrophes, primes and lone accents.
    "'": "\u2018\u2019\u201a\u201b\u2032\u2035\u02b9\u02bb\u02bc\u02bd\u02c8\u02ca\u02cb\u2039\u203a\u00b4\u0060\uff07",
    # Double quotes and double primes.
    '"': "\u201c\u201d\u201e\u201f\u2033\u2036\u02ba\u02ee\u00ab\u00bb\u301d\u301e\u301f\uff02",
    # Hyphens, dashes and the minus sign.
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u02d7\ufe58\ufe63\uff0d",
    ".": "\u2024",
    "..": "\u2025",
    "...": "\u2026",
    "*": "\u2022\u2023\u2219\u25cf\u25aa\u2217",
    "/": "\u2044\u2215",
    "fi": "\ufb01",
    "fl": "\ufb02",
    "ff": "\ufb00",
    "ffi": "\ufb03",
    "ffl": "\ufb04",
    # Tabulators, and spaces of other widths or that don't break a line.
    " ": "\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000",
    "\n": "\u0085\u2028\u2029\v",
    # Soft hyphens, joiners, directions, variation selectors of text and emoji, the byte order mark: not seen.
    "": (
        "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064"
        "\u2066\u2067\u2068\u2069\ufe0e\ufe0f\ufeff"
    ),
}

_TABLE: Final = str.maketrans(
    {character: replacement for replacement, characters in _REPLACEMENTS.items() for character in characters}
)
_CODINGS: Final = (DEFAULT_SEPTETS, SINGLE_SHIFT_SEPTETS, LOCKING_SHIFT_SEPTETS, BOTH_SHIFTS_SEPTETS)


def replace_typographic(text: str) -> str:
    """Replace quotes, dashes, spaces and the like so that the text fits GSM, or else GSM-PT.

    Letters with combining accents are composed. A text that then still fits neither (of another script, or with an
    emoji) comes back as it was, because it would lose its typography for nothing; so does one that fits GSM already.
    """
    if DEFAULT_SEPTETS.units(text) is not None:
        return text
    replaced = unicodedata.normalize("NFC", text).translate(_TABLE)
    fits = any(coding.units(replaced) is not None for coding in _CODINGS)
    return replaced if fits else text
