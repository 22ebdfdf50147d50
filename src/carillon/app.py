"""The ASGI application: mounts the dialects, and says how the process is.

Around Litestar stands `Front`, for what concerns every request whatever answers it: its id, the caller's own address,
the dialect's spelling of the path, the log's line and the counters.
"""

import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, TypeAlias

import msgspec
import structlog
from litestar import Litestar, Response, get
from litestar import Request as LitestarRequest
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from carillon.db.database import Tx
from carillon.db.migrate import known_migrations
from carillon.db.sql import load_statements
from carillon.dialects.contract import Dialect, Handler, Services
from carillon.dialects.registry import DIALECTS
from carillon.errors import (
    BodyTooLargeError,
    CallerError,
    CarillonError,
    InvalidInputError,
    SchemaMismatchError,
    ServiceError,
)
from carillon.http.request import Reply, Request
from carillon.http.router import Router
from carillon.kit.ids import new_request_id
from carillon.logs import bind_request_id, log_request
from carillon.metrics import MEDIA_TYPE, Metrics
from carillon.runtime import Runtime

SQL = load_statements("carillon", "app.sql")

log = structlog.get_logger(__name__)

# An ASGI application in the specification's own words, which every server and client takes.
Application: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]

_REQUEST_ID_HEADER = "x-request-id"
# What a caller may choose as its request's id: it goes into logs and replies as it is.
_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")

# A base URL that ends in one, joined with a path that begins with one.
_SLASHES = re.compile(r"/{2,}")

_REQUEST_ID = "carillon.request_id"
_NOWHERE = ("none", "none")

# Each of a few routes has as many spellings as its case allows.
_MAX_KNOWN = 1_000

# A client may take a length there for one of a body that it then waits for (RFC 9110, section 8.6).
_WITHOUT_CONTENT = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


def create_app(
    runtime: Runtime, *, metrics: Metrics | None = None, dialects: Sequence[Dialect] = DIALECTS
) -> Application:
    """Make the application of a process."""
    metrics = metrics or Metrics()
    services = Services(
        db=runtime.db,
        authenticator=runtime.authenticator,
        page_size=runtime.settings.list_page_size,
        signature_age=timedelta(seconds=runtime.settings.signature_age_seconds),
    )
    limit = runtime.settings.max_body_bytes
    inner = Litestar(
        route_handlers=_public_pages(runtime, metrics, dialects),
        openapi_config=None,
        exception_handlers={HTTPException: _refuse, Exception: _fail},
        logging_config=None,
    )
    front: Any = Front(inner, [Mounted(dialect, services, limit) for dialect in dialects], metrics)
    if runtime.settings.trusted_proxies:
        front = ProxyHeadersMiddleware(front, [str(network) for network in runtime.settings.trusted_proxies])
    app: Application = front
    return app


class Front:
    """The outermost layer. It answers the dialects' calls itself, and leaves to Litestar all that isn't one."""

    def __init__(self, app: ASGIApp, mounted: "Sequence[Mounted]", metrics: Metrics) -> None:
        self._app = app
        self._mounted = mounted
        self._metrics = metrics
        self._known: dict[tuple[str, bytes], Call] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass the server's start and stop on."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        request_id = _request_id(headers)
        bind_request_id(request_id)  # the server makes a task for each request
        call = self._call_of(scope)
        status = HTTPStatus.INTERNAL_SERVER_ERROR.value
        self._metrics.requests_in_progress += 1
        try:
            if call:
                status = await call.answer(scope, headers, request_id, receive, send)
            else:
                status = await self._pass_on(scope, request_id, receive, send)
        finally:
            self._metrics.requests_in_progress -= 1
            self._note(call, status, time.perf_counter() - began)

    def _call_of(self, scope: Any) -> "Call | None":
        raw_path = scope.get("raw_path") or scope["path"].encode()
        key = (scope["method"], raw_path)
        known = self._known.get(key)
        if known is not None:
            return known
        path = raw_path.decode("latin-1")
        if "//" in path:
            path = _SLASHES.sub("/", path)
        call = next((call for one in self._mounted if (call := one.call_of(scope["method"], path)) is not None), None)
        if call is not None and call.is_plain:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[key] = call
        return call

    async def _pass_on(self, scope: Scope, request_id: str, receive: Receive, send: Send) -> int:
        """Let Litestar answer, and give the status."""
        inside: Any = {**scope, _REQUEST_ID: request_id}
        status = HTTPStatus.INTERNAL_SERVER_ERROR.value

        async def noting_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])  # Litestar gives an HTTPStatus, whose text isn't its number
                message["headers"] = [*message["headers"], (_REQUEST_ID_HEADER.encode(), request_id.encode())]
            await send(message)

        await self._app(inside, receive, noting_send)
        return status

    def _note(self, call: "Call | None", status: int, seconds: float) -> None:
        dialect, function = (call.dialect.name, call.function) if call else _NOWHERE
        self._metrics.request_done(dialect, function, status, seconds)
        if call is None and status < HTTPStatus.BAD_REQUEST:
            log.debug("request", status=status)  # polls of health and metrics would drown the rest
        else:
            log_request(dialect, function, status, seconds)


