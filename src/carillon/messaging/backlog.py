"""How much waits in the whole installation, for the metrics: read now and then, never by a scrape."""

from datetime import datetime

from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.kit.traffic import TrafficClass
from carillon.message_metrics import Backlog, MessageMetrics, QueueDepth

SQL = load_statements("carillon.messaging", "backlog.sql")

_NOTHING = QueueDepth(chunks=0, messages=0, age_seconds=0.0)


async def observe_backlog(db: Database) -> None:
    """Read what waits, for this process's metrics (a periodic job).

    It reads the due chunks with their ids: a tenth of a second for a million due messages.
    """
    db.process_state(MessageMetrics).backlog = await db.read(read_backlog)


async def read_backlog(tx: Tx) -> Backlog:
    """Return what is due and waits of all accounts. Every traffic class is there, also those without anything."""
    queues = {one.name.lower(): _NOTHING for one in TrafficClass}
    for row in await tx.fetch(SQL["queue_depths"], tx.real_now):
        queues[TrafficClass(row["traffic_class"]).name.lower()] = QueueDepth(
            chunks=row["chunks"], messages=row["messages"], age_seconds=_seconds_since(tx, row["oldest"])
        )
    return Backlog(
        queues=queues,
        callbacks=await tx.fetchval(SQL["callback_depth"]),
        callback_age_seconds=_seconds_since(tx, await tx.fetchval(SQL["callback_age"], tx.real_now)),
        parked=await tx.fetchval(SQL["parked_depth"]),
    )


def _seconds_since(tx: Tx, moment: datetime | None) -> float:
    return 0.0 if moment is None else max((tx.real_now - moment).total_seconds(), 0.0)
