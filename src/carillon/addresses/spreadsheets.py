"""Numbers that a spreadsheet made of phones: mended where no digit was lost, and told apart where some were.

A number is a decimal where no other separator is among its digits than its thousands', and

* one or two digits are behind its only point or comma, and seven or more before it: `30765432.5`;
* or zeros alone: `501234579.000`, `612 345 678.00`, `054 280 0001.0`. Behind a sign or a zero, more than two of them
  may be a group of a phone's digits (`0541234.000`), but not behind ten digits. Two zeros behind a short group
  (`06 1234 56.00`) may be the phone's or none: nobody knows, and it is no phone;
* or more digits than that, where no sign or zero is before seven digits (`5012345.678`), or behind ten digits;
* or one digit, behind seven that are grouped otherwise: `054 280 0001.5`;
* or any, behind a single zero: `0.541234567`.

What has a slash and up to three digits behind seven or more (`612 34 56 78/79`, `612345678 1/2`) are two phones, or a
phone and a fraction, and none of them. A day (`2026-03-01`) is no phone either, though plans have such numbers.

Whatever is no digit may stand around it: brackets, quotes, marks of direction, a comma that parts cells. Groups of a
phone that are parted by points are no decimals: `03.1234567`, `054.511.1249`, `+49 30 1234.5678`, `(02) 123.4567`.

The patterns are for Python's `re` as well as for polars, which reads whole columns of ASCII by them: a `DECIMAL` loses
its `ZEROS` and `THOUSANDS` their commas, and a text is no phone where `NUMBER` matches what is left.
"""

import re
import unicodedata

# What parts thousands in other locales: typographic spaces (French), apostrophes (Swiss) and the Arabic mark.
_SEPARATORS = re.compile("[\u2000-\u200a\u202f\u205f]|(?<=[0-9])['\u2019\u066c](?=[0-9])")
_USUAL_SEPARATOR = "\u00a0"
_POINTS = str.maketrans({"\uff0e": ".", "\uff0c": ",", "\u066b": ","})

_BEFORE = r"^[^0-9]*"
_BEFORE_WITHOUT_PLUS = r"^[^0-9+]*"
_BEHIND = r"[^0-9]*$"
_BY_THOUSANDS = r"[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+\.|(?:\.[0-9]{3})+,)"

# A decimal of zeros. The whole part may be grouped by anything but dots and commas; before two zeros its last group has
# four digits, or all are thousands. Where other dots group it (01.23.45.67.00) the zeros are digits of the phone.
DECIMAL = (
    rf"{_BEFORE}[0-9](?:[^.,0-9]*[0-9])*[ \u00a0]*[.,][ \u00a0]*0{_BEHIND}"
    rf"|{_BEFORE}(?:[0-9][^.,]*)?[0-9]{{4,}}[ \u00a0]*[.,][ \u00a0]*00{_BEHIND}"
    rf"|{_BEFORE_WITHOUT_PLUS}[1-9][0-9]{{0,2}}(?:[ \u00a0'][0-9]{{3}})+[ \u00a0]*[.,][ \u00a0]*00{_BEHIND}"
    rf"|{_BEFORE_WITHOUT_PLUS}[1-9][0-9]*[.,]0+{_BEHIND}"
    rf"|{_BEFORE_WITHOUT_PLUS}{_BY_THOUSANDS}0{{1,2}}{_BEHIND}"
)
ZEROS = r"[ \u00a0]*[.,][ \u00a0]*0+([^0-9]*)$"
"""What a `DECIMAL` ends with; what stands behind it stays."""