def _request_id(headers: Mapping[str, str]) -> str:
    given = headers.get(_REQUEST_ID_HEADER, "")
    return given if given and _SANE_REQUEST_ID.fullmatch(given) else new_request_id()


class Mounted:
    """A dialect with what its handlers need."""

    def __init__(self, dialect: Dialect, services: Services, max_body_bytes: int) -> None:
        self.dialect = dialect
        self.services = services
        self.max_body_bytes = max_body_bytes
        self._router = Router([(route.method, route.path, route) for route in dialect.routes])

    def call_of(self, method: str, path: str) -> "Call | None":
        """Find what a request calls; None for a path that is not the dialect's."""
        canonical = self.dialect.canonical_path(path)
        if canonical is None:
            return None
        try:
            route, segments = self._router.find(method, canonical)
        except CallerError as error:
            return Call(self, "none", _refusing(error), {}, is_plain=False)
        return Call(self, route.function, route.handle, segments, is_plain=not segments)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a dialect: whatever happens, the answer is in the vendor's words.

    A plain one is the same whenever its path is asked for.
    """

    mounted: Mounted
    function: str
    handle: Handler
    segments: Mapping[str, str]
    is_plain: bool

    @property
    def dialect(self) -> Dialect:
        """Whose call it is."""
        return self.mounted.dialect

    async def answer(
        self, scope: Scope, headers: Mapping[str, str], request_id: str, receive: Receive, send: Send
    ) -> int:
        """Answer it, and give the status."""
        request = partial(self._request, scope, headers, request_id)
        body = b""
        try:
            body = await _read_body(headers, receive, self.mounted.max_body_bytes)
            reply = await self.handle(self.mounted.services, request(body))
        except CallerError as error:
            reply = self.dialect.present_error(request(body), error)
        except CarillonError as error:
            log.exception("service_failed")
            reply = self.dialect.present_error(request(body), error)
        except Exception:
            log.exception("request_failed")
            reply = self.dialect.present_error(request(body), ServiceError())
        await _send_reply(reply, request_id, send)
        return reply.status

    def _request(self, scope: Any, headers: Mapping[str, str], request_id: str, body: bytes) -> Request:
        client = scope.get("client")
        return Request(
            method=scope["method"],
            path=scope["path"],
            raw_path=(scope.get("raw_path") or b"").decode("latin-1"),
            segments=self.segments,
            scheme=scope["scheme"],
            query=scope["query_string"].decode("latin-1"),
            headers=headers,
            body=body,
            remote_address=client[0] if client else "",
            request_id=request_id,
        )


def _refusing(error: CallerError) -> Handler:
    async def refuse(_services: Services, _request: Request) -> Reply:
        raise error

    return refuse


async def _read_body(headers: Mapping[str, str], receive: Receive, limit: int) -> bytes:
    """Read the body, and no more of it than the limit. Raises BodyTooLargeError."""
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise BodyTooLargeError
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise InvalidInputError("Body", "The caller hung up before its end.")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise BodyTooLargeError
        chunks.append(chunk)
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _send_reply(reply: Reply, request_id: str, send: Send) -> None:
    """Send a reply in ASGI's two messages."""
    headers = [
        *((name.lower().encode(), value.encode()) for name, value in reply.headers.items()),
        (_REQUEST_ID_HEADER.encode(), request_id.encode()),
    ]
    if reply.status not in _WITHOUT_CONTENT:
        described = (b"content-type", reply.media_type.encode()), (b"content-length", str(len(reply.body)).encode())
        headers = [*described, *headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body, "more_body": False})


