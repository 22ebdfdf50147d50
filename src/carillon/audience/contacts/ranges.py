"""Ranges: the contacts of an audience that meet conditions, in any order, by their places.

A range costs a walk over the audience and all that comes before it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from asyncpg import Record

from carillon.audience.contacts.contact import SubscriptionStatus
from carillon.audience.devices import RegisteredDevice, devices_of
from carillon.audience.field_types import Kind
from carillon.audience.fields import REPEATED, field_kinds
from carillon.audience.suppressions import Channel
from carillon.db.database import Tx
from carillon.db.filters import Attribute, Condition, Order, Value, compile_conditions, compile_order
from carillon.db.sql import load_statements, one_text
from carillon.kit.actor import Actor
from carillon.kit.ids import ContactId

SQL = load_statements("carillon.audience.contacts", "ranges.sql")

_decode_fields = msgspec.json.Decoder(dict[str, Any]).decode

_KEY_OF = {Channel.SMS: "phone", Channel.VOICE: "phone", Channel.EMAIL: "email"}
_ADDRESSES = ("phone", "email")
_STATUS_OF = {Channel.SMS: "c.sms_status", Channel.EMAIL: "c.email_status"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeContacts:
    """Ask for a range, oldest first unless said otherwise.

    Conditions and the order name what `range_attributes` gives; `group_id` is a group that the contacts are in.
    """

    limit: int
    offset: int = 0
    conditions: Sequence[Condition] = ()
    order: Order | None = None
    group_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribed:
    """A channel on which a contact is unsubscribed, and since when.

    That is the time of the suppression. Of a status that its audience set none is kept: it is the contact's last
    change.
    """

    channel: Channel
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RangedContact:
    """A contact with its addresses, those included that it repeats, and where it is unsubscribed."""

    contact_id: ContactId
    phone: str | None = field(repr=False)
    email: str | None = field(repr=False)
    created_at: datetime
    updated_at: datetime
    fields: Mapping[str, Any] = field(repr=False)
    devices: Sequence[RegisteredDevice]
    phone_unsubscribed: Sequence[Unsubscribed]
    email_unsubscribed: Sequence[Unsubscribed]


def range_attributes(kinds: Mapping[str, Kind]) -> Mapping[str, Attribute]:
    """Return what a range can be asked for: attributes, fields by their names, and `unsubscribed`, on a channel or any.

    A contact is unsubscribed where its address is suppressed or its audience has set that status.

    Dates are texts in ISO 8601, booleans and genders texts too. Moments are whole seconds, as callers see them.
    """
    # Only where addresses are repeated: the plain column has an index.
    addresses = {
        key: f"coalesce(c.{key}, c.fields ->> '{field}')" if field in kinds else f"c.{key}"
        for key, field in REPEATED.items()
    }
    unsubscribed = {
        f"unsubscribed_{channel.value}": Attribute(_unsubscribed(channel, addresses[key]), Value.BOOLEAN)
        for channel, key in _KEY_OF.items()
    }
    fields = {
        name: Attribute(f"(c.fields ->> '{name}')::numeric", Value.NUMBER)
        if kind is Kind.NUMBER
        else Attribute(f"(c.fields ->> '{name}')")
        for name, kind in kinds.items()
    }
    return {
        **fields,
        "contact_id": Attribute("c.contact_id", Value.WHOLE),
        **{key: Attribute(address) for key, address in addresses.items()},
        "created_at": Attribute("date_trunc('second', c.created_at)", Value.MOMENT),
        "updated_at": Attribute("date_trunc('second', c.updated_at)", Value.MOMENT),
        "has_device": Attribute(
            "EXISTS (SELECT FROM device d WHERE d.account_id = $1 AND d.audience_id = $2"
            " AND d.contact_id = c.contact_id)",
            Value.BOOLEAN,
        ),
        **unsubscribed,
        "unsubscribed": Attribute(f"({' OR '.join(one.expression for one in unsubscribed.values())})", Value.BOOLEAN),
    }


def _unsubscribed(channel: Channel, address: str) -> str:
    suppressed = (
        f"EXISTS (SELECT FROM suppression s WHERE s.account_id = $1 AND s.channel = '{channel.value}'"
        f" AND s.address = {address})"
    )
    status = _STATUS_OF.get(channel)
    return f"({status} = {SubscriptionStatus.UNSUBSCRIBED.value} OR {suppressed})" if status else suppressed


async def range_contacts(tx: Tx, actor: Actor, query: RangeContacts) -> list[RangedContact]:
    """Give a range. Raises InvalidInputError for conditions and the order."""
    attributes = range_attributes(await field_kinds(tx, actor))
    compiled = compile_conditions(attributes, query.conditions, given=5)
    order = compile_order(attributes, query.order, "c.contact_id")
    rows = await tx.fetch(
        compiled.into(SQL["range_contacts"], order),
        actor.account_id,
        actor.audience_id,
        query.limit,
        query.offset,
        query.group_id,
        *compiled.arguments,
    )
    contact_ids = [row["contact_id"] for row in rows]
    devices = await devices_of(tx, actor, contact_ids) if rows else {}
    suppressions = await _suppressions(tx, actor, [row[name] for row in rows for name in _ADDRESSES if row[name]])
    return [
        RangedContact(
            contact_id=ContactId(row["contact_id"]),
            phone=row["phone"],
            email=row["email_given"] or row["email"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            fields=_decode_fields(row["fields"]),
            devices=devices.get(row["contact_id"], ()),
            phone_unsubscribed=_of_address(row, "phone", Channel.SMS, suppressions),
            email_unsubscribed=_of_address(row, "email", Channel.EMAIL, suppressions),
        )
        for row in rows
    ]


def _of_address(
    row: Record, key: str, channel: Channel, suppressions: Mapping[str, Mapping[Channel, datetime]]
) -> list[Unsubscribed]:
    since = dict(suppressions.get(row[key], {}))
    if row[f"{channel.value}_status"] == SubscriptionStatus.UNSUBSCRIBED:
        since.setdefault(channel, row["updated_at"])
    return [Unsubscribed(channel=one, since=since[one]) for one in _KEY_OF if one in since]


async def _suppressions(tx: Tx, actor: Actor, addresses: Sequence[str]) -> Mapping[str, Mapping[Channel, datetime]]:
    found: dict[str, dict[Channel, datetime]] = {}
    if addresses:
        for row in await tx.fetch(SQL["suppressions_of"], actor.account_id, list(Channel), one_text(addresses)):
            found.setdefault(row["address"], {})[Channel(row["channel"])] = row["created_at"]
    return found
