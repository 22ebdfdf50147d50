"""Whatever happens, in whatever order: the books are right at every step, and in the end all are accounted for."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.messaging.sandbox import Sandbox
from tests.support import OPERATOR

from carillon.audience.suppressions import Address, Channel, Suppress, suppress
from carillon.billing.balances import AddCredit, add_credit
from carillon.billing.prices import SetPrice, set_price
from carillon.billing.subscriptions import AddSubscription, add_subscription
from carillon.carriers.contract import Outcome, OutgoingMessage
from carillon.carriers.simulator.carrier import Simulator
from carillon.db.database import Database, Tx
from carillon.kit.clock import FixedClock
from carillon.kit.traffic import TrafficClass
from carillon.messaging.scheduling import CancelSendings, cancel_sendings, pause_sending, resume_sending
from carillon.messaging.sendings import Fallback
from carillon.messaging.sweep import sweep_account
from carillon.messaging.verify import verify_account
from carillon.routing.choice import BUILT_IN_SIMULATORS
from carillon.tenancy.accounts import CreateAccount, OpenAccount, create_account, open_account

ENDS = ["0001", "9901", "9902", "9903", "9904", "9905", "9906", "9907", "9908", "9909", "9910"]
IM_ENDS = [*ENDS, "9912", "9913"]
IM, SMS = BUILT_IN_SIMULATORS["im"], BUILT_IN_SIMULATORS["sms"]
LONGEST_VALIDITY = timedelta(hours=9)


class Network(Simulator):
    """The simulated network with a book of its own; while it hangs, what it takes is never answered."""

    hangs = False

    def __init__(self, carrier_id: int, inbox: Any) -> None:
        super().__init__(carrier_id, {"window": "3"}, inbox)
        self.book: Counter[UUID] = Counter()
        self.hanging = asyncio.Event()

    async def submit(self, messages: Sequence[OutgoingMessage]) -> list[Outcome]:
        # A network goes on when the worker dies that called it.
        outcomes = await asyncio.shield(self._take(messages))
        if self.hangs:
            self.hanging.set()
            await asyncio.Event().wait()
        return outcomes

    async def _take(self, messages: Sequence[OutgoingMessage]) -> list[Outcome]:
        outcomes = await super().submit(messages)
        for message, outcome in zip(messages, outcomes, strict=True):
            if not hasattr(outcome, "failure") or outcome.failure == "lost":
                self.book[message.message_id] += 1
        return outcomes


class World:
    """One account, what is done to it, and what was asked for."""

    def __init__(self, sandbox: Sandbox, clock: FixedClock) -> None:
        self.sandbox, self.clock = sandbox, clock
        self.db, self.actor = sandbox.db, sandbox.actor
        self.networks = [Network(carrier_id, sandbox.inbox) for carrier_id in (SMS, IM)]
        for network in self.networks:
            sandbox.held.carriers[network.carrier_id] = network
        self.sendings: list[tuple[UUID, TrafficClass, int]] = []

    async def do(self, step: tuple[Any, ...]) -> None:
        name, *arguments = step
        await getattr(self, name)(*arguments)
        assert await self.differences() == [], step

    async def differences(self) -> list[Any]:
        return list(await self.db.read(verify_account, self.actor, retention_days=3000))

    async def send(self, ends: list[str], traffic_class: TrafficClass, minutes: int) -> None:
        numbers = [f"3460000{place:02}{end}" for place, end in enumerate(ends)]
        at = self.clock.now() + await self.offset() + timedelta(minutes=minutes) if minutes else None
        accepted = await self.sandbox.send(*numbers, traffic_class=traffic_class, scheduled_at=at)
        self.sendings.append((accepted.sending_id, traffic_class, len(numbers)))

    async def send_im(self, ends: list[str], traffic_class: TrafficClass, ttl: int, falls_back: bool) -> None:  # noqa: FBT001 - a step's argument
        """Send instant messages, with an SMS where they fail."""
        numbers = [f"3460000{place:02}{end}" for place, end in enumerate(ends)]
        accepted = await self.sandbox.send(
            *numbers,
            channel="im",
            traffic_class=traffic_class,
            validity=timedelta(seconds=ttl),
            fallback=Fallback(sender="Blue", text="Your table is ready, by SMS.") if falls_back else None,
        )
        self.sendings.append((accepted.sending_id, traffic_class, len(numbers)))

    async def offset(self) -> timedelta:
        found: timedelta = await self.db.read(
            Tx.fetchval, "SELECT clock_offset FROM account WHERE account_id = $1", self.actor.account_id
        )
        return found

    async def turn(self, place: int) -> None:
        await self.sandbox.performers[place % 4].turn(self.actor.account_id, asyncio.Event())

    async def advance(self, minutes: int) -> None:
        await self.sandbox.advance(timedelta(minutes=minutes))

    async def crash(self, place: int) -> None:
        """A worker dies while carriers have messages of it; its leases end later."""
        hanging = asyncio.Event()
        for network in self.networks:
            network.hangs, network.hanging = True, hanging
        turn = asyncio.create_task(self.sandbox.performers[place % 3].turn(self.actor.account_id, asyncio.Event()))
        waiting = asyncio.create_task(hanging.wait())
        await asyncio.wait([turn, waiting], return_when=asyncio.FIRST_COMPLETED)
        for task in (turn, waiting):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        for network in self.networks:
            network.hangs = False
        self.clock.moment += timedelta(seconds=30)

    async def cancel(self, place: int) -> None:
        if self.sendings:
            chosen = self.sendings[place % len(self.sendings)][0]
            await self.db.run(cancel_sendings, self.actor, CancelSendings(sending_ids=[chosen]))

    async def pause(self, place: int) -> None:
        await self._change(pause_sending, place)

    async def resume(self, place: int) -> None:
        await self._change(resume_sending, place)

    async def _change(self, change: Any, place: int) -> None:
        if self.sendings:
            chosen = self.sendings[place % len(self.sendings)][0]
            if (await self.sandbox.sending(chosen))["state"] in {"active", "paused"}:
                await self.db.run(change, self.actor, chosen)

    async def suppress(self, end: str) -> None:
        address = Address(channel=Channel.SMS, value=f"+3460000000{end}"[:12])
        await self.db.run(suppress, self.actor, Suppress(addresses=[address], reason="asked"))

    async def finish(self) -> None:
        """Let everything come to its end."""
        for sending_id, _, _ in self.sendings:
            if (await self.sandbox.sending(sending_id))["state"] == "paused":
                await self.db.run(resume_sending, self.actor, sending_id)
        # An instant message may take a day, and the SMS behind it eight hours more.
        for _ in range(7):
            await self.sandbox.advance(timedelta(hours=8))
            while await self.db.run(sweep_account, self.actor):
                pass


STEPS = st.one_of(
    st.tuples(
        st.just("send"),
        st.lists(st.sampled_from(ENDS), min_size=1, max_size=8),
        st.sampled_from(TrafficClass),
        st.sampled_from([0, 0, 0, 90]),
    ),
    st.tuples(
        st.just("send_im"),
        st.lists(st.sampled_from(IM_ENDS), min_size=1, max_size=6),
        st.sampled_from(TrafficClass),
        st.sampled_from([30, 86_400]),
        st.booleans(),
    ),
    st.tuples(st.just("turn"), st.integers(0, 3)),
    st.tuples(st.just("turn"), st.integers(0, 3)),
    st.tuples(st.just("advance"), st.sampled_from([1, 10, 60])),
    st.tuples(st.just("crash"), st.integers(0, 2)),
    st.tuples(st.just("cancel"), st.integers(0, 5)),
    st.tuples(st.just("pause"), st.integers(0, 5)),
    st.tuples(st.just("resume"), st.integers(0, 5)),
    st.tuples(st.just("suppress"), st.sampled_from(ENDS)),
)


async def world_of(db: Database, clock: FixedClock, *, priced: bool) -> World:
    made = await db.run(create_account, OPERATOR, CreateAccount(name="Law", country="ES", sandbox=True))
    actor = await db.read(open_account, OPERATOR, OpenAccount(account_id=made.account.account_id))
    if priced:
        for channel, amount in (("sms", 40_000), ("im", 10_000)):
            price = SetPrice(account_id=actor.account_id, channel=channel, prefix="", amount=amount, vat=210_000)
            await db.run(set_price, OPERATOR, price)
        await db.run(add_credit, actor, AddCredit(amount=1_000_000, note=None))
        now = clock.now()
        allowance = AddSubscription(
            channel="im", sender="Blue", total=4, starts_at=now, ends_at=now + timedelta(hours=2)
        )
        await db.run(add_subscription, actor, allowance)
    return World(Sandbox(db, actor), clock)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, min_size=3, max_size=14), priced=st.booleans())
async def test_nobody_is_lost_or_written_to_twice_and_the_books_are_right_at_every_step(
    db: Database, clock: FixedClock, *, steps: list[tuple[Any, ...]], priced: bool
) -> None:
    world = await world_of(db, clock, priced=priced)
    for step in steps:
        await world.do(step)
    await world.finish()
    assert await world.differences() == []
    rows = await world.sandbox.messages()
    assert len(rows) == sum(count for _, _, count in world.sendings)
    assert [row for row in rows if row["state"] in {"waiting", "submitted", "uncertain"}] == []
    marketing = {
        sending_id for sending_id, traffic_class, _ in world.sendings if traffic_class is TrafficClass.MARKETING
    }
    of = {row["message_id"]: row for row in rows}
    books = [item for network in world.networks for item in network.book.items()]
    for message_id, times in books:
        sending_id = await db.read(
            Tx.fetchval,
            "SELECT sending_id FROM message WHERE shard_key = $1 AND message_id = $2",
            world.actor.account_id,
            message_id,
        )
        if sending_id in marketing:
            assert times == 1, of[message_id]
    delivered = [row for row in rows if row["state"] == "delivered"]
    taken = {message_id for message_id, _ in books}
    assert all(row["message_id"] in taken for row in delivered)
