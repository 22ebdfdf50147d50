"""The second attempt: a message that has failed by its own channel is sent by another one, at once.

It stays one message of the ledger. What its row said of the first attempt is kept in `attempt`, with its money settled;
the row is the second attempt's from then on: its channel, text, parts, price and state. It is placed as any other
message is, by the same rules.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from asyncpg import Record

from carillon.billing.prices import load_prices
from carillon.carriers.failures import Failure
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.events.log import NewEvent
from carillon.kit.ids import AccountId
from carillon.kit.traffic import TrafficClass
from carillon.messaging.account_clock import worker_actor
from carillon.messaging.chunks import write_chunks
from carillon.messaging.exclusions import decide_rows
from carillon.messaging.options import read_fallback, read_planned
from carillon.messaging.placement import AccountFacts, AccountSettings, ChannelFacts, Placement, Rows
from carillon.messaging.placing import chunks_of, money_of
from carillon.messaging.states import MessageState
from carillon.routing.current import load_routing

SQL = load_statements("carillon.messaging", "fallback.sql")

FALLBACK = "fallback"
"""The event of a message whose second attempt was accepted."""

SECOND_CHANNEL = "sms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A first attempt that has failed. `row` is the message's, locked, with its money as it was settled."""

    row: Record = field(repr=False)
    state: MessageState
    at: datetime
    reason: Failure | None
    taken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What began: the sendings with what their second attempts cost and how many could not begin, and the events."""

    placements: Sequence[Placement]
    events: list[NewEvent]


async def begin_second_attempts(tx: Tx, account_id: AccountId, ended: Sequence[Ended]) -> Begun:
    """Begin the second attempts of messages, whose rows and sendings are locked.

    One that can't begin (suppressed meanwhile, no route, no price, no credit) is rejected for that.
    """
    placements = await _placements(tx, account_id, sorted({one.row["sending_id"] for one in ended}))
    places = {one.sending_id: place for place, one in enumerate(placements)}
    rows = _rows(ended, places)
    actor = worker_actor(account_id, tx.now - tx.real_now)
    _, carriers = await decide_rows(tx, actor, await _facts(tx, account_id), placements, rows)
    await _write(tx, account_id, ended, placements, rows)
    await write_chunks(tx, account_id, chunks_of(tx, placements, rows, carriers))
    events = [_event(one, rows.failures[row], placements[rows.places[row]]) for row, one in enumerate(ended)]
    return Begun(placements=placements, events=events)


async def _facts(tx: Tx, account_id: AccountId) -> AccountFacts:
    """Return where second attempts go and what they cost. What is sent after a failure repeats nothing."""
    channel = ChannelFacts(
        routing=await load_routing(tx, account_id, SECOND_CHANNEL),
        prices=await load_prices(tx, account_id, SECOND_CHANNEL),
    )
    settings = AccountSettings(clock_offset=timedelta(), spam_window=timedelta(), is_active=True)
    return AccountFacts(channels={SECOND_CHANNEL: channel}, settings=settings)


async def _placements(tx: Tx, account_id: AccountId, sending_ids: Sequence[UUID]) -> list[Placement]:
    found = await tx.fetch(SQL["sendings_with_fallback"], account_id, sending_ids)
    placements = []
    for row in found:
        fallback = read_fallback(row["fallback"])
        if fallback is None:
            raise AssertionError("a message has no fallback but its sending's")
        placements.append(
            Placement(
                sending_id=row["sending_id"],
                channel=SECOND_CHANNEL,
                traffic_class=TrafficClass(row["traffic_class"]),
                sender=fallback.sender,
                text=fallback.text,
                due_at=tx.now,
                expires_at=row["expires_at"] + fallback.validity,
                endpoint_id=row["endpoint_id"],
                ignores_suppressions=row["ignores_suppressions"],
            )
        )
    return placements


def _rows(ended: Sequence[Ended], places: Mapping[UUID, int]) -> Rows:
    planned = [read_planned(one.row["fallback"]) for one in ended]
    addresses = [one.row["address"] for one in ended]
    return Rows(
        places=[places[one.row["sending_id"]] for one in ended],
        numbers=list(addresses),
        texts=[one.text for one in planned],
        encodings=[one.encoding for one in planned],
        parts=[one.parts for one in planned],
        failures=[None] * len(ended),
        message_ids=[one.row["message_id"] for one in ended],
        contact_ids=[None] * len(ended),
        custom=[None] * len(ended),
        given=addresses,
    )


async def _write(
    tx: Tx, account_id: AccountId, ended: Sequence[Ended], placements: Sequence[Placement], rows: Rows
) -> None:
    """Keep what the rows said, and write them as second attempts."""
    failures, prices = rows.failures, rows.prices
    texts = [
        placements[place].text if text is None else text for place, text in zip(rows.places, rows.texts, strict=True)
    ]
    await tx.execute(
        SQL["write_second_attempts"],
        account_id,
        rows.message_ids,
        [one.state for one in ended],
        [one.at for one in ended],
        [one.reason for one in ended],
        [one.taken for one in ended],
        [one.row["carrier_id"] for one in ended],
        [one.row["money"] for one in ended],
        [one.row["returned"] is None for one in ended],
        [MessageState.REJECTED if failure else MessageState.WAITING for failure in failures],
        failures,
        [tx.now if failure else None for failure in failures],
        texts,
        rows.encodings,
        rows.parts,
        [0 if failure else amount for failure, (amount, _, _) in zip(failures, prices, strict=True)],
        [0 if failure else vat for failure, (_, vat, _) in zip(failures, prices, strict=True)],
        ["none" if failure else money_of(*price) for failure, price in zip(failures, prices, strict=True)],
        SECOND_CHANNEL,
    )


def _event(one: Ended, failure: Failure | None, placement: Placement) -> NewEvent:
    data: dict[str, object] = {"channel": SECOND_CHANNEL, "was": one.state}
    return NewEvent(
        kind=MessageState.REJECTED if failure else FALLBACK,
        at=one.at,
        sending_id=placement.sending_id,
        message_id=one.row["message_id"],
        data=data | {"reason": failure} if failure else data,
        endpoint_id=placement.endpoint_id,
    )
