"""Audiences: the books of contacts in which a phone and an e-mail are unique. Each account has a default one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from asyncpg import Record

from carillon.audience.writing import lock_audience
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import AudienceId
from carillon.kit.page import Counted, Page
from carillon.tenancy import audit
from carillon.tenancy.accounts import checked_country, checked_name

SQL = load_statements("carillon.audience", "audiences.sql")


_decode_attributes = msgspec.json.Decoder(dict[str, Any]).decode


class AudienceKind(StrEnum):
    """What an audience is for; the meanings are in schema.sql."""

    STANDARD = "standard"
    STOPLIST = "stoplist"
    PUSH = "push"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """A book of contacts; `country` (ISO 3166 alpha-2) reads its national numbers.

    Contacts that did not change for `idle_days` are swept. `attributes` are what dialects keep of it.
    """

    audience_id: AudienceId
    name: str
    country: str
    is_default: bool
    created_at: datetime
    kind: AudienceKind = AudienceKind.STANDARD
    idle_days: int | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceSize:
    """What is in an audience; `last_added_at` is when its newest contact was made."""

    contacts: int
    groups: int
    last_added_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAudience:
    """Make another audience; without a country it reads numbers as the actor's audience does."""

    name: str
    country: str | None = None
    kind: AudienceKind = AudienceKind.STANDARD
    idle_days: int | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteAudience:
    """Delete an audience with everything in it."""

    audience_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GetAudience:
    """Ask for one audience."""

    audience_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ListAudiences:
    """Ask for the account's audiences after an id, in the order of their ids."""

    after_id: int = 0
    limit: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PageAudiences:
    """Ask for some of the account's audiences by their places, oldest first.

    `name` is a part of the name, whatever its case; the span of time is of the creation, half open, UTC; no `kinds` are
    all of them; `sweeps` tells those whose idle contacts are swept from the others.
    """

    limit: int
    offset: int = 0
    name: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    kinds: Sequence[AudienceKind] = ()
    sweeps: bool | None = None


async def create_audience(tx: Tx, actor: Actor, command: CreateAudience) -> Audience:
    """Make an audience beside the default one. Raises InvalidInputError for `name` and `country`."""
    audience = Audience(
        name=checked_name(command.name),
        country=actor.country if command.country is None else checked_country(command.country),
        audience_id=AudienceId((await tx.ids.take("audience"))[0]),
        is_default=False,
        created_at=tx.now,
        kind=command.kind,
        idle_days=command.idle_days,
        attributes=command.attributes,
    )
    await tx.execute(
        SQL["create_audience"],
        actor.account_id,
        audience.audience_id,
        audience.name,
        audience.country,
        tx.now,
        audience.kind,
        audience.idle_days,
        msgspec.json.encode(audience.attributes).decode(),
    )
    detail = {"name": audience.name, "country": audience.country}
    await audit.record(tx, actor, "audience.create", audience.audience_id, detail)
    return audience


async def get_audience(tx: Tx, actor: Actor, query: GetAudience) -> Audience:
    """Find one of the account's audiences. Raises NotFoundError for `audience`."""
    row = await tx.fetchrow(SQL["get_audience"], actor.account_id, query.audience_id)
    if row is None:
        raise NotFoundError("audience", f"There is no audience {query.audience_id} in account {actor.account_id}.")
    return _audience(row)


async def list_audiences(tx: Tx, actor: Actor, query: ListAudiences) -> Page[Audience]:
    """List the account's audiences in the order of their ids."""
    rows = await tx.fetch(SQL["list_audiences"], actor.account_id, query.after_id, query.limit)
    audiences = [_audience(row) for row in rows]
    return Page(items=audiences, last_id=audiences[-1].audience_id if audiences else query.after_id)


async def page_audiences(tx: Tx, actor: Actor, query: PageAudiences) -> Counted[Audience]:
    """Give some audiences by their places, and how many there are in all."""
    conditions = (
        query.name,
        query.since,
        query.until,
        [kind.value for kind in query.kinds] or None,
        query.sweeps,
    )
    total = await tx.fetchval(SQL["count_audiences"], actor.account_id, *conditions)
    rows = await tx.fetch(SQL["page_audiences"], actor.account_id, *conditions, query.limit, query.offset)
    return Counted(items=[_audience(row) for row in rows], total=total)


async def measure_audiences(tx: Tx, actor: Actor, audience_ids: Sequence[int]) -> Mapping[int, AudienceSize]:
    """Count what is in audiences: it costs a walk over all of their contacts' keys."""
    rows = await tx.fetch(SQL["measure_audiences"], actor.account_id, list(audience_ids))
    return {
        row["audience_id"]: AudienceSize(
            contacts=row["contacts"], groups=row["groups"], last_added_at=row["last_added_at"]
        )
        for row in rows
    }


async def describe_audience(tx: Tx, actor: Actor, audience_id: int, attributes: Mapping[str, Any]) -> None:
    """Let an audience, which must be locked, have other attributes."""
    encoded = msgspec.json.encode(attributes).decode()
    await tx.execute(SQL["describe_audience"], actor.account_id, audience_id, encoded)


async def delete_audience(tx: Tx, actor: Actor, command: DeleteAudience) -> None:
    """Delete an audience with its contacts, groups, fields and uploads; suppressions stay with their addresses.

    Raises NotFoundError for `audience`, and InvalidInputError for `audience` when it is the account's default one or a
    credential works in it.
    """
    audience = await get_audience(tx, actor, GetAudience(audience_id=command.audience_id))
    inside = replace(actor, audience_id=audience.audience_id)
    await lock_audience(tx, inside)
    if audience.is_default:
        raise InvalidInputError("audience", "The account's default audience can't be deleted.")
    if await tx.fetchval(SQL["is_worked_in"], actor.account_id, audience.audience_id):
        raise InvalidInputError("audience", "A credential works in the audience.")
    for name in ("memberships", "devices", "contacts", "groups", "uploads", "audience"):
        await tx.execute(SQL[f"delete_{name}"], actor.account_id, audience.audience_id)
    await audit.record(tx, actor, "audience.delete", audience.audience_id, {"name": audience.name})


def _audience(row: Record) -> Audience:
    values = {**row, "kind": AudienceKind(row["kind"]), "attributes": _decode_attributes(row["attributes"])}
    return Audience(**values)
