"""Audiences with all that describes them: fields, purposes, groups and group sets; and changes that depend on it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Record

from carillon.audience.audiences import (
    Audience,
    AudienceCounts,
    ChangeAudience,
    audience_of,
    change_audience,
    count_audiences,
    delete_audience,
)
from carillon.audience.consents import Purpose
from carillon.audience.field_types import Kind
from carillon.audience.fields import CreateFields, DeleteFields, Field, NewField, create_fields, delete_fields, kinds_of
from carillon.audience.group_sets import Selection
from carillon.audience.locks import lock_audience
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import GroupId
from carillon.tenancy.scopes import require_all_audiences

SQL = load_statements("carillon.audience", "descriptions.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSet:
    """A named choice among groups."""

    group_set_id: UUID
    name: str
    selection: Selection
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedGroup:
    """A group, and the set that it is in, if any."""

    group_id: GroupId
    name: str
    group_set_id: UUID | None
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceDescription:
    """An audience with its custom fields by name, and the rest in the order of its making.

    `counts` are there where they were asked for.
    """

    audience: Audience
    fields: Sequence[Field]
    purposes: Sequence[Purpose]
    group_sets: Sequence[GroupSet]
    groups: Sequence[DescribedGroup]
    counts: AudienceCounts | None = None

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """The kind of every field that its contacts can have, built-in ones first."""
        return kinds_of(self.fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribeAudiences:
    """Ask for some of the account's audiences; counting walks over all of their contacts."""

    audience_ids: Sequence[int]
    with_counts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceEdit:
    """What an audience becomes: its own columns, and custom fields that are made and deleted."""

    change: ChangeAudience = field(default_factory=ChangeAudience)
    create_fields: Mapping[str, NewField] = field(default_factory=dict)
    delete_fields: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EditAudience:
    """Change the actor's audience by what it is when it is locked.

    `decide` is pure; what it raises leaves the audience as it is. `with_counts` is for what depends on them.
    """

    decide: Callable[[AudienceDescription], AudienceEdit]
    with_counts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteDescribedAudience:
    """Delete the actor's audience unless `precondition` raises for what it is when it is locked."""

    precondition: Callable[[AudienceDescription], None]


_decode_fields = msgspec.json.Decoder(list[Field]).decode
_decode_purposes = msgspec.json.Decoder(list[Purpose]).decode
_decode_group_sets = msgspec.json.Decoder(list[GroupSet]).decode
_decode_groups = msgspec.json.Decoder(list[DescribedGroup]).decode


async def describe_audiences(tx: Tx, actor: Actor, query: DescribeAudiences) -> dict[int, AudienceDescription]:
    """Describe the actor's audiences, by their ids; those that aren't there are left out."""
    rows = await tx.fetch(SQL["describe_audiences"], actor.account_id, actor.reached(query.audience_ids))
    counts = await count_audiences(tx, actor, query.audience_ids) if query.with_counts else {}
    return {
        row["audience_id"]: _described(row, counts.get(row["audience_id"]))
        for row in rows
        if not query.with_counts or row["audience_id"] in counts  # deleted between the two statements
    }


def _described(row: Record, counts: AudienceCounts | None) -> AudienceDescription:
    return AudienceDescription(
        audience=audience_of(row),
        fields=_decode_fields(row["fields"]),
        purposes=_decode_purposes(row["purposes"]),
        group_sets=_decode_group_sets(row["group_sets"]),
        groups=_decode_groups(row["groups"]),
        counts=counts,
    )


async def describe_audience(tx: Tx, actor: Actor, *, with_counts: bool = False) -> AudienceDescription:
    """Describe the actor's audience. Raises NotFoundError for `audience`."""
    query = DescribeAudiences(audience_ids=[actor.audience_id], with_counts=with_counts)
    found = await describe_audiences(tx, actor, query)
    if actor.audience_id not in found:
        raise NotFoundError("audience")
    return found[actor.audience_id]


async def edit_audience(tx: Tx, actor: Actor, command: EditAudience) -> None:
    """Change the actor's audience, and make and delete fields of it, all in one.

    Raises NotFoundError for `audience`, what `decide` raises, and what `change_audience` and `create_fields` raise.
    """
    await lock_audience(tx, actor)
    edit = command.decide(await describe_audience(tx, actor, with_counts=command.with_counts))
    await create_fields(tx, actor, CreateFields(fields=edit.create_fields))
    if edit.delete_fields:
        await delete_fields(tx, actor, DeleteFields(names=edit.delete_fields))
    await change_audience(tx, actor, edit.change)


async def delete_described_audience(tx: Tx, actor: Actor, command: DeleteDescribedAudience) -> None:
    """Delete the actor's audience as `delete_audience` does; what the precondition raises leaves it as it is."""
    require_all_audiences(actor)
    await lock_audience(tx, actor, after_uploads=False)
    command.precondition(await describe_audience(tx, actor, with_counts=True))
    await delete_audience(tx, actor)
