"""Moving messages from state to state, with all that follows: counters, money and events, in one transaction.

Rows are locked in one order everywhere: chunks, messages, sendings, subscriptions, the balance, campaigns, the sequence
of events; each kind in the order of its ids.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

from asyncpg import Record

from carillon.billing.ledger import Settlement, settle
from carillon.billing.subscriptions import move_allowances
from carillon.carriers.failures import Failure
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.events.log import NewEvent, append_events
from carillon.kit.ids import AccountId
from carillon.message_metrics import MessageMetrics
from carillon.messaging.fallback import Ended, begin_second_attempts
from carillon.messaging.placement import Rows
from carillon.messaging.states import RANKS, MessageState

SQL = load_statements("carillon.messaging", "ledger.sql")

COUNTED = (
    MessageState.EXCLUDED,
    MessageState.WAITING,
    MessageState.SUBMITTED,
    MessageState.UNCERTAIN,
    MessageState.DELIVERED,
    MessageState.UNDELIVERED,
    MessageState.EXPIRED,
    MessageState.REJECTED,
    MessageState.CANCELLED,
    MessageState.UNKNOWN,
)
"""The counters of sendings and campaigns, in the order in which statements take them."""

SEEN = "seen"
"""The event of a message that was delivered, and its conversation opened."""

_FALLS_BACK = [one.value for one in Failure if one.falls_back]
_NOT_TAKEN = frozenset({MessageState.WAITING, MessageState.UNCERTAIN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What became of a message. `taken`: a carrier has it, or had it; `reference` is what its receipts name it by.

    `seen`: it is delivered, and its conversation was opened.
    """

    message_id: UUID
    state: MessageState
    at: datetime
    taken: bool = False
    reason: Failure | None = None
    carrier_id: int | None = None
    reference: str | None = None
    network: str | None = None
    code: str | None = None
    seen: bool = False


@dataclass(slots=True)
class _Tally:
    """What changes in the counters of a sending, or of a campaign."""

    states: Counter[MessageState] = field(default_factory=Counter)
    sent: int = 0
    parts: int = 0
    """The parts of what was sent."""
    released: int = 0
    captured: int = 0
    captured_vat: int = 0
    reserved: int = 0
    added_parts: int = 0
    """What second attempts cost, and their parts."""

    def add(self, other: "_Tally") -> None:
        self.states.update(other.states)
        self.sent += other.sent
        self.parts += other.parts
        self.captured += other.captured


async def move_messages(tx: Tx, account_id: AccountId, moves: Sequence[Move]) -> frozenset[UUID]:
    """Move messages, and return the ids of those that moved; what can't come into its new state stays as it is.

    It is called last in a transaction, and once, as it ends with the account's sequence of events (`append_events`).

    Several moves of one message have to be in order, and are made one after another. A message that fails, and for
    which something else is to be sent then, is not over: it waits again, as its second attempt (`fallback.py`).
    """
    events = await make_moves(tx, account_id, moves)
    if events:
        await append_events(tx, account_id, events)
    return frozenset(event.message_id for event in events if event.message_id is not None)


async def make_moves(tx: Tx, account_id: AccountId, moves: Sequence[Move]) -> list[NewEvent]:
    """Do what `move_messages` does, but return the events, for who appends others too."""
    events: list[NewEvent] = []
    for once in _rounds(moves):
        events += await _move_each_once(tx, account_id, once)
    seen = {move.message_id: move.at for move in moves if move.seen}
    if seen:
        events += await _mark_seen(tx, account_id, seen)
    return events


async def fail_rows(tx: Tx, account_id: AccountId, rows: Rows) -> list[NewEvent]:
    """Begin the second attempts of what was placed and can't be sent by its own channel; return the events."""
    moves = [
        Move(message_id=rows.message_ids[row], state=MessageState.REJECTED, at=tx.now, reason=failure)
        for row, failure in rows.failing.items()
        if rows.failures[row] is None
    ]
    if not moves:
        return []
    await tx.run_deferred()  # the rows that are moved
    return await make_moves(tx, account_id, moves)


