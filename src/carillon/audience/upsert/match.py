"""Matching: which row of a batch inserts a contact, and which updates an existing one.

A few rows are taken one by one (`merging`). Of many, those that share no key and no contact with another row are
resolved by columns, which is a hundred times faster, and only the rest is taken one by one. Both give the same plan.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from asyncpg import Record

from carillon.addresses.phones import MIN_VALID_QUALITY
from carillon.audience.upsert.merge import INSERT_SCHEMA, UPDATE_SCHEMA, Merged, merge_rows, phone_kept
from carillon.audience.upsert.rows import KEYS, Batch, RowError
from carillon.db.database import Tx
from carillon.db.sql import load_statements, one_text
from carillon.errors import NotFoundError
from carillon.kit.actor import Actor

SQL = load_statements("carillon.audience.upsert", "match.sql")

NEW, UNCHANGED = "new", "unchanged"

# Up to so many rows, matching row by row is quicker: columns have a fixed cost, whatever their length.
_FEW = 50

# What a match tells of a contact; beside the row that found it, its columns are called old_….
_KNOWN_SCHEMA: dict[str, type[pl.DataType]] = {
    "contact_id": pl.Int64,
    **dict.fromkeys((*KEYS, "email_given", "landline", "fields"), pl.String),
    "phone_quality": pl.Int16,
    "archived": pl.Boolean,
}
_OLD_SCHEMA = {name if name == "contact_id" else f"old_{name}": dtype for name, dtype in _KNOWN_SCHEMA.items()}
_KEPT_SCHEMA = {"row": pl.Int64, "contact_id": pl.Int64, "outcome": pl.String}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be written.

    `inserts` are new contacts with their ids, by row; `changes` are patches by contact, `releasing` those of them that
    may give up a key which another row takes; `kept` gives each row its contact and outcome, null where only the
    writing will tell whether anything changes; `address_changed` are old contacts whose addresses may change;
    `archived` are those of the rows' contacts that are archived and won't be.
    """

    inserts: pl.DataFrame
    changes: pl.DataFrame
    releasing: pl.DataFrame
    kept: pl.DataFrame
    address_changed: Sequence[int]
    archived: Sequence[int]
    conflicts: Sequence[RowError]
    matched_none: bool


async def resolve_to(tx: Tx, actor: Actor, frame: pl.DataFrame, contact_id: int) -> Plan:
    """Match a row to a given contact; no other contact has its keys. Raises NotFoundError for `contact`."""
    loaded = await tx.fetch(SQL["contacts_by_id"], actor.account_id, actor.audience_id, [contact_id])
    if not loaded:
        raise NotFoundError("contact")
    merged = merge_rows(frame.to_dicts(), map(dict, loaded), target=contact_id)
    return await _plan_of_merged(tx, merged)


async def resolve(tx: Tx, actor: Actor, batch: Batch, *, expect_new: bool = False) -> Plan:
    """Resolve a batch's frame against the actor's audience, which the caller has locked.

    `expect_new` takes rows for new without asking, where nothing but a key that is taken can make them anything else:
    their loading then fails, and the caller resolves again without it.
    """
    if batch.frame.height <= _FEW:
        return await _resolve_few(tx, actor, batch, expect_new=expect_new)
    return await _resolve_many(tx, actor, batch, expect_new=expect_new)


async def _resolve_few(tx: Tx, actor: Actor, batch: Batch, *, expect_new: bool) -> Plan:
    rows = batch.frame.to_dicts()
    loaded: Sequence[Record] = []
    # Of several rows that share a key not all keys are written: a taken one might go unnoticed.
    if rows and not (expect_new and len(rows) == 1):
        values = ([row[key] for row in rows if row[key]] for key in KEYS)
        loaded = await tx.fetch(SQL["contacts_with_keys"], actor.account_id, actor.audience_id, *values)
    return await _plan_of_merged(tx, _merged(batch, rows, loaded))


def _merged(batch: Batch, rows: Iterable[Mapping[str, Any]], loaded: Sequence[Record]) -> Merged:
    return merge_rows(rows, map(dict, loaded), is_file=batch.is_file, archived=batch.archived.keys())


