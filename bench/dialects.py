"""The dialects against each other, against bare PostgreSQL, and against themselves with more contacts.

    python -m bench.dialects [--contacts 1000000] [--many 10000000] [--requests 20] [--only writes|reads|digests]

`--contacts` are those that queries and pages are about, `--many` those among which one is found by its digest; loading
ten millions takes minutes. Everything runs in one go against one server, the two sides of each ratio in turns; medians
are printed. The limits are the issue's.
"""

import argparse
import asyncio
import hashlib
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from threading import Event, Thread
from typing import Any

import asyncpg
import uvloop
from bench.callers import LISTS, Caller, apifon_row, batch_request, caller_of, define_fields, nrs_row, people
from bench.calls import Connection, send_at_once
from bench.inforu_http import LOOKUP_ROUNDS, LOOKUPS, LOOKUPS_BEFORE, Client, in_turns, load
from bench.served import Served, served

from carillon.audience.contacts.query import ContactQuery, Statement, compile_count, compile_query
from carillon.db.filters import Condition, Op, Order
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId, AudienceId

CONTACTS, MANY, FEW = 1_000_000, 10_000_000, 10_000
REQUESTS, BATCH_ROWS, CLIENTS, ROUNDS = 20, 5_000, 2, 3
SINGLES, SINGLE_CLIENTS = 60, 16
FEW_LOOKUPS, FEW_LOOKUP_ROUNDS = 200, 10
SCANS = 5
PAGES, PAGE_ROWS, DEEP_PAGE = 15, 1_000, 1_000

# Without the addresses of forms, whose tokens are made when a subscriber is first shown with them.
_ATTRIBUTES = "?fields=id,destination,email,status,email_status,subscriber_fields,groupOptions"
_EMPTY = (
    "DELETE FROM contact WHERE account_id > 0",
    "DELETE FROM membership WHERE account_id > 0",
    "DELETE FROM contact_import WHERE account_id > 0",
    "VACUUM contact, membership, contact_import",
)
_UNFINISHED = "SELECT count(*) FROM contact_import WHERE state IN ('pending', 'running')"


async def all_written(connection: asyncpg.Connection) -> None:
    """Wait until nothing is left to process."""
    while True:
        if not await connection.fetchval(_UNFINISHED):
            return
        await asyncio.sleep(0.02)


async def empty(connection: asyncpg.Connection) -> None:
    """Take every account's contacts away; the planner's sample rows, which are nobody's, stay."""
    for statement in _EMPTY:
        await connection.execute(statement)


async def write_batches(server: Served, connection: asyncpg.Connection, dialect: str, requests: int) -> float:
    """Bring rows with two clients at once until all are written, and give the rows per second."""
    caller = caller_of(server, dialect)
    if dialect == "apifon":
        define_fields(caller)
    given = people(requests * BATCH_ROWS, 0)
    written = [batch_request(dialect, caller, given[at : at + BATCH_ROWS]) for at in range(0, len(given), BATCH_ROWS)]
    shares = [(caller.connection(), written[place::CLIENTS]) for place in range(CLIENTS)]
    began = time.perf_counter()
    await asyncio.to_thread(send_at_once, shares)
    await all_written(connection)
    speed = len(given) / (time.perf_counter() - began)
    count = await connection.fetchval("SELECT count(*) FROM contact WHERE account_id = $1", caller.account_id)
    print(f"  {dialect}: {count:,} contacts of {len(given):,} rows at {speed:,.0f} rows/s", flush=True)
    await empty(connection)
    return speed


async def measure_batches(server: Served, connection: asyncpg.Connection, requests: int) -> None:
    """Apifon's bulk and Devino's batch against InforU's upload of the same rows."""
    dialects = ("inforu", "apifon", "devino")
    speeds = [[await write_batches(server, connection, one, requests) for one in dialects] for _ in range(ROUNDS)]
    for place, what in ((1, "Apifon bulk"), (2, "Devino batch")):
        ratio = statistics.median(turn[place] / turn[0] for turn in speeds)
        own, other = (statistics.median(turn[at] for turn in speeds) for at in (place, 0))
        print(f"{what}: {own:,.0f} rows/s, InforU {other:,.0f} rows/s: ratio {ratio:.2f} (at least 0.8)")


