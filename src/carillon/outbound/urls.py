"""URLs that outgoing calls go to: one strict grammar, used when a URL is accepted and again when it is called.

Parsers of URLs differ in what they take for the host of a malformed one, and some skip characters that others send.
What the grammar accepts has one reading, and yarl, which aiohttp dials by, is the one parser behind it.
"""

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

from yarl import URL

from carillon.outbound.addresses import Address, AddressGuard
from carillon.outbound.exchange import Failure, OutboundError

# No user information, no percent-encoding, no zone of an IPv6 address.
_SCHEME_AND_AUTHORITY = re.compile(
    r"(?P<scheme>[a-z]+)://(?:\[[0-9a-f:.]+\]|[^\[\]/?#@:%]+)(?::[0-9]{1,5})?(?=[/?#]|\Z)", re.IGNORECASE | re.ASCII
)
_NAME = re.compile(r"(?=.{1,254}\Z)(?:[a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?")
# No top-level domain is a number, and resolvers read 127.1, 0x7f000001, 017700000001 and 2130706433 as 127.0.0.1.
_NUMERIC = re.compile(r"(?:.*\.)?(?:0x[0-9a-f]*|[0-9]+)\.?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL that may be called; `address` is its host's, none where the host is a name."""

    url: URL = field(repr=False)
    address: Address | None = field(repr=False)


def read_target(text: str, guard: AddressGuard) -> Target:
    """Read an http or https URL whose host is a name, or an address that the guard permits.

    A name is not looked up: its addresses are checked when it is called. Raises OutboundError (INVALID_REQUEST,
    REFUSED_ADDRESS).
    """
    if not text.isprintable() or " " in text or "\\" in text:
        raise _invalid("The URL has spaces, backslashes or control characters.")
    shape = _SCHEME_AND_AUTHORITY.match(text)
    if shape is None:
        raise _invalid("The URL is not of the form https://host:port/path, without a user's name.")
    if shape["scheme"].lower() not in {"http", "https"}:
        raise _invalid("The URL starts with neither http:// nor https://.")
    try:
        url = URL(text)
    except ValueError:
        raise _invalid("The URL can't be read.") from None
    if not url.port:
        raise _invalid("The URL's port is 0.")
    address = _read_host(url.raw_host or "")
    if address is not None and not guard.permits(address):
        raise OutboundError(Failure.REFUSED_ADDRESS)
    return Target(url=url, address=address)


def _read_host(host: str) -> Address | None:
    try:
        if ":" in host:
            return IPv6Address(host)
        if _NUMERIC.fullmatch(host):
            return IPv4Address(host)
    except ValueError:
        raise _invalid("The URL's host is a number, but no IP address in its usual form.") from None
    if not _NAME.fullmatch(host):
        raise _invalid("The URL's host is not a host's name.")
    return None


def _invalid(message: str) -> OutboundError:
    return OutboundError(Failure.INVALID_REQUEST, message)
