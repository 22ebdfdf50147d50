"""One SMPP bind against a scripted SMSC in another process: submits with and without receipts.

    python -m bench.smpp [--messages 40000] [--window 100]

It prints messages per second from the first submit to the last receipt, and microseconds of this process's time a
message, medians of rounds.
"""

import argparse
import asyncio
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import uvloop

from carillon.carriers.contract import Accepted, OutgoingMessage, Receipt, Reply
from carillon.carriers.smpp.carrier import SmppCarrier, make_smpp
from carillon.kit.ids import AccountId
from carillon.kit.traffic import TrafficClass
from carillon.text.encodings import Encoding

ROUNDS = 5
CHUNK = 200
WAIT_SECONDS = 60


class CountingInbox:
    """Takes receipts at once."""

    def __init__(self, awaited: int) -> None:
        self.missing = awaited
        self.complete = asyncio.Event()

    async def take(self, carrier_id: int, received: Sequence[Receipt | Reply]) -> None:  # noqa: ARG002 - the contract
        self.missing -= len(received)
        if not self.missing:
            self.complete.set()


def messages(count: int) -> list[OutgoingMessage]:
    return [
        OutgoingMessage(
            account_id=AccountId(1),
            message_id=UUID(int=number),
            sender="Carillon",
            address=f"97250{number:07d}",
            text=f"Your order {number} is on its way, see you tomorrow.",
            encoding=Encoding.GSM,
            parts=1,
            traffic_class=TrafficClass.TRANSACTIONAL,
            validity=timedelta(days=1),
        )
        for number in range(count)
    ]


async def submit_all(carrier: SmppCarrier, batch: Sequence[OutgoingMessage], callers: int) -> None:
    """Submit in chunks, some calls at once as the engine has them."""
    chunks = iter([batch[start : start + CHUNK] for start in range(0, len(batch), CHUNK)])

    async def call() -> None:
        for chunk in chunks:
            outcomes = await carrier.submit(chunk)
            if not all(isinstance(one, Accepted) for one in outcomes):
                raise SystemExit("a message was not accepted")

    await asyncio.gather(*(call() for _ in range(callers)))


async def measure(port: int, batch: Sequence[OutgoingMessage], *, window: int, receipts: bool) -> tuple[float, float]:
    """Return messages per second, and microseconds of processor time a message."""
    inbox = CountingInbox(len(batch))
    options = {"window": str(window), "registered_delivery": "1" if receipts else "0"}
    carrier = make_smpp(1, f"smpp://bench@127.0.0.1:{port}", "", options, inbox)
    stopping = asyncio.Event()
    running = asyncio.create_task(carrier.run(stopping))
    async with asyncio.timeout(WAIT_SECONDS):
        while not carrier.is_up:  # noqa: ASYNC110 - before it is measured
            await asyncio.sleep(0.01)
    began, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    async with asyncio.timeout(WAIT_SECONDS):
        await submit_all(carrier, batch, 3)
        if receipts:
            await inbox.complete.wait()
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    stopping.set()
    await running
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    return len(batch) / seconds, cpu / len(batch) * 1e6


async def main(count: int, window: int) -> None:
    batch = messages(count)
    command = [sys.executable, "-m", "tests.carriers.scripted_smsc"]
    smsc = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220, S603 - ours, before it is measured
    try:
        assert smsc.stdout is not None  # noqa: S101 - it is a pipe
        port = int(smsc.stdout.readline().split()[1])
        for receipts in (False, True):
            rounds = [await measure(port, batch, window=window, receipts=receipts) for _ in range(ROUNDS)]
            rate, cpu = (statistics.median(column) for column in zip(*rounds, strict=True))
            name = "with receipts" if receipts else "without receipts"
            print(f"{name}: {rate:,.0f} messages/s, {cpu:.1f} us of our time a message")
    finally:
        smsc.terminate()
        smsc.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=40_000)
    parser.add_argument("--window", type=int, default=100)
    arguments = parser.parse_args()
    uvloop.run(main(arguments.messages, arguments.window))
