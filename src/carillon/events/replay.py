"""Replay: callbacks that failed wait again, or all events after a number are told from the log."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from asyncpg import Record

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError, NotFoundError
from carillon.events.log import CALLBACKS_DUE
from carillon.kit.actor import Actor

SQL = load_statements("carillon.events", "replay.sql")

# What stands in a UUIDv7 before the random bits: its time, its version and its variant.
_RANDOM_BITS = 62
_RANDOM_MASK = (1 << _RANDOM_BITS) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Tell callbacks of events after a number again, `limit` at most.

    Those that have failed for good, of one endpoint or of all. With `everything` also what was delivered or skipped,
    and events that were never told: to the endpoint, which has to be named then, and of its dialect's sendings.
    """

    after: int
    endpoint_id: int | None = None
    everything: bool = False
    limit: int = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """How many callbacks wait again, and the event to go on after; None where there are no more."""

    callbacks: int
    go_on_after: int | None


async def replay(tx: Tx, actor: Actor, command: Replay) -> Replayed:
    """Make callbacks wait again, with their whole schedule before them; they are told in the order of their events.

    They go before what waits at their endpoint with larger numbers. What waits already is left as it is, so it can be
    run twice. Raises NotFoundError for an endpoint that the account doesn't have, InvalidInputError for `endpoint_id`
    where everything is to be told and none is named.
    """
    if command.everything and command.endpoint_id is None:
        raise InvalidInputError("endpoint_id", "All events are told to one endpoint: name it.")
    dialect = None
    if command.endpoint_id is not None:
        found = await tx.fetchrow(SQL["endpoint_of_account"], actor.account_id, command.endpoint_id)
        if found is None:
            raise NotFoundError("endpoint")
        dialect = found["dialect"]
    await tx.fetchval(SQL["lock_sequence"], actor.account_id)
    if command.everything:
        return await _tell_log(tx, actor, command, dialect)
    rows = await tx.fetch(
        SQL["failed_again"], actor.account_id, command.after, command.endpoint_id, command.limit, tx.now
    )
    await _make_due(tx, actor, sorted({row["endpoint_id"] for row in rows}))
    # The last event may have failed for more endpoints than there was room for.
    is_last = len(rows) < command.limit
    return Replayed(callbacks=len(rows), go_on_after=None if is_last else _last(rows) - 1)


async def _tell_log(tx: Tx, actor: Actor, command: Replay, dialect: str | None) -> Replayed:
    endpoint_id = command.endpoint_id
    events = await tx.fetch(SQL["events_to_tell"], actor.account_id, command.after, command.limit, dialect, endpoint_id)
    ids = [_callback_id(row, endpoint_id) for row in events]
    sequences, event_ids = [row["sequence"] for row in events], [row["event_id"] for row in events]
    again = await tx.fetch(SQL["tell_again"], actor.account_id, ids, sequences, event_ids, endpoint_id, tx.now)
    await _make_due(tx, actor, [endpoint_id] if again else [])
    return Replayed(callbacks=len(again), go_on_after=None if len(events) < command.limit else _last(events))


def _callback_id(event: Record, endpoint_id: int | None) -> UUID:
    """Return the id of an event's callback: the event's own where it was first told there, or one made of both.

    So an event has one callback for an endpoint, whatever number of times it is replayed, and of the event's day.
    """
    event_id: UUID = event["event_id"]
    if event["first_endpoint_id"] in {None, endpoint_id}:
        return event_id
    digest = hashlib.sha256(event_id.bytes + str(endpoint_id).encode()).digest()
    return UUID(int=event_id.int & ~_RANDOM_MASK | int.from_bytes(digest[:8], "big") & _RANDOM_MASK)


async def _make_due(tx: Tx, actor: Actor, endpoint_ids: Sequence[int | None]) -> None:
    if endpoint_ids:
        await tx.fetch(SQL["make_due"], actor.account_id, endpoint_ids, tx.now)
        tx.wakes(CALLBACKS_DUE, actor.account_id)


def _last(rows: Sequence[Record]) -> int:
    return max(int(row["sequence"]) for row in rows)
