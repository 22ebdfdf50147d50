"""The front: what concerns every request, whichever site answers it.

It gives a request its id, finds the site and the endpoint, reads the body within its limit, turns errors into the
site's form, counts and logs. What no site answers goes to the application behind it.
"""

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple

import structlog

from carillon.errors import CallerError, CarillonError, OverloadedError, ServiceError
from carillon.http.at_once import Asked, Known, Later
from carillon.http.body import Body, BodyBudget
from carillon.http.request import Reply, Request
from carillon.http.router import Router
from carillon.http.site import AtOnce, Endpoint, Handler, Site
from carillon.logs import bind_request_id, log_request
from carillon.metrics import Metrics

log = structlog.get_logger(__name__)

REQUEST_ID = "carillon.request_id"
"""The key of a request's id in the scope that the application behind the front is given."""

_REQUEST_ID_HEADER = "x-request-id"
# What a caller may choose as its request's id: it goes into logs and replies as it is.
_VALID_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

# A base URL that ends in one, joined with a path that begins with one.
_SLASHES = re.compile(r"/{2,}")

_NO_SITE = ("none", "none")

# Headers of requests that have a body.
_WITH_BODY = frozenset({"content-length", "transfer-encoding", "expect"})
_FOUND = HTTPStatus.FOUND.value

# Each of a few static routes has as many spellings as its case allows.
_MAX_CACHED = 1_000

# A client may take a length there for one of a body that it then waits for (RFC 9110, section 8.6).
_WITHOUT_CONTENT = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class Front:
    """The outermost ASGI application; `new_request_id` makes a UUID's text."""

    def __init__(
        self,
        behind: Any,
        sites: Sequence[Site],
        metrics: Metrics,
        *,
        bodies: BodyBudget,
        new_request_id: Callable[[], str],
    ) -> None:
        self._behind = behind
        self._mounted = [_Mounted(site, bodies) for site in sites]
        self._metrics = metrics
        self._new_request_id = new_request_id
        self._static: dict[tuple[str, bytes], _Call] = {}
        self._at_once = [_AtOnceCall(site.name, site.at_once) for site in sites if site.at_once is not None]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request, or pass the server's start and stop on."""
        if scope["type"] != "http":
            await self._behind(scope, receive, send)
            return
        began = time.perf_counter()
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        ids = self._ids_of(headers)
        bind_request_id(*ids)  # the server makes a task for each request
        call = self._call_of(scope)
        status = HTTPStatus.INTERNAL_SERVER_ERROR.value
        self._metrics.requests_in_progress += 1
        try:
            if call:
                status = await call.answer(scope, headers, ids, receive, send)
            else:
                status = await self._pass_on(scope, ids.request_id, receive, send)
        finally:
            self._metrics.requests_in_progress -= 1
            self._record(call, status, time.perf_counter() - began, ids)

    def at_once(self, asked: Asked) -> Known:
        """Answer a GET at once where a site does that (`AnswerAtOnce`), and count and log it as others are."""
        for one in self._at_once:
            found = one.site.target.fullmatch(asked.target)
            if found is None:
                continue
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in asked.headers}
            if not _WITH_BODY.isdisjoint(headers):
                return None
            key = found[1].decode("latin-1")
            answer = partial(self._answer_at_once, one, key, headers, asked)
            return Later.LATER if one.site.look_for(key, partial(asked.later, answer)) else answer()
        return None

    def _answer_at_once(self, call: "_AtOnceCall", key: str, headers: Mapping[str, str], asked: Asked) -> bytes | None:
        url = call.site.leads_to(key, headers, asked.address)
        if url is None:
            return None
        ids = self._ids_of(headers)
        seconds = time.perf_counter() - asked.began
        self._metrics.request_done(*call.function, _FOUND, seconds)
        log_request(call.function, _FOUND, seconds, *ids)
        return call.head_of(url, ids.request_id)

    def _ids_of(self, headers: Mapping[str, str]) -> "_Ids":
        given = headers.get(_REQUEST_ID_HEADER)
        if not given or not _VALID_REQUEST_ID.fullmatch(given):
            made = self._new_request_id()
            return _Ids(made, made)
        return _Ids(given, given if _UUID.fullmatch(given) else self._new_request_id())

    def _call_of(self, scope: Any) -> "_Call | None":
        raw_path = scope.get("raw_path") or scope["path"].encode()
        key = (scope["method"], raw_path)
        known = self._static.get(key)
        if known is not None:
            return known
        path = raw_path.decode("latin-1")
        if "//" in path:
            path = _SLASHES.sub("/", path)
        call = next((call for one in self._mounted if (call := one.call_of(scope["method"], path)) is not None), None)
        if call is not None and call.is_static:
            if len(self._static) >= _MAX_CACHED:
                self._static.clear()
            self._static[key] = call
        return call

    async def _pass_on(self, scope: Any, request_id: str, receive: Any, send: Any) -> int:
        """Let the application behind answer, and return the status."""
        inside = {**scope, REQUEST_ID: request_id}
        status = HTTPStatus.INTERNAL_SERVER_ERROR.value

        async def send_with_id(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])  # it may be an HTTPStatus, whose text isn't its number
                message["headers"] = [*message["headers"], (_REQUEST_ID_HEADER.encode(), request_id.encode())]
            await send(message)

        await self._behind(inside, receive, send_with_id)
        return status

    def _record(self, call: "_Call | None", status: int, seconds: float, ids: "_Ids") -> None:
        function = (call.site.name, call.function) if call else _NO_SITE
        self._metrics.request_done(*function, status, seconds)
        if call is None and status < HTTPStatus.BAD_REQUEST:
            log.debug("request", status=status)  # polls of health and metrics would drown the rest
        else:
            log_request(function, status, seconds, *ids)


