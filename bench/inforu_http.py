"""The InforU dialect over HTTP against bare PostgreSQL: uploads, one contact, pages of a list, a group's counters.

    python -m bench.inforu_http [--contacts 1000000] [--requests 40] [--only uploads|reads]

With --contacts 10000000 the reads and the group's counters are of ten millions, and loading them takes minutes.
Everything runs in one go against one server, the two sides of each ratio in turns; medians are printed. The limits are
the issue's.
"""

import argparse
import json
import random
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import asyncpg
import uvloop
from bench.calls import Connection, basic
from bench.corpus import HEADER, rows
from bench.served import Served, served

from carillon.audience.contacts.lookup import SQL as CONTACTS_SQL
from carillon.db.sql import with_parts

CONTACTS = 1_000_000
IN_PROGRESS = -2015
UPLOADS, UPLOAD_ROWS, CLIENTS, UPLOAD_ROUNDS = 40, 5_000, 2, 3
# In the first few hundred statements after other work the cores are still awake, and bare SQL takes half of what it
# takes from then on: each side is measured in long turns, past their beginnings.
LOOKUPS, LOOKUPS_BEFORE, LOOKUP_ROUNDS = 3_000, 1_000, 5
PAGES = 15
PAGE_ROWS, DEEP_PAGE = 1_000, 1_000

_COLUMNS = {
    "Phone": "PhoneNumber",
    "External id": "ContactRefId",
    "City": "Text3",
    "First name": "FirstName",
    "Last name": "LastName",
    "Birthday": "BirthDate",
}

_LOAD_CONTACTS = """
INSERT INTO contact (account_id, audience_id, contact_id, created_at, updated_at, phone_quality, sms_status,
                     email_status, phone, email, phone_region, fields)
SELECT $1, $2, $3::bigint + n, now(), now(), 0, 1, 1, '9725' || lpad((n * 7368787 % 100000000)::text, 8, '0'),
       'user.' || n || '@example.com', 'IL',
       jsonb_build_object('first_name', 'Noa', 'last_name', 'Peretz', 'text1', 'gold', 'number1', n % 1000)
FROM generate_series(0, $4::bigint - 1) AS n
"""
_LOAD_MEMBERS = "INSERT INTO membership SELECT $1, $2, $3::bigint + n FROM generate_series(0, $4::bigint - 1) AS n"
_COUNT_MEMBERS = """
UPDATE contact_group SET members = $3, reachable = $3, reachable_sms = $3, reachable_email = $3
WHERE account_id = $1 AND group_id = $2
"""
_TAKE_IDS = """
INSERT INTO id_block AS b (sequence, next_id) VALUES ('contact', $1 + 1)
ON CONFLICT (sequence) DO UPDATE SET next_id = b.next_id + $1 RETURNING next_id - $1
"""
_COLUMNS_BUT_THE_ACCOUNT = """
SELECT string_agg(column_name, ',' ORDER BY ordinal_position)
FROM information_schema.columns WHERE table_name = 'contact' AND column_name <> 'account_id'
"""


class Client(Connection):
    """A client of the InforU dialect."""

    def __init__(self, server: Served, username: str, token: str) -> None:
        super().__init__(server, f"Authorization: {basic(username, token)}")

    def request(self, function: str, data: object) -> bytes:
        """Write a function's request down."""
        return self.written("POST", f"/api/v2/Contact/{function}", {"Data": data})

    def call(self, function: str, data: object) -> dict[str, Any]:
        """Call a function and give the envelope, which tells of refusals too."""
        envelope: dict[str, Any] = json.loads(self.reply(self.request(function, data))[1])
        return envelope

    def answer(self, function: str, data: object) -> dict[str, Any]:
        """Call a function that succeeds, and give its Data."""
        envelope = self.call(function, data)
        if envelope["StatusId"] != 1:
            raise RuntimeError(envelope)
        found: dict[str, Any] = envelope["Data"]
        return found


def uploads(count: int, start: int) -> list[list[dict[str, str]]]:
    """Make the rows of so many requests."""
    names = [_COLUMNS.get(name, name) for name in HEADER.split(",")]
    lines = rows(count * UPLOAD_ROWS, start=start)
    return [
        [dict(zip(names, next(lines).rstrip("\n").split(","), strict=True)) for _ in range(UPLOAD_ROWS)]
        for _ in range(count)
    ]


