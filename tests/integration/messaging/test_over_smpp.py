"""Messages of an account over SMPP: what the engine makes of an SMSC's answers, missing answers and receipts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.carriers.harness import running
from tests.carriers.scripted_smsc import Script, ScriptedSmsc
from tests.integration.messaging.sandbox import Sandbox

from carillon.carriers.smpp.carrier import make_smpp

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
