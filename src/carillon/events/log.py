"""The event log: what happened in an account, numbered from 1 in the order in which it was committed.

The row of `event_sequence` is locked from the moment when a transaction takes its numbers to its commit. So numbers
become visible in their order and without a gap, and a reader who has read up to a number has missed none below it.
Events go with the partitions of their days; their numbers are never given again.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import repeat
from uuid import UUID

import msgspec
from asyncpg import Record

from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId

SQL = load_statements("carillon.events", "log.sql")

CALLBACKS_DUE = "callbacks_due"
"""The topic of endpoints that callbacks wait for; its keys are their accounts."""

EVENTS_APPENDED = "events_appended"
"""The topic of new events; its keys are their accounts."""

_FOLLOWED_AT_ONCE = 1_000
_FOLLOW_SECONDS = 0.5
# Up to so many rows one statement is quicker than COPY.
_FEW = 100
_COLUMNS = ("shard_key", "event_id", "sequence", "at", "kind", "sending_id", "message_id", "data")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, object]).decode


class NewEvent(msgspec.Struct, kw_only=True, gc=False):
    """A fact to be written: `kind` is a message's new state, or `excluded`, `reply`, `unsubscribed`.

    `at` is when it happened, in the account's time. `data` is what JSON can hold. `endpoint_id` is the endpoint that it
    is told to (`endpoints.endpoint_for`); None where it is told to nobody.

    It is made for each: hence a struct, which takes a third of a dataclass's time, and isn't tracked by the garbage
    collector.
    """

    kind: str
    at: datetime
    sending_id: UUID | None = None
    message_id: UUID | None = None
    data: Mapping[str, object] | None = None
    endpoint_id: int | None = None

    def __repr__(self) -> str:
        """Name it, without its data."""
        return f"NewEvent(kind={self.kind!r}, message_id={self.message_id})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A fact, with its number in its account's sequence."""

    sequence: int
    event_id: UUID
    at: datetime
    kind: str
    sending_id: UUID | None
    message_id: UUID | None
    data: Mapping[str, object] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadEvents:
    """Ask for the events after a number, in the order of their numbers."""

    after: int = 0
    limit: int = 1_000


async def append_events(
    tx: Tx, account_id: AccountId, events: Sequence[NewEvent], *, event_ids: Sequence[UUID] | None = None
) -> int:
    """Write events in their order, and a callback for each that has an endpoint. Returns the number of the last one.

    `event_ids` are theirs where the caller has made them (`Tx.new_uuids`): an id that is there is refused.

    The account's other transactions that append wait from here to the commit: it is called last in a transaction, and
    once. Rows that are locked before it must not be locked by anybody behind it.
    """
    if not events:
        last = await tx.fetchval(SQL["last_sequence"], account_id)
        return int(last or 0)
    ids = tx.new_uuids(len(events)) if event_ids is None else event_ids
    data = [_encode(event.data).decode() if event.data else None for event in events]
    ats, kinds = [event.at for event in events], [event.kind for event in events]
    sendings, messages = [event.sending_id for event in events], [event.message_id for event in events]
    last = int(await tx.fetchval(SQL["take_sequence"], account_id, len(events)))
    before = last - len(events)
    if len(events) <= _FEW:
        await tx.fetch(SQL["insert_events"], account_id, before, ids, ats, kinds, sendings, messages, data)
    else:
        columns = (repeat(account_id), ids, range(before + 1, last + 1), ats, kinds, sendings, messages, data)
        await tx.copy_records("event", _COLUMNS, list(zip(*columns, strict=False)))
    tx.wakes(EVENTS_APPENDED, account_id)
    called_back = [
        (event_id, event.endpoint_id, sequence)
        for sequence, (event_id, event) in enumerate(zip(ids, events, strict=True), before + 1)
        if event.endpoint_id is not None
    ]
    if called_back:
        event_ids, endpoints, sequences = zip(*called_back, strict=True)
        await tx.fetch(SQL["insert_callbacks"], account_id, event_ids, endpoints, sequences, tx.now)
        await tx.fetch(SQL["make_due"], account_id, sorted(set(endpoints)), tx.now)
        tx.wakes(CALLBACKS_DUE, account_id)
    return last


async def read_events(tx: Tx, actor: Actor, command: ReadEvents) -> list[Event]:
    """Read events after a number; an empty list where there is none yet.

    Numbers are missing at the beginning only, where the retention has dropped their events.
    """
    rows = await tx.fetch(SQL["read_events"], actor.account_id, command.after, command.limit)
    return [_event(row) for row in rows]


async def last_sequence(tx: Tx, actor: Actor) -> int:
    """Return the number of the account's latest event, 0 where it has none."""
    return int(await tx.fetchval(SQL["last_sequence"], actor.account_id) or 0)


async def follow(db: Database, actor: Actor, after: int) -> AsyncIterator[list[Event]]:
    """Yield events after a number as they are committed, in lists that are never empty, without an end.

    Where nothing wakes this process (another one appends) it looks every half second.
    """
    with db.topics.listen(EVENTS_APPENDED, str(actor.account_id)) as listener:
        while True:
            found = await db.read(read_events, actor, ReadEvents(after=after, limit=_FOLLOWED_AT_ONCE))
            if found:
                after = found[-1].sequence
                yield found
            else:
                await listener.wait(_FOLLOW_SECONDS)


def _event(row: Record) -> Event:
    return Event(
        sequence=row["sequence"],
        event_id=row["event_id"],
        at=row["at"],
        kind=row["kind"],
        sending_id=row["sending_id"],
        message_id=row["message_id"],
        data=_decode(row["data"]) if row["data"] else {},
    )
