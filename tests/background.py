"""What the host does with uploads, when a test says so."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from carillon.audience.field_types import CANONICAL
from carillon.audience.uploads.payload import ReadUpload, read_payload
from carillon.audience.uploads.queue import ClaimedUpload
from carillon.audience.uploads.work import UploadWorker, process_upload
from carillon.db.database import Database
from carillon.kit.ids import AccountId
from carillon.messaging.materialise import MaterialiseWorker
from carillon.metrics import Metrics
from carillon.workers.host import run_background
from carillon.workers.performer import Performer
from carillon.workers.shape import Background


async def process_uploads(db: Database, *accounts: AccountId) -> int:
    """Let the accounts, or all that have due uploads, have a turn each; return how many uploads were written."""
    worker = UploadWorker()
    performer = Performer(db, worker, Metrics().work)
    due = await db.read(worker.due_accounts)
    return sum([(await performer.turn(one, asyncio.Event())).done for one in accounts or due])


async def materialise_all(db: Database, account_id: AccountId) -> None:
    """Write the recipients of an account's sendings into the ledger."""
    performer = Performer(db, MaterialiseWorker(), Metrics().work)
    while (await performer.turn(account_id, asyncio.Event())).claimed:
        pass


@contextlib.asynccontextmanager
async def uploads_processed(db: Database, *, poll_seconds: float = 0.05) -> AsyncIterator[Metrics]:
    """Let a host process uploads during the block, and stop it then."""
    metrics, stopping = Metrics(), asyncio.Event()
    background = Background(workers=[UploadWorker()])
    host = asyncio.create_task(run_background(db, background, metrics.work, stopping, poll_seconds=poll_seconds))
    try:
        yield metrics
    finally:
        stopping.set()
        await asyncio.wait_for(host, timeout=20)


def parse(upload: ClaimedUpload) -> ReadUpload:
    """Parse a claimed upload's rows."""
    return read_payload(upload.actor, upload.payload, CANONICAL, upload.consent_fields)


async def write_claimed(db: Database, upload: ClaimedUpload) -> bool | None:
    """Write a claimed upload as its worker does."""
    return await db.run_at_once(process_upload, upload.actor, upload, parse(upload))
