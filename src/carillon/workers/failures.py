"""Logging failures of background work by type and ids alone: messages and tracebacks may quote addresses."""

import contextlib
from collections.abc import Iterator

import structlog

log = structlog.get_logger(__name__)


def log_failure(event: str, error: BaseException, **ids: object) -> None:
    log.error(event, error=type(error).__name__, **ids)


@contextlib.contextmanager
def logged(event: str, **ids: object) -> Iterator[None]:
    """Log a failure of the block and end it there: what comes behind the block goes on."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, others must not fail with it
        log_failure(event, error, **ids)
