"""Groups and subgroups of a list: a group is a group set of ours, a subgroup a group."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from carillon.audience.group_sets import (
    AddGroups,
    Attributes,
    ChangeGroupSet,
    CreateGroupSet,
    DeleteGroupSet,
    NewGroup,
    RemoveGroup,
    add_groups,
    change_group_set,
    create_group_set,
    delete_group_set,
    remove_group,
)
from carillon.audience.groups import MAX_NAME_CHARACTERS, SaveGroup, save_group
from carillon.dialects.apifon import schemas
from carillon.dialects.apifon.lists import actor_in, naming_list, open_list
from carillon.dialects.apifon.mapping import chosen
from carillon.dialects.apifon.mapping_lists import SELECTIONS, show_group
from carillon.dialects.apifon.mapping_structure import (
    ATTRIBUTE,
    Group,
    GroupAttributes,
    Option,
    SubscriberList,
    option_field,
    stored_attributes,
    unique_identifier,
)
from carillon.dialects.apifon.replies import location_of
from carillon.dialects.reading import read_text
from carillon.dialects.rest import Answer, Call
from carillon.errors import InvalidInputError, MissingInputError, NotFoundError

_TYPES = ("GROUP",)
_ORIENTATIONS = ("VERTICAL", "HORIZONTAL", "DROPDOWN_LIST")
_SUBJECTS = {"group_set": "group_field", "group": "option_field"}


@contextmanager
def _naming() -> Iterator[None]:
    """Name what isn't there any more as the path does."""
    try:
        with naming_list():
            yield
    except NotFoundError as error:
        raise NotFoundError(_SUBJECTS.get(error.subject, error.subject)) from error


def _found_group(opened: SubscriberList, identity: str) -> Group:
    for group in opened.groups:
        if group.field == identity:
            return group
    raise NotFoundError("group_field", f"The list has no group {identity[:100]!r}.")


def _found_option(group: Group, identity: str) -> Option:
    for option in group.options:
        if option.field == identity:
            return option
    raise NotFoundError("option_field", f"The group has no subgroup {identity[:100]!r}.")


async def _called_group(call: Call) -> Group:
    return _found_group(await open_list(call), call.request.segments["group_field"])


async def _called_option(call: Call) -> Option:
    return _found_option(await _called_group(call), call.request.segments["option_field"])


def _name(given: str, where: str = "name") -> str:
    name = given.strip()
    if not name:
        raise MissingInputError(where)
    if len(name) > MAX_NAME_CHARACTERS:
        raise InvalidInputError(where, f"A name has at most {MAX_NAME_CHARACTERS} characters.")
    return name


def _written(call: Call, status: int, *inside: str) -> Answer:
    return Answer(data=None, status=status, headers={"Location": location_of(call, *inside)})


def _given_attributes(asked: schemas.SaveGroup) -> dict[str, Any]:
    orientation = None
    if asked.orientation:
        orientation = chosen(asked.orientation, _ORIENTATIONS, "groupOptionsOrientation")
    given = {"internal": asked.internal, "form_hidden": asked.form_hidden, "orientation": orientation}
    return {name: value for name, value in given.items() if value is not None}


async def create(call: Call) -> Answer:
    """Add a group to a list."""
    asked: schemas.SaveGroup = call.body
    chosen(asked.type, _TYPES, "type")
    selection = SELECTIONS[chosen(asked.selection_type or "SINGLE", tuple(SELECTIONS), "selectionType")]
    given, name = _given_attributes(asked), _name(asked.name)

    def attributes(group_set_id: UUID) -> Attributes:
        return stored_attributes(GroupAttributes(field=unique_identifier(name, group_set_id), **given))

    with _naming():
        command = CreateGroupSet(name=name, selection=selection, attributes=attributes)
        group_set_id = await call.db.run(create_group_set, actor_in(call), command)
    return _written(call, 201, "group", unique_identifier(name, group_set_id))


async def update(call: Call) -> Answer:
    asked: schemas.SaveGroup = call.body
    chosen(asked.type, _TYPES, "type")
    selection = None
    if asked.selection_type:
        selection = SELECTIONS[chosen(asked.selection_type, tuple(SELECTIONS), "selectionType")]
    given, name = _given_attributes(asked), _name(asked.name)
    group = await _called_group(call)
    command = ChangeGroupSet(
        group_set_id=group.require_set(), name=name, selection=selection, attributes={ATTRIBUTE: given}
    )
    with _naming():
        await call.db.run(change_group_set, actor_in(call), command)
    return _written(call, 200, "group", group.field)


async def show(call: Call) -> Answer:
    """Show a group with its subgroups, or one of these."""
    group = await _called_group(call)
    shown = show_group(group)
    if "option_field" in call.request.segments:
        option = _found_option(group, call.request.segments["option_field"])
        return Answer(data={"name": option.name, "field": option.field})
    return Answer(data=shown)


async def delete(call: Call) -> Answer:
    """Remove a group with its subgroups; subscribers stay."""
    group = await _called_group(call)
    with _naming():
        await call.db.run(delete_group_set, actor_in(call), DeleteGroupSet(group_set_id=group.require_set()))
    return Answer(data=None, status=204)


async def create_option(call: Call) -> Answer:
    """Add a subgroup to a group."""
    group, (identity,) = await _add(call, [_name(call.body.name)])
    return _written(call, 201, group.field, "option", identity)


async def create_options(call: Call) -> Answer:
    """Add several subgroups to a group."""
    asked: schemas.AddOptions = call.body
    names = [_name(read_text(one, f"name[{at}]"), f"name[{at}]") for at, one in enumerate(asked.name)]
    group, _ = await _add(call, names)
    return _written(call, 201, "group", group.field)


async def _add(call: Call, names: Sequence[str]) -> tuple[Group, list[str]]:
    """Add subgroups, and return the group and their identifiers."""
    group = await _called_group(call)
    new = [_new_option(name, group) for name in names]
    with _naming():
        command = AddGroups(groups=new, group_set_id=group.group_set_id)
        added = await call.db.run(add_groups, actor_in(call), command)
    return group, [option_field(one) for one in added]


def _new_option(name: str, group: Group) -> NewGroup:
    def attributes(unique: UUID) -> Attributes:
        return {ATTRIBUTE: {"field": unique_identifier(name, unique)}}

    return NewGroup(name=name) if group.group_set_id is None else NewGroup(name=name, attributes=attributes)


async def update_option(call: Call) -> Answer:
    """Rename a subgroup."""
    name, option = _name(call.body.name), await _called_option(call)
    with _naming():
        await call.db.run(save_group, actor_in(call), SaveGroup(group_id=option.group_id, name=name))
    return _written(call, 200, call.request.segments["group_field"], "option", option.field)


async def delete_option(call: Call) -> Answer:
    """Remove a subgroup; subscribers stay."""
    option = await _called_option(call)
    with _naming():
        await call.db.run(remove_group, actor_in(call), RemoveGroup(group_id=option.group_id))
    return Answer(data=None, status=204)
