"""Carriers as an operator configures them: created, listed, paused, resumed, deleted. `running` runs them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

import msgspec
from asyncpg import Record

from carillon.carriers.registry import CarrierConfig, check_carrier
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.ids import AccountId
from carillon.kit.names import checked_name
from carillon.routing.owners import Caller, audited_as, owner_of
from carillon.tenancy import audit
from carillon.tenancy.accounts import Operator
from carillon.tenancy.secrets import SealedSecret, SecretBox

SQL = load_statements("carillon.routing", "carriers.sql")

CARRIERS = "carriers"
"""The topic of carriers that were created or changed; its keys are their ids."""

CHANNELS = ("sms", "im", "email", "voice")

SENDER_RATE = "sender_per_second"
"""The option of carriers of every kind that limits what each sender may send in a second."""

MAX_NAME_CHARACTERS = 100
MAX_PER_SECOND = 1_000_000
_MAX_ID_DIGITS = 16

_NO_RATE = "A rate is a number of messages per second above 0; leave it out for none."
_decode_options = msgspec.json.Decoder(dict[str, str]).decode


class CarrierState(StrEnum):
    """Whether a carrier takes messages. A deleted one is kept, as messages name it, and is found by nobody."""

    ACTIVE = "active"
    PAUSED = "paused"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """A carrier's row. `account_id` 0: every account may be routed to it; `per_second` None: as many as it takes."""

    account_id: AccountId
    carrier_id: int
    name: str
    kind: str
    channel: str
    url: str
    options: Mapping[str, str]
    has_secret: bool
    per_second: float | None
    state: CarrierState
    created_at: datetime

    @property
    def binds(self) -> int:
        """How many connections it may have, in all processes together; 0 of a kind that doesn't count them."""
        return int(self.options.get("binds", "1"), 0) if self.kind == "smpp" else 0

    @property
    def is_leased(self) -> bool:
        """Whether processes share it out: its connections, or its rate."""
        return self.binds > 0 or self.per_second is not None

    @property
    def sender_per_second(self) -> float | None:
        """How many messages of one sender it takes in a second."""
        given = self.options.get(SENDER_RATE)
        return None if given is None else float(given)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCarrier:
    """Make a carrier of the caller's account, or of everybody. `per_second` is its limit of messages in a second.

    Every kind takes the option `sender_per_second`, the same limit for each sender; the others are its kind's.
    """

    name: str
    kind: str
    channel: str
    url: str
    options: Mapping[str, str] = field(default_factory=dict)
    secret: str | None = field(default=None, repr=False)
    per_second: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListCarriers:
    """Ask for the carriers that the caller may name in routes; an operator sees those of all accounts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindCarrier:
    """Name a carrier by its name, or by its id in digits."""

    named: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetCarrierState:
    """Pause, resume or delete a carrier, named as in `FindCarrier`."""

    named: str
    state: CarrierState


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnableCarrier:
    """A carrier with what running it takes."""

    carrier: Carrier
    sealed_secret: bytes | None = field(repr=False)

    @property
    def secret(self) -> SealedSecret | None:
        """Its secret, which only the secret key opens."""
        context = _seal_context(self.carrier.account_id, self.carrier.carrier_id)
        return None if self.sealed_secret is None else SealedSecret(sealed=self.sealed_secret, context=context)

    def config(self, box: SecretBox) -> CarrierConfig:
        """Return what the carrier is made of, its secret opened. Raises SecretKeyError."""
        carrier, secret = self.carrier, self.secret
        return CarrierConfig(
            carrier_id=carrier.carrier_id,
            kind=carrier.kind,
            url=carrier.url,
            options=_of_kind(carrier.options),
            secret=None if secret is None else box.open(secret.sealed, context=secret.context),
        )


async def create_carrier(tx: Tx, caller: Caller, command: CreateCarrier, box: SecretBox) -> Carrier:
    """Make a carrier, active at once. Its secret is sealed in `box`.

    Raises InvalidInputError for `name` (blank, over 100 characters, only digits, or taken), `kind`, `channel`,
    `per_second`, `url` (also with a password in it), `option` and `secret` (`check_carrier`).
    """
    name = _checked(command)
    carrier_id = (await tx.ids.take("carrier"))[0]
    config = CarrierConfig(
        carrier_id=carrier_id,
        kind=command.kind,
        url=command.url,
        options=_of_kind(command.options),
        secret=command.secret,
    )
    check_carrier(config, command.channel)
    carrier = Carrier(
        account_id=owner_of(caller),
        carrier_id=carrier_id,
        name=name,
        kind=command.kind,
        channel=command.channel,
        url=command.url,
        options=dict(command.options),
        has_secret=bool(command.secret),
        per_second=command.per_second,
        state=CarrierState.ACTIVE,
        created_at=tx.real_now,
    )
    context = _seal_context(carrier.account_id, carrier.carrier_id)
    made = await tx.fetchval(
        SQL["create_carrier"],
        carrier.account_id,
        carrier.carrier_id,
        name,
        name.casefold(),
        carrier.kind,
        carrier.channel,
        carrier.url,
        msgspec.json.encode(carrier.options).decode(),
        box.seal(command.secret, context=context) if command.secret else None,
        carrier.per_second,
        carrier.created_at,
    )
    if made is None:
        raise InvalidInputError("name", f"There is a carrier {name!r} already: delete that one, or take another name.")
    detail = {
        "kind": carrier.kind,
        "channel": carrier.channel,
        "options": sorted(carrier.options),
        "has_secret": carrier.has_secret,
        "per_second": carrier.per_second,
    }
    await audit.record(tx, audited_as(caller, carrier.account_id), "carrier.create", carrier.carrier_id, detail)
    tx.wakes(CARRIERS, carrier.carrier_id)
    return carrier


async def list_carriers(tx: Tx, caller: Caller, _query: ListCarriers) -> list[Carrier]:
    """List carriers that are not deleted: everybody's first, then by account and id."""
    return [_carrier(row) for row in await tx.fetch(SQL["list_carriers"], _account_filter(caller))]


