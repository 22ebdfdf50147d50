"""Phones: what is accepted as one, the number it stands for, and what is known about that number.

`read_phone` is the rule, one value at a time. The vectorised reading in `carillon.addresses.normalise` gives
the same answers and is tested against it.
"""

import functools
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber
from phonenumbers import PhoneNumberType as LibraryKind

from carillon.addresses.dialling import (
    E164_DIGITS,
    MIN_SIGNIFICANT_DIGITS,
    dialling_of,
    is_repeated_digit,
    significant_digits,
)
from carillon.addresses.spreadsheets import ascii_digits, whole_number

MAX_PHONE_CHARACTERS = 250
"""Longer texts are not phones: the parser's own limit, applied before anything else looks at the text."""

_START_OF_NUMBER = re.compile(r"[+\uff0b0-9]")
_PLUS_SIGNS = ("+", "\uff0b")
# No mark in it begins an extension.
_ONLY_PUNCTUATED = re.compile(r"[\s().\-/]*[+\uff0b]?[\s().\-/]*[0-9][0-9\s().\-/]*")
# A plus or a single zero, behind ASCII that is no digit.
UNAMBIGUOUS = r"^[ -*,-/:-~]*(?:\+|0[^0])"
"""Texts that can be only a national, or only an international number."""

AREA_FIRST = r"^[^0-9+\uff0b]*[(\[\uff08][ \u00a0]*[1-9][0-9]{0,4}[ \u00a0]*[)\]\uff09][^0-9]*[0-9]"
"""Texts of ASCII digits that begin with an area code in brackets, and have digits behind it: `(201) 555-0123`."""

_is_unambiguous = re.compile(UNAMBIGUOUS).match
_begins_with_area = re.compile(AREA_FIRST).match
_SHOWN_HEAD, _SHOWN_TAIL = 3, 2


class Validity(IntEnum):
    """How far libphonenumber trusts a number; the values are the tens of a quality, see `PhoneQuality`."""

    NOT_POSSIBLE = 0  # its length fits no number of its calling code
    POSSIBLE = 1  # the length fits, the digits are in no allocated range
    VALID = 2  # in an allocated range


class PhoneKind(IntEnum):
    """What libphonenumber takes the line for: the library's values, but for UNKNOWN, which is 99 there."""

    FIXED = 0
    MOBILE = 1
    FIXED_OR_MOBILE = 2
    TOLL_FREE = 3
    PREMIUM = 4
    SHARED_COST = 5
    VOIP = 6
    PERSONAL = 7
    PAGER = 8
    UAN = 9
    VOICEMAIL = 10
    UNKNOWN = 15


MOBILE_KINDS = (PhoneKind.MOBILE, PhoneKind.FIXED_OR_MOBILE)


KINDS_PER_VALIDITY = 16
"""A quality is `validity * KINDS_PER_VALIDITY + kind`: 0 to 47, stored as a small integer."""

MIN_VALID_QUALITY = Validity.VALID * KINDS_PER_VALIDITY
"""The qualities of valid numbers are this and more."""


class PhoneQuality(NamedTuple):
    """A quality taken apart."""

    validity: Validity
    kind: PhoneKind

    @classmethod
    def decode(cls, quality: int) -> "PhoneQuality":
        """Take apart the integer that is stored beside a number. Raises ValueError for any other integer."""
        validity, kind = divmod(quality, KINDS_PER_VALIDITY)
        return cls(Validity(validity), PhoneKind(kind))

    def encode(self) -> int:
        """Return the integer that `decode` takes apart."""
        return self.validity * KINDS_PER_VALIDITY + self.kind


def _masked(digits: str) -> str:
    return f"{digits[:_SHOWN_HEAD]}…{digits[-_SHOWN_TAIL:]}"


@dataclass(frozen=True, slots=True)
class Phone:
    """A number in E.164 without its plus: 7 to 15 ASCII digits, the first not 0.

    Its repr and str are a mask.
    """

    digits: str

    def __post_init__(self) -> None:
        if E164_DIGITS.fullmatch(self.digits) is None:
            raise ValueError("a phone is 7 to 15 digits that do not start with 0")

    def __repr__(self) -> str:
        return f"Phone('{_masked(self.digits)}')"


@dataclass(frozen=True, slots=True)
class PhoneReading:
    """A value read as a phone: E.164 digits without plus, encoded `PhoneQuality`, ISO2 region or None.

    The region "001" stands for calling codes of no country, as in libphonenumber. The repr is a mask.
    """

    digits: str
    quality: int
    region: str | None

    @property
    def validity(self) -> Validity:
        """How far libphonenumber trusts it."""
        return PhoneQuality.decode(self.quality).validity

    def __repr__(self) -> str:
        return f"PhoneReading('{_masked(self.digits)}', quality={self.quality}, region={self.region!r})"


