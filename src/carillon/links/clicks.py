"""Clicks: who has opened which link. They are kept in memory for less than a second and written together, as events.

That is as long as it takes to see whether other links of the message are opened at once (`AT_ONCE`). A process that is
killed loses what it took in its last second, and nothing that was written before. What can't be written waits; a
process keeps at most MAX_WAITING. What may have been written, when a connection broke in the COMMIT, is looked for
before it is written again: no click is recorded twice (docs/adr/0062).
"""

import asyncio
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf
from uuid import UUID

import msgspec
import structlog

from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.events.log import NewEvent, append_events
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId
from carillon.links.lookup import Link
from carillon.links.visitors import AT_ONCE, Reason, VisitorClass, browser_of, is_too_soon
from carillon.message_metrics import MessageMetrics
from carillon.workers.failures import log_failure

log = structlog.get_logger(__name__)

SQL = load_statements("carillon.links", "clicks.sql")

CLICKED = "clicked"
"""The kind of the event."""

MAX_WAITING = 200_000
# So often what has been kept for long enough is written: a little at a time, since links are opened meanwhile.
_TICK_SECONDS = 0.03
# And so soon again what could not be written.
_LATE_SECONDS = 0.5
# Whoever opens a link meanwhile waits for so many to be made ready, and, after a failure alone, for as many to be sent.
_MAX_AT_A_TIME, _MAX_TOGETHER = 50, 2_000
# Who has followed a link that nobody sees, and what was opened of a message, is remembered by this process.
_MAX_REMEMBERED = 20_000
# An address is many people's, and whoever has a link can follow what nobody sees: it tells of one message, for so long.
_HIDDEN_COUNTS = timedelta(minutes=1)


class Visit(msgspec.Struct, kw_only=True, gc=False):
    """A request for a link: `at` is real time, `address` the visitor's, `reasons` what it said of itself.

    It is made for each: see `Link`.
    """

    link: Link
    at: datetime
    address: str
    agent: str
    reasons: tuple[Reason, ...]
    is_hidden: bool = False
    taken_at: float = 0.0  # monotonic

    def __repr__(self) -> str:
        """Name it, without the visitor."""
        return f"Visit(link={self.link}, at={self.at})"


