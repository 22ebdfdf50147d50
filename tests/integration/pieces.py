"""A worker for tests of the host: pieces of work in a table of their own, performed by a function of the test."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from carillon.db.database import Database, Tx
from carillon.kit.ids import AccountId
from carillon.workers.shape import Claimed

DUE = "pieces_due"

_TABLE = """
CREATE TABLE piece (
    account_id bigint NOT NULL,
    piece_id uuid NOT NULL,
    state text NOT NULL DEFAULT 'pending',
    attempts integer NOT NULL DEFAULT 0,
    leased_until timestamptz,
    PRIMARY KEY (account_id, piece_id)
)"""
_DUE = """
SELECT DISTINCT account_id FROM piece
WHERE state = 'pending' AND (leased_until IS NULL OR leased_until < $1) ORDER BY account_id"""
_CLAIM = """
WITH k AS MATERIALIZED (
    SELECT account_id, piece_id FROM piece
    WHERE account_id = $1 AND state = 'pending' AND (leased_until IS NULL OR leased_until < $2)
    ORDER BY piece_id LIMIT $4 FOR UPDATE SKIP LOCKED
)
UPDATE piece p SET attempts = p.attempts + 1, leased_until = $3
FROM k WHERE p.account_id = $1 AND p.piece_id = k.piece_id RETURNING p.piece_id, p.attempts"""
_RENEW = (
    "UPDATE piece SET leased_until = $3 WHERE account_id = $1 AND piece_id = ANY ($2::uuid[]) AND state = 'pending'"
)
_END = """
UPDATE piece SET state = $4, leased_until = $5, attempts = attempts - $6
WHERE account_id = $1 AND piece_id = $2 AND attempts = $3 AND state = 'pending' RETURNING TRUE"""


async def make_pieces(db: Database, account_id: int, count: int) -> list[UUID]:
    """Make pieces of an account, which wake their workers."""

    async def make(tx: Tx) -> list[UUID]:
        ids = [tx.new_uuid() for _ in range(count)]
        for one in ids:
            await tx.execute("INSERT INTO piece (account_id, piece_id) VALUES ($1, $2)", account_id, one)
        tx.wakes(DUE, account_id)
        return ids

    await db.run(Tx.execute, _TABLE.replace("TABLE", "TABLE IF NOT EXISTS", 1))
    return await db.run(make)


async def states(db: Database) -> dict[UUID, tuple[str, int]]:
    """Return state and attempts of every piece."""
    rows = await db.read(Tx.fetch, "SELECT piece_id, state, attempts FROM piece")
    return {row["piece_id"]: (row["state"], row["attempts"]) for row in rows}


async def _nothing(_piece: Claimed) -> None:
    pass


@dataclass(kw_only=True)
class PieceWorker:
    """A worker (`workers.shape.Worker`) that remembers what it has performed, in order."""

    effect: Callable[[Claimed], Awaitable[None]] = _nothing
    name: str = "pieces"
    topic: str = DUE
    lease: timedelta = timedelta(seconds=6)
    max_attempts: int = 3
    turn: int = 2
    concurrency: int = 1
    keeps_order: bool = True
    can_list: bool = True
    out_of_reach: int = 0
    performed: list[Claimed] = field(default_factory=list)
    prepared: list[UUID] = field(default_factory=list)
    listed: asyncio.Event = field(default_factory=asyncio.Event)

    async def due_accounts(self, tx: Tx) -> Sequence[AccountId]:
        self.listed.set()
        if not self.can_list:
            await tx.fetch("SELECT a_node_is_down")
        return [AccountId(row["account_id"]) for row in await tx.fetch(_DUE, tx.real_now)]

    async def claim(self, db: Database, account_id: AccountId, limit: int) -> Sequence[Claimed]:
        async def claim(tx: Tx) -> Sequence[Claimed]:
            if account_id == self.out_of_reach:
                await tx.fetch("SELECT a_node_is_down")
            now = tx.real_now
            rows = await tx.fetch(_CLAIM, account_id, now, now + self.lease, limit)
            return [
                Claimed(
                    account_id=account_id,
                    clock_offset=timedelta(),
                    work_id=row["piece_id"],
                    attempt=row["attempts"],
                    due_at=now,
                )
                for row in sorted(rows, key=lambda row: row["piece_id"])
            ]

        return await db.run(claim)

    async def renew(self, tx: Tx, held: Sequence[Claimed]) -> None:
        await tx.execute(_RENEW, held[0].account_id, [one.work_id for one in held], tx.real_now + self.lease)

    async def prepare(self, _db: Database, work: Claimed) -> UUID:
        self.prepared.append(work.work_id)
        return work.work_id

    async def perform(self, db: Database, work: Claimed, prepared: UUID) -> int | None:
        assert prepared == work.work_id
        await self.effect(work)
        done = await db.run(_end, work, "done", None, 0)
        self.performed.append(work)
        return 10 if done else None

    async def reschedule(self, tx: Tx, work: Claimed, *, counts: bool) -> None:
        await _end(tx, work, "pending", None, int(not counts))

    async def fail(self, tx: Tx, work: Claimed) -> None:
        await _end(tx, work, "failed", None, 0)

    async def release(self, tx: Tx, held: Sequence[Claimed]) -> None:
        for work in held:
            await _end(tx, work, "pending", None, 1)


async def _end(tx: Tx, work: Claimed, state: str, due_at: object, undone: int) -> bool:
    ended = await tx.fetchval(_END, work.account_id, work.work_id, work.attempt, state, due_at, undone)
    return bool(ended)
