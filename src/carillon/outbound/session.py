"""Requests and replies over aiohttp, with every failure in the closed list's terms."""

import asyncio
import io
import re
import ssl
from collections.abc import Iterable
from types import SimpleNamespace

from aiohttp import (
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientError,
    ClientHandlerType,
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientSSLError,
    ClientTimeout,
    DummyCookieJar,
    ServerDisconnectedError,
    TraceConfig,
)
from aiohttp.client_exceptions import ClientConnectorCertificateError

from carillon.outbound.addresses import AddressGuard
from carillon.outbound.connector import AddressRefusedError, FilteringResolver, guarded_connector
from carillon.outbound.exchange import Failure, HttpReply, HttpRequest, OutboundError
from carillon.outbound.lookup import Lookup
from carillon.outbound.urls import read_target

# A compressed body could be a thousand times what is transferred: none is asked for, and none is decompressed.
_DEFAULT_HEADERS = {"User-Agent": "Carillon", "Accept-Encoding": "identity"}
# What says where a message ends and which host it is for: a second one would let two servers read it differently.
_FRAMING_HEADERS = frozenset(
    {"connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\ud7ff\ue000-\U0010ffff]*")

# The first line that fits: kinds overlap.
_FAILURES: tuple[tuple[type[Exception], Failure], ...] = (
    (TimeoutError, Failure.TIMEOUT),
    (ClientConnectorDNSError, Failure.DNS),
    (ClientConnectorCertificateError, Failure.TLS),
    (ClientSSLError, Failure.TLS),
    (ClientConnectorError, Failure.CONNECT),
)


class Session:
    """A pool of connections, no cookies, no proxies, no redirects."""

    def __init__(self, guard: AddressGuard, *, lookup: Lookup, connect_seconds: float, tls: ssl.SSLContext) -> None:
        self._guard = guard
        self._resolver = FilteringResolver(guard, lookup)
        trace = TraceConfig()
        trace.on_connection_create_end.append(_mark_connected)
        trace.on_connection_reuseconn.append(_mark_connected)
        self._client = ClientSession(
            connector=guarded_connector(guard, self._resolver, tls),
            cookie_jar=DummyCookieJar(),
            headers=_DEFAULT_HEADERS,
            auto_decompress=False,
            trust_env=False,
            timeout=ClientTimeout(connect=connect_seconds),
            trace_configs=[trace],
            middlewares=(_send_once,),
        )

    async def send(self, request: HttpRequest) -> HttpReply:
        """Send a request and read its reply. Raises OutboundError."""
        target = read_target(request.url, self._guard)
        _check_headers(request.headers)
        progress = _Progress()
        try:
            async with asyncio.timeout(request.timeout_seconds):
                response = await self._client.request(
                    request.method,
                    target.url,
                    headers=request.headers,
                    # As a file it is written in pieces; bytes would go to the transport as one.
                    data=io.BytesIO(request.body) if request.body else None,
                    allow_redirects=False,
                    trace_request_ctx=progress,
                )
                progress.status = response.status
                return await _read_reply(response, request.max_reply_bytes)
        except (ClientError, OSError) as error:
            raise OutboundError(_failure(error), may_have_arrived=progress.connected, status=progress.status) from error

    async def close(self) -> None:
        """Close every connection."""
        await self._client.close()
        await self._resolver.close()


class _Progress:
    """How far a request has come."""

    connected = False
    status: int | None = None


async def _mark_connected(_session: ClientSession, context: SimpleNamespace, _params: object) -> None:
    context.trace_request_ctx.connected = True


async def _send_once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Keep aiohttp from sending a GET, PUT or DELETE again whose connection ends without a reply.

    It may have arrived, and with some carriers a GET submits a message. Whether to send again is the caller's decision.
    """
    try:
        return await handler(request)
    except ClientConnectorError:
        raise
    except (ClientOSError, ServerDisconnectedError) as error:
        raise ClientError("The connection ended without a reply.") from error


async def _read_reply(response: ClientResponse, limit: int) -> HttpReply:
    body = bytearray()
    try:
        async for part in response.content.iter_any():
            body += part
            if len(body) > limit:
                raise OutboundError(Failure.TOO_LARGE, may_have_arrived=True, status=response.status)
    finally:
        # A connection whose reply was read to its end is back in the pool already.
        response.close()
    return HttpReply(
        status=response.status,
        headers=tuple(
            (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in response.raw_headers
        ),
        body=bytes(body),
    )


def _check_headers(headers: Iterable[tuple[str, str]]) -> None:
    for name, value in headers:
        if not _TOKEN.fullmatch(name) or name.lower() in _FRAMING_HEADERS or not _FIELD_VALUE.fullmatch(value):
            raise OutboundError(Failure.INVALID_REQUEST, "A header can't be sent.")


def _failure(error: Exception) -> Failure:
    if isinstance(error, ClientConnectorError) and isinstance(error.os_error, AddressRefusedError):
        return Failure.REFUSED_ADDRESS
    for kind, failure in _FAILURES:
        if isinstance(error, kind):
            return failure
    return Failure.INVALID_REPLY
