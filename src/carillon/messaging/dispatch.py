"""Dispatch: claimed chunks are handed to carriers, slice by slice, and what carriers answer is recorded.

A slice is what a carrier takes at once. Before it is submitted its messages are recorded as in flight, together with
the outcomes of the slice before: a crash leaves no more of them uncertain.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial

from carillon.carriers.contract import Carrier
from carillon.db.database import Database, Tx
from carillon.errors import UnavailableError
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId
from carillon.kit.traffic import TrafficClass
from carillon.messaging.account_clock import worker_actor
from carillon.messaging.chunks import (
    CHUNKS_DUE,
    LEASE,
    ClaimedChunks,
    accounts_with_chunks,
    claim_chunks,
    release_chunks,
    renew_chunks,
    set_in_flight,
)
from carillon.messaging.plan import BegunChunks, Commit, Plan, begin
from carillon.messaging.submission import CarrierRun, Carriers, insist
from carillon.tenancy.secrets import SecretBox

_TURN_MESSAGES = 400
_PAUSE_AFTER_FAILURE = timedelta(seconds=5)
# So long an account's messages for a carrier are left alone that is down, where no other one takes them: a million of
# them would else be read and put off all the time.
_STRANDED_SECONDS = 3.0
# What is due for a carrier that nobody runs is looked at together.
_NO_CARRIER_WINDOW = 10_000


def worker_name(traffic_class: TrafficClass) -> str:
    """Name the worker that sends the chunks of a class."""
    return f"dispatch_{traffic_class.name.lower()}"


class DispatchWorker:
    """Sends the chunks of one traffic class (`workers.shape.Worker`)."""

    lease = LEASE
    max_attempts = 1_000_000
    turn = 1
    keeps_order = False

    def __init__(
        self, traffic_class: TrafficClass, carriers: Carriers, *, concurrency: int, box: SecretBox | None = None
    ) -> None:
        self._class = traffic_class
        self._carriers = carriers
        self._box = box
        self.name = worker_name(traffic_class)
        self.topic = CHUNKS_DUE[traffic_class]
        self.concurrency = concurrency
        self._stranded: dict[tuple[AccountId, int], float] = {}

    async def due_accounts(self, tx: Tx) -> Sequence[AccountId]:
        """List the accounts that have due chunks."""
        return await accounts_with_chunks(tx, self._class, self._carriers.ids())

    async def claim(self, db: Database, account_id: AccountId, limit: int) -> Sequence[ClaimedChunks]:
        """Take an account's oldest due chunks."""
        del limit  # a piece is all that is claimed at once
        carriers = [one for one in self._carriers.ids() if not self._is_stranded(account_id, one)]
        most = {one: self._most_of(one) for one in carriers}
        claimed = await claim_chunks(db, account_id, self._class, most) if most else None
        return [claimed] if claimed else []

    def _most_of(self, carrier_id: int) -> int:
        """Return how many messages a carrier can take in a turn: what it can't would be held from others meanwhile."""
        at_once = self._carriers.most_at_once(carrier_id)
        return _TURN_MESSAGES if at_once is None else max(1, min(_TURN_MESSAGES, 3 * at_once))

    async def renew(self, tx: Tx, held: Sequence[ClaimedChunks]) -> None:
        """Extend leases."""
        for work in held:
            await renew_chunks(tx, work.account_id, work.chunks)

    async def prepare(self, db: Database, work: ClaimedChunks) -> Actor:
        """Say as whom the account's suppressions are read."""
        del db
        return worker_actor(work.account_id, work.clock_offset)

    async def perform(self, db: Database, work: ClaimedChunks, prepared: Actor) -> int | None:
        """Submit, and record what became of it; None where what was to be begun was not committed."""
        carrier_ids = {chunk.carrier_id for chunk in work.chunks}
        carriers = {one: self._carriers.get(one) for one in carrier_ids}
        windows = {one: self._window(one, carrier) for one, carrier in carriers.items()}
        plan = await self._begun(db, work, prepared, windows)
        if plan is None:
            return None
        runs = [
            CarrierRun(db, work, prepared, plan, carrier_id, carriers[carrier_id], self._carriers, windows[carrier_id])
            for carrier_id in plan.tasks
            if plan.tasks[carrier_id]
        ]
        try:
            return sum(await _run_all(runs))
        finally:
            self._note_stranded(runs)

    def room(self, carrier_id: int) -> int:
        """Return how many messages a carrier gets at most that is given some now: none where it is not up here."""
        carrier = self._carriers.get(carrier_id)
        if carrier is None or not carrier.is_up:
            return 0
        return min(self._most_of(carrier_id), self._window(carrier_id, carrier))

    def _is_stranded(self, account_id: AccountId, carrier_id: int) -> bool:
        """Whether what an account has for a carrier is left alone: the carrier is down, and was the only one lately."""
        until = self._stranded.get((account_id, carrier_id), 0.0)
        carrier = self._carriers.get(carrier_id)
        return time.monotonic() < until and (carrier is None or not carrier.is_up)

    def _note_stranded(self, runs: "Sequence[CarrierRun]") -> None:
        now = time.monotonic()
        self._stranded = {key: until for key, until in self._stranded.items() if until > now}
        for run in runs:
            if run.is_stranded:
                self._stranded[run.place] = now + _STRANDED_SECONDS

    def _window(self, carrier_id: int, carrier: Carrier | None) -> int:
        """Return how many messages a slice has: few where rates are low, as they are in flight while it waits."""
        window = _NO_CARRIER_WINDOW if carrier is None else carrier.window
        most = self._carriers.most_at_once(carrier_id)
        return window if most is None else max(1, min(window, most))

    async def _begun(self, db: Database, work: ClaimedChunks, actor: Actor, windows: Mapping[int, int]) -> Plan | None:
        """Begin what isn't begun; where it is unknown whether that is committed, nothing is in flight but what was."""
        try:
            if isinstance(work, BegunChunks):
                return await _committed(work)
            return await db.run_at_once(partial(_begin, work, windows, self._box), actor)
        except UnavailableError:
            await insist(db, partial(_undo_begin, work), actor)
            raise

    async def reschedule(self, tx: Tx, work: ClaimedChunks, *, counts: bool) -> None:
        """Let the chunks go until a little later; what was in flight is uncertain."""
        del counts
        await release_chunks(
            tx, work.account_id, work.chunks, due_at=tx.real_now + work.clock_offset + _PAUSE_AFTER_FAILURE
        )

    async def fail(self, tx: Tx, work: ClaimedChunks) -> None:
        """Let the chunks go: no number of attempts ends a message, its validity does."""
        await self.reschedule(tx, work, counts=True)

    async def release(self, tx: Tx, held: Sequence[ClaimedChunks]) -> None:
        """Let chunks go that were not begun."""
        for work in held:
            await release_chunks(tx, work.account_id, work.chunks, due_at=work.chunks[0].due_at)


