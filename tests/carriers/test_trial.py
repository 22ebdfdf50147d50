"""A test message through an SMPP carrier, step by step, and where it stops."""

import socket
from collections.abc import AsyncIterator

import pytest
from tests.carriers.pieces import SECRET, KeepingInbox
from tests.carriers.scripted_smsc import Script, ScriptedSmsc

from carillon.carriers.registry import CarrierConfig, Surroundings
from carillon.carriers.smpp.statuses import ESME_RINVDSTADR
from carillon.errors import InvalidInputError
from carillon.routing.trial import Step, TrialMessage, try_carrier

pytestmark = pytest.mark.any_database

ADDRESS = "972521234567"


@pytest.fixture
async def smsc() -> AsyncIterator[ScriptedSmsc]:
    one = ScriptedSmsc(Script(password=SECRET))
    yield one
    await one.close()


async def steps(port: int, *, password: str = SECRET, seconds: float = 5.0, text: str = "A test.") -> list[Step]:
    config = CarrierConfig(
        carrier_id=7,
        kind="smpp",
        url=f"smpp://shop@127.0.0.1:{port}",
        options={"binds": "3"},
        secret=password,
    )
    message = TrialMessage(channel="sms", address=ADDRESS, sender="Shop", text=text, seconds=seconds)
    return [step async for step in try_carrier(config, Surroundings(inbox=KeepingInbox()), message)]


async def test_a_message_goes_out_over_one_bind_and_its_receipt_comes(smsc: ScriptedSmsc) -> None:
    found = await steps(await smsc.start())
    assert [(step.name, step.ok) for step in found] == [
        (name, True) for name in ("resolve", "connect", "bind", "submit", "receipt")
    ]
    assert found[3].detail == "accepted, reference 1000001"
    assert found[4].detail.startswith("delivered")
    assert len(smsc.binds) == 1
    assert len(smsc.taken) == 1


async def test_a_receipt_that_does_not_come_is_no_failure(smsc: ScriptedSmsc) -> None:
    smsc.script.receipts = "none"
    *_, last = await steps(await smsc.start(), seconds=0.3)
    assert last.ok
    assert "none yet" in last.detail


async def test_a_refusal_is_shown_with_its_code(smsc: ScriptedSmsc) -> None:
    smsc.script.statuses = {ADDRESS[-4:]: ESME_RINVDSTADR}
    *_, last = await steps(await smsc.start())
    assert (last.name, last.ok) == ("submit", False)
    assert "address_invalid, code" in last.detail


async def test_a_bind_that_is_refused_is_where_it_stops(smsc: ScriptedSmsc) -> None:
    *_, last = await steps(await smsc.start(), password="wrong", seconds=0.5)
    assert (last.name, last.ok) == ("bind", False)
    assert "password" in last.detail


async def test_a_port_that_nobody_listens_to_is_where_it_stops() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    *_, last = await steps(port)
    assert (last.name, last.ok) == ("connect", False)


async def test_a_text_that_no_encoding_has_is_refused_before_anything_is_done() -> None:
    with pytest.raises(InvalidInputError):
        await steps(1, text="\ud800")
