"""Rows: what callers give the upsert engine, what it reads them into, and how it reports what is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import polars as pl

from carillon.addresses.phones import MAX_PHONE_CHARACTERS, begins_with_area
from carillon.addresses.spreadsheets import has_fraction, has_lost_digits, has_second_number, is_date
from carillon.audience.field_types import MAX_TEXT_CHARACTERS

KEYS = ("phone", "email", "external_id")
DEVICE = ("device_token", "device_platform")
PLATFORMS = ("android", "ios")
ATTRIBUTES = (*KEYS, "landline", *DEVICE)
"""What a row has beside its fields and groups."""

MAX_TOKEN_CHARACTERS = 1_024
MAX_GROUP_CHARACTERS = 200
MAX_SHOWN_CHARACTERS = 200
# Attributes that are texts without a form of their own, with their longest lengths.
TEXT_ATTRIBUTES = {"external_id": 255, "landline": 50}

# The longest values by what a problem is about; below them, what is wrong is what the text holds.
_LONGEST = {
    **TEXT_ATTRIBUTES,
    "device_token": MAX_TOKEN_CHARACTERS,
    "group": MAX_GROUP_CHARACTERS,
    "text": MAX_TEXT_CHARACTERS,
}
MIN_PROBLEM_CHARACTERS = max(_LONGEST.values()) + 1
"""`problem` needs at least so many characters of a value to tell its length."""

FRAME_SCHEMA: dict[str, type[pl.DataType]] = {
    "row": pl.Int64,
    "phone": pl.String,
    "phone_quality": pl.Int16,
    "phone_region": pl.String,
    "email": pl.String,
    "email_given": pl.String,
    "external_id": pl.String,
    "landline": pl.String,
    "device_token": pl.String,
    "device_platform": pl.String,
    "patch": pl.String,
    "unset": pl.String,
}


class RowError(msgspec.Struct, omit_defaults=True):
    """What is wrong with a field of a row; `row` counts from 1, `value` is cut short."""

    row: int
    field: str
    code: str  # invalid, too_long, conflict, missing_key, unknown_field
    value: str
    message: str

    @property
    def readable_value(self) -> str:
        """The value as people read it: a phone that was understood, of a conflict, has its plus."""
        return f"+{self.value}" if (self.field, self.code) == ("phone", "conflict") else self.value


class UpsertReport(msgspec.Struct, frozen=True):
    """What became of a batch's rows. `error_count` counts every error, also those of rows that were kept."""

    rows: int
    new: int
    updated: int
    unchanged: int
    failed: int
    error_count: int
    errors: list[RowError]


class ContactRow(msgspec.Struct, omit_defaults=True):
    """A row as a caller gave it: None leaves an attribute alone, the empty text empties it.

    `fields` holds raw texts under canonical names; `errors` are values of it that its dialect couldn't read, and
    `failure` is a row that it could not read.
    """

    phone: str | None = None
    email: str | None = None
    external_id: str | None = None
    landline: str | None = None
    fields: dict[str, str] = {}
    add_to: list[str] = []
    remove_from: list[str] = []
    device_token: str | None = None
    device_platform: str | None = None
    errors: list[RowError] = []
    failure: RowError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows that have been read.

    `frame` has one line for each row that names at least one key, in the caller's order: row (Int64, from 1); phone,
    email, external_id, landline (null leaves alone, "" empties); phone_quality, phone_region, email_given; patch (a
    JSON object of the fields to set) and unset (comma-separated names of those to empty); device_token and
    device_platform.
    `moves` are the changes of membership by row, in order: (row, group name, whether it joins).
    `failed` are the rows that name no usable key. `alternative_phones` are what rows may mean instead of their phones
    (`ambiguous_phones`). `is_file`: a phone that isn't valid doesn't replace a contact's that is, whoever had not
    confirmed when its contact was removed hasn't, and archived contacts stay so; the rows of others unarchive theirs.
    The contacts of `archived` rows, which only files have, are archived since then, or now.
    """

    size: int
    frame: pl.DataFrame
    moves: Sequence[tuple[int, str, bool]]
    join_all: Sequence[str]
    errors: Sequence[RowError]
    failed: frozenset[int]
    alternative_phones: Mapping[int, str] = field(default_factory=dict)
    is_file: bool = False
    archived: Mapping[int, datetime | None] = field(default_factory=dict)


# Not floats: those lose digits beyond the fifteenth, and a number may have twenty-one.
_decode_object = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
_encode_object = msgspec.json.Encoder(decimal_format="number").encode


def decode_patch(patch: str) -> dict[str, Any]:
    """Take a patch apart; encode_patch puts it together again, with every digit."""
    return _decode_object(patch)


def encode_patch(fields: Mapping[str, Any]) -> str:
    """Put a patch together."""
    return _encode_object(fields).decode()


def problem(row: int, field: str, value: str, kind: str = "") -> RowError:
    """Report a value that can't be used, with the code and message of its field (or of the field's kind)."""
    about = kind or field
    code, message = _WORDS.get(about, ("invalid", f"The value isn't a {kind}."))
    if len(value) > _LONGEST.get(about, len(value)):
        code = "too_long"
    if about == "phone":
        message = phone_fault(value) or message
    return RowError(row, field, code, shown(value), message)


def phone_fault(value: str) -> str | None:
    """Say why a text that looks like a phone is none, where that can be told: mostly a spreadsheet has spoilt it."""
    if len(value) > MAX_PHONE_CHARACTERS:
        return None
    if has_lost_digits(value):
        return ROUNDED
    if has_second_number(value):
        return _SECOND
    if has_fraction(value):
        return _FRACTION
    if is_date(value):
        return _DATE
    return _STRANGE_AREA if begins_with_area(value) and not any(map(str.isalpha, value)) else None


def shown(value: str) -> str:
    """Cut a value to what a report shows of it; a NUL, which no database text can hold, becomes U+FFFD."""
    return value[:MAX_SHOWN_CHARACTERS].replace("\0", "\ufffd")


ROUNDED = (
    "A spreadsheet rounded this number, and its last digits are lost: "
    "make the column text where the digits still are, and save the file again."
)
_FRACTION = (
    "A spreadsheet reckoned with this number, or the column holds something else: it has a fraction, as no phone has. "
    "Make the column text where the phones still are, and save the file again."
)
_SECOND = "The cell has two numbers, or one with a fraction: write one number into it."
_DATE = "This is a date: write the phone number into the cell, or say with --map that the column holds no phones."
_STRANGE_AREA = (
    "The country has no number with such an area code: write it with its plus and calling code, or name its country."
)
_WORDS = {
    "phone": ("invalid", "This is not a phone number."),
    "email": ("invalid", "This is not an e-mail address."),
    "device_token": ("invalid", f"A push token has at most {MAX_TOKEN_CHARACTERS} characters, without NUL."),
    "device_platform": ("invalid", "A push token's platform is android or ios."),
    "group": ("invalid", f"A group's name has at most {MAX_GROUP_CHARACTERS} characters, without NUL."),
    "row": ("missing_key", "The row has no phone, e-mail or external id that can be used."),
    "unknown": ("unknown_field", "There is no such field."),
    "text": ("invalid", "The text is too long, or it has a NUL in it."),
    **{
        name: ("invalid", f"The value must have at most {limit} characters, without control characters.")
        for name, limit in TEXT_ATTRIBUTES.items()
    },
}