async def find_carrier(tx: Tx, caller: Caller, query: FindCarrier) -> Carrier:
    """Find a carrier that the caller may name in routes, by name or id; of two by one name its account's own.

    An operator finds by name what is everybody's, and by id those of all accounts. Raises NotFoundError for `carrier`.
    """
    named = query.named.strip()
    if named.isascii() and named.isdecimal():
        carrier_id = int(named) if len(named) <= _MAX_ID_DIGITS else 0
        row = await tx.fetchrow(SQL["find_by_id"], _account_filter(caller), carrier_id)
    else:
        row = await tx.fetchrow(SQL["find_by_name"], owner_of(caller), named.casefold())
    if row is None:
        raise NotFoundError("carrier", f"There is no carrier {named!r} here. All are listed by: carillon carrier list")
    return _carrier(row)


async def set_carrier_state(tx: Tx, caller: Caller, command: SetCarrierState) -> Carrier:
    """Pause, resume or delete a carrier; processes follow within a second. Its present state changes nothing.

    What waits for a paused or deleted carrier goes to the next one of its route; while none of a route is active, it
    waits. An account's actor changes its own carriers only. Raises NotFoundError for `carrier`, InvalidInputError for
    `carrier`: a deleted one may be in no route.
    """
    found = await find_carrier(tx, caller, FindCarrier(named=command.named))
    if not isinstance(caller, Operator) and found.account_id != caller.account_id:
        raise NotFoundError("carrier", f"Carrier {found.name!r} is everybody's, not account {caller.account_id}'s.")
    state = await tx.fetchval(SQL["lock_carrier"], found.account_id, found.carrier_id)
    if state == CarrierState.DELETED:
        raise NotFoundError("carrier")
    if state == command.state:
        return found
    if command.state is CarrierState.DELETED:
        await _require_no_route(tx, found)
    await tx.execute(SQL["set_state"], found.account_id, found.carrier_id, command.state)
    detail = {"from": state, "to": command.state}
    await audit.record(tx, audited_as(caller, found.account_id), "carrier.state", found.carrier_id, detail)
    tx.wakes(CARRIERS, found.carrier_id)
    return replace(found, state=command.state)


