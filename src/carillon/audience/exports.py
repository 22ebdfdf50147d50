"""Exports: the contacts of an audience or of a group as one file, in constant memory, all of one moment.

What is exported can be imported again, and then leaves every contact as it was; statuses follow from suppressions.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import polars as pl
from asyncpg import Record

from carillon.audience.contacts.contact import STORED_STATUSES
from carillon.audience.field_types import Kind
from carillon.audience.fields import field_kinds
from carillon.audience.groups import FindGroups, Group, GroupKey, find_groups
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.tabular import Format, open_writer
from carillon.tenancy import audit

SQL = load_statements("carillon.audience", "exports.sql")

EXPORT_COLUMNS = (
    "contact_id",
    "phone",
    "email",
    "external_id",
    "landline",
    "sms_status",
    "email_status",
    "created_at",
    "updated_at",
)
"""The columns of every export; behind them come the fields that any contact of the audience has."""

PAGE_ROWS = 10_000

# Numbers keep the digits that they were written with: a float would lose some beyond the fifteenth.
_decode_fields = msgspec.json.Decoder(dict[str, Any], float_hook=str).decode
_STATUS_NAMES = [status.name.lower() for status in STORED_STATUSES]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportContacts:
    """Export the audience's contacts, or those of one of its groups, to a path or an open binary file.

    `defuse` makes cells of CSV safe to open in a spreadsheet.
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
    kinds = await field_kinds(tx, actor)
    fields = await _fields_in_use(tx, actor, group, kinds)
    typed = {name: _type(kinds.get(name, Kind.TEXT), command.format) for name in fields}
    rows, after_id = 0, 0
    try:
        with open_writer(command.format, command.target, [*EXPORT_COLUMNS, *fields], defuse=command.defuse) as writer:
            while page := await _page(tx, actor, group, after_id):
                await asyncio.to_thread(lambda rows: writer.write(_frame(rows, typed)), page)
                rows, after_id = rows + len(page), page[-1]["contact_id"]
                progress(rows)
    except (OSError, pl.exceptions.ComputeError) as error:  # polars tells of a failed write of Parquet so
        why = getattr(error, "strerror", None) or error
        raise InvalidInputError("output", f"The export can't be written: {why}.") from error
    detail = {"format": command.format, "group_id": group and group.group_id, "rows": rows}
    await audit.record(tx, actor, "contact.export", tx.new_uuid(), detail)
    return rows


async def _group(tx: Tx, actor: Actor, name: str) -> Group:
    found = await find_groups(tx, actor, FindGroups(by=GroupKey.NAME, value=name))
    if not found:
        raise NotFoundError("group", f"There is no group “{name}”.")
    if len(found) > 1:
        raise InvalidInputError("group", f"{len(found)} groups are called “{name}”.")
    return found[0]


async def _fields_in_use(tx: Tx, actor: Actor, group: Group | None, kinds: Mapping[str, Kind]) -> list[str]:
    """List the fields that any contact has: the built-in ones in their order, then the others by name."""
    if group is None:
        rows = await tx.fetch(SQL["fields_in_use"], actor.account_id, actor.audience_id)
    else:
        rows = await tx.fetch(SQL["group_fields_in_use"], actor.account_id, actor.audience_id, group.group_id)
    order = {name: place for place, name in enumerate(kinds)}
    return sorted((row["name"] for row in rows), key=lambda name: (order.get(name, len(order)), name))


async def _page(tx: Tx, actor: Actor, group: Group | None, after_id: int) -> Sequence[Record]:
    where = (actor.account_id, actor.audience_id, after_id, PAGE_ROWS)
    if group is None:
        return await tx.fetch(SQL["export_page"], *where)
    return await tx.fetch(SQL["export_group_page"], *where, group.group_id)


def _type(kind: Kind, format_: Format) -> type[pl.DataType]:
    """Give a field's type in a file. In CSV a number keeps its digits: a float loses those after the fifteenth."""
    if kind is Kind.BOOLEAN:
        return pl.Boolean
    return pl.Float64 if kind is Kind.NUMBER and format_ != "csv" else pl.String


def _frame(page: Sequence[Record], fields: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    columns = {"contact_id": pl.Series([row["contact_id"] for row in page], dtype=pl.Int64)}
    for name in ("phone", "email", "external_id", "landline"):
        columns[name] = pl.Series([row[name] for row in page], dtype=pl.String)
    for name in ("sms_status", "email_status"):
        columns[name] = pl.Series([_STATUS_NAMES[row[name]] for row in page], dtype=pl.String)
    for name in ("created_at", "updated_at"):
        columns[name] = pl.Series([row[name].isoformat() for row in page], dtype=pl.String)
    values = [_decode_fields(row["fields"]) for row in page]
    for name, dtype in fields.items():
        columns[name] = _field([one.get(name) for one in values], dtype)
    return pl.DataFrame(columns)


def _field(values: list[Any], dtype: type[pl.DataType]) -> pl.Series:
    if dtype is pl.Boolean:
        return pl.Series(values, dtype=dtype, strict=False)
    texts = pl.Series([None if value is None else str(value) for value in values], dtype=pl.String)
    return texts.cast(dtype, strict=False)
