"""What is accepted while its account's turn is free is begun with it: claimed as it is written, and then submitted."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from tests.integration.messaging.broken_commits import breaking_way
from tests.integration.messaging.sandbox import HeldCarriers, Sandbox
from tests.integration.receiving import until

from carillon.carriers.content import Button, Content
from carillon.carriers.contract import Outcome, OutgoingMessage
from carillon.carriers.simulator.carrier import Simulator
from carillon.db.database import Database, Tx
from carillon.errors import UnavailableError
from carillon.kit.clock import FixedClock
from carillon.kit.ids import AccountId
from carillon.kit.traffic import TrafficClass
from carillon.messaging.accept import plan_send
from carillon.messaging.chunks import ClaimedChunks
from carillon.messaging.dispatch import DispatchWorker
from carillon.messaging.sendings import Recipients, Send
from carillon.messaging.verify import verify_account
from carillon.metrics import WorkMetrics
from carillon.routing.choice import BUILT_IN_SIMULATORS
from carillon.text.placeholders import PlaceholderStyle
from carillon.workers.turns import Turns

NUMBERS = ("34600000001", "34600000002")
CHUNKS = "SELECT state, claims, message_ids = in_flight AS in_flight FROM chunk WHERE account_id = $1"


class WatchedNetwork(Simulator):
    """The simulated network, which answers when it may."""

    def __init__(self, inbox: Any, window: int = 500) -> None:
        super().__init__(0, {"window": str(window)}, inbox)
        self.taken: list[OutgoingMessage] = []
        self.has_been_given = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def submit(self, messages: Sequence[OutgoingMessage]) -> list[Outcome]:
        self.taken += messages
        self.has_been_given.set()
        await self.may_answer.wait()
        return await super().submit(messages)


class ClaimlessWorker(DispatchWorker):
    """Claims nothing: what it sends has been begun at once."""

    async def claim(self, db: Database, account_id: AccountId, limit: int) -> Sequence[ClaimedChunks]:  # noqa: ARG002
        return []


@asynccontextmanager
async def giving_turns(
    db: Database, carriers: HeldCarriers, traffic_class: TrafficClass = TrafficClass.TRANSACTIONAL
) -> AsyncIterator[None]:
    worker = ClaimlessWorker(traffic_class, carriers, concurrency=4)
    turns = Turns(db, worker, WorkMetrics(CollectorRegistry()), poll_seconds=60)
    stopping = asyncio.Event()
    running = asyncio.create_task(turns.run(stopping))
    await asyncio.sleep(0)
    yield
    stopping.set()
    await running


@pytest.fixture
def network(sandbox: Sandbox) -> WatchedNetwork:
    made = WatchedNetwork(sandbox.inbox)
    sandbox.held.carriers[0] = made
    return made


async def chunks(sandbox: Sandbox) -> list[tuple[str, int, bool]]:
    return [tuple(row) for row in await sandbox.db.read(Tx.fetch, CHUNKS, sandbox.actor.account_id)]


async def is_due(sandbox: Sandbox) -> bool:
    return {state for state, _, _ in await chunks(sandbox)} == {"due"}


async def test_its_messages_are_in_flight_when_it_is_accepted_and_recorded_when_they_are_answered(
    sandbox: Sandbox, network: WatchedNetwork
) -> None:
    network.may_answer.clear()
    async with giving_turns(sandbox.db, sandbox.held):
        await sandbox.send(*NUMBERS, text="Hi {name}", options={"flash": True})
        assert await chunks(sandbox) == [("claimed", 1, True)]
        await network.has_been_given.wait()
        network.may_answer.set()
    assert set((await sandbox.states()).values()) == {"submitted"}
    assert await chunks(sandbox) == []
    (row,) = {(one["text"], one["state"]) for one in await sandbox.messages()}
    assert row == (None, "submitted")
    assert [(one.address, one.text, one.sender, one.flash) for one in network.taken] == [
        (number, "Hi {name}", "Blue", True) for number in NUMBERS
    ]


@pytest.mark.parametrize("channel", ["sms", "im"])
async def test_it_is_what_a_claim_would_have_submitted(sandbox: Sandbox, network: WatchedNetwork, channel: str) -> None:
    sandbox.held.carriers[BUILT_IN_SIMULATORS["im"]] = network
    button = Button(title="Book", url="https://shop.example/{n}")
    given: dict[str, Any] = {
        "channel": channel,
        "content": Content(button=button) if channel == "im" else None,
        "recipients": Recipients(addresses=list(NUMBERS), values=[{"n": "Ωmega"}, {"n": "a"}], are_digits=True),
        "text": "Hi {n}",
        "placeholders": PlaceholderStyle.BRACES,
        "validity": timedelta(hours=3),
    }
    async with giving_turns(sandbox.db, sandbox.held):
        await sandbox.send(**given)
        await asyncio.wait_for(network.has_been_given.wait(), 5)
    await sandbox.send(**given)
    await sandbox.work()
    begun, claimed = network.taken[:2], network.taken[2:]
    compared = (
        *("sender", "address", "text", "encoding", "parts", "traffic_class", "validity", "flash", "account_id"),
        *("channel", "content"),
    )
    if channel == "im":
        urls = [one.content.button.url for one in begun if one.content and one.content.button]
        assert urls == ["https://shop.example/%CE%A9mega", "https://shop.example/a"]
    assert [[getattr(one, name) for name in compared] for one in begun] == [
        [getattr(one, name) for name in compared] for one in claimed
    ]


@pytest.mark.parametrize("reason", ["scheduled", "paced", "carrier down", "no carrier here", "more than a slice"])
async def test_what_cannot_be_submitted_at_once_is_due(
    sandbox: Sandbox, network: WatchedNetwork, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {}
    match reason:
        case "scheduled":
            options["scheduled_at"] = sandbox.db.clock.now() + timedelta(hours=1)
        case "paced":
            options["per_second"] = 5.0
        case "carrier down":
            monkeypatch.setattr(WatchedNetwork, "is_up", False)
        case "no carrier here":
            sandbox.held.carriers.clear()
        case "more than a slice":
            sandbox.held.at_once = 1
    async with giving_turns(sandbox.db, sandbox.held):
        await sandbox.send(*NUMBERS, **options)
        assert await is_due(sandbox)
    assert network.taken == []


async def test_while_its_account_has_a_turn_it_is_due(sandbox: Sandbox, network: WatchedNetwork) -> None:
    network.may_answer.clear()
    async with giving_turns(sandbox.db, sandbox.held):
        await sandbox.send(NUMBERS[0])
        await network.has_been_given.wait()
        await sandbox.send(NUMBERS[1])
        assert sorted(state for state, _, _ in await chunks(sandbox)) == ["claimed", "due"]
        network.may_answer.set()


async def test_what_its_country_has_wait_is_due(db: Database, sandbox: Sandbox, network: WatchedNetwork) -> None:
    marketing = TrafficClass.MARKETING
    db.clock = FixedClock(datetime(2026, 5, 3, 12, tzinfo=UTC))  # a Sunday, when France has no marketing
    async with giving_turns(sandbox.db, sandbox.held, marketing):
        await sandbox.send("33600000001", traffic_class=marketing)
        assert await is_due(sandbox)
        await sandbox.send("34600000001", traffic_class=marketing)
        await asyncio.wait_for(network.has_been_given.wait(), 5)


async def test_a_locked_account_submits_nothing(sandbox: Sandbox, network: WatchedNetwork) -> None:
    lock = "UPDATE account SET status = 'locked' WHERE account_id = $1"
    await sandbox.db.run(Tx.execute, lock, sandbox.actor.account_id)
    async with giving_turns(sandbox.db, sandbox.held):
        await sandbox.send(*NUMBERS)
        assert await is_due(sandbox)
    assert network.taken == []


async def test_a_plan_takes_no_turn_and_a_refused_request_gives_it_back(
    sandbox: Sandbox, network: WatchedNetwork
) -> None:
    async with giving_turns(sandbox.db, sandbox.held):
        numbers = Recipients(addresses=list(NUMBERS), are_digits=True)
        await plan_send(sandbox.db, sandbox.actor, Send(sender="Blue", text="Hi", recipients=numbers))
        with pytest.raises(Exception, match="ahead at most"):
            await sandbox.send(*NUMBERS, scheduled_at=sandbox.db.clock.now() + timedelta(days=400))
        await sandbox.send(*NUMBERS)
        await asyncio.wait_for(network.has_been_given.wait(), 5)
    assert len(network.taken) == len(NUMBERS)


async def test_what_is_written_once_more_is_submitted_by_nobody_before_it_is_claimed(
    sandbox: Sandbox, network: WatchedNetwork
) -> None:
    blocked, free = "34600000008", "34600000009"
    async with giving_turns(sandbox.db, sandbox.held):
        await sandbox.send(NUMBERS[0])  # what is read for it is known, and assumed of the next one
        await until(lambda: sandbox.has(NUMBERS[0], "submitted"))
        await sandbox.suppress(blocked)
        accepted = await sandbox.send(blocked, free)
        assert [one and one.value for one in accepted.failures] == ["suppressed", None]
        await asyncio.sleep(0.05)
        assert [one.address for one in network.taken] == [NUMBERS[0]]
        assert await is_due(sandbox)
        await sandbox.send(NUMBERS[1])
        await until(lambda: sandbox.has(NUMBERS[1], "submitted"))
    await sandbox.work()
    assert sorted(one.address for one in network.taken) == [*NUMBERS, free]
    assert (await sandbox.states())[blocked] == "excluded"


async def test_what_cannot_be_planned_is_sent_later(
    sandbox: Sandbox, network: WatchedNetwork, monkeypatch: pytest.MonkeyPatch, clock: FixedClock
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("no plan")

    async with giving_turns(sandbox.db, sandbox.held):
        monkeypatch.setattr("carillon.messaging.begin_at_once._plan_of", fails)
        await sandbox.send(*NUMBERS)
        await until(lambda: is_due(sandbox))
    assert network.taken == []
    clock.moment += timedelta(seconds=30)
    await sandbox.work()
    assert sorted(one.address for one in network.taken) == list(NUMBERS)
    assert "uncertain" not in [row["kind"] for row in await sandbox.events()]


@pytest.mark.parametrize("is_known", [False, True])
@pytest.mark.parametrize("traffic_class", TrafficClass)
async def test_where_the_commit_breaks_nothing_is_submitted_unseen_and_nothing_is_uncertain(
    own_dsn: str,
    clock: FixedClock,
    sandbox: Sandbox,
    traffic_class: TrafficClass,
    *,
    is_known: bool,
) -> None:
    async with breaking_way(own_dsn) as (way, dsn):
        db = await Database.connect(dsn, clock=clock, size=4)
        broken = Sandbox(db, sandbox.actor)
        network = broken.held.carriers[0] = WatchedNetwork(broken.inbox)
        async with giving_turns(db, broken.held, traffic_class):
            if is_known:  # by a request that is excluded, so that nothing is submitted
                await broken.send("1", traffic_class=traffic_class)
            way.breaks = 1
            with pytest.raises(UnavailableError):
                await broken.send(*NUMBERS, traffic_class=traffic_class)
            await until(lambda: is_due(broken))
            assert network.taken == []
        clock.moment += timedelta(seconds=30)
        await broken.work()
        assert len(network.taken) == len(NUMBERS)
        assert "uncertain" not in [row["kind"] for row in await broken.events()]
        assert await db.read(verify_account, sandbox.actor, retention_days=3000) == []
        await db.close()