async def _mark_seen(tx: Tx, account_id: AccountId, seen: Mapping[UUID, datetime]) -> list[NewEvent]:
    """Mark messages that are delivered as seen, each once; their moves have locked them."""
    ids = sorted(seen)
    rows = await tx.fetch(SQL["mark_seen"], account_id, ids, [seen[one] for one in ids])
    return [
        NewEvent(
            kind=SEEN,
            at=seen[row["message_id"]],
            sending_id=row["sending_id"],
            message_id=row["message_id"],
            endpoint_id=row["endpoint_id"],
        )
        for row in rows
    ]


def _rounds(moves: Sequence[Move]) -> list[list[Move]]:
    """Part moves so that none has a message twice."""
    rounds: list[list[Move]] = []
    seen: Counter[UUID] = Counter()
    for move in moves:
        place = seen[move.message_id]
        seen[move.message_id] += 1
        if place == len(rounds):
            rounds.append([])
        rounds[place].append(move)
    return rounds


async def _move_each_once(tx: Tx, account_id: AccountId, moves: Sequence[Move]) -> list[NewEvent]:
    by_id = {move.message_id: move for move in moves}
    ids = sorted(by_id)
    ordered = [by_id[one] for one in ids]
    rows = await tx.fetch(
        SQL["move_messages"],
        account_id,
        ids,
        [move.state for move in ordered],
        [RANKS[move.state] for move in ordered],
        [move.reason for move in ordered],
        [move.carrier_id for move in ordered],
        [move.at for move in ordered],
        [move.network for move in ordered],
        [move.taken for move in ordered],
        _FALLS_BACK,
    )
    await _add_references(tx, account_id, ordered)
    if not rows:
        return []
    tx.counts(partial(_measure, tx.process_state(MessageMetrics), by_id, rows))
    tallies: dict[UUID, _Tally] = {}
    returned: Counter[int] = Counter()
    for row in rows:
        _count(tallies.setdefault(row["sending_id"], _Tally()), by_id[row["message_id"]], row)
        if row["returned"] is not None:
            returned[row["returned"]] -= 1
    counted = await _count_in_sendings(tx, account_id, tallies, returned)
    endpoints = {row["sending_id"]: row["endpoint_id"] for row in counted}
    events = [_event(by_id[row["message_id"]], row, endpoints) for row in rows]
    failed = [row for row in rows if row["falls_back"]]
    if failed:
        events += await _fall_back(tx, account_id, by_id, failed, tallies)
    await _count_in_campaigns_of(tx, account_id, counted, tallies)
    return events


async def _fall_back(
    tx: Tx, account_id: AccountId, moves: Mapping[UUID, Move], rows: Sequence[Record], tallies: Mapping[UUID, _Tally]
) -> list[NewEvent]:
    """Begin the second attempts of messages that have failed, and count them in their sendings, and in the tallies."""
    ended = [
        Ended(row=row, state=move.state, at=move.at, reason=move.reason, taken=move.taken)
        for row, move in ((row, moves[row["message_id"]]) for row in rows)
    ]
    begun = await begin_second_attempts(tx, account_id, ended)
    seconds = {
        one.sending_id: _Tally(
            states=Counter({MessageState.WAITING: -one.excluded, MessageState.REJECTED: one.excluded}),
            reserved=one.reserved,
            added_parts=one.parts,
        )
        for one in begun.placements
    }
    await _count_in_sendings(tx, account_id, seconds, {})
    for sending_id, tally in seconds.items():
        tallies[sending_id].add(tally)
    return begun.events


async def _add_references(tx: Tx, account_id: AccountId, moves: Sequence[Move]) -> None:
    named = [move for move in moves if move.reference is not None]
    if named:
        ids, carriers = [move.message_id for move in named], [move.carrier_id for move in named]
        await tx.execute(SQL["add_references"], account_id, ids, carriers, [move.reference for move in named])


def _count(tally: _Tally, move: Move, row: Record) -> None:
    was = MessageState(row["was"])
    tally.states[was] -= 1
    tally.states[MessageState.WAITING if row["falls_back"] else move.state] += 1
    if move.taken and was in _NOT_TAKEN and not row["falls_back"]:
        tally.sent += 1
        tally.parts += row["parts"]
    elif was is MessageState.SUBMITTED and row["falls_back"]:
        # It counts as sent once: when its second attempt is.
        tally.sent -= 1
        tally.parts -= row["parts"]
    if row["had"] != row["money"]:
        if row["money"] == "captured":
            tally.captured += row["price"] + row["vat"]
            tally.captured_vat += row["vat"]
        else:
            tally.released += row["price"] + row["vat"]


