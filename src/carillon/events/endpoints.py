"""Endpoints: where events are told to, one for each dialect, purpose and URL; and which URLs may be one."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Address
from uuid import UUID

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId
from carillon.kit.networks import Network
from carillon.outbound.addresses import AddressGuard
from carillon.outbound.exchange import OutboundError
from carillon.outbound.urls import read_target

SQL = load_statements("carillon.events", "endpoints.sql")

MAX_URL_CHARACTERS = 2_048
MAX_COUNTED = 100_000
"""So many callbacks of an endpoint are counted in a list; more are as many."""

_MAX_REMEMBERED = 10_000
# An endpoint that is older was committed, whatever becomes of the transaction that has found it.
_COMMITTED_AFTER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where callbacks go, and how it stands: `failures` attempts have failed since one succeeded.

    `due_at` (the account's time) is when the next attempt is made; None where nothing waits. `waiting_since` and
    `http_status`, the last answer that it got, are of the callback that is next.
    """

    endpoint_id: int
    dialect: str
    purpose: str
    url: str = field(repr=False)
    created_at: datetime
    failures: int
    due_at: datetime | None
    waiting: int
    failed: int
    waiting_since: datetime | None
    http_status: int | None


class _KnownEndpoints:
    """Ids of endpoints that this process has found."""

    def __init__(self) -> None:
        self._ids: dict[tuple[int, str, str, str], int] = {}

    def get(self, key: tuple[int, str, str, str]) -> int | None:
        return self._ids.get(key)

    def add(self, key: tuple[int, str, str, str], endpoint_id: int) -> None:
        if len(self._ids) >= _MAX_REMEMBERED:
            self._ids.clear()
        self._ids[key] = endpoint_id


async def endpoint_for(tx: Tx, account_id: AccountId, dialect: str, purpose: str, url: str) -> int:
    """Return the endpoint of a URL, made where there is none; transactions that make the same at once get one.

    `dialect` is whose shape its callbacks have, `purpose` what is told there (`status`, `reply` …). The URL has been
    checked (`check_callback_url`). A process remembers the endpoints that it has found.
    """
    known = tx.process_state(_KnownEndpoints)
    key = (account_id, dialect, purpose, url)
    if (endpoint_id := known.get(key)) is not None:
        return endpoint_id
    place = (account_id, dialect, purpose, _hash(url))
    found = await tx.fetchrow(SQL["find_endpoint"], *place)
    if found is None:
        (new_id,) = await tx.ids.take("callback_endpoint")
        made = await tx.fetchval(SQL["create_endpoint"], *place, new_id, url, tx.real_now)
        # Another transaction has made it and is committed by now: a statement of its own sees it.
        return int(made or await tx.fetchval(SQL["find_endpoint"], *place))
    if found["created_at"] < tx.real_now - _COMMITTED_AFTER:
        known.add(key, found["endpoint_id"])
    return int(found["endpoint_id"])


def check_callback_url(url: str, *, https_only: bool, allow: Iterable[Network], field: str = "callback_url") -> str:
    """Require a URL that callbacks may be told to, and return it.

    A literal address has to be public or in `allow` (the setting outbound_allow); a name is looked up when it is
    called. With `https_only` plain http is taken where the host is an address in `allow`, or localhost where that has
    127.0.0.1. Raises InvalidInputError for `field`.
    """
    if len(url) > MAX_URL_CHARACTERS:
        raise InvalidInputError(field, f"The URL has more than {MAX_URL_CHARACTERS} characters.")
    guard = AddressGuard(tuple(allow))
    try:
        target = read_target(url, guard)
    except OutboundError as error:
        raise InvalidInputError(field, str(error)) from None
    address = IPv4Address("127.0.0.1") if target.url.host == "localhost" else target.address
    if target.address is None and address is not None and not guard.permits(address):
        raise InvalidInputError(field, "The URL leads to an address that is neither public nor in outbound_allow.")
    if https_only and target.url.scheme != "https" and not (address is not None and guard.allows(address)):
        raise InvalidInputError(field, "The URL does not start with https://.")
    return url


async def list_endpoints(tx: Tx, actor: Actor) -> list[Endpoint]:
    """List the account's endpoints in the order in which they were made."""
    rows = await tx.fetch(SQL["list_endpoints"], actor.account_id, MAX_COUNTED)
    return [
        Endpoint(
            endpoint_id=row["endpoint_id"],
            dialect=row["dialect"],
            purpose=row["purpose"],
            url=row["url"],
            created_at=row["created_at"],
            failures=row["attempts"],
            due_at=row["due_at"],
            waiting=row["waiting"],
            failed=row["failed"],
            waiting_since=row["waiting_since"],
            http_status=row["http_status"],
        )
        for row in rows
    ]


def _hash(url: str) -> UUID:
    return UUID(bytes=hashlib.sha256(url.encode()).digest()[:16])
