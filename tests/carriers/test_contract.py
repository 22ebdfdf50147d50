"""What every carrier keeps to, whatever its kind."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs
from tests.carriers.harness import REFUSED, Ability, Peer, peers, running, until_up
from tests.carriers.pieces import SENDER, TEXT, KeepingInbox, message, messages

from carillon.carriers.contract import Accepted, Failed, Outcome, OutgoingMessage, Receipt, ReceiptState
from carillon.carriers.failures import Failure
from carillon.kit.traffic import TrafficClass
from carillon.text.encodings import Encoding

pytestmark = pytest.mark.any_database


@pytest.fixture(params=peers().items(), ids=lambda one: one[0])
async def peer(request: pytest.FixtureRequest) -> AsyncIterator[Peer]:
    _, open_peer = request.param
    async with open_peer(KeepingInbox()) as made:
        yield made


def require(peer: Peer, ability: Ability) -> None:
    if ability not in peer.abilities:
        pytest.skip("this kind of peer can't do that")


def failures(outcomes: list[Outcome]) -> list[Failure | None]:
    return [one.failure if isinstance(one, Failed) else None for one in outcomes]


async def submit_in_windows(peer: Peer, sent: list[OutgoingMessage]) -> list[Outcome]:
    size = peer.carrier.window
    return [one for at in range(0, len(sent), size) for one in await peer.carrier.submit(sent[at : at + size])]


async def test_each_message_has_its_own_outcome_in_the_order_of_the_messages(peer: Peer) -> None:
    sent = [message(number, address=f"3069000{number}{REFUSED if number % 3 else '1234'}") for number in range(9)]
    outcomes = await submit_in_windows(peer, sent)
    assert failures(outcomes) == [peer.refusal if number % 3 else None for number in range(9)]
    references = [one.reference for one in outcomes if isinstance(one, Accepted)]
    assert len({*references} - {None}) == 3


async def test_no_messages_have_no_outcomes(peer: Peer) -> None:
    assert await peer.carrier.submit([]) == []


ODD = (
    {"text": ""},
    {"text": "\x00\x1b\r\n\t"},
    {"text": "\ud83d", "encoding": Encoding.UCS2},
    {"text": "</text>&{secret}\"'%"},
    {"text": "ß" * 10_000, "encoding": Encoding.UCS2, "parts": 150},
    {"text": "🔔" * 300, "encoding": Encoding.UCS2, "parts": 9},
    {"sender": ""},
    {"sender": "Glocke 🔔 und viel mehr als elf Zeichen"},
    {"sender": "a\r\nX-Header: b"},
    {"address": ""},
    {"address": "not a number"},
)


@pytest.mark.parametrize("values", ODD, ids=range(len(ODD)))
async def test_whatever_a_message_has_it_has_an_outcome(peer: Peer, values: dict[str, object]) -> None:
    odd, usual = await peer.carrier.submit([message(1, **values), message(2)])
    assert isinstance(odd, Accepted | Failed)
    assert isinstance(usual, Accepted), "and the one beside it is not harmed"


async def test_what_cannot_be_submitted_is_unavailable_and_taken_again_when_the_peer_is_back(peer: Peer) -> None:
    require(peer, Ability.BE_DOWN)
    await peer.go_down()
    assert failures(await peer.carrier.submit(messages(3))) == 3 * [Failure.UNAVAILABLE]
    assert not peer.carrier.is_up
    assert peer.taken == []
    await peer.come_up()
    await until_up(peer.carrier)
    assert failures(await peer.carrier.submit(messages(3))) == 3 * [None]


async def test_what_has_no_answer_in_time_is_lost(peer: Peer) -> None:
    require(peer, Ability.WITHHOLD)
    peer.gate.clear()
    async with asyncio.timeout(peer.answer_seconds + 5):
        assert failures(await peer.carrier.submit(messages(3))) == 3 * [Failure.LOST]
    assert len(peer.taken) == 3


async def test_what_was_taken_and_not_answered_when_the_peer_went_down_is_lost(peer: Peer) -> None:
    require(peer, Ability.BE_DOWN)
    require(peer, Ability.WITHHOLD)
    peer.gate.clear()
    submitting = asyncio.create_task(peer.carrier.submit(messages(3)))
    await peer.until_taken(3)
    await peer.go_down()
    assert failures(await submitting) == 3 * [Failure.LOST]


async def test_never_more_than_the_window_are_unanswered(peer: Peer) -> None:
    require(peer, Ability.WITHHOLD)
    peer.gate.clear()
    submitting = [asyncio.create_task(peer.carrier.submit([one])) for one in messages(4 * peer.carrier.window)]
    await peer.until_taken(peer.carrier.window)
    await asyncio.sleep(0.1)
    assert peer.unanswered == peer.carrier.window
    peer.gate.set()
    assert [failures(one) for one in await asyncio.gather(*submitting)] == len(submitting) * [[None]]
    assert peer.most_unanswered == peer.carrier.window


async def test_higher_classes_find_room_before_lower_ones(peer: Peer) -> None:
    require(peer, Ability.WITHHOLD)
    peer.gate.clear()
    window = peer.carrier.window
    marketing = [message(one, traffic_class=TrafficClass.MARKETING) for one in range(4 * window)]
    submitting = [asyncio.create_task(peer.carrier.submit(marketing))]
    await peer.until_taken(1)
    await asyncio.sleep(0.05)
    entered = len(peer.taken)
    otp = [message(5_000 + one, traffic_class=TrafficClass.OTP) for one in range(window)]
    submitting.append(asyncio.create_task(peer.carrier.submit(otp)))
    await asyncio.sleep(0.05)
    peer.gate.set()
    await asyncio.gather(*submitting)
    places = [peer.taken.index(one.address) for one in otp]
    assert max(places) < entered + window, "behind what was under way only"


async def test_a_submit_that_is_cancelled_leaves_its_room_to_others(peer: Peer) -> None:
    require(peer, Ability.WITHHOLD)
    peer.gate.clear()
    window = peer.carrier.window
    abandoned = [asyncio.create_task(peer.carrier.submit(messages(window))) for _ in range(3)]
    await peer.until_taken(window)
    for one in abandoned:
        one.cancel()
    await asyncio.gather(*abandoned, return_exceptions=True)
    await asyncio.sleep(peer.answer_seconds)
    peer.gate.set()
    await until_up(peer.carrier)
    assert failures(await peer.carrier.submit(messages(window))) == window * [None]


async def test_a_carrier_that_stops_waits_for_answers_and_takes_no_more(peer: Peer) -> None:
    require(peer, Ability.WITHHOLD)
    peer.gate.clear()
    async with running(peer.carrier) as stopping:
        submitting = asyncio.create_task(peer.carrier.submit(messages(2)))
        await peer.until_taken(2)
        stopping.set()
        await asyncio.sleep(0.05)
        assert not submitting.done()
        peer.gate.set()
        assert failures(await submitting) == [None, None]
    assert not peer.carrier.is_up


async def test_a_carrier_that_has_stopped_is_unavailable(peer: Peer) -> None:
    async with running(peer.carrier):
        pass
    assert not peer.carrier.is_up
    assert failures(await peer.carrier.submit(messages(2))) == 2 * [Failure.UNAVAILABLE]


async def test_a_receipt_is_acknowledged_when_it_is_committed_and_not_before(peer: Peer) -> None:
    require(peer, Ability.SEND)
    (outcome,) = await peer.carrier.submit([message()])
    assert isinstance(outcome, Accepted)
    assert outcome.reference
    peer.inbox.open.clear()
    sending = asyncio.create_task(peer.send_receipt(outcome.reference, message().address))
    await asyncio.sleep(0.1)
    assert not sending.done()
    peer.inbox.open.set()
    async with asyncio.timeout(10):
        await sending
    (receipt,) = peer.inbox.taken
    assert isinstance(receipt, Receipt)
    assert (receipt.reference, receipt.state) == (outcome.reference, ReceiptState.DELIVERED)


async def test_no_log_line_and_no_repr_has_a_secret_an_address_or_a_text(
    peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    sent = [message(), message(address=f"3069000{REFUSED}"), message(text="\ud83d", encoding=Encoding.UCS2)]
    with caplog.at_level(logging.DEBUG), capture_logs() as lines:
        outcomes = await submit_in_windows(peer, sent)
        if Ability.SEND in peer.abilities:
            await peer.send_receipt("reference", message().address)
        if Ability.BE_DOWN in peer.abilities:
            await peer.go_down()
            await peer.carrier.submit(sent)
    shown = f"{lines} {caplog.text} {sent} {outcomes} {peer.inbox.taken} {peer.carrier!r} {vars(peer.carrier)}"
    for private in (TEXT, *(one.address for one in sent), *peer.secrets()):
        assert private not in shown
    assert SENDER in shown, "what may be shown is, or nothing was looked at"
