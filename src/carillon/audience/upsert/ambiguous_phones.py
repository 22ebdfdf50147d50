"""Numbers without a plus: national ones, or international ones as the vendors' replies show them.

The numbering plans tell which is likelier (`addresses.phones.read_ambiguous_phone`). Where both are possible, the
reading that a contact or a suppression has is taken: what was shown to a client comes back as the same number.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import polars as pl

from carillon.addresses.normalise import ambiguous_phones, normalise_phones
from carillon.addresses.phones import read_ambiguous_phone
from carillon.audience.upsert.rows import FRAME_SCHEMA, ContactRow
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor

SQL = load_statements("carillon.audience.upsert", "ambiguous_phones.sql")

_IS_UNAMBIGUOUS = re.compile(r"[ -*,-/:-~]*(?:\+|0[^0])").match  # a plus or a zero, behind ASCII that is no digit
_FEW = 50  # up to so many rows the plain way is quicker: columns have a price of their own
_PHONE = {"phone": "digits", "phone_quality": "quality", "phone_region": "region"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AmbiguousRows:
    """Rows that the country reads; `doubts` are E.164 digits that rows, by their numbers, may mean instead."""

    rows: Sequence[ContactRow]
    alternative_phones: Mapping[int, str]


def read_ambiguous_rows(rows: Sequence[ContactRow], country: str) -> AmbiguousRows:
    """Read rows' numbers as the country dials them, or as international ones: as the numbering plans know them best.

    Those that can be only one of both stay as they are: with a plus, or with a single zero first. Pure, fit for a
    thread.
    """
    open_to_both = {
        place: row.phone for place, row in enumerate(rows) if row.phone and _IS_UNAMBIGUOUS(row.phone) is None
    }
    read: Iterable[tuple[str, str | None]]
    if len(open_to_both) <= _FEW:
        read = [read_ambiguous_phone(phone, country) for phone in open_to_both.values()]
    else:
        read = ambiguous_phones(pl.Series(list(open_to_both.values())), country).rows()
    plain, alternative_phones = list(rows), dict[int, str]()
    for place, (phone, other) in zip(open_to_both, read, strict=True):
        plain[place] = msgspec.structs.replace(rows[place], phone=phone)
        if other:
            alternative_phones[place + 1] = other
    return AmbiguousRows(rows=plain, alternative_phones=alternative_phones)


async def known_phones(tx: Tx, actor: Actor, digits: Collection[str]) -> Mapping[str, set[int]]:
    """Give those of the numbers that contacts of the audience have, by whom, or that are suppressed in the account."""
    held: dict[str, set[int]] = {}
    for row in await tx.fetch(SQL["known_phones"], actor.account_id, actor.audience_id, sorted(digits)):
        held.setdefault(row["phone"], set()).update([row["contact_id"]] if row["contact_id"] else [])
    return held


async def resolve_phone(tx: Tx, actor: Actor, given: AmbiguousRows, contact_id: int | None = None) -> ContactRow:
    """Give the only row, with the number that it means; the one that its contact has, if any, stays."""
    (row,) = given.rows
    other = given.alternative_phones.get(1)
    if other is None or row.phone is None:
        return row
    plain = row.phone.removeprefix("+")
    held = await known_phones(tx, actor, {plain, other})
    is_other = other in held and (plain not in held or contact_id in held[other])
    return msgspec.structs.replace(row, phone=f"+{other}") if is_other else row


async def resolve_phones(
    tx: Tx, actor: Actor, frame: pl.DataFrame, alternative_phones: Mapping[int, str]
) -> pl.DataFrame:
    """Give a batch's frame with the numbers that its rows mean; those of rows without doubt are held as well."""
    if not alternative_phones:
        return frame
    told = dict(frame.select("row", "phone").rows())
    doubtful = {row: other for row, other in alternative_phones.items() if told.get(row)}
    sure = {phone for row, phone in told.items() if row not in doubtful}
    held = {*await known_phones(tx, actor, {*doubtful.values(), *(told[row] for row in doubtful)}), *sure}
    meant = {row: other for row, other in doubtful.items() if other in held and told[row] not in held}
    if not meant:
        return frame
    read = normalise_phones(pl.Series([f"+{other}" for other in meant.values()]), None)
    columns = {f"meant_{name}": read[column].cast(FRAME_SCHEMA[name]) for name, column in _PHONE.items()}
    rows = pl.DataFrame({"row": pl.Series(list(meant), dtype=pl.Int64), **columns})
    joined = frame.join(rows, on="row", how="left", maintain_order="left")
    is_meant = pl.col("meant_phone").is_not_null()
    chosen = [pl.when(is_meant).then(f"meant_{name}").otherwise(name).alias(name) for name in _PHONE]
    return joined.with_columns(chosen).select(frame.columns)
