"""The one upsert engine: a single row, an API batch and a chunk of a million-row file all go through `upsert`.

The rule it protects: the table afterwards is what one would get by taking the rows one after another, each looking for
its contact by phone, then by e-mail, then by external id (docs/explanation/upsert.md). `match` decides which
contact each row means; here the plan is written. The audience is locked meanwhile, so that concurrent batches come one
after another too.
"""

import csv
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from io import StringIO

import polars as pl
from asyncpg import Record

from carillon.audience.contacts.contact import SUPPRESSED_BY, SubscriptionStatus
from carillon.audience.counters import recounting
from carillon.audience.devices import RegisteredDevice, concerned_by, save_devices
from carillon.audience.locks import addresses_of, lock_audience
from carillon.audience.memberships import move, move_in, plan_moves
from carillon.audience.removed_unsubscribes import remember_replaced, removed_statuses, restore_refusals
from carillon.audience.stoplists import suppress_addresses
from carillon.audience.suppression_queries import suppressed_among, suppressing_channels
from carillon.audience.suppressions import Channel
from carillon.audience.upsert.match import NEW, UNCHANGED, Plan, resolve, resolve_to
from carillon.audience.upsert.rows import KEYS, Batch, UpsertReport
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor

SQL = load_statements("carillon.audience.upsert", "engine.sql")

UPDATED = "updated"

_PATCH = ("phone", "phone_quality", "phone_region", "email", "email_given", "external_id", "landline", "patch", "unset")
_EMPTY = (*KEYS, "landline")
_COPIED = (
    "contact_id",
    "phone_quality",
    "sms_status",
    "email_status",
    *_EMPTY,
    "email_given",
    "phone_region",
    "patch",
)
# Up to so many addresses are asked about without asking whether to, and so many lines are written one by one.
_FEW = 50
# So many rows are made while the server takes in as many.
_PIECE_ROWS = 2_000
# The process answers others between two such pieces of a batch.
_UPSERTED_AT_ONCE = 5_000
_SUPPRESSED = SubscriptionStatus.SUBSCRIBED + SUPPRESSED_BY
_SUPPRESSED_ONES = (_SUPPRESSED, SubscriptionStatus.UNCONFIRMED + SUPPRESSED_BY)
_CHANNELS = (("phone", "sms_status", Channel.SMS), ("email", "email_status", Channel.EMAIL))
_OTHER = {"phone": "email", "email": "phone"}
_UNSUBSCRIBED_NOWHERE, _UNCONFIRMED_NOWHERE = 6, 7

LeftAddress = tuple[int, Channel, str]
"""A contact's id, the channel, and the normalised address that the contact has no more."""
"""What a contact is on a channel on which it has no address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsertOutcome:
    """The report, and a frame of row, contact_id and outcome (new, updated, unchanged) for the rows that were kept.

    `matched_none`: none of the rows named a contact that was there. `left_suppressed` are the suppressed addresses that
    contacts have no more, with the contact and the channel of each.
    """

    report: UpsertReport
    kept: pl.DataFrame
    matched_none: bool
    left_suppressed: Sequence[LeftAddress]


async def upsert(
    tx: Tx, actor: Actor, batch: Batch, *, expect_new: bool = False, contact_id: int | None = None
) -> UpsertOutcome:
    """Write a batch into the actor's audience; every row has its own outcome and no row costs another.

    `expect_new` saves the match: that is a fifth of the time of a load whose contacts are all new. The rule stays as it
    is, because a row that isn't new has a key that is taken. `contact_id` says which
    contact the batch's one row means, whatever its keys.

    Raises NotFoundError when the audience or that contact is gone, and asyncpg's UniqueViolationError where
    `expect_new` was wrong: the transaction is over then, and the same batch goes without it.
    """
    audience = await lock_audience(tx, actor)
    if contact_id is None:
        plan = await resolve(tx, actor, batch, expect_new=expect_new)
    else:
        plan = await resolve_to(tx, actor, batch.frame, contact_id)
    devices = _devices(batch.frame, plan.kept)
    reached = await concerned_by(tx, actor, devices)
    moves = await plan_moves(tx, actor, batch, plan.kept, set(plan.inserts["contact_id"]) - reached)
    async with recounting(tx, actor, sorted({*plan.address_changed, *reached, *plan.archived})):
        released = await _release(tx, actor, plan.releasing)
        changed, left = await _change(tx, actor, batch, plan.changes)
        await _unarchive(tx, actor, plan.archived)  # last: what they leave they have had while they were archived
        inserts = await _insert(tx, actor, batch, plan.inserts)
        await save_devices(tx, actor, devices)
    await restore_refusals(tx, actor, [*plan.changes["contact_id"], *inserts["contact_id"]])
    await move(tx, actor, moves)
    await move_in(tx, actor, moves, inserts)
    if audience.is_stoplist:
        await suppress_addresses(tx, actor, audience, await addresses_of(tx, actor, plan.kept["contact_id"].to_list()))
    archived = await _archive(tx, actor, batch, plan.kept)
    kept = _decided(plan, [*changed, *plan.archived, *archived])
    return UpsertOutcome(
        report=_report(batch, kept, plan),
        kept=kept,
        matched_none=plan.matched_none,
        left_suppressed=[*released, *left],
    )


async def upsert_pieces(tx: Tx, actor: Actor, batch: Batch, *, expect_new: bool) -> AsyncIterator[UpsertOutcome]:
    """Write a batch as `upsert` does, a piece of its frame at a time; the batch's own errors are in no report."""
    for piece in batch.frame.iter_slices(_UPSERTED_AT_ONCE):
        yield await upsert(tx, actor, replace(batch, frame=piece, errors=(), failed=frozenset()), expect_new=expect_new)


