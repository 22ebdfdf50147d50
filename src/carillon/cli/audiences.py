"""`carillon audience`."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from carillon.audience.audiences import Audience, CreateAudience, ListAudiences, create_audience, list_audiences
from carillon.cli.options import account_option
from carillon.cli.session import Session, operator, table, with_session
from carillon.tenancy.accounts import OpenAccount, open_account

if TYPE_CHECKING:
    from carillon.db.database import Database

_PAGE = 1000


@click.group
def group() -> None:
    """Create and list the audiences of an account."""


@group.command
@click.argument("name")
@account_option()
@click.option("--country", metavar="ISO2", help="The country whose national numbers are read. [default: the account's]")
@with_session
def create(session: Session, *, name: str, account_id: int, country: str | None) -> None:
    """Create an audience NAME: a book of contacts beside the default one.

    For example:

        carillon audience create "Greek customers" --account 1 --country GR
    """

    async def work(db: "Database") -> Audience:
        actor = await db.read(open_account, operator(), OpenAccount(account_id=account_id))
        return await db.run(create_audience, actor, CreateAudience(name=name, country=country))

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
        actor = await db.read(open_account, operator(), OpenAccount(account_id=account_id))
        found: list[Audience] = []
        while True:
            after_id = found[-1].audience_id if found else 0
            page = await db.read(list_audiences, actor, ListAudiences(after_id=after_id, limit=_PAGE))
            found += page.items
            if len(page.items) < _PAGE:
                return found

    audiences = session.run(work)
    rows = [{name: value for name, value in asdict(one).items() if name != "attributes"} for one in audiences]
    session.answer(audiences, table(rows, "The account has no audience."))
