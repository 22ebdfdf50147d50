"""Hedging: a password that does not arrive is sent again by the route's next carrier, with the same code."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.integration.otp.passwords import PHONE, Passwords
from tests.support import OPERATOR

from carillon.carriers.content import Content
from carillon.carriers.simulator.carrier import Simulator
from carillon.db.database import Tx
from carillon.messaging.sendings import Fallback, Send
from carillon.routing.carriers import CreateCarrier, create_carrier
from carillon.routing.routes import AddRoute, add_route

SILENT = "34600009908"  # no receipt at all
SENT_BY = """
SELECT s.reference, m.state, m.carrier_id FROM message m JOIN sending s USING (shard_key, sending_id)
WHERE m.shard_key = $1 ORDER BY m.message_id"""


@pytest.fixture
async def carriers(passwords: Passwords) -> list[int]:
    """Two carriers, the route's order, and a rule that hedges after twenty seconds."""
    db, ids = passwords.db, []
    for name in ("first", "second"):
        command = CreateCarrier(name=name, kind="simulator", channel="sms", url="")
        made = await db.run(create_carrier, OPERATOR, command, passwords.box)
        ids.append(made.carrier_id)
        passwords.held.carriers[made.carrier_id] = Simulator(made.carrier_id, {}, passwords.inbox)
    await db.run(add_route, OPERATOR, AddRoute(channel="sms", carriers=("first", "second")))
    leave = "UPDATE account SET sandbox = false WHERE account_id = $1"
    await db.run(Tx.execute, leave, passwords.actor.account_id)
    await passwords.limit("hedge_seconds", "20")
    return ids


async def test_without_a_receipt_the_next_carrier_gets_the_same_code(passwords: Passwords, carriers: list[int]) -> None:
    send = Send(sender="Blue", text="It is {code}", reference="mine")
    made = await passwords.create(recipient=SILENT, send=send)
    await passwords.work()
    await passwords.advance(timedelta(seconds=21))
    assert await passwords.rows(SENT_BY) == [["mine", "submitted", one] for one in carriers]
    assert await passwords.phone(SILENT) == [f"It is {made.code}"] * 2
    await passwords.advance(timedelta(seconds=60))
    assert len(await passwords.rows(SENT_BY)) == 2  # there is no third carrier
    assert await passwords.verdict(made.code) == "valid"
    await passwords.assert_whole()


@pytest.mark.usefixtures("carriers")
async def test_what_has_arrived_is_not_sent_again(passwords: Passwords) -> None:
    await passwords.create()
    await passwords.work()
    await passwords.advance(timedelta(seconds=10))
    await passwords.advance(timedelta(seconds=60))
    assert await passwords.states() == {PHONE: "delivered"}
    assert len(await passwords.messages()) == 1


@pytest.mark.usefixtures("carriers")
async def test_what_is_verified_is_not_sent_again(passwords: Passwords) -> None:
    made = await passwords.create(recipient=SILENT)
    await passwords.work()
    assert await passwords.verdict(made.code) == "valid"
    await passwords.advance(timedelta(seconds=60))
    assert len(await passwords.messages()) == 1
    await passwords.assert_whole()


async def test_what_waits_for_a_carrier_that_is_down_is_cancelled_when_the_other_one_was_quicker(
    passwords: Passwords, carriers: list[int]
) -> None:
    down = passwords.held.carriers.pop(carriers[0])
    made = await passwords.create()
    await passwords.work()
    await passwords.advance(timedelta(seconds=21))
    assert await passwords.rows(SENT_BY) == [[None, "waiting", None], [None, "submitted", carriers[1]]]
    assert await passwords.verdict(made.code) == "valid"
    passwords.held.carriers[carriers[0]] = down
    await passwords.advance(timedelta(minutes=1))
    assert [row[1] for row in await passwords.rows(SENT_BY)] == ["cancelled", "delivered"]
    await passwords.assert_whole()


@pytest.mark.usefixtures("carriers")
async def test_without_the_rule_nothing_is_sent_again(passwords: Passwords) -> None:
    await passwords.limit("hedge_seconds", "0")
    await passwords.create(recipient=SILENT)
    await passwords.work()
    await passwords.advance(timedelta(seconds=60))
    assert len(await passwords.messages()) == 1


@pytest.mark.usefixtures("carriers")
async def test_a_password_that_is_over_is_not_sent_again(passwords: Passwords) -> None:
    await passwords.create(recipient=SILENT, validity=timedelta(seconds=15))
    await passwords.work()
    await passwords.advance(timedelta(seconds=60))
    assert len(await passwords.messages()) == 1
    await passwords.assert_whole()


async def test_an_instant_message_without_a_receipt_is_followed_by_its_sms(
    passwords: Passwords, carriers: list[int]
) -> None:
    command = CreateCarrier(name="viber", kind="simulator", channel="im", url="")
    viber = (await passwords.db.run(create_carrier, OPERATOR, command, passwords.box)).carrier_id
    passwords.held.carriers[viber] = Simulator(viber, {}, passwords.inbox)
    await passwords.db.run(add_route, OPERATOR, AddRoute(channel="im", carriers=("viber",)))
    sms = Fallback(sender="Blue", text="By SMS: {code}", validity=timedelta(minutes=2))
    send = Send(channel="im", sender="Blue", text="It is {code}", content=Content(), fallback=sms)
    made = await passwords.create(recipient=SILENT, send=replace(send, validity=timedelta(minutes=3)))
    await passwords.work()
    await passwords.advance(timedelta(seconds=21))
    assert await passwords.rows(SENT_BY) == [[None, "submitted", viber], [None, "submitted", carriers[0]]]
    assert await passwords.phone(SILENT) == [f"By SMS: {made.code}", f"It is {made.code}"]
    assert await passwords.verdict(made.code) == "valid"
    await passwords.advance(timedelta(minutes=10))
    assert len(await passwords.phone(SILENT)) == 2
    await passwords.assert_whole()