def _decided(plan: Plan, changed: list[int]) -> pl.DataFrame:
    """Fill in the outcomes that only the writing decided."""
    if not plan.kept["outcome"].has_nulls():
        return plan.kept
    is_changed = pl.col("contact_id").is_in(changed)
    outcome = pl.when(is_changed).then(pl.lit(UPDATED)).otherwise(pl.lit(UNCHANGED))
    return plan.kept.with_columns(pl.coalesce("outcome", outcome))


def _devices(frame: pl.DataFrame, kept: pl.DataFrame) -> list[RegisteredDevice]:
    """List the devices of rows, in their order."""
    if frame["device_token"].null_count() == frame.height:
        return []
    contact_ids = dict(zip(kept["row"], kept["contact_id"], strict=True))
    rows = zip(frame["row"], frame["device_platform"], frame["device_token"], strict=True)
    return [
        RegisteredDevice(contact_id=contact_ids[row], platform=platform, token=token)
        for row, platform, token in rows
        if token is not None and row in contact_ids
    ]


async def _with_statuses(tx: Tx, actor: Actor, batch: Batch, frame: pl.DataFrame, *, are_new: bool) -> pl.DataFrame:
    """Add what each address that is written makes of its channel: none, or subscribed, which may be suppressed.

    One whose contact was unsubscribed in the audience when it was removed, or given another, is unsubscribed.
    """
    suppressing = await suppressing_channels(tx, actor) if frame.height > _FEW else set(Channel)
    removed = (await lock_audience(tx, actor)).removed_channels
    columns: list[pl.Series] = []
    for key, status, channel in _CHANNELS:
        given = frame[key].to_list()
        addresses = [address for address in given if address] if channel in suppressing else []
        suppressed = await suppressed_among(tx, actor, channel, addresses) if addresses else set[str]()
        statuses: list[int] = [
            SubscriptionStatus.NONE
            if not address
            else _SUPPRESSED
            if address in suppressed
            else SubscriptionStatus.SUBSCRIBED
            for address in given
        ]
        if channel in removed:
            others = frame[_OTHER[key]].to_list() if are_new else given
            asked = {one for one in (*given, *others) if one}
            kept = await removed_statuses(tx, actor, channel, sorted(asked)) if asked else {}
            if not batch.is_file:
                kept = {address: one for address, one in kept.items() if one == SubscriptionStatus.UNSUBSCRIBED}
            if kept:
                statuses = [
                    _lowered(one, max(kept.get(address or "", 0), kept.get(other or "", 0)))
                    for one, address, other in zip(statuses, given, others, strict=True)
                ]
        columns.append(pl.Series(status, statuses, dtype=pl.Int16))
    return frame.hstack(columns)


def _lowered(status: int, kept: int) -> int:
    """Return the status of an address of which another one is kept, 0 for none."""
    match kept:
        case SubscriptionStatus.UNSUBSCRIBED:
            return kept if status else _UNSUBSCRIBED_NOWHERE
        case SubscriptionStatus.UNCONFIRMED:
            return kept + SUPPRESSED_BY * (status == _SUPPRESSED) if status else _UNCONFIRMED_NOWHERE
    return status


async def _release(tx: Tx, actor: Actor, changes: pl.DataFrame) -> list[LeftAddress]:
    """Free the keys that merged contacts give up, before others take them: unique indexes are checked row by row.

    Returns the suppressed addresses among them (`UpsertOutcome.left_suppressed`).
    """
    if changes.is_empty():
        return []
    leaving = changes.filter(pl.any_horizontal(pl.col(key).is_not_null() for key in KEYS))
    if leaving.is_empty():
        return []
    columns = (leaving[name].to_list() for name in ("contact_id", *KEYS))
    where = (actor.account_id, actor.audience_id, tx.now)
    return await _remember_replaced(tx, actor, await tx.fetchrow(SQL["release_keys"], *where, *columns))


