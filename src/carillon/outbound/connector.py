"""Connections to permitted addresses only, checked twice: when a name is resolved, and when a socket is made.

The resolver is not asked about a host that is an address, while a socket is made for the address that is dialled,
whoever named it: the second check is the guard. The first one lets a host that has other addresses too be reached at
those that are permitted.
"""

import asyncio
import functools
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

from aiohttp import AddrInfoType, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult

from carillon.outbound.addresses import AddressGuard
from carillon.outbound.lookup import Lookup

# Look-ups that hang take up threads for as long as the system's resolver tries; they are not the process's other ones.
_LOOKUP_THREADS = 16
# Common servers close a connection that is idle for 5 seconds: a request sent just then would be lost.
_IDLE_SECONDS = 4.0


class AddressRefusedError(OSError):
    """An address is not permitted."""


class FilteringResolver(AbstractResolver):
    """Resolves a host to those of its addresses that are permitted."""

    def __init__(self, guard: AddressGuard, lookup: Lookup) -> None:
        self._guard = guard
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(_LOOKUP_THREADS, thread_name_prefix="dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Resolve a host. Raises OSError where it has no address, AddressRefusedError where it has no permitted one.

        The first may pass by itself; the second is permanent, whatever another look-up would find (`is_permanent` of
        `Failure`).
        """
        del family
        found = await asyncio.get_running_loop().run_in_executor(self._threads, self._lookup, host)
        if not found:
            raise OSError("The host has no address.")
        addresses = [ip_address(text) for text in found]
        permitted = [address for address in addresses if self._guard.permits(address)]
        if not permitted:
            raise AddressRefusedError
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,  # noqa: PLR2004 - of IP
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
            for address in permitted
        ]

    async def close(self) -> None:
        """Let the threads end; a look-up that is under way is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def guarded_connector(guard: AddressGuard, resolver: AbstractResolver, tls: ssl.SSLContext) -> TCPConnector:
    """Make a pool of connections that dials permitted addresses only, whatever the resolver says.

    How many calls run at once is for the workers to limit, which are fair to accounts; the pool has no limit.
    """
    return TCPConnector(
        resolver=resolver,
        socket_factory=functools.partial(_permitted_socket, guard),
        ssl=tls,
        limit=0,
        keepalive_timeout=_IDLE_SECONDS,
    )


def _permitted_socket(guard: AddressGuard, dialled: AddrInfoType) -> socket.socket:
    family, kind, protocol, _, sockaddr = dialled
    try:
        address = ip_address(str(sockaddr[0]))
    except ValueError:  # a name, which the loop would resolve by itself
        raise AddressRefusedError from None
    if not guard.permits(address):
        raise AddressRefusedError
    return socket.socket(family, kind, protocol)
