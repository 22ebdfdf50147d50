"""`carillon group`."""

from typing import TYPE_CHECKING

import click

from carillon.audience.contacts.contact import Contact
from carillon.audience.contacts.query import query_contacts
from carillon.audience.groups import (
    DeleteGroups,
    FindGroups,
    Group,
    GroupDeletion,
    GroupKey,
    ListGroups,
    SaveGroup,
    delete_groups,
    find_groups,
    list_groups,
    save_group,
)
from carillon.cli.contact_lines import contact_json, contact_row, whole_contacts
from carillon.cli.deleting import confirm_deletion, yes_option
from carillon.cli.options import account_option, audience_option, counted, page_options
from carillon.cli.session import Session, open_actor, open_to_change, table, with_session
from carillon.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from carillon.db.database import Database
    from carillon.kit.actor import Actor

_PAGE = 1000
_LISTED = ("group_id", "number", "name", "kind", "members", "reachable_sms", "reachable_email", "created_at")


@click.group
def group() -> None:
    """Create, list, rename and delete groups, and see their members."""


_account = account_option()
_audience = audience_option("The audience.")


@group.command("list")
@_account
@_audience
@with_session
def list_(session: Session, *, account_id: int, audience_id: int | None) -> None:
    """List an audience's groups, with the ids by which the APIs name them.

    `group_id` is the id for InforU, inwise and 360NRS, and the one that other commands take in the stead of a name;
    `number` counts the groups of the audience. For example:

        carillon group list --account 1
    """

    async def work(db: "Database") -> list[Group]:
        actor = await open_actor(db, account_id, audience_id)
        found: list[Group] = []
        while True:
            after_id = found[-1].group_id if found else 0
            page = await db.read(list_groups, actor, ListGroups(after_id=after_id, limit=_PAGE))
            found += page.items
            if len(page.items) < _PAGE:
                return found

    groups = session.run(work)
    rows = [{name: getattr(one, name) for name in _LISTED} for one in groups]
    session.answer(groups, table(rows, "The audience has no group."))


@group.command
@click.argument("name")
@click.option("--description", metavar="TEXT", help="What it is for.")
@_account
@_audience
@with_session
def create(session: Session, *, name: str, description: str | None, account_id: int, audience_id: int | None) -> None:
    """Create a group NAME, without members.

    For example:

        carillon group create "Regulars" --account 1
    """

    async def work(db: "Database") -> Group:
        actor = await open_to_change(db, account_id, audience_id)
        await _require_free(db, actor, name)
        return await db.run(save_group, actor, SaveGroup(name=name, description=description))

    made = session.run(work)
    session.answer(made, f"Group {made.group_id}: {made.name}.")


@group.command
@click.argument("name_or_id", metavar="GROUP")
@click.argument("name")
@click.option("--description", metavar="TEXT", help="What it is for. [default: as it was]")
@_account
@_audience
@with_session
def rename(  # noqa: PLR0913 - one for each flag
    session: Session, *, name_or_id: str, name: str, description: str | None, account_id: int, audience_id: int | None
) -> None:
    """Give GROUP, which is a name or an id, another NAME. Its id stays, and with it what clients call it.

    For example:

        carillon group rename "Regulars" "Friends" --account 1
    """

    async def work(db: "Database") -> Group:
        actor = await open_to_change(db, account_id, audience_id)
        old = await named_group(db, actor, name_or_id)
        await _require_free(db, actor, name, of=old)
        return await db.run(save_group, actor, SaveGroup(group_id=old.group_id, name=name, description=description))

    renamed = session.run(work)
    session.answer(renamed, f"Group {renamed.group_id} is called {renamed.name}.")


@group.command
@click.argument("name_or_id", metavar="GROUP")
@click.option("--with-contacts", is_flag=True, help="Delete its members, too, out of every group.")
@_account
@_audience
@yes_option()
@with_session
def delete(  # noqa: PLR0913 - one for each flag
    session: Session, *, name_or_id: str, with_contacts: bool, account_id: int, audience_id: int | None, yes: bool
) -> None:
    """Delete GROUP, which is a name or an id. Its members stay in the audience unless said otherwise.

    For example:

        carillon group delete "Regulars" --account 1 --yes
    """

    async def look(db: "Database") -> Group:
        return await named_group(db, await open_to_change(db, account_id, audience_id), name_or_id)

    found = session.run(look)
    members = counted(found.members, "member")
    fate = "are deleted with it; their suppressions stay" if with_contacts else "stay in the audience"
    confirm_deletion([f"Group {found.group_id}, {found.name}, goes. Its {members} {fate}."], yes=yes)
    mode = GroupDeletion.DELETE_CONTACTS if with_contacts else GroupDeletion.KEEP_CONTACTS

    async def work(db: "Database") -> list[Group]:
        actor = await open_actor(db, account_id, audience_id)
        command = DeleteGroups(by=GroupKey.ID, value=str(found.group_id), mode=mode)
        return await db.run(delete_groups, actor, command)

    (gone,) = session.run(work)
    answer = {"group_id": gone.group_id, "members": gone.members, "contacts_deleted": with_contacts}
    session.answer(
        answer, f"Group {gone.group_id}, {gone.name}, is deleted; its {members} {'too' if with_contacts else 'stay'}."
    )


@group.command
@click.argument("name_or_id", metavar="GROUP")
@_account
@_audience
@page_options("contact")
@with_session
def members(  # noqa: PLR0913 - one for each flag
    session: Session, *, name_or_id: str, account_id: int, audience_id: int | None, limit: int, after_id: int
) -> None:
    """List the members of GROUP, which is a name or an id.

    For example:

        carillon group members "Regulars" --account 1 --limit 20
    """

    async def work(db: "Database") -> list[Contact]:
        actor = await open_actor(db, account_id, audience_id)
        found = await named_group(db, actor, name_or_id)
        query = whole_contacts(group_id=found.group_id, after_id=after_id, limit=limit)
        return list((await db.read(query_contacts, actor, query)).items)

    contacts = session.run(work)
    rows = [contact_row(one) for one in contacts]
    session.answer([contact_json(one) for one in contacts], table(rows, "The group has no such member."))


async def _require_free(db: "Database", actor: "Actor", name: str, of: Group | None = None) -> None:
    """Refuse a name that another group has than the one `of` which it is to be.

    Only commands do: 360NRS lets two groups have the same name. Raises InvalidInputError for `name`.
    """
    found = await db.read(find_groups, actor, FindGroups(by=GroupKey.NAME, value=name))
    if any(of is None or one.group_id != of.group_id for one in found):
        raise InvalidInputError("name", f"There is a group {name!r} already.")


async def named_group(db: "Database", actor: "Actor", name_or_id: str) -> Group:
    """Find a group by its name, or else by its id.

    Raises NotFoundError for `group`, and InvalidInputError where several are called so.
    """
    found = await db.read(find_groups, actor, FindGroups(by=GroupKey.NAME, value=name_or_id))
    found = found or await db.read(find_groups, actor, FindGroups(by=GroupKey.ID, value=name_or_id))
    if not found:
        way = f"carillon group list --account {actor.account_id}"
        raise NotFoundError("group", f"There is no group {name_or_id!r}. Those that there are: {way}")
    if len(found) > 1:
        ids = ", ".join(str(one.group_id) for one in found)
        raise InvalidInputError("group", f"{len(found)} groups are called {name_or_id!r}: name one by its id ({ids}).")
    return found[0]
