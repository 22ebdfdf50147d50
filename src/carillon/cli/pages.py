"""`carillon page`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from carillon.cli.options import account_option
from carillon.cli.session import Session, open_actor, with_session
from carillon.errors import InvalidInputError

if TYPE_CHECKING:
    from carillon.db.database import Database


@click.group
def group() -> None:
    """Keep the landing pages that short links may lead to."""


@group.command
@account_option()
@click.argument("key")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_session
def save(session: Session, *, account_id: int, key: str, file: Path) -> None:
    """Keep the template in FILE under KEY, in the place of what has it.

    A page is HTML with placeholders such as {{ name }}. Scripts in it don't run. For example:

        carillon page save spring spring.html --account 1
    """
    from carillon.links.pages import SavePage, save_page  # noqa: PLC0415 - half a second that `--help` must not take

    try:
        template = file.read_text("utf-8")
    except UnicodeDecodeError:
        raise InvalidInputError("template", f"{file} is not text in UTF-8.") from None

    async def work(db: "Database") -> None:
        actor = await open_actor(db, account_id)
        await db.run(save_page, actor, SavePage(key=key, template=template))

    session.run(work)
    session.answer({"key": key}, f"Links of account {account_id} may lead to the page {key}.")


@group.command("list")
@account_option()
@with_session
def list_(session: Session, *, account_id: int) -> None:
    """List an account's landing pages.

    For example:

        carillon page list --account 1
    """
    from carillon.links.pages import list_pages  # noqa: PLC0415 - as above

    session.list_of(account_id, list_pages, f"Account {account_id} has no landing page.")


@group.command
@account_option()
@click.argument("key")
@with_session
def show(session: Session, *, account_id: int, key: str) -> None:
    """Print the template of KEY.

    For example:

        carillon page show spring --account 1 > spring.html
    """
    from carillon.links.pages import get_template  # noqa: PLC0415 - as above

    async def work(db: "Database") -> str:
        actor = await open_actor(db, account_id)
        return await db.read(get_template, actor, key)

    template = session.run(work)
    session.answer({"key": key, "template": template}, template)


@group.command
@account_option()
@click.argument("key")
@with_session
def remove(session: Session, *, account_id: int, key: str) -> None:
    """Remove the page KEY: links that lead to it lead nowhere.

    For example:

        carillon page remove spring --account 1
    """
    from carillon.links.pages import remove_page  # noqa: PLC0415 - as above

    async def work(db: "Database") -> None:
        actor = await open_actor(db, account_id)
        await db.run(remove_page, actor, key)

    session.run(work)
    session.answer({"key": key}, f"Account {account_id} has no page {key} any more.")
