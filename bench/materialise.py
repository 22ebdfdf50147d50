"""Rows a second of a sending to a group being materialised, against INSERT … SELECT of the same rows.

    python -m bench.materialise [--members 1000000] [--repeat 3]

On a server of its own, alternating: a sending with a personalised text to a group of so many members, from its
acceptance to its last message in the ledger, by the worker itself; and the messages that this wrote, put into the same
emptied table by one INSERT … SELECT from a plain copy. It ends with the median ratio and what it must be at least, and
with the peak of the process's memory.
"""

import argparse
import asyncio
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import uvloop
from prometheus_client import CollectorRegistry

from carillon.cli.serve import tune_garbage_collector
from carillon.db.database import Database, Tx
from carillon.db.embedded import EmbeddedServer, embedded_server
from carillon.db.migrate import upgrade
from carillon.kit.actor import Actor
from carillon.kit.clock import SystemClock
from carillon.kit.traffic import TrafficClass
from carillon.messaging.accept import send
from carillon.messaging.materialise import MaterialiseWorker
from carillon.messaging.sendings import Send
from carillon.metrics import WorkMetrics
from carillon.tenancy.accounts import CreateAccount, OpenAccount, Operator, create_account, open_account
from carillon.text.placeholders import PlaceholderStyle
from carillon.workers.performer import Performer

AT_LEAST = 0.3
GROUP = 1_000
OPERATOR = Operator(name="bench", source="CLI")
FILL = """
INSERT INTO contact (account_id, audience_id, contact_id, created_at, updated_at, phone_quality, sms_status,
                     email_status, phone, email, phone_region, fields)
SELECT $1, $2, n, $4, $4, 33, 1, 1, '44' || 7800000000 + (n * 7368787 % 100000000),
       'person' || n * 7368787 % 100000000 || '@example.org', 'GB',
       jsonb_build_object('first_name', 'Maeve' || n % 1000, 'last_name', 'Lloyd-Jones', 'city', 'Bristol', 'text1',
                          'gold', 'text2', 'ref-' || n, 'number1', n % 100000 / 100.0, 'birth_date', '1980-02-03')
FROM generate_series(1, $3::bigint) n
"""
JOIN = "INSERT INTO membership SELECT $1, $2, n FROM generate_series(1, $3::bigint) n"
MAKE_GROUP = """
INSERT INTO contact_group (account_id, group_id, audience_id, number, name, name_key, kind, created_at, updated_at,
    members, reachable, reachable_sms, reachable_email, reachable_android, reachable_ios)
VALUES ($1, $2, $3, 1, 'Everybody', 'everybody', 'static', $5, $5, $4, $4, $4, $4, 0, 0)
"""


async def stage(db: Database, admin: asyncpg.Connection, members: int) -> Actor:
    """Make a sandbox account with a group of so many members."""
    made = await db.run(create_account, OPERATOR, CreateAccount(name="Bench", country="GB", sandbox=True))
    actor = await db.read(open_account, OPERATOR, OpenAccount(account_id=made.account.account_id))
    now = SystemClock().now()
    await admin.execute(FILL, actor.account_id, actor.audience_id, members, now)
    await admin.execute(JOIN, actor.account_id, GROUP, members)
    await admin.execute(MAKE_GROUP, actor.account_id, GROUP, actor.audience_id, members, now)
    await admin.execute("VACUUM (ANALYZE) contact, membership")
    return actor


async def materialise(db: Database, actor: Actor, members: int) -> float:
    """Send to the group, and return rows a second until all are in the ledger."""
    worker = Performer(db, MaterialiseWorker(), WorkMetrics(CollectorRegistry()))
    began = time.perf_counter()
    await send(
        db,
        actor,
        Send(
            sender="Bench",
            traffic_class=TrafficClass.MARKETING,
            text="Dear [#FirstName#], your code for our spring sale in [#City#] is [#Code#]. See you there!",
            placeholders=PlaceholderStyle.FIELDS,
            contact_fields={"FirstName": "first_name", "City": "city", "Code": "text2"},
            groups=[GROUP],
        ),
    )
    while (await worker.turn(actor.account_id, asyncio.Event())).claimed:
        pass
    seconds = time.perf_counter() - began
    written = await db.read(Tx.fetchval, "SELECT count(*) FROM message WHERE shard_key = $1", actor.account_id)
    if written != members:
        raise SystemExit(f"{written} messages were written")
    return members / seconds


async def empty(admin: asyncpg.Connection) -> None:
    """Leave no sending behind."""
    await admin.execute("TRUNCATE message, sending, recipient, chunk, event")
    await admin.execute("CHECKPOINT")


@contextmanager
def server() -> Iterator[EmbeddedServer]:
    """Run a server of its own."""
    with tempfile.TemporaryDirectory(prefix="carillon-bench-") as name:
        Path(name).chmod(0o755)  # the server's account has to enter
        with embedded_server(Path(name) / "data") as running:
            yield running


async def bench(members: int, repeat: int) -> None:
    """Measure and report."""
    ratios = []
    with server() as running:
        await upgrade(running.dsn, now=SystemClock().now())
        admin = await asyncpg.connect(running.admin_dsn, command_timeout=3600)
        db = await Database.connect(running.dsn, size=8)
        actor = await stage(db, admin, members)
        tune_garbage_collector()
        for number in range(repeat):
            pace = await materialise(db, actor, members)
            await admin.execute("DROP TABLE IF EXISTS copied")
            await admin.execute("CREATE TABLE copied AS SELECT * FROM message ORDER BY message_id")
            await empty(admin)
            began = time.perf_counter()
            await admin.execute("INSERT INTO message SELECT * FROM copied")
            bare = members / (time.perf_counter() - began)
            await empty(admin)
            ratios.append(pace / bare)
            print(f"round {number + 1}: {pace:,.0f} rows/s against {bare:,.0f}: {ratios[-1]:.2f}", flush=True)
        await db.close()
        await admin.close()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"ratio {statistics.median(ratios):.2f} (at least {AT_LEAST}); {memory:,.0f} MB at most")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    uvloop.run(bench(arguments.members, arguments.repeat))


if __name__ == "__main__":
    main()
