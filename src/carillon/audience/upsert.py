"""The one upsert engine: a single row, an API batch and a chunk of a million-row file all go through `upsert`.

The rule it protects: the table afterwards is what one would get by taking the rows one after another, each looking for
its contact by phone, then by e-mail, then by external id (docs/explanation/upsert.md). Rows that share no key and no
contact with another row are resolved by columns; the few that do are taken one by one (`merging`). The audience is
locked meanwhile, so that concurrent batches come one after another too.
"""

from dataclasses import dataclass

import msgspec
import polars as pl

from carillon.audience.batch import KEYS, Batch, RowError
from carillon.audience.contacts import Status
from carillon.audience.groups import create_groups, groups_by_name, name_key
from carillon.audience.merging import merge_tangled
from carillon.audience.suppressions import Channel, suppressed_among
from carillon.audience.writing import lock_audience, recounting
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor

SQL = load_statements("carillon.audience", "upsert.sql")

NEW, UPDATED, UNCHANGED = "new", "updated", "unchanged"

_PATCH = ("phone", "phone_quality", "phone_region", "email", "email_given", "external_id", "landline", "patch", "unset")
_COPIED = (
    "account_id",
    "audience_id",
    "contact_id",
    "created_at",
    "updated_at",
    "phone_quality",
    "sms_status",
    "email_status",
    "phone",
    "email",
    "external_id",
    "email_given",
    "phone_region",
    "landline",
    "fields",
)
_CHANNELS = (("phone", "sms_status", Channel.SMS), ("email", "email_status", Channel.EMAIL))


class UpsertReport(msgspec.Struct, frozen=True):
    """What became of a batch's rows. `error_count` counts every error, also those of rows that were kept."""

    rows: int
    new: int
    updated: int
    unchanged: int
    failed: int
    error_count: int
    errors: list[RowError]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsertOutcome:
    """The report, and a frame of row, contact_id and outcome (new, updated, unchanged) for the rows that were kept."""

    report: UpsertReport
    kept: pl.DataFrame


async def upsert(tx: Tx, actor: Actor, batch: Batch) -> UpsertOutcome:
    """Write a batch into the actor's audience; every row has its own outcome and no row costs another.

    Raises NotFoundError when the audience is gone.
    """
    await lock_audience(tx, actor)
    rows = await _match(tx, actor, batch.frame)
    tangled = _tangled(rows)
    merged = await merge_tangled(tx, actor, rows.filter(tangled))
    clean = rows.filter(~tangled).with_columns(contact_id=pl.coalesce("id_phone", "id_email", "id_external_id"))

    arrivals = pl.concat([clean.filter(pl.col("contact_id").is_null()).select("row", *_PATCH), merged.arrivals])
    arrivals = arrivals.sort("row")
    new_ids = await tx.ids.take("contact", arrivals.height)
    arrivals = arrivals.with_columns(contact_id=pl.Series(new_ids, dtype=pl.Int64))
    matched = clean.filter(pl.col("contact_id").is_not_null())
    changes = pl.concat([matched.select("contact_id", *_PATCH), merged.changes])

    kept = _kept(rows, arrivals, matched, merged.outcomes)
    moves = await _moves(tx, actor, batch, kept)
    devices = rows.filter(pl.col("device_token").is_not_null()).join(kept, on="row", how="left").sort("row")
    losers = await _token_owners(tx, actor, devices)
    touched = _touched(matched, [*merged.readdressed, *losers], moves, devices)
    async with recounting(tx, actor, touched):
        await _release(tx, actor, merged.changes)
        changed = await _change(tx, actor, changes)
        await _insert(tx, actor, arrivals)
        await _save_devices(tx, actor, devices)
        await _move(tx, actor, moves)
    kept = kept.with_columns(
        outcome=pl.when(pl.col("outcome").is_not_null())
        .then("outcome")
        .when(pl.col("contact_id").is_in(changed))
        .then(pl.lit(UPDATED))
        .otherwise(pl.lit(UNCHANGED))
    )
    return UpsertOutcome(report=_report(batch, kept, merged.errors), kept=kept)


