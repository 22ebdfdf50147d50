"""Placing recipients in the ledger: who is excluded and why, what it costs, and which chunks send the others.

The rows of many sendings of one account are placed together, so that a thousand requests of one recipient cost what one
request of a thousand does.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import compress, repeat
from typing import Any
from uuid import UUID

import msgspec

from carillon.audience.suppressions import suppressed_among, suppressions_of
from carillon.billing.ledger import Reservation, available_for, reserve
from carillon.billing.prices import Capture, Prices, current_prices
from carillon.carriers.content import Content
from carillon.carriers.failures import Failure
from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.events.log import NewEvent
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId, first_uuid_of
from carillon.kit.traffic import TrafficClass
from carillon.links.shorten import MadeLinks
from carillon.message_metrics import MessageMetrics
from carillon.messaging.allowances import take_allowances
from carillon.messaging.chunks import CHUNK_MESSAGES, NewChunk, defer_chunks
from carillon.messaging.prepare import without_codes
from carillon.messaging.sendings import Fallback
from carillon.messaging.states import MessageState
from carillon.routing.choice import Routing
from carillon.routing.current import current_routing
from carillon.routing.health import Health
from carillon.text.encodings import Encoding

SQL = load_statements("carillon.messaging", "placing.sql")

# Up to so many rows one statement is quicker than COPY.
_FEW = 300
_MESSAGE_COLUMNS = (
    *("shard_key", "message_id", "sending_id", "contact_id", "guid", "final_at", "price", "vat", "parts", "state"),
    *("money", "reason", "encoding", "address", "text", "custom"),
)
_INSTANT_COLUMNS = ("fallback", "subscription_id")
_FREE = (0, 0, Capture.SUBMIT)
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFacts:
    """Where an account's messages on a channel go, and what they cost."""

    routing: Routing
    prices: Prices


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """What an account's settings say of its messages, and what is known of its channels, by name."""

    channels: Mapping[str, ChannelFacts]
    clock_offset: timedelta
    spam_window: timedelta
    is_active: bool


@dataclass(slots=True, kw_only=True)
class Placement:
    """A sending whose rows are placed, and what came of it. `shown` is the text with its sealed values."""

    sending_id: UUID
    channel: str
    traffic_class: TrafficClass
    sender: str
    text: str = field(repr=False)
    shown: str | None = field(default=None, repr=False)
    due_at: datetime
    expires_at: datetime
    per_second: float | None = None
    paced_seconds: float = 0.0
    is_materialising: bool = False
    endpoint_id: int | None = None
    reply_endpoint_id: int | None = None
    numbered: bool = False
    ignores_suppressions: bool = False
    flash: bool = False
    only_if_any: bool = False
    avoids: Sequence[int] = ()
    content: Content | None = None
    fallback: Fallback | None = None
    is_written: bool = True
    recipients: int = 0
    excluded: int = 0
    parts: int = 0
    reserved: int = 0

    @property
    def last_at(self) -> datetime:
        """When nothing is submitted any more, by whatever channel."""
        return self.expires_at + (self.fallback.validity if self.fallback else timedelta())

    @property
    def waiting(self) -> int:
        """How many are to be sent."""
        return self.recipients - self.excluded


@dataclass(slots=True, kw_only=True)
class Rows:
    """Recipients in columns of one length; `places` are indexes of placements. `failures` and `guids` are filled in.

    `fallbacks` are what messages keep of what follows where they fail; it is empty where none has any. Of `failing`
    rows that is known already: they are written as what waits, and have no chunk. `subscriptions` are what pays, by
    row.
    `links` are those that rows from a place on have.
    """

    places: list[int]
    numbers: list[str | None] = field(repr=False)
    texts: list[str | None] = field(repr=False)
    encodings: list[Encoding | None]
    parts: list[int]
    failures: list[Failure | None]
    message_ids: list[UUID]
    contact_ids: list[int | None]
    custom: list[Mapping[str, object] | None] = field(repr=False)
    given: list[str] = field(repr=False)
    guids: list[int | None] = field(default_factory=list)
    links: Sequence[tuple[int, MadeLinks]] = ()
    prices: list[tuple[int, int, Capture]] = field(default_factory=list)
    fallbacks: list[str | None] = field(default_factory=list, repr=False)
    failing: dict[int, Failure] = field(default_factory=dict)
    subscriptions: dict[int, int] = field(default_factory=dict)

    def open_rows(self) -> list[int]:
        """Return the rows that nothing excludes so far."""
        return [row for row, failure in enumerate(self.failures) if failure is None]


