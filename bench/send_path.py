"""The whole path over the simulator, against the SQL of the same work replayed bare.

    python -m bench.send_path [--requests 20] [--recipients 1000] [--rounds 5]

From the HTTP call to the event of the receipt: accepted, claimed, submitted, receipted, with four clients and a
simulator that delivers at once. The other side is the SQL of the very same work: every transaction that has written,
recorded in this process with its parameters and replayed through the driver on one connection, with nothing in between.
"""

import argparse
import asyncio
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import uvloop
from bench.recording import Recording, recorded, replay
from bench.send_accept import report
from bench.sending import TEXT, Sender, empty_ledger, memory_of, number, sender_of
from bench.served import Served, served
from prometheus_client import CollectorRegistry

from carillon.carriers.contract import Carrier, Outcome
from carillon.carriers.simulator.carrier import Simulator
from carillon.cli.session import operator
from carillon.db.database import Database
from carillon.kit.ids import AccountId
from carillon.kit.traffic import TrafficClass
from carillon.messaging.accept import send
from carillon.messaging.dispatch import DispatchWorker
from carillon.messaging.receipts import ReceivedMessages
from carillon.messaging.sendings import Recipients, Send
from carillon.messaging.simulated import SimulatedWorker
from carillon.metrics import WorkMetrics
from carillon.tenancy.accounts import OpenAccount, open_account
from carillon.workers.performer import Performer

CLIENTS = 4
LIMIT = 0.35


class OneSimulator:
    """`dispatch.Carriers` with one simulator that delivers at once."""

    def __init__(self, carrier_id: int, inbox: ReceivedMessages) -> None:
        self._simulator = Simulator(carrier_id, {"instant": "yes"}, inbox)

    def ids(self) -> Sequence[int]:
        """Return its id."""
        return [self._simulator.carrier_id]

    def get(self, carrier_id: int) -> Carrier | None:
        """Return it."""
        return self._simulator if carrier_id == self._simulator.carrier_id else None

    def most_at_once(self, carrier_id: int) -> int | None:
        """Return None: there are no rates."""

    async def acquire(self, carrier_id: int, sender: str, traffic_class: TrafficClass, messages: int) -> None:
        """Wait for nothing."""

    def throttled(self, carrier_id: int, pause: timedelta) -> None:
        """Slow nothing down."""

    def answered(self, carrier_id: int, addresses: Sequence[str], outcomes: Sequence[Outcome], seconds: float) -> None:
        """Note nothing."""


@contextmanager
def while_stopped(server: Served) -> Iterator[None]:
    """Stop the server, but not its database, during the block: nobody else takes the work then."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


async def record(sender: Sender, count: int, recipients: int) -> Recording:
    """Do the whole path in this process, one thing after another, and record what it writes."""
    recording = Recording()
    db = await Database.connect(sender.caller.server.dsn)
    actor = await db.read(open_account, operator(), OpenAccount(account_id=AccountId(sender.account_id)))
    carrier_id = await sender.connection.fetchval("SELECT max(carrier_id) FROM carrier")
    inbox, metrics = ReceivedMessages(db), WorkMetrics(CollectorRegistry())
    dispatch = DispatchWorker(TrafficClass.TRANSACTIONAL, OneSimulator(carrier_id, inbox), concurrency=1)
    performers: list[Performer[Any, Any]] = [
        Performer(db, dispatch, metrics),
        Performer(db, SimulatedWorker(inbox), metrics),
    ]
    with recorded(recording):
        for at in range(count):
            numbers = [number(at * recipients + place) for place in range(recipients)]
            given = Recipients(addresses=numbers, are_digits=True)
            await send(db, actor, Send(dialect="apifon", sender="BlueDoor", text=TEXT, recipients=given))
        for performer in performers:
            while (await performer.turn(actor.account_id, asyncio.Event())).claimed:
                pass
    await sender.until_over(1)
    await db.close()
    return recording


async def measure(arguments: argparse.Namespace) -> None:
    """Measure both sides against one server's database, in turns."""
    messages = arguments.requests * arguments.recipients
    with served() as server:
        connection = await asyncpg.connect(server.dsn)
        sender = sender_of(server, connection)
        with while_stopped(server):
            recording = await record(sender, arguments.requests, arguments.recipients)
        requests = sender.requests(arguments.requests, arguments.recipients)
        paces = []
        for turn in range(arguments.rounds + 1):
            taken = {}
            for side in ("ours", "bare") if turn % 2 == 0 else ("bare", "ours"):
                await empty_ledger(connection)
                if side == "ours":
                    taken[side] = await whole_path(sender, requests)
                else:
                    with while_stopped(server):
                        taken[side] = await replay(server.dsn, recording)
            paces.append((messages / taken["ours"], messages / taken["bare"]))
        what = f"accept to receipt over the simulator, {arguments.recipients} recipients a request"
        report(what, "messages/s", "bare SQL", paces[1:], LIMIT)
        print(f"the server's memory: {memory_of(server.pid) / 1e6:,.0f} MB, at most {server.memory() / 1e6:,.0f} MB")
        await connection.close()


async def whole_path(sender: Sender, requests: list[bytes]) -> float:
    """Send, and wait until every message is delivered; return the seconds."""
    began = time.perf_counter()
    await sender.send(requests, CLIENTS)
    await sender.until_over()
    return time.perf_counter() - began


def main() -> None:
    """Read the flags and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=20)
    parser.add_argument("--recipients", type=int, default=1_000, help="how many a request has")
    parser.add_argument("--rounds", type=int, default=5)
    uvloop.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
