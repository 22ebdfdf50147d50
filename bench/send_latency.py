"""How soon an SMS is at the SMSC: at an idle server, against Kannel, and beside a marketing sending.

    python -m bench.send_latency [--probes 200] [--marketing 100000]

From the HTTP call to the submit_sm seen at a scripted SMSC, one after another with a pause between: in turns Carillon,
Kannel and, as the least, an application of one INSERT and one submit_sm; and then passwords (otp) of the
account whose 100,000 marketing messages are being dispatched over the same bind. The limits are the issue's. Wants
`apt-get install kannel`.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace

import asyncpg
import uvloop
from bench.callers import caller_of
from bench.calls import Connection, send_at_once
from bench.sending import TEXT, Sender, memory_of, number, smpp_sender_of
from bench.served import beside, served
from bench.smscs import WatchedSmsc, kannel, sendsms, watched_smsc

PAUSE_SECONDS = 0.03
KANNEL_LIMIT, BUSY_LIMIT = 2.0, 3.0
CLIENTS, RECIPIENTS = 4, 1_000
# Numbers that nothing else is sent to.
PROBES_START = 9_000_000


async def probe(smsc: WatchedSmsc, connection: Connection, request: bytes, destination: str) -> float:
    """Send one and return the seconds until the SMSC has it."""
    seen = smsc.watch(destination)
    began = time.perf_counter()
    await asyncio.to_thread(connection.send, request)
    async with asyncio.timeout(60):
        moment = await seen
    await asyncio.sleep(PAUSE_SECONDS)
    return moment - began


async def measure_idle(smsc: WatchedSmsc, smsc_port: int, sender: Sender, count: int) -> float:
    """Compare with Kannel; return the median of an idle server."""
    server = sender.caller.server
    requests = sender.requests(3 * count, 1, start=PROBES_START)
    own = sender.caller.connection()
    ours: list[float] = []
    theirs: list[float] = []
    least: list[float] = []
    async with kannel(smsc_port) as port:
        other = Connection(replace(server, host="127.0.0.1", port=port), "Accept: */*")
        with beside(server, "bench.one_insert", server.dsn, smsc_port) as bare:
            barely = Connection(bare, sender.caller.head)
            for place in range(count):
                to, to_kannel, to_bare = (number(PROBES_START + side * count + place) for side in range(3))
                calling = own.written("GET", sendsms(to_kannel, TEXT))
                ours.append(await probe(smsc, own, requests[place], to))
                theirs.append(await probe(smsc, other, calling, to_kannel))
                least.append(await probe(smsc, barely, requests[2 * count + place], to_bare))
    idle, kannels, bares = (statistics.median(one) for one in (ours, theirs, least))
    print(
        f"one SMS at an idle server, p50: {idle * 1e3:.1f} ms (p95 {_p95(ours) * 1e3:.1f}), Kannel "
        f"{kannels * 1e3:.1f} ms (p95 {_p95(theirs) * 1e3:.1f}): ratio {idle / kannels:.2f} (at most {KANNEL_LIMIT})\n"
        f"  one INSERT and one submit_sm: {bares * 1e3:.1f} ms, {bares / kannels:.2f} of Kannel's",
        flush=True,
    )
    return idle


async def measure_busy(smsc: WatchedSmsc, sender: Sender, idle: float, arguments: argparse.Namespace) -> None:
    """Send passwords while a marketing sending is dispatched."""
    server, account = sender.caller.server, (sender.account_id, sender.caller.audience_id)
    marketing = replace(sender, caller=caller_of(server, "apifon", account, traffic="marketing"))
    otp = replace(sender, caller=caller_of(server, "apifon", account, traffic="otp"))
    start = PROBES_START + 10 * arguments.probes
    requests, connection = otp.requests(arguments.probes, 1, start=start), otp.caller.connection()
    bulk = marketing.requests(arguments.marketing // RECIPIENTS, RECIPIENTS)
    shares = [(marketing.caller.connection(), bulk[place::CLIENTS]) for place in range(CLIENTS)]
    await asyncio.to_thread(send_at_once, shares)
    times = []
    for place, request in enumerate(requests):
        if not await _waiting(sender):
            break
        times.append(await probe(smsc, connection, request, number(start + place)))
    busy = statistics.median(times)
    print(
        f"otp beside {arguments.marketing:,} marketing messages, p50: {busy * 1e3:.1f} ms (p95 "
        f"{_p95(times) * 1e3:.1f}; {len(times)} probes): ratio {busy / idle:.2f} (at most {BUSY_LIMIT})",
        flush=True,
    )


async def _waiting(sender: Sender) -> int:
    query = "SELECT coalesce(sum(waiting), 0)::bigint FROM sending WHERE shard_key = $1"
    return int(await sender.connection.fetchval(query, sender.account_id))


def _p95(times: Sequence[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


async def measure(arguments: argparse.Namespace) -> None:
    """Measure both against one server."""
    with served() as server:
        async with watched_smsc() as (smsc, port):
            connection = await asyncpg.connect(server.dsn)
            sender = smpp_sender_of(server, connection, port)
            idle = await measure_idle(smsc, port, sender, arguments.probes)
            await measure_busy(smsc, sender, idle, arguments)
            print(
                f"the server's memory: {memory_of(server.pid) / 1e6:,.0f} MB, at most {server.memory() / 1e6:,.0f} MB"
            )
            await connection.close()


def main() -> None:
    """Read the flags and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--probes", type=int, default=200)
    parser.add_argument("--marketing", type=int, default=100_000, help="how many marketing messages there are beside")
    uvloop.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