class _AtOnceCall:
    """What answers requests to a site at once."""

    def __init__(self, name: str, site: AtOnce) -> None:
        self.site = site
        self.function = name, site.function
        lines = (f"{name.lower()}: {value}\r\n" for name, value in site.headers.items())
        self._before_url = f"HTTP/1.1 {_FOUND} Found\r\ncontent-length: 0\r\n{''.join(lines)}location: "

    def head_of(self, url: str, request_id: str) -> bytes:
        """Write the head of a redirect.

        Raises ValueError for a line's end in the URL: the reply would say what its headers don't.
        """
        if "\n" in url or "\r" in url:
            raise ValueError("a header has more than one line")
        return f"{self._before_url}{url}\r\n{_REQUEST_ID_HEADER}: {request_id}\r\n".encode()


class _Ids(NamedTuple):
    """A request's ids, see `Request`."""

    request_id: str
    report_id: str


class _Mounted:
    """A site with the router of its endpoints."""

    def __init__(self, site: Site, bodies: BodyBudget) -> None:
        self.site = site
        self.bodies = bodies
        self._router: Router[Endpoint[Handler]] = Router([(one.method, one.path, one) for one in site.endpoints])

    def call_of(self, method: str, path: str) -> "_Call | None":
        """Find what a request calls; None for a path that is not the site's."""
        canonical = self.site.canonical_path(path)
        if canonical is None:
            return None
        try:
            endpoint, segments = self._router.find(method, canonical)
        except CallerError as error:
            return _Call(self, "none", _raising(error), {}, is_static=False)
        return _Call(self, endpoint.function, endpoint.handle, segments, is_static=not segments)


@dataclass(frozen=True, slots=True)
class _Call:
    """A call of a site's endpoint: whatever happens, the answer has the site's form.

    A static one is the same whenever its path is asked for.
    """

    mounted: _Mounted
    function: str
    handle: Handler
    segments: Mapping[str, str]
    is_static: bool

    @property
    def site(self) -> Site:
        return self.mounted.site

    async def answer(self, scope: Any, headers: Mapping[str, str], ids: _Ids, receive: Any, send: Any) -> int:
        """Answer it, and return the status."""
        body = Body(receive, _announced(headers), self.mounted.bodies)
        request = self._request(scope, headers, ids, body)
        try:
            reply = await self._reply(request)
            await _send_reply(reply, ids.request_id, receive, send)
        finally:
            body.release()
        return reply.status

    async def _reply(self, request: Request) -> Reply:
        try:
            return await self.handle(request)
        except (CallerError, OverloadedError) as error:
            return self.site.present_error(request, error)
        except CarillonError as error:
            log.exception("service_failed")
            return self.site.present_error(request, error)
        except Exception:
            log.exception("request_failed")
            return self.site.present_error(request, ServiceError())

    def _request(self, scope: Any, headers: Mapping[str, str], ids: _Ids, body: Body) -> Request:
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
            request_id=ids.request_id,
            report_id=ids.report_id,
        )


def _announced(headers: Mapping[str, str]) -> str | None:
    """Return the length of the body that is to come; one that is sent in chunks has none."""
    return None if "transfer-encoding" in headers else headers.get("content-length", "0")


def _raising(error: CallerError) -> Handler:
    async def refuse(_request: Request) -> Reply:
        raise error

    return refuse


async def _send_reply(reply: Reply, request_id: str, receive: Any, send: Any) -> None:
    """Send a reply in ASGI's two messages, a stream in as many as it has pieces."""
    headers = [
        *((name.lower().encode(), value.encode()) for name, value in reply.headers.items()),
        (_REQUEST_ID_HEADER.encode(), request_id.encode()),
    ]
    if reply.status not in _WITHOUT_CONTENT:
        headers = [*_described(reply), *headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    if reply.stream is not None:
        await _send_pieces(reply.stream, receive, send)
    await send({"type": "http.response.body", "body": reply.body, "more_body": False})


async def _send_pieces(stream: AsyncGenerator[bytes, None], receive: Any, send: Any) -> None:
    """Send what a stream yields; when the caller has gone, no more of it is made."""
    gone = asyncio.ensure_future(_until_gone(receive))
    try:
        async with aclosing(stream):
            async for piece in stream:
                if gone.done():
                    return
                await send({"type": "http.response.body", "body": piece, "more_body": True})
    except Exception:
        log.exception("stream_failed")  # the server hangs up
        raise
    finally:
        gone.cancel()


async def _until_gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _described(reply: Reply) -> list[tuple[bytes, bytes]]:
    described = [(b"content-type", reply.media_type.encode())]
    if reply.stream is None:  # else its end is marked as HTTP/1.1 does, in chunks
        described.append((b"content-length", str(len(reply.body)).encode()))
    return described
