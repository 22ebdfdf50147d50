"""The watch over the embedded database: started again when it dies, by the kernel's hand for want of memory, say."""

import asyncio
import contextlib
from pathlib import Path

import structlog

from carillon.db.embedded import EmbeddedError, embedded_server, running_dsn

log = structlog.get_logger(__name__)

# So long calls are answered that the service is unavailable, before the database is begun anew.
_SECONDS = 1.0


async def watch_embedded(data_dir: Path, stopping: asyncio.Event) -> None:
    """Start the folder's database again whenever it is down, until the event is set."""
    while not stopping.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), _SECONDS)
            return
        try:
            if running_dsn(data_dir) is None:
                log.error("database_died")
                await asyncio.to_thread(_join_and_leave, data_dir)
        except EmbeddedError as error:
            log.error("database_stays_down", reason=str(error))  # noqa: TRY400 - its sentence says it all


def _join_and_leave(data_dir: Path) -> None:
    with embedded_server(data_dir):  # which starts it; it stays, as this process uses it anyway
        pass
