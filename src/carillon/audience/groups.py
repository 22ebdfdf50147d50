"""Groups: named sets of an audience's contacts, with counters that are right after every operation."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from asyncpg import Record

from carillon.audience.contacts.contact import read_id
from carillon.audience.contacts.delete import DELETION_CHUNK, DeletionCause, delete_contact_chunks
from carillon.audience.locks import lock_audience
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import GroupNotEmptyError, InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import GroupId
from carillon.kit.names import changed_name, checked_name
from carillon.kit.page import Counted, NumberedPage, Page
from carillon.tenancy import audit

SQL = load_statements("carillon.audience", "groups.sql")

MAX_NAME_CHARACTERS = 200
MAX_DESCRIPTION_CHARACTERS = 1000

GroupKind = Literal["static", "segment"]


class GroupKey(StrEnum):
    """What a group is looked up by."""

    ID = "group_id"
    NUMBER = "number"
    NAME = "name"


class GroupDeletion(StrEnum):
    """What becomes of a deleted group's members."""

    KEEP_CONTACTS = "keep_contacts"
    DELETE_CONTACTS = "delete_contacts"
    ONLY_EMPTY = "only_empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group with its counters: members, and those of them that a channel reaches."""

    group_id: GroupId
    number: int
    name: str
    description: str | None
    kind: GroupKind
    created_at: datetime
    updated_at: datetime
    members: int
    reachable: int
    reachable_sms: int
    reachable_email: int
    reachable_android: int
    reachable_ios: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveGroup:
    """Create a group, or rename the one with `group_id`."""

    group_id: GroupId | None = None
    name: str
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindGroups:
    """Find groups by id, by number or by name (trimmed, case ignored): by name there may be several."""

    by: GroupKey
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListGroups:
    """List groups by id, after one, optionally of a kind or made in a span of time (half open, UTC)."""

    after_id: int = 0
    limit: int = 1000
    since: datetime | None = None
    until: datetime | None = None
    kind: GroupKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteGroups:
    """Delete the groups that a key names."""

    by: GroupKey
    value: str
    mode: GroupDeletion = GroupDeletion.KEEP_CONTACTS


def name_key(name: str) -> str:
    """Normalise a name for comparison: trimmed and case-folded."""
    return name.strip().casefold()


def _checked_description(text: str) -> str:
    text = text.strip()
    if len(text) > MAX_DESCRIPTION_CHARACTERS or "\0" in text:
        raise InvalidInputError(
            "description", f"The description must be at most {MAX_DESCRIPTION_CHARACTERS} characters, without NUL."
        )
    return text


async def save_group(tx: Tx, actor: Actor, command: SaveGroup) -> Group:
    """Create or rename a group.

    Raises NotFoundError for an unknown id, InvalidInputError for `name` and `description`.
    """
    description = None if command.description is None else _checked_description(command.description)
    await lock_audience(tx, actor)
    if command.group_id is None:
        name = checked_name(command.name, MAX_NAME_CHARACTERS)
        (group_id,) = await create_groups(tx, actor, [name], description)
    else:
        group_id = command.group_id
        rows = await tx.fetch(SQL["find_groups_by_id"], actor.account_id, actor.audience_id, group_id)
        name = changed_name(command.name, rows[0]["name"] if rows else None, MAX_NAME_CHARACTERS)
        await tx.execute(
            SQL["rename_group"],
            actor.account_id,
            actor.audience_id,
            group_id,
            name,
            name_key(name),
            description,
            tx.now,
        )
    rows = await tx.fetch(SQL["find_groups_by_id"], actor.account_id, actor.audience_id, group_id)
    if not rows:
        raise NotFoundError("group")
    action = "group.create" if command.group_id is None else "group.change"
    await audit.record(tx, actor, action, group_id, {"audience_id": actor.audience_id})
    return _group(rows[0])


async def create_groups(tx: Tx, actor: Actor, names: list[str], description: str | None = None) -> list[GroupId]:
    """Create groups in a locked audience, in the order of their names."""
    ids = list(await tx.ids.take("group", len(names)))
    keys = [name_key(name) for name in names]
    await tx.execute(SQL["create_groups"], actor.account_id, actor.audience_id, ids, names, keys, description, tx.now)
    return [GroupId(group_id) for group_id in ids]


