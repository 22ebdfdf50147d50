"""Phones and e-mails of whole columns, with exactly the answers of `read_phone` and `read_email`.

Common values are decided by passes over the column, and other e-mails by their parts, each distinct domain once.
What is left, and short columns, are read one by one by the reference, each distinct value once. All functions are pure
and safe to call from several threads.
"""

import polars as pl

from carillon.addresses.dialling import MIN_SIGNIFICANT_DIGITS
from carillon.addresses.email_columns import common_emails, composed_emails
from carillon.addresses.emails import read_email
from carillon.addresses.phone_columns import PhoneColumn
from carillon.addresses.phones import (
    AREA_FIRST,
    KINDS_PER_VALIDITY,
    MOBILE_KINDS,
    UNAMBIGUOUS,
    Validity,
    calling_code,
    known_region,
    read_phone,
)
from carillon.addresses.spreadsheets import ascii_digits

PHONE_COLUMNS = {"digits": pl.String, "quality": pl.Int16, "region": pl.String}
EMAIL_COLUMNS = {"key": pl.String, "given": pl.String}

_OTHER_DIGITS = r"[\p{Nd}--[0-9]]"
_BRACKETS = r"[(\[\uff08]"
_FEW_ROWS = 200  # up to so many rows the references are faster than passes over columns


def normalise_phones(values: pl.Series, country: str | None) -> pl.DataFrame:
    """Read each text as a phone dialled in `country`; rows as given, nulls where there is no phone.

    Columns: digits (E.164 without plus), quality (`PhoneQuality` encoded), region (ISO2, or null where none
    fits).
    """
    if values.len() <= _FEW_ROWS:
        return _phones_one_by_one(values, country)
    texts = values.cast(pl.String)
    column = PhoneColumn(texts, country)
    rows = column.undecided
    left = _phones_one_by_one(texts.gather(rows), country).insert_column(0, rows)
    dialled = _in_order(pl.concat([column.decided, left]), texts.len())
    region = known_region(country)
    return dialled if region is None else _without_strange_areas(texts, _or_international(texts, dialled, region))


def _or_international(texts: pl.Series, dialled: pl.DataFrame, region: str) -> pl.DataFrame:
    """Put international readings of ambiguous texts in the place of others (rules 6 to 8 of `read_phone`)."""
    has_own_code = dialled["digits"].str.starts_with(2 * calling_code(region)).fill_null(value=False)
    ambiguous = _ambiguous_rows(texts, dialled, has_own_code)
    if ambiguous.is_empty():
        return dialled
    international, national = normalise_phones(texts.gather(ambiguous), None), dialled[ambiguous]
    validity, national_validity = _validity(international), _validity(national)
    is_valid = (validity == Validity.VALID) & (national_validity != Validity.VALID)
    is_as_good = (validity == national_validity) & (
        (validity == Validity.POSSIBLE)
        | ((validity == Validity.VALID) & _is_mobile(international) & ~_is_mobile(national))
    )
    own, is_area = has_own_code.gather(ambiguous), _begin_with_area(texts.gather(ambiguous))
    is_rather = (is_valid & ~is_area) | (own & ((validity > national_validity) | is_as_good))
    if not is_rather.any():
        return dialled
    return _replaced(dialled, ambiguous.filter(is_rather), international.filter(is_rather))


def _without_strange_areas(texts: pl.Series, phones: pl.DataFrame) -> pl.DataFrame:
    """Refuse numbers with area codes in brackets of which the country has none (rule 8 of `read_phone`)."""
    rows = (phones["quality"] < KINDS_PER_VALIDITY).arg_true()  # NOT_POSSIBLE, of whichever kind
    rows = rows if rows.is_empty() else rows.filter(_begin_with_area(texts.gather(rows)))
    return phones if rows.is_empty() else _replaced(phones, rows, phones.clear(len(rows)))


def _begin_with_area(texts: pl.Series) -> pl.Series:
    is_bracketed = texts.str.contains(_BRACKETS).fill_null(value=False)
    if not is_bracketed.any():
        return is_bracketed
    return _of_ascii_digits(texts).str.contains(AREA_FIRST).fill_null(value=False)


def _of_ascii_digits(texts: pl.Series) -> pl.Series:
    """Write the digits of other scripts as ASCII has them: they are few."""
    rows = texts.str.contains(_OTHER_DIGITS).arg_true()
    if rows.is_empty():
        return texts
    return texts.clone().scatter(rows, [ascii_digits(text) for text in texts.gather(rows)])


