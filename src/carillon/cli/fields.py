"""`carillon field`."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from carillon.audience.contacts.query import ContactQuery, page_contacts
from carillon.audience.descriptions import AudienceEdit, EditAudience, edit_audience
from carillon.audience.field_types import CANONICAL, Kind
from carillon.audience.fields import CreateField, Field, ListFields, create_field, list_fields
from carillon.cli.deleting import confirm_deletion, yes_option
from carillon.cli.options import account_option, audience_option, counted
from carillon.cli.session import Session, open_actor, open_to_change, table, with_session
from carillon.db.filters import Condition, Op
from carillon.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from carillon.db.database import Database


@click.group
def group() -> None:
    """Create, list and delete the fields of an audience's contacts."""


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
        actor = await open_actor(db, account_id, audience_id)
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
        actor = await open_actor(db, account_id, audience_id)
        return await db.read(list_fields, actor, ListFields())

    rows = [asdict(field) for field in session.run(work)]
    session.answer(rows, table(rows, "The audience has no fields of its own."))


@group.command
@click.argument("name")
@_account
@_audience
@yes_option()
@with_session
def delete(session: Session, *, name: str, account_id: int, audience_id: int | None, yes: bool) -> None:
    """Delete the field NAME, and what contacts have in it. Built-in fields, such as city, stay.

    For example:

        carillon field delete shoe_size --account 1 --yes
    """

    async def look(db: "Database") -> int:
        actor = await open_to_change(db, account_id, audience_id)
        if name in CANONICAL:
            raise InvalidInputError("name", f"{name} is a field that every audience has.")
        if name not in {one.name for one in await db.read(list_fields, actor, ListFields())}:
            way = f"carillon field list --account {account_id}"
            raise NotFoundError("field", f"There is no field {name!r}. Those that there are: {way}")
        filled = ContactQuery(conditions=[Condition(f"fields.{name}", Op.EXISTS)], with_archived=True, limit=1)
        return (await db.read(page_contacts, actor, filled)).total

    contacts = counted(session.run(look), "contact")
    confirm_deletion([f"The field {name} goes, with the values of {contacts}."], yes=yes)

    async def work(db: "Database") -> None:
        actor = await open_actor(db, account_id, audience_id)
        edit = AudienceEdit(delete_fields=[name])
        await db.run(edit_audience, actor, EditAudience(decide=lambda _described: edit))

    session.run(work)
    session.answer({"name": name}, f"The field {name} is deleted.")
