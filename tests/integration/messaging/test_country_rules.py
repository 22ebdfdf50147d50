"""Marketing waits for the hours of its recipient's country, and stays valid meanwhile."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.integration.messaging.sandbox import Sandbox
from tests.support import MOMENT

from carillon.kit.traffic import TrafficClass
from carillon.messaging.scheduling import ScheduledQuery, reschedule_scheduled

pytestmark = pytest.mark.any_database

SPANISH, FRENCH, COLOMBIAN = "34600000001", "33600000001", "573000000001"


async def test_marketing_that_comes_on_a_sunday_is_submitted_when_its_country_opens(sandbox: Sandbox) -> None:
    assert MOMENT.isoformat() == "2025-03-09T10:30:00+00:00"  # a Sunday
    accepted = await sandbox.send(SPANISH, FRENCH, COLOMBIAN, traffic_class=TrafficClass.MARKETING)
    await sandbox.work()
    assert await sandbox.states() == {SPANISH: "submitted", FRENCH: "waiting", COLOMBIAN: "waiting"}
    await sandbox.advance(timedelta(hours=20, minutes=29))  # Monday 7:59 in France
    assert await sandbox.states() == {SPANISH: "delivered", FRENCH: "waiting", COLOMBIAN: "waiting"}
    await sandbox.advance(timedelta(minutes=1))
    assert (await sandbox.states())[FRENCH] == "submitted"
    await sandbox.advance(timedelta(hours=5))  # Monday 7:00 in Colombia
    assert (await sandbox.states())[COLOMBIAN] == "submitted"
    await sandbox.advance(timedelta(minutes=1))
    assert set((await sandbox.states()).values()) == {"delivered"}
    assert (await sandbox.sending(accepted.sending_id))["state"] == "finished"


async def test_an_end_that_its_caller_sets_comes_before_the_hours(sandbox: Sandbox) -> None:
    await sandbox.send(FRENCH, traffic_class=TrafficClass.MARKETING, expires_at=MOMENT + timedelta(hours=2))
    await sandbox.work()
    await sandbox.advance(timedelta(hours=2))
    assert await sandbox.states() == {FRENCH: "expired"}


async def test_transactional_messages_do_not_wait(sandbox: Sandbox) -> None:
    await sandbox.send(FRENCH, COLOMBIAN)
    await sandbox.work()
    assert await sandbox.states() == {FRENCH: "submitted", COLOMBIAN: "submitted"}


async def test_what_is_moved_to_a_closed_day_stays_valid_until_its_country_opens(sandbox: Sandbox) -> None:
    monday = MOMENT + timedelta(days=1)
    sent = await sandbox.send(COLOMBIAN, traffic_class=TrafficClass.MARKETING, scheduled_at=monday, numbered=True)
    query, saturday = ScheduledQuery(guids=list(sent.guids)), datetime(2025, 3, 15, 21, 0, tzinfo=UTC)
    assert await sandbox.db.run(reschedule_scheduled, sandbox.actor, query, saturday) == 1
    await sandbox.advance(saturday - MOMENT)  # an hour after its end in Colombia
    assert await sandbox.states() == {COLOMBIAN: "waiting"}
    await sandbox.advance(timedelta(hours=39))
    assert await sandbox.states() == {COLOMBIAN: "submitted"}
