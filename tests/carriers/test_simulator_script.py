"""What the simulated network does, line by line."""

import asyncio
from datetime import timedelta

import pytest
from tests.carriers.pieces import CARRIER_ID, SENDER, TEXT, KeepingInbox, message, messages

from carillon.carriers.contract import Accepted, Failed, Later, Opened, Outcome, Receipt, ReceiptState, Reply
from carillon.carriers.failures import Failure
from carillon.carriers.simulator.carrier import Simulator
from carillon.carriers.simulator.script import SCRIPT
from carillon.errors import InvalidInputError

pytestmark = pytest.mark.any_database


def simulator(inbox: KeepingInbox | None = None, **options: str) -> Simulator:
    return Simulator(CARRIER_ID, options, inbox or KeepingInbox())


async def outcome_at(digits: str, carrier: Simulator | None = None) -> Outcome:
    (found,) = await (carrier or simulator()).submit([message(address=f"3069123{digits}")])
    return found


async def later_at(digits: str) -> list[Later]:
    return list((await outcome_at(digits)).later)


async def instant_later_at(digits: str) -> list[Later]:
    (found,) = await simulator().submit([message(address=f"3069123{digits}", channel="im")])
    return list(found.later)


def states(later: list[Later]) -> list[ReceiptState | str]:
    return [_state(one.inbound) for one in later]


def _state(inbound: Receipt | Reply | Opened) -> ReceiptState | str:
    match inbound:
        case Receipt(state=state):
            return state
        case Reply(text=text):
            return text
        case Opened(url=url):
            return url


async def test_any_other_number_is_delivered_to_within_two_to_five_seconds() -> None:
    sent = messages(200)
    outcomes = await simulator().submit(sent)
    times = set()
    for one, outcome in zip(sent, outcomes, strict=True):
        (later,) = outcome.later
        assert isinstance(outcome, Accepted)
        assert later.inbound == Receipt(
            reference=outcome.reference or "",
            state=ReceiptState.DELIVERED,
            address=one.address,
            sender=SENDER,
            account_id=one.account_id,
        )
        assert timedelta(seconds=2) <= later.after <= timedelta(seconds=5)
        times.add(later.after)
    assert len(times) > 100
    assert await simulator().submit(sent) == outcomes, "the same in another process"
    assert len({outcome.reference for outcome in outcomes if isinstance(outcome, Accepted)}) == 200


async def test_an_instant_network_delivers_at_once_but_what_the_script_delays() -> None:
    ordinary, slow, answering = await simulator(instant="yes").submit(
        [message(), message(address="30690009901"), message(address="30690009911")]
    )
    assert [one.after for one in ordinary.later] == [timedelta()]
    assert [one.after for one in slow.later] == [timedelta(seconds=30)]
    assert answering.later[0].after > timedelta()


async def test_9901_is_delivered_after_thirty_seconds() -> None:
    (later,) = await later_at("9901")
    assert (later.after, states([later])) == (timedelta(seconds=30), [ReceiptState.DELIVERED])


async def test_9902_is_undelivered_as_the_subscriber_is_absent() -> None:
    (later,) = await later_at("9902")
    assert isinstance(later.inbound, Receipt)
    assert (later.inbound.state, later.inbound.failure) == (ReceiptState.UNDELIVERED, Failure.ABSENT_SUBSCRIBER)


async def test_9903_expires_when_what_is_left_of_the_validity_ends() -> None:
    (later,) = await later_at("9903")
    assert isinstance(later.inbound, Receipt)
    assert (later.after, later.inbound.state) == (timedelta(hours=6), ReceiptState.EXPIRED)


async def test_9904_is_refused_at_submit() -> None:
    assert await outcome_at("9904") == Failed(failure=Failure.UNKNOWN_SUBSCRIBER)


async def test_9905_is_throttled_for_five_seconds_and_then_delivered() -> None:
    carrier = simulator()
    assert await outcome_at("9905", carrier) == Failed(failure=Failure.THROTTLED, retry_after=timedelta(seconds=5))
    again = await outcome_at("9905", carrier)
    assert isinstance(again, Accepted)
    assert states(list(again.later)) == [ReceiptState.DELIVERED]


async def test_which_messages_were_throttled_is_remembered_for_a_bounded_number() -> None:
    carrier = simulator()
    for number in range(12):
        await carrier.submit([message(number * 1000 + one, address="30690009905") for one in range(1000)])
    assert len(carrier._throttled) == 10_000
    (forgotten,) = await carrier.submit([message(0, address="30690009905")])
    assert isinstance(forgotten, Failed)


