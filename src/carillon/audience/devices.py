"""Devices: the push tokens of contacts."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from carillon.audience.counters import recounting
from carillon.audience.locks import lock_audience
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor

SQL = load_statements("carillon.audience", "devices.sql")

_Place = tuple[int, str, str | None]
"""A contact, a platform and an application, which have one token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredDevice:
    """A token of a contact; `platform` is android or ios, `application` is the caller's name for its app."""

    contact_id: int
    platform: str
    token: str = field(repr=False)
    application: str | None = None


async def register_devices(tx: Tx, actor: Actor, devices: Sequence[RegisteredDevice]) -> None:
    """Keep each contact's latest token for a platform and application; a token of another contact moves over."""
    if not devices:
        return
    await lock_audience(tx, actor)
    async with recounting(tx, actor, sorted(await concerned_by(tx, actor, devices))):
        await save_devices(tx, actor, devices)


async def concerned_by(tx: Tx, actor: Actor, devices: Sequence[RegisteredDevice]) -> set[int]:
    """Return the contacts that have the tokens or will have them: their shares in counters may change."""
    if not devices:
        return set()
    tokens = [one.token for one in devices]
    owners = await tx.fetch(SQL["owners_of_tokens"], actor.account_id, actor.audience_id, tokens)
    return {one.contact_id for one in devices} | {row["contact_id"] for row in owners}


async def save_devices(tx: Tx, actor: Actor, devices: Sequence[RegisteredDevice]) -> None:
    """Write devices, one after another, as `register_devices` does; the caller has locked the audience and recounts."""
    if not devices:
        return
    of_places: dict[_Place, RegisteredDevice] = {}
    places: dict[str, _Place] = {}
    for one in devices:
        place = (one.contact_id, one.platform, one.application)
        if place in of_places:
            del places[of_places.pop(place).token]
        if one.token in places:
            del of_places[places.pop(one.token)]
        of_places[place], places[one.token] = one, place
    latest = of_places.values()
    where = (actor.account_id, actor.audience_id)
    await tx.execute(SQL["replace_devices"], *where, *_columns(devices))
    await tx.execute(SQL["add_devices"], *where, *_columns(latest), tx.now)


def _columns(devices: Collection[RegisteredDevice]) -> tuple[list[Any], ...]:
    names = ("contact_id", "platform", "application", "token")
    return tuple([getattr(one, name) for one in devices] for name in names)


async def devices_of(tx: Tx, actor: Actor, contact_ids: Sequence[int]) -> list[RegisteredDevice]:
    """List the devices of contacts."""
    rows = await tx.fetch(SQL["devices_of"], actor.account_id, actor.audience_id, contact_ids)
    return [RegisteredDevice(**dict(row.items())) for row in rows]


async def owner_of_token(tx: Tx, actor: Actor, token: str) -> int | None:
    """Return the contact that has a token, or None."""
    rows = await tx.fetch(SQL["owners_of_tokens"], actor.account_id, actor.audience_id, [token])
    return rows[0]["contact_id"] if rows else None
