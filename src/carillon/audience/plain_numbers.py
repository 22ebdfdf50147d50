"""Numbers without a plus: national ones, or international ones as the vendors' replies show them.

The numbering plans tell which is likelier (`kit.phones.plain_reading`). Where both can be meant, whoever has a number
tells: what was shown to a client comes back as the same number.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import polars as pl

from carillon.audience.normalise import normalise_phones, plain_phones
from carillon.audience.rows import FRAME_SCHEMA, ContactRow
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.kit.phones import plain_reading

SQL = load_statements("carillon.audience", "plain_numbers.sql")

_IS_SETTLED = re.compile(r"[ -*,-/:-~]*(?:\+|0[^0])").match  # a plus or a zero, behind ASCII that is no digit
_FEW = 50  # up to so many rows the plain way is quicker: columns have a price of their own
_PHONE = {"phone": "digits", "phone_quality": "quality", "phone_region": "region"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainRows:
    """Rows that the country reads; `doubts` are E.164 digits that rows, by their numbers, may mean instead."""

    rows: Sequence[ContactRow]
    doubts: Mapping[int, str]


def read_plain_rows(rows: Sequence[ContactRow], country: str) -> PlainRows:
    """Read rows' numbers as the country dials them, or as international ones: as the numbering plans know them best.

    Those that can be only one of both stay as they are: with a plus, or with a single zero first. Pure, fit for a
    thread.
    """
    open_to_both = {place: row.phone for place, row in enumerate(rows) if row.phone and _IS_SETTLED(row.phone) is None}
    read: Iterable[tuple[str, str | None]]
    if len(open_to_both) <= _FEW:
        read = [plain_reading(phone, country) for phone in open_to_both.values()]
    else:
        read = plain_phones(pl.Series(list(open_to_both.values())), country).rows()
    plain, doubts = list(rows), dict[int, str]()
    for place, (phone, other) in zip(open_to_both, read, strict=True):
        plain[place] = msgspec.structs.replace(rows[place], phone=phone)
        if other:
            doubts[place + 1] = other
    return PlainRows(rows=plain, doubts=doubts)


async def held_phones(tx: Tx, actor: Actor, digits: Collection[str]) -> Mapping[str, set[int]]:
    """Give those of the numbers that contacts of the audience have, by whom, or that are suppressed in the account."""
    held: dict[str, set[int]] = {}
    for row in await tx.fetch(SQL["held_phones"], actor.account_id, actor.audience_id, sorted(digits)):
        held.setdefault(row["phone"], set()).update([row["contact_id"]] if row["contact_id"] else [])
    return held


async def settle_row(tx: Tx, actor: Actor, given: PlainRows, contact_id: int | None = None) -> ContactRow:
    """Give the only row, with the number that it means; the one that its contact has, if any, stays."""
    (row,) = given.rows
    other = given.doubts.get(1)
    if other is None or row.phone is None:
        return row
    plain = row.phone.removeprefix("+")
    held = await held_phones(tx, actor, {plain, other})
    is_other = other in held and (plain not in held or contact_id in held[other])
    return msgspec.structs.replace(row, phone=f"+{other}") if is_other else row


async def settle_frame(tx: Tx, actor: Actor, frame: pl.DataFrame, doubts: Mapping[int, str]) -> pl.DataFrame:
    """Give a batch's frame with the numbers that its rows mean; those of rows without doubt are held as well."""
    if not doubts:
        return frame
    told = dict(frame.select("row", "phone").rows())
    doubtful = {row: other for row, other in doubts.items() if told.get(row)}
    sure = {phone for row, phone in told.items() if row not in doubtful}
    held = {*await held_phones(tx, actor, {*doubtful.values(), *(told[row] for row in doubtful)}), *sure}
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
