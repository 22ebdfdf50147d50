"""Routes: which carriers take which traffic, in which order. How one is chosen among several is in `choice`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from asyncpg import Record

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.ids import AccountId
from carillon.kit.traffic import TrafficClass
from carillon.routing.carriers import CHANNELS
from carillon.routing.owners import Caller, audited_as, owner_of
from carillon.tenancy import audit
from carillon.tenancy.accounts import Operator

SQL = load_statements("carillon.routing", "routes.sql")

ROUTES = "routes"
"""The topic of routes that were added or deleted; its keys are their accounts."""

MAX_CARRIERS = 20
MAX_SENDER_CHARACTERS = 100
_MAX_ID_DIGITS = 16
_PREFIX = re.compile(r"[1-9][0-9]{0,14}|")
_CHANNELS_WITH_NUMBERS = {"sms", "im", "voice"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route as it may be shown; `carriers` are names, in the order in which they are tried."""

    account_id: AccountId
    route_id: int
    channel: str
    prefix: str
    sender: str | None
    traffic_class: TrafficClass | None
    carriers: Sequence[str]
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AddRoute:
    """Send a channel's traffic over carriers, named by name or id, the first of them that can take it.

    It is for the caller's account, or for every account that has none of its own that fits. `prefix` is the digits that
    an address begins with, "" for any; `sender` and `traffic_class` None are any.
    """

    channel: str
    carriers: Sequence[str]
    prefix: str = ""
    sender: str | None = None
    traffic_class: TrafficClass | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRoutes:
    """Ask for the routes that the account's traffic may take; an operator sees those of all accounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteRoute:
    """Delete a route for good."""

    route_id: int


async def add_route(tx: Tx, caller: Caller, command: AddRoute) -> Route:
    """Add a route; what is accepted from then on takes it.

    Raises InvalidInputError for `channel`, `prefix` (digits, of a channel of phones), `sender`, `carriers` (none, too
    many, one twice, of another channel) and `route` (there is one for the same traffic), NotFoundError for `carrier`.
    """
    if command.channel not in CHANNELS:
        raise InvalidInputError("channel", f"{command.channel!r} is no channel; there are {', '.join(CHANNELS)}.")
    owner = owner_of(caller)
    prefix, sender = _checked_prefix(command), _checked_sender(command.sender)
    carriers = await _carriers(tx, owner, command)
    same = await tx.fetchval(SQL["find_same"], owner, command.channel, prefix, sender, command.traffic_class)
    if same is not None:
        raise InvalidInputError(
            "route", f"Route {same} is for the same traffic. Delete it first, with: carillon route delete {same}"
        )
    route = Route(
        account_id=owner,
        route_id=(await tx.ids.take("route"))[0],
        channel=command.channel,
        prefix=prefix,
        sender=sender,
        traffic_class=command.traffic_class,
        carriers=[row["name"] for row in carriers],
        created_at=tx.real_now,
    )
    carrier_ids = [row["carrier_id"] for row in carriers]
    await tx.execute(
        SQL["add_route"],
        owner,
        route.route_id,
        route.channel,
        prefix,
        sender,
        route.traffic_class,
        carrier_ids,
        route.created_at,
    )
    detail = {"channel": route.channel, "prefix": prefix, "class": route.traffic_class, "carriers": carrier_ids}
    await audit.record(tx, audited_as(caller, owner), "route.add", route.route_id, detail)
    tx.wakes(ROUTES, owner)
    return route


async def list_routes(tx: Tx, caller: Caller, _query: ListRoutes) -> list[Route]:
    """List routes: everybody's first, then by account and channel, in the order of their making."""
    rows = await tx.fetch(SQL["list_routes"], None if isinstance(caller, Operator) else caller.account_id)
    return [_route(row) for row in rows]


async def delete_route(tx: Tx, caller: Caller, command: DeleteRoute) -> None:
    """Delete a route; an account's actor only one of its account's. Raises NotFoundError for `route`."""
    account_id = None if isinstance(caller, Operator) else caller.account_id
    row = await tx.fetchrow(SQL["delete_route"], account_id, command.route_id)
    if row is None:
        raise NotFoundError(
            "route", f"There is no route {command.route_id} here. All are listed by: carillon route list"
        )
    owner = AccountId(row["account_id"])
    await audit.record(tx, audited_as(caller, owner), "route.delete", command.route_id, {"channel": row["channel"]})
    tx.wakes(ROUTES, owner)


def _checked_prefix(command: AddRoute) -> str:
    prefix = command.prefix.strip().removeprefix("+")
    if not _PREFIX.fullmatch(prefix):
        raise InvalidInputError(
            "prefix", f"{command.prefix!r} is not how an international number begins: 972, 97252, 30 …"
        )
    if prefix and command.channel not in _CHANNELS_WITH_NUMBERS:
        raise InvalidInputError("prefix", f"Addresses of channel {command.channel} are no numbers: leave it out.")
    return prefix


def _checked_sender(given: str | None) -> str | None:
    if given is None:
        return None
    sender = given.strip()
    if not 0 < len(sender) <= MAX_SENDER_CHARACTERS or not sender.isprintable():
        raise InvalidInputError("sender", f"A sender has 1 to {MAX_SENDER_CHARACTERS} characters.")
    return sender


async def _carriers(tx: Tx, owner: AccountId, command: AddRoute) -> list[Record]:
    named = [one.strip().casefold() for one in command.carriers]
    if not 0 < len(named) <= MAX_CARRIERS:
        raise InvalidInputError("carriers", f"A route has 1 to {MAX_CARRIERS} carriers.")
    numbers = [int(one) for one in named if one.isascii() and one.isdecimal() and len(one) <= _MAX_ID_DIGITS]
    rows = await tx.fetch(SQL["named_carriers"], owner, named, numbers)
    # Sorted by account: an account's own comes later, and replaces everybody's of the same name.
    known = {str(row["carrier_id"]): row for row in rows} | {row["name_key"]: row for row in rows}
    found: list[Record] = []
    for name, given in zip(named, command.carriers, strict=True):
        row = known.get(name)
        if row is None:
            whose = "every account" if not owner else f"account {owner}"
            raise NotFoundError(
                "carrier", f"There is no carrier {given!r} for {whose}. All are listed by: carillon carrier list"
            )
        if row["channel"] != command.channel:
            raise InvalidInputError("carriers", f"Carrier {given!r} is of channel {row['channel']}.")
        found.append(row)
    if len({row["carrier_id"] for row in found}) < len(found):
        raise InvalidInputError("carriers", "A carrier is named twice.")
    return found


def _route(row: Record) -> Route:
    return Route(
        account_id=AccountId(row["account_id"]),
        route_id=row["route_id"],
        channel=row["channel"],
        prefix=row["prefix"],
        sender=row["sender"],
        traffic_class=None if row["traffic_class"] is None else TrafficClass(row["traffic_class"]),
        carriers=list(row["carriers"]),
        created_at=row["created_at"],
    )
