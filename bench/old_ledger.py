"""The whole path beside many old messages, against the same with an empty ledger.

    python -m bench.old_ledger [--old 2000000] [--requests 20] [--rounds 5]

Two servers, in turns: one has so many messages of the last twenty days, with their references, of the very account that
sends. The issue's figure is --old 20000000, which takes minutes to be written and some 15 GB.
"""

import argparse
import asyncio
from contextlib import ExitStack
from datetime import UTC, date, datetime, time, timedelta

import asyncpg
import uvloop
from bench.send_accept import report
from bench.send_path import whole_path
from bench.sending import Sender, memory_of, sender_of
from bench.served import served

from carillon.kit.ids import first_uuid_of

DAYS, LIMIT = 20, 0.85
_SLICE = 500_000
# A UUIDv7 of a day's n-th message: its millisecond, the version, the variant, and n.
_ID = "(lpad(to_hex($2::bigint + n * 17 % 86000000), 12, '0') || '7000' || '8' || lpad(to_hex(n), 15, '0'))::uuid"
_MESSAGES = f"""
INSERT INTO message (shard_key, message_id, sending_id, carrier_id, submitted_at, final_at, price, vat, parts, state,
    money, encoding, address)
SELECT $1, {_ID}, {_ID}, 1, now(), now(), 0, 0, 1, 'delivered', 'none', 'gsm',
    '30' || lpad((n % 1000000)::text, 7, '0') || '0001'
FROM generate_series($3::bigint, $4::bigint) AS n
"""  # noqa: S608 - constants
_REFERENCES = f"""
INSERT INTO carrier_reference (shard_key, message_id, carrier_id, reference)
SELECT $1, {_ID}, 1, 'old' || $2::bigint || '-' || n FROM generate_series($3::bigint, $4::bigint) AS n
"""  # noqa: S608 - constants


async def fill(sender: Sender, count: int) -> None:
    """Write old messages, a day's in its partition."""
    today = datetime.now(UTC).date()
    for day in (today - timedelta(days=back) for back in range(2, DAYS + 2)):
        for table in ("message", "carrier_reference"):
            first, end = (_first(one) for one in (day, day + timedelta(days=1)))
            name = f"{table}_{day:%Y%m%d}"
            await sender.connection.execute(
                f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} FOR VALUES FROM ('{first}') TO ('{end}')"
            )
        milliseconds = int(datetime.combine(day, time(), UTC).timestamp() * 1000)
        for start in range(0, count // DAYS, _SLICE):
            last = min(start + _SLICE, count // DAYS) - 1
            for statement in (_MESSAGES, _REFERENCES):
                await sender.connection.execute(statement, sender.account_id, milliseconds, start, last)
    await sender.connection.execute("ANALYZE message, carrier_reference")


def _first(day: date) -> str:
    return str(first_uuid_of(datetime.combine(day, time(), UTC)))


async def measure(arguments: argparse.Namespace) -> None:
    """Measure both servers in turns."""
    count = arguments.requests * 1_000
    with ExitStack() as stack:
        servers = [stack.enter_context(served()) for _ in range(2)]
        connections = [await asyncpg.connect(one.dsn) for one in servers]
        senders = [sender_of(*pair) for pair in zip(servers, connections, strict=True)]
        await fill(senders[0], arguments.old)
        paces = []
        for turn in range(arguments.rounds + 1):
            taken = {}
            for place in (0, 1) if turn % 2 == 0 else (1, 0):
                requests = senders[place].requests(arguments.requests, 1_000, start=turn * count)
                taken[place] = count / await whole_path(senders[place], requests)
                await asyncio.sleep(1)
            paces.append((taken[0], taken[1]))
        report(f"the whole path beside {arguments.old:,} old messages", "messages/s", "without", paces[1:], LIMIT)
        for server in servers:
            now, most = memory_of(server.pid), server.memory()
            print(f"the server's memory: {now / 1e6:,.0f} MB, at most {most / 1e6:,.0f} MB")
        for connection in connections:
            await connection.close()


def main() -> None:
    """Read the flags and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--old", type=int, default=2_000_000, help="how many old messages there are")
    parser.add_argument("--requests", type=int, default=20, help="how many requests of 1,000 recipients a round has")
    parser.add_argument("--rounds", type=int, default=5)
    uvloop.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
