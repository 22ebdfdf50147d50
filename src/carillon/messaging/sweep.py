"""The sweep: a message without a receipt, long after its validity has ended, ends unknown."""

from datetime import timedelta
from uuid import UUID

from asyncpg import Record

from carillon.carriers.failures import Failure
from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId
from carillon.messaging.account_clock import take_account_clock, worker_actor
from carillon.messaging.ledger import Move, move_messages
from carillon.messaging.states import MessageState

SQL = load_statements("carillon.messaging", "sweep.sql")

RECEIPT_GRACE = timedelta(hours=1)
"""So long after the end of its validity a message may still get its receipt."""

_SENDINGS_AT_ONCE = 500
_MESSAGES_AT_ONCE = 5_000
_LATE = timedelta(hours=1)


async def sweep_messages(db: Database) -> None:
    """Sweep all accounts (a periodic job)."""
    for row in await db.read(_accounts):
        actor = worker_actor(AccountId(row["account_id"]), row["clock_offset"])
        while await db.run_at_once(sweep_account, actor):
            pass


async def _accounts(tx: Tx) -> list[Record]:
    return await tx.fetch(SQL["accounts_to_sweep"], tx.real_now)


async def sweep_account(tx: Tx, actor: Actor) -> bool:
    """End some messages of an account that had no receipt in time; False where there are no more."""
    await take_account_clock(tx, actor.account_id)
    rows = await tx.fetch(SQL["sendings_to_sweep"], actor.account_id, tx.now, _SENDINGS_AT_ONCE)
    sendings: list[UUID] = [row["sending_id"] for row in rows]
    if not sendings:
        return False
    found = await tx.fetch(SQL["unreceipted"], actor.account_id, sendings, _MESSAGES_AT_ONCE)
    if not found:
        await tx.execute(SQL["postpone_sweep"], actor.account_id, sendings, tx.now + _LATE)
        return True
    moves = [
        Move(message_id=row["message_id"], state=MessageState.UNKNOWN, at=tx.now, reason=_reason(row["reason"]))
        for row in found
    ]
    await move_messages(tx, actor.account_id, moves)
    return True


async def oldest_open(tx: Tx) -> UUID | None:
    """Return the earliest sending of all accounts that is not over; None where all are.

    One that was scheduled for long is older than what is kept while its receipts come, or its money is reserved.
    """
    found: UUID | None = await tx.fetchval(SQL["oldest_open"])
    return found


def _reason(code: str | None) -> Failure | None:
    return Failure(code) if code else None
