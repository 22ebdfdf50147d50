"""The background worker of uploads: takes turns over the accounts, and reads the next batch while one is written."""

import asyncio
import contextlib
from collections.abc import Callable

import structlog

from carillon.audience.rows import Batch
from carillon.audience.uploads import (
    ClaimedUpload,
    accounts_with_uploads,
    claim_uploads,
    put_back,
    release_uploads,
    work_off,
)
from carillon.db.database import Database
from carillon.kit.ids import AccountId

log = structlog.get_logger(__name__)

# A turn: so many uploads of one account before the next account's.
_TURN = 4


class UploadWorker:
    """Works off uploads until it is stopped; what it holds then is finished first."""

    def __init__(self, db: Database, *, poll_seconds: float, on_done: Callable[[int], None] | None = None) -> None:
        self._db = db
        self._poll_seconds = poll_seconds
        self._on_done = on_done
        self._stopping = False

    async def run(self) -> None:
        """Work until `stop`; a failure of the database is waited out."""
        while not self._stopping:
            self._db.work_arrived.clear()
            try:
                worked = await self.take_turns()
            except Exception as error:  # noqa: BLE001 - the worker outlives every failure; the rows are still there
                # Only the type: a traceback's values could hold addresses.
                log.error("uploads_interrupted", error=type(error).__name__)  # noqa: TRY400 - see above
                worked = 0
                await asyncio.sleep(self._poll_seconds)
            if not (worked or self._stopping):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._db.work_arrived.wait(), timeout=self._poll_seconds)

    def stop(self) -> None:
        """Ask it to end after the upload in hand."""
        self._stopping = True
        self._db.work_arrived.set()

    async def take_turns(self) -> int:
        """Give each account with uploads one turn and return how many uploads were worked off."""
        worked = 0
        for account_id in await self._db.read(accounts_with_uploads):
            if self._stopping:
                break
            worked += await self._turn(account_id)
        return worked

    async def _turn(self, account_id: AccountId) -> int:
        uploads = await self._db.run(claim_uploads, account_id, _TURN)
        reading = [_start_reading(upload) for upload in uploads[:1]]
        for place, upload in enumerate(uploads):
            reading += [_start_reading(following) for following in uploads[place + 1 : place + 2]]
            if not await self._work_off(upload, reading[place]):
                # The order is kept: the later ones wait until this one is written or given up.
                for task in reading[place + 1 :]:
                    task.cancel()
                await self._db.run(release_uploads, uploads[place + 1 :])
                return place
        return len(uploads)

    async def _work_off(self, upload: ClaimedUpload, reading: "asyncio.Task[Batch]") -> bool:
        try:
            batch = await reading
            await self._db.run(work_off, upload, batch)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one upload, the others go on
            facts = {"import_id": str(upload.import_id), "attempt": upload.attempt, "error": type(error).__name__}
            log.error("upload_failed", **facts)  # noqa: TRY400 - a traceback's values could hold addresses
            await self._db.run(put_back, upload)
            return False
        if self._on_done:
            self._on_done(batch.size)
        return True


def _start_reading(upload: ClaimedUpload) -> "asyncio.Task[Batch]":
    return asyncio.create_task(asyncio.to_thread(upload.read))