async def _resolve_many(tx: Tx, actor: Actor, batch: Batch, *, expect_new: bool) -> Plan:
    known, frame = pl.DataFrame(schema=_KNOWN_SCHEMA), batch.frame
    if expect_new:
        # Of rows that share a key not all keys are written, so that a taken one might go unnoticed: they are asked for.
        known = await _known(tx, actor, frame.filter(_repeated(frame)))
    if not expect_new or known.height:
        known = await _known(tx, actor, frame)
    rows = _paired(frame, known)
    interdependent = _interdependent(rows)
    merged = await _merge_interdependent(tx, actor, batch, rows.filter(interdependent))
    independent = rows.filter(~interdependent)
    matched = independent.filter(pl.col("contact_id").is_not_null())
    conflicts = merged.errors
    if batch.is_file:
        matched, kept_phones = _with_valid_phones(matched)
        conflicts = [*conflicts, *kept_phones]
    differs = matched.select(_differs()).to_series()
    inserts = pl.concat([independent.filter(pl.col("contact_id").is_null()).select(*INSERT_SCHEMA), merged.inserts])
    inserts, one_by_one = await _numbered(tx, inserts.sort("row"), merged)
    inserted = inserts.select("row", "contact_id", pl.lit(NEW).alias("outcome"))
    if one_by_one.height:
        inserted = inserted.filter(~pl.col("row").is_in(one_by_one["row"].implode()))
    archived = matched["row"].is_in(list(batch.archived)) | (matched["old_archived"] & batch.is_file)
    is_same = ~(differs | (matched["old_archived"] != archived))
    matched_rows = matched.select("row", "contact_id", pl.when(is_same).then(pl.lit(UNCHANGED)).alias("outcome"))
    return Plan(
        inserts=inserts,
        changes=pl.concat([matched.filter(differs).select(*UPDATE_SCHEMA), merged.changes]),
        releasing=merged.changes,
        kept=pl.concat([inserted, matched_rows, one_by_one]).sort("row"),
        address_changed=[*_address_changed(matched), *merged.address_changed],
        archived=[*matched.filter(matched["old_archived"] & ~archived)["contact_id"].to_list(), *merged.archived],
        conflicts=conflicts,
        matched_none=known.is_empty(),
    )


def _with_valid_phones(matched: pl.DataFrame) -> tuple[pl.DataFrame, list[RowError]]:
    """Leave out phones that aren't valid where the matched contact has a valid one, and report them."""
    is_other = (pl.col("phone") != "") & (pl.col("phone") != pl.col("old_phone"))
    is_worse = (pl.col("phone_quality") < MIN_VALID_QUALITY) & (pl.col("old_phone_quality") >= MIN_VALID_QUALITY)
    refused = matched.select((is_other & is_worse).fill_null(value=False)).to_series()
    if not refused.any():
        return matched, []
    errors = [phone_kept(*values) for values in matched.filter(refused).select("row", "phone", "old_phone").iter_rows()]
    phone = ("phone", "phone_quality", "phone_region")
    return matched.with_columns(pl.when(~refused).then(pl.col(phone)).name.keep()), errors


def _differs() -> pl.Expr:
    """Tell of a matched row whether it may change its contact; the writing tells for certain.

    Fields are compared as texts, in the form in which PostgreSQL writes them: a row with all of a contact's
    fields as they are is known to be the same without taking either apart.
    """
    other_texts = [
        pl.col(name).is_not_null() & (pl.col(name) != pl.col(f"old_{name}").fill_null(""))
        for name in (*KEYS, "landline")
    ]
    other_spelling = (pl.col("email") != "") & pl.col("email_given").ne_missing(pl.col("old_email_given"))
    other_fields = (pl.col("patch") != "{}") & (pl.col("patch") != pl.col("old_fields"))
    emptied = pl.col("unset").is_not_null()
    return pl.any_horizontal(*other_texts, other_spelling.fill_null(value=False), other_fields, emptied)


async def _plan_of_merged(tx: Tx, merged: Merged) -> Plan:
    """Make the plan of rows that were all taken one by one."""
    inserts, kept = await _numbered(tx, merged.inserts, merged)
    return Plan(
        inserts=inserts,
        changes=merged.changes,
        releasing=merged.changes,
        kept=kept,
        address_changed=merged.address_changed,
        archived=merged.archived,
        conflicts=merged.errors,
        matched_none=all(contact_id is None for _, contact_id, _, _ in merged.outcomes),
    )