async def account_facts(tx: Tx, actor: Actor, channels: Mapping[str, ChannelFacts]) -> AccountFacts:
    """Read an account's facts, and take its clock."""
    row = await tx.fetchrow(SQL["account_facts"], actor.account_id)
    if row is None:
        raise AssertionError("an account of an authenticated caller is there")  # accounts are not deleted
    tx.adopt_clock(row["clock_offset"])
    return AccountFacts(channels=channels, **row)


async def channel_facts(db: Database, account_id: AccountId, channels: Iterable[str]) -> Mapping[str, ChannelFacts]:
    """Return what is known of an account's channels, by name: as it is, or was a moment ago (`Remembered`)."""
    return {
        channel: ChannelFacts(
            routing=await current_routing(db, account_id, channel), prices=await current_prices(db, account_id, channel)
        )
        for channel in set(channels)
    }


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
    if facts.spam_window:
        _remember_texts(tx, actor, placements, rows, digests)
    tx.counts(partial(_measure, tx.process_state(MessageMetrics), placements))
    return _events(tx, placements, rows)


async def decide_rows(
    tx: Tx, actor: Actor, facts: AccountFacts, placements: Sequence[Placement], rows: Rows
) -> tuple[Mapping[int, int], Mapping[int, int]]:
    """Decide of every row and reserve its cost; return the digests of texts, and the carriers, by row."""
    digests = await _exclude(tx, actor, facts, placements, rows)
    carriers = _route(tx, facts.channels, placements, rows)
    await _charge(tx, actor, facts.channels, placements, rows)
    _tally(placements, rows)
    await _reserve(tx, actor, placements)
    return digests, carriers


async def _exclude(
    tx: Tx, actor: Actor, facts: AccountFacts, placements: Sequence[Placement], rows: Rows
) -> Mapping[int, int]:
    channels = [suppressions_of(one.channel) for one in placements]
    checked = [row for row in rows.open_rows() if not placements[rows.places[row]].ignores_suppressions]
    for channel in sorted(set(channels)) if checked else ():
        is_alone = all(one is channel for one in channels)
        of_channel = checked if is_alone else [row for row in checked if channels[rows.places[row]] is channel]
        numbers = {rows.numbers[row] or "" for row in of_channel}
        suppressed = await suppressed_among(tx, actor, channel, sorted(numbers)) if numbers else frozenset[str]()
        for row in of_channel if suppressed else ():
            if rows.numbers[row] in suppressed:
                rows.failures[row] = Failure.SUPPRESSED
    return await _exclude_repeated(tx, actor, facts, placements, rows) if facts.spam_window else {}


async def _exclude_repeated(
    tx: Tx, actor: Actor, facts: AccountFacts, placements: Sequence[Placement], rows: Rows
) -> Mapping[int, int]:
    """Exclude what was sent to the same number within the window; return the digests of the others by row."""
    # What is sealed is never the same text, and a digest of its few possible values would tell which it is.
    open_rows = [row for row in rows.open_rows() if placements[rows.places[row]].shown is None]
    texts = without_codes(rows.texts, rows.links) if rows.links else rows.texts
    digests = {row: _digest(placements[rows.places[row]], rows, texts, row) for row in open_rows}
    since = first_uuid_of(tx.now - facts.spam_window)
    found = await tx.fetch(SQL["recently_sent"], actor.account_id, sorted(set(digests.values())), since)
    seen = {record["digest"] for record in found}
    for row, digest in digests.items():
        if digest in seen:
            rows.failures[row] = Failure.REPEATED
        seen.add(digest)
    return digests


def _digest(placement: Placement, rows: Rows, texts: Sequence[str | None], row: int) -> int:
    text = texts[row]
    content = f"{placement.channel}\0{rows.numbers[row]}\0{placement.text if text is None else text}"
    if placement.content is not None:
        content += f"\0{_encode(placement.content).decode()}"
    return int.from_bytes(
        hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=8).digest(), signed=True
    )


