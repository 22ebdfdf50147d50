"""Group sets: named choices among groups, of which a contact is meant to be in one or in several."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from asyncpg import Record

from carillon.audience.groups import MAX_NAME_CHARACTERS, create_groups, delete_group_ids
from carillon.audience.locks import lock_audience, mark_changed
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import GroupId
from carillon.kit.names import changed_name, checked_name
from carillon.tenancy import audit

SQL = load_statements("carillon.audience", "group_sets.sql")

MAX_GROUP_SETS = 200
MAX_GROUPS_OF_SET = 1_000

Attributes = Mapping[str, Mapping[str, Any]]
"""What dialects keep of a thing, each under a key of its own."""

_decode = msgspec.json.Decoder(dict[str, dict[str, Any]]).decode
_encode = msgspec.json.Encoder().encode


def _no_attributes(_unique: UUID) -> Attributes:
    return {}


class Selection(StrEnum):
    """How many groups of a set a contact is meant to be in. It binds the dialects that know it, not imports."""

    SINGLE = "single"
    MULTIPLE = "multiple"


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateGroupSet:
    """Make a group set of the actor's audience, without groups.

    `attributes` is a pure function: the attributes are made of the set's id, which is made inside.
    """

    name: str
    selection: Selection = Selection.SINGLE
    attributes: Callable[[UUID], Attributes] = _no_attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeGroupSet:
    """Change a group set: what is None stays, and inside each key of the attributes what isn't given."""

    group_set_id: UUID
    name: str | None = None
    selection: Selection | None = None
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteGroupSet:
    """Delete a group set with its groups; their contacts stay."""

    group_set_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveGroup:
    """Delete a group; its contacts stay."""

    group_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewGroup:
    """A group to be made; `attributes` is a pure function of an id that no other group has been given."""

    name: str
    attributes: Callable[[UUID], Attributes] = _no_attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class AddedGroup:
    """A group just made."""

    group_id: GroupId
    attributes: Attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class AddGroups:
    """Make groups in a group set, or in none."""

    groups: Sequence[NewGroup]
    group_set_id: UUID | None = None


async def create_group_set(tx: Tx, actor: Actor, command: CreateGroupSet) -> UUID:
    """Make a group set and return its id. Raises InvalidInputError for `name`, also when there are MAX_GROUP_SETS."""
    name = checked_name(command.name, MAX_NAME_CHARACTERS)
    await lock_audience(tx, actor)
    where = (actor.account_id, actor.audience_id)
    if await tx.fetchval(SQL["count_group_sets"], *where) >= MAX_GROUP_SETS:
        raise InvalidInputError("name", f"An audience has at most {MAX_GROUP_SETS} group sets.")
    group_set_id = tx.new_uuid()
    attributes = _encode(command.attributes(group_set_id)).decode()
    await tx.execute(SQL["create_group_set"], *where, group_set_id, name, command.selection, attributes, tx.now)
    await mark_changed(tx, actor)
    await audit.record(tx, actor, "group_set.create", group_set_id, {"audience_id": actor.audience_id})
    return group_set_id


async def change_group_set(tx: Tx, actor: Actor, command: ChangeGroupSet) -> None:
    """Change a group set. Raises NotFoundError for `group_set`, InvalidInputError for `name`."""
    await lock_audience(tx, actor)
    present = await _group_set(tx, actor, command.group_set_id)
    name = None if command.name is None else changed_name(command.name, present["name"], MAX_NAME_CHARACTERS)
    kept = _decode(present["attributes"])
    merged = kept | {key: kept.get(key, {}) | dict(values) for key, values in command.attributes.items()}
    await tx.execute(
        SQL["change_group_set"],
        actor.account_id,
        actor.audience_id,
        command.group_set_id,
        name,
        command.selection,
        _encode(merged).decode(),
        tx.now,
    )
    await mark_changed(tx, actor)
    await audit.record(tx, actor, "group_set.change", command.group_set_id, {"renamed": name is not None})


async def delete_group_set(tx: Tx, actor: Actor, command: DeleteGroupSet) -> None:
    """Delete a group set with its groups. Raises NotFoundError for `group_set`."""
    await lock_audience(tx, actor)
    await _group_set(tx, actor, command.group_set_id)
    where = (actor.account_id, actor.audience_id, command.group_set_id)
    rows = await tx.fetch(SQL["groups_of_set"], *where)
    await delete_group_ids(tx, actor, [row["group_id"] for row in rows])
    await tx.execute(SQL["delete_group_set"], *where)
    await mark_changed(tx, actor)
    await audit.record(tx, actor, "group_set.delete", command.group_set_id, {"groups": len(rows)})


async def add_groups(tx: Tx, actor: Actor, command: AddGroups) -> list[AddedGroup]:
    """Make groups and return them, in the order given.

    Raises NotFoundError for `group_set`, InvalidInputError for `name`, also when there would be more than
    MAX_GROUPS_OF_SET.
    """
    names = [checked_name(group.name, MAX_NAME_CHARACTERS) for group in command.groups]
    await lock_audience(tx, actor)
    where = (actor.account_id, actor.audience_id, command.group_set_id)
    if command.group_set_id is not None:
        await _group_set(tx, actor, command.group_set_id)
    if len(await tx.fetch(SQL["groups_of_set"], *where)) + len(names) > MAX_GROUPS_OF_SET:
        raise InvalidInputError("name", f"A group set has at most {MAX_GROUPS_OF_SET} groups.")
    group_ids = await create_groups(tx, actor, names)
    attributes = [group.attributes(tx.new_uuid()) for group in command.groups]
    await tx.execute(SQL["put_into_set"], *where, group_ids, [_encode(one).decode() for one in attributes])
    await mark_changed(tx, actor)
    detail = {"audience_id": actor.audience_id, "group_set_id": command.group_set_id}
    await audit.record_each(tx, actor, "group.create", dict.fromkeys(group_ids, detail))
    return [AddedGroup(group_id=one, attributes=kept) for one, kept in zip(group_ids, attributes, strict=True)]


async def remove_group(tx: Tx, actor: Actor, command: RemoveGroup) -> None:
    """Delete a group, of a set or of none. Raises NotFoundError for `group`."""
    await lock_audience(tx, actor)
    if not await delete_group_ids(tx, actor, [command.group_id]):
        raise NotFoundError("group")
    await mark_changed(tx, actor)


async def _group_set(tx: Tx, actor: Actor, group_set_id: UUID) -> Record:
    found = await tx.fetchrow(SQL["find_group_set"], actor.account_id, actor.audience_id, group_set_id)
    if found is None:
        raise NotFoundError("group_set")
    return found