async def write_singles(server: Served, connection: asyncpg.Connection, dialect: str) -> float:
    """Create contacts one a call with sixteen clients, and give the contacts per second."""
    caller = caller_of(server, dialect)
    if dialect == "apifon":
        define_fields(caller)
    writing = caller.connection()
    given = [row for row in people(2 * SINGLES * SINGLE_CLIENTS, 0) if row["Phone"].startswith("+")]
    given = list({row["Phone"]: row for row in given}.values())[: SINGLES * SINGLE_CLIENTS]
    match dialect:
        case "inforu":
            # 360NRS wants a group, so InforU's contacts have one too.
            written = [batch_request(dialect, caller, [{**row, "AddToGroupName": "Friends"}]) for row in given]
        case "nrs":
            written = [writing.written("POST", "/api/rest/contacts", nrs_row(row)) for row in given]
        case _:
            path = f"{LISTS}/{caller.audience_id}/subscriber"
            written = [writing.written("POST", path, apifon_row(row)) for row in given]
    shares = [(caller.connection(), written[place::SINGLE_CLIENTS]) for place in range(SINGLE_CLIENTS)]
    began = time.perf_counter()
    await asyncio.to_thread(send_at_once, shares)
    speed = len(given) / (time.perf_counter() - began)
    count = await connection.fetchval("SELECT count(*) FROM contact WHERE account_id = $1", caller.account_id)
    if count != len(given):
        raise RuntimeError(f"{dialect}: {count} of {len(given)} contacts")
    await empty(connection)
    return speed


async def measure_singles(server: Served, connection: asyncpg.Connection) -> None:
    """Single creates against InforU's single rows, all with sixteen clients."""
    dialects = ("inforu", "nrs", "apifon")
    speeds = [[await write_singles(server, connection, one) for one in dialects] for _ in range(ROUNDS)]
    for place, what in ((1, "360NRS"), (2, "Apifon")):
        ratio = statistics.median(turn[place] / turn[0] for turn in speeds)
        own, other = (statistics.median(turn[at] for turn in speeds) for at in (place, 0))
        print(f"{what}, single creates: {own:,.0f}/s, InforU {other:,.0f}/s: ratio {ratio:.2f} (no limit of its own)")


def phone(number: int) -> str:
    """Return the phone of a loaded contact."""
    return f"9725{number * 7_368_787 % 100_000_000:08d}"


def median_time(connection: Connection, requests: Sequence[bytes], expected: bytes, before: int = 0) -> float:
    """Return the median time of requests whose replies have something in them, but for some that come before."""
    times = []
    for request in requests:
        began = time.perf_counter()
        body = connection.send(request)
        times.append(time.perf_counter() - began)
        if expected not in body:
            raise RuntimeError(body[:1000])
    return statistics.median(times[before:])


async def measure_query(
    caller: Caller, connection: asyncpg.Connection, asked: tuple[str, str, Op], value: Callable[[int], str], count: int
) -> None:
    """Query by a condition that an index serves, against the two statements that it comes to."""
    name, ours, op = asked
    draw, http = random.Random(13), caller.connection()  # noqa: S311 - samples
    actor = Actor(
        account_id=AccountId(caller.account_id),
        audience_id=AudienceId(caller.audience_id),
        name="bench",
        source="bench",
        country="IL",
    )

    def compiled(text: str) -> list[Statement]:
        query = ContactQuery(
            conditions=[Condition(ours, op, text)], order=Order("contact_id"), limit=200, with_archived=True,
            with_groups=True,
        )  # fmt: skip
        return [compile_count(actor, query), compile_query(actor, query)]

    counting, paging = [await connection.prepare(one.text) for one in compiled(value(0))]
    operator = {Op.EQ: "eq", Op.BEGINS_WITH: "beginsWith"}[op]
    found: list[int] = []

    async def over_http() -> float:
        values = [value(draw.randrange(count)) for _ in range(LOOKUPS_BEFORE + LOOKUPS)]
        bodies = [{"conditions": [{"name": name, "op": operator, "vl": one}]} for one in values]
        path = f"{LISTS}/{caller.audience_id}/subscriber/query"
        requests = [http.written("POST", path, body) for body in bodies]
        return median_time(http, requests, b'"destination"', LOOKUPS_BEFORE)

    async def in_sql() -> float:
        times = []
        for _ in range(LOOKUPS_BEFORE + LOOKUPS):
            to_count, to_page = (one.arguments for one in compiled(value(draw.randrange(count))))
            began = time.perf_counter()
            total = await counting.fetchval(*to_count)
            await paging.fetch(*to_page)
            times.append(time.perf_counter() - began)
            found.append(total)
        return statistics.median(times[LOOKUPS_BEFORE:])

    over, bare = await in_turns(over_http, in_sql, LOOKUP_ROUNDS)
    what = f"Apifon query, {name} {operator}, {statistics.median(found):.0f} of {count:,}"
    print(f"{what}: p50 {over * 1e6:,.0f} µs, bare SQL {bare * 1e6:,.0f} µs: ratio {over / bare:.1f} (at most 4)")