def send_uploads(client: Client, requests: Sequence[bytes]) -> list[dict[str, Any]]:
    """Send all of them, then ask until each is processed; return the reports."""
    tokens = [json.loads(client.send(request))["Data"]["RequestToken"] for request in requests]
    reports = []
    for token in tokens:
        while (envelope := client.call("CheckJobStatusByToken", {"RequestToken": token}))["StatusId"] == IN_PROGRESS:
            time.sleep(0.1)
        if envelope["StatusId"] != 1:
            raise RuntimeError(envelope)
        reports.append(envelope["Data"])
    return reports


def upload(server: Served, count: int, start: int) -> tuple[int, float]:
    """Upload with two clients at once into an account of its own: the account, and the rows per second."""
    account_id, _, username, token = server.account()
    clients = [Client(server, username, token) for _ in range(CLIENTS)]
    bodies = uploads(count, start)
    requests = [clients[0].request("CreateOrUpdateContacts", {"List": body}) for body in bodies]
    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        reports = list(pool.map(send_uploads, clients, [requests[place::CLIENTS] for place in range(CLIENTS)]))
    speed = count * UPLOAD_ROWS / (time.perf_counter() - began)
    accepted = sum(report["Rows"] - report["RowsFailed"] for report in chain(*reports))
    print(f"  {accepted:,} of {count * UPLOAD_ROWS:,} rows taken at {speed:,.0f} rows/s")
    return account_id, speed


async def measure_uploads(server: Served, connection: asyncpg.Connection, count: int) -> None:
    """Upload, and COPY what was accepted under another account of the same tables, in turns."""
    speeds = []
    for turn in range(UPLOAD_ROUNDS):
        account_id, uploading = upload(server, count, turn * count * UPLOAD_ROWS)
        copying = await copy_again(connection, account_id, server.account()[0])
        print(f"  the same rows by COPY at {copying:,.0f} rows/s")
        speeds.append((uploading, copying))
    uploading, copying = map(statistics.median, zip(*speeds, strict=True))
    ratio = statistics.median(one / other for one, other in speeds)
    what = f"CreateOrUpdateContacts, {UPLOAD_ROWS:,} rows a request, {CLIENTS} clients"
    print(f"{what}: {uploading:,.0f} rows/s, COPY {copying:,.0f} rows/s: ratio {ratio:.2f} (at least 0.35)")


async def copy_again(connection: asyncpg.Connection, account_id: int, other_id: int) -> float:
    """COPY an account's contacts into the same tables under another account, and give the rows per second."""
    columns = await connection.fetchval(_COLUMNS_BUT_THE_ACCOUNT)
    lines = bytearray()
    await connection.copy_from_query(
        f"SELECT {other_id}, {columns} FROM contact WHERE account_id = {account_id}",  # noqa: S608 - numbers of ours
        output=lambda data: _append(lines, data),
    )
    chunks = [bytes(lines[at : at + (1 << 20)]) for at in range(0, len(lines), 1 << 20)]

    async def source() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    began = time.perf_counter()
    status = await connection.copy_to_table("contact", source=source(), columns=["account_id", *columns.split(",")])
    return int(status.removeprefix("COPY ")) / (time.perf_counter() - began)


async def _append(lines: bytearray, data: bytes) -> None:
    lines += data


async def load(
    connection: asyncpg.Connection, account_id: int, audience_id: int, group_id: int | None, count: int
) -> int:
    """Put contacts there, all of them in the group where one is given, and give the first one's id."""
    first = int(await connection.fetchval(_TAKE_IDS, count))
    began = time.perf_counter()
    await connection.execute(_LOAD_CONTACTS, account_id, audience_id, first, count)
    if group_id is not None:
        await connection.execute(_LOAD_MEMBERS, account_id, group_id, first, count)
        await connection.execute(_COUNT_MEMBERS, account_id, group_id, count)
    await connection.execute("VACUUM (ANALYZE) contact, membership, contact_group")
    print(f"  {count:,} contacts loaded in {time.perf_counter() - began:.0f} s", flush=True)
    return first


async def in_turns(
    one: Callable[[], Awaitable[float]], other: Callable[[], Awaitable[float]], rounds: int
) -> list[float]:
    """Measure two things in turns and give the medians."""
    pairs = [(await one(), await other()) for _ in range(rounds)]
    return [statistics.median(times) for times in zip(*pairs, strict=True)]


