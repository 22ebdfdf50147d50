"""For tests of callbacks: a receiver over HTTP, a format, and sendings with messages as the engine writes them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_network
from uuid import UUID

import msgspec
from tests.integration.scripted_http import ScriptedServer, serving
from tests.support import Tenant

from carillon.db.database import Database, Tx
from carillon.events.callbacks import CallbackWorker
from carillon.events.endpoints import endpoint_for
from carillon.events.format import CallbackFacts, CallbackFormat, CallbackRequest
from carillon.events.log import NewEvent, append_events
from carillon.metrics import Metrics
from carillon.outbound.client import HttpClient
from carillon.workers.host import run_background
from carillon.workers.shape import Background

LOOPBACK = (ip_network("127.0.0.0/8"),)
SCHEDULE = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 3))

_SENDING = """
INSERT INTO sending (shard_key, sending_id, campaign_id, state, dialect, channel, traffic_class, sender, text, options,
    reference, validity, expires_at, created_at, recipients)
VALUES ($1, $2, $3, 'active', 'test', 'sms', 2, 'Shop', 'Hello', '{"flash": true}', 'ref-1', '1 day', $4, $4, 1)"""
_CAMPAIGN = """
INSERT INTO campaign (account_id, campaign_id, sending_number, name, name_key, channel, created_at, updated_at)
VALUES ($1, $2, $2, 'Spring', 'spring', 'sms', $3, $3)"""
_MESSAGE = """
INSERT INTO message (shard_key, message_id, sending_id, price, vat, parts, state, money, address, network, text, custom)
VALUES ($1, $2, $3, 50000, 12000, 2, 'delivered', 'captured', $4, '20210', $5, '"c-1"')"""


@dataclass(kw_only=True)
class Receiver:
    """Answers callbacks with the next of `statuses`, with `status` when there is none; keeps what it was told."""

    status: int = 200
    statuses: list[int] = field(default_factory=list)
    received: list[list[int]] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    delay: float = 0.0
    server: ScriptedServer | None = None

    @property
    def url(self) -> str:
        assert self.server is not None
        return f"{self.server.url}/hook"

    async def answer(self, _head: bytes, writer: asyncio.StreamWriter) -> None:
        assert self.server is not None
        self.received.append(msgspec.json.decode(self.server.bodies[-1], type=list[int]))
        status = self.statuses.pop(0) if self.statuses else self.status
        self.answered.append(status)
        await asyncio.sleep(self.delay)
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\nok" % status)


@contextlib.asynccontextmanager
async def receiving(*, status: int = 200, first: Sequence[int] = (), delay: float = 0.0) -> AsyncIterator[Receiver]:
    receiver = Receiver(status=status, statuses=list(first), delay=delay)
    async with serving(receiver.answer) as receiver.server:
        yield receiver


def sequences(facts: Sequence[CallbackFacts]) -> CallbackRequest:
    """Tell the numbers of events."""
    body = msgspec.json.encode([one.event.sequence for one in facts])
    return CallbackRequest(content_type="application/json", body=body)


def is_reported(facts: CallbackFacts) -> bool:
    return facts.event.kind != "untold"


FORMAT = CallbackFormat(dialect="test", schedule=SCHEDULE, render=sequences, tells=is_reported)


@contextlib.asynccontextmanager
async def telling(db: Database, callback_format: CallbackFormat = FORMAT) -> AsyncIterator[Metrics]:
    """Let a worker tell callbacks during the block."""
    metrics, stopping = Metrics(), asyncio.Event()
    async with HttpClient(LOOPBACK, connect_seconds=2) as client:
        background = Background(workers=[CallbackWorker(client, [callback_format])])
        host = asyncio.create_task(run_background(db, background, metrics.work, stopping, poll_seconds=0.05))
        try:
            yield metrics
        finally:
            stopping.set()
            await asyncio.wait_for(host, timeout=20)


async def endpoint(db: Database, account: Tenant, url: str, *, dialect: str = "test", purpose: str = "status") -> int:
    return await db.run(endpoint_for, account.account_id, dialect, purpose, url)


async def append(
    db: Database, account: Tenant, endpoint_id: int | None, *kinds: str, sending: UUID | None = None
) -> int:
    """Append events that are told to an endpoint, in the account's time."""

    async def write(tx: Tx) -> int:
        new = [NewEvent(kind=kind, at=tx.now, sending_id=sending, endpoint_id=endpoint_id) for kind in kinds]
        return await append_events(tx, account.account_id, new)

    async with db.transaction(account.actor) as tx:
        return await write(tx)


async def states(db: Database) -> list[tuple[int, str, int, int | None]]:
    """Return number, state, attempts and last status of every callback."""
    rows = await db.read(Tx.fetch, "SELECT sequence, state, attempts, http_status FROM callback ORDER BY sequence")
    return [(row["sequence"], row["state"], row["attempts"], row["http_status"]) for row in rows]


async def due(db: Database) -> list[tuple[datetime | None, int]]:
    """Return when each endpoint is due, and how many attempts in a row have failed."""
    rows = await db.read(Tx.fetch, "SELECT due_at, attempts FROM callback_endpoint ORDER BY endpoint_id")
    return [(row["due_at"], row["attempts"]) for row in rows]


async def all_ended(db: Database) -> bool:
    """Whether no callback waits, and no endpoint is due."""
    return all(state != "waiting" for _, state, *_ in await states(db)) and not any(one for one, _ in await due(db))


async def make_sending(
    db: Database,
    account: Tenant,
    *,
    campaign_id: int | None = None,
    addresses: Sequence[str] = (),
    text: str | None = None,
) -> tuple[UUID, list[UUID]]:
    """Make a sending with messages."""

    async def make(tx: Tx) -> tuple[UUID, list[UUID]]:
        sending_id = tx.new_uuid()
        await tx.fetch(_SENDING, account.account_id, sending_id, campaign_id, tx.now)
        if campaign_id:
            await tx.fetch(_CAMPAIGN, account.account_id, campaign_id, tx.now)
        messages = [tx.new_uuid() for _ in addresses]
        for message_id, address in zip(messages, addresses, strict=True):
            await tx.fetch(_MESSAGE, account.account_id, message_id, sending_id, address, text)
        return sending_id, messages

    return await db.run(make)


async def until(holds: Callable[[], bool | Awaitable[bool]], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while True:
            found = holds()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.01)
