"""The front behind proxies that are believed: whose address and scheme a request has, they say in headers."""

from collections.abc import Sequence
from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from carillon.http.at_once import Asked, Known
from carillon.http.front import Front
from carillon.kit.networks import Network

_FORWARDED_FOR = b"x-forwarded-for"


class BehindProxies(ProxyHeadersMiddleware):
    """Uvicorn's reading of X-Forwarded-For and X-Forwarded-Proto, before the front, of proxies in some networks."""

    def __init__(self, front: Front, proxies: Sequence[Network]) -> None:
        application: Any = front
        super().__init__(application, [str(one) for one in proxies])
        self._front = front

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer as the front does, by the address and the scheme that a proxy names."""
        await super().__call__(scope, receive, send)

    def at_once(self, asked: Asked) -> Known:
        """Answer at once as the front does, by the address that a proxy names."""
        if asked.address in self.trusted_hosts:
            named = b", ".join(value for name, value in asked.headers if name == _FORWARDED_FOR).decode("latin-1")
            if named:
                address = self.trusted_hosts.get_trusted_client_address(named)[0] or asked.address
                asked = asked._replace(address=address)
        return self._front.at_once(asked)