async def _committed(work: BegunChunks) -> Plan | None:
    """Plan what is begun, and return that when it is committed; None where it was undone.

    Raises UnavailableError where that is unknown, and where there is no plan.
    """
    plan, failure = None, None
    try:
        plan = work.make_plan()
    except Exception as error:  # noqa: BLE001 - the messages are accepted nevertheless
        failure = error
    commit = await work.commit
    if commit is Commit.UNKNOWN:
        raise UnavailableError("The connection broke when the messages were accepted.")
    if commit is Commit.DONE and failure is not None:
        raise UnavailableError("What was accepted could not be planned.") from failure
    return plan if commit is Commit.DONE else None


async def _run_all(runs: Sequence[CarrierRun]) -> Sequence[int]:
    """Let carriers run, and return what each has submitted. Raises what one of them does when all have ended."""
    if len(runs) == 1:
        return [await runs[0].run()]  # without a task: one SMS at an idle server waits for no turn of the event loop
    # Each ends before the work does: what another one has with its carrier must not be let go meanwhile.
    done = await asyncio.gather(*(run.run() for run in runs), return_exceptions=True)
    for one in done:
        if isinstance(one, BaseException):
            raise one
    return [one for one in done if isinstance(one, int)]


async def _begin(work: ClaimedChunks, windows: Mapping[int, int], box: SecretBox | None, tx: Tx, actor: Actor) -> Plan:
    return await begin(tx, work, actor, windows, box)


async def _undo_begin(work: ClaimedChunks, tx: Tx, actor: Actor) -> None:
    await set_in_flight(tx, actor.account_id, work.chunks, [one.in_flight for one in work.chunks])
