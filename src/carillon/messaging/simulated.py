"""What the simulated network and its phones do later, kept as rows and brought in the account's own time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from carillon.carriers.contract import Inbox, Later, Opened, Receipt, Reply
from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.links.phones import open_links
from carillon.messaging.inbound import decode_simulated, encode_inbound
from carillon.workers.leases import ClaimedRows, DueRowsWorker, columns_of

SQL = load_statements("carillon.messaging", "simulated.sql")

SIMULATED_DUE = "simulated_due"
"""The topic of what the simulated network does; its keys are accounts."""


@dataclass(slots=True)
class ReadInbound:
    """What comes in, by carrier, and the URLs that phones open, with the real time of each."""

    received: dict[int, list[Receipt | Reply]] = field(default_factory=dict)
    opened: list[tuple[str, datetime]] = field(default_factory=list)


async def keep_for_later(tx: Tx, actor: Actor, carrier_id: int, later: Sequence[Later]) -> None:
    """Keep what a simulated network will do, from now on by so much."""
    ids = tx.new_uuids(len(later))
    due = [tx.now + one.after for one in later]
    content = [encode_inbound(one.inbound) for one in later]
    await tx.execute(SQL["keep_for_later"], actor.account_id, carrier_id, ids, due, content)
    if any(not one.after for one in later):
        tx.wakes(SIMULATED_DUE, actor.account_id)


class SimulatedWorker(DueRowsWorker):
    """Brings receipts and replies of the simulated network when they are due (`workers.shape.Worker`)."""

    name = "simulated"
    topic = SIMULATED_DUE
    concurrency = 2
    accounts_due, claim_due = SQL["accounts_with_inbound"], SQL["claim_inbound"]
    lease_held, key = SQL["lease_inbound"], ("work_id", "attempts")

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def prepare(self, db: Database, work: ClaimedRows) -> ReadInbound:
        """Read what comes."""
        del db
        found = ReadInbound()
        for row in work.rows:
            inbound = decode_simulated(row["content"])
            if isinstance(inbound, Opened):
                found.opened.append((inbound.url, row["due_at"] - work.clock_offset))
            else:
                found.received.setdefault(row["carrier_id"], []).append(inbound)
        return found

    async def perform(self, db: Database, work: ClaimedRows, prepared: ReadInbound) -> int | None:
        """Bring it in, as often as it takes: receipts that come twice change nothing."""
        for carrier_id, received in prepared.received.items():
            await self._inbox.take(carrier_id, received)
        if prepared.opened:
            await open_links(db, work.account_id, prepared.opened)
        await db.run_statement(_end, work)
        return len(work.rows)


async def _end(tx: Tx, work: ClaimedRows) -> None:
    await tx.execute(SQL["end_inbound"], work.account_id, *columns_of(work.rows, ["work_id"]))
