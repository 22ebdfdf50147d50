"""The server's memory under half of the load that it can take, for half an hour.

    python -m bench.half_load [--minutes 30] [--rate 900]

Requests of one recipient at a steady rate on eight connections, over SMPP to a scripted SMSC with receipts at once, as
`bench.kannel` sends them at full speed. Once a minute the memory of the server's process is printed; in the end the
most that it had, and what it had at last against what it had after the first five minutes. The limits are the issue's.
"""

import argparse
import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import uvloop
from bench.calls import Connection
from bench.sending import Sender, memory_of, smpp_sender_of
from bench.served import served
from bench.smscs import smsc_process

CLIENTS = 8
MOST_BYTES, MOST_GROWTH = 400e6, 1.1
_WARM_MINUTES = 5
_WRITTEN_AT_ONCE = 500


class SteadyClient:
    """Sends at a steady rate on one connection."""

    def __init__(self, sender: Sender, place: int, rate: float) -> None:
        self._sender = sender
        self._connection: Connection = sender.caller.connection()
        self._place = place
        self._pause = 1 / rate
        self.sent = 0

    def run(self, stopping: threading.Event) -> None:
        """Send until the event is set. What is late is sent at once."""
        due = time.perf_counter()
        for start in range(self._place * 1_000_000, (self._place + 1) * 1_000_000, _WRITTEN_AT_ONCE):
            for request in self._sender.requests(_WRITTEN_AT_ONCE, 1, start=start):
                if stopping.wait(max(0.0, due - time.perf_counter())):
                    return
                self._connection.send(request)
                self.sent += 1
                due += self._pause


async def measure(arguments: argparse.Namespace) -> None:
    """Send, and watch."""
    with served() as server, smsc_process() as smsc:
        connection = await asyncpg.connect(server.dsn)
        sender = smpp_sender_of(server, connection, smsc)
        clients = [SteadyClient(sender, place, arguments.rate / CLIENTS) for place in range(CLIENTS)]
        stopping = threading.Event()
        with ThreadPoolExecutor(CLIENTS) as pool:
            running = [pool.submit(client.run, stopping) for client in clients]
            warm = 0
            for minute in range(1, arguments.minutes + 1):
                await asyncio.sleep(60)
                memory = memory_of(server.pid)
                sent = sum(client.sent for client in clients)
                print(f"minute {minute}: {memory / 1e6:,.0f} MB, {sent:,} messages", flush=True)
                if minute <= max(1, min(_WARM_MINUTES, arguments.minutes // 2)):
                    warm = memory
            stopping.set()
            for one in running:
                one.result()
        await sender.until_over()
        most = server.memory()
        print(
            f"at most {most / 1e6:,.0f} MB (at most {MOST_BYTES / 1e6:,.0f}); at last against the first minutes: "
            f"{memory / warm:.2f} (at most {MOST_GROWTH})"
        )
        await connection.close()


def main() -> None:
    """Read the flags and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--rate", type=float, default=900, help="messages a second")
    uvloop.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
