"""An account of its own with a simulated network, and what works on its messages, turn by turn."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from prometheus_client import CollectorRegistry

from carillon.audience.suppressions import Address, Channel, Suppress, suppress
from carillon.carriers.contract import Carrier, Outcome
from carillon.carriers.simulator.carrier import Simulator
from carillon.db.database import Database, Tx
from carillon.kit.actor import Actor
from carillon.kit.traffic import TrafficClass
from carillon.messaging.accept import send
from carillon.messaging.dispatch import DispatchWorker
from carillon.messaging.receipts import ReceivedMessages
from carillon.messaging.sendings import AcceptedSending, Recipients, Send
from carillon.messaging.simulated import SimulatedWorker
from carillon.metrics import WorkMetrics
from carillon.otp.work import OtpWorker
from carillon.tenancy.secrets import SecretBox
from carillon.workers.performer import Performer

MESSAGES = """
SELECT message_id, state, reason, address, money, price, text FROM message WHERE shard_key = $1 ORDER BY message_id"""
SENDING = "SELECT * FROM sending WHERE shard_key = $1 AND sending_id = $2"
EVENTS = "SELECT sequence, kind, message_id, data FROM event WHERE shard_key = $1 ORDER BY sequence"


@dataclass(kw_only=True)
class HeldCarriers:
    """Carriers without rates (`dispatch.Carriers`), and what was said of them."""

    carriers: dict[int, Carrier] = field(default_factory=dict)
    gone: list[int] = field(default_factory=list)
    at_once: int | None = None
    slowed: list[tuple[int, timedelta]] = field(default_factory=list)

    def ids(self) -> Sequence[int]:
        return [*self.carriers, *self.gone]

    def get(self, carrier_id: int) -> Carrier | None:
        return self.carriers.get(carrier_id)

    def most_at_once(self, carrier_id: int) -> int | None:  # noqa: ARG002 - the caller's
        return self.at_once

    async def acquire(self, carrier_id: int, sender: str, traffic_class: TrafficClass, messages: int) -> None:
        pass

    def throttled(self, carrier_id: int, pause: timedelta) -> None:
        self.slowed.append((carrier_id, pause))

    def answered(self, carrier_id: int, addresses: Sequence[str], outcomes: Sequence[Outcome], seconds: float) -> None:
        pass


class Sandbox:
    """A sandbox account, whose work is done when the test says so."""

    def __init__(
        self, db: Database, actor: Actor, options: Mapping[str, str] | None = None, box: SecretBox | None = None
    ) -> None:
        self.db, self.actor = db, actor
        self.inbox = ReceivedMessages(db)
        self.held = HeldCarriers()
        self.held.carriers[0] = Simulator(0, options or {}, self.inbox)
        metrics = WorkMetrics(CollectorRegistry())
        workers: list[Any] = [DispatchWorker(one, self.held, concurrency=4, box=box) for one in TrafficClass]
        workers += [SimulatedWorker(self.inbox), *([OtpWorker(box)] if box else [])]
        self.performers = [Performer(db, one, metrics) for one in workers]

    async def send(self, *numbers: str, **options: Any) -> AcceptedSending:
        recipients = options.pop("recipients", None) or Recipients(addresses=list(numbers), are_digits=True)
        given = {"sender": "Blue", "text": "Your table is ready."} | options
        return await send(self.db, self.actor, Send(recipients=recipients, **given))

    async def work(self) -> None:
        """Do all that is due."""
        stopping = asyncio.Event()
        done = 1
        while done:
            done = 0
            for performer in self.performers:
                while (await performer.turn(self.actor.account_id, stopping)).claimed:
                    done += 1
            await self.inbox.match_parked(self.db)

    async def advance(self, by: timedelta) -> None:
        """Move the account's clock and do what is due by then."""
        await self.db.run(
            Tx.execute, "UPDATE account SET clock_offset = clock_offset + $2::interval WHERE account_id = $1",
            self.actor.account_id, by,
        )  # fmt: skip
        await self.work()

    async def suppress(self, number: str) -> None:
        address = Address(channel=Channel.SMS, value=f"+{number}")
        await self.db.run(suppress, self.actor, Suppress(addresses=[address], reason="asked"))

    async def has(self, number: str, state: str) -> bool:
        return (await self.states()).get(number) == state

    async def messages(self) -> list[Any]:
        return await self.db.read(Tx.fetch, MESSAGES, self.actor.account_id)

    async def states(self) -> dict[str, str]:
        return {row["address"]: row["state"] for row in await self.messages()}

    async def sending(self, sending_id: UUID) -> Any:
        return await self.db.read(Tx.fetchrow, SENDING, self.actor.account_id, sending_id)

    async def events(self) -> list[Any]:
        return await self.db.read(Tx.fetch, EVENTS, self.actor.account_id)
