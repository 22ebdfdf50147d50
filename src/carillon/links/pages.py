"""Landing pages: templates that an account keeps, and that its short links may lead to."""

from dataclasses import dataclass, field
from datetime import datetime

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId
from carillon.links.rendering import check_template
from carillon.links.targets import check_page_key

SQL = load_statements("carillon.links", "pages.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class SavePage:
    """Keep a template under a key, in the place of what has it."""

    key: str
    template: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A landing page in a list."""

    key: str
    characters: int
    created_at: datetime
    updated_at: datetime


async def save_page(tx: Tx, actor: Actor, command: SavePage) -> None:
    """Keep a landing page. Raises InvalidInputError for `page` and `template`."""
    key = check_page_key(command.key)
    check_template(command.template)
    await tx.execute(SQL["save_page"], actor.account_id, key, command.template, tx.now)


async def list_pages(tx: Tx, actor: Actor) -> list[Page]:
    """List the landing pages by their keys."""
    return [
        Page(
            key=row["page_key"],
            characters=row["characters"],
            created_at=row["created_at"],
            updated_at=row["updated_at"],
        )
        for row in await tx.fetch(SQL["list_pages"], actor.account_id)
    ]


async def get_template(tx: Tx, actor: Actor, key: str) -> str:
    """Return the template of a page. Raises NotFoundError for `page`."""
    template = await template_of(tx, actor.account_id, key)
    if template is None:
        raise NotFoundError("page")
    return template


async def template_of(tx: Tx, account_id: AccountId, key: str) -> str | None:
    """Return the template of an account's page; None where there is none."""
    template: str | None = await tx.fetchval(SQL["get_template"], account_id, key)
    return template


async def remove_page(tx: Tx, actor: Actor, key: str) -> None:
    """Remove a page: links that lead to it lead nowhere. Raises NotFoundError for `page`."""
    if await tx.fetchrow(SQL["remove_page"], actor.account_id, key) is None:
        raise NotFoundError("page")
