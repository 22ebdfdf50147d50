"""An account's turn: claim some of its work, and perform it under a lease that is renewed meanwhile."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Generic

from carillon.db.database import Database
from carillon.errors import UnavailableError
from carillon.kit.ids import AccountId
from carillon.metrics import WorkMetrics
from carillon.workers.failures import log_failure, logged
from carillon.workers.shape import Prepared, Work, Worker

# A lease is renewed so often while it lasts: a renewal may fail, or find its row locked for a moment.
_RENEWALS = 3
# While the database is unavailable attempts are counted that can't be given back. So long after it no number of them
# says that the work is at fault: it is tried again, and if it is at fault it fails later.
_OUTAGE_SECONDS = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """How many pieces were claimed, and how many of them were done."""

    claimed: int
    done: int


class Performer(Generic[Work, Prepared]):
    """Performs one worker's work, turn by turn."""

    def __init__(self, db: Database, worker: Worker[Work, Prepared], metrics: WorkMetrics) -> None:
        self._db = db
        self._worker = worker
        self._metrics = metrics

    async def turn(self, account_id: AccountId, stopping: asyncio.Event) -> Turn:
        """Claim and perform some of an account's work."""
        held = await self._worker.claim(self._db, account_id, self._worker.turn)
        return await self.perform(held, stopping) if held else Turn(claimed=0, done=0)

    async def perform(self, held: Sequence[Work], stopping: asyncio.Event) -> Turn:
        """Perform what is claimed.

        What isn't begun is released when the process is stopping, or when the order is kept and a piece isn't done.
        """
        now = self._db.clock.now()
        self._metrics.claimed(self._worker.name, [(now - work.due_at).total_seconds() for work in held])
        begun = done = 0
        try:
            async with self._renewing(held), self._preparing(held) as preparing:
                for work, prepared in zip(held, preparing, strict=True):
                    if stopping.is_set() or (self._worker.keeps_order and done < begun):
                        break
                    begun += 1
                    done += await self._attempt(work, prepared)
            if begun < len(held):
                await self._db.run(self._worker.release, held[begun:])
        finally:
            self._metrics.ended(self._worker.name, len(held))
        return Turn(claimed=len(held), done=done)

    async def _attempt(self, work: Work, prepared: "asyncio.Task[Prepared]") -> bool:
        """Perform a piece; False when it has to be tried again, has failed, or is held by another process by now."""
        worker = self._worker
        if work.attempt > worker.max_attempts and self._are_counted_well:  # each process that tried it died of it
            await self._fail(work)
            return False
        began = time.perf_counter()
        try:
            units = await worker.perform(self._db, work, await prepared)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one piece, the others go on
            ids = {"work_id": str(work.work_id), "account_id": work.account_id, "attempt": work.attempt}
            log_failure("work_interrupted", error, worker=worker.name, **ids)
            await self._retry(work, counts=not isinstance(error, UnavailableError))
            return False
        if units is None:
            return False
        self._metrics.done(worker.name, units, time.perf_counter() - began)
        return True

    async def _retry(self, work: Work, *, counts: bool) -> None:
        if counts and work.attempt >= self._worker.max_attempts and self._are_counted_well:
            await self._fail(work)
            return
        await self._db.run(self._worker.reschedule, work, counts=counts)
        self._metrics.retried(self._worker.name)

    @property
    def _are_counted_well(self) -> bool:
        return not self._db.outages.within(_OUTAGE_SECONDS)

    async def _fail(self, work: Work) -> None:
        await self._db.run(self._worker.fail, work)
        self._metrics.failed(self._worker.name)

    @contextlib.asynccontextmanager
    async def _renewing(self, held: Sequence[Work]) -> AsyncIterator[None]:
        """Renew the leases until the block ends."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(self._worker.lease.total_seconds() / _RENEWALS)
                with logged("renewal_failed", worker=self._worker.name, account_id=held[0].account_id):
                    await self._db.run(self._worker.renew, held)

        renewing = asyncio.create_task(renew())
        try:
            yield
        finally:
            await _cancel(renewing)

    @contextlib.asynccontextmanager
    async def _preparing(self, held: Sequence[Work]) -> "AsyncIterator[Sequence[asyncio.Task[Prepared]]]":
        """Prepare the pieces, one after another, while the earlier ones are performed."""

        async def prepare(work: Work, before: "asyncio.Task[Prepared] | None") -> Prepared:
            if before:
                await asyncio.wait([before])
            return await self._worker.prepare(self._db, work)

        tasks: list[asyncio.Task[Prepared]] = []
        for work in held:
            tasks.append(asyncio.create_task(prepare(work, tasks[-1] if tasks else None)))
        try:
            yield tasks
        finally:
            await _cancel(*tasks)


async def _cancel(*tasks: "asyncio.Task[Prepared]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
