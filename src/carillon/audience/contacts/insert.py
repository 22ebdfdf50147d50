"""Adding contacts: every row makes one, also where its phone or e-mail is a contact's already.

A phone and an e-mail are unique in an audience. Of two contacts with the same address the first has it; the other one
keeps it in a custom field, `repeated_phone` or `repeated_email`, so that it is neither found nor written to by it.
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import polars as pl

from carillon.audience.audience_fields import AudienceFields, audience_fields
from carillon.audience.contacts.new_fields import Reading, UnreadRows, lacks_fields, read_by, read_with_new_fields
from carillon.audience.devices import RegisteredDevice, register_devices
from carillon.audience.fields import REPEATED, CreateFields, NewField, create_fields, field_kinds
from carillon.audience.locks import lock_audience
from carillon.audience.stoplists import suppress_addresses
from carillon.audience.upsert.engine import upsert_pieces
from carillon.audience.upsert.match import taken_keys
from carillon.audience.upsert.optimistic import NotNewError, OptimisticInserts
from carillon.audience.upsert.rows import Batch, RowError, decode_patch, encode_patch
from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor

SQL = load_statements("carillon.audience.contacts", "insert.sql")

# What belongs to an address in a frame.
_COLUMNS = {"phone": ("phone", "phone_quality", "phone_region"), "email": ("email", "email_given")}


@dataclass(frozen=True, slots=True, kw_only=True)
class AddContacts:
    """Add contacts with their devices, and make the custom fields that the audience lacks for them."""

    rows: UnreadRows


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedContacts:
    """The contacts by their rows; the first error of each row that is rejected; the rows that are duplicates.

    `fields` are those by which the rows were read, `unique` is the field of which values may not repeat.
    """

    contact_ids: Mapping[int, int]
    errors: Mapping[int, RowError]
    duplicates: Sequence[int]
    fields: AudienceFields
    unique: str | None


async def add_contacts(db: Database, actor: Actor, command: AddContacts) -> AddedContacts:
    """Add contacts in one transaction: a row with an error is rejected, and so is one whose unique value is taken.

    The rows are read before the audience is locked; again when its fields have changed by then. Raises NotFoundError
    for `audience`, and what the rows raise for their unique field.
    """
    fields = await db.read(audience_fields, actor)
    reading = await asyncio.to_thread(_read_if_known, command.rows, fields)
    optimistic = db.process_state(OptimisticInserts).of(actor)
    added, inserted = await optimistic.write(partial(db.run, _add, actor, command, reading))
    optimistic.record(matched_none=inserted.matched_none)
    return added


def _read_if_known(rows: UnreadRows, fields: AudienceFields) -> Reading | None:
    return None if lacks_fields(rows, fields) else read_by(rows, fields)


async def _add(
    tx: Tx, actor: Actor, command: AddContacts, reading: Reading | None, *, expect_new: bool = False
) -> tuple[AddedContacts, "InsertedBatch"]:
    await lock_audience(tx, actor)
    fields = await audience_fields(tx, actor)
    if reading is None or reading.fields != fields:
        reading = await asyncio.to_thread(read_with_new_fields, command.rows, fields)
        await create_fields(tx, actor, CreateFields(fields=reading.missing))
    batch, errors = reading.batch, reading.errors
    unique = command.rows.unique_field(reading.fields)
    good = replace(batch, frame=batch.frame.filter(~batch.frame["row"].is_in(list(errors))))
    inserted = await insert_batch(tx, actor, InsertBatch(batch=good, unique=unique), expect_new=expect_new)
    devices = [
        RegisteredDevice(
            contact_id=inserted.contact_ids[row], platform=one.platform, token=one.token, application=one.application
        )
        for row, read in enumerate(reading.rows, 1)
        if row in inserted.contact_ids
        for one in read.devices
    ]
    await register_devices(tx, actor, devices)
    added = AddedContacts(
        contact_ids=inserted.contact_ids,
        errors=errors,
        duplicates=inserted.duplicates,
        fields=reading.fields,
        unique=unique,
    )
    return added, inserted


@dataclass(frozen=True, slots=True, kw_only=True)
class InsertBatch:
    """Insert the rows of a batch, but for those whose value of `unique` (phone, email or a field) is taken."""

    batch: Batch
    unique: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InsertedBatch:
    """The contacts by their rows, and the rows that were left out.

    `matched_none`: no row had a key that was there.
    """

    contact_ids: Mapping[int, int]
    duplicates: Sequence[int]
    matched_none: bool


async def insert_batch(tx: Tx, actor: Actor, command: InsertBatch, *, expect_new: bool = False) -> InsertedBatch:
    """Insert contacts. A value is taken when a contact has it, or an earlier row of the batch.

    An archived contact doesn't count: the rows that have its phone or e-mail unarchive it. `expect_new` saves the match
    of keys, and raises UniqueViolationError or NotNewError where it was wrong (`OptimisticInsert.write`).
    """
    audience = await lock_audience(tx, actor)
    frame, duplicates = command.batch.frame, list[int]()
    found = {} if expect_new else await taken_keys(tx, actor, frame)
    taken = {key for key, archived in found.items() if not archived}
    are_new = len(taken) == len(found)
    if command.unique is not None and command.unique in REPEATED:
        known = {value for key, value in taken if key == command.unique}
        frame, duplicates = _split_duplicates(
            frame, [value or None for value in frame[command.unique].to_list()], known
        )
    elif command.unique is not None:
        frame, duplicates = await _without_known_values(tx, actor, frame, command.unique)
    given = frame.select("phone", "email")
    frame = await _with_repeated_addresses(tx, actor, frame, taken)
    if audience.is_stoplist:  # also by an address that another contact of the list has
        await suppress_addresses(tx, actor, audience, [*given.iter_rows(), *_checked_addresses(command, duplicates)])
    contact_ids: dict[int, int] = {}
    async for outcome in upsert_pieces(tx, actor, replace(command.batch, frame=frame), expect_new=are_new):
        if expect_new and not outcome.matched_none:
            raise NotNewError
        contact_ids |= dict(outcome.kept.select("row", "contact_id").iter_rows())
    return InsertedBatch(contact_ids=contact_ids, duplicates=duplicates, matched_none=not found)


def _checked_addresses(command: InsertBatch, duplicates: Sequence[int]) -> Iterator[tuple[str | None, str | None]]:
    """Yield the phones or e-mails of rows that were left out for them, which the audience has all the same."""
    for row in command.batch.frame.filter(pl.col("row").is_in(duplicates)).iter_rows(named=True):
        yield row["phone"] if command.unique == "phone" else None, row["email"] if command.unique == "email" else None


async def _without_known_values(tx: Tx, actor: Actor, frame: pl.DataFrame, name: str) -> tuple[pl.DataFrame, list[int]]:
    values = [decode_patch(patch).get(name) for patch in frame["patch"].to_list()]
    asked = list({value for value in values if value is not None})
    rows = await tx.fetch(
        SQL["taken_values"], actor.account_id, actor.audience_id, name, encode_patch({"asked": asked})
    )
    return _split_duplicates(frame, values, {asked[row["place"] - 1] for row in rows})


def _split_duplicates(
    frame: pl.DataFrame, values: Sequence[object], taken: Collection[object]
) -> tuple[pl.DataFrame, list[int]]:
    """Split off the rows whose value is taken, by an earlier row too."""
    seen, duplicates = set(taken), list[int]()
    for row, value in zip(frame["row"].to_list(), values, strict=True):
        if value is None:
            continue
        if value in seen:
            duplicates.append(row)
        seen.add(value)
    return frame.filter(~pl.col("row").is_in(duplicates)), duplicates


async def _with_repeated_addresses(
    tx: Tx, actor: Actor, frame: pl.DataFrame, taken: set[tuple[str, str]]
) -> pl.DataFrame:
    """Move the addresses that are taken, or that an earlier row has, into the fields that keep them."""
    suspects = frame.filter(
        pl.any_horizontal(
            pl.col(key).is_not_null()
            & (pl.col(key).is_in([value for name, value in taken if name == key]) | pl.col(key).is_duplicated())
            for key in REPEATED
        )
    )
    rows: list[dict[str, object]] = []
    for row in suspects.iter_rows(named=True):
        moved = {REPEATED[key]: row[key] for key in REPEATED if row[key] and (key, row[key]) in taken}
        taken |= {(key, row[key]) for key in REPEATED if row[key]}
        if moved:
            emptied = dict.fromkeys(name for key in REPEATED if REPEATED[key] in moved for name in _COLUMNS[key])
            rows.append({**row, **emptied, "patch": encode_patch({**decode_patch(row["patch"]), **moved})})
    if not rows:
        return frame
    await _make_fields(tx, actor)
    changed = pl.DataFrame(rows, schema=frame.schema)
    return pl.concat([frame.filter(~pl.col("row").is_in(changed["row"].to_list())), changed]).sort("row")


async def _make_fields(tx: Tx, actor: Actor) -> None:
    kinds = await field_kinds(tx, actor)
    missing = {name: NewField(label=name) for name in REPEATED.values() if name not in kinds}
    await create_fields(tx, actor, CreateFields(fields=missing))
