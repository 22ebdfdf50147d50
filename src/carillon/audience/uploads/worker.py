"""The background worker of uploads: takes turns over the accounts, and reads the next batches while one is written."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial

import structlog

from carillon.audience.contacts.retention import SweepAudience, sweep_audience, swept_audiences
from carillon.audience.fields import field_kinds
from carillon.audience.uploads.queue import (
    MAX_ATTEMPTS,
    RENEWAL_SECONDS,
    UPLOADS_DUE,
    ClaimedUpload,
    ReadUpload,
    accounts_with_uploads,
    claim_uploads,
    delete_old_reports,
    fail_upload,
    process_upload,
    release_uploads,
    renew_leases,
    reschedule_upload,
)
from carillon.audience.upsert.optimistic import OptimisticInserts
from carillon.db.database import Database
from carillon.db.topics import Listener
from carillon.errors import UnavailableError
from carillon.kit.ids import AccountId
from carillon.tenancy.accounts import ListAccounts, Operator, list_accounts

log = structlog.get_logger(__name__)

# A turn: so many uploads of one account before the next account's.
_TURN = 8
_SWEEP_SECONDS = 3600
_SWEEPER = Operator(name="sweeper", source="worker")


class UploadWorker:
    """Works off uploads until it is stopped; what it holds then is finished first."""

    def __init__(
        self, db: Database, *, poll_seconds: float, report_days: int, on_done: Callable[[int], None] | None = None
    ) -> None:
        self._db = db
        self._poll_seconds = poll_seconds
        self._report_age = timedelta(days=report_days)
        self._on_done = on_done
        self._stopping = False
        self._listener = Listener()
        self._optimistic_inserts = OptimisticInserts()

    async def run(self) -> None:
        """Work until `stop`; a failure of the database is waited out."""
        sweeping = asyncio.create_task(self._sweep_now_and_then())
        try:
            await self._work()
        finally:
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)

    async def _work(self) -> None:
        with self._db.topics.listen(UPLOADS_DUE) as self._listener:
            while not self._stopping:
                try:
                    worked = await self.take_turns()
                except Exception as error:  # noqa: BLE001 - the worker outlives every failure; the rows are still there
                    # Only the type: a traceback's values could hold addresses.
                    log.error("uploads_interrupted", error=type(error).__name__)  # noqa: TRY400 - see above
                    worked = 0
                    await asyncio.sleep(self._poll_seconds)
                if not (worked or self._stopping):
                    await self._listener.wait(self._poll_seconds)

    def stop(self) -> None:
        """Ask it to end after the upload in hand."""
        self._stopping = True
        self._listener.wake()

    async def take_turns(self) -> int:
        """Give each account with uploads one turn and return how many uploads were worked off."""
        worked = 0
        for account_id in await self._db.read(accounts_with_uploads):
            if self._stopping:
                break
            worked += await self._turn(account_id)
        return worked

    async def sweep(self) -> None:
        """Delete the reports that are too old and the contacts that are to be swept, one account after another.

        What fails in one place is told and left for the next time; the others are swept.
        """
        before = self._db.clock.now() - self._report_age
        query = ListAccounts()
        while (page := await self._db.read(list_accounts, _SWEEPER, query)).items:
            for account in page.items:
                with _going_on():
                    while await self._db.run(delete_old_reports, account.account_id, before):
                        pass
                for audience_id, days in (await self._db.read(swept_audiences, account.account_id)).items():
                    with _going_on():
                        await self._sweep_audience(account.account_id, audience_id, days)
            query = ListAccounts(after_id=page.last_id)

    async def _sweep_audience(self, account_id: int, audience_id: int, days: int) -> None:
        last: int | None = 0
        while last is not None:
            command = SweepAudience(audience_id=audience_id, idle_days=days, after_id=last)
            last = await self._db.run(sweep_audience, _SWEEPER, account_id, command)

    async def _sweep_now_and_then(self) -> None:
        while True:
            with _going_on():
                await self.sweep()
            await asyncio.sleep(_SWEEP_SECONDS)

    async def _turn(self, account_id: AccountId) -> int:
        uploads = await self._db.run(claim_uploads, account_id, _TURN)
        if not uploads:
            return 0
        async with self._holding(uploads):
            reading = self._read_ahead(uploads)
            for place, upload in enumerate(uploads):
                if not await self._process(upload, reading[place]):
                    # The order is kept: the later ones wait until this one is written or given up.
                    for task in reading:
                        task.cancel()
                    await asyncio.gather(*reading, return_exceptions=True)
                    await self._db.run(release_uploads, uploads[place + 1 :])
                    return place
        return len(uploads)

    @contextlib.asynccontextmanager
    async def _holding(self, uploads: Sequence[ClaimedUpload]) -> AsyncIterator[None]:
        """Renew the leases until the block ends."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(RENEWAL_SECONDS)
                with contextlib.suppress(UnavailableError):  # the block meets it too, and deals with it
                    await self._db.run(renew_leases, uploads)

        renewing = asyncio.create_task(renew())
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def _process(self, upload: ClaimedUpload, reading: "asyncio.Task[ReadUpload]") -> bool:
        """Write one upload; False when it has to be tried again, or is somebody else's by now."""
        if upload.attempt > MAX_ATTEMPTS:  # whoever tried it did not live to say so
            await self._db.run(fail_upload, upload)
            return False
        try:
            read = await reading
            written = await self._write(upload, read)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one upload, the others go on
            facts = {"import_id": str(upload.import_id), "attempt": upload.attempt, "error": type(error).__name__}
            log.error("upload_failed", **facts)  # noqa: TRY400 - a traceback's values could hold addresses
            await self._db.run(reschedule_upload, upload, counts=not isinstance(error, UnavailableError))
            return False
        if written and self._on_done:
            self._on_done(read.batch.size)
        return written

    async def _write(self, upload: ClaimedUpload, read: ReadUpload) -> bool:
        hope = self._optimistic_inserts.of(upload.actor)
        matched_none = await hope.write(partial(self._db.run, process_upload, upload.actor, upload, read))
        if matched_none is not None:
            hope.learn(matched_none=matched_none)
        return matched_none is not None

    def _read_ahead(self, uploads: Sequence[ClaimedUpload]) -> "list[asyncio.Task[ReadUpload]]":
        """Start to read the uploads, one after another, while the earlier of them are written."""
        tasks: list[asyncio.Task[ReadUpload]] = []
        for upload in uploads:
            tasks.append(asyncio.create_task(self._read(upload, tasks[-1:])))
        return tasks

    async def _read(self, upload: ClaimedUpload, before: "list[asyncio.Task[ReadUpload]]") -> ReadUpload:
        if before:
            await asyncio.wait(before)
        kinds = await self._db.read(field_kinds, upload.actor)
        return await asyncio.to_thread(upload.read, kinds)


@contextlib.contextmanager
def _going_on() -> Iterator[None]:
    """Tell of a sweep's failure, and end it there."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - as in `run`
        log.error("sweep_interrupted", error=type(error).__name__)  # noqa: TRY400 - as in `run`
