"""The queue of callbacks: endpoints are claimed under a lease, and what became of their callbacks is recorded.

What waits for an endpoint is delivered by one process at a time. `due_at` of an endpoint is set while anything waits
for it. Who appends sets it under the lock of the account's sequence (`log`), and it is taken away under the same lock,
so that nothing is left waiting unseen.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.events.facts import Place
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId, AudienceId
from carillon.workers.leases import valid_leases
from carillon.workers.shape import Claimed

SQL = load_statements("carillon.events", "queue.sql")

# Longer than two calls that time out: a call is begun only while the lease outlasts it.
LEASE = timedelta(seconds=30)


class LostLeaseError(Exception):
    """Another process has claimed the endpoint since."""


@dataclass(slots=True, kw_only=True)
class HeldEndpoint:
    """An endpoint that this process holds. `safe_until` is when the lease ends, by the monotonic clock.

    `failures` attempts have failed since one succeeded.
    """

    place: Place
    failures: int
    lease_attempt: int
    safe_until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldEndpoints(Claimed):
    """The endpoints of an account that this process holds, by id: more are claimed while some are delivered to."""

    actor: Actor
    endpoints: dict[int, HeldEndpoint]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What became of a callback: its new state, also `waiting`, and the attempts of its schedule that are over."""

    callback_id: UUID
    state: str
    attempts: int
    http_status: int | None = field(default=None)


async def accounts_with_callbacks(tx: Tx, dialects: Sequence[str]) -> list[AccountId]:
    """List the accounts that have endpoints of these dialects to claim."""
    rows = await tx.fetch(SQL["accounts_due"], *valid_leases(tx), dialects)
    return [AccountId(row["account_id"]) for row in rows]


async def claim_endpoints(tx: Tx, account_id: AccountId, dialects: Sequence[str], limit: int) -> HeldEndpoints | None:
    """Take the account's endpoints that are due longest; None where there are none, or other processes hold them."""
    began = time.monotonic()
    until = tx.real_now + LEASE
    rows = await tx.fetch(SQL["claim_endpoints"], account_id, *valid_leases(tx), until, limit, dialects)
    if not rows:
        return None
    endpoints = {
        row["endpoint_id"]: HeldEndpoint(
            place=Place(
                endpoint_id=row["endpoint_id"],
                dialect=row["dialect"],
                purpose=row["purpose"],
                url=row["url"],
                currency=row["currency"],
                time_zone=row["time_zone"],
            ),
            failures=row["attempts"],
            lease_attempt=row["lease_attempt"],
            safe_until=began + LEASE.total_seconds(),
        )
        for row in rows
    }
    offset = rows[0]["clock_offset"]
    return HeldEndpoints(
        account_id=account_id,
        clock_offset=offset,
        work_id=tx.new_uuid(),
        attempt=1,
        due_at=min(row["due_at"] for row in rows),
        # The account's own share of connections, not the process's, which authenticates callers.
        actor=Actor(
            account_id=account_id,
            audience_id=AudienceId(0),
            name="callbacks",
            source="worker",
            country="",
            clock_offset=offset,
        ),
        endpoints=endpoints,
    )


async def renew_leases(tx: Tx, held: HeldEndpoints) -> None:
    """Hold endpoints for as long again."""
    began = time.monotonic()
    endpoints = dict(held.endpoints)
    renewed = await tx.fetch(SQL["renew_leases"], held.account_id, *_claims(endpoints), tx.real_now + LEASE)
    for row in renewed:
        endpoints[row["endpoint_id"]].safe_until = began + LEASE.total_seconds()


async def release_endpoints(tx: Tx, held: HeldEndpoints, not_before: datetime | None = None) -> None:
    """Release endpoints whose callbacks still wait, until a moment of the account's time."""
    await tx.fetch(SQL["release_endpoints"], held.account_id, *_claims(held.endpoints), not_before)


async def release_endpoint(tx: Tx, actor: Actor, endpoint: HeldEndpoint) -> None:
    """Release one endpoint, which is due at once."""
    claim = ([endpoint.place.endpoint_id], [endpoint.lease_attempt])
    await tx.fetch(SQL["release_endpoints"], actor.account_id, *claim, None)


def _claims(endpoints: dict[int, HeldEndpoint]) -> tuple[list[int], list[int]]:
    return list(endpoints), [one.lease_attempt for one in endpoints.values()]


async def record_callbacks(tx: Tx, actor: Actor, endpoint: HeldEndpoint, ended: Sequence[Ended]) -> None:
    """Record what became of callbacks, and hold the endpoint for as long again. Raises LostLeaseError."""
    began = time.monotonic()
    held = (actor.account_id, endpoint.place.endpoint_id, endpoint.lease_attempt)
    if not await tx.fetchval(SQL["hold_endpoint"], *held, endpoint.failures, tx.real_now + LEASE):
        raise LostLeaseError
    await _record(tx, actor, ended)
    endpoint.safe_until = began + LEASE.total_seconds()


async def record_failure(
    tx: Tx, actor: Actor, endpoint: HeldEndpoint, ended: Sequence[Ended], due_at: datetime
) -> None:
    """Record what became of callbacks, and release the endpoint until its next attempt. Raises LostLeaseError."""
    held = (actor.account_id, endpoint.place.endpoint_id, endpoint.lease_attempt)
    if not await tx.fetchval(SQL["reschedule_endpoint"], *held, endpoint.failures, due_at):
        raise LostLeaseError
    await _record(tx, actor, ended)


async def end_endpoint(tx: Tx, actor: Actor, endpoint: HeldEndpoint) -> bool:
    """Release an endpoint for which nothing waits; False where something does, or is being appended."""
    if not await tx.fetchval(SQL["lock_sequence"], actor.account_id):
        return False
    # A statement of its own: it sees what was committed before the lock.
    held = (actor.account_id, endpoint.place.endpoint_id, endpoint.lease_attempt)
    return bool(await tx.fetchval(SQL["end_endpoint"], *held))


async def _record(tx: Tx, actor: Actor, ended: Sequence[Ended]) -> None:
    if not ended:
        return
    ids = [one.callback_id for one in ended]
    states, attempts = [one.state for one in ended], [one.attempts for one in ended]
    statuses = [one.http_status for one in ended]
    await tx.fetch(
        SQL["record_callbacks"], actor.account_id, ids, states, attempts, statuses, min(ids), max(ids), tx.now
    )
