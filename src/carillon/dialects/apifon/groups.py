"""Groups and subgroups of a list: a subgroup is a group of ours, a group only holds subgroups together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from carillon.audience.groups import (
    MAX_NAME_CHARACTERS,
    DeleteGroups,
    GroupKey,
    create_groups,
    delete_groups,
    group_names,
    save_group,
)
from carillon.audience.groups import SaveGroup as SaveOurs
from carillon.db.database import Tx
from carillon.dialects.apifon import schemas
from carillon.dialects.apifon.lists import show_group
from carillon.dialects.apifon.mapping import chosen
from carillon.dialects.apifon.replies import location_of
from carillon.dialects.apifon.structure import (
    OTHER_GROUPS,
    Group,
    OpenList,
    Option,
    open_list,
    other_option,
    unique_identifier,
)
from carillon.dialects.reading import read_text
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError, MissingInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import GroupId

MAX_GROUPS = 200
MAX_OPTIONS = 1_000

_TYPES = ("GROUP",)
_SELECTIONS = ("SINGLE", "MULTIPLE")
_ORIENTATIONS = ("VERTICAL", "HORIZONTAL", "DROPDOWN_LIST")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a group or a subgroup is."""

    list_id: str
    group: str = ""
    option: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteGroup:
    """A group to make, or with a place that names one to change; of it only what is in `values` is said."""

    place: Place
    name: str
    values: dict[str, Any] = field(default_factory=dict)


def _place(call: Call) -> Place:
    segments = call.request.segments
    return Place(
        list_id=segments["list_id"],
        group=segments.get("group_field", ""),
        option=segments.get("option_field", ""),
    )


def _own_group(opened: OpenList, identity: str) -> Group:
    """Find a group that can be changed."""
    if identity == OTHER_GROUPS:
        raise InvalidInputError("group_field", "This holds what other APIs have made; its subgroups can be changed.")
    return _group_of(opened.structure.groups, identity)


async def _any_group(tx: Tx, opened: OpenList, identity: str) -> tuple[Group, Mapping[int, str]]:
    """Find a group, also the one of what other doors have made, and the names of the audience's groups."""
    names = (await group_names(tx, opened.actor, [opened.audience.audience_id]))[opened.audience.audience_id]
    return _group_of(opened.structure.all_groups(names), identity), names


def _group_of(groups: Sequence[Group], identity: str) -> Group:
    for group in groups:
        if group.field == identity:
            return group
    raise NotFoundError("group_field", f"The list has no group {identity[:100]!r}.")


def _option_of(group: Group, identity: str) -> Option:
    for option in group.options:
        if option.field == identity:
            return option
    raise NotFoundError("option_field", f"The group has no subgroup {identity[:100]!r}.")


def _name(given: str, where: str = "name") -> str:
    name = given.strip()
    if not name:
        raise MissingInputError(where)
    if len(name) > MAX_NAME_CHARACTERS:
        raise InvalidInputError(where, f"A name has at most {MAX_NAME_CHARACTERS} characters.")
    return name


def _written(call: Call, status: int, *inside: str) -> Answer:
    return Answer(data=None, status=status, headers={"Location": location_of(call, *inside)})


async def create(call: Call) -> Answer:
    """Add a group to a list."""
    return await _save(call, 201)


async def update(call: Call) -> Answer:
    """Change a group."""
    return await _save(call, 200)


async def _save(call: Call, status: int) -> Answer:
    asked: schemas.SaveGroup = call.body
    chosen(asked.type, _TYPES, "type")
    values: dict[str, Any] = {"internal": asked.internal, "form_hidden": asked.form_hidden}
    if asked.selection_type:
        values["selection_type"] = chosen(asked.selection_type, _SELECTIONS, "selectionType")
    if asked.orientation:
        values["orientation"] = chosen(asked.orientation, _ORIENTATIONS, "groupOptionsOrientation")
    said = {name: value for name, value in values.items() if value is not None}
    command = WriteGroup(place=_place(call), name=_name(asked.name), values=said)
    identity = await call.db.run(_write, call.actor, command)
    return _written(call, status, "group", identity)


