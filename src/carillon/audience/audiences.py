"""Audiences: the books of contacts in which a phone and an e-mail are unique. Each account has a default one."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec
from asyncpg import Record

from carillon.audience.contacts.delete import DELETION_CHUNK, DeletionCause, delete_contact_chunks
from carillon.audience.locks import follow_uploads, lock_audience, lock_audience_set
from carillon.audience.removed_unsubscribes import forget_audience
from carillon.audience.suppressions import Channel
from carillon.db.database import Tx
from carillon.db.filters import Attribute, Order, Value, compile_order
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import AudienceId
from carillon.kit.names import checked_name
from carillon.kit.page import Counted, Page
from carillon.tenancy import audit
from carillon.tenancy.accounts import MAX_NAME_CHARACTERS, checked_country
from carillon.tenancy.scopes import require_all_audiences

SQL = load_statements("carillon.audience", "audiences.sql")

_COLUMNS = ("audience_id", "name", "country", "is_default", "created_at", "updated_at", "idle_days")

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


class AudienceKind(StrEnum):
    """What an audience is for; the meanings are in schema.sql."""

    STANDARD = "standard"
    STOPLIST = "stoplist"
    PUSH = "push"


class SenderDefaults(msgspec.Struct, frozen=True, omit_defaults=True):
    """Whom an audience's messages come from unless a campaign says otherwise; "" where nothing is set."""

    sms_sender: str = ""
    viber_sender: str = ""
    email_name: str = ""
    email_from: str = ""
    email_reply_to: str = ""


NO_SENDERS = SenderDefaults()
_decode_senders = msgspec.json.Decoder(SenderDefaults).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """A book of contacts; `country` (ISO 3166 alpha-2) reads its national numbers.

    Contacts that did not change for `idle_days` are swept; new ones confirm on the channels in `double_opt_in`.
    `attributes` are what dialects keep of it, each under a key of its own.
    """

    audience_id: AudienceId
    name: str
    country: str
    is_default: bool
    created_at: datetime
    updated_at: datetime
    kind: AudienceKind = AudienceKind.STANDARD
    idle_days: int | None = None
    double_opt_in: frozenset[Channel] = frozenset()
    sender_defaults: SenderDefaults = NO_SENDERS
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAudience:
    """Make another audience; without a country it reads numbers as the actor's audience does."""

    name: str
    country: str | None = None
    kind: AudienceKind = AudienceKind.STANDARD
    idle_days: int | None = None
    double_opt_in: Collection[Channel] = ()
    sender_defaults: SenderDefaults = NO_SENDERS
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeAudience:
    """Change the actor's audience: what is None stays, and of the attributes the keys that aren't given stay."""

    name: str | None = None
    country: str | None = None
    double_opt_in: Collection[Channel] | None = None
    sender_defaults: SenderDefaults | None = None
    attributes: Mapping[str, Any] | None = None


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
    """Ask for some of the account's audiences by their places; the order names AUDIENCE_ATTRIBUTES.

    `name` is a part of the name, whatever its case; the span of time is of the creation, half open, UTC; no `kinds` are
    all of them; `sweeps` tells those whose idle contacts are swept from the others.
    """

    limit: int
    offset: int = 0
    order: Order | None = None
    name: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    kinds: Sequence[AudienceKind] = ()
    sweeps: bool | None = None


