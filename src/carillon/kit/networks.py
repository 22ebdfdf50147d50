"""Networks and addresses as they are compared: what is IPv4, however it is written, is IPv4.

A socket that listens on IPv6 too shows an IPv4 caller as an IPv4-mapped address (`::ffff:192.0.2.1`, RFC 4291), and
Python finds no such address in an IPv4 network.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_MAPPED = IPv6Network("::ffff:0:0/96")


def plain_network(network: Network) -> Network:
    """Return the IPv4 network that one of IPv4-mapped addresses means; any other is itself."""
    if isinstance(network, IPv4Network) or not network.subnet_of(_MAPPED):
        return network
    within = network.network_address.ipv4_mapped
    assert within is not None  # noqa: S101 - it is of _MAPPED
    return IPv4Network((within, network.prefixlen - _MAPPED.prefixlen))


def plain_address(text: str) -> Address:
    """Read an address; an IPv4-mapped one is the IPv4 address. Raises ValueError for what is none (a socket's)."""
    address = ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address


def read_server(text: str, port: int = 53) -> tuple[str, int]:
    """Read the address of a server, and its port: `9.9.9.9`, `127.0.0.1:5353`, `::1` or `[::1]:5353`.

    Raises ValueError; `port` is what it has where the text names none.
    """
    text = text.strip()
    if text.count(":") != 1 and not text.startswith("["):
        return str(ip_address(text)), port
    parts = urlsplit(f"//{text}")
    if not parts.port or parts.netloc != text or "@" in text:
        raise ValueError("Expected an IP address, with a port behind a colon where it is another")
    return str(ip_address(parts.hostname or "")), parts.port