THOUSANDS = rf"{_BEFORE_WITHOUT_PLUS}[1-9][0-9]{{0,2}}(?:,[0-9]{{3}})+{_BEHIND}"
# Of the forms that `DECIMAL` does not mend. A whole part shorter than a phone may be a group of a phone's own digits,
# but a single zero behind groups is none.
FRACTION = (
    rf"{_BEFORE}[0-9]{{7,}}(?:[.,][0-9]{{1,2}})+{_BEHIND}"
    rf"|{_BEFORE_WITHOUT_PLUS}[1-9][0-9]{{6,}}[.,][0-9]+{_BEHIND}"
    rf"|{_BEFORE}[0-9]{{10,}}[.,][0-9]{{1,6}}{_BEHIND}"
    rf"|{_BEFORE_WITHOUT_PLUS}{_BY_THOUSANDS}[0-9]+{_BEHIND}"
    rf"|{_BEFORE_WITHOUT_PLUS}[1-9][0-9]{{0,2}}(?:[ \u00a0][0-9]{{3}}){{2,}}[.,][0-9]{{1,2}}{_BEHIND}"
    rf"|{_BEFORE}[0-9](?:[^.,0-9]*[0-9]){{6,}}[ \u00a0]*[.,][ \u00a0]*[0-9]{_BEHIND}"
    rf"|{_BEFORE}[0-9](?:[^.,0-9]*[0-9]){{4,}}[ \u00a0]*[.,][ \u00a0]*00{_BEHIND}"
    rf"|{_BEFORE_WITHOUT_PLUS}0[.,][0-9]+{_BEHIND}"
    rf"|\.[^,]*(?:\.[ \u00a0]*0|[0-9]{{7,}}[ \u00a0]*\.[ \u00a0]*00){_BEHIND}"
)
# A hyphen behind other characters than these is punctuation.
NEGATIVE = rf"^[\"'`(\[<\u200b\u200e\u200f\u202a-\u202e]*-[0-9]+(?:[.,][0-9]+)?{_BEHIND}"
SECOND = r"^[^/0-9]*[0-9](?:[^0-9/]*[0-9]){6,}[^0-9/]*/[^0-9/]*[0-9]{1,3}[^0-9/]*$"
DATE = rf"^[^0-9]*(?:19|20)[0-9]{{2}}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01]){_BEHIND}"
NUMBER = f"{FRACTION}|{NEGATIVE}|{SECOND}|{DATE}"
# Programs write two or three digits of the power, and in the engineering form up to three before the point.
SCIENTIFIC = r"^([^0-9A-Za-z-]*)([0-9]+)(?:[.,]([0-9]+))?[eE]\+?([0-9]{1,3})([^0-9A-Za-z]*)$"

_is_plain = re.compile(r"[^.,eE/-]*").fullmatch
_is_decimal = re.compile(DECIMAL).match
_ZEROS = re.compile(ZEROS)
_is_by_thousands = re.compile(THOUSANDS).match
_FRACTION = re.compile(FRACTION)
_NUMBER = re.compile(NUMBER)
_has_second = re.compile(SECOND).match
_is_date = re.compile(DATE).match
_SCIENTIFIC = re.compile(SCIENTIFIC)


def whole_number(text: str) -> str | None:
    """Write a stripped text that is a whole decimal (501234579.0, 542,700,008, 5.01234579E8) without its fraction.

    Groups that people part by blanks, hyphens, slashes and brackets stay: "054 280 0001.0" is "054 280 0001". What
    other locales part them by becomes a no-break space.
    None: it has fewer digits than its power of ten, so that its last ones were lost, or a fraction, or is negative, or
    there are two numbers.
    Other texts stay as they are.
    """
    text = _with_usual_separators(text)
    if _is_plain(text):
        return text
    whole = _without_zeros(text)
    if _NUMBER.search(whole):
        return None
    match = _SCIENTIFIC.match(whole)
    return _without_power(match) if match else whole


def _without_power(match: re.Match[str]) -> str | None:
    before, whole, fraction, power, behind = match.groups(default="")
    places = int(power)
    if len(fraction) < places or fraction[places:].strip("0"):
        return None
    return before + (whole + fraction[:places]).lstrip("0") + behind


def _with_usual_separators(text: str) -> str:
    return _SEPARATORS.sub(_USUAL_SEPARATOR, text)


def _without_zeros(text: str) -> str:
    whole = _ZEROS.sub(r"\1", text) if _is_decimal(text) else text
    return whole.replace(",", "") if _is_by_thousands(whole) else whole


def has_lost_digits(text: str) -> bool:
    """Tell whether a text is a number that a spreadsheet rounded."""
    text = ascii_digits(text.strip())
    return _SCIENTIFIC.match(text) is not None and whole_number(text) is None


def has_fraction(text: str) -> bool:
    """Tell whether a text is a number as long as a phone with a fraction, which no phone has."""
    return bool(_FRACTION.search(_without_zeros(_with_usual_separators(ascii_digits(text.strip())))))


def has_second_number(text: str) -> bool:
    """Tell whether a text is a phone with the end of another, or with a fraction, behind a slash."""
    return bool(_has_second(ascii_digits(text.strip())))


def is_date(text: str) -> bool:
    """Tell whether a text is a day as spreadsheets and programs write it (2026-03-01), which no phone is."""
    return bool(_is_date(ascii_digits(text.strip())))


def ascii_digits(text: str) -> str:
    """Write digits of any script, and the points that part decimals there, as ASCII has them."""
    if text.isascii():
        return text
    text = text.translate(_POINTS)
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in text)
