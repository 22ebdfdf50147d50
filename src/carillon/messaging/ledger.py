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

    def add(self, other: "_Tally") -> None:
        self.states.update(other.states)
        self.sent += other.sent
        self.parts += other.parts
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
    )
    await _add_references(tx, account_id, ordered)
    if not rows:
        return []
    tx.counts(partial(_measure, tx.process_state(MessageMetrics), by_id, rows))
    tallies: dict[UUID, _Tally] = {}
    for row in rows:
        _count(tallies.setdefault(row["sending_id"], _Tally()), by_id[row["message_id"]], row)
    endpoints = await _count_in_sendings(tx, account_id, tallies)
    return [_event(by_id[row["message_id"]], row, endpoints) for row in rows]


async def _add_references(tx: Tx, account_id: AccountId, moves: Sequence[Move]) -> None:
    named = [move for move in moves if move.reference is not None]
    if named:
        ids, carriers = [move.message_id for move in named], [move.carrier_id for move in named]
        await tx.execute(SQL["add_references"], account_id, ids, carriers, [move.reference for move in named])


def _count(tally: _Tally, move: Move, row: Record) -> None:
    was = MessageState(row["was"])
    tally.states[was] -= 1
    tally.states[move.state] += 1
    if move.taken and was in _NOT_TAKEN:
        tally.sent += 1
        tally.parts += row["parts"]
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
    tx: Tx, account_id: AccountId, tallies: Mapping[UUID, _Tally]
) -> Mapping[UUID, int | None]:
    """Move the counters of sendings and campaigns, and settle what it costs; return each sending's endpoint."""
    ids = sorted(tallies)
    of = [tallies[one] for one in ids]
    counters = [[tally.states[state] for tally in of] for state in COUNTED]
    money = ([tally.released for tally in of], [tally.captured for tally in of])
    rows = await tx.fetch(SQL["count_moves"], account_id, ids, *counters, *money, tx.now)
    if len(rows) != len(ids):
        raise AssertionError("messages were moved, and their sendings were not counted")
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
    facts = {"reason": move.reason, "network": move.network, "code": move.code, "was": row["was"]}
    return NewEvent(
        kind=move.state,
        at=move.at,
        sending_id=row["sending_id"],
        message_id=move.message_id,
        data={name: value for name, value in facts.items() if value is not None},
        endpoint_id=endpoints.get(row["sending_id"]),
    )