async def measure_scan(caller: Caller, inforu: Client, count: int) -> None:
    """Query by a field without an index, while another client looks contacts up."""
    http, draw = caller.connection(), random.Random(17)  # noqa: S311 - samples
    body = {"conditions": [{"name": "subscriber_fields.NUMBER1", "op": "eq", "vl": "999"}]}
    scan = http.written("POST", f"{LISTS}/{caller.audience_id}/subscriber/query", body)
    expected = f'"total":{count // 1000}'.encode()

    async def alone() -> float:
        values = [f"0{phone(draw.randrange(count))[3:]}" for _ in range(FEW_LOOKUPS)]
        requests = [inforu.request("GetContact", {"Type": "Phone", "Value": one}) for one in values]
        return median_time(inforu, requests, b'"Count":1')

    async def beside_scans() -> float:
        done = Event()

        def scanning() -> None:
            while not done.is_set():
                http.send(scan)

        thread = Thread(target=scanning)
        thread.start()
        try:
            return statistics.median([await alone() for _ in range(5)])
        finally:
            done.set()
            thread.join()

    before = caller.server.memory()
    caller.server.forget_memory()
    seconds = statistics.median([median_time(http, [scan], expected) for _ in range(SCANS)])
    quiet, busy = await in_turns(alone, beside_scans, 3)
    memory = f"the server's memory at most {caller.server.memory() / 1e6:.0f} MB, before {before / 1e6:.0f} MB (flat)"
    print(f"Apifon query by a field without an index, {count:,} subscribers: {seconds:.2f} s; {memory}")
    times = f"p50 {busy * 1e6:,.0f} µs, otherwise {quiet * 1e6:,.0f} µs"
    print(f"GetContact beside it: {times}: ratio {busy / quiet:.2f} (at most 1.5)")


