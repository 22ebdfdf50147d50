"""A COMMIT breaks, and took effect all the same: nobody is lost, written to twice, or uncertain without a reason."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta

import pytest
from tests.integration.messaging.broken_commits import BreakingWay, breaking_way
from tests.integration.messaging.sandbox import Sandbox
from tests.support import Tenant

from carillon.carriers.simulator.carrier import Simulator
from carillon.db.database import Database
from carillon.errors import UnavailableError
from carillon.kit.clock import FixedClock
from carillon.messaging.sendings import Fallback
from carillon.messaging.verify import verify_account
from carillon.routing.choice import BUILT_IN_SIMULATORS

NUMBERS = ("34600000001", "34600000002")


@pytest.fixture
async def way(own_dsn: str) -> AsyncIterator[tuple[BreakingWay, str]]:
    async with breaking_way(own_dsn) as made:
        yield made


@pytest.fixture
async def broken(way: tuple[BreakingWay, str], clock: FixedClock, sandbox: Sandbox) -> AsyncIterator[Sandbox]:
    """The sandbox, whose work goes the way that breaks."""
    db = await Database.connect(way[1], clock=clock, size=4)
    yield Sandbox(db, sandbox.actor)
    await db.close()


async def kinds(sandbox: Sandbox) -> list[str]:
    return [row["kind"] for row in await sandbox.events()]


@pytest.mark.parametrize("which", ["begin", "record"])
async def test_whichever_commit_of_a_turn_breaks_its_messages_are_submitted_once_and_none_is_uncertain(
    broken: Sandbox, way: tuple[BreakingWay, str], clock: FixedClock, account: Tenant, which: str
) -> None:
    await broken.send(*NUMBERS)
    way[0].skips, way[0].breaks = ["begin", "record"].index(which), 1
    with suppress(UnavailableError):
        await broken.performers[1].turn(account.account_id, asyncio.Event())
    assert way[0].broken == 1
    clock.moment += timedelta(seconds=30)
    await broken.work()
    assert (await kinds(broken)).count("submitted") == len(NUMBERS)
    assert "uncertain" not in await kinds(broken)
    assert await broken.db.read(verify_account, account.actor, retention_days=3000) == []


@pytest.mark.parametrize("which", range(6))
async def test_whichever_commit_breaks_on_the_way_to_an_sms_each_attempt_is_made_once(
    broken: Sandbox, way: tuple[BreakingWay, str], clock: FixedClock, account: Tenant, which: int
) -> None:
    im = BUILT_IN_SIMULATORS["im"]
    broken.held.carriers[im] = Simulator(im, {}, broken.inbox)
    fallback = Fallback(sender="Blue", text="By SMS")
    await broken.send("306944009912", "306944009904", channel="im", fallback=fallback)
    way[0].skips, way[0].breaks = which, 1
    for _ in range(6):
        with suppress(UnavailableError):
            await broken.advance(timedelta(seconds=10))
        clock.moment += timedelta(seconds=30)
    assert way[0].broken == 1
    assert sorted(await kinds(broken)) == sorted(
        [*["submitted"] * 2, "undelivered", "rejected", *["fallback"] * 2, "delivered", "rejected"]
    )
    assert await broken.db.read(verify_account, account.actor, retention_days=3000) == []


async def test_a_request_whose_commit_breaks_is_not_acknowledged_and_accepted_once(
    broken: Sandbox, way: tuple[BreakingWay, str]
) -> None:
    way[0].breaks = 1
    with pytest.raises(UnavailableError):
        await broken.send(*NUMBERS)
    assert way[0].broken == 1
    assert sorted(await broken.states()) == sorted(NUMBERS)