def _measure(metrics: MessageMetrics, moves: Mapping[UUID, Move], rows: Sequence[Record]) -> None:
    """Count what was moved, in the metrics of this process."""
    submitted: Counter[int] = Counter()
    uncertain: Counter[int] = Counter()
    ended: Counter[tuple[str, int | None]] = Counter()
    for row in rows:
        move, carrier_id = moves[row["message_id"]], row["carrier_id"]
        if move.taken and row["was"] in _NOT_TAKEN:
            submitted[carrier_id] += 1
        if move.state is MessageState.UNCERTAIN:
            uncertain[carrier_id] += 1
        elif not move.state.is_open:
            ended[move.state, carrier_id] += 1
    metrics.submitted(submitted)
    metrics.uncertain(uncertain)
    metrics.ended(ended)


async def _count_in_sendings(
    tx: Tx, account_id: AccountId, tallies: Mapping[UUID, _Tally], returned: Mapping[int, int]
) -> Sequence[Record]:
    """Move the counters of sendings, and settle what it costs; return each sending's campaign and endpoint."""
    ids = sorted(tallies)
    of = [tallies[one] for one in ids]
    counters = [[tally.states[state] for tally in of] for state in COUNTED]
    money = ([tally.released for tally in of], [tally.captured for tally in of])
    added = ([tally.reserved for tally in of], [tally.added_parts for tally in of])
    rows = await tx.fetch(SQL["count_moves"], account_id, ids, *counters, *money, tx.now, *added)
    if len(rows) != len(ids):
        raise AssertionError("messages were moved, and their sendings were not counted")
    await move_allowances(tx, account_id, returned)
    settlements = [
        Settlement(
            sending_id=one,
            captured=tally.captured - tally.captured_vat,
            captured_vat=tally.captured_vat,
            released=tally.released,
        )
        for one, tally in zip(ids, of, strict=True)
        if tally.captured or tally.released
    ]
    if settlements:
        await settle(tx, account_id, settlements)
    return rows


async def _count_in_campaigns_of(
    tx: Tx, account_id: AccountId, counted: Sequence[Record], tallies: Mapping[UUID, _Tally]
) -> None:
    """Move the counters of the campaigns that sendings are in."""
    campaigns: dict[int, _Tally] = {}
    for row in counted:
        if row["campaign_id"] is not None:
            campaigns.setdefault(row["campaign_id"], _Tally()).add(tallies[row["sending_id"]])
    if campaigns:
        await count_in_campaigns(tx, account_id, campaigns)


async def count_in_campaigns(
    tx: Tx,
    account_id: AccountId,
    tallies: Mapping[int, _Tally],
    *,
    recipients: Mapping[int, int] | None = None,
) -> None:
    """Move the counters of campaigns; `recipients` is how many were accepted for each."""
    ids = sorted(tallies)
    of = [tallies[one] for one in ids]
    counters = [[tally.states[state] for tally in of] for state in COUNTED]
    await tx.execute(
        SQL["count_campaign_moves"],
        account_id,
        ids,
        *counters,
        [tally.sent for tally in of],
        [tally.parts for tally in of],
        [tally.captured for tally in of],
        tx.now,
        [(recipients or {}).get(one, 0) for one in ids],
    )


def tally_of(states: Mapping[MessageState, int]) -> _Tally:
    """Make a tally of what was just accepted."""
    return _Tally(states=Counter(states))


def _event(move: Move, row: Record, endpoints: Mapping[UUID, int | None]) -> NewEvent:
    # The channel is named of second attempts: every other event is of the sending's own.
    facts = {
        "reason": move.reason,
        "network": move.network,
        "code": move.code,
        "was": row["was"],
        "channel": row["channel"],
    }
    return NewEvent(
        kind=move.state,
        at=move.at,
        sending_id=row["sending_id"],
        message_id=move.message_id,
        data={name: value for name, value in facts.items() if value is not None},
        endpoint_id=endpoints.get(row["sending_id"]),
    )
