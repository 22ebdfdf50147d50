"""Numbers without a plus, which may be national ones or international ones: what they are in a batch of rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import polars as pl

from carillon.audience.normalise import plain_phones
from carillon.audience.rows import ContactRow
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor

SQL = load_statements("carillon.audience", "plain_numbers.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainRows:
    """Rows whose numbers have a plus; `doubts` are E.164 digits, by the places of rows that may mean them instead."""

    rows: Sequence[ContactRow]
    doubts: Mapping[int, str]


def read_plain_rows(rows: Sequence[ContactRow], country: str) -> PlainRows:
    """Read rows' numbers as the country dials them, or as international ones: as the numbering plans know them best.

    Pure, fit for a thread.
    """
    read = plain_phones(pl.Series([row.phone for row in rows], dtype=pl.String), country)
    plain = [msgspec.structs.replace(row, phone=phone) for row, phone in zip(rows, read["plain"], strict=True)]
    return PlainRows(rows=plain, doubts={place: shown for place, shown in enumerate(read["shown"]) if shown})


async def settle_doubts(tx: Tx, actor: Actor, given: PlainRows) -> Sequence[ContactRow]:
    """Give the rows, those in doubt with the number that a contact has: it was shown so, in digits without a plus."""
    if not given.doubts:
        return given.rows
    found = await tx.fetch(SQL["held_phones"], actor.account_id, actor.audience_id, list(given.doubts.values()))
    held = {row["phone"] for row in found}
    rows = list(given.rows)
    for place, shown in given.doubts.items():
        if shown in held:
            rows[place] = msgspec.structs.replace(rows[place], phone=f"+{shown}")
    return rows
