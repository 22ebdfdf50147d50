"""Leases of rows: which are valid, and what workers have in common whose work is an account's due rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from carillon.db.database import Database, Tx
from carillon.kit.ids import AccountId
from carillon.workers.shape import Claimed

if TYPE_CHECKING:
    from asyncpg import Record

# No lease and no pause before another attempt is longer. One that ends later was begun before the clock was set back;
# it is over, as nobody can tell when it would have ended. Whoever has it is told apart by the number of its attempt.
_LONGEST = timedelta(minutes=1)
_AT_ONCE = 500


def valid_leases(tx: Tx) -> tuple[datetime, datetime]:
    """Return the moments between which a lease ends that is valid."""
    return tx.real_now, tx.real_now + _LONGEST


def columns_of(rows: "Iterable[Record]", names: Sequence[str]) -> list[list[Any]]:
    """Return columns of rows, as statements take them apart with `unnest`."""
    kept = list(rows)
    return [[row[name] for row in kept] for name in names]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedRows(Claimed):
    """Rows of an account that are due together, longest due first, and held: one piece of work."""

    rows: "Sequence[Record]"


class DueRowsWorker:
    """What is the same of workers whose pieces are all due rows of an account (`workers.shape.Worker`).

    The statements of their tables, whose account is $1:

    * `accounts_due`, across accounts: $1 and $2 are `valid_leases`.
    * `claim_due`: $2 and $3 are `valid_leases`, $4 is how many rows, $5 when their lease ends. It returns `due_at`, in
      the account's time, `work_id`, `clock_offset`, and what `key` names.
    * `lease_held`: behind the account come the columns of `key`, which prove the claim, and when the lease ends.

    What failed is claimed again when its lease ends, and what is due by then goes before it.
    """

    lease: timedelta = timedelta(seconds=10)
    max_attempts: int = 1_000_000
    turn: int = 1
    keeps_order: bool = False

    accounts_due: ClassVar[str]
    claim_due: ClassVar[str]
    lease_held: ClassVar[str]
    key: ClassVar[Sequence[str]]

    async def due_accounts(self, tx: Tx) -> Sequence[AccountId]:
        """List the accounts that have due rows."""
        return [AccountId(row["account_id"]) for row in await tx.fetch(self.accounts_due, *valid_leases(tx))]

    async def claim(self, db: Database, account_id: AccountId, limit: int) -> Sequence[ClaimedRows]:
        """Take what is due of an account, as one piece."""
        del limit
        rows = sorted(await db.run_statement(self._claim, account_id), key=lambda row: (row["due_at"], row["work_id"]))
        if not rows:
            return []
        offset: timedelta = rows[0]["clock_offset"]
        return [
            ClaimedRows(
                account_id=account_id,
                clock_offset=offset,
                work_id=rows[0]["work_id"],
                attempt=1,  # each row counts its own claims
                due_at=rows[0]["due_at"] - offset,
                rows=rows,
            )
        ]

    async def _claim(self, tx: Tx, account_id: AccountId) -> "list[Record]":
        return await tx.fetch(self.claim_due, account_id, *valid_leases(tx), _AT_ONCE, tx.real_now + self.lease)

    async def renew(self, tx: Tx, held: Sequence[ClaimedRows]) -> None:
        """Extend leases."""
        for work in held:
            await self._lease(tx, work, tx.real_now + self.lease)

    async def reschedule(self, tx: Tx, work: ClaimedRows, *, counts: bool) -> None:
        """Let it be claimed again when its lease ends."""

    async def fail(self, tx: Tx, work: ClaimedRows) -> None:
        """Let it be claimed again when its lease ends."""

    async def release(self, tx: Tx, held: Sequence[ClaimedRows]) -> None:
        """Let go what was not begun."""
        for work in held:
            await self._lease(tx, work, None)

    async def _lease(self, tx: Tx, work: ClaimedRows, until: datetime | None) -> None:
        await tx.execute(self.lease_held, work.account_id, *columns_of(work.rows, self.key), until)
