"""Periodic jobs."""

import asyncio
from datetime import timedelta

from carillon.db.database import Database
from carillon.metrics import WorkMetrics
from carillon.workers.failures import log_failure
from carillon.workers.shape import Job

_FIRST_PAUSE = timedelta(seconds=1)


async def run_job(db: Database, job: Job, metrics: WorkMetrics) -> None:
    """Run a job now and then, until this is cancelled. After failures the pauses begin short, and double."""
    failures = 0
    while True:
        try:
            await job.run(db)
            failures = 0
            pause = job.interval
        except Exception as error:  # noqa: BLE001 - it is run again
            log_failure("job_failed", error, job=job.name)
            pause = min(_FIRST_PAUSE * 2**failures, job.interval)
            failures = min(failures + 1, 20)
        metrics.job_ran(job.name, failed=failures > 0)
        await asyncio.sleep(pause.total_seconds() * (1 + db.random.uniform(-job.jitter, job.jitter)))
