"""An audience's custom fields, beside the built-in ones that every audience has."""

import itertools
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from asyncpg import Record

from carillon.audience.field_types import CANONICAL, Kind
from carillon.audience.locks import lock_audience
from carillon.audience.upsert.rows import DEVICE, KEYS, TEXT_ATTRIBUTES
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError
from carillon.kit.actor import Actor
from carillon.tenancy import audit

SQL = load_statements("carillon.audience", "fields.sql")

MAX_FIELDS = 200
MAX_LABEL_CHARACTERS = 200

REPEATED: Mapping[str, str] = {"phone": "repeated_phone", "email": "repeated_email"}
"""The text fields where a contact keeps an address that another one of its audience has, see `contacts.insert`."""

# Contacts are emptied so many at a time: statements stay short, the transaction is one.
_EMPTIED_AT_ONCE = 50_000
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_DERIVED_CHARACTERS = 50  # which leaves room for a number
_TAKEN = {
    *CANONICAL,
    *KEYS,
    *TEXT_ATTRIBUTES,
    *DEVICE,
    "row",
    "contact_id",
    "created_at",
    "updated_at",
    "sms_status",
    "email_status",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A typed attribute of an audience's contacts; `name` is its key in `Contact.fields`."""

    name: str
    kind: Kind
    label: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewField:
    """A field to make. `attributes` are what dialects keep of it, each under a key of its own."""

    label: str
    kind: Kind = Kind.TEXT
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateFields:
    """Make fields of the actor's audience, by their names."""

    fields: Mapping[str, NewField]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateField:
    """Make a field; the label is the name unless said otherwise."""

    name: str
    kind: Kind = Kind.TEXT
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteFields:
    """Delete fields of the actor's audience by their names, and what its contacts have in them."""

    names: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFields:
    """Ask for the audience's custom fields, by name."""


def derived_name(label: str) -> str:
    """Derive a field's name from its label, be it taken or not: "Shoe size" becomes shoe_size.

    It is the label in lower case without accents, with _ for what is no letter or digit of ASCII, and `field_` before
    one that begins with no letter.
    """
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:_DERIVED_CHARACTERS].strip("_")
    return name if name[:1].isalpha() else f"field_{name}".strip("_")


def free_name(label: str, names: Collection[str]) -> str:
    """Derive a new field's name from its label, beside the `names` that the audience has already.

    One that is taken has a number after it: "city" becomes city_2.
    """
    name = derived_name(label)
    spellings = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(2)))
    taken = {*_TAKEN, *REPEATED.values(), *names}
    return next(one for one in spellings if one not in taken)


def field_called(label: str, kinds: Collection[Kind], custom: Sequence[Field]) -> str | None:
    """Find the field, built-in or custom, whose name or label gives the same name, where it is of one of the kinds.

    The fields that keep repeated addresses are not found.
    """
    labelled = {derived_name(one.label): (one.name, one.kind) for one in custom if one.name not in REPEATED.values()}
    known = {**labelled, **{name: (name, kind) for name, kind in CANONICAL.items()}}
    name, kind = known.get(derived_name(label), (None, None))
    return name if kind in kinds else None


def with_field_attributes(attributes: Mapping[str, Any], fields: Mapping[str, NewField]) -> dict[str, Any]:
    """Add to an audience's attributes those of fields, which are given by their names."""
    merged = dict(attributes)
    for name, one in fields.items():
        for key, kept in one.attributes.items():
            of_key = merged.get(key, {})
            merged[key] = {**of_key, "fields": {**of_key.get("fields", {}), name: kept}}
    return merged


