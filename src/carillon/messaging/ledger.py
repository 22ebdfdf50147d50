"""Moving messages from state to state, with all that follows: counters, money and events, in one transaction.

Rows are locked in one order everywhere: chunks, messages, sendings, the balance, campaigns, the sequence of events;
each kind in the order of its ids.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

from asyncpg import Record

from carillon.billing.ledger import Settlement, settle
from carillon.carriers.failures import Failure
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.events.log import NewEvent, append_events
from carillon.kit.ids import AccountId
from carillon.message_metrics import MessageMetrics
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

_NOT_TAKEN = frozenset({MessageState.WAITING, MessageState.UNCERTAIN})
_ONLY_FROM_WAITING = RANKS[MessageState.CANCELLED]


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What became of a message. `taken`: a carrier has it, or had it; `reference` is what its receipts name it by."""

    message_id: UUID
    state: MessageState
    at: datetime
    taken: bool = False
    reason: Failure | None = None
    carrier_id: int | None = None
    reference: str | None = None
    network: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moved:
    """A message that was moved; `had` and `money` are what its money was before and is now."""

    move: Move
    sending_id: UUID
    carrier_id: int | None
    was: MessageState
    had: str
    money: str
    price: int
    vat: int


@dataclass(slots=True)
class _Tally:
    """What changes in the counters of a sending, or of a campaign."""

    states: Counter[MessageState] = field(default_factory=Counter)
    sent: int = 0
    released: int = 0
    captured: int = 0
    captured_vat: int = 0

    def add(self, other: "_Tally") -> None:
        self.states.update(other.states)
        self.sent += other.sent
        self.captured += other.captured


async def move_messages(tx: Tx, account_id: AccountId, moves: Sequence[Move]) -> frozenset[UUID]:
    """Move messages, and return the ids of those that moved; what can't come into its new state stays as it is.

    It is called last in a transaction, and once, as it ends with the account's sequence of events (`append_events`).

    Several moves of one message have to be in order, and are made one after another.
    """
    events: list[NewEvent] = []
    for once in _rounds(moves):
        events += await _move_each_once(tx, account_id, once)
    if events:
        await append_events(tx, account_id, events)
    return frozenset(event.message_id for event in events if event.message_id is not None)


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
    locked = await tx.fetch(SQL["lock_messages"], account_id, ids, ids[0], ids[-1])
    await _add_references(tx, account_id, [by_id[one] for one in ids])
    before = {row["message_id"]: row for row in locked if _can_move(row["state"], by_id[row["message_id"]].state)}
    if not before:
        return []
    rows = await _move(tx, account_id, [by_id[one] for one in before])
    moved = [_moved(by_id[row["message_id"]], before[row["message_id"]], row) for row in rows]
    tx.counts(partial(_measure, tx.process_state(MessageMetrics), moved))
    tallies: dict[UUID, _Tally] = {}
    for one in moved:
        _count(tallies.setdefault(one.sending_id, _Tally()), one)
    endpoints = await _count_in_sendings(tx, account_id, tallies)
    return [_event(one, endpoints) for one in moved]


def _can_move(was: str, state: MessageState) -> bool:
    rank, rank_before = RANKS[state], RANKS[MessageState(was)]
    return rank > rank_before and (rank < _ONLY_FROM_WAITING or rank_before == 0)


async def _move(tx: Tx, account_id: AccountId, moves: Sequence[Move]) -> list[Record]:
    """Move messages that are locked, in the order of their ids."""
    return await tx.fetch(
        SQL["move_messages"],
        account_id,
        [move.message_id for move in moves],
        [move.state for move in moves],
        [not move.state.is_open for move in moves],
        [move.reason for move in moves],
        [move.carrier_id for move in moves],
        [move.at for move in moves],
        [move.network for move in moves],
        [move.taken for move in moves],
        moves[0].message_id,
        moves[-1].message_id,
    )


def _moved(move: Move, before: Record, row: Record) -> _Moved:
    return _Moved(
        move=move,
        sending_id=row["sending_id"],
        carrier_id=row["carrier_id"],
        was=MessageState(before["state"]),
        had=before["money"],
        money=row["money"],
        price=row["price"],
        vat=row["vat"],
    )


