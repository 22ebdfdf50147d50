"""The operations on groups."""

from carillon.audience import groups as ours
from carillon.audience.contacts.contact import read_id
from carillon.audience.groups import FindGroups, GroupKey
from carillon.dialects.nrs.mapping import show_group
from carillon.dialects.nrs.paging import read_page, show_page
from carillon.dialects.nrs.replies import One
from carillon.dialects.rest import Answer, Call
from carillon.errors import NotFoundError
from carillon.kit.ids import GroupId

PATH = "/api/rest/groups"

_CREATED = 201
_GONE = 204


async def list_groups(call: Call) -> Answer:
    """Show a page of the groups."""
    page = read_page(call.query)
    found = await call.db.read(ours.page_groups, call.actor, page)
    return Answer(data=show_page(call.request, PATH, page, found, show_group))


async def show(call: Call) -> Answer:
    query = FindGroups(by=GroupKey.ID, value=call.request.segments["id"])
    found = await call.db.read(ours.find_groups, call.actor, query)
    if not found:
        raise NotFoundError("group")
    return Answer(data=One(show_group(found[0])))


async def create(call: Call) -> Answer:
    group = await call.db.run(ours.save_group, call.actor, ours.SaveGroup(name=call.body.name))
    return Answer(data=One(show_group(group)), status=_CREATED)


async def update(call: Call) -> Answer:
    """Rename a group."""
    group_id = read_id(call.request.segments["id"])
    if group_id is None:
        raise NotFoundError("group")
    command = ours.SaveGroup(group_id=GroupId(group_id), name=call.body.name)
    return Answer(data=One(show_group(await call.db.run(ours.save_group, call.actor, command))))


async def delete(call: Call) -> Answer:
    """Delete a group; its contacts stay."""
    command = ours.DeleteGroups(by=GroupKey.ID, value=call.request.segments["id"])
    await call.db.run(ours.delete_groups, call.actor, command)
    return Answer(data=None, status=_GONE)