class Clicks:
    """The clicks that wait to be written in this process (`Database.process_state`)."""

    def __init__(self) -> None:
        self._waiting: deque[Visit] = deque()
        # Of an account, what was to be written when that failed.
        self._tried: dict[AccountId, _Ready] = {}
        self._followed_hidden: OrderedDict[tuple[UUID, str], datetime] = OrderedDict()
        self._opened: OrderedDict[UUID, dict[UUID, datetime]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting) + sum(ready.count for ready in self._tried.values())

    def take(self, visit: Visit, metrics: MessageMetrics) -> None:
        """Keep a visit until it is written."""
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            metrics.click_lost()
        self._remember(visit)
        visit.taken_at = time.monotonic()
        self._waiting.append(visit)

    async def run(self, db: Database, stopping: asyncio.Event) -> None:
        """Write what has waited for `AT_ONCE`, and all that waits when the process stops (a service)."""
        is_last, seconds = False, _TICK_SECONDS
        while not is_last:
            await asyncio.sleep(seconds)
            is_last = stopping.is_set()
            until = inf if is_last else time.monotonic() - AT_ONCE.total_seconds()
            await self.write(db, until=until)
            is_late = self._tried or (self._waiting and self._waiting[0].taken_at <= until)
            seconds = _LATE_SECONDS if is_late else _TICK_SECONDS

    async def write(self, db: Database, *, until: float = inf) -> int:
        """Write what was taken before a moment (monotonic), and return how many that were."""
        taken: dict[AccountId, list[Visit]] = {account_id: [] for account_id in self._tried}
        count = len(self)
        while self._waiting and self._waiting[0].taken_at <= until:
            one = self._waiting.popleft()
            taken.setdefault(one.link.account_id, []).append(one)
        count -= len(self._waiting)
        for account_id, of_account in taken.items():
            visits = of_account.copy()
            try:
                await self._write(db, account_id, visits)
            except Exception as error:  # noqa: BLE001 - what is left waits for the next time
                log_failure("clicks_not_written", error, count=len(visits))
                self._waiting.extendleft(reversed(of_account[len(of_account) - len(visits) :]))
        return count

    async def record(self, db: Database, account_id: AccountId, visits: list[Visit]) -> None:
        """Write visits of an account's links now; those that are written are taken from the list."""
        for visit in visits:
            self._remember(visit)
        await self._write(db, account_id, visits)

    async def _write(self, db: Database, account_id: AccountId, visits: list[Visit]) -> None:
        """Write visits; those that are written, or are kept as tried, are taken from the list.

        The next ones are made ready while the database takes those before them.
        """
        if account_id in self._tried:
            await db.run(_append_again, account_id, self._tried[account_id])
            del self._tried[account_id]
        ready, start = None, 0
        while ready is not None or start < len(visits):
            together = visits[start : start + _MAX_TOGETHER]
            coming = asyncio.create_task(db.read(_made_ready, account_id, together, self)) if together else None
            try:
                if ready is not None:
                    del visits[: ready.count]
                    start -= ready.count
                    await self._append(db, account_id, ready)
            finally:
                ready = await coming if coming is not None else None
            start += len(together)

    async def _append(self, db: Database, account_id: AccountId, ready: "_Ready") -> None:
        try:
            await db.run(_append_clicks, account_id, ready)
        except Exception:
            self._tried[account_id] = ready
            raise

    def reasons_of(self, visit: Visit) -> list[Reason]:
        """Return why a visit is a machine's, by what else its address has done and what else was opened."""
        reasons = list(visit.reasons)
        if visit.is_hidden or self._has_followed_hidden(visit):
            reasons.append(Reason.HIDDEN_LINK)
        opened = self._opened.get(visit.link.message_id) if visit.link.message_id else None
        if opened and len(opened) > 1:
            at = _account_time(visit)
            others = (then for link, then in opened.items() if link != visit.link.link_id)
            if any(abs(at - then) < AT_ONCE for then in others):
                reasons.append(Reason.ALL_AT_ONCE)
        return reasons

    def _has_followed_hidden(self, visit: Visit) -> bool:
        """Tell whether a visit's address has followed what nobody sees, of the same message, within a minute."""
        then = self._followed_hidden.get((visit.link.message_id, visit.address)) if visit.link.message_id else None
        return then is not None and abs(visit.at - then) <= _HIDDEN_COUNTS

    def _remember(self, visit: Visit) -> None:
        """Remember what is looked at for other visits."""
        message_id = visit.link.message_id
        if message_id is None:
            return
        if visit.is_hidden:
            self._followed_hidden[message_id, visit.address] = visit.at
        self._opened.setdefault(message_id, {})[visit.link.link_id] = _account_time(visit)
        for remembered in (self._followed_hidden, self._opened):
            if len(remembered) > _MAX_REMEMBERED:
                remembered.popitem(last=False)


def _account_time(visit: Visit) -> datetime:
    return visit.at + visit.link.clock_offset


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """Clicks that are ready to be written; none of an account that is gone."""

    count: int
    clock_offset: timedelta = timedelta()
    events: Sequence[NewEvent] = ()
    event_ids: Sequence[UUID] = ()
    classes: Counter[str] = field(default_factory=Counter)


