"""`carillon field`."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from carillon.audience.field_types import Kind
from carillon.audience.fields import CreateField, Field, ListFields, create_field, list_fields
from carillon.cli.options import account_option, audience_option
from carillon.cli.session import Session, operator, table, with_session
from carillon.tenancy.accounts import OpenAccount, open_account

if TYPE_CHECKING:
    from carillon.db.database import Database


@click.group
def group() -> None:
    """Create and list the fields of an audience's contacts."""


_account = account_option()
_audience = audience_option("The audience.")


@group.command
@click.argument("name")
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), default="text", show_default=True)
@click.option("--label", help="What it is called for people. [default: the name]")
@_account
@_audience
@with_session
def create(  # noqa: PLR0913 - one for each flag
    session: Session, *, name: str, kind: str, label: str | None, account_id: int, audience_id: int | None
) -> None:
    """Make a field, which files can then be imported into.

    For example:

        carillon field create shoe_size --kind number --account 1
    """

    async def work(db: "Database") -> Field:
        actor = await db.read(open_account, operator(), OpenAccount(account_id=account_id, audience_id=audience_id))
        return await db.run(create_field, actor, CreateField(name=name, kind=Kind(kind), label=label))

    field = session.run(work)
    session.answer(asdict(field), f"The field {field.name} ({field.kind}) is there.")


@group.command("list")
@_account
@_audience
@with_session
def list_(session: Session, *, account_id: int, audience_id: int | None) -> None:
    """List an audience's custom fields.

    For example:

        carillon field list --account 1
    """

    async def work(db: "Database") -> list[Field]:
        actor = await db.read(open_account, operator(), OpenAccount(account_id=account_id, audience_id=audience_id))
        return await db.read(list_fields, actor, ListFields())

    rows = [asdict(field) for field in session.run(work)]
    session.answer(rows, table(rows, "The audience has no fields of its own."))
