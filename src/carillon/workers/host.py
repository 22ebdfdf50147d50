"""The one host of background work: runs a process's workers, jobs and services until it is stopped."""

import asyncio
from typing import Any

from carillon.db.database import Database
from carillon.metrics import WorkMetrics
from carillon.workers.periodic import run_job
from carillon.workers.services import keep_running
from carillon.workers.shape import Background, Service, Worker
from carillon.workers.turns import Turns


async def run_background(
    db: Database, background: Background, metrics: WorkMetrics, stopping: asyncio.Event, *, poll_seconds: float
) -> None:
    """Run until the event is set, and drain then.

    Workers finish the pieces that they perform and release the others, jobs are cancelled, and services stop last, as
    workers may need them until then. A worker's loop that fails is started again as a service is (`keep_running`).
    """

    def turns_of(worker: Worker[Any, Any]) -> Service:
        async def run(stopping: asyncio.Event) -> None:
            # Of its own each time: what failed may have left accounts marked as being served.
            await Turns(db, worker, metrics, poll_seconds=poll_seconds).run(stopping)

        return Service(name=worker.name, run=run)

    drained = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for service in background.services:
            tasks.create_task(keep_running(service, drained, metrics))
        jobs = [tasks.create_task(run_job(db, job, metrics)) for job in background.jobs]
        async with asyncio.TaskGroup() as workers:
            for worker in background.workers:
                workers.create_task(keep_running(turns_of(worker), stopping, metrics))
            await stopping.wait()
        for job in jobs:
            job.cancel()
        drained.set()