AUDIENCE_ATTRIBUTES: Mapping[str, Attribute] = {
    "audience_id": Attribute("a.audience_id", Value.NUMBER),
    "name": Attribute("a.name"),
    "country": Attribute("a.country"),
    "created_at": Attribute("a.created_at", Value.MOMENT),
    "updated_at": Attribute("coalesce(a.updated_at, a.created_at)", Value.MOMENT),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceCounts:
    """What an audience has, and how its imports stand: counted when it is asked for, over all of its contacts.

    `contacts` are all of them, the archived ones too. `last_added_at` is when its newest contact was made.
    """

    audience_id: AudienceId
    contacts: int
    archived: int
    reachable_sms: int
    reachable_email: int
    groups: int
    last_added_at: datetime | None
    importing: bool
    import_failed: bool


async def create_audience(tx: Tx, actor: Actor, command: CreateAudience) -> Audience:
    """Make an audience beside the default one.

    Raises InvalidInputError for `name` and `country`, AudienceConfinedError.
    """
    require_all_audiences(actor)
    await lock_audience_set(tx, actor)
    tx.read_clock()
    audience = Audience(
        name=checked_name(command.name, MAX_NAME_CHARACTERS),
        country=actor.country if command.country is None else checked_country(command.country),
        audience_id=AudienceId((await tx.ids.take("audience"))[0]),
        is_default=False,
        created_at=tx.now,
        updated_at=tx.now,
        kind=command.kind,
        idle_days=command.idle_days,
        double_opt_in=frozenset(command.double_opt_in),
        sender_defaults=command.sender_defaults,
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
        _encode(audience.attributes).decode(),
        sorted(audience.double_opt_in),
        _encode(audience.sender_defaults).decode(),
    )
    detail = {"country": audience.country, "kind": audience.kind}
    await audit.record(tx, actor, "audience.create", audience.audience_id, detail)
    return audience


async def change_audience(tx: Tx, actor: Actor, command: ChangeAudience) -> None:
    """Change the actor's audience. Raises NotFoundError, and InvalidInputError for `name` and `country`."""
    await lock_audience(tx, actor)
    country = None if command.country is None else checked_country(command.country)
    await tx.execute(
        SQL["change_audience"],
        actor.account_id,
        actor.audience_id,
        None if command.name is None else checked_name(command.name, MAX_NAME_CHARACTERS),
        country,
        None if command.attributes is None else _encode(command.attributes).decode(),
        tx.now,
        None if command.double_opt_in is None else sorted(command.double_opt_in),
        None if command.sender_defaults is None else _encode(command.sender_defaults).decode(),
    )
    del tx.locked[actor.account_id, actor.audience_id]  # what is known of it
    detail = {"renamed": command.name is not None, "country": country, "attributes": sorted(command.attributes or ())}
    await audit.record(tx, actor, "audience.change", actor.audience_id, detail)


async def delete_audience(tx: Tx, actor: Actor) -> None:
    """Delete the actor's audience with everything in it, uploads too that are not written; suppressions stay.

    A stop list's uploads are written first, as they suppress addresses of the account. Raises NotFoundError,
    AudienceConfinedError, and InvalidInputError for the default audience and for one that a credential works in.
    """
    require_all_audiences(actor)
    if (await lock_audience(tx, actor, after_uploads=False)).is_stoplist:
        await follow_uploads(tx, actor)
    await require_deletable_audience(tx, actor)
    await tx.execute(SQL["delete_group_members"], actor.account_id, actor.audience_id)
    gone = await delete_contact_chunks(tx, actor, _contacts(tx, actor), cause=DeletionCause.AUDIENCE_DELETED)
    await forget_audience(tx, actor)
    await tx.execute(SQL["delete_purposes"], actor.account_id, actor.audience_id)
    await tx.execute(SQL["delete_group_sets"], actor.account_id, actor.audience_id)
    # It waits for uploads that are being accepted; after it none can be.
    await tx.execute(SQL["delete_audience"], actor.account_id, actor.audience_id)
    await tx.execute(SQL["delete_imports"], actor.account_id, actor.audience_id)
    await audit.record(tx, actor, "audience.delete", actor.audience_id, {"contacts": gone})


async def require_deletable_audience(tx: Tx, actor: Actor) -> None:
    """Refuse to delete the account's default audience, and one that a credential works in.

    Raises InvalidInputError for `audience`, and NotFoundError.
    """
    audience = await get_audience(tx, actor, GetAudience(audience_id=actor.audience_id))
    if audience.is_default:
        raise InvalidInputError("audience", "An account's default audience can't be deleted by itself.")
    if await tx.fetchval(SQL["has_credentials"], actor.account_id, actor.audience_id):
        raise InvalidInputError("audience", "An audience that credentials work in can't be deleted.")


async def _contacts(tx: Tx, actor: Actor) -> AsyncIterator[Sequence[int]]:
    """Yield the ids of the audience's contacts in chunks, which the caller may delete meanwhile."""
    last = 0
    while rows := await tx.fetch(SQL["some_contacts"], actor.account_id, actor.audience_id, last, DELETION_CHUNK):
        yield [row["contact_id"] for row in rows]
        last = rows[-1]["contact_id"]


async def get_audience(tx: Tx, actor: Actor, query: GetAudience) -> Audience:
    """Find one of the actor's audiences. Raises NotFoundError for `audience`."""
    row = await tx.fetchrow(SQL["get_audience"], actor.account_id, query.audience_id)
    if row is None or not actor.reaches(query.audience_id):
        raise NotFoundError("audience", f"There is no audience {query.audience_id} in account {actor.account_id}.")
    return audience_of(row)


async def list_audiences(tx: Tx, actor: Actor, query: ListAudiences) -> Page[Audience]:
    """List the actor's audiences, all of the account unless it is confined to one, in the order of their ids."""
    place = (actor.account_id, query.after_id, query.limit, actor.confined_to)
    audiences = [audience_of(row) for row in await tx.fetch(SQL["list_audiences"], *place)]
    return Page(items=audiences, last_id=audiences[-1].audience_id if audiences else query.after_id)


async def page_audiences(tx: Tx, actor: Actor, query: PageAudiences) -> Counted[Audience]:
    """List a slice of the actor's audiences, oldest first unless said otherwise, and count them all.

    Raises InvalidInputError for `sort`.
    """
    conditions = (
        query.name,
        query.since,
        query.until,
        [kind.value for kind in query.kinds] or None,
        query.sweeps,
        actor.confined_to,
    )
    order = compile_order(AUDIENCE_ATTRIBUTES, query.order, "a.audience_id")
    paging = SQL["page_audiences"].replace("/* order */", f"{order},")
    total = await tx.fetchval(SQL["count_audiences"], actor.account_id, *conditions)
    rows = await tx.fetch(paging, actor.account_id, *conditions, query.limit, query.offset)
    return Counted(items=[audience_of(row) for row in rows], total=total)


async def count_audiences(tx: Tx, actor: Actor, audience_ids: Sequence[int]) -> Mapping[int, AudienceCounts]:
    """Count what is in the actor's audiences, by their ids: a walk over all their contacts."""
    tx.require_turn()
    rows = await tx.fetch(SQL["audience_counts"], actor.account_id, actor.reached(audience_ids))
    return {row["audience_id"]: AudienceCounts(**dict(row.items())) for row in rows}


def audience_of(row: Record) -> Audience:
    """Make an audience of a row that has the columns of `get_audience`, and others behind them."""
    typed = {
        "kind": AudienceKind(row["kind"]),
        "double_opt_in": frozenset(map(Channel, row["double_opt_in"])),
        "sender_defaults": _decode_senders(row["sender_defaults"]),
        "attributes": _decode(row["attributes"]),
    }
    return Audience(**{**{name: row[name] for name in _COLUMNS}, **typed})
