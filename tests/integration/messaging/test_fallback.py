"""An instant message that fails is sent as an SMS: one message, two attempts, and the books are right."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from tests.background import materialise_all
from tests.integration.messaging.sandbox import Sandbox
from tests.support import OPERATOR

from carillon.audience.suppressions import Address, Channel, Suppress, suppress
from carillon.billing.balances import AddCredit, add_credit, get_balance
from carillon.billing.prices import Capture, SetPrice, set_price
from carillon.billing.subscriptions import (
    AddSubscription,
    ChangeSubscription,
    add_subscription,
    change_subscription,
    list_subscriptions,
)
from carillon.carriers.contract import Accepted, Failed, Outcome, OutgoingMessage, Receipt, ReceiptState
from carillon.carriers.failures import Failure
from carillon.carriers.simulator.carrier import Simulator
from carillon.db.database import Tx
from carillon.errors import InvalidInputError
from carillon.kit.traffic import TrafficClass
from carillon.messaging.scheduling import CancelSendings, cancel_sendings
from carillon.messaging.sendings import Fallback, Recipients
from carillon.messaging.verify import verify_account
from carillon.routing.choice import BUILT_IN_SIMULATORS
from carillon.text.placeholders import PlaceholderStyle

pytestmark = pytest.mark.any_database

IM, SMS = BUILT_IN_SIMULATORS["im"], BUILT_IN_SIMULATORS["sms"]
USER, UNKNOWN, EXPIRING, REFUSED, SEEN = (
    "306944000001",
    "306944009912",
    "306944009903",
    "306944009904",
    "306944009913",
)
SECOND = Fallback(sender="Shop", text="Your table is ready, by SMS.")
DAY = timedelta(days=1)

ATTEMPTS = """
SELECT message_id, channel, state, reason, money, price, carrier_id, subscription_id
FROM attempt WHERE shard_key = $1"""
ROWS = """
SELECT message_id, address, channel, state, reason, money, price, vat, parts, text, encoding, carrier_id,
    subscription_id, seen_at
