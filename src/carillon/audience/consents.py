"""Consents: what contacts agree to, for each purpose of their audience and on each channel."""

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO

import msgspec
from asyncpg import Record

from carillon.audience.locks import lock_audience, mark_changed
from carillon.audience.names import free_key
from carillon.audience.suppressions import Channel
from carillon.db.database import Tx
from carillon.db.sql import load_statements, one_text
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.names import changed_name, checked_name
from carillon.tenancy import audit

SQL = load_statements("carillon.audience", "consents.sql")

CONSENT_CHANNELS = (Channel.SMS, Channel.EMAIL)
MAX_PURPOSES = 100
MAX_NAME_CHARACTERS = 200
MAX_DESCRIPTION_CHARACTERS = 4_000

# Up to so many consents one statement is quicker than COPY.
_FEW = 50
_COLUMNS = ("account_id", "audience_id", "contact_id", "purpose", "channel", "granted", "given_at", "source", "actor")


NO_ORIGINS: Mapping["ConsentKey", "ConsentOrigin"] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What contacts can consent to; its key stays when its name changes."""

    key: str
    name: str
    description: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePurpose:
    """Make a purpose of the actor's audience."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePurpose:
    """Change a purpose: what is None stays."""

    key: str
    name: str | None = None
    description: str | None = None


class ConsentChange(msgspec.Struct, frozen=True, array_like=True):
    """What a contact says of a purpose on a channel; None takes back what it said.

    Queued uploads store it.
    """

    purpose: str
    channel: Channel
    granted: bool | None


ConsentKey = tuple[int, str, Channel]
"""A contact's id, a purpose's key and a channel."""

ConsentOrigin = tuple[datetime, str, str]
"""When a consent was given, through what and by whom."""


async def create_purpose(tx: Tx, actor: Actor, command: CreatePurpose) -> str:
    """Make a purpose and return its key, which is derived from the name.

    Raises InvalidInputError for `name` and `description`, also when there are MAX_PURPOSES.
    """
    name, description = checked_name(command.name, MAX_NAME_CHARACTERS), _checked_description(command.description)
    await lock_audience(tx, actor)
    keys = [one.key for one in await list_purposes(tx, actor)]
    if len(keys) >= MAX_PURPOSES:
        raise InvalidInputError("name", f"An audience has at most {MAX_PURPOSES} purposes.")
    key = free_key(name, keys)
    await tx.execute(SQL["create_purpose"], actor.account_id, actor.audience_id, key, name, description, tx.now)
    await mark_changed(tx, actor)
    await audit.record(tx, actor, "purpose.create", key, {"audience_id": actor.audience_id})
    return key


async def make_purposes(tx: Tx, actor: Actor, purposes: Mapping[str, CreatePurpose]) -> None:
    """Make the purposes, by their keys, that a locked audience lacks (`same_purpose`).

    Raises InvalidInputError for `name` and `description`, and for `map` when there would be more than MAX_PURPOSES.
    """
    known = await known_purposes(tx, actor)
    missing = [key for key in purposes if same_purpose(key, known) not in known]
    if missing and len(known) + len(missing) > MAX_PURPOSES:
        raise InvalidInputError("map", f"An audience has at most {MAX_PURPOSES} purposes.")
    for key in missing:
        name = checked_name(purposes[key].name, MAX_NAME_CHARACTERS)
        description = _checked_description(purposes[key].description)
        await tx.execute(SQL["create_purpose"], actor.account_id, actor.audience_id, key, name, description, tx.now)
        await audit.record(tx, actor, "purpose.create", key, {"audience_id": actor.audience_id})
    if missing:
        await mark_changed(tx, actor)


async def change_purpose(tx: Tx, actor: Actor, command: ChangePurpose) -> None:
    """Change a purpose. Raises NotFoundError for `purpose`, InvalidInputError for `name` and `description`."""
    description = None if command.description is None else _checked_description(command.description)
    await lock_audience(tx, actor)
    name = None
    if command.name is not None:
        names = {one.key: one.name for one in await list_purposes(tx, actor)}
        name = changed_name(command.name, names.get(command.key), MAX_NAME_CHARACTERS)
    where = (actor.account_id, actor.audience_id, command.key)
    if await tx.fetchval(SQL["change_purpose"], *where, name, description, tx.now) is None:
        raise NotFoundError("purpose", f"The audience has no purpose {command.key[:100]!r}.")
    await mark_changed(tx, actor)
    detail = {"audience_id": actor.audience_id, "renamed": name is not None}
    await audit.record(tx, actor, "purpose.change", command.key, detail)


