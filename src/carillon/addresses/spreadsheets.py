"""Numbers that a spreadsheet made of phones: mended where no digit was lost, and told apart where some were."""

import re

# With at most two zeros also what a sign or a zero was put before; more of them may be a group of a phone's own digits.
DECIMAL = r"^(\+?[0-9]+)[.,]0{1,2}$|^([1-9][0-9]*)[.,]0+$"
# Of the forms that `DECIMAL` does not mend. A whole part shorter than a phone may be a group of a phone's own digits.
FRACTION = r"^\+?[0-9]{7,}[.,][0-9]{1,2}$|^[1-9][0-9]{6,}[.,][0-9]+$"
NEGATIVE = r"^-[0-9]+(?:[.,][0-9]+)?$"
SCIENTIFIC = r"^[0-9](?:[.,][0-9]+)?[eE]\+?[0-9]{1,2}$"

_DECIMAL = re.compile(DECIMAL)
_FRACTION = re.compile(FRACTION)
_NEGATIVE = re.compile(NEGATIVE)
_SCIENTIFIC = re.compile(r"([0-9])(?:[.,]([0-9]+))?[eE]\+?([0-9]{1,2})")


def whole_number(text: str) -> str | None:
    """Write a stripped text that is a whole decimal (501234579.0, 5.01234579E8) with its digits alone.

    None: it has fewer digits than its power of ten, so that its last ones were lost, or a fraction, or is negative.
    Other texts stay as they are.
    """
    if match := _DECIMAL.match(text):
        return match[1] or match[2]
    if _FRACTION.match(text) or _NEGATIVE.match(text):
        return None
    if match := _SCIENTIFIC.fullmatch(text):
        fraction, power = match[2] or "", int(match[3])
        is_whole = len(fraction) >= power and not fraction[power:].strip("0")
        return match[1] + fraction[:power] if is_whole else None
    return text


def has_lost_digits(text: str) -> bool:
    """Tell whether a stripped text is a number that a spreadsheet rounded."""
    return bool(_SCIENTIFIC.fullmatch(text)) and whole_number(text) is None


def has_fraction(text: str) -> bool:
    """Tell whether a stripped text is a number as long as a phone with a fraction, which no phone has."""
    return bool(_FRACTION.match(text)) and whole_number(text) is None
