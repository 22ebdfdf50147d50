"""Writing a large batch of a call at once: all of its rows in one transaction, a piece at a time.

Unlike an upload nothing is left for a worker: whoever calls waits, and is told what became of every row.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from carillon.audience.memberships import enrol, require_groups
from carillon.audience.rows import KEYS, Batch, RowError
from carillon.audience.upsert import upsert
from carillon.audience.writing import lock_audience
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor

SQL = load_statements("carillon.audience", "bulk.sql")

# The process answers others between two pieces.
_PIECE_ROWS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteBatch:
    """Write rows that have been read; the contacts of those that are kept join a group.

    Without `update_existing` a row whose phone, e-mail or external id a contact has, be it one that an earlier row
    brought, is left alone: it changes nothing and its contact joins nothing.
    """

    batch: Batch
    group_id: int | None = None
    update_existing: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenBatch:
    """How many rows made, changed, met as it is, left alone or failed to name a contact, and what was wrong."""

    new: int
    updated: int
    unchanged: int
    left_alone: int
    failed: int
    errors: Sequence[RowError]


async def write_batch(tx: Tx, actor: Actor, command: WriteBatch) -> WrittenBatch:
    """Write a batch wholly or, when anything but its rows is wrong, not at all. Raises NotFoundError for `group`.

    The audience is locked from before it is looked at until all is written, so that what is left alone is what exists
    when the rows are written.
    """
    await lock_audience(tx, actor)
    batch = command.batch
    if command.group_id is not None:
        await require_groups(tx, actor, [command.group_id])
    frame = batch.frame if command.update_existing else await _strangers(tx, actor, batch.frame)
    counts: Counter[str] = Counter()
    errors = list(batch.errors)
    contact_ids: dict[int, None] = {}
    for piece in frame.iter_slices(_PIECE_ROWS):
        outcome = await upsert(tx, actor, replace(batch, frame=piece, errors=(), failed=frozenset()))
        counts.update(outcome.kept["outcome"].to_list())
        errors += outcome.report.errors
        contact_ids |= dict.fromkeys(outcome.kept["contact_id"].to_list())
    if command.group_id is not None:
        await enrol(tx, actor, command.group_id, list(contact_ids))
    return WrittenBatch(
        new=counts["new"],
        updated=counts["updated"],
        unchanged=counts["unchanged"],
        left_alone=batch.frame.height - frame.height,
        failed=len(batch.failed),
        errors=sorted(errors, key=lambda error: error.row),
    )


async def _strangers(tx: Tx, actor: Actor, frame: pl.DataFrame) -> pl.DataFrame:
    """Keep the rows none of whose keys is taken, by a contact or by an earlier row that is kept."""
    asked = (frame[key].drop_nulls().to_list() for key in KEYS)
    rows = await tx.fetch(SQL["taken_keys"], actor.account_id, actor.audience_id, *asked)
    taken = {(row["key"], row["value"]) for row in rows}
    kept: list[int] = []
    for row, *values in frame.select("row", *KEYS).iter_rows():
        keys = {(key, value) for key, value in zip(KEYS, values, strict=True) if value}
        if taken.isdisjoint(keys):
            taken |= keys
            kept.append(row)
    return frame.filter(pl.col("row").is_in(kept))
