"""Which addresses an outgoing call may reach: public ones, and those in the networks that an operator allows.

The tables follow IANA's registries of special-purpose addresses (RFC 6890 and its updates). `is_global` of the standard
library follows them too, but differently in each release of Python.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from carillon.kit.networks import Network

Address = IPv4Address | IPv6Address

_SPECIAL_IPV4 = (
    IPv4Network("0.0.0.0/8"),  # this network; Linux connects 0.0.0.0 to itself
    IPv4Network("10.0.0.0/8"),  # private
    IPv4Network("100.64.0.0/10"),  # shared by a provider's customers (CGNAT)
    IPv4Network("127.0.0.0/8"),  # loopback
    IPv4Network("168.63.129.16/32"),  # a public address at which Azure's hosts answer their virtual machines
    IPv4Network("169.254.0.0/16"),  # link-local, with the metadata services of clouds
    IPv4Network("172.16.0.0/12"),  # private
    IPv4Network("192.0.0.0/24"),  # protocol assignments
    IPv4Network("192.0.2.0/24"),  # documentation
    IPv4Network("192.88.99.0/24"),  # relays of 6to4, withdrawn
    IPv4Network("192.168.0.0/16"),  # private
    IPv4Network("198.18.0.0/15"),  # benchmarking
    IPv4Network("198.51.100.0/24"),  # documentation
    IPv4Network("203.0.113.0/24"),  # documentation
    IPv4Network("224.0.0.0/4"),  # multicast
    IPv4Network("240.0.0.0/4"),  # reserved, with the broadcast address
)
# All that is assigned as global unicast. Outside lie loopback, link-local, site-local, unique local, multicast,
# discard, and the IPv4-mapped, IPv4-compatible and NAT64 forms.
_GLOBAL_IPV6 = IPv6Network("2000::/3")
_SPECIAL_IPV6 = (
    IPv6Network("2001::/23"),  # protocol assignments, with Teredo, benchmarking and ORCHID
    IPv6Network("2001:db8::/32"),  # documentation
    IPv6Network("2002::/16"),  # 6to4
    IPv6Network("3ffe::/16"),  # the test network 6bone, withdrawn
    IPv6Network("3fff::/20"),  # documentation
)
# Forms that have an IPv4 address in their last 32 bits.
_EMBEDDING_IPV6 = (
    IPv6Network("::/96"),  # IPv4-compatible, RFC 4291
    IPv6Network("::ffff:0:0/96"),  # IPv4-mapped, RFC 4291
    IPv6Network("::ffff:0:0:0/96"),  # IPv4-translated, RFC 2765
    IPv6Network("64:ff9b::/96"),  # NAT64, RFC 6052
    IPv6Network("64:ff9b:1::/48"),  # NAT64 of local use, RFC 8215, with a prefix of 96 bits
)
_IPV6_LOOPBACK = IPv6Address("::1")
# ISATAP, RFC 5214: under any prefix, 0:5efe or 0200:5efe before the IPv4 address in the last 32 bits.
_ISATAP = frozenset({0x0000_5EFE, 0x0200_5EFE})


def is_public(address: Address) -> bool:
    """Decide whether an address is one of the public Internet.

    None of them names another address inside itself, but for ISATAP's: those may lie in any network (`embedded_ipv4`).
    """
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_IPV4)
    return address in _GLOBAL_IPV6 and not any(address in network for network in _SPECIAL_IPV6)


def embedded_ipv4(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """Read the IPv4 addresses that a transition mechanism carries packets to.

    Teredo has two: its server's and its client's. ISATAP may be inside 6to4.
    """
    if address.teredo is not None:
        return address.teredo
    outer = () if address.sixtofour is None else (address.sixtofour,)
    # `::` and `::1` lie among the IPv4-compatible ones and are none.
    in_prefix = int(address) > int(_IPV6_LOOPBACK) and any(address in network for network in _EMBEDDING_IPV6)
    if in_prefix or int(address) >> 32 & 0xFFFF_FFFF in _ISATAP:
        return (*outer, IPv4Address(int(address) & 0xFFFF_FFFF))
    return outer


@dataclass(frozen=True, slots=True)
class AddressGuard:
    """Permits public addresses and those in `allowed` networks."""

    allowed: tuple[Network, ...] = ()

    def allows(self, address: Address) -> bool:
        """Decide whether an allowed network has the address, or the IPv4 address that it maps."""
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return any(one in network for network in self.allowed for one in (address, mapped) if one is not None)

    def permits(self, address: Address) -> bool:
        """Decide whether a connection to the address may be made.

        What embeds an IPv4 address has to be allowed, and the embedded one permitted: an operator whose machine reaches
        IPv4 through NAT64 allows 64:ff9b::/96 and still has 64:ff9b::127.0.0.1 refused. ISATAP's are permitted in any
        public network where the embedded one is.
        """
        if not self.allows(address) and not is_public(address):
            return False
        return isinstance(address, IPv4Address) or all(self.permits(one) for one in embedded_ipv4(address))