async def _made_ready(tx: Tx, account_id: AccountId, visits: Sequence[Visit], clicks: Clicks) -> _Ready:
    """Say of visits who they were, and where they are told, in the order in which they came."""
    account = await tx.fetchrow(SQL["account_of_clicks"], account_id)
    if account is None:
        return _Ready(count=len(visits))
    offset: timedelta = account["clock_offset"]
    tx.adopt_clock(offset)
    endpoints = await _endpoints(tx, account_id, visits)
    deliveries = await _deliveries(tx, account_id, visits)
    events: list[NewEvent] = []
    machines = 0
    for place, visit in enumerate(visits, 1):
        if not place % _MAX_AT_A_TIME:
            await asyncio.sleep(0)
        at = visit.at + offset
        reasons = clicks.reasons_of(visit)
        link = visit.link
        if link.message_id in deliveries and is_too_soon(at, *deliveries[link.message_id]):
            reasons.append(Reason.TOO_SOON)
        machines += bool(reasons)
        is_called_back = link.message_id is not None and not (reasons and account["human_clicks_only"])
        events.append(
            NewEvent(
                kind=CLICKED,
                at=at,
                sending_id=link.sending_id,
                message_id=link.message_id,
                data=_data(visit, reasons),
                endpoint_id=endpoints.get(link.sending_id) if is_called_back else None,
            )
        )
    classes = Counter({VisitorClass.HUMAN.value: len(visits) - machines, VisitorClass.MACHINE.value: machines})
    ids = tx.new_uuids(len(events))
    return _Ready(count=len(visits), clock_offset=offset, events=events, event_ids=ids, classes=classes)


async def _append_again(tx: Tx, account_id: AccountId, ready: _Ready) -> None:
    """Append what may have been appended: all of it or nothing, in one transaction."""
    is_there = ready.event_ids and await tx.fetchval(SQL["is_click_there"], account_id, ready.event_ids[0])
    if not is_there:
        await _append_clicks(tx, account_id, ready)


async def _append_clicks(tx: Tx, account_id: AccountId, ready: _Ready) -> None:
    tx.adopt_clock(ready.clock_offset)
    await append_events(tx, account_id, ready.events, event_ids=ready.event_ids)
    metrics = tx.process_state(MessageMetrics)
    tx.counts(lambda: metrics.clicked(ready.classes))


def _data(visit: Visit, reasons: Sequence[Reason]) -> dict[str, object]:
    """Return what is kept of a click; what is not known is left out."""
    link, browser = visit.link, browser_of(visit.agent)
    visitor = VisitorClass.MACHINE if reasons else VisitorClass.HUMAN
    data: dict[str, object] = {"class": visitor, "short_code": link.code, "ip": visit.address}
    if link.url is not None:
        data["url"] = link.url
    else:
        data["page"] = link.page_key
    if link.name:
        data["name"] = link.name
    if browser.browser:
        data["browser"] = browser.browser
    if browser.os:
        data["os"] = browser.os
    if reasons:
        data["reasons"] = list(dict.fromkeys(reasons))
    return data


async def _endpoints(tx: Tx, account_id: AccountId, visits: Sequence[Visit]) -> dict[UUID | None, int]:
    ids = sorted({one for visit in visits if (one := visit.link.sending_id) is not None})
    rows = await tx.fetch(SQL["endpoints_of_sendings"], account_id, ids, ids[0], ids[-1]) if ids else []
    return {row["sending_id"]: row["endpoint_id"] for row in rows}


async def _deliveries(
    tx: Tx, account_id: AccountId, visits: Sequence[Visit]
) -> dict[UUID | None, tuple[datetime | None, datetime | None]]:
    ids = sorted({one for visit in visits if (one := visit.link.message_id) is not None})
    rows = await tx.fetch(SQL["deliveries"], account_id, ids, ids[0], ids[-1]) if ids else []
    return {row["message_id"]: (row["delivered_at"], row["submitted_at"]) for row in rows}


async def tell_human_clicks_only(tx: Tx, actor: Actor, *, only: bool) -> None:
    """Set whether callbacks tell the clicks of people alone. Events and reports have all of them."""
    await tx.execute(SQL["set_human_clicks_only"], actor.account_id, only)