async def _remember_replaced(tx: Tx, actor: Actor, left: Record | None) -> list[LeftAddress]:
    """Keep what was said of the addresses that contacts have no more, and return the suppressed ones."""
    suppressed: list[LeftAddress] = []
    for _, _, channel in _CHANNELS:
        if left is not None and (addresses := left[f"left_{channel}"]):
            beside = (left[f"left_{channel}_{name}"] for name in ("statuses", "contact_ids"))
            replaced = list(zip(addresses, *beside, strict=True))
            await remember_replaced(tx, actor, channel, replaced)
            suppressed += [
                (contact_id, channel, one) for one, status, contact_id in replaced if status in _SUPPRESSED_ONES
            ]
    return suppressed


async def _unarchive(tx: Tx, actor: Actor, archived: Sequence[int]) -> None:
    """Unarchive contacts: one that is written again, not by a file, is archived no more."""
    if archived:
        await tx.execute(SQL["unarchive_contacts"], actor.account_id, actor.audience_id, tx.now, archived)


async def _archive(tx: Tx, actor: Actor, batch: Batch, kept: pl.DataFrame) -> list[int]:
    """Archive the contacts of archived rows and return the ids of those that were not."""
    if not batch.archived:
        return []
    since = {contact_id: batch.archived[row] for row, contact_id, _ in kept.iter_rows() if row in batch.archived}
    where = (actor.account_id, actor.audience_id, tx.now)
    async with recounting(tx, actor, sorted(since)):
        rows = await tx.fetch(SQL["archive_contacts"], *where, list(since), list(since.values()))
    return [row["contact_id"] for row in rows]


async def _change(tx: Tx, actor: Actor, batch: Batch, changes: pl.DataFrame) -> tuple[list[int], list[LeftAddress]]:
    """Update what really changes; return the ids of those contacts, and the suppressed addresses that they leave."""
    if changes.is_empty():
        return [], []
    changes = await _with_statuses(tx, actor, batch, changes, are_new=False)
    columns = (column_text(changes[name]) for name in ("contact_id", *_PATCH, "sms_status", "email_status"))
    row = await tx.fetchrow(SQL["change_contacts"], actor.account_id, actor.audience_id, tx.now, *columns)
    left = await _remember_replaced(tx, actor, row)
    return (row and row["contact_ids"]) or [], left


def column_text(column: pl.Series) -> str:
    """Put a column into one parameter, which `string_to_array($1::text, chr(31), chr(30))` takes apart.

    No value has either control character in it. A null is added at the end, because the text of a lone empty value
    would be taken for no value at all; where columns are joined by an id, that null matches no row.
    """
    return "\x1f".join([*column.cast(pl.String).fill_null("\x1e").to_list(), "\x1e"])


async def _insert(tx: Tx, actor: Actor, batch: Batch, inserts: pl.DataFrame) -> pl.DataFrame:
    """Load new contacts; give them back with their statuses."""
    if inserts.is_empty():
        return inserts
    inserts = await _with_statuses(tx, actor, batch, inserts, are_new=True)
    now = tx.now.isoformat()
    same = {"account_id": actor.account_id, "audience_id": actor.audience_id, "created_at": now, "updated_at": now}
    alike = [pl.Series(name, [value]).new_from_index(0, inserts.height) for name, value in same.items()]
    lines = pl.DataFrame([*alike, *(inserts[name] for name in _COPIED)])
    names = ["fields" if name == "patch" else name for name in lines.columns]
    await tx.copy_csv("contact", names, _csv(lines), empty_is_null=_EMPTY)
    return inserts


def _csv(lines: pl.DataFrame) -> Iterator[bytes]:
    if lines.height <= _FEW:
        text = StringIO()
        csv.writer(text).writerows(lines.rows())
        yield text.getvalue().encode()
        return
    for piece in lines.iter_slices(_PIECE_ROWS):
        yield piece.write_csv(include_header=False).encode()


def _report(batch: Batch, kept: pl.DataFrame, plan: Plan) -> UpsertReport:
    counts = Counter(kept["outcome"].to_list())
    errors = sorted([*batch.errors, *plan.conflicts], key=lambda error: error.row)
    return UpsertReport(
        rows=batch.size,
        new=counts[NEW],
        updated=counts[UPDATED],
        unchanged=counts[UNCHANGED],
        failed=len(batch.failed),
        error_count=len(errors),
        errors=errors,
    )
