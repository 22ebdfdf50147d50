"""Placing recipients in the ledger: what is written of each, and which chunks send those that nothing excludes.

The rows of many sendings of one account are placed together, so that a thousand requests of one recipient cost what one
request of a thousand does.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import compress, repeat
from typing import Any
from uuid import UUID

import msgspec

from carillon.billing.prices import Capture
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.events.log import NewEvent
from carillon.kit.actor import Actor
from carillon.message_metrics import MessageMetrics
from carillon.messaging.chunks import CHUNK_MESSAGES, NewChunk, defer_chunks
from carillon.messaging.exclusions import decide_rows
from carillon.messaging.placement import FREE, AccountFacts, Placement, Rows
from carillon.messaging.states import MessageState

SQL = load_statements("carillon.messaging", "placing.sql")

# Up to so many rows one statement is quicker than COPY.
_FEW = 300
_MESSAGE_COLUMNS = (
    *("shard_key", "message_id", "sending_id", "contact_id", "guid", "final_at", "price", "vat", "parts", "state"),
    *("money", "reason", "encoding", "address", "text", "custom"),
)
_INSTANT_COLUMNS = ("fallback", "button_url", "subscription_id")
_encode = msgspec.json.Encoder().encode


async def place_rows(  # noqa: PLR0913 - what is placed, and how
    tx: Tx,
    actor: Actor,
    facts: AccountFacts,
    placements: Sequence[Placement],
    rows: Rows,
    *,
    begin: Callable[[Sequence[NewChunk]], Sequence[NewChunk]] | None = None,
) -> list[NewEvent]:
    """Decide of every row, reserve its cost, and write messages and chunks. Returns the events of the excluded ones.

    The placements get their counters; the caller writes their sendings and then the events. `begin` says which chunks
    are begun as they are written (`BeginAtOnce`).
    """
    digests, carriers = await decide_rows(tx, actor, facts, placements, rows)
    await _number(tx, placements, rows)
    await _write_messages(tx, actor, placements, rows)
    chunks: Sequence[NewChunk] = chunks_of(tx, placements, rows, carriers)
    defer_chunks(tx, actor.account_id, begin(chunks) if begin else chunks)
    if facts.settings.spam_window:
        _remember_texts(tx, actor, placements, rows, digests)
    tx.counts(partial(_measure, tx.process_state(MessageMetrics), placements))
    return _events(tx, placements, rows)


def _measure(metrics: MessageMetrics, placements: Sequence[Placement]) -> None:
    """Count what was placed, in the metrics of this process."""
    for one in placements:
        if one.is_written:
            metrics.accepted(one.traffic_class.name.lower(), one.waiting, one.excluded)


async def _number(tx: Tx, placements: Sequence[Placement], rows: Rows) -> None:
    rows.guids = rows.guids or [None] * len(rows.places)
    open_rows = [row for row in rows.open_rows() if rows.guids[row] is None]
    numbered = [row for row in open_rows if placements[rows.places[row]].numbered]
    for row, guid in zip(numbered, await tx.ids.take("scheduled_message", len(numbered)), strict=True):
        rows.guids[row] = guid


async def _write_messages(tx: Tx, actor: Actor, placements: Sequence[Placement], rows: Rows) -> None:
    columns = _message_columns(placements, rows, tx.now)
    if not all(one.is_written for one in placements):
        written = [placements[place].is_written for place in rows.places]
        columns = [list(compress(column, written)) for column in columns]
    count = len(columns[0])
    if not count:
        return
    if count <= _FEW:
        missing = [None] * (len(_MESSAGE_COLUMNS) + len(_INSTANT_COLUMNS) - 1 - len(columns))
        tx.defer(SQL["add_messages"], actor.account_id, *columns, *missing)
    else:
        names = (*_MESSAGE_COLUMNS, *_INSTANT_COLUMNS)[: len(columns) + 1]
        await tx.copy_records("message", names, zip(repeat(actor.account_id), *columns, strict=False))


def _message_columns(placements: Sequence[Placement], rows: Rows, now: datetime) -> list[list[Any]]:
    """Return the columns of the messages behind the account, for all rows. By columns it takes half of the time."""
    failures = rows.failures
    prices = [FREE if failure else price for failure, price in zip(failures, rows.prices, strict=True)]
    columns: list[list[Any]] = [
        rows.message_ids,
        [placements[place].sending_id for place in rows.places],
        rows.contact_ids,
        rows.guids,
        [now if failure else None for failure in failures],
        [amount for amount, _, _ in prices],
        [vat for _, vat, _ in prices],
        rows.parts,
        ["excluded" if failure else "waiting" for failure in failures],
        [money_of(*price) for price in prices] if any(map(_costs, prices)) else ["none"] * len(prices),
        failures,
        rows.encodings,
        [number or given[:250] for number, given in zip(rows.numbers, rows.given, strict=True)],
        rows.texts,
        [_encode(custom).decode() if custom else None for custom in rows.custom],
    ]
    if rows.fallbacks or rows.button_urls or rows.subscriptions:
        columns += [
            rows.fallbacks or [None] * len(rows.places),
            rows.button_urls or [None] * len(rows.places),
            list(map(rows.subscriptions.get, range(len(rows.places)))),
        ]
    return columns


def _costs(price: tuple[int, int, Capture]) -> bool:
    return price is not FREE


def money_of(amount: int, vat: int, capture: Capture) -> str:
    """Return where the money of a message is that was accepted at a price."""
    if not amount + vat:
        return "none"
    return "until_delivery" if capture is Capture.DELIVERY else "reserved"


def chunks_of(tx: Tx, placements: Sequence[Placement], rows: Rows, carriers: Mapping[int, int]) -> list[NewChunk]:
    """Part what is to be sent into chunks: of one sending and one carrier, in the order of the rows."""
    groups: dict[tuple[int, int], list[UUID]] = {}
    for row, place in enumerate(rows.places):
        if rows.failures[row] is None and row not in rows.failing and placements[place].is_written:
            groups.setdefault((place, carriers[row]), []).append(rows.message_ids[row])
    chunks: list[NewChunk] = []
    for (place, carrier_id), ids in groups.items():
        one = placements[place]
        size = _chunk_size(one.per_second)
        for start in range(0, len(ids), size):
            part = ids[start : start + size]
            chunks.append(
                NewChunk(
                    chunk_id=tx.new_uuid(),
                    sending_id=one.sending_id,
                    channel=one.channel,
                    carrier_id=carrier_id,
                    traffic_class=one.traffic_class,
                    due_at=_paced(one, len(part)),
                    message_ids=part,
                    tried=one.avoids,
                )
            )
    return chunks


def _chunk_size(per_second: float | None) -> int:
    """Return how many messages a chunk has: of a sending with a pace, those of a second."""
    return CHUNK_MESSAGES if per_second is None else max(1, min(CHUNK_MESSAGES, int(per_second)))


def _paced(placement: Placement, messages: int) -> datetime:
    """Return when a chunk is due: those of a sending with a pace one after another."""
    due_at = placement.due_at + timedelta(seconds=placement.paced_seconds)
    if placement.per_second:
        placement.paced_seconds += messages / placement.per_second
    return due_at


def _remember_texts(
    tx: Tx, actor: Actor, placements: Sequence[Placement], rows: Rows, digests: Mapping[int, int]
) -> None:
    kept = [row for row in digests if rows.failures[row] is None and placements[rows.places[row]].is_written]
    ids = [rows.message_ids[row] for row in kept]
    tx.defer(SQL["add_digests"], actor.account_id, ids, [digests[row] for row in kept])


def _events(tx: Tx, placements: Sequence[Placement], rows: Rows) -> list[NewEvent]:
    return [
        NewEvent(
            kind=MessageState.EXCLUDED,
            at=tx.now,
            sending_id=placements[rows.places[row]].sending_id,
            message_id=rows.message_ids[row],
            data={"reason": failure.value},
            endpoint_id=placements[rows.places[row]].endpoint_id,
        )
        for row, failure in enumerate(rows.failures)
        if failure is not None and placements[rows.places[row]].is_written
    ]