async def _numbered(tx: Tx, inserts: pl.DataFrame, merged: Merged) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Assign ids to the inserts, in the order of their rows, and contacts to the merged rows."""
    ids = await tx.ids.take("contact", inserts.height)
    id_of_row = dict(zip(inserts["row"], ids, strict=True)) if merged.outcomes else {}
    one_by_one = [
        (row, contact_id if inserted_by is None else id_of_row[inserted_by], outcome)
        for row, contact_id, inserted_by, outcome in merged.outcomes
    ]
    kept = pl.DataFrame(one_by_one, schema=_KEPT_SCHEMA, orient="row")
    return inserts.hstack([pl.Series("contact_id", ids, dtype=pl.Int64)]), kept


async def _known(tx: Tx, actor: Actor, frame: pl.DataFrame) -> pl.DataFrame:
    """Find the contacts that any key names.

    A contact found by one key tells its other keys, so that only what is still open is looked for again.
    """
    known = pl.DataFrame(schema=_KNOWN_SCHEMA)
    for key in KEYS:
        asked = frame[key].drop_nulls()
        asked = asked.filter(asked != "").unique()
        open_values = asked.filter(~asked.is_in(known[key].drop_nulls().implode())) if known.height else asked
        if open_values.is_empty():
            continue
        values = one_text(open_values.sort().to_list())
        found = await tx.fetchrow(SQL[f"match_{key}"], actor.account_id, actor.audience_id, values)
        if found is not None and found["contact_id"] is not None:
            columns = {name: pl.Series(found[name], dtype=dtype) for name, dtype in _KNOWN_SCHEMA.items()}
            known = pl.concat([known, pl.DataFrame(columns)]).unique("contact_id")
    return known


async def matched_rows(tx: Tx, actor: Actor, frame: pl.DataFrame, *, keeps_valid_phones: bool = False) -> pl.DataFrame:
    """Return the rows that would each by itself change a contact: `contact_id`, and what that one is now (`old_…`).

    With `keeps_valid_phones` (`Batch`) a phone is null where the contact's stays.
    """
    matched = _paired(frame, await _known(tx, actor, frame)).filter(pl.col("contact_id").is_not_null())
    return _with_valid_phones(matched)[0] if keeps_valid_phones else matched


async def taken_keys(tx: Tx, actor: Actor, frame: pl.DataFrame) -> dict[tuple[str, str], bool]:
    """Return those of a frame's keys, by name and value, that contacts have, and whether these are archived."""
    asked = (frame[key].drop_nulls().to_list() for key in KEYS)
    rows = await tx.fetch(SQL["taken_keys"], actor.account_id, actor.audience_id, *asked)
    return {(row["key"], row["value"]): row["archived"] for row in rows}


def _paired(frame: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Add to each row the contacts that its keys name, the one that it changes, and what that one is now (`old_…`)."""
    if known.is_empty():
        no_ids = [pl.lit(None, dtype=pl.Int64).alias(f"id_{key}") for key in KEYS]
        return frame.with_columns(
            *no_ids, *(pl.lit(None, dtype=dtype).alias(name) for name, dtype in _OLD_SCHEMA.items())
        )
    for key in KEYS:
        owners = known.filter(pl.col(key).is_not_null()).select(key, pl.col("contact_id").alias(f"id_{key}"))
        frame = frame.join(owners, on=key, how="left", maintain_order="left")
    target = pl.coalesce(*(f"id_{key}" for key in KEYS)).alias("contact_id")
    present = known.rename({name: f"old_{name}" for name in _KNOWN_SCHEMA if name != "contact_id"})
    return frame.with_columns(target).join(present, on="contact_id", how="left", maintain_order="left")


def _interdependent(rows: pl.DataFrame) -> pl.Series:
    """Mark the rows that share a key or a contact with another row, or whose keys name several contacts.

    The rest can't influence each other: an address that one of them gives up is named by no other row, or that row
    would have found the same contact.
    """
    mark = _repeated(rows)
    if rows["contact_id"].null_count() == rows.height:
        return mark
    ids = rows.select("row", *(f"id_{key}" for key in KEYS)).unpivot(index="row", value_name="contact_id")
    pairs = ids.filter(pl.col("contact_id").is_not_null()).select("row", "contact_id").unique()
    shared = pairs.filter(pl.col("contact_id").is_duplicated() | pl.col("row").is_duplicated())["row"]
    return mark | rows["row"].is_in(shared.implode())


def _repeated(rows: pl.DataFrame) -> pl.Series:
    """Mark the rows that share a key with another row."""
    mark = pl.Series([False]).new_from_index(0, rows.height)
    for key in KEYS:
        values = rows[key]
        if values.null_count() < rows.height:
            mark |= values.is_duplicated() & (values != "").fill_null(value=False)
    return mark


async def _merge_interdependent(tx: Tx, actor: Actor, batch: Batch, rows: pl.DataFrame) -> Merged:
    ids = sorted({contact_id for key in KEYS for contact_id in rows[f"id_{key}"].drop_nulls()})
    loaded = await tx.fetch(SQL["contacts_by_id"], actor.account_id, actor.audience_id, ids) if ids else []
    return _merged(batch, rows.sort("row").iter_rows(named=True), loaded)


def _address_changed(matched: pl.DataFrame) -> list[int]:
    """List the contacts whose phone or e-mail a clean row changes."""
    moved = (pl.col("phone") != pl.col("old_phone").fill_null("")) | (
        pl.col("email") != pl.col("old_email").fill_null("")
    )
    return matched.filter(moved.fill_null(value=False))["contact_id"].to_list()
