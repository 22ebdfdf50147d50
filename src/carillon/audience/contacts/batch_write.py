"""Writing a batch by a policy of its own: all of its rows in one transaction, a piece at a time."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
import polars as pl

from carillon.audience.contacts.row_changes import RowChange, SuppressedRows, apply_changes
from carillon.audience.locks import lock_audience
from carillon.audience.memberships import enrol, require_groups
from carillon.audience.suppression_queries import suppressed_among
from carillon.audience.suppressions import Channel
from carillon.audience.upsert.ambiguous_phones import read_ambiguous_rows, resolve_phones
from carillon.audience.upsert.engine import upsert_pieces
from carillon.audience.upsert.match import taken_keys
from carillon.audience.upsert.parse import read_rows
from carillon.audience.upsert.rows import KEYS, Batch, ContactRow, RowError
from carillon.db.database import Database, Tx
from carillon.kit.actor import Actor

# Queued payloads hold a policy under the names that versions before 0.1.0's reorganisation wrote.
_STORED_NAMES = {"skip_suppressed": "leave_out_suppressed", "alternative_phones": "doubts"}


class WritePolicy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename=_STORED_NAMES):
    """How a batch is written; an upload stores it beside its rows.

    `changes` are what rows set beyond their attributes, by their numbers (`apply_changes`). `alternative_phones` are
    the phones that rows may mean instead of theirs (`ambiguous_phones`), resolved when the batch is written. With
    `skip_suppressed` a row all of whose addresses are suppressed is skipped, and a suppressed address beside one that
    isn't can't be subscribed: a new contact is unsubscribed there.

    Without `update_existing` a row whose phone, e-mail or external id a contact has, one of an earlier row too, is
    skipped: it changes nothing and its contact joins no group. Archived contacts count only with `archived_exist`.
    """

    update_existing: bool = True
    archived_exist: bool = False
    changes: Mapping[int, RowChange] = {}
    skip_suppressed: bool = False
    alternative_phones: Mapping[int, str] = {}


_DEFAULT = WritePolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteBatch:
    """Write rows that have been read; the contacts of those that are kept join a group."""

    batch: Batch
    group_id: int | None = None
    policy: WritePolicy = _DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenBatch:
    """How many rows inserted a contact, updated it, left it unchanged, were skipped or failed, and the errors.

    `matched_none`: none of the rows named a contact that was there.
    """

    new: int
    updated: int
    unchanged: int
    skipped: int
    failed: int
    errors: Sequence[RowError]
    matched_none: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteRows:
    """Write rows as a caller gave them, whose numbers without a plus may be international ones as well.

    National ones are the country's.
    """

    rows: Sequence[ContactRow]
    country: str
    group_id: int | None = None
    update_existing: bool = True


async def write_rows(db: Database, actor: Actor, command: WriteRows) -> WrittenBatch:
    """Read rows in a thread, and write them in one transaction as `write_batch` does."""

    def read() -> tuple[Batch, Mapping[int, str]]:
        ambiguous = read_ambiguous_rows(command.rows, command.country)
        return read_rows(ambiguous.rows, command.country), ambiguous.alternative_phones

    batch, alternative_phones = await asyncio.to_thread(read)
    policy = WritePolicy(update_existing=command.update_existing, alternative_phones=alternative_phones)
    return await db.run(write_batch, actor, WriteBatch(batch=batch, group_id=command.group_id, policy=policy))


async def write_batch(tx: Tx, actor: Actor, command: WriteBatch, *, expect_new: bool = False) -> WrittenBatch:
    """Write a batch wholly or, when anything but its rows is wrong, not at all; `expect_new` is `upsert`'s.

    The audience is locked from before it is looked at until all is written, so that what is left alone is what exists
    when the rows are written. Raises NotFoundError for `group`.
    """
    await lock_audience(tx, actor)
    batch, policy = command.batch, command.policy
    if command.group_id is not None:
        await require_groups(tx, actor, [command.group_id])
    frame = await resolve_phones(tx, actor, batch.frame, policy.alternative_phones)
    suppressed: SuppressedRows | None = None
    if policy.skip_suppressed:
        frame, suppressed = await _reachable(tx, actor, frame)
    unmatched, are_new = (frame, expect_new) if policy.update_existing else await _unmatched(tx, actor, frame, policy)
    matched_none = unmatched.height == frame.height
    counts: Counter[str] = Counter()
    errors = list(batch.errors)
    contact_ids: dict[int, None] = {}
    async for outcome in upsert_pieces(tx, actor, replace(batch, frame=unmatched), expect_new=are_new):
        matched_none &= outcome.matched_none
        counts.update(outcome.kept["outcome"].to_list())
        errors += outcome.report.errors
        contact_ids |= dict.fromkeys(outcome.kept["contact_id"].to_list())
        await apply_changes(tx, actor, policy.changes, suppressed, outcome.kept)
    if command.group_id is not None:
        await enrol(tx, actor, command.group_id, list(contact_ids))
    return WrittenBatch(
        new=counts["new"],
        updated=counts["updated"],
        unchanged=counts["unchanged"],
        skipped=batch.frame.height - unmatched.height,
        failed=len(batch.failed),
        errors=sorted(errors, key=lambda error: error.row),
        matched_none=matched_none,
    )


async def _reachable(tx: Tx, actor: Actor, frame: pl.DataFrame) -> tuple[pl.DataFrame, SuppressedRows]:
    """Keep the rows that have an address which isn't suppressed, or none at all; return the suppressed ones too."""
    suppressed = []
    for key, channel in (("phone", Channel.SMS), ("email", Channel.EMAIL)):
        addresses = [address for address in frame[key].drop_nulls().to_list() if address]
        found = await suppressed_among(tx, actor, channel, addresses) if addresses else set()
        is_given = pl.col(key).fill_null("") != ""
        suppressed.append((is_given, is_given & pl.col(key).is_in(list(found)).fill_null(value=False)))
    is_any = pl.any_horizontal(gone for _, gone in suppressed)
    is_free = pl.any_horizontal(given & ~gone for given, gone in suppressed)
    kept = frame.filter(is_free | ~is_any)
    by_sms, by_email = (frozenset(kept.filter(gone)["row"].to_list()) for _, gone in suppressed)
    return kept, {Channel.SMS: by_sms, Channel.EMAIL: by_email}


async def _unmatched(tx: Tx, actor: Actor, frame: pl.DataFrame, policy: WritePolicy) -> tuple[pl.DataFrame, bool]:
    """Keep the rows none of whose keys is taken, by a contact or by an earlier row that is kept.

    Returns too whether all of them are new: none unarchives a contact.
    """
    found = await taken_keys(tx, actor, frame)
    taken = {key for key, archived in found.items() if policy.archived_exist or not archived}
    are_new = len(taken) == len(found)
    kept: list[int] = []
    for row, *values in frame.select("row", *KEYS).iter_rows():
        keys = {(key, value) for key, value in zip(KEYS, values, strict=True) if value}
        if taken.isdisjoint(keys):
            taken |= keys
            kept.append(row)
    return frame.filter(pl.col("row").is_in(kept)), are_new
