"""The carriers that this process runs: started, stopped and restarted as their rows and leases say."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from uuid import UUID

from carillon.carriers.contract import Carrier, Inbox, Receipt, Reply
from carillon.carriers.registry import CarrierConfig, Surroundings, make_carrier
from carillon.db.database import Database
from carillon.db.topics import Listener
from carillon.message_metrics import WindowUse
from carillon.routing.carriers import CARRIERS, RunnableCarrier, carriers_to_run, resting_carriers
from carillon.routing.choice import BUILT_IN_SIMULATORS
from carillon.routing.health import Health
from carillon.routing.leases import LEASE, Holding, HoldSlots, hold_slots, release_slots
from carillon.routing.rates import Rates
from carillon.tenancy.secrets import SecretBox, SecretKeyError
from carillon.workers.failures import log_failure

_REFRESH_SECONDS = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
# A carrier that ran so long was well: its next failure is a new one.
_WELL_SECONDS = 60.0
# When the leases can't be renewed, the connections under them are closed before others may take them.
_LEASE_SECONDS = LEASE.total_seconds() - 1.0
_DRAIN_SECONDS = 15.0
_RELEASE_SECONDS = 2.0

_BUILT_IN = [CarrierConfig(carrier_id=one, kind="simulator", url="") for one in BUILT_IN_SIMULATORS.values()]

Make = Callable[[CarrierConfig, Surroundings], Carrier]


class RunningCarriers:
    """Runs the built-in simulators, and every active carrier of which this process may have a connection.

    Of a kind with binds (SMPP) it has as many as it holds slots (`leases`), and is restarted when that number changes;
    the other kinds run in each process. A rate is this process's part of the carrier's: of the slots, or, of a kind
    without, of the processes. `around` is what carriers are given: the inbox above all.
    """

    def __init__(self, db: Database, box: SecretBox, around: Surroundings, *, make: Make = make_carrier) -> None:
        self._db = db
        self._box = box
        self._around = replace(around, inbox=_Observed(around.inbox, db.process_state(Health)))
        self._make = make
        self._running: dict[int, _Supervised] = {}
        self._ending: dict[int, _Supervised] = {}
        self._known: Mapping[int, RunnableCarrier] = {}
        self._resting: list[int] = []
        self._holdings: Mapping[int, Holding] = {}
        self._held_until = 0.0
        self._listener = Listener()
        self.holder = UUID(int=db.random.getrandbits(128))
        """The process, as its leases name it."""
        self.rates = Rates()

    def get(self, carrier_id: int) -> Carrier | None:
        """Return a carrier that runs here and is not being stopped, whether it is up or not."""
        supervised = self._running.get(carrier_id)
        return None if supervised is None else supervised.carrier

    def held(self) -> list[int]:
        """List the carriers that are up here: what may be claimed for."""
        return [carrier_id for carrier_id in self._running if (one := self.get(carrier_id)) and one.is_up]

    def windows(self) -> list[WindowUse]:
        """Tell of the carriers that run here how much of their windows is in use, for the metrics."""
        found = [(carrier_id, self.get(carrier_id)) for carrier_id in self._running]
        return [
            WindowUse(carrier_id=carrier_id, in_use=one.in_use, size=one.window, is_up=one.is_up)
            for carrier_id, one in found
            if one is not None
        ]

    def claimable(self) -> list[int]:
        """List the carriers for which messages are claimed here: those that run, and those that nobody runs."""
        return [*self._running, *self._resting]

    async def run(self, stopping: asyncio.Event) -> None:
        """Follow the rows and leases until the event is set; then stop all carriers and release the leases."""
        with self._db.topics.listen(CARRIERS) as self._listener:
            waking = asyncio.create_task(self._wake_when(stopping))
            try:
                while not stopping.is_set():
                    await self._refresh()
                    await self._listener.wait(_REFRESH_SECONDS)
            finally:
                waking.cancel()
                await self._stop_all()

    async def _wake_when(self, stopping: asyncio.Event) -> None:
        await stopping.wait()
        self._listener.wake()

    async def _refresh(self) -> None:
        """Read what there is to run, renew the leases, and start and stop carriers. It fails for no database."""
        try:
            # An outage is waited for, but not beyond the leases.
            async with asyncio.timeout(max(self._held_until - time.monotonic(), _REFRESH_SECONDS)):
                await self._read()
        except Exception as error:  # noqa: BLE001 - what runs goes on meanwhile
            log_failure("carriers_not_read", error)
        if time.monotonic() > self._held_until:
            self._holdings = {}
        self._reconcile(self._wanted())

    async def _read(self) -> None:
        known = {one.carrier.carrier_id: one for one in await self._db.read(carriers_to_run)}
        began = time.monotonic()
        in_use = self._binds_in_use()
        # What is open of a carrier that was paused meanwhile is held until it is closed.
        slots = dict.fromkeys(in_use, 0)
        slots |= {carrier_id: one.carrier.binds for carrier_id, one in known.items() if one.carrier.is_leased}
        command = HoldSlots(holder=self.holder, wanted=slots, in_use=in_use)
        holdings = await self._db.run(hold_slots, command)
        if slots.keys() - self._holdings.keys():
            # The first call gives a place, the second one the slots.
            holdings = await self._db.run(hold_slots, command)
        self._resting = await self._db.read(resting_carriers)
        self._known, self._holdings, self._held_until = known, holdings, began + _LEASE_SECONDS

    def _binds_in_use(self) -> dict[int, int]:
        """Return how many connections are open, or may be: of carriers that run or are being stopped."""
        found: dict[int, int] = {}
        for one in (*self._running.values(), *self._ending.values()):
            if one.wanted.binds and not one.is_over:
                carrier_id = one.wanted.config.carrier_id
                found[carrier_id] = found.get(carrier_id, 0) + one.wanted.binds
        return found

    def _wanted(self) -> dict[int, "_Wanted"]:
        wanted = {one.carrier_id: _Wanted(config=one) for one in _BUILT_IN}
        for carrier_id, one in self._known.items():
            holding = self._holdings.get(carrier_id)
            if one.carrier.is_leased and (holding is None or (one.carrier.binds and not holding.slots)):
                continue
            found = self._configured(one, holding)
            if found is not None:
                wanted[carrier_id] = found
        return wanted

    def _configured(self, one: RunnableCarrier, holding: Holding | None) -> "_Wanted | None":
        """Return what to run, and set its rate; None where its secret can't be opened."""
        carrier, binds = one.carrier, len(holding.slots) if holding else 0
        share = 1.0 if holding is None else holding.share
        per_second = None if carrier.per_second is None else carrier.per_second * share
        self.rates.set_rate(carrier.carrier_id, per_second, carrier.sender_per_second)
        before = self._running.get(carrier.carrier_id)
        if before is not None and (before.wanted.row, before.wanted.binds) == (one, binds):
            return before.wanted
        try:
            config = one.config(self._box)
        except SecretKeyError as error:
            log_failure("carrier_not_made", error, carrier_id=carrier.carrier_id)
            return None
        if binds:
            config = replace(config, options={**config.options, "binds": str(binds)})
        return _Wanted(config=config, row=one, binds=binds)

    def _reconcile(self, wanted: Mapping[int, "_Wanted"]) -> None:
        for carrier_id, supervised in list(self._running.items()):
            if wanted.get(carrier_id) != supervised.wanted:
                self._ending[carrier_id] = self._running.pop(carrier_id)
                supervised.stop()
                if carrier_id not in wanted:
                    self.rates.forget(carrier_id)
        self._ending = {carrier_id: one for carrier_id, one in self._ending.items() if not one.is_over}
        for carrier_id, found in wanted.items():
            # The one before ends first: its connections are still counted at the other end.
            if carrier_id not in self._running and carrier_id not in self._ending:
                self._running[carrier_id] = _Supervised(found, partial(self._make, found.config, self._around))
                self._running[carrier_id].start(self._listener.wake)

    async def _stop_all(self) -> None:
        running = [*self._running.values(), *self._ending.values()]
        self._running = {}
        for one in running:
            one.stop()
        await asyncio.gather(*(one.wait(_DRAIN_SECONDS) for one in running))
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                await self._db.run(release_slots, self.holder)
        except Exception as error:  # noqa: BLE001 - the leases end by themselves
            log_failure("leases_not_released", error)


