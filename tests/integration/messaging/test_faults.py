"""What may go wrong beside a crash: calls that race with workers, late receipts, accounts that are locked."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from tests.integration.messaging.sandbox import Sandbox

from carillon.audience.suppressions import Address, Channel, Suppress, suppress
from carillon.carriers.contract import Accepted, Failed, Outcome, OutgoingMessage, Receipt, ReceiptState
from carillon.carriers.failures import Failure
from carillon.db.database import Tx
from carillon.kit.clock import FixedClock
from carillon.kit.traffic import TrafficClass
from carillon.messaging.chunks import ClaimedChunks, claim_chunks, release_chunks
from carillon.messaging.ledger import Move, move_messages
from carillon.messaging.plan import begin
from carillon.messaging.scheduling import CancelSendings, cancel_sendings, pause_sending, resume_sending
from carillon.messaging.states import MessageState
from carillon.messaging.sweep import oldest_open
from carillon.messaging.verify import verify_account
from carillon.tenancy.accounts import AccountStatus, SetAccountStatus, set_account_status

NUMBERS = [f"3460000000{digit}" for digit in range(1, 8)]
CLASS = TrafficClass.TRANSACTIONAL


@dataclass(kw_only=True)
class ScriptedCarrier:
    """Answers every message with the same outcome, and remembers what it got."""

    outcome: Outcome
    carrier_id: int = 0
    window: int = 10
    is_up: bool = True
    in_use: int = 0
    got: list[UUID] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    async def run(self, stopping: asyncio.Event) -> None:
        await stopping.wait()

    async def submit(self, messages: Sequence[OutgoingMessage]) -> list[Outcome]:
        self.got += [message.message_id for message in messages]
        self.sizes.append(len(messages))
        return [self.outcome for _ in messages]


def scripted(sandbox: Sandbox, outcome: Outcome) -> ScriptedCarrier:
    carrier = sandbox.held.carriers[0] = ScriptedCarrier(outcome=outcome)
    return carrier


async def claimed(sandbox: Sandbox) -> ClaimedChunks:
    found = await claim_chunks(sandbox.db, sandbox.actor.account_id, CLASS, {0: 400})
    assert found is not None
    return found


async def assert_books_are_right(sandbox: Sandbox) -> None:
    assert await sandbox.db.read(partial(verify_account, retention_days=3000), sandbox.actor) == []


async def test_cancelling_again_cancels_what_a_worker_had_let_go(sandbox: Sandbox) -> None:
    accepted = await sandbox.send(*NUMBERS[:2])
    command = CancelSendings(sending_ids=[accepted.sending_id])
    held = await claimed(sandbox)
    assert await sandbox.db.run(cancel_sendings, sandbox.actor, command) == 0
    await sandbox.db.run(partial(release_chunks, due_at=held.chunks[0].due_at), sandbox.actor.account_id, held.chunks)
    assert await sandbox.db.run(cancel_sendings, sandbox.actor, command) == 2
    assert set((await sandbox.states()).values()) == {"cancelled"}
    await assert_books_are_right(sandbox)


async def test_what_is_uncertain_is_not_submitted_again_to_who_unsubscribed(sandbox: Sandbox) -> None:
    carrier = scripted(sandbox, Failed(failure=Failure.LOST))
    await sandbox.send(NUMBERS[0])
    await sandbox.work()
    assert await sandbox.states() == {NUMBERS[0]: "uncertain"}
    address = Address(channel=Channel.SMS, value=f"+{NUMBERS[0]}")
    await sandbox.db.run(suppress, sandbox.actor, Suppress(addresses=[address], reason="asked"))
    await sandbox.advance(timedelta(minutes=1))
    assert len(carrier.got) == 1
    assert await sandbox.states() == {NUMBERS[0]: "unknown"}


async def test_the_receipt_of_a_message_that_was_accepted_weeks_ago_is_matched(sandbox: Sandbox) -> None:
    sandbox.db.clock = clock = FixedClock(datetime(2026, 11, 2, 10, tzinfo=UTC))
    scripted(sandbox, Accepted(reference="17"))
    await sandbox.send(NUMBERS[0], scheduled_at=clock.moment + timedelta(days=20))
    clock.moment += timedelta(days=20, minutes=1)
    await sandbox.work()
    assert await sandbox.states() == {NUMBERS[0]: "submitted"}
    elsewhere = type(sandbox.inbox)(sandbox.db)
    elsewhere._known = type(elsewhere._known)()
    await elsewhere.take(0, [Receipt(reference="17", state=ReceiptState.DELIVERED)])
    assert await sandbox.states() == {NUMBERS[0]: "delivered"}


async def test_of_messages_with_the_same_reference_the_latest_gets_the_receipt(sandbox: Sandbox) -> None:
    scripted(sandbox, Accepted(reference="17"))
    for number in NUMBERS[:3]:
        await sandbox.send(number)
        await sandbox.work()
    elsewhere = type(sandbox.inbox)(sandbox.db)
    elsewhere._known = type(elsewhere._known)()
    await elsewhere.take(0, [Receipt(reference="17", state=ReceiptState.DELIVERED)])
    assert list((await sandbox.states()).values()) == ["submitted", "submitted", "delivered"]


async def test_what_is_submitted_first_is_named_in_flight_also_when_a_chunk_was_taken_over(sandbox: Sandbox) -> None:
    await sandbox.send(*NUMBERS[:2])
    await sandbox.send(*NUMBERS[2:])
    held = await claimed(sandbox)
    assert len(held.chunks) == 2
    lost = held.chunks[0].chunk_id
    take_over = "UPDATE chunk SET claims = claims + 1 WHERE account_id = $1 AND chunk_id = $2"
    await sandbox.db.run(Tx.execute, take_over, sandbox.actor.account_id, lost)

    async def begun(tx: Tx) -> None:
        plan = await begin(tx, held, sandbox.actor, {0: 3})
        first = [task.message.message_id for task in plan.tasks[0][:3]]
        named = "SELECT in_flight FROM chunk WHERE account_id = $1 AND chunk_id = $2"
        assert await tx.fetchval(named, sandbox.actor.account_id, held.chunks[1].chunk_id) == first

    await sandbox.db.run(begun)


async def test_a_paused_sending_whose_messages_are_over_is_finished_when_it_is_resumed(sandbox: Sandbox) -> None:
    accepted = await sandbox.send(NUMBERS[0])
    await sandbox.work()
    await sandbox.db.run(pause_sending, sandbox.actor, accepted.sending_id)
    await sandbox.advance(timedelta(seconds=10))
    await sandbox.db.run(resume_sending, sandbox.actor, accepted.sending_id)
    assert (await sandbox.sending(accepted.sending_id))["state"] == "finished"


async def test_moves_that_wait_for_each_other_are_all_made_and_counted(sandbox: Sandbox) -> None:
    """Each waits for the rows of the one before: of the message itself, and of the sending's counters."""
    accepted = await sandbox.send(*NUMBERS[:3])
    first, second, third = accepted.message_ids

    async def move(tx: Tx, then: asyncio.Event, message_id: UUID, *states: MessageState) -> None:
        moves = [Move(message_id=message_id, state=state, at=tx.now, taken=True) for state in states]
        await move_messages(tx, sandbox.actor.account_id, moves)
        await then.wait()

    then = asyncio.Event()
    tasks = []
    for message_id, state in (
        (first, MessageState.SUBMITTED),
        (first, MessageState.DELIVERED),
        (second, MessageState.SUBMITTED),
        (third, MessageState.DELIVERED),
    ):
        tasks.append(asyncio.create_task(sandbox.db.run(move, then, message_id, state)))
        await asyncio.sleep(0.1)
    then.set()
    await asyncio.gather(*tasks)
    assert list((await sandbox.states()).values()) == ["delivered", "submitted", "delivered"]
    await assert_books_are_right(sandbox)


