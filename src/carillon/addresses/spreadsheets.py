"""Numbers that a spreadsheet made of phones: mended where no digit was lost, and told apart where some were.

The patterns are for Python's `re` as well as for polars, which reads whole columns by them: a `DECIMAL` loses its
`ZEROS` and `THOUSANDS` their commas, and a text is no phone where `NUMBER` matches what is left.
"""

import re

# What parts thousands in other locales: typographic spaces (French), apostrophes (Swiss) and the Arabic mark.
_SEPARATORS = re.compile("[\u2000-\u200a\u202f\u205f]|(?<=[0-9])['\u2019\u066c](?=[0-9])")
_USUAL_SEPARATOR = "\u00a0"

# A decimal of zeros. The whole part may be grouped by anything but dots and commas, or by the thousands; where other
# dots group it (01.23.45.67.00) the zeros are digits of the phone. More than two zeros may be a group of it, too, where
# a sign or a zero stands before the digits.
DECIMAL = (
    r"^[^.,]*[0-9][ \u00a0]*[.,][ \u00a0]*0{1,2}\)?$"
    r"|^[1-9][0-9]*[.,]0+$"
    r"|^[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+\.|(?:\.[0-9]{3})+,)0{1,2}$"
)
ZEROS = r"[ \u00a0]*[.,][ \u00a0]*0+\)?$"
"""What a `DECIMAL` ends with."""

THOUSANDS = r"^[1-9][0-9]{0,2}(?:,[0-9]{3})+$"
# Of the forms that `DECIMAL` does not mend. A whole part shorter than a phone may be a group of a phone's own digits,
# but a single zero behind groups is none.
FRACTION = (
    r"^\+?[0-9]{7,}(?:[.,][0-9]{1,2})+$"
    r"|^[1-9][0-9]{6,}[.,][0-9]+$"
    r"|^[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+\.|(?:\.[0-9]{3})+,)[0-9]+$"
    r"|^[1-9][0-9]{0,2}(?:[ \u00a0][0-9]{3}){2,}[.,][0-9]{1,2}$"
    r"|\.[^,]*(?:\.[ \u00a0]*0|[0-9]{7,}[ \u00a0]*\.[ \u00a0]*00)\)?$"
)
NEGATIVE = r"^-[0-9]+(?:[.,][0-9]+)?$"
NUMBER = f"{FRACTION}|{NEGATIVE}"
SCIENTIFIC = r"^\d(?:[.,\uff0e\uff0c\u066b]\d+)?[eE]\+?\d{1,2}$"
"""Of any script; `whole_number` is given ASCII digits."""

_is_plain = re.compile(r"[^.,eE-]*").fullmatch
_is_decimal = re.compile(DECIMAL).match
_ZEROS = re.compile(ZEROS)
_is_by_thousands = re.compile(THOUSANDS).match
_FRACTION = re.compile(FRACTION)
_NUMBER = re.compile(NUMBER)
_is_scientific = re.compile(SCIENTIFIC).match
_SCIENTIFIC = re.compile(r"([0-9])(?:[.,]([0-9]+))?[eE]\+?([0-9]{1,2})")


def whole_number(text: str) -> str | None:
    """Write a stripped text that is a whole decimal (501234579.0, 542,700,008, 5.01234579E8) without its fraction.

    Groups that people part by blanks, hyphens, slashes and brackets stay: "054 280 0001.0" is "054 280 0001". What
    other locales part them by becomes a no-break space.
    None: it has fewer digits than its power of ten, so that its last ones were lost, or a fraction, or is negative.
    Other texts stay as they are.
    """
    text = _with_usual_separators(text)
    if _is_plain(text):
        return text
    whole = _without_zeros(text)
    if _NUMBER.search(whole):
        return None
    if match := _SCIENTIFIC.fullmatch(whole):
        fraction, power = match[2] or "", int(match[3])
        is_whole = len(fraction) >= power and not fraction[power:].strip("0")
        return match[1] + fraction[:power] if is_whole else None
    return whole


def _with_usual_separators(text: str) -> str:
    return _SEPARATORS.sub(_USUAL_SEPARATOR, text)


def _without_zeros(text: str) -> str:
    whole = _ZEROS.sub("", text) if _is_decimal(text) else text
    return whole.replace(",", "") if _is_by_thousands(whole) else whole


def has_lost_digits(text: str) -> bool:
    """Tell whether a stripped text is a number that a spreadsheet rounded."""
    return bool(_is_scientific(text)) and whole_number(text) is None


def has_fraction(text: str) -> bool:
    """Tell whether a stripped text is a number as long as a phone with a fraction, which no phone has."""
    return bool(_FRACTION.search(_without_zeros(_with_usual_separators(text))))