async def test_9906_has_its_receipt_before_the_submit_has_its_answer() -> None:
    inbox = KeepingInbox()
    outcome = await outcome_at("9906", simulator(inbox))
    assert isinstance(outcome, Accepted)
    assert outcome.later == ()
    (receipt,) = inbox.taken
    assert isinstance(receipt, Receipt)
    assert (receipt.reference, receipt.state) == (outcome.reference, ReceiptState.DELIVERED)


async def test_9906_has_its_answer_also_where_taking_the_receipt_waits_for_it() -> None:
    inbox = KeepingInbox()
    inbox.open.clear()
    async with asyncio.timeout(5):
        await outcome_at("9906", simulator(inbox))
    assert (inbox.calls, inbox.taken) == (1, [])
    inbox.open.set()
    await inbox.until_taken(1)


async def test_9906_brings_its_receipt_again_until_it_is_taken() -> None:
    inbox = KeepingInbox(failing=1)
    await outcome_at("9906", simulator(inbox))
    await inbox.until_taken(1)
    assert inbox.calls == 2


async def test_9907_has_its_receipts_twice_and_in_the_wrong_order() -> None:
    later = await later_at("9907")
    assert states(later) == [ReceiptState.DELIVERED, ReceiptState.ACCEPTED, ReceiptState.DELIVERED]
    assert later == sorted(later, key=lambda one: one.after)


async def test_9908_has_no_receipt_at_all() -> None:
    outcome = await outcome_at("9908")
    assert isinstance(outcome, Accepted)
    assert (outcome.reference is None, outcome.later) == (False, ())


async def test_9909_is_taken_and_its_answer_lost() -> None:
    outcome = await outcome_at("9909")
    assert isinstance(outcome, Failed)
    assert outcome.failure is Failure.LOST
    (later,) = outcome.later
    assert isinstance(later.inbound, Receipt)
    assert (later.inbound.state, later.inbound.address, later.inbound.sender) == (
        ReceiptState.DELIVERED,
        "30691239909",
        SENDER,
    )


@pytest.mark.parametrize(("digits", "text"), [("9910", "STOP"), ("9911", TEXT)])
async def test_9910_and_9911_are_delivered_and_then_answer(digits: str, text: str) -> None:
    delivered, answer = await later_at(digits)
    assert states([delivered, answer]) == [ReceiptState.DELIVERED, text]
    assert delivered.after < answer.after
    assert answer.inbound == Reply(address=f"3069123{digits}", to=SENDER, text=text, account_id=message().account_id)


async def test_9914_is_delivered_and_then_opens_each_url_once_one_after_another() -> None:
    text = "See https://s.example/l/AbCdEfGhIj, (http://t.example) and https://s.example/l/AbCdEfGhIj, again"
    (found,) = await simulator().submit([message(address="30691239914", text=text)])
    delivered, *opened = found.later
    assert states([delivered]) == [ReceiptState.DELIVERED]
    assert [one.inbound for one in opened] == [
        Opened(url=url, account_id=message().account_id)
        for url in ("https://s.example/l/AbCdEfGhIj,", "http://t.example)")
    ]
    assert delivered.after < opened[0].after < opened[1].after


def test_the_lines_of_sms_and_of_instant_messages_are_all_there() -> None:
    assert sorted(SCRIPT) == [str(number) for number in range(9901, 9915)]


async def test_9912_is_no_user_of_the_application() -> None:
    (later,) = await instant_later_at("9912")
    assert isinstance(later.inbound, Receipt)
    assert (later.inbound.state, later.inbound.failure) == (ReceiptState.UNDELIVERED, Failure.UNKNOWN_SUBSCRIBER)


async def test_9913_opens_the_conversation_after_the_delivery() -> None:
    later = await instant_later_at("9913")
    assert states(later) == [ReceiptState.DELIVERED, ReceiptState.SEEN]
    assert later[0].after < later[1].after


@pytest.mark.parametrize("digits", ["9912", "9913"])
async def test_the_lines_of_instant_messages_deliver_an_sms(digits: str) -> None:
    assert states(await later_at(digits)) == [ReceiptState.DELIVERED]


async def test_a_message_has_another_reference_on_each_channel() -> None:
    references = {(await simulator().submit([message(channel=one)]))[0] for one in ("sms", "im")}
    assert len({one.reference for one in references if isinstance(one, Accepted)}) == 2


@pytest.mark.parametrize(
    ("name", "value"), [("instant", "true"), ("window", "0"), ("window", "²"), ("window", "99999")]
)
async def test_an_option_that_cannot_be_read_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(InvalidInputError, match=name) as refused:
        Simulator(CARRIER_ID, {name: value}, KeepingInbox())
    assert refused.value.field == "option"