async def test_a_sending_keeps_its_day_until_its_last_message_is_over(sandbox: Sandbox) -> None:
    scripted(sandbox, Accepted(reference="17"))
    accepted = await sandbox.send(NUMBERS[0])
    assert await sandbox.db.read(oldest_open) == accepted.sending_id
    await sandbox.work()
    assert await sandbox.db.read(oldest_open) == accepted.sending_id
    await sandbox.inbox.take(0, [Receipt(reference="17", state=ReceiptState.DELIVERED)])
    assert await sandbox.db.read(oldest_open) is None


async def test_what_is_parked_and_can_not_be_read_holds_up_no_other(sandbox: Sandbox) -> None:
    receipts = [Receipt(reference=reference, state=ReceiptState.DELIVERED) for reference in ("17", "18")]
    await sandbox.inbox.take(0, receipts)
    await sandbox.db.run(Tx.execute, "UPDATE parked_inbound SET content = '{}' WHERE reference = '18'")
    scripted(sandbox, Accepted(reference="17"))
    sandbox.db.clock = FixedClock(sandbox.db.clock.now() + timedelta(seconds=5))
    await sandbox.send(NUMBERS[0])
    await sandbox.work()
    assert await sandbox.states() == {NUMBERS[0]: "delivered"}
    assert await sandbox.db.read(Tx.fetchval, "SELECT array_agg(reference) FROM parked_inbound") == ["18"]


