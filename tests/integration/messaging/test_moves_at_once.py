"""Transactions that move messages of one sending at once: each waits for the other, and both are counted."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest
from tests.integration.messaging.sandbox import Sandbox

from carillon.carriers.failures import Failure
from carillon.db.database import Tx
from carillon.messaging.ledger import Move, move_messages
from carillon.messaging.sendings import Fallback
from carillon.messaging.states import MessageState


async def _move_beside(sandbox: Sandbox, first: Move, second: Move) -> None:
    """Make the second move while the first one's transaction is still open."""
    account_id = sandbox.actor.account_id
    async with sandbox.db.transaction(sandbox.actor) as tx:
        await move_messages(tx, account_id, [first])
        beside = asyncio.create_task(sandbox.db.run(_move, sandbox, second))
        await asyncio.sleep(0.1)
        assert not beside.done()
    await beside


async def _move(tx: Tx, sandbox: Sandbox, move: Move) -> None:
    await move_messages(tx, sandbox.actor.account_id, [move])


def _to(sandbox: Sandbox, message_id: UUID, state: MessageState) -> Move:
    return Move(message_id=message_id, state=state, at=sandbox.db.clock.now(), taken=True, carrier_id=0)


async def test_the_counters_of_a_sending_have_both_moves(sandbox: Sandbox) -> None:
    accepted = await sandbox.send("34600000001", "34600000002")
    one, other = accepted.message_ids
    await _move_beside(sandbox, _to(sandbox, one, MessageState.SUBMITTED), _to(sandbox, other, MessageState.SUBMITTED))
    found = await sandbox.sending(accepted.sending_id)
    assert (found["waiting"], found["submitted"]) == (0, 2)


async def test_a_message_that_another_transaction_has_moved_moves_on_from_there(sandbox: Sandbox) -> None:
    accepted = await sandbox.send("34600000001")
    (message_id,) = accepted.message_ids
    await _move_beside(
        sandbox, _to(sandbox, message_id, MessageState.SUBMITTED), _to(sandbox, message_id, MessageState.DELIVERED)
    )
    found = await sandbox.sending(accepted.sending_id)
    assert (found["waiting"], found["submitted"], found["delivered"]) == (0, 0, 1)
    events = await sandbox.events()
    assert [(row["kind"], "was" in (row["data"] or "")) for row in events] == [("submitted", True), ("delivered", True)]


@pytest.mark.parametrize("state", [MessageState.DELIVERED, MessageState.UNDELIVERED])
async def test_a_receipt_beside_the_one_that_makes_an_sms_of_a_message_is_of_the_attempt_before(
    sandbox: Sandbox, state: MessageState
) -> None:
    accepted = await sandbox.send("306944000001", channel="im", fallback=Fallback(sender="Blue", text="By SMS"))
    (message_id,) = accepted.message_ids
    at, reason = sandbox.db.clock.now(), Failure.UNKNOWN_SUBSCRIBER
    failed = Move(
        message_id=message_id, state=MessageState.UNDELIVERED, at=at, taken=True, carrier_id=-1, reason=reason
    )
    beside = replace(failed, state=state, reason=None if state is MessageState.DELIVERED else reason)
    await _move_beside(sandbox, failed, beside)
    found = await sandbox.sending(accepted.sending_id)
    assert (found["waiting"], found["delivered"]) == (1, 0)
    assert [row["kind"] for row in await sandbox.events()] == ["undelivered", "fallback"]
