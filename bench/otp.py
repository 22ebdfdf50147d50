"""One-time passwords: how soon one is at the SMSC, at an idle server and beside a marketing sending; checks a second.

    python -m bench.otp [--probes 200] [--marketing 100000] [--checks 4000] [--rounds 3]

Passwords are created over Apifon's API, one after another with a pause between, and seen at a scripted SMSC. Codes are
generated and checked over 360NRS's, each of them valid, by several clients at once; beside that the same statements
are run on passwords of another account in bare transactions by as many connections, in turns. The limits are the
issue's.
"""

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import uvloop
from bench.callers import Caller, caller_of
from bench.calls import Connection, send_at_once
from bench.send_latency import probe
from bench.sending import Sender, number, smpp_sender_of
from bench.served import served
from bench.smscs import WatchedSmsc, watched_smsc

from carillon.db.sql import load_statements

CREATE, GENERATE, CHECK = "/services/api/v1/otp/create", "/api/rest/otp/generate", "/api/rest/otp/check"
BUSY_LIMIT, CHECK_LIMIT = 3.0, 0.4
CLIENTS, RECIPIENTS = 4, 1_000
# Numbers that nothing else is sent to.
PROBES_START = 8_000_000

_VERIFY = load_statements("carillon.otp", "check.sql")["verify_otp"]
_COUNTERS = load_statements("carillon.otp", "counters.sql")
_WAITING = "SELECT coalesce(sum(waiting), 0)::bigint FROM sending WHERE shard_key = $1"
_COPY = """
INSERT INTO otp SELECT (jsonb_populate_record(o, jsonb_build_object(
    'state', 'pending', 'attempts', 0, 'ended_at', NULL, 'account_id', $2::bigint, 'otp_id', gen_random_uuid()))).*
FROM otp o WHERE o.account_id = $1"""
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


async def measure_creates(smsc: WatchedSmsc, sender: Sender, arguments: argparse.Namespace) -> None:
    """Create passwords at an idle server, and beside a marketing sending."""
    idle = statistics.median(await _probes(smsc, sender, arguments.probes, PROBES_START))
    account = (sender.account_id, sender.caller.audience_id)
    marketing = replace(sender, caller=caller_of(sender.caller.server, "apifon", account, traffic="marketing"))
    bulk = marketing.requests(arguments.marketing // RECIPIENTS, RECIPIENTS)
    shares = [(marketing.caller.connection(), bulk[place::CLIENTS]) for place in range(CLIENTS)]
    await asyncio.to_thread(send_at_once, shares)
    times = await _probes(smsc, sender, arguments.probes, PROBES_START + arguments.probes, only_busy=True)
    busy = statistics.median(times)
    print(
        f"OTP create to submit, p50: {idle * 1e3:.1f} ms idle, {busy * 1e3:.1f} ms beside {arguments.marketing:,} "
        f"marketing messages ({len(times)} probes): ratio {busy / idle:.2f} (at most {BUSY_LIMIT})",
        flush=True,
    )


async def _probes(smsc: WatchedSmsc, sender: Sender, count: int, start: int, *, only_busy: bool = False) -> list[float]:
    connection, times = sender.caller.connection(), []
    for place in range(start, start + count):
        if only_busy and not await sender.connection.fetchval(_WAITING, sender.account_id):
            break
        body = {"reference_id": f"bench-{place}", "subscriber": number(place)}
        times.append(await probe(smsc, connection, connection.written("POST", CREATE, body), number(place)))
    return times


async def measure_checks(caller: Caller, other: Caller, dsn: str, arguments: argparse.Namespace) -> None:
    """Check codes over HTTP, and run what a check runs in bare transactions, in turns."""
    ratios = []
    for turn in range(arguments.rounds):
        recipients = [number(turn * arguments.checks + place) for place in range(arguments.checks)]
        codes = await asyncio.to_thread(_generate, caller, recipients)
        await _copy(dsn, caller.account_id, other.account_id)
        bare = len(recipients) / await _check_bare(dsn, other.account_id, recipients)
        served_ones = len(recipients) / await asyncio.to_thread(_check, caller, recipients, codes)
        ratios.append(served_ones / bare)
        print(f"checks a second: {served_ones:,.0f} served, {bare:,.0f} bare: ratio {ratios[-1]:.2f}", flush=True)
        await _empty(dsn)
    print(f"OTP checks: the median ratio is {statistics.median(ratios):.2f} (at least {CHECK_LIMIT})", flush=True)


def _generate(caller: Caller, recipients: Sequence[str]) -> list[str]:
    connection = caller.connection()
    bodies = [{"recipient": one, "maxSecondsValidity": 600} for one in recipients]
    replies = [connection.send(connection.written("POST", GENERATE, body)) for body in bodies]
    return [str(json.loads(one)["data"]["code"]) for one in replies]


def _check(caller: Caller, recipients: Sequence[str], codes: Sequence[str]) -> float:
    """Check every code with several clients at once; return the seconds."""
    writing = caller.connection()
    bodies = [{"recipient": one, "code": code} for one, code in zip(recipients, codes, strict=True)]
    requests = [writing.written("POST", CHECK, body) for body in bodies]
    shares: list[tuple[Connection, Sequence[bytes]]] = [
        (caller.connection(), requests[place::CLIENTS]) for place in range(CLIENTS)
    ]
    began = time.perf_counter()
    send_at_once(shares)
    return time.perf_counter() - began


async def _check_bare(dsn: str, account_id: int, recipients: Sequence[str]) -> float:
    """Run the transactions of checks with as many connections; return the seconds."""

    async def share(connection: asyncpg.Connection, mine: Sequence[str]) -> None:
        take = await connection.prepare(_COUNTERS["take_attempt"])
        end = await connection.prepare(_VERIFY)
        count = await connection.prepare(_COUNTERS["count"])
        for one in mine:
            now = datetime.now(UTC)
            place = (account_id, "nrs", f" {one}")
            async with connection.transaction():
                assert await take.fetchrow(*place, now, _HOUR), "the password is there"  # noqa: S101 - a bench asserts
                await end.fetchrow(*place, now, now + _DAY)
                await count.fetch(account_id, now, ["prefix_verified"], [one[:-4]], [1], [_DAY])

    connections = [await asyncpg.connect(dsn) for _ in range(CLIENTS)]
    began = time.perf_counter()
    await asyncio.gather(*(share(one, recipients[place::CLIENTS]) for place, one in enumerate(connections)))
    seconds = time.perf_counter() - began
    for one in connections:
        await one.close()
    return seconds


async def _copy(dsn: str, account_id: int, to: int) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(_COPY, account_id, to)
    await connection.close()


async def _empty(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("TRUNCATE otp, otp_counter")
    await connection.close()


async def measure(arguments: argparse.Namespace) -> None:
    """Measure both against one server."""
    with served() as server:
        async with watched_smsc() as (smsc, port):
            connection = await asyncpg.connect(server.dsn)
            await measure_creates(smsc, smpp_sender_of(server, connection, port), arguments)
            await connection.close()
        await measure_checks(caller_of(server, "nrs"), caller_of(server, "nrs"), server.dsn, arguments)


def main() -> None:
    """Read the flags and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--probes", type=int, default=200)
    parser.add_argument("--marketing", type=int, default=100_000, help="how many marketing messages there are beside")
    parser.add_argument("--checks", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=3)
    uvloop.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