FROM message WHERE shard_key = $1 ORDER BY message_id"""


class Recording(Simulator):
    """A simulated network that remembers what it was given, and may answer otherwise than its script says."""

    def __init__(self, carrier_id: int, inbox: Any) -> None:
        super().__init__(carrier_id, {}, inbox)
        self.taken: list[OutgoingMessage] = []
        self.answer: Outcome | None = None

    async def submit(self, messages: Sequence[OutgoingMessage]) -> list[Outcome]:
        self.taken += messages
        found = await super().submit(messages)
        return found if self.answer is None else [self.answer] * len(messages)


@pytest.fixture
def im(sandbox: Sandbox) -> Recording:
    sandbox.held.carriers[IM] = carrier = Recording(IM, sandbox.inbox)
    return carrier


@pytest.fixture
def sms(sandbox: Sandbox) -> Recording:
    sandbox.held.carriers[SMS] = carrier = Recording(SMS, sandbox.inbox)
    return carrier


async def send(sandbox: Sandbox, *numbers: str, **options: Any) -> Any:
    known = {"channel": "im", "validity": DAY, "fallback": SECOND}
    return await sandbox.send(*numbers, **known | options)


async def rows(sandbox: Sandbox) -> list[Any]:
    return await sandbox.db.read(Tx.fetch, ROWS, sandbox.actor.account_id)


async def attempts(sandbox: Sandbox) -> list[Any]:
    return await sandbox.db.read(Tx.fetch, ATTEMPTS, sandbox.actor.account_id)


async def kinds(sandbox: Sandbox) -> list[tuple[str, str | None]]:
    return [
        (row["kind"], json.loads(row["data"]).get("channel") if row["data"] else None) for row in await sandbox.events()
    ]


async def finished(sandbox: Sandbox) -> None:
    """Let both attempts come to their ends."""
    await sandbox.work()
    await sandbox.advance(timedelta(minutes=1))
    await sandbox.advance(timedelta(minutes=1))


async def assert_right(sandbox: Sandbox) -> None:
    assert await sandbox.db.read(verify_account, sandbox.actor, retention_days=3000) == []


@pytest.fixture(autouse=True)
def _carriers(im: Recording, sms: Recording) -> None:
    del im, sms


async def priced(
    sandbox: Sandbox, *, im: int = 10_000, sms: int = 40_000, credit: int = 1_000_000, **more: Any
) -> None:
    for channel, amount in (("im", im), ("sms", sms)):
        price = SetPrice(account_id=sandbox.actor.account_id, channel=channel, amount=amount, vat=240_000, **more)
        await sandbox.db.run(set_price, OPERATOR, price)
    if credit:
        await sandbox.db.run(add_credit, sandbox.actor, AddCredit(amount=credit))


async def test_an_instant_message_is_delivered_by_its_own_channel(
    sandbox: Sandbox, im: Recording, sms: Recording
) -> None:
    accepted = await send(sandbox, USER)
    await sandbox.work()
    await sandbox.advance(timedelta(seconds=10))
    (row,) = await rows(sandbox)
    assert (row["state"], row["channel"], row["parts"], row["encoding"]) == ("delivered", None, 1, None)
    assert (accepted.parts, accepted.lengths) == ([1], [len("Your table is ready.")])
    assert [(one.channel, one.sender) for one in im.taken] == [("im", "Blue")]
    assert sms.taken == []
    await assert_right(sandbox)


@pytest.mark.parametrize(
    ("number", "state", "reason"),
    [
        (UNKNOWN, "undelivered", "unknown_subscriber"),
        (REFUSED, "rejected", "unknown_subscriber"),
        (EXPIRING, "expired", "expired"),
    ],
)
async def test_what_fails_is_sent_as_an_sms_at_once(
    sandbox: Sandbox, sms: Recording, number: str, state: str, reason: str
) -> None:
    accepted = await send(sandbox, number)
    await sandbox.work()
    await sandbox.advance(DAY + timedelta(seconds=1))
    (first,) = await attempts(sandbox)
    assert (first["channel"], first["state"], first["reason"], first["carrier_id"]) == ("im", state, reason, IM)
    (row,) = await rows(sandbox)
    assert (row["message_id"], row["channel"]) == (accepted.message_ids[0], "sms")
    assert (row["text"], row["encoding"], row["parts"]) == (SECOND.text, "gsm", 1)
    (taken,) = sms.taken
    assert (taken.channel, taken.sender, taken.text, taken.content) == ("sms", "Shop", SECOND.text, None)
    await assert_right(sandbox)
    sending = await sandbox.sending(accepted.sending_id)
    assert sending["recipients"] == 1


@pytest.mark.parametrize("failure", Failure)
async def test_exactly_the_failures_that_fall_back_do(
    sandbox: Sandbox, im: Recording, sms: Recording, failure: Failure
) -> None:
    """Whatever a receipt says: the SMS is sent for those that the engine's one list names, and for no other."""
    im.answer = Accepted(reference="r-1")
    await send(sandbox, USER)
    await sandbox.work()
    state = ReceiptState.EXPIRED if failure is Failure.EXPIRED else ReceiptState.UNDELIVERED
    await sandbox.inbox.take(IM, [Receipt(reference="r-1", state=state, failure=failure)])
    await sandbox.work()
    assert len(sms.taken) == failure.falls_back
    (row,) = await rows(sandbox)
    assert row["state"] == ("submitted" if failure.falls_back else state.value)
    assert len(await attempts(sandbox)) == failure.falls_back
    await assert_right(sandbox)


async def test_both_attempts_are_told_in_their_order(sandbox: Sandbox) -> None:
    await send(sandbox, UNKNOWN)
    await finished(sandbox)
    assert await kinds(sandbox) == [
        ("submitted", None),
        ("undelivered", None),
        ("fallback", "sms"),
        ("submitted", "sms"),
        ("delivered", "sms"),
    ]


