"""Fields: the typed attributes of a contact, under canonical names that every dialect maps its own words to.

The built-in ones exist in every audience; its own are made by `create_field`. `type_column` is the one reading of a raw
text into a typed value, for one row and for a million.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum

import polars as pl

MAX_TEXT_CHARACTERS = 4_000


class Kind(StrEnum):
    """A field's type; what it accepts is said in `type_column`."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    DATETIME = "datetime"
    GENDER = "gender"
    BOOLEAN = "boolean"


def _built_in() -> dict[str, Kind]:
    kinds = {
        "first_name": Kind.TEXT,
        "last_name": Kind.TEXT,
        "gender": Kind.GENDER,
        "birth_date": Kind.DATE,
        "additional_date": Kind.DATE,
        "city": Kind.TEXT,
        "country": Kind.TEXT,
    }
    kinds |= {f"text{number}": Kind.TEXT for number in range(1, 21)}
    kinds |= {f"number{number}": Kind.NUMBER for number in range(1, 5)}
    kinds |= {f"date{number}": Kind.DATETIME for number in range(1, 9)}
    return kinds


CANONICAL: Mapping[str, Kind] = _built_in()

_GENDERS = {"1": "male", "2": "female", "male": "male", "female": "female", "m": "male", "f": "female"}
_TRUTHS = {"1": "true", "true": "true", "yes": "true", "0": "false", "false": "false", "no": "false"}
_NUMBER = r"^[+-]?[0-9]{1,19}(?:\.[0-9]{1,20})?$"
_ESCAPES = {'"': '\\"', "\\": "\\\\"} | {chr(code): f"\\u{code:04x}" for code in range(1, 32)}
_ESCAPE_TABLE = str.maketrans(_ESCAPES)
_NEEDS_ESCAPE = r'["\\\x01-\x1f]'
_UNUSUAL = r'["\\\x00-\x1f]'
# Day first, as every vendor writes it (InforU reference, Get Unsubscribe History); year first, as ISO 8601 does.
_MOMENTS = tuple(
    day + time
    for time in ("", " %H:%M:%S", "T%H:%M:%S", " %H:%M", "T%H:%M")
    for day in ("%Y-%m-%d", "%Y/%m/%d", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y")
)


def type_column(kind: Kind, values: pl.Series) -> pl.Series:
    """Read raw texts, stripped and not blank, into JSON texts of the kind's values; null where a text isn't one.

    Text: up to MAX_TEXT_CHARACTERS without NUL. Number: up to 19 digits and 20 decimals. Date and datetime: year first
    or day first, divided by ``-``, ``/`` or (day first) ``.``; rendered in ISO 8601. Gender: 1, 2, m, f, male, female.
    Boolean: 1, 0, true, false, yes, no.
    """
    match kind:
        case Kind.TEXT:
            return _text(values)
        case Kind.NUMBER:
            return _number(values)
        case Kind.DATE:
            return _moment(values).dt.strftime('"%Y-%m-%d"')
        case Kind.DATETIME:
            return _moment(values).dt.strftime('"%Y-%m-%dT%H:%M:%S"')
        case Kind.GENDER:
            named = values.str.to_lowercase().replace_strict(_GENDERS, default=None, return_dtype=pl.String)
            return '"' + named + '"'
        case Kind.BOOLEAN:
            return values.str.to_lowercase().replace_strict(_TRUTHS, default=None, return_dtype=pl.String)


def type_value(kind: Kind, value: str) -> str | None:
    """Read one raw text as `type_column` does, without the price of columns where that is possible."""
    match kind:
        case Kind.TEXT:
            fits = len(value) <= MAX_TEXT_CHARACTERS and "\0" not in value
            return f'"{value.translate(_ESCAPE_TABLE)}"' if fits else None
        case Kind.GENDER:
            named = _GENDERS.get(value.lower())
            return f'"{named}"' if named else None
        case Kind.BOOLEAN:
            return _TRUTHS.get(value.lower())
        case Kind.NUMBER | Kind.DATE | Kind.DATETIME:
            typed: str | None = type_column(kind, pl.Series([value]))[0]
            return typed


def iso_moment(text: str) -> str | None:
    """Read a date or a moment in ISO 8601 into the text that `type_value` reads; None for what isn't one.

    An offset is turned into UTC. Parts of a second are dropped.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=None).isoformat(timespec="seconds")


def _text(values: pl.Series) -> pl.Series:
    text = pl.col("text")
    frame = values.alias("text").to_frame()
    too_long = text.str.len_bytes() > MAX_TEXT_CHARACTERS  # it may be, in characters
    if not frame.select((too_long | text.str.contains(_UNUSUAL)).any()).item():
        return frame.select(pl.concat_str(pl.lit('"'), text, pl.lit('"'))).to_series()
    fits = (text.str.len_chars() <= MAX_TEXT_CHARACTERS) & ~text.str.contains("\0", literal=True)
    escaped = text
    if frame.select(text.str.contains(_NEEDS_ESCAPE).any()).item():
        escaped = text.str.replace_many(list(_ESCAPES), list(_ESCAPES.values()))
    return frame.select(pl.when(fits).then(pl.concat_str(pl.lit('"'), escaped, pl.lit('"')))).to_series()


def _number(values: pl.Series) -> pl.Series:
    # JSON knows no leading plus and no leading zeros.
    number = pl.col("number")
    plain = number.str.replace(r"^\+", "").str.replace(r"^(-?)0+([0-9])", "${1}${2}")
    return values.alias("number").to_frame().select(pl.when(number.str.contains(_NUMBER)).then(plain)).to_series()


def _moment(values: pl.Series) -> pl.Series:
    texts = values.str.replace(r"(?:\.[0-9]+)?(?:Z|\+00:?00)$", "")
    moments = pl.Series([None], dtype=pl.Datetime("us")).new_from_index(0, len(texts))
    for shape in _MOMENTS:
        moments = moments.zip_with(moments.is_not_null(), texts.str.to_datetime(shape, strict=False, time_unit="us"))
        if moments.null_count() == texts.null_count():
            break
    # Year 0 and five-digit years would not survive the way back through ISO 8601.
    in_range = moments.dt.year().is_between(1000, 9999).fill_null(value=False)
    return moments.zip_with(in_range, pl.Series([None], dtype=pl.Datetime("us")))
