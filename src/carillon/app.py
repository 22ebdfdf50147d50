"""The application of a serving process: the dialects as sites behind one front, health, metrics and OpenAPI beside."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import cache, partial
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import msgspec
import structlog
from litestar import Litestar, Response, route
from litestar import Request as LitestarRequest
from litestar.enums import HttpMethod
from litestar.exceptions import HTTPException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from carillon.carriers.http.inbound import InboundTemplate, read_inbound_template
from carillon.dialects.contract import Dialect, Services, site_of
from carillon.dialects.registry import DIALECTS
from carillon.docs_pages import BASE as DOCS
from carillon.docs_pages import DocsPages
from carillon.front_page import front_page
from carillon.http.body import BodyBudget
from carillon.http.front import REQUEST_ID, Front
from carillon.http.pages import HEADERS as PAGE_HEADERS
from carillon.http.pages import MEDIA_TYPE as PAGE_MEDIA_TYPE
from carillon.http.proxies import BehindProxies
from carillon.http.site import Site
from carillon.links.site import links_site
from carillon.metrics import MEDIA_TYPE, Metrics
from carillon.readiness import readiness
from carillon.receiving import receiving_site
from carillon.routing.carriers import http_options
from carillon.runtime import Runtime

log = structlog.get_logger(__name__)


def create_app(
    runtime: Runtime, *, metrics: Metrics | None = None, dialects: Sequence[Dialect] = DIALECTS
) -> Front | BehindProxies:
    """Make the application of a process."""
    metrics = metrics or Metrics()
    services = Services(
        db=runtime.db,
        authenticator=runtime.authenticator,
        box=runtime.secret_box,
        page_size=runtime.settings.list_page_size,
        signature_age=timedelta(seconds=runtime.settings.signature_age_seconds),
        outbound_allow=runtime.settings.outbound_allow,
    )
    inner = Litestar(
        route_handlers=_public_pages(runtime, metrics, dialects),
        openapi_config=None,
        exception_handlers={HTTPException: _refuse, Exception: _fail},
        logging_config=None,
    )
    # Links first: there are many of them, and no other site has such paths.
    sites = [links_site(runtime.db), *(site_of(dialect, services) for dialect in dialects), _receiving(runtime)]
    front = Front(
        inner,
        sites,
        metrics,
        bodies=BodyBudget(runtime.settings.max_bodies_bytes, runtime.settings.max_body_bytes),
        new_request_id=runtime.db.new_request_id,
    )
    proxies = runtime.settings.trusted_proxies
    return BehindProxies(front, proxies) if proxies else front


def _receiving(runtime: Runtime) -> Site:
    """Return the site at which HTTP providers tell of messages."""

    async def template(carrier_id: int) -> InboundTemplate | None:
        options = await runtime.db.read(http_options, carrier_id)
        return None if options is None else read_inbound_template(options)

    return receiving_site(runtime.callback_tokens, template, runtime.inbox)


def _json(status: int, content: object) -> ASGIResponse:
    return ASGIResponse(body=msgspec.json.encode(content), status_code=status, media_type="application/json")


def _page(content: bytes) -> ASGIResponse:
    return ASGIResponse(body=content, headers={"content-type": PAGE_MEDIA_TYPE, **PAGE_HEADERS})


def _refuse(request: LitestarRequest[Any, Any, Any], error: HTTPException) -> Any:
    """Answer what no dialect does: unknown paths, methods that a path lacks."""
    return _json_error(request, error.status_code, dict(error.headers or {}))


def _fail(request: LitestarRequest[Any, Any, Any], error: Exception) -> Any:
    log.error("request_failed", exc_info=error)
    return _json_error(request, HTTPStatus.INTERNAL_SERVER_ERROR, {})


def _json_error(request: LitestarRequest[Any, Any, Any], status: int, headers: dict[str, str]) -> Any:
    phrase = HTTPStatus(status).phrase
    content = {"status": status, "error": phrase, "request_id": request.scope.get(REQUEST_ID)}
    return Response(content, status_code=status, headers=headers, media_type="application/json")


# Monitors ask by HEAD as well.
_read = partial(route, http_method=[HttpMethod.GET, HttpMethod.HEAD], status_code=HTTPStatus.OK)


def _public_pages(runtime: Runtime, metrics: Metrics, dialects: Sequence[Dialect]) -> list[HTTPRouteHandler]:
    # Made when it is first asked for: no start waits for what few ask for.
    document = cache(lambda: msgspec.json.encode(openapi_document(dialects)))
    docs = DocsPages()

    @_read("/")
    async def front(request: LitestarRequest[Any, Any, Any]) -> ASGIApp:
        """Answer a page for people (`front_page`)."""
        host = request.headers.get("host", "")
        page = front_page(runtime.settings, dialects, docs, request.scope["scheme"], host)
        return _page(page.content())

    @_read(["/docs", f"{DOCS}{{name:path}}"])
    async def documentation(name: FromPath[str] = "/index.md") -> ASGIApp:
        """Answer a page of the documentation (`DocsPages`)."""
        if (page := await asyncio.to_thread(docs.page, name.removeprefix("/"))) is None:
            raise NotFoundException
        return _page(page)

    @_read("/healthz")
    async def healthz() -> ASGIApp:
        """Tell that the process is alive."""
        return _json(HTTPStatus.OK, {"status": "ok"})

    @_read("/readyz")
    async def readyz() -> ASGIApp:
        """Tell whether calls can be answered (`readiness`); degraded is 200, as other processes have no more."""
        found = await readiness(runtime.db)
        content = {"status": found.status} | ({"failing": found.failing} if found.failing else {})
        return _json(HTTPStatus.SERVICE_UNAVAILABLE if found.is_down else HTTPStatus.OK, content)

    @_read("/metrics")
    async def exposition() -> ASGIApp:
        """Answer the counters in Prometheus' text format."""
        return ASGIResponse(body=metrics.exposition(), headers={"content-type": MEDIA_TYPE})

    @_read("/schema/openapi.json")
    async def openapi() -> ASGIApp:
        """Answer the OpenAPI document of all dialects."""
        return ASGIResponse(body=document(), media_type="application/json")

    return [front, documentation, healthz, readyz, exposition, openapi]


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
