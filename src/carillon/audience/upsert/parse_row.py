"""Parsing rows one by one: the reference for what `parse_columns` does for many."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from carillon.addresses.emails import read_email
from carillon.addresses.phones import read_phone
from carillon.audience.field_types import Kind, type_value
from carillon.audience.upsert.rows import (
    FRAME_SCHEMA,
    KEYS,
    MAX_TOKEN_CHARACTERS,
    PLATFORMS,
    TEXT_ATTRIBUTES,
    ContactRow,
    RowError,
    problem,
)

_CONTROL = re.compile(r"[\x00-\x1f]")


@dataclass(slots=True)
class RowReading:
    """A row's values under the names of `FRAME_SCHEMA`, and what was wrong with it."""

    row: int
    values: dict[str, Any] = field(default_factory=lambda: dict.fromkeys(FRAME_SCHEMA))
    errors: list[RowError] = field(default_factory=list)

    @property
    def has_key(self) -> bool:
        """Whether any key can be used."""
        return any(self.values[key] for key in KEYS)


def read_row_values(number: int, row: ContactRow, country: str | None, kinds: Mapping[str, Kind]) -> RowReading:
    """Read a row; national phones with the country, fields by their kinds."""
    reading = RowReading(number)
    reading.values["row"] = number
    _read_phone(reading, row, country)
    _read_email(reading, row)
    _read_texts(reading, row)
    _read_device(reading, row)
    _read_fields(reading, row, kinds)
    if not (reading.has_key or reading.errors):
        reading.errors.append(problem(number, "row", ""))
    return reading


def _read_phone(reading: RowReading, row: ContactRow, country: str | None) -> None:
    given = _given(row.phone)
    if not given:
        reading.values["phone"] = given
    elif phone := read_phone(given, country):
        reading.values |= {"phone": phone.digits, "phone_quality": phone.quality, "phone_region": phone.region}
    else:
        reading.errors.append(problem(reading.row, "phone", given))


def _read_email(reading: RowReading, row: ContactRow) -> None:
    given = _given(row.email)
    if not given:
        reading.values["email"] = given
    elif email := read_email(given):
        reading.values |= {"email": email.key, "email_given": email.given}
    else:
        reading.errors.append(problem(reading.row, "email", given))


def _read_texts(reading: RowReading, row: ContactRow) -> None:
    for name, limit in TEXT_ATTRIBUTES.items():
        given = _given(getattr(row, name))
        if given and (len(given) > limit or _CONTROL.search(given)):
            reading.errors.append(problem(reading.row, name, given))
        else:
            reading.values[name] = given


def _read_device(reading: RowReading, row: ContactRow) -> None:
    token, platform = _given(row.device_token), _given(row.device_platform) or ""
    if not token:
        return
    if platform.lower() not in PLATFORMS:
        reading.errors.append(problem(reading.row, "device_platform", platform))
    elif len(token) > MAX_TOKEN_CHARACTERS or "\0" in token:
        reading.errors.append(problem(reading.row, "device_token", token))
    else:
        reading.values |= {"device_token": token, "device_platform": platform.lower()}


def _read_fields(reading: RowReading, row: ContactRow, kinds: Mapping[str, Kind]) -> None:
    sets: dict[str, str] = {}
    unsets: list[str] = []
    for name, text in row.fields.items():
        given = _given(text)
        kind = kinds.get(name)
        if given is None or (kind is None and not given):
            continue
        if kind is None:
            reading.errors.append(problem(reading.row, name, given, "unknown"))
        elif not given:
            unsets.append(name)
        elif typed := type_value(kind, given):
            sets[name] = typed
        else:
            reading.errors.append(problem(reading.row, name, given, kind))
    # As PostgreSQL writes it: short keys first.
    pairs = (f'"{name}": {sets[name]}' for name in sorted(sets, key=lambda name: (len(name), name)))
    reading.values["patch"] = "{" + ", ".join(pairs) + "}"
    reading.values["unset"] = ",".join(unsets) or None


def _given(text: str | None) -> str | None:
    # polars strips what Unicode calls white space; str.strip takes four separators of ASCII more.
    return text if text is None else text.strip(_WHITE_SPACE)


_WHITE_SPACE = "".join(map(chr, (*range(9, 14), 32, 133, 160, 5760, *range(8192, 8203), 8232, 8233, 8239, 8287, 12288)))
