"""Audiences: the books of contacts in which a phone and an e-mail are unique. Each account has a default one."""

from dataclasses import dataclass
from datetime import datetime

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import AudienceId
from carillon.kit.page import Page
from carillon.tenancy import audit
from carillon.tenancy.accounts import checked_country, checked_name

SQL = load_statements("carillon.audience", "audiences.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """A book of contacts; `country` (ISO 3166 alpha-2) reads its national numbers."""

    audience_id: AudienceId
    name: str
    country: str
    is_default: bool
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAudience:
    """Make another audience; without a country it reads numbers as the actor's audience does."""

    name: str
    country: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GetAudience:
    """Ask for one audience."""

    audience_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListAudiences:
    """Ask for the account's audiences after an id, in the order of their ids."""

    after_id: int = 0
    limit: int = 1000


async def create_audience(tx: Tx, actor: Actor, command: CreateAudience) -> Audience:
    """Make an audience beside the default one. Raises InvalidInputError for `name` and `country`."""
    audience = Audience(
        name=checked_name(command.name),
        country=actor.country if command.country is None else checked_country(command.country),
        audience_id=AudienceId((await tx.ids.take("audience"))[0]),
        is_default=False,
        created_at=tx.now,
    )
    await tx.execute(
        SQL["create_audience"], actor.account_id, audience.audience_id, audience.name, audience.country, tx.now
    )
    detail = {"name": audience.name, "country": audience.country}
    await audit.record(tx, actor, "audience.create", audience.audience_id, detail)
    return audience


async def get_audience(tx: Tx, actor: Actor, query: GetAudience) -> Audience:
    """Find one of the account's audiences. Raises NotFoundError for `audience`."""
    row = await tx.fetchrow(SQL["get_audience"], actor.account_id, query.audience_id)
    if row is None:
        raise NotFoundError("audience", f"There is no audience {query.audience_id} in account {actor.account_id}.")
    return Audience(**row)


async def list_audiences(tx: Tx, actor: Actor, query: ListAudiences) -> Page[Audience]:
    """List the account's audiences in the order of their ids."""
    audiences = [
        Audience(**row) for row in await tx.fetch(SQL["list_audiences"], actor.account_id, query.after_id, query.limit)
    ]
    return Page(items=audiences, last_id=audiences[-1].audience_id if audiences else query.after_id)
