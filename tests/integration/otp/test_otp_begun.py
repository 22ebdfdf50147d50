"""A password whose account has nothing else under way is submitted as soon as it is committed, its code in it."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from tests.integration.messaging.broken_commits import breaking_way
from tests.integration.messaging.test_begin_at_once import WatchedNetwork, giving_turns
from tests.integration.otp.passwords import Passwords
from tests.integration.receiving import until

from carillon.db.database import Database
from carillon.errors import SendLimitError, UnavailableError
from carillon.kit.clock import FixedClock
from carillon.kit.traffic import TrafficClass

OTP = TrafficClass.OTP


@pytest.fixture
def network(passwords: Passwords) -> WatchedNetwork:
    made = WatchedNetwork(passwords.inbox)
    passwords.held.carriers[0] = made
    return made


async def test_the_carrier_gets_the_code_at_once(passwords: Passwords, network: WatchedNetwork) -> None:
    async with giving_turns(passwords.db, passwords.held, OTP):
        made = await passwords.create()
        await asyncio.wait_for(network.has_been_given.wait(), 5)
    assert [one.text for one in network.taken] == [f"Your code is {made.code}."]
    assert await passwords.verdict(made.code) == "valid"
    await passwords.assert_whole()


async def test_a_password_that_is_refused_gives_the_turn_back(passwords: Passwords, network: WatchedNetwork) -> None:
    async def is_recorded() -> bool:
        return await passwords.rows("SELECT state FROM message WHERE shard_key = $1") == [["submitted"]]

    await passwords.limit("network_sends", "1")
    async with giving_turns(passwords.db, passwords.held, OTP):
        await passwords.create(network="192.0.2.1")
        await asyncio.wait_for(network.has_been_given.wait(), 5)
        network.has_been_given.clear()
        await until(is_recorded)
        with pytest.raises(SendLimitError):
            await passwords.create("another", network="192.0.2.1")
        made = await passwords.create("third", network="198.51.100.1")
        await asyncio.wait_for(network.has_been_given.wait(), 5)
    assert [one.text for one in network.taken[1:]] == [f"Your code is {made.code}."]
    await passwords.assert_whole()


async def test_where_the_commit_breaks_nothing_is_sent_unseen(
    own_dsn: str, clock: FixedClock, passwords: Passwords, tmp_path: Path
) -> None:
    async with breaking_way(own_dsn) as (way, dsn):
        db = await Database.connect(dsn, clock=clock, size=4)
        broken = Passwords(db, passwords.actor, tmp_path)
        network = broken.held.carriers[0] = WatchedNetwork(broken.inbox)
        async with giving_turns(db, broken.held, OTP):
            way.breaks = 1
            with pytest.raises(UnavailableError):
                await broken.create()

            async def is_due() -> bool:
                return await broken.rows("SELECT state FROM chunk WHERE account_id = $1") == [["due"]]

            await until(is_due)
            assert network.taken == []
        clock.moment += timedelta(seconds=30)
        await broken.work()
        assert len(network.taken) == 1
        await broken.assert_whole()
        await db.close()


async def test_a_caller_who_goes_away_leaves_the_turn_to_others(passwords: Passwords, network: WatchedNetwork) -> None:
    async with giving_turns(passwords.db, passwords.held, OTP):
        for moment in (0.0, 0.002, 0.004, 0.008):
            leaving = asyncio.create_task(passwords.create(f"ref {moment}"))
            await asyncio.sleep(moment)
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
        network.has_been_given.clear()
        await asyncio.sleep(0.1)
        made = await passwords.create("last")
        async with asyncio.timeout(5):
            while f"Your code is {made.code}." not in [one.text for one in network.taken]:  # noqa: ASYNC110 - the worker's
                await asyncio.sleep(0.01)
    await passwords.work()
    await passwords.assert_whole()
