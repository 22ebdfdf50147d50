"""The functions on groups."""

from typing import Literal

from carillon.audience.contacts.contact import MAX_ID
from carillon.audience.groups import (
    DeleteGroups,
    FindGroups,
    GroupDeletion,
    ListGroups,
    SaveGroup,
    delete_groups,
    find_groups,
    list_groups,
    save_group,
)
from carillon.dialects.inforu import replies, schemas
from carillon.dialects.inforu.calls import Call
from carillon.dialects.inforu.mapping import GROUP_DELETIONS, GROUP_KEYS, choose, group_name
from carillon.dialects.inforu.mapping_dates import read_since, read_until
from carillon.dialects.inforu.paging import place_in_list, show_page
from carillon.errors import NotFoundError
from carillon.kit.ids import GroupId

KINDS: dict[str, Literal["static", "segment"] | None] = {"Regular": "static", "Dynamic": "segment", "All": None}

_DEFAULT_DELETION = "WithoutDeleteContacts"


async def create_or_update_group(call: Call, asked: schemas.CreateOrUpdateGroup) -> replies.GroupObject:
    """Make a group, or rename the one with the id."""
    number = asked.group_id or 0
    if number < 0 or number > MAX_ID:
        raise NotFoundError("group")
    command = SaveGroup(
        group_id=GroupId(number) if number else None, name=asked.group_name, description=asked.description
    )
    return call.show.group(await call.services.db.run(save_group, call.actor, command))


async def delete_group(call: Call, asked: schemas.DeleteGroup) -> replies.DeletedGroups:
    """Delete the groups that the key names, with their contacts, without them, or only when empty."""
    _, by = choose(GROUP_KEYS, asked.delete_group_by, "Data.DeleteGroupBy")
    configuration, mode = _DEFAULT_DELETION, GroupDeletion.KEEP_CONTACTS
    if asked.configuration:
        configuration, mode = choose(GROUP_DELETIONS, asked.configuration, "Data.Configuration")
    gone = await call.services.db.run(delete_groups, call.actor, DeleteGroups(by=by, value=asked.value, mode=mode))
    return replies.DeletedGroups(
        count=len(gone), configuration=configuration, items=[group_name(group) for group in gone]
    )


async def get_group(call: Call, asked: schemas.GetGroup) -> replies.Listing[replies.GroupObject]:
    """Find groups by id, number or name."""
    _, by = choose(GROUP_KEYS, asked.get_group_by, "Data.GetGroupBy")
    found = await call.services.db.read(find_groups, call.actor, FindGroups(by=by, value=asked.value))
    return replies.Listing(count=len(found), items=[call.show.group(group) for group in found])


async def get_group_list(call: Call, asked: schemas.GetGroupList) -> replies.Batch[replies.GroupObject]:
    """List groups, of a span of time or of a kind, by their ids."""
    kind = None
    if asked.type:
        _, kind = choose(KINDS, asked.type, "Data.Type")
    query = ListGroups(
        after_id=place_in_list(asked.last_fetched_id),
        limit=call.services.page_size,
        since=read_since(asked.from_date, call.show.zone, "Data.FromDate"),
        until=read_until(asked.to_date, call.show.zone, "Data.ToDate"),
        kind=kind,
    )
    page = await call.services.db.read(list_groups, call.actor, query)
    return show_page(page, call.show.group)
