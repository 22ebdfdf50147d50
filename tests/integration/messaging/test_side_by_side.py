"""Work of several processes on the same sendings at once: all of it is counted."""

import asyncio

from tests.integration.messaging.sandbox import Sandbox

from carillon.db.database import Tx
from carillon.messaging.ledger import Move, move_messages
from carillon.messaging.states import MessageState

SENDINGS, MESSAGES, AT_ONCE = 6, 40, 8
COUNTERS = "SELECT waiting, submitted, delivered FROM sending WHERE shard_key = $1"


async def test_moves_of_the_same_sendings_that_are_made_at_once_are_all_counted(sandbox: Sandbox) -> None:
    numbers = [f"346000000{number:02}" for number in range(MESSAGES)]
    for _ in range(SENDINGS):
        await sandbox.send(*numbers)
    ids = [row["message_id"] for row in await sandbox.messages()]
    now = sandbox.db.clock.now()

    async def move(tx: Tx, place: int, state: MessageState) -> None:
        moves = [Move(message_id=one, state=state, at=now, taken=True) for one in ids[place::AT_ONCE]]
        await move_messages(tx, sandbox.actor.account_id, moves)

    for state in (MessageState.SUBMITTED, MessageState.DELIVERED):
        await asyncio.gather(*(sandbox.db.run(move, place, state) for place in range(AT_ONCE)))
    rows = await sandbox.db.read(Tx.fetch, COUNTERS, sandbox.actor.account_id)
    assert [tuple(row) for row in rows] == [(0, 0, MESSAGES)] * SENDINGS
