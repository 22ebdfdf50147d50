"""Batches: rows as callers gave them, read into columns that the upsert engine resolves.

Pure, and the same for one row and for a million: API rows and file chunks both become a frame of raw texts,
`read_frame` reads it, and every problem is reported with its row, field and value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import polars as pl

from carillon.audience.fields import CANONICAL, Kind, type_column
from carillon.audience.normalise import normalise_emails, normalise_phones

MAX_EXTERNAL_ID_CHARACTERS = 255
MAX_LANDLINE_CHARACTERS = 50
MAX_TOKEN_CHARACTERS = 1_024
MAX_GROUP_CHARACTERS = 200
_MAX_SHOWN_CHARACTERS = 200

KEYS = ("phone", "email", "external_id")
_PLAIN = {"external_id": MAX_EXTERNAL_ID_CHARACTERS, "landline": MAX_LANDLINE_CHARACTERS}
_ATTRIBUTES = (*KEYS, "landline", "device_token", "device_platform")
_PLATFORMS = ("android", "ios")


class RowError(msgspec.Struct, omit_defaults=True):
    """What is wrong with a field of a row; `row` counts from 1, `value` is cut short."""

    row: int
    field: str
    code: str  # invalid, too_long, conflict, missing_key, unknown_field
    value: str
    message: str


class ContactRow(msgspec.Struct, omit_defaults=True):
    """A row as a caller gave it: None leaves an attribute alone, the empty text empties it.

    `fields` holds raw texts under canonical names; `failure` is a row that its dialect already gave up.
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
    failure: RowError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows that have been read.

    `frame` has one line for each row that names at least one key, in the caller's order: row (Int64, from 1); phone,
    email, external_id, landline (null leaves alone, "" empties); phone_quality, phone_region, email_given; patch (a
    JSON object of the fields to set) and unset (comma-separated names of those to empty); device_token and
    device_platform.
    `moves` are the changes of membership by row, in order: (row, group name, whether it joins).
    `failed` are the rows that name no usable key.
    """

    size: int
    frame: pl.DataFrame
    moves: Sequence[tuple[int, str, bool]]
    join_all: Sequence[str]
    errors: Sequence[RowError]
    failed: frozenset[int]


def read_rows(rows: Sequence[ContactRow], country: str | None) -> Batch:
    """Read rows of an API call; national phones with the country."""
    texts: dict[str, list[str | None]] = {}
    size = len(rows)
    for attribute in _ATTRIBUTES:
        column = [getattr(row, attribute) for row in rows]
        if any(value is not None for value in column):
            texts[attribute] = column
    given_up: list[RowError] = []
    moves: list[tuple[int, str, bool]] = []
    for index, row in enumerate(rows):
        for name, value in row.fields.items():
            if name not in texts:
                texts[name] = [None] * size
            texts[name][index] = value
        if row.failure:
            given_up.append(row.failure)
        if row.remove_from:
            moves += [(index + 1, name, False) for name in row.remove_from]
        if row.add_to:
            moves += [(index + 1, name, True) for name in row.add_to]
    raw = pl.DataFrame(texts, schema=dict.fromkeys(texts, pl.String), orient="col") if texts else pl.DataFrame()
    numbered = raw.with_columns(row=pl.int_range(1, size + 1, dtype=pl.Int64)) if texts else _only_numbers(size)
    dropped = {error.row for error in given_up}
    batch = read_frame(numbered.filter(~pl.col("row").is_in(list(dropped))), country)
    kept, bad_names = _checked_moves(moves)
    return Batch(
        size=size,
        frame=batch.frame,
        moves=kept,
        join_all=(),
        errors=sorted([*given_up, *batch.errors, *bad_names], key=lambda error: error.row),
        failed=batch.failed | dropped,
    )


def _only_numbers(size: int) -> pl.DataFrame:
    return pl.DataFrame({"row": pl.Series(range(1, size + 1), dtype=pl.Int64)})


def read_frame(raw: pl.DataFrame, country: str | None, *, join_all: Sequence[str] = ()) -> Batch:
    """Read a frame of raw texts: a column `row` and String columns named by attribute or canonical field.

    Null leaves an attribute alone, a blank text empties it. `join_all` are groups that every row joins.
    """
    reading = _Reading(raw)
    reading.read_phones(country)
    reading.read_emails()
    for name, limit in _PLAIN.items():
        reading.read_plain(name, limit)
    reading.read_devices()
    reading.read_fields()
    frame = pl.DataFrame(reading.columns)
    keyed = pl.any_horizontal(pl.col(KEYS).is_not_null() & (pl.col(KEYS) != ""))
    unusable = frame.filter(~keyed)["row"].to_list()
    explained = {error.row for error in reading.errors}
    reading.errors += [
        RowError(row, "row", "missing_key", "", "The row has no phone, e-mail or external id that can be used.")
        for row in unusable
        if row not in explained
    ]
    return Batch(
        size=raw.height,
        frame=frame.filter(keyed),
        moves=(),
        join_all=join_all,
        errors=sorted(reading.errors, key=lambda error: error.row),
        failed=frozenset(unusable),
    )


def _checked_moves(moves: list[tuple[int, str, bool]]) -> tuple[list[tuple[int, str, bool]], list[RowError]]:
    kept: list[tuple[int, str, bool]] = []
    errors: list[RowError] = []
    for row, given, joins in moves:
        name = given.strip()
        if len(name) > MAX_GROUP_CHARACTERS or "\0" in name:
            message = f"A group's name has at most {MAX_GROUP_CHARACTERS} characters, without NUL."
            errors.append(RowError(row, "group", "too_long", name[:_MAX_SHOWN_CHARACTERS], message))
        elif name:
            kept.append((row, name, joins))
    return kept, errors


class _Reading:
    """The columns read so far of one frame, and what was wrong."""

    def __init__(self, raw: pl.DataFrame) -> None:
        self._raw = raw
        self._rows = raw["row"]
        self._nulls = pl.Series([None], dtype=pl.String).new_from_index(0, raw.height)
        self.columns: dict[str, pl.Series] = {"row": self._rows}
        self.errors: list[RowError] = []

    def _given(self, name: str) -> pl.Series:
        return self._raw[name].str.strip_chars() if name in self._raw.columns else self._nulls

    def _settle(self, name: str, given: pl.Series, read: pl.Series, message: str, code: str = "invalid") -> pl.Series:
        """Give the read values with blanks kept; report what was given and couldn't be read."""
        wrong = given.is_not_null() & (given != "") & read.is_null()
        if wrong.any():
            shown = zip(self._rows.filter(wrong), given.filter(wrong).str.slice(0, _MAX_SHOWN_CHARACTERS), strict=True)
            self.errors += [RowError(row, name, code, value, message) for row, value in shown]
        return given.zip_with((given == "").fill_null(value=False), read)

    def read_phones(self, country: str | None) -> None:
        given = self._given("phone")
        read = normalise_phones(given, country)
        self.columns |= {
            "phone": self._settle("phone", given, read["digits"], "This is not a phone number."),
            "phone_quality": read["quality"],
            "phone_region": read["region"],
        }

    def read_emails(self) -> None:
        given = self._given("email")
        read = normalise_emails(given)
        self.columns |= {
            "email": self._settle("email", given, read["key"], "This is not an e-mail address."),
            "email_given": read["given"],
        }

    def read_plain(self, name: str, limit: int) -> None:
        given = self._given(name)
        fits = (given.str.len_chars() <= limit) & ~given.str.contains(r"[\x00-\x1f]")
        read = given.zip_with(fits.fill_null(value=False), self._nulls)
        message = f"The value must have at most {limit} characters, without control characters."
        self.columns[name] = self._settle(name, given, read, message, "too_long")

    def read_devices(self) -> None:
        """Read push tokens; one without a platform that is known is reported and left out."""
        token, platform = self._given("device_token"), self._given("device_platform").str.to_lowercase()
        token = token.zip_with((token != "").fill_null(value=False), self._nulls)
        fits = (token.str.len_chars() <= MAX_TOKEN_CHARACTERS) & ~token.str.contains("\0", literal=True)
        usable = (fits & platform.is_in(_PLATFORMS)).fill_null(value=False)
        read = token.zip_with(usable, self._nulls)
        message = f"A push token has at most {MAX_TOKEN_CHARACTERS} characters and the platform android or ios."
        self.columns["device_token"] = self._settle("device_token", token, read, message)
        self.columns["device_platform"] = platform.zip_with(usable, self._nulls)

    def read_fields(self) -> None:
        """Read the fields into one JSON object a row, and the names of those to empty."""
        sets: list[pl.Series] = []
        unsets: list[pl.Series] = []
        for name in self._raw.columns:
            if name in _ATTRIBUTES or name == "row":
                continue
            given = self._given(name)
            kind = CANONICAL.get(name)
            if kind is None:
                self._settle(name, given, self._nulls, "There is no such field.", "unknown_field")
                continue
            filled = given.zip_with((given != "").fill_null(value=False), self._nulls)
            read = type_column(kind, filled)
            self._settle(name, filled, read, f"The value isn't a {kind}." if kind is not Kind.TEXT else "Too long.")
            sets.append((f'"{name}":' + read).alias(name))
            if (given == "").any():
                unsets.append(self._nulls.zip_with((given != "").fill_null(value=True), _repeated(name, given.len())))
        joined = _joined(sets, self._nulls)
        self.columns["patch"] = ("{" + joined.fill_null("") + "}").alias("patch")
        self.columns["unset"] = _joined([one.alias(str(place)) for place, one in enumerate(unsets)], self._nulls)


def _repeated(text: str, length: int) -> pl.Series:
    return pl.Series([text], dtype=pl.String).new_from_index(0, length)


def _joined(parts: list[pl.Series], nothing: pl.Series) -> pl.Series:
    """Join texts by commas, nulls left out; null where there is none."""
    if not parts:
        return nothing
    frame = pl.DataFrame(parts)
    text = frame.select(pl.concat_str(pl.all(), separator=",", ignore_nulls=True)).to_series()
    return text.zip_with(text != "", nothing)


def decode_rows(payload: bytes) -> list[ContactRow]:
    """Take stored rows out again."""
    return msgspec.msgpack.decode(payload, type=list[ContactRow])


def encode_rows(rows: Sequence[ContactRow]) -> bytes:
    """Put rows into the form that they are stored in until they are worked off."""
    return msgspec.msgpack.encode(rows)


def decode_patch(patch: str) -> dict[str, Any]:
    """Take a patch apart."""
    return dict(msgspec.json.decode(patch))