async def test_a_locked_account_sends_nothing_until_it_is_opened_again(sandbox: Sandbox) -> None:
    async def set_status(status: AccountStatus) -> None:
        await sandbox.db.run(set_account_status, sandbox.actor, SetAccountStatus(status=status))

    await sandbox.send(NUMBERS[0])
    await sandbox.send(NUMBERS[1], validity=timedelta(minutes=1))
    await set_status(AccountStatus.LOCKED)
    await sandbox.advance(timedelta(minutes=2))
    assert await sandbox.states() == {NUMBERS[0]: "waiting", NUMBERS[1]: "expired"}
    await set_status(AccountStatus.ACTIVE)
    await sandbox.advance(timedelta(minutes=2))
    assert await sandbox.states() == {NUMBERS[0]: "submitted", NUMBERS[1]: "expired"}
    await assert_books_are_right(sandbox)


async def test_what_waits_for_a_carrier_that_is_down_is_looked_at_now_and_then(sandbox: Sandbox) -> None:
    carrier = scripted(sandbox, Accepted(reference=None))
    carrier.is_up = False
    for _ in range(3):
        await sandbox.send(*[f"346{number:08}" for number in range(400)])
    await sandbox.work()
    put_off = "SELECT count(*) FROM chunk WHERE account_id = $1 AND attempts > 0"
    assert await sandbox.db.read(Tx.fetchval, put_off, sandbox.actor.account_id) == 2
    carrier.is_up = True
    await sandbox.advance(timedelta(minutes=1))
    assert set((await sandbox.states()).values()) == {"submitted"}
    await assert_books_are_right(sandbox)


async def test_no_more_is_in_flight_than_the_rates_of_a_carrier_let_go_in_a_moment(sandbox: Sandbox) -> None:
    carrier = scripted(sandbox, Accepted(reference=None))
    sandbox.held.at_once = 2
    await sandbox.send(*NUMBERS)
    await sandbox.work()
    assert carrier.sizes == [2, 2, 2, 1]
    assert set((await sandbox.states()).values()) == {"submitted"}


async def test_what_waits_for_a_slow_carrier_holds_up_no_other_carrier_of_the_account(sandbox: Sandbox) -> None:
    many = [f"3460{place:07}" for place in range(300)]
    await sandbox.send(*many)
    await sandbox.send("34700000001")
    move = "UPDATE chunk SET carrier_id = 7 WHERE account_id = $1 AND cardinality(message_ids) = 1"
    await sandbox.db.run(Tx.execute, move, sandbox.actor.account_id)
    found = await claim_chunks(sandbox.db, sandbox.actor.account_id, CLASS, {0: 100, 7: 100})
    assert found is not None
    assert {chunk.carrier_id for chunk in found.chunks} == {0, 7}