async def create_fields(tx: Tx, actor: Actor, command: CreateFields) -> list[Field]:
    """Make fields of the actor's audience, all or none; their attributes become part of the audience's.

    Raises InvalidInputError for a name that isn't 1 to 63 of a-z, 0-9 and _ beginning with a letter, that is taken, for
    an over-long label, for another kind than text where a repeated address belongs, and when there are MAX_FIELDS.
    """
    if not command.fields:
        return []
    for name, one in command.fields.items():
        _check(name, one)
    await lock_audience(tx, actor)
    custom = {one.name for one in await list_fields(tx, actor, ListFields())}
    for name in command.fields:
        if name in _TAKEN or name in custom:
            raise InvalidInputError("name", f"There is a field {name} already.")
    if len(custom) + len(command.fields) > MAX_FIELDS:
        raise InvalidInputError("name", f"An audience has at most {MAX_FIELDS} custom fields.")
    made = [
        Field(name=name, kind=one.kind, label=one.label.strip(), created_at=tx.now)
        for name, one in command.fields.items()
    ]
    columns = ([one.name for one in made], [one.kind for one in made], [one.label for one in made])
    await tx.execute(SQL["create_fields"], actor.account_id, actor.audience_id, *columns, tx.now)
    if any(one.attributes for one in command.fields.values()):
        await _keep_attributes(tx, actor, command.fields)
    details = {one.name: {"kind": one.kind} for one in made}
    await audit.record_each(tx, actor, "field.create", details)
    return made


async def _keep_attributes(tx: Tx, actor: Actor, fields: Mapping[str, NewField]) -> None:
    attributes = await tx.fetchval(SQL["audience_attributes"], actor.account_id, actor.audience_id)
    merged = with_field_attributes(msgspec.json.decode(attributes), fields)
    encoded = msgspec.json.encode(merged).decode()
    await tx.execute(SQL["keep_attributes"], actor.account_id, actor.audience_id, encoded, tx.now)


def _check(name: str, new: NewField) -> None:
    label = new.label.strip()
    if not _NAME.fullmatch(name):
        raise InvalidInputError("name", "A field's name is 1 to 63 of a-z, 0-9 and _, and begins with a letter.")
    if not label or len(label) > MAX_LABEL_CHARACTERS or "\0" in label:
        raise InvalidInputError("label", f"A field's label has 1 to {MAX_LABEL_CHARACTERS} characters.")
    if name in REPEATED.values() and new.kind is not Kind.TEXT:
        raise InvalidInputError("kind", f"The field {name} is a text.")


async def create_field(tx: Tx, actor: Actor, command: CreateField) -> Field:
    """Make a field of the actor's audience. Raises InvalidInputError as `create_fields` does."""
    new = NewField(label=command.label or command.name, kind=command.kind)
    (made,) = await create_fields(tx, actor, CreateFields(fields={command.name: new}))
    return made


async def delete_fields(tx: Tx, actor: Actor, command: DeleteFields) -> None:
    """Delete fields; built-in ones stay, and lose their values. Names that no field has are passed over."""
    await lock_audience(tx, actor)
    names = list(command.names)
    after: int | None = 0
    while after is not None:
        place = (actor.account_id, actor.audience_id, after, _EMPTIED_AT_ONCE)
        last = await tx.fetchval(SQL["next_contacts"], *place)
        if last is not None:
            await tx.execute(SQL["empty_fields"], actor.account_id, actor.audience_id, after, last, names, tx.now)
        after = last
    await tx.execute(SQL["delete_fields"], actor.account_id, actor.audience_id, names)
    await audit.record_each(tx, actor, "field.delete", {name: {} for name in names})


async def list_fields(tx: Tx, actor: Actor, _query: ListFields) -> list[Field]:
    """List the audience's custom fields by name."""
    rows = await tx.fetch(SQL["list_fields"], actor.account_id, actor.audience_id)
    return [_field(row) for row in rows]


def _field(row: Record) -> Field:
    return Field(name=row["name"], kind=Kind(row["kind"]), label=row["label"], created_at=row["created_at"])


async def fields_of_audiences(tx: Tx, actor: Actor, audience_ids: Sequence[int]) -> Mapping[int, Sequence[Field]]:
    """List the custom fields of the actor's audiences by name, by audience."""
    found: dict[int, list[Field]] = {audience_id: [] for audience_id in actor.reached(audience_ids)}
    for row in await tx.fetch(SQL["fields_of_audiences"], actor.account_id, list(found)):
        found[row["audience_id"]].append(_field(row))
    return found


async def field_kinds(tx: Tx, actor: Actor) -> Mapping[str, Kind]:
    """Return the kind of every field that the audience's contacts can have, built-in ones first."""
    return kinds_of(await list_fields(tx, actor, ListFields()))


def kinds_of(custom: Sequence[Field]) -> Mapping[str, Kind]:
    """Return the kind of every field that an audience's contacts can have, built-in ones first."""
    return {**CANONICAL, **{one.name: one.kind for one in custom}}
