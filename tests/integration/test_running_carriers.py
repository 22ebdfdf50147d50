"""The carriers that a process runs follow their rows and leases; processes share connections and rates."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.support import OPERATOR

from carillon.carriers.contract import Accepted, Carrier, Outcome, OutgoingMessage, Receipt, Reply
from carillon.carriers.registry import CarrierConfig, Surroundings, make_carrier
from carillon.db.database import Database, Tx
from carillon.kit.clock import SystemClock
from carillon.kit.traffic import TrafficClass
from carillon.routing import running
from carillon.routing.carriers import CarrierState, CreateCarrier, SetCarrierState, create_carrier, set_carrier_state
from carillon.routing.choice import BUILT_IN_SIMULATORS
from carillon.routing.health import Health
from carillon.routing.health_rows import NOBODY, exchange_health, read_health
from carillon.routing.running import RunningCarriers
from carillon.tenancy.secrets import SecretBox

BUILT_IN = list(BUILT_IN_SIMULATORS.values())


class NoInbox:
    async def take(self, carrier_id: int, received: Sequence[Receipt | Reply]) -> None:
        """Nothing comes."""


AROUND = Surroundings(inbox=NoInbox())


@dataclass
class Network:
    """What a scripted SMSC knows: the connections that are open, and how many starts fail."""

    open: list["Line"] = field(default_factory=list)
    most: int = 0
    failures: int = 0

    @property
    def binds(self) -> int:
        return sum(line.binds for line in self.open)

    def make(self, config: CarrierConfig, around: Surroundings) -> Carrier:
        if config.kind != "smpp":
            return make_carrier(config, around)
        return Line(self, config)


class Line:
    """A carrier of kind smpp, without a network: it is up while it runs."""

    window = 10

    def __init__(self, network: Network, config: CarrierConfig) -> None:
        self.carrier_id = config.carrier_id
        self.config = config
        self.binds = int(config.options["binds"])
        self._network = network

    @property
    def is_up(self) -> bool:
        return self in self._network.open

    @property
    def in_use(self) -> int:
        return 0

    async def run(self, stopping: asyncio.Event) -> None:
        if self._network.failures:
            self._network.failures -= 1
            raise ConnectionError
        self._network.open.append(self)
        self._network.most = max(self._network.most, self._network.binds)
        try:
            await stopping.wait()
            await asyncio.sleep(0.05)
        finally:
            self._network.open.remove(self)

    async def submit(self, messages: Sequence[OutgoingMessage]) -> list[Outcome]:
        return [Accepted(reference=None) for _ in messages]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are read more often than once a second."""
    monkeypatch.setattr(running, "_REFRESH_SECONDS", 0.1)
    monkeypatch.setattr(running, "_FIRST_PAUSE", 0.05)


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def box(tmp_path: Path) -> SecretBox:
    return SecretBox(tmp_path / "secret.key")


@asynccontextmanager
async def started(db: Database, box: SecretBox, network: Network) -> AsyncIterator[RunningCarriers]:
    carriers, stopping = RunningCarriers(db, box, AROUND, make=network.make), asyncio.Event()
    task = asyncio.create_task(carriers.run(stopping))
    try:
        yield carriers
    finally:
        stopping.set()
        await task


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - many things change it
            await asyncio.sleep(0.01)


async def make(db: Database, box: SecretBox, name: str = "Main", **values: Any) -> int:
    # The row alone: what its kind checks is not at stake here.
    kind = values.pop("kind", "simulator")
    command = CreateCarrier(**{"name": name, "kind": "simulator", "channel": "sms", "url": "", **values})
    options = command.options
    made = await db.run(
        create_carrier,
        OPERATOR,
        CreateCarrier(**{"name": name, "kind": "simulator", "channel": "sms", "url": "", **(values | {"options": {}})}),
        box,
    )
    text = "{" + ",".join(f'"{key}":"{value}"' for key, value in options.items()) + "}"
    await db.run(
        Tx.execute, "UPDATE carrier SET kind = $2, options = $3 WHERE carrier_id = $1", made.carrier_id, kind, text
    )
    return made.carrier_id


def change(db: Database, state: CarrierState) -> Awaitable[object]:
    return db.run(set_carrier_state, OPERATOR, SetCarrierState(named="Main", state=state))


async def test_the_built_in_simulator_always_runs(db: Database, box: SecretBox, network: Network) -> None:
    async with started(db, box, network) as carriers:
        await until(lambda: carriers.held() == BUILT_IN)
        assert carriers.get(7) is None
    assert carriers.held() == []


