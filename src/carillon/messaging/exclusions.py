"""Deciding of recipients: who is excluded and why, which carriers the others go to, and what they cost."""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from carillon.audience.suppression_queries import assume_none_suppressed, suppressed_among
from carillon.audience.suppressions import suppressions_of
from carillon.billing.ledger import Reservation, available_for, reserve
from carillon.billing.prices import Capture
from carillon.carriers.failures import Failure
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.kit.ids import first_uuid_of
from carillon.messaging.allowances import take_allowances
from carillon.messaging.placement import FREE, AccountFacts, ChannelFacts, Placement, Rows
from carillon.messaging.prepare import without_codes
from carillon.routing.health import Health

SQL = load_statements("carillon.messaging", "exclusions.sql")

_encode = msgspec.json.Encoder().encode


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
        numbers = sorted({rows.numbers[row] or "" for row in of_channel})
        if numbers and facts.are_assumed:
            assume_none_suppressed(tx, actor, channel, numbers)
            continue
        suppressed = await suppressed_among(tx, actor, channel, numbers) if numbers else frozenset[str]()
        for row in of_channel if suppressed else ():
            if rows.numbers[row] in suppressed:
                rows.failures[row] = Failure.SUPPRESSED
    return await _exclude_repeated(tx, actor, facts, placements, rows) if facts.settings.spam_window else {}


async def _exclude_repeated(
    tx: Tx, actor: Actor, facts: AccountFacts, placements: Sequence[Placement], rows: Rows
) -> Mapping[int, int]:
    """Exclude what was sent to the same number within the window; return the digests of the others by row."""
    # What is sealed is never the same text, and a digest of its few possible values would tell which it is.
    open_rows = [row for row in rows.open_rows() if placements[rows.places[row]].shown is None]
    texts = without_codes(rows.texts, rows.links) if rows.links else rows.texts
    digests = {row: _digest(placements[rows.places[row]], rows, texts, row) for row in open_rows}
    since = first_uuid_of(tx.now - facts.settings.spam_window)
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
    rows.prices = [FREE] * len(rows.places)
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
