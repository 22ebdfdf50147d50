"""Networks that a credential may be used from.

An IPv4 address that is written in IPv6 (`::ffff:192.0.2.1`) is that IPv4 address, in a credential and as a caller's.
"""

from collections.abc import Sequence
from ipaddress import ip_network

from carillon.errors import InvalidInputError
from carillon.kit.networks import Network, plain_address, plain_network


def read_network(text: str) -> Network:
    """Read a network in CIDR notation; an address alone is a network of one. Raises InvalidInputError."""
    try:
        return plain_network(ip_network(text.strip()))
    except ValueError as error:
        message = f"{text!r} is not a network such as 192.0.2.0/24 or 2001:db8::/32: {error}."
        raise InvalidInputError("allowed_networks", message) from None


def is_within(remote_address: str, networks: Sequence[Network]) -> bool:
    """Whether an address is in one of the networks, which are plain. What is no address (a socket's) is in none."""
    try:
        address = plain_address(remote_address)
    except ValueError:
        return False
    return any(address in network for network in networks)