def known_region(country: str | None) -> str | None:
    """Return the country in the form that libphonenumber knows, or None where it knows no such country."""
    if country is None:
        return None
    region = country.upper()
    return region if region in phonenumbers.SUPPORTED_REGIONS else None


def region_of_calling_code(code: str) -> str | None:
    """Return the country by whose plan a calling code's numbers are dialled: IL for 972, +972 and 00972."""
    digits = code.strip().removeprefix("+").removeprefix("00")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 3):  # noqa: PLR2004 - no calling code is longer
        return None
    return known_region(phonenumbers.region_code_for_country_code(int(digits)))


def calling_code(country: str) -> str:
    """Return the calling code of a country whose numbers can be read: 972 of IL."""
    return str(phonenumbers.country_code_for_region(country))


def read_phone(value: str, country: str | None) -> PhoneReading | None:
    """Read a value as a phone the way it is dialled in `country` (ISO2, any case); None: it is not a phone.

    The rule (design, "What is a phone"; every refusal is None):

    1. More than 250 characters, or any letter, is refused. So are vanity numbers, extensions such as x123,
       and RFC 3966 texts. Surrounding white space does not count; decimal digits of any script count as 0 to
       9. A number that a spreadsheet made of a phone stands for its digits, where none was lost
       (`spreadsheets.whole_number`); a negative number and one with a fraction are none.
    2. What phonenumbers' parser reads with the country as default region is the number: national forms, forms
       with a plus or with the region's own international prefix, and bare digits that start with the region's
       calling code where the parser takes them so. What the parser refuses is refused, and so is a number
       with an extension.
    3. Without a country, or with one that libphonenumber does not know, there is no national form: the text
       is read as international whether or not it has a plus, and a leading 00 stands for the plus.
    4. The calling code with the national number (its leading zeros kept, as E.164 has them) must be 7 to 15
       digits. Whether its range is allocated does not matter; that is the reading's quality. Nor does it
       matter whether any plan has its calling code (docs/adr/0028): digits behind a plus or the international
       prefix, with no more than punctuation among them, are the number as they are, NOT_POSSIBLE and of no
       region.
    5. One digit repeated is refused, and so are fewer than seven digits, without the zeros before them, unless the
       number is VALID (docs/adr/0056).
    6. Digits without a plus or a single zero before them that are no VALID number of the country, and a VALID
       international one, are the latter (docs/adr/0056).
    7. So are those that begin with the country's own calling code, where the plan knows the number behind that as well
       as the one that they are with it: both POSSIBLE, or both VALID and only the former a mobile one, as 4915… in
       Germany, where 04915 is an area (docs/adr/0067).
    8. Digits that begin with an area code in brackets, which no plus and no zero is before, are a number of the country
       or none: rule 6 is not theirs, and a NOT_POSSIBLE one of them is refused.
    9. Digits that lost the zero of a trunk prefix of several digits, as spreadsheets do with Hungary's 06, are the
       number of the country behind it where that is VALID.
    """
    text = whole_number(ascii_digits(value.strip())) if len(value) <= MAX_PHONE_CHARACTERS else None
    if text is None or any(map(str.isalpha, text)):
        return None
    region = known_region(country)
    reading = _read_number(text, region)
    if region is None or _is_unambiguous(text):
        return reading
    if not _is_valid(reading) and _is_valid(restored := _with_lost_zero(text, region)):
        return restored
    is_national = begins_with_area(text)
    has_own_code = reading is not None and reading.digits.startswith(2 * calling_code(region))
    if has_own_code or not (is_national or _is_valid(reading)):
        international = _read_number(text, None)
        if _is_rather_international(international, reading, has_own_code=has_own_code):
            return international
    is_refused = is_national and reading is not None and reading.validity == Validity.NOT_POSSIBLE
    return None if is_refused else reading


def _with_lost_zero(text: str, region: str) -> PhoneReading | None:
    """Read digits whose trunk prefix lost its zero; None where the region's is a single digit, or another."""
    trunk = dialling_of(region).trunk_prefix
    if len(trunk) == 1 or not trunk.startswith("0"):
        return None
    digits = "".join(filter(str.isdigit, text))
    return _read_number(f"0{digits}", region) if digits.startswith(trunk[1:]) else None


def _is_rather_international(
    international: PhoneReading | None, national: PhoneReading | None, *, has_own_code: bool
) -> bool:
    """Tell which reading of digits is meant (rules 6 and 7 of `read_phone`)."""
    if international is None or national is None:
        return _is_valid(international)
    (validity, kind), (national_validity, national_kind) = (
        PhoneQuality.decode(one.quality) for one in (international, national)
    )
    if not has_own_code:
        return validity == Validity.VALID > national_validity
    if validity != national_validity or validity == Validity.NOT_POSSIBLE:
        return validity > national_validity
    return validity == Validity.POSSIBLE or (kind in MOBILE_KINDS and national_kind not in MOBILE_KINDS)


