"""Short links: what they cost a sending, how fast they lead on, and how fast clicks are recorded.

    python -m bench.links [sending] [redirects] [clicks] [--links 10000000] [--rounds 5]

`sending`: 100,000 recipients with two personalised landing links each, in two requests of Apifon's, until the last is
accepted, against the same without links. `redirects`: on 128 connections, as after a message to many, and on 16,
against a bare ASGI application on the same server, and the latencies of both: where the bare reply's are far apart too,
the machine has other things to do. All openings are of any of the links, each mostly for the first time; then four of
five are of 20,000 links that are opened often, as those of messages to a group are. `clicks`: visits of links of
messages, written as events, against COPY of the very rows. The limits are the issue's.
"""

import argparse
import asyncio
import gc
import io
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from random import Random

import asyncpg
import uvloop
from bench.sending import SEND, number, sender_of
from bench.served import Served, beside, served

from carillon.db.database import Database
from carillon.db.embedded import embedded_server
from carillon.db.migrate import upgrade
from carillon.kit.clock import SystemClock
from carillon.links.addresses import LinkAddresses
from carillon.links.clicks import Clicks, Visit
from carillon.links.codes import LinkCodes, day_of, link_id_of
from carillon.links.lookup import LinkLookup
from carillon.links.shorten import Shorten, shorten
from carillon.links.visitors import reasons_in
from carillon.message_metrics import MessageMetrics
from carillon.tenancy.accounts import CreateAccount, OpenAccount, Operator, create_account, open_account
from carillon.tenancy.secrets import SecretBox

RECIPIENTS, REQUESTS = 50_000, 2
CONNECTIONS, SECONDS, OFTEN = (128, 16), 5.0, 20_000
VISITS = 100_000
SENDING_LIMIT, REDIRECT_LIMIT, SPREAD_LIMIT, CLICK_LIMIT = 0.5, 0.3, 3.0, 0.4
BROWSERS = [
    f"Mozilla/5.0 (Linux; Android {system}) AppleWebKit/537.36 Chrome/{version}.0 Mobile Safari/537.36"
    for system in range(8, 15)
    for version in range(90, 130)
]
EMPTY = "TRUNCATE sending, message, chunk, event, event_sequence, recipient, materialisation, link"
FILL = """
INSERT INTO link (shard_key, link_id, name, url, options)
SELECT $1, ($2 || lpad(to_hex(n), 12, '0'))::uuid, 'apifon_lp', 'https://shop.example/spring/' || n, 8
FROM generate_series($3::bigint, $4::bigint) n"""
OPERATOR = Operator(name="bench", source="bench")


def report(what: str, unit: str, against: str, paces: Sequence[tuple[float, float]], bar: float) -> None:
    """Print the medians of both sides and of their ratios."""
    ours, other = (statistics.median(column) for column in zip(*paces, strict=True))
    ratios = sorted(one / bare for one, bare in paces)
    print(
        f"{what}: {ours:,.0f} {unit}, {against} {other:,.0f}: ratio {statistics.median(ratios):.2f} "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f}; at least {bar})",
        flush=True,
    )


# Sending.


TEXTS = {
    "links": "Your table is ready: {apifon_lp_offer} or {apifon_lp_account}",
    "urls": "Your table is ready: {offer} or {account}",
    "without": "Your table is ready at nine. See you tonight at the Blue Boat, at the harbour of old Chania.",
}


def subscriber(place: int, side: str) -> dict[str, object]:
    """Write a recipient: with links of its own, with their URLs as they are, or with nothing."""
    urls = {one: f"https://shop.example/{one}/{place:08}" for one in ("offer", "account")}
    if side == "links":
        return {"number": number(place), "params": {f"apifon_lp_{one}": {"url": url} for one, url in urls.items()}}
    return {"number": number(place), "params": urls} if side == "urls" else {"number": number(place)}