def _replaced(phones: pl.DataFrame, rows: pl.Series, by: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame([phones[name].scatter(rows, by[name]) for name in PHONE_COLUMNS])


def _ambiguous_rows(texts: pl.Series, dialled: pl.DataFrame, others: pl.Series | None = None) -> pl.Series:
    """Return the numbers of the rows that may be an international phone: no valid one as it is dialled, and others."""
    asked = _validity(dialled) != Validity.VALID
    rows = (asked if others is None else asked | others).arg_true()
    if rows.is_empty():
        return rows
    rest, digits = _of_ascii_digits(texts.gather(rows)), dialled["digits"].gather(rows)
    given = rest.str.replace_all("[^0-9]+", "").str.strip_chars_start("0")
    is_shaped = (
        given.str.len_bytes() >= MIN_SIGNIFICANT_DIGITS
    )  # more than are allowed, where a trunk prefix is among them
    is_other = is_shaped & given.ne_missing(digits)
    may_be = is_other & ~rest.str.contains(UNAMBIGUOUS)
    return rows.filter(may_be.fill_null(value=False))


def likely_phones(values: pl.Series, dialled: pl.DataFrame, country: str) -> tuple[pl.DataFrame, dict[int, str]]:
    """Weigh phones that `normalise_phones` found to be no valid ones of `country`, as `ambiguous_phones` does.

    Returns the phones, and by their places the E.164 digits that some may mean instead. Of valid ones nothing is asked:
    most phones are, and they cost nothing more.
    """
    rows = _ambiguous_rows(values, dialled)
    if rows.is_empty():
        return dialled, {}
    phones, others = _weighed(values.gather(rows), country)
    alternatives = {row: digits for row, digits in zip(rows, others, strict=True) if digits is not None}
    return _replaced(dialled, rows, phones), alternatives


def ambiguous_phones(values: pl.Series, country: str) -> pl.DataFrame:
    """Read each text as `read_ambiguous_phone` does: dialled in `country`, or international without a plus.

    Columns: likely (with a plus; what can't be read stays as it is), alternative (E.164 digits of the international
    reading where it is another number, or null).
    """
    phones, others = _weighed(values, country)
    return pl.DataFrame({"likely": ("+" + phones["digits"]).fill_null(values), "alternative": others})


def _weighed(values: pl.Series, country: str) -> tuple[pl.DataFrame, pl.Series]:
    """Return the likely phones, and the E.164 digits of the international readings where they are others, or nulls."""
    dialled, international = normalise_phones(values, country), normalise_phones(values, None)
    if known_region(country) is not None:  # an area code in brackets is dialled there
        areas = _begin_with_area(values).arg_true()
        international = _replaced(international, areas, international.clear(len(areas)))
    national_validity, validity = _validity(dialled), _validity(international)
    is_unknown = (national_validity == Validity.NOT_POSSIBLE) & (validity == Validity.NOT_POSSIBLE)
    is_rather = (validity > national_validity) | is_unknown
    phones = pl.DataFrame([international[name].zip_with(is_rather, dialled[name]) for name in PHONE_COLUMNS])
    is_other = (international["digits"] != phones["digits"]).fill_null(value=False)
    none = pl.Series([None], dtype=pl.String).new_from_index(0, len(values))
    return phones, international["digits"].zip_with(is_other, none)


def _validity(phones: pl.DataFrame) -> pl.Series:
    return pl.Series(phones["quality"] // KINDS_PER_VALIDITY).fill_null(-1)


def _is_mobile(phones: pl.DataFrame) -> pl.Series:
    return pl.Series(phones["quality"] % KINDS_PER_VALIDITY).is_in(MOBILE_KINDS).fill_null(value=False)


def _phones_one_by_one(values: pl.Series, country: str | None) -> pl.DataFrame:
    readings = {value: read_phone(value, country) for value in values.unique() if value is not None}
    found = [readings.get(value) for value in values]
    rows = [(None, None, None) if r is None else (r.digits, r.quality, r.region) for r in found]
    return pl.DataFrame(rows, schema=PHONE_COLUMNS, orient="row")


def _in_order(decided: pl.DataFrame, height: int) -> pl.DataFrame:
    """Put decided rows at their place among `height` rows, nulls elsewhere."""
    position = pl.Series([None], dtype=pl.UInt32).new_from_index(0, height)
    position.scatter(decided["row"], pl.arange(decided.height, dtype=pl.UInt32, eager=True))
    return decided.drop("row").select(pl.all().gather(position))


def normalise_emails(values: pl.Series) -> pl.DataFrame:
    """Read each text as an e-mail address; rows as given, nulls where there is none.

    Columns: key (the normalised address lower-cased), given (the normalised spelling where it differs from
    the key).
    """
    if values.len() <= _FEW_ROWS:
        return _emails_one_by_one(values)
    texts = values.cast(pl.String)
    common, rows = common_emails(texts)
    if rows.is_empty():
        return _in_order(common, texts.len())
    composed, rows = composed_emails(texts.gather(rows), rows)
    left = _emails_one_by_one(texts.gather(rows)).insert_column(0, rows)
    return _in_order(pl.concat([common, composed, left]), texts.len())


def _emails_one_by_one(values: pl.Series) -> pl.DataFrame:
    readings = {value: read_email(value) for value in values.unique() if value is not None}
    found = [readings.get(value) for value in values]
    rows = [(None, None) if r is None else (r.key, r.given) for r in found]
    return pl.DataFrame(rows, schema=EMAIL_COLUMNS, orient="row")