def _checked_description(given: str) -> str:
    if len(given) > MAX_DESCRIPTION_CHARACTERS or "\0" in given:
        raise InvalidInputError("description", f"A text has at most {MAX_DESCRIPTION_CHARACTERS} characters.")
    return given


async def list_purposes(tx: Tx, actor: Actor) -> list[Purpose]:
    """List the audience's purposes in the order of their making."""
    rows = await tx.fetch(SQL["list_purposes"], actor.account_id, actor.audience_id)
    return [Purpose(**dict(row.items())) for row in rows]


def same_purpose(key: str, known: Collection[str]) -> str:
    """Return the key of `known` that is the same purpose, whatever its case, or the key itself."""
    if key in known:
        return key
    return next((one for one in sorted(known) if one.casefold() == key.casefold()), key)


async def known_purposes(tx: Tx, actor: Actor) -> set[str]:
    """Return the keys of the audience's purposes."""
    return {one.key for one in await list_purposes(tx, actor)}


async def stored_consents(tx: Tx, actor: Actor, contact_ids: Sequence[int]) -> Mapping[ConsentKey, Record]:
    """Return the consents of contacts: granted, given_at, source and actor."""
    rows = await tx.fetch(SQL["consents_of"], actor.account_id, actor.audience_id, contact_ids)
    return {(row["contact_id"], row["purpose"], Channel(row["channel"])): row for row in rows}


async def require_purposes(tx: Tx, actor: Actor, changes: Sequence[ConsentChange]) -> None:
    """Raise NotFoundError for a `purpose` that the audience, which must be locked, doesn't have."""
    known = await known_purposes(tx, actor) if changes else set[str]()
    for change in changes:
        if change.purpose not in known:
            raise NotFoundError("purpose", f"The audience has no purpose {change.purpose[:100]!r}.")


async def write_consents(
    tx: Tx,
    actor: Actor,
    changes: Mapping[ConsentKey, bool | None],
    *,
    new: Collection[int] = (),
    origins: Mapping[ConsentKey, ConsentOrigin] = NO_ORIGINS,
) -> None:
    """Set and take back consents of a locked audience's contacts, which are changed by it; None takes back.

    The audience must have the purposes. `new` are contacts that were made just now. `origins` are those that were not
    given now and by the actor.
    """
    if (await lock_audience(tx, actor, after_uploads=False)).removed_channels:
        new = ()  # They may have got the refusals of removed contacts.
    copied, given = dict[ConsentKey, bool](), dict[ConsentKey, bool]()
    taken_back = list[ConsentKey]()
    for key, granted in changes.items():
        if granted is None:
            taken_back.append(key)
        elif key[0] in new:
            copied[key] = granted
        else:
            given[key] = granted
    if len(copied) <= _FEW:
        given |= copied
        copied = {}
    if copied:
        await tx.copy_csv("consent", _COLUMNS, [_csv(tx, actor, copied, origins)])
    where, usual = (actor.account_id, actor.audience_id), (tx.now, actor.source, actor.name)
    changed: set[int] = set()
    if given:
        flags = one_text(str(granted) for granted in given.values())
        times, sources, names = zip(*(origins.get(key, usual) for key in given), strict=True)
        origin = (list(times), list(sources), list(names))
        rows = await tx.fetch(SQL["set_consents"], *where, *_columns(given), flags, *origin)
        changed |= {row["contact_id"] for row in rows}
    if taken_back:
        rows = await tx.fetch(SQL["remove_consents"], *where, *_columns(taken_back))
        changed |= {row["contact_id"] for row in rows}
    if changed:
        await tx.execute(SQL["mark_contacts_changed"], *where, tx.now, sorted(changed))


def _columns(keys: Collection[ConsentKey]) -> tuple[str, str, str]:
    contact_ids = one_text(str(contact_id) for contact_id, _, _ in keys)
    return contact_ids, one_text(purpose for _, purpose, _ in keys), one_text(channel for _, _, channel in keys)


def _csv(
    tx: Tx, actor: Actor, consents: Mapping[ConsentKey, bool], origins: Mapping[ConsentKey, ConsentOrigin]
) -> bytes:
    """Write lines to load; keys and channels have nothing in them that CSV would quote."""
    usual = _csv_end((tx.now, actor.source, actor.name))
    ends = {key: _csv_end(origin) for key, origin in origins.items()}
    head = f"{actor.account_id},{actor.audience_id},"
    return "".join(
        [f"{head}{key[0]},{key[1]},{key[2]},{granted},{ends.get(key, usual)}" for key, granted in consents.items()]
    ).encode()


def _csv_end(origin: ConsentOrigin) -> str:
    tail = StringIO()
    moment, source, name = origin
    csv.writer(tail, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow([moment.isoformat(), source, name])
    return tail.getvalue()
