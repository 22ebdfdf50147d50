"""Writing a batch by terms of its own: all of its rows in one transaction, a piece at a time."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
import polars as pl

from carillon.audience.contacts.contact import SubscriptionStatus
from carillon.audience.contacts.subscription import ChangeSubscriptions, SubscriptionChange, change_subscriptions
from carillon.audience.locks import lock_audience
from carillon.audience.memberships import Moves, enrol, known_groups, move, require_groups
from carillon.audience.suppressions import Channel, suppressed_among
from carillon.audience.upsert.ambiguous_phones import read_ambiguous_rows, resolve_phones
from carillon.audience.upsert.engine import upsert
from carillon.audience.upsert.match import NEW, taken_keys
from carillon.audience.upsert.parse import read_rows
from carillon.audience.upsert.rows import KEYS, Batch, ContactRow, RowError
from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.kit.ids import GroupId

SQL = load_statements("carillon.audience.contacts", "batch_write.sql")

# The process answers others between two pieces.
_PIECE_ROWS = 5_000


class RowChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a row sets beyond attributes: the subscription statuses of its contact, and the ids of the groups it is in.

    None leaves either as it is.
    """

    sms: SubscriptionStatus | None = None
    email: SubscriptionStatus | None = None
    groups: Sequence[GroupId] | None = None

    def changes_status(self, *, is_new: bool) -> bool:
        """Tell whether it may set another status than the contact has: a new contact is subscribed."""
        return bool({self.sms, self.email} - ({None, SubscriptionStatus.SUBSCRIBED} if is_new else {None}))


# Queued payloads hold a policy under the names that versions before 0.1.0's reorganisation wrote.
_STORED_NAMES = {"skip_suppressed": "leave_out_suppressed", "alternative_phones": "doubts"}


class WritePolicy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename=_STORED_NAMES):
    """How a batch is written; an upload stores it beside its rows.

    `changes` are what rows say beyond their attributes, by their numbers; groups that aren't there are passed over.
    `alternative_phones` are the phones that rows may mean instead of theirs (`ambiguous_phones`), resolved when the
    batch is written. With `skip_suppressed` a row all of whose addresses are suppressed is skipped, and
    a suppressed address beside one that isn't can't be subscribed: a new contact is unsubscribed there.

    Without `update_existing` a row whose phone, e-mail or external id a contact has, one of an earlier row too, is
    skipped: it changes nothing and its contact joins no group. Archived contacts count only with `archived_exist`.
    """

    update_existing: bool = True
    archived_exist: bool = False
    changes: Mapping[int, RowChange] = {}
    skip_suppressed: bool = False
    alternative_phones: Mapping[int, str] = {}


_DEFAULT = WritePolicy()
_NOTHING = RowChange()

_SuppressedRows = tuple[frozenset[int], frozenset[int]]
"""The numbers of rows whose phone is suppressed, and of those whose e-mail is."""

_NONE_SUPPRESSED: _SuppressedRows = (frozenset(), frozenset())


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
    suppressed: _SuppressedRows = _NONE_SUPPRESSED
    if policy.skip_suppressed:
        frame, suppressed = await _reachable(tx, actor, frame)
    unmatched, are_new = (frame, expect_new) if policy.update_existing else await _unmatched(tx, actor, frame, policy)
    matched_none = unmatched.height == frame.height
    counts: Counter[str] = Counter()
    errors = list(batch.errors)
    contact_ids: dict[int, None] = {}
    for piece in unmatched.iter_slices(_PIECE_ROWS):
        rows = replace(batch, frame=piece, errors=(), failed=frozenset())
        outcome = await upsert(tx, actor, rows, expect_new=are_new)
        matched_none &= outcome.matched_none
        counts.update(outcome.kept["outcome"].to_list())
        errors += outcome.report.errors
        contact_ids |= dict.fromkeys(outcome.kept["contact_id"].to_list())
        await _change(tx, actor, policy, suppressed, outcome.kept)
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


async def _change(tx: Tx, actor: Actor, policy: WritePolicy, suppressed: _SuppressedRows, kept: pl.DataFrame) -> None:
    """Apply what rows set beyond attributes; where several are of one contact, the last write wins."""
    concerned = set(policy.changes).union(*suppressed)
    if not concerned:
        return
    standings: dict[int, SubscriptionChange] = {}
    wanted: dict[int, Sequence[GroupId]] = {}
    new: set[int] = set()
    unsubscribed: tuple[set[int], set[int]] = (set(), set())
    for row, contact_id, outcome in kept.select("row", "contact_id", "outcome").iter_rows():
        if outcome == NEW:
            new.add(contact_id)
        if row not in concerned:
            continue
        for contact_ids, rows in zip(unsubscribed, suppressed, strict=True):
            if row in rows and contact_id in new:
                contact_ids.add(contact_id)
        change = policy.changes.get(row, _NOTHING)
        if change.changes_status(is_new=outcome == NEW):
            said = standings.get(contact_id, SubscriptionChange(contact_id=contact_id))
            standings[contact_id] = SubscriptionChange(
                contact_id=contact_id,
                sms=said.sms if change.sms is None else change.sms,
                email=said.email if change.email is None else change.email,
            )
        if change.groups is not None:
            wanted[contact_id] = change.groups
    changes = _unsubscribe(standings, unsubscribed)
    command = ChangeSubscriptions(standings=changes, unless_suppressed=policy.skip_suppressed)
    await change_subscriptions(tx, actor, command)
    if wanted:
        await move(tx, actor, await _moves(tx, actor, wanted))


def _unsubscribe(
    standings: Mapping[int, SubscriptionChange], unsubscribed: tuple[set[int], set[int]]
) -> list[SubscriptionChange]:
    """Return the changes, with contacts unsubscribed by SMS and by e-mail whatever was said of them."""
    changes, (by_sms, by_email) = dict(standings), unsubscribed
    for contact_id in by_sms | by_email:
        said = changes.get(contact_id, SubscriptionChange(contact_id=contact_id))
        changes[contact_id] = replace(
            said,
            sms=SubscriptionStatus.UNSUBSCRIBED if contact_id in by_sms else said.sms,
            email=SubscriptionStatus.UNSUBSCRIBED if contact_id in by_email else said.email,
        )
    return list(changes.values())


async def _moves(tx: Tx, actor: Actor, wanted: Mapping[int, Sequence[GroupId]]) -> Moves:
    """Tell what leads from the groups that contacts are in to those that they shall be in."""
    known = await known_groups(tx, actor, sorted({group_id for groups in wanted.values() for group_id in groups}))
    goal = {(group_id, contact_id) for contact_id, groups in wanted.items() for group_id in groups if group_id in known}
    rows = await tx.fetch(SQL["memberships_of"], actor.account_id, list(wanted))
    present = {(GroupId(row["group_id"]), row["contact_id"]) for row in rows}
    return Moves(leaving=sorted(present - goal), joining=sorted(goal - present))


async def _reachable(tx: Tx, actor: Actor, frame: pl.DataFrame) -> tuple[pl.DataFrame, _SuppressedRows]:
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
    return kept, (by_sms, by_email)


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
