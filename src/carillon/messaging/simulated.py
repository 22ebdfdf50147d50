"""What the simulated network and its phones do later, kept as rows and brought in the account's own time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from carillon.carriers.contract import Inbox, Later, Opened, Receipt, Reply
from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId
from carillon.links.phones import open_links
from carillon.messaging.inbound import decode_simulated, encode_inbound
from carillon.workers.shape import Claimed

if TYPE_CHECKING:
    from asyncpg import Record

SQL = load_statements("carillon.messaging", "simulated.sql")

SIMULATED_DUE = "simulated_due"
"""The topic of what the simulated network does; its keys are accounts."""

_LEASE = timedelta(seconds=10)
_LONGEST_LEASE = timedelta(minutes=1)
_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedInbound(Claimed):
    """What of an account is due, and held."""

    rows: "Sequence[Record]"


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


class SimulatedWorker:
    """Brings receipts and replies of the simulated network when they are due (`workers.shape.Worker`)."""

    name = "simulated"
    topic = SIMULATED_DUE
    lease = _LEASE
    max_attempts = 1_000_000
    turn = 1
    concurrency = 2
    keeps_order = True

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def due_accounts(self, tx: Tx) -> Sequence[AccountId]:
        """List the accounts for which something is due."""
        rows = await tx.fetch(SQL["accounts_with_inbound"], *_leased(tx))
        return [AccountId(row["account_id"]) for row in rows]

    async def claim(self, db: Database, account_id: AccountId, limit: int) -> Sequence[ClaimedInbound]:
        """Take what is due of an account."""
        del limit
        rows = await db.run_statement(_claim, account_id)
        if not rows:
            return []
        ordered = sorted(rows, key=lambda row: (row["due_at"], row["inbound_id"]))
        offset: timedelta = rows[0]["clock_offset"]
        return [
            ClaimedInbound(
                account_id=account_id,
                clock_offset=offset,
                work_id=ordered[0]["inbound_id"],
                attempt=1,
                due_at=ordered[0]["due_at"] - offset,
                rows=ordered,
            )
        ]

    async def renew(self, tx: Tx, held: Sequence[ClaimedInbound]) -> None:
        """Extend leases."""
        for work in held:
            await tx.execute(SQL["renew_inbound"], work.account_id, _ids(work), tx.real_now + _LEASE)

    async def prepare(self, db: Database, work: ClaimedInbound) -> ReadInbound:
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

    async def perform(self, db: Database, work: ClaimedInbound, prepared: ReadInbound) -> int | None:
        """Bring it in, as often as it takes: receipts that come twice change nothing."""
        for carrier_id, received in prepared.received.items():
            await self._inbox.take(carrier_id, received)
        if prepared.opened:
            await open_links(db, work.account_id, prepared.opened)
        await db.run_statement(_end, work)
        return len(work.rows)

    async def reschedule(self, tx: Tx, work: ClaimedInbound, *, counts: bool) -> None:
        """Let it go: it is due at once."""
        del counts
        await self.release(tx, [work])

    async def fail(self, tx: Tx, work: ClaimedInbound) -> None:
        """Let it go."""
        await self.release(tx, [work])

    async def release(self, tx: Tx, held: Sequence[ClaimedInbound]) -> None:
        """Let go what was not begun."""
        for work in held:
            await tx.execute(SQL["release_inbound"], work.account_id, _ids(work))


def _ids(work: ClaimedInbound) -> list[UUID]:
    return [row["inbound_id"] for row in work.rows]


async def _claim(tx: Tx, account_id: AccountId) -> "list[Record]":
    now, latest = _leased(tx)
    return await tx.fetch(SQL["claim_inbound"], account_id, now, latest, _AT_ONCE, now + _LEASE)


async def _end(tx: Tx, work: ClaimedInbound) -> None:
    await tx.execute(SQL["end_inbound"], work.account_id, _ids(work))


def _leased(tx: Tx) -> tuple[datetime, datetime]:
    return tx.real_now, tx.real_now + _LONGEST_LEASE
