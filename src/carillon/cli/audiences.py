"""`carillon audience`."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click
import msgspec

from carillon.audience.audiences import (
    Audience,
    AudienceCounts,
    AudienceKind,
    CreateAudience,
    GetAudience,
    ListAudiences,
    count_audiences,
    create_audience,
    delete_audience,
    get_audience,
    list_audiences,
    require_deletable_audience,
)
from carillon.cli.deleting import confirm_deletion, yes_option
from carillon.cli.options import Id, account_option, counted
from carillon.cli.session import Session, open_actor, table, with_session
from carillon.errors import InvalidInputError

if TYPE_CHECKING:
    from carillon.db.database import Database

_PAGE = 1000


@click.group
def group() -> None:
    """Create, list and delete the audiences of an account."""


@group.command
@click.argument("name")
@account_option()
@click.option("--country", metavar="ISO2", help="The country whose national numbers are read. [default: the account's]")
@click.option(
    "--kind",
    type=click.Choice([one.value for one in AudienceKind]),
    default="standard",
    show_default=True,
    help="stoplist: who is added to it is suppressed; push: of devices.",
)
@with_session
def create(session: Session, *, name: str, account_id: int, country: str | None, kind: str) -> None:
    """Create an audience NAME: a book of contacts beside the default one.

    For example:

        carillon audience create "Greek customers" --account 1 --country GR

        carillon audience create "Never again" --account 1 --kind stoplist
    """

    async def work(db: "Database") -> Audience:
        actor = await open_actor(db, account_id)
        return await db.run(create_audience, actor, CreateAudience(name=name, country=country, kind=AudienceKind(kind)))

    audience = session.run(work)
    session.answer(audience, f"Audience {audience.audience_id}: {audience.name} ({audience.country}).")


@group.command("list")
@account_option()
@with_session
def list_(session: Session, *, account_id: int) -> None:
    """List an account's audiences.

    For example:

        carillon audience list --account 1
    """

    async def work(db: "Database") -> list[Audience]:
        actor = await open_actor(db, account_id)
        found: list[Audience] = []
        while True:
            after_id = found[-1].audience_id if found else 0
            page = await db.read(list_audiences, actor, ListAudiences(after_id=after_id, limit=_PAGE))
            found += page.items
            if len(page.items) < _PAGE:
                return found

    audiences = session.run(work)
    session.answer(audiences, table([_row(one) for one in audiences], "The account has no audience."))


def _instead(audience: Audience, account_id: int) -> str:
    """Say what can be done where an audience has to stay."""
    if not audience.is_default:
        found = f"carillon credential list --account {account_id}"
        return f"Take them back first, with carillon credential revoke; which they are: {found}"
    groups = f"carillon group delete GROUP --with-contacts --account {account_id}"
    return f"Its contacts can, with a group: {groups}. All goes with the account: carillon account delete {account_id}"


def _row(one: Audience) -> dict[str, object]:
    """Return what a table has of an audience. What dialects keep of it is for them alone, and too wide."""
    shown = {name: value for name, value in asdict(one).items() if name != "attributes"}
    senders = [f"{name} {value}" for name, value in msgspec.structs.asdict(one.sender_defaults).items() if value]
    return shown | {"double_opt_in": sorted(one.double_opt_in), "sender_defaults": senders}


@group.command
@click.argument("audience_id", metavar="AUDIENCE", type=Id())
@account_option()
@yes_option()
@with_session
def delete(session: Session, *, audience_id: int, account_id: int, yes: bool) -> None:
    """Delete the audience with the id AUDIENCE and everything in it.

    Its contacts, groups, fields and purposes go, and uploads that are not written yet. Suppressions stay, as they
    belong to addresses, and so do messages. The default audience, and one that a credential works in, can't be deleted.
    For example:

        carillon audience delete 2 --account 1 --yes
    """

    async def look(db: "Database") -> AudienceCounts:
        actor = await open_actor(db, account_id, audience_id)
        try:
            await db.read(require_deletable_audience, actor)
        except InvalidInputError as error:
            asked = await db.read(get_audience, actor, GetAudience(audience_id=audience_id))
            raise InvalidInputError(error.field, f"{error.message} {_instead(asked, account_id)}") from error
        return (await db.read(count_audiences, actor, [audience_id]))[audience_id]

    found = session.run(look)
    goes = f"{counted(found.contacts, 'contact')} and {counted(found.groups, 'group')}"
    confirm_deletion([f"Audience {audience_id} goes, with {goes}. Suppressions of addresses stay."], yes=yes)

    async def work(db: "Database") -> None:
        await db.run(delete_audience, await open_actor(db, account_id, audience_id))

    session.run(work)
    answer = {"audience_id": audience_id, "contacts": found.contacts, "groups": found.groups}
    session.answer(answer, f"Audience {audience_id} is deleted, with {goes}.")
