"""The whole path over SMPP against Kannel with its durable spool, in one run.

    python -m bench.kannel [--messages 10000] [--rounds 3]

From the HTTP call over the submit_sm_resp to the receipt: Carillon until the receipt's event is committed, Kannel until
it has called the receipt's URL. Each has a scripted SMSC of its own, with receipts at once and a window of 500. One
recipient a call with 32 clients for both; then 1,000 a call with four clients, against the same figure of Kannel. Wants
`apt-get install kannel`.
"""

import argparse
import asyncio
import time
from dataclasses import replace

import asyncpg
import uvloop
from bench.calls import Connection, send_at_once
from bench.send_accept import report
from bench.sending import TEXT, Sender, empty_ledger, memory_of, number, smpp_sender_of
from bench.served import served
from bench.smscs import Reports, kannel, sendsms, smsc_process

CLIENTS, BULK_CLIENTS, BULK_RECIPIENTS = 32, 4, 1_000
LIMIT = 1.0
_MOST_SECONDS = 300
_LOST_SECONDS = 5


async def ours(sender: Sender, requests: list[bytes], clients: int) -> float:
    """Send, and wait for the last receipt; return the seconds."""
    await empty_ledger(sender.connection)
    began = time.perf_counter()
    await sender.send(requests, clients)
    await sender.until_over(_MOST_SECONDS)
    return time.perf_counter() - began


async def kannels(sender: Sender, port: int, requests: list[bytes]) -> float:
    """Send, and wait for the last receipt; return the seconds. It loses some receipts: the last is the last that comes."""
    server = replace(sender.caller.server, host="127.0.0.1", port=port)
    shares = [(Connection(server, "Accept: */*"), requests[place::CLIENTS]) for place in range(CLIENTS)]
    before, began = Reports.count, time.perf_counter()
    await asyncio.to_thread(send_at_once, shares)
    last, count = time.perf_counter(), Reports.count
    while Reports.count - before < len(requests) and time.perf_counter() - last < _LOST_SECONDS:
        await asyncio.sleep(0.01)
        if Reports.count != count:
            last, count = time.perf_counter(), Reports.count
    if lost := len(requests) - (Reports.count - before):
        print(f"Kannel has lost {lost} of {len(requests)} receipts")
    return last - began


async def measure(arguments: argparse.Namespace) -> None:
    """Measure both in turns."""
    count = arguments.messages
    loop = asyncio.get_running_loop()
    reports = (await loop.create_server(Reports, "127.0.0.1", 0)).sockets[0].getsockname()[1]
    with served() as server, smsc_process() as smsc, smsc_process() as kannels_smsc:
        connection = await asyncpg.connect(server.dsn)
        sender = smpp_sender_of(server, connection, smsc)
        singles, bulk = sender.requests(count, 1), sender.requests(count // BULK_RECIPIENTS, BULK_RECIPIENTS)
        writing = sender.caller.connection()
        calls = [writing.written("GET", sendsms(number(place), TEXT, reports)) for place in range(count)]
        async with kannel(kannels_smsc) as port:
            paces = []
            for turn in range(arguments.rounds + 1):
                taken = {}
                for side in ("ours", "bulk", "kannel") if turn % 2 == 0 else ("kannel", "bulk", "ours"):
                    match side:
                        case "ours":
                            taken[side] = await ours(sender, singles, CLIENTS)
                        case "bulk":
                            taken[side] = await ours(sender, bulk, BULK_CLIENTS)
                        case _:
                            taken[side] = await kannels(sender, port, calls)
                print({side: round(seconds, 2) for side, seconds in taken.items()}, flush=True)
                paces.append({side: count / seconds for side, seconds in taken.items()})
        for side, what in (("ours", "one recipient a call"), ("bulk", f"{BULK_RECIPIENTS} recipients a call")):
            pairs = [(one[side], one["kannel"]) for one in paces[1:]]
            report(f"the whole path over SMPP, {what}", "messages/s", "Kannel", pairs, LIMIT)
        print(f"the server's memory: {memory_of(server.pid) / 1e6:,.0f} MB, at most {server.memory() / 1e6:,.0f} MB")
        await connection.close()


def main() -> None:
    """Read the flags and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    uvloop.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