class _Observed:
    """An inbox whose receipts count for the health of their carriers."""

    def __init__(self, inbox: Inbox, health: Health) -> None:
        self._inbox = inbox
        self._health = health

    async def take(self, carrier_id: int, received: Sequence[Receipt | Reply]) -> None:
        self._health.received(carrier_id, received)
        await self._inbox.take(carrier_id, received)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What is to be run: a carrier's configuration, and the row and number of binds that it was made of."""

    config: CarrierConfig
    row: RunnableCarrier | None = None
    binds: int = 0


class _Supervised:
    """A carrier that is made and run, and again after a pause when it ends or fails by itself."""

    def __init__(self, wanted: _Wanted, make: Callable[[], Carrier]) -> None:
        self.wanted = wanted
        self.carrier: Carrier | None = None
        self._make = make
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, when_over: Callable[[], None]) -> None:
        """Start it; `when_over` is called when it has ended for good."""
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(lambda _: when_over())

    def stop(self) -> None:
        """Let it end in order."""
        self._stopping.set()

    @property
    def is_over(self) -> bool:
        return self._task is not None and self._task.done()

    async def wait(self, seconds: float) -> None:
        """Wait for its end, and cancel it when that takes longer."""
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=seconds)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                self.carrier = self._make()
                await self.carrier.run(self._stopping)
            except Exception as error:  # noqa: BLE001 - it is started again
                log_failure("carrier_failed", error, carrier_id=self.wanted.config.carrier_id)
            finally:
                self.carrier = None
            if time.monotonic() - began > _WELL_SECONDS:
                pause = _FIRST_PAUSE
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