def _route(
    tx: Tx, channels: Mapping[str, ChannelFacts], placements: Sequence[Placement], rows: Rows
) -> Mapping[int, int]:
    """Return the first carrier of each row's route; exclude what has none."""
    carriers: dict[int, int] = {}
    for place, of_place in _by_place(rows, rows.open_rows()).items():
        one = placements[place]
        numbers = [rows.numbers[row] or "" for row in of_place]
        routes = channels[one.channel].routing.choose(numbers, sender=one.sender, traffic_class=one.traffic_class)
        routes = tx.process_state(Health).arrange(routes, numbers, traffic_class=one.traffic_class)
        for row, route in zip(of_place, routes, strict=True):
            first = next((carrier for carrier in route or () if carrier not in one.avoids), None)
            if first is not None:
                carriers[row] = first
            else:
                rows.failures[row] = Failure.NO_ROUTE
    return carriers


def _by_place(rows: Rows, among: Sequence[int]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for row in among:
        found.setdefault(rows.places[row], []).append(row)
    return found


async def _charge(
    tx: Tx, actor: Actor, channels: Mapping[str, ChannelFacts], placements: Sequence[Placement], rows: Rows
) -> None:
    """Price every row, and exclude what has no price or no credit."""
    rows.prices = [_FREE] * len(rows.places)
    await take_allowances(tx, actor, {name: one.prices for name, one in channels.items()}, placements, rows)
    # By price and parts: few are different. `channels` keeps the ids alive.
    costs: dict[tuple[int, int], tuple[int, int, Capture]] = {}
    for place, of_place in _by_place(rows, rows.open_rows()).items():
        prices = channels[placements[place].channel].prices
        if prices.is_free:
            continue
        covered = rows.subscriptions.keys() | rows.failing.keys()
        unpaid = [row for row in of_place if row not in covered] if covered else of_place
        found = prices.of([rows.numbers[row] or "" for row in unpaid])
        for row, price in zip(unpaid, found, strict=True):
            if price is None:
                rows.failures[row] = Failure.NO_PRICE
                continue
            key = id(price), rows.parts[row]
            if key not in costs:
                costs[key] = (*price.cost(rows.parts[row]), price.capture)
            rows.prices[row] = costs[key]
    await _exclude_unpaid(tx, actor, rows)


async def _exclude_unpaid(tx: Tx, actor: Actor, rows: Rows) -> None:
    """Exclude what the account's credit isn't enough for, in the order of the rows; the balance stays locked."""
    total = sum(amount + vat for amount, vat, _ in rows.prices)
    if not total:
        return
    left = await available_for(tx, actor.account_id)
    if total <= left:
        return
    for row in rows.open_rows():
        amount, vat, _ = rows.prices[row]
        if amount + vat > max(left, 0):
            rows.failures[row] = Failure.NO_CREDIT
        else:
            left -= amount + vat


def _measure(metrics: MessageMetrics, placements: Sequence[Placement]) -> None:
    """Count what was placed, in the metrics of this process."""
    for one in placements:
        if one.is_written:
            metrics.accepted(one.traffic_class.name.lower(), one.waiting, one.excluded)


def _tally(placements: Sequence[Placement], rows: Rows) -> None:
    for row, place in enumerate(rows.places):
        one = placements[place]
        one.recipients += 1
        if rows.failures[row] is None:
            one.parts += rows.parts[row]
            amount, vat, _ = rows.prices[row]
            one.reserved += amount + vat
        else:
            one.excluded += 1
    for one in placements:
        one.is_written = not (one.only_if_any and one.recipients and one.excluded == one.recipients)


async def _reserve(tx: Tx, actor: Actor, placements: Sequence[Placement]) -> None:
    wanted = [Reservation(sending_id=one.sending_id, amount=one.reserved) for one in placements if one.reserved]
    if wanted and not all(await reserve(tx, actor.account_id, wanted)):
        raise AssertionError("what is available was locked and is enough")


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
    prices = [_FREE if failure else price for failure, price in zip(failures, rows.prices, strict=True)]
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
    if rows.fallbacks or rows.subscriptions:
        columns += [
            rows.fallbacks or [None] * len(rows.places),
            list(map(rows.subscriptions.get, range(len(rows.places)))),
        ]
    return columns


def _costs(price: tuple[int, int, Capture]) -> bool:
    return price is not _FREE


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