async def measure_sending(arguments: argparse.Namespace) -> None:
    """Measure the accepting of sendings with links against that of the same without."""
    with served() as server:
        connection = await asyncpg.connect(server.dsn)
        sender = sender_of(server, connection)
        calling = sender.caller.connection()
        date = f"{datetime.now(UTC).year + 1}-01-01T00:00:00"
        requests = {
            side: [
                calling.written(
                    "POST",
                    SEND,
                    {
                        "subscribers": [subscriber(start + one, side) for one in range(RECIPIENTS)],
                        "message": {"text": text, "sender_id": "BlueDoor"},
                        "date": date,
                    },
                )
                for start in range(0, REQUESTS * RECIPIENTS, RECIPIENTS)
            ]
            for side, text in TEXTS.items()
        }
        paces: dict[str, list[float]] = {side: [] for side in TEXTS}
        for turn in range(arguments.rounds):
            for side in TEXTS if turn % 2 == 0 else reversed(TEXTS):
                seconds = 0.0
                for one in requests[side]:
                    began = time.perf_counter()
                    await asyncio.to_thread(calling.send, one)
                    seconds += time.perf_counter() - began
                    # What is accepted is written meanwhile: that is another measure's.
                    while await connection.fetchval("SELECT EXISTS (SELECT FROM materialisation)"):  # noqa: ASYNC110
                        await asyncio.sleep(0.1)
                paces[side].append(REQUESTS * RECIPIENTS / seconds)
                await connection.execute(EMPTY)
        for other, bar in (("without", SENDING_LIMIT), ("urls", 0.0)):
            pairs = list(zip(paces["links"], paces[other], strict=True))
            against = "without" if other == "without" else "with the URLs as they are"
            report("accepted with two links each", "recipients/s", against, pairs, bar)
        await connection.close()


# Redirects.


async def fill(server: Served, links: int) -> list[str]:
    """Make links of one account, a day's, and return the codes of some drawn from all of them."""
    account_id = int(str(server.command("account", "create", "Bench")["account_id"]))
    connection = await asyncpg.connect(server.dsn, command_timeout=3600)
    day = day_of(datetime.now(UTC))
    prefix = str(link_id_of(day, 0))[:-12]
    step = 500_000
    for start in range(1, links + 1, step):
        await connection.execute(FILL, account_id, prefix, start, min(start + step - 1, links))
    await connection.execute("ANALYZE link")
    await connection.close()
    codes = LinkCodes(SecretBox(server.data_dir / "secret.key").derive)
    chosen = Random(8).sample(range(1, links + 1), min(400_000, links))  # noqa: S311 - of a bench
    return codes.make(account_id, day, chosen)


def request(code: str, browser: str) -> bytes:
    """Write down a phone's request for a link."""
    head = f"GET /l/{code} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: {browser}\r\nAccept: text/html\r\n\r\n"
    return head.encode()


class Visitor(asyncio.Protocol):
    """A connection that opens links one after another until a moment, and notes how long each reply takes."""

    def __init__(self, take: Callable[[], bytes], until: float, times: list[float]) -> None:
        self._take, self._until, self._times = take, until, times
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._got = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # of TCP
        """Ask for the first."""
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._began = time.perf_counter()
        self._transport.write(self._take())

    def data_received(self, data: bytes) -> None:
        """Read a reply, which has no body, and ask for the next."""
        self._got += data
        if not self._got.endswith(b"\r\n\r\n"):
            return
        if not self._got.startswith(b"HTTP/1.1 302"):
            self.ended.set_exception(RuntimeError(f"it answers {self._got[:200]!r}"))
            return
        self._got = b""
        now = time.perf_counter()
        self._times.append(now - self._began)
        if now < self._until:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        if not self.ended.done():
            self.ended.set_exception(exc) if exc else self.ended.set_result(None)


async def load(server: Served, take: Callable[[], bytes], connections: int) -> tuple[float, list[float]]:
    """Ask on so many connections for some seconds; return replies a second, and how long each took, in order."""
    times: list[float] = []
    until = time.perf_counter() + SECONDS
    visitors = [Visitor(take, until, times) for _ in range(connections)]
    loop = asyncio.get_running_loop()
    for one in visitors:
        await loop.create_connection(lambda one=one: one, server.host, server.port)  # type: ignore[misc]
    await asyncio.gather(*(one.ended for one in visitors))
    return len(times) / SECONDS, sorted(times)


async def measure_redirects(arguments: argparse.Namespace) -> None:
    """Measure redirects against the bare application."""
    with served() as server:
        codes = await fill(server, arguments.links)
        chance = Random(9)  # noqa: S311 - of a bench
        often = codes[:OFTEN]
        for name, share in (("all of them for the first time", 1.0), ("a fifth of them for the first time", 0.2)):
            fresh = iter(codes[OFTEN:] * 10)
            opened = (next(fresh) if chance.random() < share else chance.choice(often) for _ in range(2_000_000))
            requests = (request(code, chance.choice(BROWSERS)) for code in opened)
            written = list(islice(requests, 300_000))
            for connections in CONNECTIONS:
                what = f"{arguments.links:,} links, {name}, {connections} connections"
                await measure_openings(server, arguments.rounds, what, written, connections)