async def test_a_carrier_is_started_when_it_is_made_and_stopped_when_it_is_paused_or_deleted(
    db: Database, box: SecretBox, network: Network
) -> None:
    async with started(db, box, network) as carriers:
        carrier_id = await make(db, box, secret="hunter2")
        await until(lambda: carriers.held() == [*BUILT_IN, carrier_id])
        await change(db, CarrierState.PAUSED)
        await until(lambda: carriers.held() == BUILT_IN)
        await change(db, CarrierState.ACTIVE)
        await until(lambda: carriers.held() == [*BUILT_IN, carrier_id])
        await change(db, CarrierState.DELETED)
        await until(lambda: carriers.held() == BUILT_IN)


async def test_binds_are_held_under_leases_and_released_at_the_end(
    db: Database, box: SecretBox, network: Network
) -> None:
    carrier_id = await make(db, box, kind="smpp", options={"binds": "3"}, secret="hunter2")
    async with started(db, box, network) as carriers:
        await until(lambda: network.binds == 3)
        assert carriers.held() == [*BUILT_IN, carrier_id]
        (line,) = network.open
        assert line.config.secret == "hunter2"
        assert await db.read(Tx.fetchval, "SELECT count(*) FROM carrier_lease WHERE slot >= 0") == 3
    assert network.open == []
    assert await db.read(Tx.fetchval, "SELECT count(*) FROM carrier_lease") == 0


async def test_processes_share_the_binds_and_the_rate_and_never_have_more_together(
    db: Database, box: SecretBox, network: Network, dsn: str
) -> None:
    carrier_id = await make(db, box, kind="smpp", options={"binds": "4"}, per_second=100.0)
    shared = await make(db, box, "Shared", per_second=10.0)
    async with AsyncExitStack() as stack:
        databases = [db, await Database.connect(dsn, clock=db.clock)]
        stack.push_async_callback(databases[1].close)
        first = await stack.enter_async_context(started(databases[0], box, network))
        await until(lambda: network.binds == 4)
        second = await stack.enter_async_context(started(databases[1], box, network))
        await until(lambda: [line.binds for line in network.open] == [2, 2])
        await until(lambda: {first.rates._carriers[carrier_id].rate, second.rates._carriers[carrier_id].rate} == {50.0})
        await until(lambda: {first.rates._carriers[shared].rate, second.rates._carriers[shared].rate} == {5.0})
        assert first.rates.take(carrier_id, "Shop", TrafficClass.OTP, 1000).count < 20
    assert network.most == 4


async def test_a_carrier_that_fails_is_started_again(db: Database, box: SecretBox, network: Network) -> None:
    network.failures = 3
    carrier_id = await make(db, box, kind="smpp")
    async with started(db, box, network) as carriers:
        await until(lambda: carriers.held() == [*BUILT_IN, carrier_id])
    assert network.failures == 0


async def test_a_carrier_whose_secret_can_not_be_opened_stops_no_other(
    db: Database, box: SecretBox, network: Network, tmp_path: Path
) -> None:
    await make(db, box, secret="hunter2")
    other = await make(db, box, "Other")
    async with started(db, SecretBox(tmp_path / "another.key"), network) as carriers:
        await until(lambda: carriers.held() == [*BUILT_IN, other])


async def test_without_a_database_connections_under_leases_are_closed_before_the_leases_end(
    db: Database, box: SecretBox, network: Network, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_LEASE_SECONDS", 0.5)
    await make(db, box, kind="smpp")
    simulator = await make(db, box, "Other")
    own = await Database.connect(dsn, clock=db.clock)
    async with started(own, box, network) as carriers:
        await until(lambda: network.binds == 1)
        await own.close()
        await until(lambda: network.binds == 0)
        assert carriers.held() == [*BUILT_IN, simulator]


async def test_health_is_exchanged_between_processes(db: Database, dsn: str) -> None:
    db.clock = SystemClock()
    other = await Database.connect(dsn)
    stopping = asyncio.Event()
    try:
        for _ in range(20):
            db.process_state(Health).answered(5, "972", seconds=9.0)
        first = asyncio.create_task(exchange_health(db, stopping))
        async with asyncio.timeout(10):
            while not await other.read(read_health, NOBODY):  # noqa: ASYNC110 - the database's
                await asyncio.sleep(0.02)
        second = asyncio.create_task(exchange_health(other, stopping))
        await until(lambda: bool(other.process_state(Health).unwell([5], "972")))
        assert not db.process_state(Health)._others
        stopping.set()
        await asyncio.gather(first, second)
    finally:
        await other.close()
