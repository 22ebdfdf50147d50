"""The log: structured lines on standard error, each with its request's id, none with personal data.

Values are the danger, so none gets in by itself: an exception is logged as its class and the places that it passed,
without its text (PostgreSQL's quote the offending value) unless the text is ours to log; value types mask themselves
in their repr; the HTTP server's own access log, which has whole query strings, is off.
"""

import asyncio
import json
import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from types import TracebackType
from typing import BinaryIO, Literal

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from carillon.errors import ServiceError

log = structlog.get_logger(__name__)

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["auto", "json", "console"]

# Of these msgspec writes nothing but what they say. It would open a value type, where the other writes its masked repr.
_JSON_VALUES = frozenset({str, int, float, bool, type(None)})
_encode_values = msgspec.json.Encoder().encode
_encode = json.JSONEncoder(default=repr, separators=(",", ":"), ensure_ascii=False).encode
_request_id: ContextVar[str] = ContextVar("request_id", default="")
# Empty where it is the request's id.
_report_id: ContextVar[str] = ContextVar("report_id", default="")
# Where requests' lines are written without the processors, once they are set to JSON.
_straight: BinaryIO | None = None
_unwritten: list[bytes] = []
_UTC_CHARACTERS = len("+00:00")
# A pipe takes so many in one piece: nobody else's line gets among them.
_MAX_UNWRITTEN = 12

_LIBRARIES_WITH_VALUES = ("uvicorn.access", "aiohttp", "asyncpg", "httpx")


def configure_logging(level: Level, log_format: Format) -> None:
    """Send our own log and that of every library through the same processors.

    Name a request with `bind_request_id`: all lines of its task have its id.
    """
    console = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    global _straight  # noqa: PLW0603 - a process has one log, as structlog's own configuration
    _straight = None if console or level not in {"debug", "info"} else sys.stderr.buffer
    shared: list[Processor] = [
        add_request_id,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        describe_exception,
    ]
    renderer: Processor = structlog.dev.ConsoleRenderer() if console else _as_json
    structlog.configure(
        processors=[*shared, renderer],
        # Straight to the stream: through `logging` a line costs four times as much, and every request writes one.
        logger_factory=_NamedLogger,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    handler.addFilter(_without_reprs)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _LIBRARIES_WITH_VALUES:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def bind_request_id(request_id: str, report_id: str = "") -> None:
    """Put the request's id into the lines that the present task logs, and its report id where that is another."""
    _request_id.set(request_id)
    _report_id.set("" if report_id == request_id else report_id)


def log_request(function: tuple[str, str], status: int, seconds: float, request_id: str, report_id: str) -> None:
    """Log that a request to a function of a site or dialect was answered. Its ids need no escape in JSON.

    Every call ends with this line, and through the processors it took a tenth of a lookup's time: as JSON it is
    written straight, and together with those of the calls that end in the same turn of the event loop.
    """
    milliseconds = round(seconds * 1000, 2)
    if _straight is None:
        bind_request_id(request_id, report_id)
        log.info("request", dialect=function[0], function=function[1], status=status, milliseconds=milliseconds)
        return
    begin, end = _around_of(function)
    moment = datetime.now(UTC).isoformat(timespec="microseconds")[:-_UTC_CHARACTERS]
    report = "" if report_id == request_id else f',"report_id":"{report_id}"'
    _unwritten.append(
        f'{begin}"status":{status},"milliseconds":{milliseconds},"event":"request",'
        f'"request_id":"{request_id}"{end}"timestamp":"{moment}Z"{report}}}'.encode()
    )
    if len(_unwritten) == _MAX_UNWRITTEN:
        _write_requests()
    elif len(_unwritten) == 1:
        try:
            asyncio.get_running_loop().call_soon(_write_requests)
        except RuntimeError:  # there is none: of a test, say
            _write_requests()


@lru_cache(maxsize=1_000)
def _around_of(function: tuple[str, str]) -> tuple[str, str]:
    """Write what lines of a function have in common, as the processors would: before the status, and behind the id."""
    dialect, name = (_encode_values(one).decode() for one in function)
    return f'{{"dialect":{dialect},"function":{name},', f',"logger":"{__name__}","level":"info",'


def _write_requests() -> None:
    if not _unwritten or _straight is None:
        return
    lines = b"\n".join((*_unwritten, b""))
    _unwritten.clear()
    with suppress(OSError):  # see _NamedLogger
        _straight.write(lines)
        _straight.flush()


def add_request_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Name the request that a line is about."""
    if request_id := _request_id.get():
        event["request_id"] = request_id
    if report_id := _report_id.get():
        event["report_id"] = report_id
    return event


def _as_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return _encode_values(event).decode() if _JSON_VALUES.issuperset(map(type, event.values())) else _encode(event)


class _NamedLogger(structlog.WriteLogger):
    """Writes whole lines on standard error. What can't be written, as the log's disk is full, is lost: a call isn't."""

    def __init__(self, name: str = "") -> None:
        super().__init__(sys.stderr)
        self.name = name

    def msg(self, message: str) -> None:
        """Write a line, after those that were there before it."""
        _write_requests()
        with suppress(OSError):
            super().msg(message)

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg


def _without_reprs(record: logging.LogRecord) -> bool:
    """Keep the first line of what asyncio says: the others are reprs of tasks, which have exceptions' texts in them."""
    if record.name == "asyncio":
        record.msg, record.args = record.getMessage().partition("\n")[0], ()
    return True


def describe_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put an exception's classes and places in place of its text."""
    exc_info = event.pop("exc_info", None)
    if exc_info is True:
        exc_info = sys.exc_info()
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    if isinstance(error, BaseException):
        event["exception"] = "\n".join(_described(error))
    return event


def _described(error: BaseException) -> Iterator[str]:
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _described(cause)
        yield "which led to"
    if isinstance(error, BaseExceptionGroup):
        for number, part in enumerate(error.exceptions, start=1):
            yield f"part {number} of {len(error.exceptions)}:"
            yield from _described(part)
        yield "together are"
    state = getattr(error, "sqlstate", None)
    text = f": {error}" if isinstance(error, ServiceError) else f" (SQLSTATE {state})" if state else ""
    yield f"{type(error).__module__}.{type(error).__qualname__}{text}"
    yield from _places(error.__traceback__)


def _places(trace: TracebackType | None) -> Iterator[str]:
    for frame in traceback.extract_tb(trace):
        yield f"  {frame.filename}:{frame.lineno} in {frame.name}"
