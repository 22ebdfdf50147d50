"""The SMSC of the contract's tests, and carriers that are bound to a scripted one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar

from tests.carriers.harness import REFUSED, Ability, Peer, running
from tests.carriers.pieces import CARRIER_ID, SECRET, KeepingInbox
from tests.carriers.scripted_smsc import ScriptedSmsc
from tests.carriers.smsc_script import Script

from carillon.carriers.failures import Failure
from carillon.carriers.registry import CarrierConfig, Surroundings, make_carrier
from carillon.carriers.smpp.carrier import SmppCarrier, make_smpp
from carillon.carriers.smpp.pdu import RECEIPT, Message
from carillon.carriers.smpp.statuses import ESME_RINVDSTADR, ESME_ROK


class SmppPeer(Peer):
    abilities: ClassVar = frozenset(Ability)
    refusal = Failure.ADDRESS_INVALID

    def __init__(self, inbox: KeepingInbox) -> None:
        super().__init__(inbox)
        self.port = 0
        self.smsc = self._new()

    def _new(self) -> ScriptedSmsc:
        script = Script(password=SECRET, receipts="none", statuses={REFUSED: ESME_RINVDSTADR})
        smsc = ScriptedSmsc(script)
        smsc.answering = self.answering
        return smsc

    async def go_down(self) -> None:
        await self.smsc.close()
        async with asyncio.timeout(10):
            while self.carrier.is_up:  # noqa: ASYNC110 - the end of a connection takes a moment to come through
                await asyncio.sleep(0.005)

    async def come_up(self) -> None:
        self.smsc = self._new()
        self.port = await self.smsc.start(self.port)

    async def send_receipt(self, reference: str, address: str) -> None:
        text = (
            f"id:{reference} sub:001 dlvrd:001 submit date:2511300100 done date:2511300101 stat:DELIVRD err:000 text:"
        )
        receipt = Message(source=address, destination="Carillon", esm_class=RECEIPT, short_message=text.encode())
        assert await self.smsc.deliver(receipt) == ESME_ROK

    def secrets(self) -> list[str]:
        return [SECRET]


@asynccontextmanager
async def open_smpp_peer(inbox: KeepingInbox) -> AsyncIterator[Peer]:
    peer = SmppPeer(inbox)
    await peer.come_up()
    options = {"window": "3", "answer_seconds": str(peer.answer_seconds)}
    config = CarrierConfig(
        carrier_id=CARRIER_ID, kind="smpp", url=f"smpp://tester@127.0.0.1:{peer.port}", options=options, secret=SECRET
    )
    peer.carrier = make_carrier(config, Surroundings(inbox=inbox))
    async with running(peer.carrier):
        yield peer
    await peer.smsc.close()


@asynccontextmanager
async def bound(
    script: Script, inbox: KeepingInbox | None = None, **options: str
) -> AsyncIterator[tuple[SmppCarrier, ScriptedSmsc]]:
    """Make an SMSC of a script and a carrier that is bound to it."""
    smsc = ScriptedSmsc(script)
    port = await smsc.start()
    carrier = make_smpp(CARRIER_ID, f"smpp://tester@127.0.0.1:{port}", SECRET, options, inbox or KeepingInbox())
    try:
        async with running(carrier):
            yield carrier, smsc
    finally:
        await smsc.close()
