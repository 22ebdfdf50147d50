"""The metrics of messages follow what is committed, and the depths of queues what waits."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from tests.integration.messaging.sandbox import Sandbox

from carillon.carriers.contract import Receipt, ReceiptState
from carillon.db.database import Database, Tx
from carillon.kit.ids import AccountId
from carillon.kit.traffic import TrafficClass
from carillon.message_metrics import Backlog, MessageMetrics, QueueDepth
from carillon.messaging.accept import plan_send
from carillon.messaging.backlog import observe_backlog
from carillon.messaging.sendings import Recipients, Send

DELIVERED, REFUSED, LOST, UNRECEIPTED = "34600000001", "34600009904", "34600009909", "34600009908"
Value = Callable[..., float | None]


@pytest.fixture
def value(db: Database) -> Value:
    """Return what a metric says, by its labels; None where it has no such line."""

    def read(name: str, **labels: str) -> float | None:
        metrics = db.process_state(MessageMetrics)
        lines = [one for family in metrics.collect() for one in family.samples]
        return next((one.value for one in lines if (one.name, one.labels) == (f"carillon_{name}", labels)), None)

    return read


async def test_messages_are_counted_as_they_are_accepted_submitted_and_ended(sandbox: Sandbox, value: Value) -> None:
    await sandbox.send(DELIVERED, REFUSED, LOST, "nonsense", traffic_class=TrafficClass.MARKETING)
    assert value("messages_accepted_total", traffic_class="marketing") == 3
    assert value("messages_excluded_total", traffic_class="marketing") == 1
    await sandbox.work()
    await sandbox.advance(timedelta(minutes=1))
    assert value("messages_submitted_total", carrier="0") == 2  # a receipt says that the lost one was taken
    assert value("messages_uncertain_total", carrier="0") == 1
    assert value("messages_final_total", state="delivered", carrier="0") == 2
    assert value("messages_final_total", state="rejected", carrier="0") == 1


async def test_what_ends_without_a_carrier_is_counted_without_one(sandbox: Sandbox, value: Value) -> None:
    await sandbox.send(DELIVERED, expires_at=sandbox.db.clock.now())
    await sandbox.advance(timedelta(days=3))
    assert value("messages_final_total", state="expired", carrier="") == 1


async def test_what_is_rolled_back_is_not_counted(sandbox: Sandbox, value: Value) -> None:
    recipients = Recipients(addresses=[DELIVERED], are_digits=True)
    await plan_send(sandbox.db, sandbox.actor, Send(sender="Blue", text="Hello", recipients=recipients))
    assert value("messages_accepted_total", traffic_class="transactional") is None


async def test_depths_are_those_of_what_is_due(sandbox: Sandbox, value: Value) -> None:
    soon = sandbox.db.clock.now() + timedelta(hours=1)
    await sandbox.send(DELIVERED, UNRECEIPTED, traffic_class=TrafficClass.OTP)
    await sandbox.send(DELIVERED, scheduled_at=soon)
    await observe_backlog(sandbox.db)
    assert value("queue_messages", traffic_class="otp") == 2
    assert value("queue_chunks", traffic_class="otp") == 1
    assert value("queue_messages", traffic_class="transactional") == 0
    await sandbox.inbox.take(0, [Receipt(reference="of nobody", state=ReceiptState.DELIVERED)])
    await observe_backlog(sandbox.db)
    assert value("receipts_parked") == 1
    await sandbox.work()
    await observe_backlog(sandbox.db)
    empty = QueueDepth(chunks=0, messages=0, age_seconds=0.0)
    assert sandbox.db.process_state(MessageMetrics).backlog.queues == dict.fromkeys(
        ("otp", "transactional", "marketing"), empty
    )


async def test_the_age_is_that_of_the_first_due_chunk_in_its_account_s_time(sandbox: Sandbox, value: Value) -> None:
    assert sandbox.db.process_state(MessageMetrics).backlog == Backlog()
    await sandbox.send(DELIVERED, scheduled_at=sandbox.db.clock.now() + timedelta(hours=2))
    await sandbox.db.run(_set_clock_forward, sandbox.actor.account_id, timedelta(hours=2, seconds=30))
    await observe_backlog(sandbox.db)
    assert value("queue_age_seconds", traffic_class="transactional") == pytest.approx(30, abs=1)


async def _set_clock_forward(tx: Tx, account_id: AccountId, by: timedelta) -> None:
    await tx.execute(
        "UPDATE account SET clock_offset = clock_offset + $2::interval WHERE account_id = $1", account_id, by
    )
