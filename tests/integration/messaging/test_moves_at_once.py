"""Transactions that move messages of one sending at once: each waits for the other, and both are counted."""

import asyncio
from uuid import UUID

from tests.integration.messaging.sandbox import Sandbox

from carillon.db.database import Tx
from carillon.messaging.ledger import Move, move_messages
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