async def measure_openings(server: Served, rounds: int, name: str, requests: Sequence[bytes], connections: int) -> None:
    """Measure such openings."""
    openings, plain = cycle(requests), request("0123456789", BROWSERS[0])
    with beside(server, "bench.bare_reply") as bare:
        paces: list[tuple[float, float]] = []
        spreads: list[tuple[float, float]] = []
        bare_spreads: list[tuple[float, float]] = []
        for turn in range(rounds + 1):
            taken = {}
            for side in (server, bare) if turn % 2 == 0 else (bare, server):
                take = (lambda: next(openings)) if side is server else (lambda: plain)
                taken[side.port], times = await load(side, take, connections)
                spread = (times[len(times) // 2], times[len(times) * 99 // 100])
                (spreads if side is server else bare_spreads).append(spread)
            paces.append((taken[server.port], taken[bare.port]))
        report(name, "redirects/s", "a bare reply", paces[1:], REDIRECT_LIMIT)
        for whose, found in (("of ours", spreads), ("of the bare reply", bare_spreads)):
            median, slow = (statistics.median(column) for column in zip(*found[1:], strict=True))
            bar = f" (below {SPREAD_LIMIT})" if found is spreads else ""
            print(f"  {whose}: p50 {median * 1000:.2f} ms, p99 {slow * 1000:.2f} ms, {slow / median:.1f} times{bar}")


# Clicks.


async def visits_of(db: Database) -> list[Visit]:
    """Make visits of an account's links."""
    made = await db.run(create_account, OPERATOR, CreateAccount(name="Bench", country="GR"))
    actor = await db.read(open_account, OPERATOR, OpenAccount(account_id=made.account.account_id))
    urls = [f"https://shop.example/spring/{one}" for one in range(1_000)]
    links = await shorten(db, actor, Shorten(urls=urls))
    lookup, chance = db.process_state(LinkLookup), Random(7)  # noqa: S311 - of a bench
    found = [await lookup.find(db, one.rpartition("/")[2]) for one in links if one]
    visits = []
    for place in range(VISITS):
        link, agent = found[place % len(found)], chance.choice(BROWSERS)
        if link is None:
            raise SystemExit("a link is not found")
        reasons = reasons_in("GET", {"user-agent": agent})
        address = f"198.51.100.{place % 250}"
        visits.append(Visit(link=link, at=db.clock.now(), address=address, agent=agent, reasons=reasons))
    return visits


async def measure_clicks(arguments: argparse.Namespace) -> None:
    """Measure the recording of clicks against COPY."""
    # As `carillon serve` has it.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    with tempfile.TemporaryDirectory(prefix="carillon-bench-") as name:
        Path(name).chmod(0o755)  # noqa: ASYNC240 - the server's account has to enter
        with embedded_server(Path(name) / "data") as running:
            await upgrade(running.dsn, now=SystemClock().now())
            admin = await asyncpg.connect(running.admin_dsn, command_timeout=3600)
            db = await Database.connect(running.dsn, size=8)
            box = SecretBox(Path(name) / "secret.key")
            db.process_state(LinkAddresses).set_up(box.derive, base="http://x", is_chosen=False, keeps_days=30)
            visits, metrics = await visits_of(db), MessageMetrics()
            paces = []
            for _ in range(arguments.rounds):
                clicks = Clicks()
                for one in visits:
                    clicks.take(one, metrics)
                began = time.perf_counter()
                await clicks.write(db)
                ours = VISITS / (time.perf_counter() - began)
                rows = io.BytesIO()
                await admin.copy_from_query("SELECT * FROM event", output=rows, format="binary")
                await admin.execute("TRUNCATE event; CHECKPOINT")
                rows.seek(0)
                began = time.perf_counter()
                await admin.copy_to_table("event", source=rows, format="binary")
                paces.append((ours, VISITS / (time.perf_counter() - began)))
                await admin.execute("TRUNCATE event; CHECKPOINT")
            report("clicks recorded", "events/s", "COPY", paces, CLICK_LIMIT)
            await db.close()
            await admin.close()


MEASURES = {"sending": measure_sending, "redirects": measure_redirects, "clicks": measure_clicks}


def main() -> None:
    """Read the flags and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=[*MEASURES, []], help="what is measured; all of it without one")
    parser.add_argument("--links", type=int, default=10_000_000, help="how many links there are")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    for name in arguments.what or MEASURES:
        uvloop.run(MEASURES[name](arguments))


if __name__ == "__main__":
    main()
