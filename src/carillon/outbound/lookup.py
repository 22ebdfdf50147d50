"""Addresses of hosts, as the machine's own resolver gives them."""

import socket
from collections.abc import Callable, Sequence

# The addresses of a host that is written in ASCII, in order of preference; OSError where it has none. Runs in a thread.
Lookup = Callable[[str], Sequence[str]]


def look_up(host: str) -> list[str]:
    """Ask the system's resolver. Raises OSError."""
    # As bytes: a text would be encoded by Python's own IDNA codec first.
    found = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]