def _plain(status: int, content: object) -> ASGIResponse:
    return ASGIResponse(body=msgspec.json.encode(content), status_code=status, media_type="application/json")


def _refuse(request: LitestarRequest[Any, Any, Any], error: HTTPException) -> Any:
    """Answer what no dialect does: unknown paths, methods that a path lacks."""
    return _answer_plainly(request, error.status_code, dict(error.headers or {}))


def _fail(request: LitestarRequest[Any, Any, Any], error: Exception) -> Any:
    log.error("request_failed", exc_info=error)
    return _answer_plainly(request, HTTPStatus.INTERNAL_SERVER_ERROR, {})


def _answer_plainly(request: LitestarRequest[Any, Any, Any], status: int, headers: dict[str, str]) -> Any:
    phrase = HTTPStatus(status).phrase
    content = {"status": status, "error": phrase, "request_id": request.scope.get(_REQUEST_ID)}
    return Response(content, status_code=status, headers=headers, media_type="application/json")


def _public_pages(runtime: Runtime, metrics: Metrics, dialects: Sequence[Dialect]) -> list[HTTPRouteHandler]:
    # Made when it is first asked for: no start waits for what few ask for.
    document = cache(lambda: msgspec.json.encode(openapi_document(dialects)))

    @get("/healthz")
    async def healthz() -> ASGIApp:
        """Tell that the process is alive."""
        return _plain(HTTPStatus.OK, {"status": "ok"})

    @get("/readyz")
    async def readyz() -> ASGIApp:
        """Tell whether calls can be answered: the database answers, with a schema that we know."""
        try:
            await runtime.db.read(_require_known_schema)
        except ServiceError as error:
            return _plain(HTTPStatus.SERVICE_UNAVAILABLE, {"status": error.code})
        return _plain(HTTPStatus.OK, {"status": "ok"})

    @get("/metrics")
    async def exposition() -> ASGIApp:
        """Give the counters in Prometheus' text format."""
        return ASGIResponse(body=metrics.exposition(), headers={"content-type": MEDIA_TYPE})

    @get("/schema/openapi.json")
    async def openapi() -> ASGIApp:
        """Give the OpenAPI document of all dialects."""
        return ASGIResponse(body=document(), media_type="application/json")

    return [healthz, readyz, exposition, openapi]


async def _require_known_schema(tx: Tx) -> None:
    """Require what this version needs; an upgrade without a break begins with what a newer one adds."""
    applied = {row["version"] for row in await tx.fetch(SQL["applied_migrations"])}
    if any(one.phase == "pre" and one.version not in applied for one in known_migrations()):
        raise SchemaMismatchError


def openapi_document(dialects: Sequence[Dialect]) -> dict[str, Any]:
    """Describe all dialects in one OpenAPI document."""
    paths: dict[str, Any] = {}
    components: dict[str, dict[str, Any]] = {}
    for dialect in dialects:
        its_paths, its_components = dialect.describe()
        paths |= its_paths
        for kind, named in its_components.items():
            components.setdefault(kind, {}).update(named)
    info = {
        "title": "Carillon",
        "version": version("carillon"),
        "description": "The vendors' APIs that Carillon speaks.",
    }
    return {"openapi": "3.1.0", "info": info, "paths": paths, "components": components}
