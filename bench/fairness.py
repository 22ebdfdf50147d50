"""One account's expensive calls beside another's lookups: what the other one feels of them.

    python -m bench.fairness [--contacts 400000] [--callers 40] [--lookups 10000] [--call deep|sorted|filtered|counted]

A process of its own makes the expensive calls, each caller one after another; GetContact of another account is timed
meanwhile, over HTTP. The limits are the issue's.
"""

import argparse
import json
import multiprocessing
import random
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from threading import Thread
from typing import Any

import asyncpg
import uvloop
from bench.callers import LISTS, Caller, caller_of
from bench.inforu_http import Client, load
from bench.served import Served, served

CONTACTS, OTHERS, CALLERS, LOOKUPS = 400_000, 10_000, 40, 10_000
SETTLE_SECONDS = 3.0


def calls(busy: Caller, count: int) -> dict[str, tuple[str, str, object]]:
    """Return the expensive calls by name: method, path and body."""
    asked = f"contactGroupId={busy.audience_id}&limit=1000&sortByField=name&descOrder=true"
    return {
        "deep": ("GET", f"/api/rest/contacts?limit=1000&page={count // 1000 - 1}", None),
        "sorted": ("GET", f"/address-book-api/contacts/http/range?{asked}", None),
        "filtered": ("POST", "/api/v2/Contact/GetContactList", _nobody_since()),
        "counted": ("GET", LISTS, None),
    }


def _nobody_since() -> object:
    asked = {"FilterBy": "CreatedDate", "FromDate": "2098/12/15", "ToDate": "2099/12/30", "LastFetchedId": 0}
    return {"Data": asked}


DIALECTS = {"deep": "nrs", "sorted": "devino", "filtered": "inforu", "counted": "apifon"}


def keep_calling(busy: Caller, call: tuple[str, str, object], callers: int, seconds: Any, found: Any) -> None:
    """Make a call again and again with so many callers, until time is up; put down what came of it."""
    statuses: Counter[int] = Counter()
    times: list[float] = []

    def one() -> None:
        connection = busy.connection()
        request = connection.written(*call)
        while not seconds.is_set():
            began = time.perf_counter()
            status, _ = connection.reply(request)
            statuses[status] += 1
            times.append(time.perf_counter() - began)

    threads = [Thread(target=one) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found.put((dict(statuses), statistics.median(times), max(times)))


def lookup_times(client: Client, contacts: int, lookups: int) -> list[float]:
    """Time lookups of contacts by their phones."""
    draw = random.Random(11)  # noqa: S311 - sample values
    times = []
    for _ in range(lookups):
        phone = f"05{draw.randrange(contacts) * 7_368_787 % 100_000_000:08d}"
        request = client.request("GetContact", {"Type": "Phone", "Value": phone})
        began = time.perf_counter()
        body = client.send(request)
        times.append(time.perf_counter() - began)
        if b'"Count":1' not in body:
            raise RuntimeError(body)
    return times


def quantile(times: Sequence[float], share: float) -> float:
    """Return the time that a share of them stays within."""
    return sorted(times)[min(int(share * len(times)), len(times) - 1)]


def measure_call(
    server: Served, busy: Caller, name: str, quiet: tuple[Client, int], arguments: argparse.Namespace
) -> None:
    """Time lookups alone and beside a call, and print the comparison."""
    client, others = quiet
    dialect = DIALECTS[name]
    call = calls(busy, arguments.contacts)[name]
    caller = caller_of(server, dialect, (busy.account_id, busy.audience_id))
    status, body = (connection := caller.connection()).reply(connection.written(*call))
    if status != 200:  # noqa: PLR2004 - OK
        raise RuntimeError(f"{name}: {status} {body[:300]!r}")
    lookup_times(client, others, 1_000)
    idle = quantile(lookup_times(client, others, arguments.lookups), 0.5)
    stop: Any = multiprocessing.Event()
    found: Any = multiprocessing.Queue()
    flood = multiprocessing.Process(target=keep_calling, args=(caller, call, arguments.callers, stop, found))
    flood.start()
    time.sleep(SETTLE_SECONDS)
    loaded = lookup_times(client, others, arguments.lookups)
    stop.set()
    statuses, middle, longest = found.get()
    flood.join()
    p50, p99 = quantile(loaded, 0.5), quantile(loaded, 0.99)
    print(f"  {name}: {arguments.callers} callers, {json.dumps(statuses)}, p50 {middle:.2f} s, max {longest:.1f} s")
    print(
        f"GetContact beside {name}: idle p50 {idle * 1e3:.2f} ms; p50 {p50 * 1e3:.2f} ms, p99 {p99 * 1e3:.2f} ms, "
        f"max {max(loaded) * 1e3:.0f} ms: ratio {p99 / idle:.1f} (below 20, and below 100 ms)",
        flush=True,
    )


async def measure(arguments: argparse.Namespace) -> None:
    """Measure every call against one server."""
    with served() as server:
        connection = await asyncpg.connect(server.dsn)
        busy = caller_of(server, "nrs")
        await load(connection, busy.account_id, busy.audience_id, None, arguments.contacts)
        account_id, audience_id, username, token = server.account()
        await load(connection, account_id, audience_id, None, OTHERS)
        await connection.close()
        client = Client(server, username, token)
        for name in arguments.call or DIALECTS:
            measure_call(server, busy, name, (client, OTHERS), arguments)


def main() -> None:
    """Read the flags and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=CONTACTS, help="how many contacts the busy account has")
    parser.add_argument("--callers", type=int, default=CALLERS, help="how many expensive calls are in flight")
    parser.add_argument("--lookups", type=int, default=LOOKUPS)
    parser.add_argument("--call", nargs="+", choices=[*DIALECTS])
    uvloop.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