async def _match(tx: Tx, actor: Actor, frame: pl.DataFrame) -> pl.DataFrame:
    """Add to each row the contacts that its keys name, and those contacts' present addresses.

    A contact found by one key tells its other keys, so that only what is still open is looked for again.
    """
    known = pl.DataFrame(schema={"contact_id": pl.Int64, **dict.fromkeys(KEYS, pl.String)})
    for key in KEYS:
        asked = frame.filter(pl.col(key) != "")[key].unique().sort()
        open_values = asked.filter(~asked.is_in(known[key].drop_nulls().implode()))
        if not open_values.is_empty():
            found = await tx.fetch(SQL[f"match_{key}"], actor.account_id, actor.audience_id, open_values.to_list())
            columns = {name: [record[name] for record in found] for name in known.columns}
            known = pl.concat([known, pl.DataFrame(columns, schema=known.schema)]).unique("contact_id")
    for key in KEYS:
        owners = known.filter(pl.col(key).is_not_null()).select(key, pl.col("contact_id").alias(f"id_{key}"))
        frame = frame.join(owners, on=key, how="left", maintain_order="left")
    target = pl.coalesce(pl.col("id_phone"), pl.col("id_email"), pl.col("id_external_id"))
    present = known.select(
        pl.col("contact_id").alias("target"), pl.col("phone").alias("old_phone"), pl.col("email").alias("old_email")
    )
    return frame.with_columns(target=target).join(present, on="target", how="left", maintain_order="left")


def _tangled(rows: pl.DataFrame) -> pl.Series:
    """Mark the rows that share a key or a contact with another row, or whose keys name several contacts.

    The rest can't influence each other: an address that one of them gives up is named by no other row, or that row
    would have found the same contact.
    """
    mark = pl.Series([False]).new_from_index(0, rows.height)
    for key in KEYS:
        values = rows[key]
        mark |= values.is_duplicated() & (values != "").fill_null(value=False)
    ids = rows.select("row", *(f"id_{key}" for key in KEYS)).unpivot(index="row", value_name="contact_id")
    pairs = ids.filter(pl.col("contact_id").is_not_null()).select("row", "contact_id").unique()
    shared = pairs.filter(pl.col("contact_id").is_duplicated() | pl.col("row").is_duplicated())["row"]
    return mark | rows["row"].is_in(shared.implode())


def _kept(rows: pl.DataFrame, arrivals: pl.DataFrame, matched: pl.DataFrame, merged: pl.DataFrame) -> pl.DataFrame:
    """Give row, contact_id and outcome of every row; the outcome of a clean match is open until it is written."""
    fresh = arrivals.select("row", "contact_id", outcome=pl.lit(NEW))
    same = matched.select("row", "contact_id", outcome=pl.lit(None, dtype=pl.String))
    # A merged row names its contact by id, or by the row that brought it in.
    brought = fresh.select(pl.col("row").alias("arrival"), pl.col("contact_id").alias("new_id"))
    one_by_one = merged.join(brought, on="arrival", how="left").select(
        "row", pl.coalesce("contact_id", "new_id").alias("contact_id"), "outcome"
    )
    clean_fresh = fresh.filter(~pl.col("row").is_in(merged["row"].implode()))
    kept = pl.concat([clean_fresh, same, one_by_one]).sort("row")
    if kept.height != rows.height:
        raise AssertionError("every row that was read has exactly one outcome")
    return kept


def _touched(
    matched: pl.DataFrame, others: list[int], moves: list[tuple[int, int, bool]], devices: pl.DataFrame
) -> list[int]:
    """List the contacts whose share in a group's counters may change."""
    moved = (pl.col("phone") != pl.col("old_phone").fill_null("")) | (
        pl.col("email") != pl.col("old_email").fill_null("")
    )
    ids = set(matched.filter(moved.fill_null(value=False))["contact_id"]) | set(others)
    return sorted(ids | {contact_id for _, contact_id, _ in moves} | set(devices["contact_id"]))


async def _with_statuses(tx: Tx, actor: Actor, frame: pl.DataFrame) -> pl.DataFrame:
    """Add what each address that is written makes of its channel: none, subscribed, or unsubscribed if suppressed."""
    for key, status, channel in _CHANNELS:
        addresses = frame.filter(pl.col(key) != "")[key]
        suppressed: set[str] = set()
        if not addresses.is_empty():
            suppressed = await suppressed_among(tx, actor, channel, addresses.to_list())
        frame = frame.with_columns(
            pl.when(pl.col(key).is_null() | (pl.col(key) == ""))
            .then(int(Status.NONE))
            .when(pl.col(key).is_in(list(suppressed)))
            .then(int(Status.UNSUBSCRIBED))
            .otherwise(int(Status.SUBSCRIBED))
            .cast(pl.Int16)
            .alias(status)
        )
    return frame


async def _release(tx: Tx, actor: Actor, changes: pl.DataFrame) -> None:
    """Free the keys that merged contacts give up, before others take them: unique indexes are checked row by row."""
    leaving = changes.filter(pl.any_horizontal(pl.col(key).is_not_null() for key in KEYS))
    if not leaving.is_empty():
        columns = (leaving[name].to_list() for name in ("contact_id", *KEYS))
        await tx.execute(SQL["release_keys"], actor.account_id, actor.audience_id, tx.now, *columns)