async def measure_lookup(client: Client, connection: asyncpg.Connection, owner: tuple[int, int], count: int) -> None:
    """GetContact by phone against the same statement on one connection."""
    draw = random.Random(11)  # noqa: S311 - sample values
    statement = await connection.prepare(with_parts(CONTACTS_SQL["find_contact"], ["phone"]))

    def phone() -> str:
        return f"5{draw.randrange(count) * 7_368_787 % 100_000_000:08d}"

    async def over_http() -> float:
        phones = [f"0{phone()}" for _ in range(LOOKUPS_BEFORE + LOOKUPS)]
        requests = [client.request("GetContact", {"Type": "Phone", "Value": one}) for one in phones]
        times = []
        for request in requests:
            began = time.perf_counter()
            body = client.send(request)
            times.append(time.perf_counter() - began)
            if b'"Count":1' not in body:
                raise RuntimeError(body)
        return statistics.median(times[LOOKUPS_BEFORE:])

    async def in_sql() -> float:
        times = []
        for _ in range(LOOKUPS_BEFORE + LOOKUPS):
            digits = f"972{phone()}"
            began = time.perf_counter()
            found = await statement.fetch(*owner, digits)
            times.append(time.perf_counter() - began)
            if len(found) != 1:
                raise RuntimeError(digits)
        return statistics.median(times[LOOKUPS_BEFORE:])

    http, sql = await in_turns(over_http, in_sql, LOOKUP_ROUNDS)
    what = f"GetContact by phone among {count:,}"
    print(f"{what}: p50 {http * 1e6:.0f} µs, bare SQL {sql * 1e6:.0f} µs: ratio {http / sql:.1f} (at most 4)")


def timed_call(client: Client, function: str, data: object, expected: bytes) -> Callable[[], Awaitable[float]]:
    """Make a measurement of one call."""
    request = client.request(function, data)

    async def measure() -> float:
        began = time.perf_counter()
        body = client.send(request)
        seconds = time.perf_counter() - began
        if expected not in body:
            raise RuntimeError(body[:1000])
        return seconds

    return measure


async def measure_pages(client: Client, first_id: int) -> None:
    """GetContactList: the 1,000th page against the first."""
    asked = {"FilterBy": "CreatedDate", "FromDate": "2018/12/15", "ToDate": "2099/12/30"}
    full = f'"Count":{PAGE_ROWS}'.encode()
    last = first_id + (DEEP_PAGE - 1) * PAGE_ROWS - 1
    pages = [timed_call(client, "GetContactList", {**asked, "LastFetchedId": at}, full) for at in (0, last)]
    await in_turns(pages[0], pages[1], 3)
    near, deep = await in_turns(pages[0], pages[1], PAGES)
    times = f"first {near * 1e3:.1f} ms, {DEEP_PAGE:,}th {deep * 1e3:.1f} ms"
    print(f"GetContactList, {PAGE_ROWS:,} a page: {times}: ratio {deep / near:.2f} (at most 1.2)")


async def measure_counters(client: Client, count: int) -> None:
    """GetGroup on a group of everybody against an empty one."""

    def group(name: str, members: int) -> Callable[[], Awaitable[float]]:
        shown = f'"CountActiveContacts":{members},'.encode()
        return timed_call(client, "GetGroup", {"GetGroupBy": "GroupName", "Value": name}, shown)

    everybody, nobody = group("Everybody", count), group("Nobody", 0)
    await in_turns(everybody, nobody, 20)
    full, empty = await in_turns(everybody, nobody, 500)
    times = f"{count:,} members {full * 1e6:.0f} µs, none {empty * 1e6:.0f} µs"
    print(f"GetGroup: {times}: ratio {full / empty:.2f} (as quick: about 1)")


async def measure(arguments: argparse.Namespace) -> None:
    """Measure everything against one server."""
    with served() as server:
        # The planner's ways are those of the server's own connections.
        connection = await asyncpg.connect(server.dsn, server_settings={"plan_cache_mode": "force_generic_plan"})
        if arguments.only != "reads":
            await measure_uploads(server, connection, arguments.requests)
        if arguments.only != "uploads":
            account_id, audience_id, username, token = server.account()
            client = Client(server, username, token)
            client.answer("CreateOrUpdateGroup", {"GroupName": "Nobody"})
            group_id = client.answer("CreateOrUpdateGroup", {"GroupName": "Everybody"})["GroupId"]
            first_id = await load(connection, account_id, audience_id, group_id, arguments.contacts)
            client = Client(server, username, token)  # the server has closed the idle one meanwhile
            await measure_lookup(client, connection, (account_id, audience_id), arguments.contacts)
            await measure_pages(client, first_id)
            await measure_counters(client, arguments.contacts)
        await connection.close()
        print(f"The server's own memory, at most: {server.memory() / 1e6:.0f} MB")


def main() -> None:
    """Read the flags and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contacts", type=int, default=CONTACTS, help="how many contacts the reads find")
    parser.add_argument("--requests", type=int, default=UPLOADS, help="how many uploads a round has")
    parser.add_argument("--only", choices=["uploads", "reads"])
    uvloop.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
