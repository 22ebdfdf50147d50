"""The client that the process has one of."""

import asyncio
import ssl
from collections.abc import Iterable
from typing import TYPE_CHECKING, Self

from carillon.kit.networks import Network
from carillon.outbound.addresses import AddressGuard
from carillon.outbound.exchange import HttpReply, HttpRequest
from carillon.outbound.lookup import Lookup, look_up

if TYPE_CHECKING:
    from carillon.outbound.session import Session


class HttpClient:
    """Sends HTTP requests to public addresses and to `allowed` networks.

    aiohttp is loaded for the first request, in a thread: that takes 0.2 seconds, which no command and no server's start
    waits for. Certificates are verified by the system's authorities, or by those in SSL_CERT_FILE. `lookup` replaces
    the system's resolver. `connect_seconds` covers the look-up, the connection and the TLS handshake.
    """

    def __init__(
        self, allowed: Iterable[Network] = (), *, lookup: Lookup = look_up, connect_seconds: float = 10.0
    ) -> None:
        self.guard = AddressGuard(tuple(allowed))
        self._lookup = lookup
        self._connect_seconds = connect_seconds
        self._opening = asyncio.Lock()
        self._session: Session | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, request: HttpRequest) -> HttpReply:
        """Send a request and return its reply, of any status. Redirects are not followed. Raises OutboundError."""
        async with self._opening:
            if self._session is None:
                self._session = await self._open()
        return await self._session.send(request)

    async def _open(self) -> "Session":
        session_class, tls = await asyncio.to_thread(_load)
        return session_class(self.guard, lookup=self._lookup, connect_seconds=self._connect_seconds, tls=tls)


def _load() -> tuple[type["Session"], ssl.SSLContext]:
    from carillon.outbound.session import Session  # noqa: PLC0415 - see HttpClient

    return Session, ssl.create_default_context()