def is_ambiguous(text: str) -> bool:
    """Tell whether a text may be a national as well as an international number.

    It has no plus and no single zero, and no area code in brackets, before its digits.
    """
    text = ascii_digits(text)
    return not (_is_unambiguous(text) or _begins_with_area(text))


def begins_with_area(text: str) -> bool:
    """Tell whether a text begins with an area code in brackets, which only a number of the country does."""
    return _begins_with_area(ascii_digits(text)) is not None


def _is_valid(reading: PhoneReading | None) -> bool:
    return reading is not None and reading.quality >= MIN_VALID_QUALITY


def _read_number(text: str, region: str | None) -> PhoneReading | None:
    """Read a stripped text of ASCII digits in one way: as the region dials it, or as an international number."""
    significant = significant_digits("".join(filter(str.isdigit, text)))
    if is_repeated_digit(significant):
        return None
    reading = _read_dialled(text, region)
    return reading if len(significant) >= MIN_SIGNIFICANT_DIGITS or _is_valid(reading) else None


def _read_dialled(text: str, region: str | None) -> PhoneReading | None:
    dialled = _with_plus(text) if region is None else text
    if dialled is None:
        return None
    try:
        number = _parse(dialled, region)
    except NumberParseException as error:
        is_unplanned = error.error_type == NumberParseException.INVALID_COUNTRY_CODE
        return _read_unplanned(dialled, region) if is_unplanned else None
    if number.extension:
        return None
    digits = f"{number.country_code}{phonenumbers.national_significant_number(number)}"
    if E164_DIGITS.fullmatch(digits) is None:
        return None
    region = phonenumbers.region_code_for_number(number)
    return PhoneReading(digits, _quality(number, region).encode(), region)


def phone_digits(value: str, country: str | None) -> str | None:
    """Return the digits that `read_phone` reads, in a tenth of its time where the number is plainly dialled."""
    region = known_region(country)
    if region is not None and (digits := dialling_of(region).read(value)) is not None:
        return digits
    reading = read_phone(value, country)
    return None if reading is None else reading.digits


def _with_plus(text: str) -> str | None:
    """Write a text that is read without a country with a plus; None where it has no digit."""
    start = _START_OF_NUMBER.search(text)
    if start is None:
        return None
    text = text[start.start() :]
    return text if text.startswith(_PLUS_SIGNS) else "+" + text.removeprefix("00")


def _parse(text: str, region: str | None) -> PhoneNumber:
    _remember_patterns()
    return phonenumbers.parse(text, region)


def _read_unplanned(text: str, region: str | None) -> PhoneReading | None:
    """Read digits behind a plus, or behind the region's international prefix, whose calling code no plan has."""
    if _ONLY_PUNCTUATED.fullmatch(text) is None:
        return None
    digits = "".join(filter(str.isdigit, text))
    if region is not None and not any(plus in text for plus in _PLUS_SIGNS):
        prefix = dialling_of(region).international_prefix.match(digits)
        digits = digits[prefix.end() :] if prefix else ""
    if E164_DIGITS.fullmatch(digits) is None:
        return None
    return PhoneReading(digits, PhoneQuality(Validity.NOT_POSSIBLE, PhoneKind.UNKNOWN).encode(), None)


def _quality(number: PhoneNumber, region: str | None) -> PhoneQuality:
    library_kind = phonenumbers.number_type(number)
    kind = PhoneKind.UNKNOWN if library_kind == LibraryKind.UNKNOWN else PhoneKind(library_kind)
    if region is not None and phonenumbers.is_valid_number_for_region(number, region):
        return PhoneQuality(Validity.VALID, kind)
    possible = phonenumbers.is_possible_number(number)
    return PhoneQuality(Validity.POSSIBLE if possible else Validity.NOT_POSSIBLE, kind)


@functools.cache
def _remember_patterns() -> None:
    # Without its cache the library recompiles a pattern (milliseconds) whenever more than a few regions are
    # in use.
    phonenumbers.enable_pattern_cache()


def national_form(digits: str, country: str) -> str:
    """Write E.164 digits as they are dialled in `country` (ISO2): 972521234567 as 0521234567.

    Numbers of another calling code are written with a plus, and so are those whose national form would be read as
    another number: what this gives, `read_phone` reads in the same country as the number that it was.
    """
    region = known_region(country)
    if region is None or not digits.startswith(dialling_of(region).code):
        return f"+{digits}"
    dialling = dialling_of(region)
    nsn = digits.removeprefix(dialling.code)
    national = dialling.write(nsn)
    if dialling.reads_back(national, nsn):
        return national
    reading = read_phone(national, region)
    return national if reading is not None and reading.digits == digits else f"+{digits}"