async def _write(tx: Tx, actor: Actor, command: WriteGroup) -> str:
    opened = await open_list(tx, actor, command.place.list_id, lock=True)
    if command.place.group:
        group = _own_group(opened, command.place.group)
        group.name = command.name
        for name, value in command.values.items():
            setattr(group, name, value)
    else:
        if len(opened.structure.groups) >= MAX_GROUPS:
            raise InvalidInputError("name", f"A list has at most {MAX_GROUPS} groups.")
        group = Group(field=unique_identifier(command.name, tx.new_uuid()), name=command.name, **command.values)
        opened.structure.groups.append(group)
    await opened.save(tx)
    return group.field


async def show(call: Call) -> Answer:
    """Show a group with its subgroups."""
    return Answer(data=await call.db.read(_shown, call.actor, _place(call)))


async def _shown(tx: Tx, actor: Actor, place: Place) -> dict[str, Any]:
    opened = await open_list(tx, actor, place.list_id)
    group, names = await _any_group(tx, opened, place.group)
    shown = show_group(group, names)
    if not place.option:
        return shown
    for option in shown["options"]:
        if option["field"] == place.option:
            return dict(option)
    raise NotFoundError("option_field", f"The group has no subgroup {place.option[:100]!r}.")


async def delete(call: Call) -> Answer:
    """Remove a group with its subgroups; subscribers stay."""
    await call.db.run(_delete, call.actor, _place(call))
    return Answer(data=None, status=204)


async def _delete(tx: Tx, actor: Actor, place: Place) -> None:
    opened = await open_list(tx, actor, place.list_id, lock=True)
    group = _own_group(opened, place.group)
    _, names = await _any_group(tx, opened, place.group)
    for option in group.options:
        if option.group_id in names:  # another door may have deleted it
            await _delete_ours(tx, opened, option)
    opened.structure.groups.remove(group)
    await opened.save(tx)


async def _delete_ours(tx: Tx, opened: OpenList, option: Option) -> None:
    await delete_groups(tx, opened.actor, DeleteGroups(by=GroupKey.ID, value=str(option.group_id)))


async def create_option(call: Call) -> Answer:
    """Add a subgroup to a group."""
    place = _place(call)
    (identity,) = await call.db.run(_add_options, call.actor, place, [_name(call.body.name)])
    return _written(call, 201, place.group, "option", identity)


async def create_options(call: Call) -> Answer:
    """Add several subgroups to a group."""
    asked: schemas.AddOptions = call.body
    place = _place(call)
    names = [_name(read_text(one, f"name[{at}]"), f"name[{at}]") for at, one in enumerate(asked.name)]
    await call.db.run(_add_options, call.actor, place, names)
    return _written(call, 201, "group", place.group)


async def _add_options(tx: Tx, actor: Actor, place: Place, names: Sequence[str]) -> list[str]:
    opened = await open_list(tx, actor, place.list_id, lock=True)
    group, _ = await _any_group(tx, opened, place.group)
    if len(group.options) + len(names) > MAX_OPTIONS:
        raise InvalidInputError("name", f"A group has at most {MAX_OPTIONS} subgroups.")
    ids = await create_groups(tx, opened.actor, list(names))
    if group.field == OTHER_GROUPS:
        return [other_option(group_id) for group_id in ids]
    added = [
        Option(field=unique_identifier(name, tx.new_uuid()), group_id=group_id)
        for name, group_id in zip(names, ids, strict=True)
    ]
    group.options.extend(added)
    await opened.save(tx)
    return [one.field for one in added]


async def update_option(call: Call) -> Answer:
    """Rename a subgroup."""
    place = _place(call)
    await call.db.run(_rename_option, call.actor, place, _name(call.body.name))
    return _written(call, 200, place.group, "option", place.option)


async def _rename_option(tx: Tx, actor: Actor, place: Place, name: str) -> None:
    opened = await open_list(tx, actor, place.list_id, lock=True)
    group, _ = await _any_group(tx, opened, place.group)
    option = _option_of(group, place.option)
    await save_group(tx, opened.actor, SaveOurs(group_id=GroupId(option.group_id), name=name))


async def delete_option(call: Call) -> Answer:
    """Remove a subgroup; subscribers stay."""
    await call.db.run(_delete_option, call.actor, _place(call))
    return Answer(data=None, status=204)


async def _delete_option(tx: Tx, actor: Actor, place: Place) -> None:
    opened = await open_list(tx, actor, place.list_id, lock=True)
    group, names = await _any_group(tx, opened, place.group)
    option = _option_of(group, place.option)
    if option.group_id in names:  # another door may have deleted it
        await _delete_ours(tx, opened, option)
    group.options.remove(option)
    await opened.save(tx)
