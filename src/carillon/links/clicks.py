"""Clicks: who has opened which link. They are kept in memory for half a second and written together, as events.

A process that is killed loses what it took in its last second, and nothing that was written before. What can't be
written waits; a process keeps at most MAX_WAITING.
"""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

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
_WRITTEN_SECONDS = 0.5
_MAX_TOGETHER = 5_000
# Who has followed a link that nobody sees, and what was opened of a message, is remembered by this process.
_MAX_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request for a link: `at` is real time, `address` the visitor's, `reasons` what it said of itself."""

    link: Link
    at: datetime
    address: str = field(repr=False)
    agent: str = field(repr=False)
    reasons: tuple[Reason, ...]
    is_hidden: bool = False


class Clicks:
    """The clicks that wait to be written in this process (`Database.process_state`)."""

    def __init__(self) -> None:
        self._waiting: deque[Visit] = deque()
        self._followed_hidden: dict[tuple[AccountId, str], datetime] = {}
        self._opened: dict[UUID, dict[UUID, datetime]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, visit: Visit, metrics: MessageMetrics) -> None:
        """Keep a visit until it is written."""
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            metrics.click_lost()
        self._waiting.append(visit)

    async def run(self, db: Database, stopping: asyncio.Event) -> None:
        """Write what waits, every half second, until the process stops (a service)."""
        while not stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), _WRITTEN_SECONDS)
            await self.write(db)

    async def write(self, db: Database) -> int:
        """Write what waits, and return how many that were."""
        visits = list(self._waiting)
        self._waiting.clear()
        by_account: dict[AccountId, list[Visit]] = {}
        for visit in visits:
            by_account.setdefault(visit.link.account_id, []).append(visit)
        for account_id, of_account in by_account.items():
            for start in range(0, len(of_account), _MAX_TOGETHER):
                together = of_account[start : start + _MAX_TOGETHER]
                try:
                    await self.record(db, account_id, together)
                except Exception as error:  # noqa: BLE001 - they wait for the next time
                    log_failure("clicks_not_written", error, count=len(together))
                    self._waiting.extendleft(reversed(together))
        return len(visits)

    async def record(self, db: Database, account_id: AccountId, visits: Sequence[Visit]) -> None:
        """Write visits of an account's links now."""
        if visits:
            await db.run(_write_clicks, account_id, visits, self)

    def reasons_of(self, visit: Visit, at: datetime) -> list[Reason]:
        """Return why a visit is a machine's, by what else its address has done and what else was opened.

        `at` is in the account's time.
        """
        reasons = list(visit.reasons)
        who = (visit.link.account_id, visit.address)
        if visit.is_hidden or who in self._followed_hidden:
            reasons.append(Reason.HIDDEN_LINK)
        message_id = visit.link.message_id
        if message_id is not None:
            others = (then for link, then in self._opened.get(message_id, {}).items() if link != visit.link.link_id)
            if any(abs(at - then) < AT_ONCE for then in others):
                reasons.append(Reason.ALL_AT_ONCE)
        return reasons

    def remember(self, visits: Sequence[Visit], clock_offset: timedelta) -> None:
        """Remember what is looked at for other visits."""
        if len(self._opened) > _MAX_REMEMBERED:
            self._opened.clear()
        if len(self._followed_hidden) > _MAX_REMEMBERED:
            self._followed_hidden.clear()
        for visit in visits:
            if visit.is_hidden:
                self._followed_hidden[visit.link.account_id, visit.address] = visit.at
            if visit.link.message_id is not None:
                self._opened.setdefault(visit.link.message_id, {})[visit.link.link_id] = visit.at + clock_offset


async def _write_clicks(tx: Tx, account_id: AccountId, visits: Sequence[Visit], clicks: Clicks) -> None:
    """Write an account's clicks as events, in the order in which they came."""
    account = await tx.fetchrow(SQL["account_of_clicks"], account_id)
    if account is None:
        return
    tx.adopt_clock(account["clock_offset"])
    endpoints = await _endpoints(tx, account_id, visits)
    deliveries = await _deliveries(tx, account_id, visits)
    clicks.remember(visits, account["clock_offset"])
    events: list[NewEvent] = []
    counts: Counter[str] = Counter()
    for visit in visits:
        at = visit.at + account["clock_offset"]
        reasons = clicks.reasons_of(visit, at)
        link = visit.link
        if link.message_id in deliveries and is_too_soon(at, *deliveries[link.message_id]):
            reasons.append(Reason.TOO_SOON)
        visitor = VisitorClass.MACHINE if reasons else VisitorClass.HUMAN
        counts[visitor] += 1
        is_called_back = not (reasons and account["human_clicks_only"])
        events.append(
            NewEvent(
                kind=CLICKED,
                at=at,
                sending_id=link.sending_id,
                message_id=link.message_id,
                data=_data(visit, visitor, reasons),
                endpoint_id=endpoints.get(link.sending_id) if is_called_back and link.message_id else None,
            )
        )
    await append_events(tx, account_id, events)
    metrics = tx.process_state(MessageMetrics)
    tx.counts(lambda: metrics.clicked(counts))


def _data(visit: Visit, visitor: VisitorClass, reasons: Sequence[Reason]) -> dict[str, object]:
    link, browser = visit.link, browser_of(visit.agent)
    data: dict[str, object] = {
        "url": link.url,
        "page": link.page_key,
        "class": visitor,
        "code": link.code,
        "name": link.name,
        "ip": visit.address,
        "browser": browser.browser,
        "os": browser.os,
    }
    if reasons:
        data["reasons"] = list(dict.fromkeys(reasons))
    return {key: value for key, value in data.items() if value}


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