async def _add_references(tx: Tx, account_id: AccountId, moves: Sequence[Move]) -> None:
    named = [move for move in moves if move.reference is not None]
    if named:
        ids, carriers = [move.message_id for move in named], [move.carrier_id for move in named]
        await tx.execute(SQL["add_references"], account_id, ids, carriers, [move.reference for move in named])


def _count(tally: _Tally, one: _Moved) -> None:
    tally.states[one.was] -= 1
    tally.states[one.move.state] += 1
    if one.move.taken and one.was in _NOT_TAKEN:
        tally.sent += 1
    if one.had != one.money:
        if one.money == "captured":
            tally.captured += one.price + one.vat
            tally.captured_vat += one.vat
        else:
            tally.released += one.price + one.vat


def _measure(metrics: MessageMetrics, moved: Sequence[_Moved]) -> None:
    """Count what was moved, in the metrics of this process."""
    submitted: Counter[int] = Counter()
    uncertain: Counter[int] = Counter()
    ended: Counter[tuple[str, int | None]] = Counter()
    for one in moved:
        state, carrier_id = one.move.state, one.carrier_id
        if one.move.taken and one.was in _NOT_TAKEN:
            submitted[carrier_id] += 1
        if state is MessageState.UNCERTAIN:
            uncertain[carrier_id] += 1
        elif not state.is_open:
            ended[state, carrier_id] += 1
    metrics.submitted(submitted)
    metrics.uncertain(uncertain)
    metrics.ended(ended)


async def _count_in_sendings(
    tx: Tx, account_id: AccountId, tallies: Mapping[UUID, _Tally]
) -> Mapping[UUID, int | None]:
    """Move the counters of sendings and campaigns, and settle what it costs; return each sending's endpoint."""
    ids = sorted(tallies)
    of = [tallies[one] for one in ids]
    counters = [[tally.states[state] for tally in of] for state in COUNTED]
    money = ([tally.released for tally in of], [tally.captured for tally in of])
    await tx.fetch(SQL["lock_counted"], account_id, ids, ids[0], ids[-1])
    rows = await tx.fetch(SQL["count_moves"], account_id, ids, *counters, *money, ids[0], ids[-1], tx.now)
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
    campaigns: dict[int, _Tally] = {}
    for row in rows:
        if row["campaign_id"] is not None:
            campaigns.setdefault(row["campaign_id"], _Tally()).add(tallies[row["sending_id"]])
    if campaigns:
        await count_in_campaigns(tx, account_id, campaigns)
    return {row["sending_id"]: row["endpoint_id"] for row in rows}


async def count_in_campaigns(
    tx: Tx,
    account_id: AccountId,
    tallies: Mapping[int, _Tally],
    *,
    recipients: Mapping[int, int] | None = None,
    parts: Mapping[int, int] | None = None,
) -> None:
    """Move the counters of campaigns; `recipients` and `parts` are what was accepted for each."""
    ids = sorted(tallies)
    of = [tallies[one] for one in ids]
    counters = [[tally.states[state] for tally in of] for state in COUNTED]
    await tx.execute(
        SQL["count_campaign_moves"],
        account_id,
        ids,
        *counters,
        [tally.sent for tally in of],
        [(parts or {}).get(one, 0) for one in ids],
        [tally.captured for tally in of],
        tx.now,
        [(recipients or {}).get(one, 0) for one in ids],
    )


def tally_of(states: Mapping[MessageState, int]) -> _Tally:
    """Make a tally of what was just accepted."""
    return _Tally(states=Counter(states))


def _event(one: _Moved, endpoints: Mapping[UUID, int | None]) -> NewEvent:
    move = one.move
    facts = {"reason": move.reason, "network": move.network, "code": move.code, "was": one.was}
    return NewEvent(
        kind=move.state,
        at=move.at,
        sending_id=one.sending_id,
        message_id=move.message_id,
        data={name: value for name, value in facts.items() if value is not None},
        endpoint_id=endpoints.get(one.sending_id),
    )
