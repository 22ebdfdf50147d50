"""Long-lived services."""

import asyncio
import contextlib
import time

from carillon.metrics import WorkMetrics
from carillon.workers.failures import log_failure
from carillon.workers.shape import Service

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
# One that ran so long was well: its next failure is a new one.
_WELL_SECONDS = 60.0


class EndedError(Exception):
    """A service has ended by itself."""


async def keep_running(service: Service, stopping: asyncio.Event, metrics: WorkMetrics) -> None:
    """Run a service until the event is set, and start it again when it fails or ends before."""
    pause = _FIRST_PAUSE
    while not stopping.is_set():
        began = time.monotonic()
        try:
            await service.run(stopping)
        except Exception as error:  # noqa: BLE001 - it is started again
            failure = error
        else:
            if stopping.is_set():
                return
            failure = EndedError()
        log_failure("service_failed", failure, service=service.name)
        metrics.service_failed(service.name)
        if time.monotonic() - began > _WELL_SECONDS:
            pause = _FIRST_PAUSE
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