async def groups_by_name(tx: Tx, actor: Actor, names: set[str]) -> dict[str, GroupId]:
    """Map each name's key to its group's id; where groups share a name, to the first of them."""
    keys = sorted({name_key(name) for name in names})
    rows = await tx.fetch(SQL["group_ids_by_name"], actor.account_id, actor.audience_id, keys)
    return {row["name_key"]: GroupId(row["group_id"]) for row in rows}


async def find_groups(tx: Tx, actor: Actor, query: FindGroups) -> list[Group]:
    """Find groups; none when nothing matches."""
    if query.by is GroupKey.NAME:
        value: str | int | None = name_key(query.value)
    else:
        value = read_id(query.value)
    if value is None or (isinstance(value, str) and "\0" in value):
        return []
    statement = SQL[f"find_groups_by_{'id' if query.by is GroupKey.ID else query.by.value}"]
    return [_group(row) for row in await tx.fetch(statement, actor.account_id, actor.audience_id, value)]


async def list_groups(tx: Tx, actor: Actor, query: ListGroups) -> Page[Group]:
    """List groups in the order of their ids."""
    rows = await tx.fetch(
        SQL["list_groups"],
        actor.account_id,
        actor.audience_id,
        query.after_id,
        query.limit,
        query.since,
        query.until,
        query.kind,
    )
    groups = [_group(row) for row in rows]
    return Page(items=groups, last_id=groups[-1].group_id if groups else query.after_id)


async def page_groups(tx: Tx, actor: Actor, page: NumberedPage) -> Counted[Group]:
    """List a numbered page of the groups, oldest first."""
    total = await tx.fetchval(SQL["count_groups"], actor.account_id, actor.audience_id)
    rows = await tx.fetch(SQL["page_groups"], actor.account_id, actor.audience_id, page.size, page.offset)
    return Counted(items=[_group(row) for row in rows], total=total)


async def delete_groups(tx: Tx, actor: Actor, command: DeleteGroups) -> list[Group]:
    """Delete groups and return them as they were.

    Raises NotFoundError when nothing matches, GroupNotEmptyError when only empty ones may go and none is.
    """
    await lock_audience(tx, actor)
    groups = await find_groups(tx, actor, FindGroups(by=command.by, value=command.value))
    if not groups:
        raise NotFoundError("group")
    if command.mode is GroupDeletion.ONLY_EMPTY:
        groups = [group for group in groups if group.members == 0]
        if not groups:
            raise GroupNotEmptyError
    await _delete(tx, actor, groups, command.mode)
    return groups


async def delete_group_ids(tx: Tx, actor: Actor, group_ids: Sequence[int]) -> int:
    """Delete groups of a locked audience by id and return how many there were; their contacts stay."""
    rows = await tx.fetch(SQL["find_groups_by_ids"], actor.account_id, actor.audience_id, list(group_ids))
    await _delete(tx, actor, [_group(row) for row in rows], GroupDeletion.KEEP_CONTACTS)
    return len(rows)


async def _delete(tx: Tx, actor: Actor, groups: Sequence[Group], mode: GroupDeletion) -> None:
    group_ids = [group.group_id for group in groups]
    if mode is GroupDeletion.DELETE_CONTACTS:
        members = _members(tx, actor, group_ids)
        await delete_contact_chunks(tx, actor, members, cause=DeletionCause.GROUP_DELETED)
    await tx.execute(SQL["delete_group_memberships"], actor.account_id, group_ids)
    await tx.execute(SQL["delete_groups"], actor.account_id, actor.audience_id, group_ids)
    details = {one.group_id: {"members": one.members, "mode": mode} for one in groups}
    await audit.record_each(tx, actor, "group.delete", details)


async def _members(tx: Tx, actor: Actor, group_ids: Sequence[GroupId]) -> AsyncIterator[Sequence[int]]:
    """Yield the ids of groups' members in chunks, which the caller may delete meanwhile."""
    for group_id in group_ids:
        last = 0
        where = (actor.account_id, actor.audience_id, group_id)
        while rows := await tx.fetch(SQL["some_members"], *where, last, DELETION_CHUNK):
            yield [row["contact_id"] for row in rows]
            last = rows[-1]["contact_id"]


def _group(row: Record) -> Group:
    return Group(**dict(row.items()))
