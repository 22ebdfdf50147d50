"""Exports: the contacts of an audience or of a group as one file, in constant memory, all of one moment.

What is exported can be imported again, and then leaves every contact as it was. Into another account it carries all
that contacts said: statuses, consents and suppressions, also those of addresses that no contact has (docs/adr/0053),
and the rest of an audience (docs/adr/0060).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import polars as pl
from asyncpg import Record

from carillon.audience.consents import ConsentKey, stored_consents
from carillon.audience.contacts.contact import OWN_STATUSES, STORED_STATUSES, groups_of
from carillon.audience.contacts.query import ContactQuery, contact_rows
from carillon.audience.definitions import Definition, definitions
from carillon.audience.export_columns import (
    ARCHIVED_COLUMN,
    ARCHIVED_STATUS,
    BLOCK_COLUMNS,
    CONSENT_DETAILS,
    DEFINITION_COLUMNS,
    DEVICES_COLUMN,
    EXPORT_COLUMNS,
    GROUPS_COLUMN,
    OWN_STATUS_COLUMNS,
    UNSUBSCRIPTION_COLUMNS,
    consent_column,
    field_column,
    join_names,
    status_column,
)
from carillon.audience.field_types import Kind
from carillon.audience.fields import field_kinds
from carillon.audience.groups import FindGroups, Group, GroupKey, find_groups
from carillon.audience.suppression_queries import Suppression
from carillon.audience.suppression_records import RecordsAfter, suppression_records
from carillon.audience.suppressions import Channel
from carillon.audience.unsubscriptions import (
    ContactChannel,
    Unsubscription,
    any_unsubscription,
    unsubscriptions_of,
)
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.tabular import Format, open_writer
from carillon.tenancy import audit

SQL = load_statements("carillon.audience", "exports.sql")

PAGE_ROWS = 10_000

# Numbers keep the digits that they were written with: a float would lose some beyond the fifteenth.
_decode_fields = msgspec.json.Decoder(dict[str, Any], float_hook=str).decode
_STATUS_NAMES = [status.name.lower() for status in STORED_STATUSES]
_LIVE_STATUS_NAMES = ("subscribed", "unconfirmed")
# By itself, a contact said something else than what its status is.
_OWN_STATUS_NAMES = [
    None if own is stored else own.name.lower() for own, stored in zip(OWN_STATUSES, STORED_STATUSES, strict=True)
]
# Nobody writes to who is archived, and whoever reads the file elsewhere shall not either.
_ARCHIVED_STATUS_NAMES = [ARCHIVED_STATUS if name in _LIVE_STATUS_NAMES else name for name in _STATUS_NAMES]
_ARCHIVED_OWN_STATUS_NAMES = [
    name if name in _LIVE_STATUS_NAMES else own for name, own in zip(_STATUS_NAMES, _OWN_STATUS_NAMES, strict=True)
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportContacts:
    """Export an audience, or the contacts of one of its groups, to a path or an open binary file.

    An audience comes with its archived contacts and with what no contact tells of (`definitions`). `defuse` makes
    cells of CSV safe to open in a spreadsheet.
    """

    target: Path | BinaryIO
    format: Format = "csv"
    group: str | None = None
    defuse: bool = True


async def export_contacts(
    tx: Tx, actor: Actor, command: ExportContacts, progress: Callable[[int], None] = lambda _rows: None
) -> int:
    """Write contacts in the order of their ids and return how many there are. It must have the transaction to itself.

    A file named by its path appears when it is whole. Raises NotFoundError for `group`, InvalidInputError for `group`
    (several have the name) and `output` (it can't be written).
    """
    await tx.execute(SQL["see_one_moment"])
    group = None if command.group is None else await _group(tx, actor, command.group)
    columns = await _columns(tx, actor, group, command.format)
    group_id = None if group is None else group.group_id
    query = ContactQuery(
        limit=PAGE_ROWS,
        group_id=group_id,
        with_archived=ARCHIVED_COLUMN in columns.schema,
        with_groups=GROUPS_COLUMN in columns.schema,
        with_devices=DEVICES_COLUMN in columns.schema,
    )
    rows = 0
    try:
        with open_writer(command.format, command.target, list(columns.schema), defuse=command.defuse) as writer:
            if columns.definitions:
                await asyncio.to_thread(writer.write, _definition_frame(columns))
            async for blocks in _blocks(tx, actor, group_id):
                await asyncio.to_thread(lambda some: writer.write(_block_frame(some, columns)), blocks)
            while page := await contact_rows(tx, actor, query):
                said = await _said(tx, actor, page, columns)
                await asyncio.to_thread(lambda some, said: writer.write(_frame(some, said, columns)), page, said)
                query = replace(query, after_id=page[-1]["contact_id"])
                rows += len(page)
                progress(rows)
    except (OSError, pl.exceptions.ComputeError) as error:  # polars tells of a failed write of Parquet so
        why = getattr(error, "strerror", None) or error
        raise InvalidInputError("output", f"The export can't be written: {why}.") from error
    detail = {"format": command.format, "group_id": group and group.group_id, "rows": rows}
    await audit.record(tx, actor, "contact.export", tx.new_uuid(), detail)
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What contacts of a page have said, beside their statuses."""

    consents: Mapping[ConsentKey, Record]
    unsubscriptions: Mapping[ContactChannel, Unsubscription]


async def _said(tx: Tx, actor: Actor, page: Sequence[Record], columns: "_Columns") -> _Said:
    contact_ids = [row["contact_id"] for row in page]
    return _Said(
        consents=await stored_consents(tx, actor, contact_ids) if columns.consents else {},
        unsubscriptions=await unsubscriptions_of(tx, actor, contact_ids) if columns.unsubscriptions else {},
    )


async def _group(tx: Tx, actor: Actor, name: str) -> Group:
    found = await find_groups(tx, actor, FindGroups(by=GroupKey.NAME, value=name))
    if not found:
        raise NotFoundError("group", f"There is no group “{name}”.")
    if len(found) > 1:
        raise InvalidInputError("group", f"{len(found)} groups are called “{name}”.")
    return found[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """An export's columns with their types, the fields and the consents among them by column, and its definitions."""

    schema: Mapping[str, type[pl.DataType]]
    fields: Mapping[str, str]
    consents: Mapping[tuple[str, Channel], str]
    definitions: Sequence[Definition]

    @property
    def unsubscriptions(self) -> Mapping[str, Sequence[str]]:
        """Those of unsubscriptions, by channel."""
        return {channel: names for channel, names in UNSUBSCRIPTION_COLUMNS.items() if names[0] in self.schema}


async def _columns(tx: Tx, actor: Actor, group: Group | None, format_: Format) -> _Columns:
    """Choose the columns: those of every export, and what any contact has a value of."""
    kinds = await field_kinds(tx, actor)
    fields = {field_column(name): name for name in await _fields_in_use(tx, actor, group, kinds)}
    consents = {pair: consent_column(*pair) for pair in await _consents_in_use(tx, actor, group)}
    schema: dict[str, type[pl.DataType]] = dict.fromkeys(EXPORT_COLUMNS, pl.String)
    schema["contact_id"] = pl.Int64
    schema |= dict.fromkeys(await _others_in_use(tx, actor, group), pl.String)
    schema |= {column: _type(kinds.get(name, Kind.TEXT), format_) for column, name in fields.items()}
    for column in consents.values():
        schema[column] = pl.Boolean
        schema |= {f"{column}.{detail}": pl.String for detail in CONSENT_DETAILS}
    if [page async for page in _blocks(tx, actor, None if group is None else group.group_id, limit=1)]:
        schema |= dict.fromkeys(BLOCK_COLUMNS, pl.String)
    defined = await definitions(tx, actor) if group is None else []
    if defined:
        schema |= dict.fromkeys(DEFINITION_COLUMNS, pl.String)
    return _Columns(schema=schema, fields=fields, consents=consents, definitions=defined)


async def _others_in_use(tx: Tx, actor: Actor, group: Group | None) -> list[str]:
    """List the columns of statuses, groups and devices that any contact has a value of."""
    where = (actor.account_id, actor.audience_id)
    in_use = await tx.fetchrow(SQL["statuses_in_use"], *where)
    archived = group is None and in_use is not None and in_use["archived"]
    columns = [
        column for channel, column in OWN_STATUS_COLUMNS.items() if archived or (in_use is not None and in_use[channel])
    ]
    for channel, of_channel in UNSUBSCRIPTION_COLUMNS.items():
        if await any_unsubscription(tx, actor, channel):
            columns += of_channel
    if archived:
        columns.append(ARCHIVED_COLUMN)
    if await tx.fetchval(SQL["any_membership"], *where):
        columns.append(GROUPS_COLUMN)
    if await tx.fetchval(SQL["any_device"], *where):
        columns.append(DEVICES_COLUMN)
    return columns


async def _fields_in_use(tx: Tx, actor: Actor, group: Group | None, kinds: Mapping[str, Kind]) -> list[str]:
    """List the fields that any contact has: the built-in ones in their order, then the others by name."""
    if group is None:
        rows = await tx.fetch(SQL["fields_in_use"], actor.account_id, actor.audience_id)
    else:
        rows = await tx.fetch(SQL["group_fields_in_use"], actor.account_id, actor.audience_id, group.group_id)
    order = {name: place for place, name in enumerate(kinds)}
    return sorted((row["name"] for row in rows), key=lambda name: (order.get(name, len(order)), name))


async def _consents_in_use(tx: Tx, actor: Actor, group: Group | None) -> list[tuple[str, Channel]]:
    """List the consents that any contact has: purposes and channels."""
    if group is None:
        rows = await tx.fetch(SQL["consents_in_use"], actor.account_id, actor.audience_id)
    else:
        rows = await tx.fetch(SQL["group_consents_in_use"], actor.account_id, actor.audience_id, group.group_id)
    return [(row["purpose"], Channel(row["channel"])) for row in rows]


async def _blocks(
    tx: Tx, actor: Actor, group_id: int | None, *, limit: int | None = None
) -> AsyncIterator[Sequence[Suppression]]:
    """Yield pages of the account's suppressions, or of those of a group's members; of `limit` rows, the first alone."""
    for channel in Channel:
        query = RecordsAfter(channel=channel, after_id=0, limit=limit or PAGE_ROWS, group_id=group_id)
        while page := await suppression_records(tx, actor, query):
            yield page
            if limit is not None:
                return
            query = replace(query, after_id=page[-1].suppression_id)


def _type(kind: Kind, format_: Format) -> type[pl.DataType]:
    """Return a field's type in a file. In CSV a number keeps its digits: a float loses those after the fifteenth."""
    if kind is Kind.BOOLEAN:
        return pl.Boolean
    return pl.Float64 if kind is Kind.NUMBER and format_ != "csv" else pl.String


def _definition_frame(columns: _Columns) -> pl.DataFrame:
    rows = [
        (one.of.value, one.name, one.kind, one.label or None, one.description or None) for one in columns.definitions
    ]
    return _alone(pl.DataFrame(rows, schema=dict.fromkeys(DEFINITION_COLUMNS, pl.String), orient="row"), columns)


def _alone(frame: pl.DataFrame, columns: _Columns) -> pl.DataFrame:
    """Add the columns of contacts to rows that are none."""
    others = {name: kind for name, kind in columns.schema.items() if name not in frame.columns}
    return frame.with_columns(pl.lit(None, dtype=kind).alias(name) for name, kind in others.items())


def _block_frame(blocks: Sequence[Suppression], columns: _Columns) -> pl.DataFrame:
    addresses = [one.address if one.channel is Channel.EMAIL else f"+{one.address}" for one in blocks]
    rows = [
        (address, one.channel.value, one.created_at.isoformat(), one.source, one.actor, one.reason, one.description)
        for one, address in zip(blocks, addresses, strict=True)
    ]
    return _alone(pl.DataFrame(rows, schema=dict.fromkeys(BLOCK_COLUMNS, pl.String), orient="row"), columns)


def _frame(page: Sequence[Record], said: _Said, wanted: _Columns) -> pl.DataFrame:
    schema = wanted.schema
    columns = {"contact_id": pl.Series([row["contact_id"] for row in page], dtype=pl.Int64)}
    columns["phone"] = "+" + pl.Series([row["phone"] for row in page], dtype=pl.String)
    columns["email"] = pl.Series([row["email_given"] or row["email"] for row in page], dtype=pl.String)
    for name in ("external_id", "landline"):
        columns[name] = pl.Series([row[name] for row in page], dtype=pl.String)
    columns |= _status_columns(page, schema)
    for channel, names_of_channel in wanted.unsubscriptions.items():
        columns |= _unsubscription_columns(page, said.unsubscriptions, channel, names_of_channel)
    for name in ("created_at", "updated_at", *({ARCHIVED_COLUMN} & schema.keys())):
        columns[name] = pl.Series([row[name] and row[name].isoformat() for row in page], dtype=pl.String)
    if DEVICES_COLUMN in schema:
        columns[DEVICES_COLUMN] = pl.Series([join_names(row["devices"]) for row in page], dtype=pl.String)
    if GROUPS_COLUMN in schema:
        names = [join_names([group.name for group in groups_of(row)]) for row in page]
        columns[GROUPS_COLUMN] = pl.Series(names, dtype=pl.String)
    values = [_decode_fields(row["fields"]) for row in page]
    for column, name in wanted.fields.items():
        columns[column] = _field([one.get(name) for one in values], schema[column])
    for pair, column in wanted.consents.items():
        found = [said.consents.get((row["contact_id"], *pair)) for row in page]
        columns[column] = pl.Series([one and one["granted"] for one in found], dtype=pl.Boolean)
        for detail in CONSENT_DETAILS:
            details = [None if one is None else _text(one[detail]) for one in found]
            columns[f"{column}.{detail}"] = pl.Series(details, dtype=pl.String)
    alone = [name for name in (*BLOCK_COLUMNS, *DEFINITION_COLUMNS) if name in schema]
    columns |= {name: pl.Series([None] * len(page), dtype=pl.String) for name in alone}
    return pl.DataFrame(columns)


def _status_columns(page: Sequence[Record], schema: Collection[str]) -> dict[str, pl.Series]:
    archived = [row["archived_at"] is not None for row in page]
    columns: dict[str, pl.Series] = {}
    for channel, own in OWN_STATUS_COLUMNS.items():
        stored = list(zip([row[status_column(channel)] for row in page], archived, strict=True))
        names = [(_ARCHIVED_STATUS_NAMES if is_archived else _STATUS_NAMES)[one] for one, is_archived in stored]
        columns[status_column(channel)] = pl.Series(names, dtype=pl.String)
        if own in schema:
            own_names = [
                (_ARCHIVED_OWN_STATUS_NAMES if is_archived else _OWN_STATUS_NAMES)[one] for one, is_archived in stored
            ]
            columns[own] = pl.Series(own_names, dtype=pl.String)
    return columns


def _unsubscription_columns(
    page: Sequence[Record],
    unsubscriptions: Mapping[ContactChannel, Unsubscription],
    channel: str,
    names: Sequence[str],
) -> dict[str, pl.Series]:
    found = [unsubscriptions.get((row["contact_id"], channel)) for row in page]
    cells = [
        (None,) * len(names) if one is None else (one.unsubscribed_at.isoformat(), one.source, one.actor, one.reason)
        for one in found
    ]
    series = zip(*cells, strict=True)
    return {name: pl.Series(list(column), dtype=pl.String) for name, column in zip(names, series, strict=True)}


def _text(value: str | datetime) -> str:
    return value.isoformat() if isinstance(value, datetime) else value


def _field(values: list[Any], dtype: type[pl.DataType]) -> pl.Series:
    if dtype is pl.Boolean:
        return pl.Series(values, dtype=dtype, strict=False)
    texts = pl.Series([None if value is None else str(value) for value in values], dtype=pl.String)
    return texts.cast(dtype, strict=False)
