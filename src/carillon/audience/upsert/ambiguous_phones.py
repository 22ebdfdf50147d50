"""Numbers without a plus: national ones, or international ones as the vendors' replies show them.

The numbering plans tell which is likelier (`phone_readings.read_ambiguous_phone`). Where both are possible, the reading
that a contact or a suppression has is taken: what was shown to a client comes back as the same number.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import polars as pl

from carillon.addresses.normalise import ambiguous_phones, normalise_phones
from carillon.addresses.phone_readings import PhoneForm, likely_digits, phone_readings, read_ambiguous_phone
from carillon.addresses.phones import is_ambiguous
from carillon.audience.upsert.rows import FRAME_SCHEMA, ContactRow
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor

SQL = load_statements("carillon.audience.upsert", "ambiguous_phones.sql")

_FEW = 50  # up to so many rows are read faster one by one than by columns
_PHONE = {"phone": "digits", "phone_quality": "quality", "phone_region": "region"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AmbiguousRows:
    """Rows that the country reads, and the E.164 digits that some of them, by their numbers, may mean instead."""

    rows: Sequence[ContactRow]
    alternative_phones: Mapping[int, str]


def read_ambiguous_rows(rows: Sequence[ContactRow], country: str) -> AmbiguousRows:
    """Read rows' numbers as the country dials them, or as international ones: as the numbering plans know them best.

    Those that can be only one of both stay as they are: with a plus, or with a single zero first. Pure, fit for a
    thread.
    """
    ambiguous = {place: row.phone for place, row in enumerate(rows) if row.phone and is_ambiguous(row.phone)}
    readings: Iterable[tuple[str, str | None]]
    if len(ambiguous) <= _FEW:
        readings = [read_ambiguous_phone(phone, country) for phone in ambiguous.values()]
    else:
        readings = ambiguous_phones(pl.Series(list(ambiguous.values())), country).rows()
    read, alternative_phones = list(rows), dict[int, str]()
    for place, (phone, alternative) in zip(ambiguous, readings, strict=True):
        read[place] = msgspec.structs.replace(rows[place], phone=phone)
        if alternative:
            alternative_phones[place + 1] = alternative
    return AmbiguousRows(rows=read, alternative_phones=alternative_phones)


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenPhone:
    """A number as a caller wrote it, in a form, with the country by whose plan national ones are read."""

    value: str = field(repr=False)
    country: str
    form: PhoneForm


async def resolve_numbers(tx: Tx, actor: Actor, given: Sequence[GivenPhone]) -> list[str | None]:
    """Return the E.164 digits that each of the numbers stands for; None for what is no phone.

    Of a number that can be read both ways, the reading is meant that a contact of the audience or a suppression has:
    the form's first, then the other; where neither is known, the one that the numbering plans know better. Of numbers
    that are read as in files, the unambiguous ones are known, too.
    """
    readings = [phone_readings(one.value, one.country, one.form) for one in given]
    ambiguous = {digits for one in readings if len(one) > 1 for digits in one}
    if not ambiguous:
        return [one[0] if one else None for one in readings]
    in_file = {
        both[0]
        for one, both in zip(given, readings, strict=True)
        if len(both) == 1 and one.form is PhoneForm.NATIONAL_IF_VALID
    }
    known = {*await known_phones(tx, actor, ambiguous), *in_file}
    return [
        _meant(one, both, known) if len(both) > 1 else next(iter(both), None)
        for one, both in zip(given, readings, strict=True)
    ]


def _meant(given: GivenPhone, readings: Sequence[str], known: Collection[str]) -> str | None:
    found = next((digits for digits in readings if digits in known), None)
    return found or likely_digits(given.value, given.country, given.form)


async def known_phones(tx: Tx, actor: Actor, digits: Collection[str]) -> Mapping[str, set[int]]:
    """Return those of the numbers that the account suppresses or that contacts of the audience have, with their ids."""
    known: dict[str, set[int]] = {}
    for row in await tx.fetch(SQL["known_phones"], actor.account_id, actor.audience_id, sorted(digits)):
        known.setdefault(row["phone"], set()).update([row["contact_id"]] if row["contact_id"] else [])
    return known


async def resolve_row(tx: Tx, actor: Actor, row: ContactRow, country: str) -> ContactRow:
    """Return a row with the number that it would have in a file."""
    if not row.phone:
        return row
    given = GivenPhone(value=row.phone, country=country, form=PhoneForm.NATIONAL_IF_VALID)
    (digits,) = await resolve_numbers(tx, actor, [given])
    return row if digits is None else msgspec.structs.replace(row, phone=f"+{digits}")


async def resolve_phone(tx: Tx, actor: Actor, given: AmbiguousRows, contact_id: int | None = None) -> ContactRow:
    """Return the only row, with the number that it means; the one that its contact has, if any, stays."""
    (row,) = given.rows
    alternative = given.alternative_phones.get(1)
    if alternative is None or row.phone is None:
        return row
    likely = row.phone.removeprefix("+")
    known = await known_phones(tx, actor, {likely, alternative})
    is_meant = alternative in known and (likely not in known or contact_id in known[alternative])
    return msgspec.structs.replace(row, phone=f"+{alternative}") if is_meant else row


async def resolve_phones(
    tx: Tx, actor: Actor, frame: pl.DataFrame, alternative_phones: Mapping[int, str]
) -> pl.DataFrame:
    """Return a batch's frame with the numbers that its rows mean; those of its unambiguous rows are known as well."""
    if not alternative_phones:
        return frame
    likely = dict(frame.select("row", "phone").rows())
    ambiguous = {row: alternative for row, alternative in alternative_phones.items() if likely.get(row)}
    given = {phone for row, phone in likely.items() if row not in ambiguous}
    known = {*await known_phones(tx, actor, {*ambiguous.values(), *(likely[row] for row in ambiguous)}), *given}
    meant = {row: one for row, one in ambiguous.items() if one in known and likely[row] not in known}
    if not meant:
        return frame
    read = normalise_phones(pl.Series([f"+{digits}" for digits in meant.values()]), None)
    columns = {f"meant_{name}": read[column].cast(FRAME_SCHEMA[name]) for name, column in _PHONE.items()}
    rows = pl.DataFrame({"row": pl.Series(list(meant), dtype=pl.Int64), **columns})
    joined = frame.join(rows, on="row", how="left", maintain_order="left")
    is_meant = pl.col("meant_phone").is_not_null()
    chosen = [pl.when(is_meant).then(f"meant_{name}").otherwise(name).alias(name) for name in _PHONE]
    return joined.with_columns(chosen).select(frame.columns)
