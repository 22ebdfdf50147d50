"""Sends accepted over HTTP, against the same rows by COPY, and against one durable INSERT a request.

    python -m bench.send_accept [--requests 40] [--singles 6000] [--rounds 5]

Requests of 1,000 recipients with four clients, priced, so that money is reserved: rows a second against COPY of the
very rows into the same tables, a transaction for each request, with four connections. Then requests of one recipient on
32 connections against `bench.one_insert` on the same database, with the same load. Messages are scheduled, so that
nothing is dispatched meanwhile. The limits are the issue's.
"""

import argparse
import asyncio
import io
import statistics
import time
from collections.abc import Sequence

import asyncpg
import uvloop
from bench.calls import Connection, send_at_once
from bench.sending import Sender, empty_ledger, memory_of, sender_of
from bench.served import Served, beside, served

CLIENTS, RECIPIENTS, CONNECTIONS = 4, 1_000, 32
BULK_LIMIT, SINGLE_LIMIT = 0.4, 0.5

_ROWS = {
    "sending": "SELECT * FROM sending WHERE shard_key = {account} AND sending_id = '{sending}'",
    "message": "SELECT * FROM message WHERE shard_key = {account} AND sending_id = '{sending}'",
    "chunk": "SELECT * FROM chunk WHERE account_id = {account} AND sending_id = '{sending}'",
    "journal_entry": "SELECT * FROM journal_entry WHERE account_id = {account} AND sending_id = '{sending}'",
}
_RESERVE = "UPDATE balance SET available = available - 1, reserved = reserved + 1 WHERE account_id = $1"


Dump = dict[str, bytes]


async def dump(sender: Sender) -> list[Dump]:
    """Read what each request has left, as COPY takes it."""
    rows = await sender.connection.fetch("SELECT sending_id FROM sending WHERE shard_key = $1", sender.account_id)
    dumps = []
    for row in rows:
        tables: Dump = {}
        for table, query in _ROWS.items():
            kept = io.BytesIO()
            text = query.format(account=sender.account_id, sending=row["sending_id"])
            await sender.connection.copy_from_query(text, output=kept, format="binary")
            tables[table] = kept.getvalue()
        dumps.append(tables)
    return dumps


async def copy(dsn: str, account_id: int, dumps: Sequence[Dump]) -> float:
    """Write the rows by COPY with some connections at once; return the seconds."""
    connections = [await asyncpg.connect(dsn) for _ in range(CLIENTS)]

    async def write(connection: asyncpg.Connection, share: Sequence[Dump]) -> None:
        for tables in share:
            async with connection.transaction():
                for table, rows in tables.items():
                    await connection.copy_to_table(table, source=io.BytesIO(rows), format="binary")
                await connection.execute(_RESERVE, account_id)

    began = time.perf_counter()
    await asyncio.gather(*(write(one, dumps[place::CLIENTS]) for place, one in enumerate(connections)))
    seconds = time.perf_counter() - began
    for one in connections:
        await one.close()
    return seconds


async def measure_bulk(server: Served, sender: Sender, count: int, rounds: int) -> None:
    """Measure requests of many recipients against COPY."""
    requests = sender.requests(count, RECIPIENTS, scheduled=True)
    await sender.send(requests, CLIENTS)
    dumps = await dump(sender)
    paces = []
    for number in range(rounds):
        taken = {}
        for side in ("ours", "copy") if number % 2 == 0 else ("copy", "ours"):
            await empty_ledger(sender.connection)
            if side == "ours":
                taken[side] = await sender.send(requests, CLIENTS)
            else:
                taken[side] = await copy(server.dsn, sender.account_id, dumps)
        paces.append((count * RECIPIENTS / taken["ours"], count * RECIPIENTS / taken["copy"]))
    report(f"{RECIPIENTS} recipients a request, {CLIENTS} clients", "rows/s", "COPY", paces, BULK_LIMIT)


async def measure_singles(server: Served, sender: Sender, count: int, rounds: int) -> None:
    """Measure requests of one recipient against one INSERT each."""
    requests = sender.requests(count, 1, scheduled=True)
    with beside(server, "bench.one_insert", server.dsn) as bare:
        paces = []
        for number in range(rounds + 1):
            taken = {}
            for side in (sender.caller.server, bare) if number % 2 == 0 else (bare, sender.caller.server):
                await empty_ledger(sender.connection)
                head = sender.caller.head
                shares = [(Connection(side, head), requests[place::CONNECTIONS]) for place in range(CONNECTIONS)]
                began = time.perf_counter()
                await asyncio.to_thread(send_at_once, shares)
                taken[side.port] = count / (time.perf_counter() - began)
            paces.append((taken[server.port], taken[bare.port]))
    report(f"one recipient a request, {CONNECTIONS} connections", "requests/s", "one INSERT", paces[1:], SINGLE_LIMIT)


def report(what: str, unit: str, limit: str, paces: Sequence[tuple[float, float]], bar: float) -> None:
    """Print the medians of both sides and of their ratios."""
    ours, other = (statistics.median(column) for column in zip(*paces, strict=True))
    ratios = sorted(one / bare for one, bare in paces)
    print(
        f"{what}: {ours:,.0f} {unit}, {limit} {other:,.0f}: ratio {statistics.median(ratios):.2f} "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f}; at least {bar})",
        flush=True,
    )


async def measure(arguments: argparse.Namespace) -> None:
    """Measure both against one server."""
    with served() as server:
        connection = await asyncpg.connect(server.dsn)
        sender = sender_of(server, connection, price="0.03")
        await measure_bulk(server, sender, arguments.requests, arguments.rounds)
        print(f"the server's memory: {memory_of(server.pid) / 1e6:,.0f} MB, at most {server.memory() / 1e6:,.0f} MB")
        free = sender_of(server, connection)
        await measure_singles(server, free, arguments.singles, arguments.rounds)
        print(f"the server's memory: {memory_of(server.pid) / 1e6:,.0f} MB, at most {server.memory() / 1e6:,.0f} MB")
        await connection.close()


def main() -> None:
    """Read the flags and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=40, help="how many requests of 1,000 recipients a round has")
    parser.add_argument("--singles", type=int, default=6_000, help="how many requests of one recipient a round has")
    parser.add_argument("--rounds", type=int, default=5)
    uvloop.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
