"""Networks and addresses as they are compared: what is IPv4, however it is written, is IPv4.

A socket that listens on IPv6 too shows an IPv4 caller as an IPv4-mapped address (`::ffff:192.0.2.1`, RFC 4291), and
Python finds no such address in an IPv4 network.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

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