async def test_an_sms_has_no_fallback(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await sandbox.send(USER, fallback=SECOND)
    assert refused.value.field == "fallback"


async def test_without_a_fallback_it_ends_as_it_failed(sandbox: Sandbox, sms: Recording) -> None:
    await send(sandbox, UNKNOWN, fallback=None)
    await finished(sandbox)
    (row,) = await rows(sandbox)
    assert (row["state"], row["reason"], sms.taken) == ("undelivered", "unknown_subscriber", [])
    await assert_right(sandbox)


async def test_each_recipient_has_its_own_text_in_both_attempts(
    sandbox: Sandbox, im: Recording, sms: Recording
) -> None:
    recipients = Recipients(
        addresses=[UNKNOWN, REFUSED], values=[{"name": "Ana"}, {"name": "Γιώργος"}], are_digits=True
    )
    second = Fallback(sender="Shop", text="SMS for {name}")
    await send(sandbox, recipients=recipients, text="Hi {name}", placeholders=PlaceholderStyle.BRACES, fallback=second)
    await finished(sandbox)
    assert {one.text for one in im.taken} == {"Hi Ana", "Hi Γιώργος"}
    assert {(one.text, one.encoding) for one in sms.taken} == {("SMS for Ana", "gsm"), ("SMS for Γιώργος", "ucs2")}
    await assert_right(sandbox)


async def test_each_attempt_has_its_own_price(sandbox: Sandbox) -> None:
    await priced(sandbox)
    accepted = await send(sandbox, UNKNOWN)
    assert accepted.cost == 12_400
    await finished(sandbox)
    (first,) = await attempts(sandbox)
    (row,) = await rows(sandbox)
    assert (first["price"], first["money"]) == (10_000, "captured")
    assert (row["price"], row["vat"], row["money"], row["state"]) == (40_000, 9_600, "captured", "delivered")
    sending = await sandbox.sending(accepted.sending_id)
    assert (sending["reserved"], sending["captured"]) == (0, 12_400 + 49_600)
    await assert_right(sandbox)


async def test_a_price_at_delivery_is_released_when_the_first_attempt_fails(sandbox: Sandbox) -> None:
    await priced(sandbox, capture=Capture.DELIVERY)
    accepted = await send(sandbox, UNKNOWN)
    await finished(sandbox)
    assert [one["money"] for one in await attempts(sandbox)] == ["released"]
    assert (await sandbox.sending(accepted.sending_id))["captured"] == 49_600
    await assert_right(sandbox)


@pytest.mark.parametrize("credit", [12_400, 62_000])
async def test_a_second_attempt_that_there_is_no_credit_for_is_rejected(sandbox: Sandbox, credit: int) -> None:
    await priced(sandbox, credit=credit)
    await send(sandbox, UNKNOWN)
    await finished(sandbox)
    (row,) = await rows(sandbox)
    enough = credit == 62_000
    assert (row["state"], row["reason"]) == (("delivered", None) if enough else ("rejected", "no_credit"))
    assert (await sandbox.db.read(get_balance, sandbox.actor)).reserved == 0
    await assert_right(sandbox)


async def test_who_unsubscribed_meanwhile_gets_no_sms(sandbox: Sandbox, sms: Recording) -> None:
    await send(sandbox, UNKNOWN)
    await sandbox.work()
    address = Address(channel=Channel.SMS, value=f"+{UNKNOWN}")
    await sandbox.db.run(suppress, sandbox.actor, Suppress(addresses=[address], reason="asked"))
    await sandbox.advance(timedelta(minutes=1))
    (row,) = await rows(sandbox)
    assert (row["state"], row["reason"], sms.taken) == ("rejected", "suppressed", [])
    await assert_right(sandbox)


async def test_a_suppressed_number_gets_no_instant_message(sandbox: Sandbox, im: Recording, sms: Recording) -> None:
    address = Address(channel=Channel.SMS, value=f"+{USER}")
    await sandbox.db.run(suppress, sandbox.actor, Suppress(addresses=[address], reason="asked"))
    accepted = await send(sandbox, USER)
    await sandbox.work()
    assert (accepted.failures, im.taken, sms.taken) == ([Failure.SUPPRESSED], [], [])


async def test_what_the_first_carrier_says_later_is_of_an_attempt_that_is_over(
    sandbox: Sandbox, im: Recording, sms: Recording
) -> None:
    im.answer = Accepted(reference="r-1")
    sms.answer = Accepted(reference="r-2")
    await priced(sandbox)
    await send(sandbox, USER)
    await sandbox.work()
    unknown = Receipt(reference="r-1", state=ReceiptState.UNDELIVERED, failure=Failure.UNKNOWN_SUBSCRIBER)
    late = Receipt(reference="r-1", state=ReceiptState.DELIVERED)
    await sandbox.inbox.take(IM, [unknown, unknown, late])
    (row,) = await rows(sandbox)
    assert row["state"] == "waiting"
    await sandbox.work()
    await sandbox.inbox.take(IM, [late, Receipt(reference="r-1", state=ReceiptState.SEEN)])
    (row,) = await rows(sandbox)
    assert (row["state"], row["seen_at"]) == ("submitted", None)
    await sandbox.inbox.take(SMS, [Receipt(reference="r-2", state=ReceiptState.DELIVERED)])
    (row,) = await rows(sandbox)
    assert (row["state"], len(im.taken), len(sms.taken)) == ("delivered", 1, 1)
    await assert_right(sandbox)


async def test_what_waits_until_its_validity_ends_is_sent_as_an_sms(
    sandbox: Sandbox, im: Recording, sms: Recording
) -> None:
    im.answer = Failed(failure=Failure.TEMPORARY)
    await send(sandbox, USER, validity=timedelta(seconds=30))
    await sandbox.work()
    await sandbox.advance(timedelta(minutes=2))
    await sandbox.advance(timedelta(minutes=2))
    (first,) = await attempts(sandbox)
    assert (first["state"], first["carrier_id"], len(sms.taken)) == ("expired", None, 1)
    await assert_right(sandbox)


@pytest.mark.parametrize("traffic_class", TrafficClass)
async def test_what_is_uncertain_to_its_end_is_sent_as_an_sms_where_twice_is_better_than_never(
    sandbox: Sandbox, im: Recording, sms: Recording, traffic_class: TrafficClass
) -> None:
    im.answer = Failed(failure=Failure.LOST)
    await send(sandbox, USER, validity=timedelta(seconds=40), traffic_class=traffic_class)
    await sandbox.work()
    for _ in range(6):
        await sandbox.advance(timedelta(minutes=1))
    (row,) = await rows(sandbox)
    repeated = traffic_class.is_repeated_when_lost
    assert (row["state"], len(sms.taken)) == (("delivered", 1) if repeated else ("unknown", 0))
    await assert_right(sandbox)


async def test_a_cancelled_sending_sends_no_sms(sandbox: Sandbox, sms: Recording) -> None:
    accepted = await send(sandbox, UNKNOWN)
    await sandbox.work()
    await sandbox.db.run(cancel_sendings, sandbox.actor, CancelSendings(sending_ids=[accepted.sending_id]))
    await sandbox.advance(timedelta(minutes=1))
    (row,) = await rows(sandbox)
    assert (row["state"], sms.taken) == ("cancelled", [])
    await assert_right(sandbox)


async def test_the_second_attempt_is_valid_for_its_own_time(sandbox: Sandbox, sms: Recording) -> None:
    sms.answer = Failed(failure=Failure.TEMPORARY)
    await send(sandbox, EXPIRING, validity=timedelta(minutes=1), fallback=Fallback(sender="S", text="x"))
    await sandbox.work()
    await sandbox.advance(timedelta(minutes=1, seconds=1))
    assert sms.taken
    assert timedelta(hours=7, minutes=59) < sms.taken[0].validity <= timedelta(hours=8)
    await sandbox.advance(timedelta(hours=7, minutes=50))
    assert (await rows(sandbox))[0]["state"] == "waiting"
    await sandbox.advance(timedelta(minutes=30))
    await sandbox.advance(timedelta(minutes=30))
    assert (await rows(sandbox))[0]["state"] == "expired"
    await assert_right(sandbox)


async def test_a_large_sending_falls_back_too(sandbox: Sandbox, sms: Recording) -> None:
    numbers = [f"3069{place:06}{'9912' if place % 1000 == 0 else '0001'}"[:14] for place in range(5_001)]
    await send(sandbox, *numbers)
    await materialise_all(sandbox.db, sandbox.actor.account_id)
    await finished(sandbox)
    assert len(sms.taken) == 6
    await assert_right(sandbox)


# Seen.


async def test_seen_follows_delivered_and_is_told_once(sandbox: Sandbox, im: Recording) -> None:
    im.answer = Accepted(reference="r-1")
    await send(sandbox, USER)
    await sandbox.work()
    seen, delivered = (Receipt(reference="r-1", state=one) for one in (ReceiptState.SEEN, ReceiptState.DELIVERED))
    await sandbox.inbox.take(IM, [seen])
    await sandbox.inbox.take(IM, [delivered, seen])
    assert [kind for kind, _ in await kinds(sandbox)] == ["submitted", "delivered", "seen"]
    (row,) = await rows(sandbox)
    assert row["state"] == "delivered"
    assert row["seen_at"] is not None
    await assert_right(sandbox)


async def test_the_simulated_user_of_9913_opens_the_conversation(sandbox: Sandbox) -> None:
    await send(sandbox, SEEN)
    await finished(sandbox)
    assert [kind for kind, _ in await kinds(sandbox)] == ["submitted", "delivered", "seen"]


async def test_stop_by_an_instant_message_holds_for_both_channels(sandbox: Sandbox) -> None:
    phone = "306944009910"
    await send(sandbox, phone)
    await finished(sandbox)
    assert [kind for kind, _ in await kinds(sandbox)] == ["submitted", "delivered", "reply", "unsubscribed"]
    assert (await send(sandbox, phone)).failures == [Failure.SUPPRESSED]
    assert (await sandbox.send(phone)).failures == [Failure.SUPPRESSED]


# Subscriptions.


async def subscribed(sandbox: Sandbox, *, total: int = 2, days: int = 30, since: int = 0, **more: Any) -> Any:
    now = sandbox.db.clock.now()
    command = AddSubscription(
        channel="im",
        sender="Blue",
        total=total,
        starts_at=now + since * DAY,
        ends_at=now + days * DAY,
        **more,
    )
    return await sandbox.db.run(add_subscription, sandbox.actor, command)


async def used(sandbox: Sandbox) -> int:
    (one,) = await sandbox.db.read(list_subscriptions, sandbox.actor)
    return one.used


async def test_a_subscription_pays_before_money_and_what_is_beyond_it_costs(sandbox: Sandbox) -> None:
    await priced(sandbox)
    await subscribed(sandbox)
    accepted = await send(sandbox, *(f"30694400000{digit}" for digit in range(3)))
    assert accepted.cost == 12_400
    assert [row["price"] for row in await rows(sandbox)] == [0, 0, 10_000]
    await finished(sandbox)
    assert await used(sandbox) == 2
    await assert_right(sandbox)


async def test_what_no_carrier_takes_is_given_back(sandbox: Sandbox) -> None:
    await subscribed(sandbox)
    accepted = await send(sandbox, USER, REFUSED, fallback=None, scheduled_at=sandbox.db.clock.now() + DAY)
    assert await used(sandbox) == 2
    await sandbox.advance(DAY + timedelta(minutes=1))
    await finished(sandbox)
    assert {row["state"]: row["subscription_id"] is not None for row in await rows(sandbox)} == {
        "delivered": True,
        "rejected": False,
    }
    assert await used(sandbox) == 1
    await assert_right(sandbox)
    del accepted


async def test_what_is_cancelled_is_given_back(sandbox: Sandbox) -> None:
    await subscribed(sandbox)
    accepted = await send(sandbox, USER, UNKNOWN, scheduled_at=sandbox.db.clock.now() + DAY)
    await sandbox.db.run(cancel_sendings, sandbox.actor, CancelSendings(sending_ids=[accepted.sending_id]))
    assert await used(sandbox) == 0
    await assert_right(sandbox)


async def test_a_first_attempt_that_was_taken_keeps_its_subscription(sandbox: Sandbox) -> None:
    await subscribed(sandbox)
    await send(sandbox, UNKNOWN, REFUSED)
    await finished(sandbox)
    assert await used(sandbox) == 1
    assert sorted(row["subscription_id"] is None for row in await attempts(sandbox)) == [False, True]
    assert [row["subscription_id"] for row in await rows(sandbox)] == [None, None]
    await assert_right(sandbox)


@pytest.mark.parametrize("fallback", [SECOND, None])
async def test_a_sender_without_an_active_subscription_falls_back_at_once(
    sandbox: Sandbox, im: Recording, sms: Recording, fallback: Fallback | None
) -> None:
    await subscribed(sandbox, since=1)
    accepted = await send(sandbox, USER, fallback=fallback)
    assert accepted.failures == [None if fallback else Failure.NO_SUBSCRIPTION]
    await sandbox.work()
    assert im.taken == []
    if fallback:
        assert await kinds(sandbox) == [("rejected", None), ("fallback", "sms"), ("submitted", "sms")]
        assert len(sms.taken) == 1
    else:
        assert await kinds(sandbox) == [("excluded", None)]
    assert await used(sandbox) == 0
    await assert_right(sandbox)


async def test_a_scheduled_message_goes_by_the_subscription_of_its_own_time(sandbox: Sandbox) -> None:
    await subscribed(sandbox, since=1)
    await send(sandbox, USER, fallback=None, scheduled_at=sandbox.db.clock.now() + 2 * DAY)
    assert await used(sandbox) == 1


@pytest.mark.parametrize(
    ("options", "failure"),
    [({"shared": True, "total": 0}, Failure.SENDER_CAP), ({}, Failure.SENDER_DISABLED)],
)
async def test_a_shared_senders_cap_and_a_disabled_sender_send_nothing(
    sandbox: Sandbox, sms: Recording, options: dict[str, Any], failure: Failure
) -> None:
    await priced(sandbox)
    one = await subscribed(sandbox, **options)
    if failure is Failure.SENDER_DISABLED:
        change = ChangeSubscription(subscription_id=one.subscription_id, disabled=True)
        await sandbox.db.run(change_subscription, sandbox.actor, change)
    accepted = await send(sandbox, USER)
    await sandbox.work()
    assert (accepted.failures, sms.taken) == ([failure], [])
    await assert_right(sandbox)
