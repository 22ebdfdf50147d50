"""Texts of names in DNS, asked of the system's servers or of the one that an operator names, within bounds."""

from typing import Final

import dns.asyncresolver
import dns.exception

from carillon.kit.networks import read_server

LIFETIME_SECONDS: Final = 5.0
"""A name is asked for so long, whoever answers or doesn't."""

MAX_TEXTS: Final = 100
_ATTEMPT_SECONDS = 2.0


async def texts_of(name: str, server: str | None) -> list[bytes]:
    """Return the texts (TXT) of a name; none where it has none, or nobody answers in time.

    `server` is one that `read_server` reads, or None for the system's.
    """
    try:
        resolver = dns.asyncresolver.Resolver(configure=server is None)
        if server is not None:
            address, resolver.port = read_server(server)
            resolver.nameservers = [address]
        resolver.timeout, resolver.lifetime = _ATTEMPT_SECONDS, LIFETIME_SECONDS
        answer = await resolver.resolve(name, "TXT", search=False)
    except (dns.exception.DNSException, OSError, ValueError):
        return []
    return [b"".join(one.strings) for one in list(answer)[:MAX_TEXTS]]
