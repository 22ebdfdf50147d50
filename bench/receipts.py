"""Receipts alone: matched, committed and evented, against the bare SQL; and accepts beside them.

    python -m bench.receipts [--messages 100000] [--rounds 3]

The ledger has so many submitted messages that the process does not remember. An SMSC sends a receipt for each over
SMPP, as fast as they are acknowledged. The other side is the SQL of the same receipts in batches of 500, recorded in
this process and replayed bare. Then requests of 1,000 recipients are accepted alone and beside the receipts.
"""

import argparse
import asyncio
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import SystemRandom
from typing import Any

import asyncpg
import uvloop
from bench.recording import Recording, recorded, replay
from bench.send_accept import report
from bench.send_path import while_stopped
from bench.sending import Sender, empty_ledger, memory_of, number, smpp_sender_of
from bench.served import served
from bench.smscs import WatchedSmsc, watched_smsc
from tests.carriers.scripted_smsc import Script
from tests.carriers.smsc_script import receipt_body

from carillon.carriers.contract import Receipt, ReceiptState
from carillon.carriers.smpp.pdu import Message
from carillon.db.database import Database
from carillon.kit.ids import UuidFactory
from carillon.messaging.receipts import ReceivedMessages

BATCH, SENDING = 500, 1_000
CLIENTS, REQUESTS = 4, 20
LIMIT, BESIDE = 0.4, 0.5
_DAY = timedelta(days=1)
_SUBMITTED = "SELECT count(*) FROM message WHERE state = 'submitted'"
_SENDING = "shard_key sending_id state dialect channel traffic_class sender text options validity expires_at created_at"
_MESSAGE = "shard_key message_id sending_id carrier_id submitted_at price vat parts state money encoding address"
_COLUMNS = {
    "sending": (*_SENDING.split(), "recipients", "submitted"),
    "message": tuple(_MESSAGE.split()),
    "carrier_reference": ("shard_key", "message_id", "carrier_id", "reference"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Submitted messages, as COPY takes them, and a receipt for each as SMPP has it."""

    tables: dict[str, bytes]
    bodies: list[bytes]


async def store(sender: Sender, count: int) -> Stored:
    """Make submitted messages whose references are numbers."""
    uuids, now, account = UuidFactory(SystemRandom()), datetime.now(UTC), sender.account_id
    carrier = await sender.connection.fetchval("SELECT max(carrier_id) FROM carrier")
    sendings = [uuids.make(now) for _ in range(-(-count // SENDING))]
    ids = [uuids.make(now) for _ in range(count)]
    rows: dict[str, list[tuple[Any, ...]]] = {
        "sending": [
            (
                account,
                one,
                "active",
                "apifon",
                "sms",
                2,
                "BlueDoor",
                "Hello",
                "{}",
                _DAY,
                now + _DAY,
                now,
                SENDING,
                SENDING,
            )
            for one in sendings
        ],
        "message": [
            (account, one, sendings[place // SENDING], carrier, now, 0, 0, 1, "submitted", "none", "gsm", number(place))
            for place, one in enumerate(ids)
        ],
        "carrier_reference": [(account, one, carrier, str(1_000_000 + place)) for place, one in enumerate(ids)],
    }
    tables = {}
    for table, records in rows.items():
        await sender.connection.copy_records_to_table(table, records=records, columns=list(_COLUMNS[table]))
        kept = io.BytesIO()
        await sender.connection.copy_from_query(f"SELECT * FROM {table}", output=kept, format="binary")  # noqa: S608 - our own tables
        tables[table] = kept.getvalue()
    script = Script()
    messages = [Message(source="BlueDoor", destination=number(place)) for place in range(count)]
    bodies = [receipt_body(1_000_000 + place, one, script) for place, one in enumerate(messages)]
    return Stored(tables=tables, bodies=bodies)


async def restore(sender: Sender, stored: Stored) -> None:
    """Put the ledger back to where no receipt had come."""
    await empty_ledger(sender.connection)
    for table, rows in stored.tables.items():
        await sender.connection.copy_to_table(table, source=io.BytesIO(rows), format="binary")


async def record(sender: Sender, count: int) -> Recording:
    """Apply the receipts in this process, and record what that writes."""
    recording = Recording()
    carrier = await sender.connection.fetchval("SELECT max(carrier_id) FROM carrier")
    db = await Database.connect(sender.caller.server.dsn)
    inbox = ReceivedMessages(db)
    receipts = [
        Receipt(reference=str(1_000_000 + place), state=ReceiptState.DELIVERED, address=number(place))
        for place in range(count)
    ]
    with recorded(recording):
        for at in range(0, count, BATCH):
            await inbox.take(carrier, receipts[at : at + BATCH])
    await db.close()
    return recording


async def bring(sender: Sender, smsc: WatchedSmsc, bodies: Sequence[bytes]) -> float:
    """Send the receipts and wait until all are committed; return the seconds."""
    began = time.perf_counter()
    smsc.queue_receipts(list(bodies))
    await sender.until_over()
    return time.perf_counter() - began


async def measure_beside(sender: Sender, smsc: WatchedSmsc, stored: Stored, rounds: int) -> None:
    """Accept alone and while receipts come."""
    requests = sender.requests(REQUESTS, SENDING, scheduled=True)
    pairs = []
    for _ in range(rounds):
        await restore(sender, stored)
        alone = await sender.send(requests, CLIENTS)
        await restore(sender, stored)
        smsc.queue_receipts(list(stored.bodies))
        beside = await sender.send(requests, CLIENTS)
        while await sender.connection.fetchval(_SUBMITTED):  # noqa: ASYNC110 - another process works
            await asyncio.sleep(0.2)
        pairs.append((REQUESTS * SENDING / beside, REQUESTS * SENDING / alone))
    report("accepts beside receipts, 1,000 recipients a request", "rows/s", "alone", pairs, BESIDE)


async def measure(arguments: argparse.Namespace) -> None:
    """Measure against one server."""
    count = arguments.messages
    with served() as server:
        async with watched_smsc() as (smsc, port):
            connection = await asyncpg.connect(server.dsn)
            sender = smpp_sender_of(server, connection, port)
            stored = await store(sender, count)
            with while_stopped(server):
                recording = await record(sender, count)
            pairs = []
            for turn in range(arguments.rounds):
                taken = {}
                for side in ("ours", "bare") if turn % 2 == 0 else ("bare", "ours"):
                    await restore(sender, stored)
                    if side == "ours":
                        taken[side] = await bring(sender, smsc, stored.bodies)
                    else:
                        taken[side] = await replay(server.dsn, recording)
                pairs.append((count / taken["ours"], count / taken["bare"]))
            report(f"receipts of {count:,} stored messages", "receipts/s", "bare SQL", pairs, LIMIT)
            await measure_beside(sender, smsc, stored, arguments.rounds)
            print(
                f"the server's memory: {memory_of(server.pid) / 1e6:,.0f} MB, at most {server.memory() / 1e6:,.0f} MB"
            )
            await connection.close()


def main() -> None:
    """Read the flags and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    uvloop.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