async def measure_pages(caller: Caller, connection: asyncpg.Connection, count: int) -> None:
    """Pages by a place, deep against first; and those by a number, whose cost the dialects' pages tell."""
    deep = min(DEEP_PAGE, count // PAGE_ROWS)
    account = caller.account_id, caller.audience_id
    inwise = caller_of(caller.server, "inwise", account)
    feed = inwise.connection()
    reading = feed.written("GET", "/rest/v1/contacts")
    feed.send(reading)
    first = await connection.fetchval("SELECT min(contact_id) FROM contact WHERE account_id = $1", account[0])
    moving = "UPDATE contact_feed SET last_contact_id = $2 WHERE account_id = $1"

    def of_feed(page: int) -> Callable[[], Awaitable[float]]:
        async def read() -> float:
            await connection.execute(moving, account[0], first + (page - 1) * PAGE_ROWS - 1)
            return median_time(feed, [reading], f'"id":{first + page * PAGE_ROWS - 1}'.encode())

        return read

    near, far = await in_turns(of_feed(1), of_feed(deep), PAGES)
    times = f"first {near * 1e3:.1f} ms, page {deep:,} {far * 1e3:.1f} ms"
    print(f"inwise feed, {PAGE_ROWS:,} a page: {times}: ratio {far / near:.2f} (at most 1.5)")

    nrs, devino = (caller_of(caller.server, one, account) for one in ("nrs", "devino"))
    apifon_path = f"{LISTS}/{caller.audience_id}/subscriber?page="
    devino_path = f"/address-book-api/contacts/http/range?contactGroupId={caller.audience_id}&limit={PAGE_ROWS}&offset="
    nrs_path = f"/api/rest/contacts?limit={PAGE_ROWS}&page="
    for what, one, size, path, step in (
        ("Apifon subscribers", caller, 200, apifon_path, 1),
        ("360NRS contacts", nrs, PAGE_ROWS, nrs_path, 1),
        ("Devino range", devino, PAGE_ROWS, devino_path, PAGE_ROWS),
    ):
        http, last = one.connection(), min(DEEP_PAGE, count // size)
        places = (1, last) if step == 1 else (0, (last - 1) * step)
        pages = [http.written("GET", f"{path}{place}") for place in places]

        def of_number(place: int, http: Connection = http, pages: Sequence[bytes] = pages) -> Any:
            async def read() -> float:
                return median_time(http, [pages[place]], b"example.com")

            return read

        near, far = await in_turns(of_number(0), of_number(1), PAGES)
        times = f"first {near * 1e3:.1f} ms, page {last:,} {far * 1e3:.1f} ms"
        print(f"{what}, {size:,} a page, by number: {times}: ratio {far / near:.2f} (told in its README)")


async def measure_digests(server: Served, connection: asyncpg.Connection, many: int) -> None:
    """Find one subscriber by the MD5 of its number among many contacts, and among few."""
    sides = []
    for count in (FEW, many):
        caller = caller_of(server, "apifon")
        await load(connection, caller.account_id, caller.audience_id, None, count)
        sides.append((caller, caller.connection(), count))
    draw = random.Random(19)  # noqa: S311 - samples

    def among(caller: Caller, http: Connection, count: int) -> Callable[[], Awaitable[float]]:
        async def found() -> float:
            phones = [phone(draw.randrange(count)) for _ in range(FEW_LOOKUPS)]
            digests = [hashlib.md5(one.encode(), usedforsecurity=False).hexdigest() for one in phones]
            paths = [f"{LISTS}/{caller.audience_id}/subscriber/{digest}{_ATTRIBUTES}" for digest in digests]
            return median_time(http, [http.written("GET", path) for path in paths], b'"destination"')

        return found

    one, other = (among(*side) for side in sides)
    await in_turns(one, other, 3)
    few, among_many = await in_turns(one, other, 2 * FEW_LOOKUP_ROUNDS)
    times = f"among {many:,} p50 {among_many * 1e6:,.0f} µs, among {FEW:,} {few * 1e6:,.0f} µs"
    print(f"Apifon subscriber by md5: {times}: ratio {among_many / few:.2f} (at most 1.3)")


async def measure_reads(server: Served, connection: asyncpg.Connection, count: int) -> None:
    """Query one account and turn its pages."""
    inforu = caller_of(server, "inforu")
    account = inforu.account_id, inforu.audience_id
    await load(connection, *account, None, count)
    apifon = caller_of(server, "apifon", account)
    define_fields(apifon)
    for digits in (7, 6):
        begins = ("destination", "phone", Op.BEGINS_WITH)
        await measure_query(apifon, connection, begins, lambda number, to=digits: phone(number)[: 2 + to], count)  # type: ignore[misc]
    await measure_query(
        apifon, connection, ("email", "email", Op.EQ), lambda number: f"user.{number}@example.com", count
    )
    key = server.credential(account[0], "inforu")
    await measure_scan(apifon, Client(server, str(key["username"]), str(key["token"])), count)
    await measure_pages(apifon, connection, count)


async def measure(arguments: argparse.Namespace) -> None:
    """Measure everything against one server."""
    with served() as server:
        # The planner's ways are those of the server's own connections.
        connection = await asyncpg.connect(server.dsn, server_settings={"plan_cache_mode": "force_generic_plan"})
        if arguments.only in {None, "writes"}:
            await measure_batches(server, connection, arguments.requests)
            await measure_singles(server, connection)
        if arguments.only in {None, "reads"}:
            await measure_reads(server, connection, arguments.contacts)
        if arguments.only in {None, "digests"}:
            await measure_digests(server, connection, arguments.many)
        await connection.close()


def main() -> None:
    """Read the flags and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=CONTACTS, help="how many contacts queries and pages are about")
    parser.add_argument("--many", type=int, default=MANY, help="among how many contacts one is found by its digest")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="how many batches a round has")
    parser.add_argument("--only", choices=["writes", "reads", "digests"])
    uvloop.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
