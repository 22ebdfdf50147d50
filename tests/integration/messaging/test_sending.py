"""A message's life on the simulated network: accepted, submitted, receipted; the counters follow."""

from datetime import timedelta

from tests.integration.messaging.sandbox import Sandbox

PLAIN = "34600000001"


async def test_a_message_is_submitted_and_delivered_and_its_sending_is_over(sandbox: Sandbox) -> None:
    accepted = await sandbox.send(PLAIN)
    assert await sandbox.states() == {PLAIN: "waiting"}
    await sandbox.work()
    assert await sandbox.states() == {PLAIN: "submitted"}
    await sandbox.advance(timedelta(seconds=10))
    assert await sandbox.states() == {PLAIN: "delivered"}
    found = await sandbox.sending(accepted.sending_id)
    assert (found["recipients"], found["waiting"], found["submitted"], found["delivered"]) == (1, 0, 0, 1)
    assert (found["state"], found["sweep_at"]) == ("finished", None)
    assert [row["kind"] for row in await sandbox.events()] == ["submitted", "delivered"]
