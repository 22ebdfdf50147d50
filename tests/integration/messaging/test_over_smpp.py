"""Messages of an account over SMPP: what the engine makes of an SMSC's answers, missing answers and receipts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from tests.carriers.harness import running
from tests.carriers.scripted_smsc import Script, ScriptedSmsc
from tests.integration.messaging.sandbox import Sandbox

from carillon.carriers.contract import Receipt, ReceiptState
from carillon.carriers.smpp.carrier import make_smpp
from carillon.db.database import Database
from carillon.kit.clock import FixedClock
from carillon.messaging.receipts import ReceivedMessages

NUMBER = "34600000001"


@asynccontextmanager
async def bound(sandbox: Sandbox, script: Script) -> AsyncIterator[ScriptedSmsc]:
    """Put an SMPP carrier, which is bound to an SMSC, in the simulated network's place."""
    smsc = ScriptedSmsc(script)
    port = await smsc.start()
    carrier = make_smpp(0, f"smpp://tester@127.0.0.1:{port}", "secret", {"answer_seconds": "1"}, sandbox.inbox)
    sandbox.held.carriers[0] = carrier
    try:
        async with running(carrier):
            yield smsc
    finally:
        await smsc.close()


async def test_a_message_without_options_is_submitted(sandbox: Sandbox) -> None:
    async with bound(sandbox, Script(receipts="none")) as smsc:
        await sandbox.send(NUMBER)
        await sandbox.work()
        assert [one.message.destination for one in smsc.taken] == [NUMBER]
    assert await sandbox.states() == {NUMBER: "submitted"}


@pytest.fixture
async def elsewhere(own_dsn: str, clock: FixedClock) -> AsyncIterator[ReceivedMessages]:
    """The inbox of another process."""
    db = await Database.connect(own_dsn, clock=clock, size=2)
    yield ReceivedMessages(db)
    await db.close()


def delivered(reference: str) -> Receipt:
    return Receipt(reference=reference, state=ReceiptState.DELIVERED, address=NUMBER)


async def states(sandbox: Sandbox) -> list[str]:
    """Return the states of the messages in the order in which they were accepted."""
    return [row["state"] for row in await sandbox.messages()]


async def test_a_receipt_settles_an_uncertain_message_of_its_number(
    sandbox: Sandbox, elsewhere: ReceivedMessages
) -> None:
    async with bound(sandbox, Script(receipts="none", close_after=1)):
        await sandbox.send(NUMBER)
        await sandbox.work()
        assert await states(sandbox) == ["uncertain"]
        await elsewhere.take(0, [delivered("1000001")])
    assert await states(sandbox) == ["delivered"]


async def test_a_receipt_that_may_be_of_a_message_in_flight_settles_no_uncertain_one_of_the_number(
    sandbox: Sandbox, elsewhere: ReceivedMessages, clock: FixedClock
) -> None:
    async with bound(sandbox, Script(receipts="none", close_after=1)):
        await sandbox.send(NUMBER)
        await sandbox.work()
    assert await states(sandbox) == ["uncertain"]
    async with bound(sandbox, Script(receipts="none", answer_seconds=0.5)) as smsc:
        await sandbox.send(NUMBER, text="Another one.")
        working = asyncio.create_task(sandbox.work())
        while not smsc.taken:  # noqa: ASYNC110 - the carrier's doing
            await asyncio.sleep(0.01)
        await elsewhere.take(0, [delivered(str(smsc.taken[0].number))])
        assert await states(sandbox) == ["uncertain", "waiting"]
        await working
    clock.moment += timedelta(seconds=2)
    await elsewhere.match_parked(sandbox.db)
    assert await states(sandbox) == ["uncertain", "delivered"]


async def test_a_reference_that_a_carrier_gives_twice_is_the_later_messages(
    sandbox: Sandbox, elsewhere: ReceivedMessages
) -> None:
    for text in ("One.", "Another one."):
        async with bound(sandbox, Script(receipts="none")):
            await sandbox.send(NUMBER, text=text)
            await sandbox.work()
    await elsewhere.take(0, [delivered("1000001")])
    assert await states(sandbox) == ["submitted", "delivered"]
