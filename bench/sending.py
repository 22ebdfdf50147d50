"""Sends over Apifon's API in accounts of their own, and what they leave in the ledger."""

import asyncio
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
from bench.callers import Caller, caller_of
from bench.calls import Connection, send_at_once
from bench.served import Served

SEND = "/services/api/v1/sms/send"
TEXT = "Your table at the Blue Boat is ready at nine. See you tonight!"

_LEDGER = (
    "sending, message, chunk, carrier_reference, event, event_sequence, callback, simulated_inbound, journal_entry"
)
_OPEN = "SELECT coalesce(sum(waiting + submitted + uncertain), 0)::bigint FROM sending WHERE shard_key = $1"
# A server looks for new carriers every second.
_BIND_SECONDS = 3
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """An account that sends: over a simulator that delivers at once, unless it has another carrier."""

    caller: Caller
    connection: asyncpg.Connection

    @property
    def account_id(self) -> int:
        """The account's id."""
        return self.caller.account_id

    def requests(self, count: int, recipients: int, *, scheduled: bool = False, start: int = 0) -> list[bytes]:
        """Write down requests; `scheduled` ones are accepted and not dispatched."""
        writing = self.caller.connection()
        message = {"text": TEXT, "sender_id": "BlueDoor"}
        at = {"date": f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M:%S}"} if scheduled else {}
        numbers = [number(start + place) for place in range(count * recipients)]
        return [
            writing.written(
                "POST",
                SEND,
                {"subscribers": [{"number": one} for one in numbers[at_ : at_ + recipients]], "message": message, **at},
            )
            for at_ in range(0, len(numbers), recipients)
        ]

    async def send(self, requests: Sequence[bytes], clients: int) -> float:
        """Send with so many clients at once; return the seconds until the last answer."""
        shares = [(self.caller.connection(), requests[place::clients]) for place in range(clients)]
        began = time.perf_counter()
        await asyncio.to_thread(send_at_once, shares)
        return time.perf_counter() - began

    async def until_over(self, seconds: float = 300) -> None:
        """Wait until every message has its receipt. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while await self.connection.fetchval(_OPEN, self.account_id):
                await asyncio.sleep(0.02)


def number(place: int) -> str:
    """Return a number on which the simulator plays no part of its script."""
    return f"30{place:07d}0001"


def sender_of(server: Served, connection: asyncpg.Connection, *, price: str | None = None) -> Sender:
    """Make an account whose messages go over a simulator that delivers at once; with a price, it has credit."""
    caller = caller_of(server, "apifon")
    name = f"instant{caller.account_id}"
    account = ("--account", caller.account_id)
    server.command("carrier", "create", name, "--kind", "simulator", "--option", "instant=yes", *account)
    server.command("route", "add", "--carrier", name, *account)
    if price is not None:
        server.command("price", "set", price, "--channel", "sms", *account)
        server.command("balance", "add", "1000000", *account)
    return Sender(caller=caller, connection=connection)


def smpp_sender_of(server: Served, connection: asyncpg.Connection, smsc: int, window: int = 500) -> Sender:
    """Make an account whose messages go to an SMSC on a port of this machine."""
    caller = caller_of(server, "apifon")
    name, account = f"smsc{caller.account_id}", ("--account", caller.account_id)
    url = f"smpp://carillon@127.0.0.1:{smsc}"
    server.command("carrier", "create", name, "--kind", "smpp", "--url", url, "--option", f"window={window}", *account)
    server.command("route", "add", "--carrier", name, *account)
    time.sleep(_BIND_SECONDS)
    return Sender(caller=caller, connection=connection)


async def empty_ledger(connection: asyncpg.Connection) -> None:
    """Take all messages, and all that belongs to them, away."""
    await connection.execute(f"TRUNCATE {_LEDGER}")


def call(connection: Connection, request: bytes) -> dict[str, object]:
    """Send one request and give the answer."""
    answer: dict[str, object] = json.loads(connection.send(request))
    return answer


def memory_of(pid: int) -> int:
    """Return the bytes that a process has in memory now."""
    return int(Path("/proc", str(pid), "statm").read_text().split()[1]) * _PAGE_BYTES
