"""Logging failures of background work by type and ids alone: messages and tracebacks may quote addresses."""

import contextlib
from collections.abc import Iterator

import structlog

log = structlog.get_logger(__name__)


def log_failure(event: str, error: BaseException, **ids: object) -> None:
    log.error(event, error=_types(error), **ids)


def _types(error: BaseException) -> str:
    """Name its type; of a group, as a TaskGroup raises it, those of the failures inside."""
    if isinstance(error, BaseExceptionGroup):
        return ", ".join(dict.fromkeys(_types(one) for one in error.exceptions))
    return type(error).__name__


@contextlib.contextmanager
def logged(event: str, **ids: object) -> Iterator[None]:
    """Log a failure of the block and end it there: what comes behind the block goes on."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, others must not fail with it
        log_failure(event, error, **ids)
