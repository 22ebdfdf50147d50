"""Exports: the contacts of an audience or of a group as one file, in constant memory, all of one moment.

What is exported can be imported again, and then leaves every contact as it was; statuses follow from suppressions.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import polars as pl
from asyncpg import Record

from carillon.audience.contacts.contact import STORED_STATUSES, consents_of
from carillon.audience.contacts.query import ContactQuery, contact_rows
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
"""The columns of every export; behind them come the fields and the consents that any contact of the audience has."""

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
    consents = await _consents_in_use(tx, actor, group)
    typed = {name: _type(kinds.get(name, Kind.TEXT), command.format) for name in fields}
    group_id = None if group is None else group.group_id
    query = ContactQuery(limit=PAGE_ROWS, group_id=group_id, with_consents=bool(consents))
    rows = 0
    try:
        columns = [*EXPORT_COLUMNS, *fields, *consents]
        with open_writer(command.format, command.target, columns, defuse=command.defuse) as writer:
            while page := await contact_rows(tx, actor, query):
                await asyncio.to_thread(lambda rows: writer.write(_frame(rows, typed, consents)), page)
                query = replace(query, after_id=page[-1]["contact_id"])
                rows += len(page)
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


async def _consents_in_use(tx: Tx, actor: Actor, group: Group | None) -> list[str]:
    """List the columns of the consents that any contact has: `consents.OFFERS.sms`, by purpose."""
    if group is None:
        rows = await tx.fetch(SQL["consents_in_use"], actor.account_id, actor.audience_id)
    else:
        rows = await tx.fetch(SQL["group_consents_in_use"], actor.account_id, actor.audience_id, group.group_id)
    return [f"consents.{row['purpose']}.{row['channel']}" for row in rows]


def _type(kind: Kind, format_: Format) -> type[pl.DataType]:
    """Return a field's type in a file. In CSV a number keeps its digits: a float loses those after the fifteenth."""
    if kind is Kind.BOOLEAN:
        return pl.Boolean
    return pl.Float64 if kind is Kind.NUMBER and format_ != "csv" else pl.String


def _frame(page: Sequence[Record], fields: Mapping[str, type[pl.DataType]], consents: Sequence[str]) -> pl.DataFrame:
    columns = {"contact_id": pl.Series([row["contact_id"] for row in page], dtype=pl.Int64)}
    columns["phone"] = "+" + pl.Series([row["phone"] for row in page], dtype=pl.String)
    columns["email"] = pl.Series([row["email_given"] or row["email"] for row in page], dtype=pl.String)
    for name in ("external_id", "landline"):
        columns[name] = pl.Series([row[name] for row in page], dtype=pl.String)
    for name in ("sms_status", "email_status"):
        columns[name] = pl.Series([_STATUS_NAMES[row[name]] for row in page], dtype=pl.String)
    for name in ("created_at", "updated_at"):
        columns[name] = pl.Series([row[name].isoformat() for row in page], dtype=pl.String)
    values = [_decode_fields(row["fields"]) for row in page]
    for name, dtype in fields.items():
        columns[name] = _field([one.get(name) for one in values], dtype)
    if consents:
        granted = [{f"consents.{one.purpose}.{one.channel}": one.granted for one in consents_of(row)} for row in page]
        columns |= {name: pl.Series([one.get(name) for one in granted], dtype=pl.Boolean) for name in consents}
    return pl.DataFrame(columns)


def _field(values: list[Any], dtype: type[pl.DataType]) -> pl.Series:
    if dtype is pl.Boolean:
        return pl.Series(values, dtype=dtype, strict=False)
    texts = pl.Series([None if value is None else str(value) for value in values], dtype=pl.String)
    return texts.cast(dtype, strict=False)
