"""Phones that can be read in two ways: national ones, or international ones without a plus.

A caller's form says which readings there are and which goes first; the numbering plans say which is likelier. What is
known of contacts is `audience/upsert/ambiguous_phones.py`'s.
"""

from collections.abc import Sequence
from enum import Enum

from carillon.addresses.dialling import dialling_of
from carillon.addresses.phones import (
    PhoneReading,
    Validity,
    begins_with_area,
    is_ambiguous,
    known_region,
    phone_digits,
    read_phone,
)


class PhoneForm(Enum):
    """How a caller writes numbers without a plus, and which reading goes first where both are numbers."""

    NATIONAL = "national"  # only as the country dials them
    NATIONAL_IF_VALID = (
        "national_if_valid"  # so where that is valid, else as the plans know it better: as files have it
    )
    NATIONAL_FIRST = "national_first"  # so, or international
    INTERNATIONAL_FIRST = "international_first"  # international, or so


def likely_phone(value: str, *countries: str | None) -> str:
    """Return a phone with a plus, read as one of the countries dials it; None reads international ones without a plus.

    It is the reading that the numbering plans know best, and the first of those that they know as well; of readings
    that no plan knows (NOT_POSSIBLE) the international one. What can't be read stays as it is.
    """
    best = _likely(value, countries)
    return value if best is None else f"+{best.digits}"


def phone_readings(value: str, country: str, form: PhoneForm) -> tuple[str, ...]:
    """Read a number in a form: its E.164 digits by each reading that is a number, the form's first one first.

    What the country has no number of such a length for is meant internationally alone (docs/adr/0028), and what begins
    with an area code in brackets nationally.
    """
    if form is PhoneForm.NATIONAL or _is_national(value, country):  # most are, and single lookups feel what this costs
        digits = phone_digits(value, country)
        return (digits,) if digits else ()
    if form is PhoneForm.NATIONAL_IF_VALID:
        return _readings_as_in_files(value, country)
    found = tuple(dict.fromkeys(digits for one in _countries(country, form) if (digits := phone_digits(value, one))))
    if len(found) > 1:
        national = read_phone(value, country)
        if national is not None and national.validity == Validity.NOT_POSSIBLE:
            return tuple(digits for digits in found if digits != national.digits)
    return found


def _is_national(value: str, *countries: str | None) -> bool:
    return begins_with_area(value) and any(map(known_region, countries))


def _readings_as_in_files(value: str, country: str) -> tuple[str, ...]:
    """Read a number as `normalise.likely_phones` does: the likely reading, and the international one where it differs.

    A valid number of the country has no other reading, and neither has what is plainly dialled there.
    """
    region = known_region(country)
    if region is not None and (plain := dialling_of(region).read(value)) is not None:
        return (plain,)
    national = read_phone(value, country)
    if not is_ambiguous(value) or (national is not None and national.validity == Validity.VALID):
        return () if national is None else (national.digits,)
    likely, alternative = read_ambiguous_phone(value, country)
    if not likely.startswith("+"):  # it can't be read
        return ()
    digits = likely.removeprefix("+")
    return (digits,) if alternative is None else (digits, alternative)


def likely_digits(value: str, country: str, form: PhoneForm) -> str | None:
    """Read a number in a form as `likely_phone` does; of readings that are known as well, the form's first."""
    best = _likely(value, _countries(country, form))
    return None if best is None else best.digits


def _countries(country: str, form: PhoneForm) -> tuple[str | None, ...]:
    match form:
        case PhoneForm.NATIONAL:
            return (country,)
        case PhoneForm.NATIONAL_FIRST | PhoneForm.NATIONAL_IF_VALID:
            return country, None
        case PhoneForm.INTERNATIONAL_FIRST:
            return None, country


def _likely(value: str, countries: Sequence[str | None]) -> PhoneReading | None:
    ways = filter(known_region, countries) if _is_national(value, *countries) else countries
    readings = [(country is None, one) for country in ways if (one := read_phone(value, country))]
    return max(readings, key=_likelihood, default=(False, None))[1]


def _likelihood(given: tuple[bool, PhoneReading]) -> tuple[Validity, bool]:
    is_international, reading = given
    return reading.validity, is_international and reading.validity == Validity.NOT_POSSIBLE


def read_ambiguous_phone(value: str, country: str) -> tuple[str, str | None]:
    """Read a phone as `likely_phone` does, dialled in the country or international.

    Beside it, the E.164 digits of the international reading where that is another number: it may be meant all the same.
    """
    likely = likely_phone(value, country, None)
    international = None if _is_national(value, country) else read_phone(value, None)
    is_other = international is not None and f"+{international.digits}" != likely
    return likely, international.digits if international and is_other else None
