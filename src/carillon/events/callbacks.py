"""The worker of callbacks: turns over the endpoints of an account, several at once."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta

from carillon.db.database import Database, Tx
from carillon.db.topics import Listener
from carillon.events.delivery import Delivery
from carillon.events.format import CallbackFormat
from carillon.events.log import CALLBACKS_DUE
from carillon.events.queue import (
    LEASE,
    HeldEndpoint,
    HeldEndpoints,
    LostLeaseError,
    accounts_with_callbacks,
    claim_endpoints,
    release_endpoints,
    renew_leases,
)
from carillon.kit.ids import AccountId
from carillon.outbound.client import HttpClient

# An account's turn: another account, of as many as have a turn at once, waits no longer than that and one call.
_TURN_SECONDS = 3.0
_ENDPOINTS_AT_ONCE = 16
# While an endpoint takes its time, others of its account that have become due are looked for so often, and when woken.
_LOOK_SECONDS = 1.0
_PAUSE_AFTER_FAILURE = timedelta(seconds=5)


class CallbackWorker:
    """Tells events to endpoints (`workers.shape.Worker`), each dialect's in its format.

    A piece of work is an account's turn: the endpoints that are due, each delivered to by a task of its own, so that
    one that doesn't answer holds up only itself.
    """

    name = "callbacks"
    topic = CALLBACKS_DUE
    lease = LEASE
    # Attempts are counted by callback, in its dialect's schedule: a turn never fails for good.
    max_attempts = 2
    turn = 1
    # A turn waits for the network most of its time, without a connection to the database.
    concurrency = 128
    keeps_order = False

    def __init__(self, client: HttpClient, formats: Sequence[CallbackFormat]) -> None:
        self._client = client
        self._formats: Mapping[str, CallbackFormat] = {one.dialect: one for one in formats}
        if too_slow := [one.dialect for one in formats if one.timeout_seconds * 2 > LEASE.total_seconds()]:
            raise ValueError(f"calls of {too_slow} may take longer than half of a lease")

    async def due_accounts(self, tx: Tx) -> Sequence[AccountId]:
        """List the accounts that have endpoints to claim."""
        return await accounts_with_callbacks(tx, list(self._formats))

    async def claim(self, db: Database, account_id: AccountId, limit: int) -> Sequence[HeldEndpoints]:
        """Take the account's endpoints that are due, as one piece."""
        del limit
        held = await db.run(claim_endpoints, account_id, list(self._formats), _ENDPOINTS_AT_ONCE)
        return [] if held is None else [held]

    async def renew(self, tx: Tx, held: Sequence[HeldEndpoints]) -> None:
        """Extend leases."""
        for one in held:
            await renew_leases(tx, one)

    async def prepare(self, db: Database, work: HeldEndpoints) -> None:
        """Prepare nothing: what waits is read while it is told."""

    async def perform(self, db: Database, work: HeldEndpoints, prepared: None) -> int | None:
        """Tell what waits for the endpoints. Returns the number of calls that succeeded."""
        del prepared
        turn = _AccountTurn(db, self._client, self._formats, work)
        return await turn.run()

    async def reschedule(self, tx: Tx, work: HeldEndpoints, *, counts: bool) -> None:
        """Release the endpoints whose turn was interrupted, for a pause."""
        del counts
        await release_endpoints(tx, work, tx.now + _PAUSE_AFTER_FAILURE)

    async def fail(self, tx: Tx, work: HeldEndpoints) -> None:
        """Do as `reschedule` does."""
        await self.reschedule(tx, work, counts=True)

    async def release(self, tx: Tx, held: Sequence[HeldEndpoints]) -> None:
        """Release endpoints that are not begun."""
        for one in held:
            await release_endpoints(tx, one)


class _AccountTurn:
    """Tasks that deliver to an account's endpoints; while one takes its time, others that become due are claimed."""

    def __init__(
        self, db: Database, client: HttpClient, formats: Mapping[str, CallbackFormat], work: HeldEndpoints
    ) -> None:
        self._db = db
        self._client = client
        self._formats = formats
        self._work = work
        self._ends_at = time.monotonic() + _TURN_SECONDS
        self._running: dict[asyncio.Task[int], int] = {}

    async def run(self) -> int:
        """Run until every delivery has ended. Raises the first failure then; its endpoint stays in `work`."""
        calls, failures = 0, []
        try:
            with self._db.topics.listen(CALLBACKS_DUE, str(self._work.account_id)) as listener:
                self._start(self._work.endpoints)
                while self._running:
                    woken = await self._wait(listener)
                    for task in [one for one in self._running if one.done()]:
                        try:
                            calls += self._end(task)
                        except Exception as error:  # noqa: BLE001 - the others go on
                            failures.append(error)
                    if woken:
                        await self._claim_more()
        finally:
            for task in self._running:
                task.cancel()
            await asyncio.gather(*self._running, return_exceptions=True)
        if failures:
            raise failures[0]
        return calls

    async def _wait(self, listener: Listener) -> bool:
        """Wait until a delivery has ended, or it is time to look for others; tell whether it is."""
        looking = asyncio.create_task(listener.wait(_LOOK_SECONDS))
        try:
            await asyncio.wait({*self._running, looking}, return_when=asyncio.FIRST_COMPLETED)
            return looking.done()
        finally:
            looking.cancel()

    def _start(self, endpoints: Mapping[int, HeldEndpoint]) -> None:
        for endpoint_id, endpoint in endpoints.items():
            callback_format = self._formats[endpoint.place.dialect]
            delivery = Delivery(self._db, self._client, callback_format, self._work, endpoint, ends_at=self._ends_at)
            self._running[asyncio.create_task(delivery.run())] = endpoint_id

    def _end(self, task: asyncio.Task[int]) -> int:
        endpoint_id = self._running.pop(task)
        try:
            calls = task.result()
        except LostLeaseError:
            calls = 0
        self._work.endpoints.pop(endpoint_id, None)
        return calls

    async def _claim_more(self) -> None:
        room = _ENDPOINTS_AT_ONCE - len(self._running)
        if not self._running or room <= 0 or time.monotonic() > self._ends_at:
            return
        more = await self._db.run(claim_endpoints, self._work.account_id, list(self._formats), room)
        if more is not None:
            self._work.endpoints.update(more.endpoints)
            self._start(more.endpoints)