async def carriers_to_run(tx: Tx) -> list[RunnableCarrier]:
    """List the active carriers of all accounts, in the order of their ids."""
    rows = await tx.fetch(SQL["carriers_to_run"])
    return [RunnableCarrier(carrier=_carrier(row), sealed_secret=row["sealed_secret"]) for row in rows]


async def resting_carriers(tx: Tx) -> list[int]:
    """List the carriers that are paused or deleted: messages that are routed to them look for others."""
    return [row["carrier_id"] for row in await tx.fetch(SQL["resting_carriers"])]


async def carrier_to_run(tx: Tx, caller: Caller, query: FindCarrier) -> RunnableCarrier:
    """Find a carrier as `find_carrier` does, with its sealed secret. Raises NotFoundError for `carrier`."""
    carrier = await find_carrier(tx, caller, query)
    sealed = await tx.fetchval(SQL["sealed_secret"], carrier.account_id, carrier.carrier_id)
    return RunnableCarrier(carrier=carrier, sealed_secret=sealed)


async def http_options(tx: Tx, carrier_id: int) -> Mapping[str, str] | None:
    """Return the options of an HTTP carrier, by which its provider's calls are read; None where there is none."""
    text: str | None = await tx.fetchval(SQL["http_options"], carrier_id)
    return None if text is None else _of_kind(_decode_options(text))


def _checked(command: CreateCarrier) -> str:
    """Check what every kind has in common, and return the name without the blanks around it."""
    name = checked_name(command.name, MAX_NAME_CHARACTERS)
    if name.isdecimal():
        raise InvalidInputError("name", "A carrier's name has more than digits, which would be read as an id.")
    if command.channel not in CHANNELS:
        raise InvalidInputError("channel", f"{command.channel!r} is no channel; there are {', '.join(CHANNELS)}.")
    if command.per_second is not None and not _is_rate(command.per_second):
        raise InvalidInputError("per_second", _NO_RATE)
    _check_sender_rate(command.options.get(SENDER_RATE))
    if _has_password(command.url):
        raise InvalidInputError("url", "A password doesn't belong in the URL: give it as the carrier's secret.")
    return name


def _check_sender_rate(given: str | None) -> None:
    try:
        is_rate = given is None or _is_rate(float(given))
    except ValueError:
        is_rate = False
    if not is_rate:
        raise InvalidInputError("option", f"{SENDER_RATE}: {_NO_RATE}")


def _is_rate(number: float) -> bool:
    return math.isfinite(number) and 0 < number <= MAX_PER_SECOND


def _of_kind(options: Mapping[str, str]) -> dict[str, str]:
    """Return the options that a carrier's kind reads."""
    return {name: value for name, value in options.items() if name != SENDER_RATE}


def _has_password(url: str) -> bool:
    try:
        return urlsplit(url).password is not None
    except ValueError:
        return False  # `check_carrier` says what is wrong with it


async def _require_no_route(tx: Tx, carrier: Carrier) -> None:
    routes = [row["route_id"] for row in await tx.fetch(SQL["routes_with_carrier"], carrier.carrier_id)]
    if routes:
        raise InvalidInputError(
            "carrier",
            f"Carrier {carrier.name!r} is in route {', '.join(map(str, routes))}: delete that first, with: "
            f"carillon route delete {routes[0]}",
        )


def _seal_context(account_id: int, carrier_id: int) -> str:
    return f"carrier {account_id}/{carrier_id}"


def _account_filter(caller: Caller) -> AccountId | None:
    return None if isinstance(caller, Operator) else caller.account_id


def _carrier(row: Record) -> Carrier:
    return Carrier(
        account_id=AccountId(row["account_id"]),
        carrier_id=row["carrier_id"],
        name=row["name"],
        kind=row["kind"],
        channel=row["channel"],
        url=row["url"],
        options=_decode_options(row["options"]),
        has_secret=row["has_secret"],
        per_second=row["per_second"],
        state=CarrierState(row["state"]),
        created_at=row["created_at"],
    )
