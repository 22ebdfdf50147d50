"""What the host runs: workers, periodic jobs and services. A feature implements them; the host owns everything else.

Work is rows with a state, a lease and a number of attempts (docs/adr/0023). A worker's part is to find the accounts
that have due work, to claim some of one account's, and to perform it; turns, leases, retries and waking are the host's.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar
from uuid import UUID

from carillon.db.database import Database, Tx
from carillon.kit.ids import AccountId


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A piece of work that is held until its lease ends.

    `attempt` counts from 1, this one included. It is the proof that no other process has claimed the work since, and is
    compared by every statement that ends it. `due_at` is the real time from which it could be claimed. `clock_offset`
    is the account's: what runs with a piece as its first argument has the account's time (`Database.transaction`).
    """

    account_id: AccountId
    clock_offset: timedelta
    work_id: UUID
    attempt: int
    due_at: datetime


Work = TypeVar("Work", bound=Claimed)
Prepared = TypeVar("Prepared")


class Worker(Protocol[Work, Prepared]):
    """One kind of work.

    `name` labels its metrics and log lines. `topic` is woken, with the account as key, by transactions that leave such
    work (`Tx.wakes`). At most `turn` pieces of an account are claimed before the next account has its turn, and
    `concurrency` accounts have one at a time in a process. What fails more than `max_attempts` times has failed for
    good. With `keeps_order` an account's work waits for the piece before it; without, it goes on behind a failure.
    """

    name: str
    topic: str
    lease: timedelta
    max_attempts: int
    turn: int
    concurrency: int
    keeps_order: bool

    async def due_accounts(self, tx: Tx) -> Sequence[AccountId]:
        """List the accounts that have due work; one statement across accounts."""
        ...

    async def claim(self, db: Database, account_id: AccountId, limit: int) -> Sequence[Work]:
        """Take some due work of an account, oldest first, under a lease; nothing where other processes hold it."""
        ...

    async def renew(self, tx: Tx, held: Sequence[Work]) -> None:
        """Extend the leases of what is held and not ended."""
        ...

    async def prepare(self, db: Database, work: Work) -> Prepared:
        """Do what can be done ahead, such as parsing: pieces are prepared while earlier ones are performed."""
        ...

    async def perform(self, db: Database, work: Work, prepared: Prepared) -> int | None:
        """Do it, and record its end in the transaction of its last effect. Returns its size in units, such as rows.

        None when another process has taken it over, or when it is gone. Any exception is a failed attempt;
        UnavailableError is one that doesn't count.
        """
        ...

    async def reschedule(self, tx: Tx, work: Work, *, counts: bool) -> None:
        """Make work that failed due again later; `counts` says whether it was an attempt."""
        ...

    async def fail(self, tx: Tx, work: Work) -> None:
        """Record that it has failed for good."""
        ...

    async def release(self, tx: Tx, held: Sequence[Work]) -> None:
        """Release what was claimed and not begun; it is due at once, and was no attempt."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A coroutine that is run when the process starts and every `interval` from then on.

    The pause varies by `jitter`, a share of it, so that processes that started together drift apart. It may run in
    several processes at once and be cancelled at any line, so it must be idempotent. After a failure it is run again
    sooner.
    """

    name: str
    interval: timedelta
    run: Callable[[Database], Awaitable[None]]
    jitter: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A coroutine that runs as long as the process: until the event that it is given is set.

    One that ends earlier, or fails, is started again after a pause. Services stop after the workers have.
    """

    name: str
    run: Callable[[asyncio.Event], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """All that a process runs beside answering calls."""

    workers: Sequence[Worker[Any, Any]] = ()
    jobs: Sequence[Job] = ()
    services: Sequence[Service] = ()