async def _change(tx: Tx, actor: Actor, changes: pl.DataFrame) -> list[int]:
    """Update what really changes and return the ids of those contacts."""
    if changes.is_empty():
        return []
    changes = await _with_statuses(tx, actor, changes)
    columns = (changes[name].to_list() for name in ("contact_id", *_PATCH, "sms_status", "email_status"))
    rows = await tx.fetch(SQL["change_contacts"], actor.account_id, actor.audience_id, tx.now, *columns)
    return [row["contact_id"] for row in rows]


async def _insert(tx: Tx, actor: Actor, arrivals: pl.DataFrame) -> None:
    if arrivals.is_empty():
        return
    arrivals = await _with_statuses(tx, actor, arrivals)
    now = tx.now.isoformat()
    lines = arrivals.select(
        pl.lit(actor.account_id).alias("account_id"),
        pl.lit(actor.audience_id).alias("audience_id"),
        "contact_id",
        pl.lit(now).alias("created_at"),
        pl.lit(now).alias("updated_at"),
        "phone_quality",
        "sms_status",
        "email_status",
        *(pl.col(name).replace("", None) for name in KEYS),
        "email_given",
        "phone_region",
        pl.col("landline").replace("", None),
        pl.col("patch").alias("fields"),
    )
    await tx.copy_csv("contact", _COPIED, lines.write_csv(include_header=False).encode())


async def _token_owners(tx: Tx, actor: Actor, devices: pl.DataFrame) -> list[int]:
    """List who has the tokens now."""
    if devices.is_empty():
        return []
    rows = await tx.fetch(SQL["token_owners"], actor.account_id, actor.audience_id, devices["device_token"].to_list())
    return [row["contact_id"] for row in rows]


async def _save_devices(tx: Tx, actor: Actor, devices: pl.DataFrame) -> None:
    """Give each contact its latest token a platform; a token that somebody else had moves over."""
    if devices.is_empty():
        return
    latest = devices.unique(["contact_id", "device_platform"], keep="last").unique("device_token", keep="last")
    names = ("contact_id", "device_platform", "device_token")
    columns = [latest[name].to_list() for name in names]
    await tx.execute(SQL["drop_devices"], actor.account_id, actor.audience_id, *columns)
    await tx.execute(SQL["save_devices"], actor.account_id, actor.audience_id, *columns, tx.now)


async def _moves(tx: Tx, actor: Actor, batch: Batch, kept: pl.DataFrame) -> list[tuple[int, int, bool]]:
    """Resolve changes of membership into (group id, contact id, whether it joins); missing groups are made."""
    contact_ids = dict(zip(kept["row"], kept["contact_id"], strict=True)) if batch.moves else {}
    wanted = [(name_key(name), contact_ids[row], joins) for row, name, joins in batch.moves if row in contact_ids]
    joined = {name_key(name): name for row, name, joins in reversed(batch.moves) if joins and row in contact_ids}
    if not kept.is_empty():
        joined |= {name_key(name): name for name in batch.join_all}
    if not (wanted or joined):
        return []
    known = await groups_by_name(tx, actor, set(joined) | {key for key, _, _ in wanted})
    missing = [key for key in reversed(joined) if key not in known]
    if missing:
        known |= dict(zip(missing, await create_groups(tx, actor, [joined[key] for key in missing]), strict=True))
    last = {(known[key], contact_id): joins for key, contact_id, joins in wanted if key in known}
    for name in batch.join_all:
        last |= {(known[name_key(name)], contact_id): True for contact_id in kept["contact_id"]}
    return [(group_id, contact_id, joins) for (group_id, contact_id), joins in last.items()]


async def _move(tx: Tx, actor: Actor, moves: list[tuple[int, int, bool]]) -> None:
    for statement, direction in (("leave_groups", False), ("join_groups", True)):
        chosen = [(group_id, contact_id) for group_id, contact_id, joins in moves if joins is direction]
        if chosen:
            group_ids, contact_ids = zip(*chosen, strict=True)
            await tx.execute(SQL[statement], actor.account_id, group_ids, contact_ids)


def _report(batch: Batch, kept: pl.DataFrame, conflicts: list[RowError]) -> UpsertReport:
    counts = dict(kept["outcome"].value_counts().iter_rows())
    errors = sorted([*batch.errors, *conflicts], key=lambda error: error.row)
    return UpsertReport(
        rows=batch.size,
        new=counts.get(NEW, 0),
        updated=counts.get(UPDATED, 0),
        unchanged=counts.get(UNCHANGED, 0),
        failed=len(batch.failed),
        error_count=len(errors),
        errors=errors,
    )
