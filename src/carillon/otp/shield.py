"""The shield against pumping: how many passwords may be made for whom, and what they may cost."""

from ipaddress import ip_network

from carillon.db.database import Tx
from carillon.errors import SendLimitError
from carillon.kit.ids import AccountId
from carillon.kit.networks import plain_address
from carillon.otp.counters import Count, CounterKind, count, seconds_until_less
from carillon.otp.limits import Limits
from carillon.routing.health import country_of

_VARIED_DIGITS = 4
_IPV4_BITS, _IPV6_BITS = 24, 48


async def limit_sends(tx: Tx, account_id: AccountId, recipient: str, limits: Limits) -> None:
    """Count a password to a recipient and to the numbers of its prefix. Raises SendLimitError for what is too much.

    Of a prefix whose passwords are hardly ever verified nobody reads the phones: it is let have few.
    """
    counts = [Count(kind=CounterKind.RECIPIENT_SENDS, subject=recipient)]
    prefix = prefix_of(recipient)
    if prefix:
        counts += [
            Count(kind=CounterKind.PREFIX_DAY, subject=prefix),
            Count(kind=CounterKind.PREFIX_SENDS, subject=prefix),
            Count(kind=CounterKind.PREFIX_VERIFIED, subject=prefix, by=0),
        ]
    found = await count(tx, account_id, counts)
    if found[CounterKind.RECIPIENT_SENDS] > limits.recipient_sends:
        raise _too_many(tx, CounterKind.RECIPIENT_SENDS, "to this recipient")
    if prefix:
        most = limits.prefix_sends
        # The one that is just made can't be verified yet.
        before = found[CounterKind.PREFIX_DAY] - 1
        if before >= limits.conversion_after:
            verified = 100 * found[CounterKind.PREFIX_VERIFIED] / before
            most = min(most, limits.unconverted_sends) if verified < limits.conversion_percent else most
        if found[CounterKind.PREFIX_SENDS] > most:
            raise _too_many(tx, CounterKind.PREFIX_SENDS, "to numbers like this one")


async def limit_traffic(  # noqa: PLR0913, PLR0917 - what is counted
    tx: Tx, account_id: AccountId, recipient: str, network: str, cost: int, limits: Limits
) -> None:
    """Count a password from a caller's network, and what it costs, last of its transaction. Raises SendLimitError."""
    country, caller = country_of(recipient), network_of(network)
    counts = []
    if caller:
        counts.append(Count(kind=CounterKind.NETWORK_SENDS, subject=caller))
    if cost:
        counts.append(Count(kind=CounterKind.COUNTRY_SPEND, subject=country, by=cost))
    if not counts:
        return
    found = await count(tx, account_id, counts)
    if found.get(CounterKind.NETWORK_SENDS, 0) > limits.network_sends:
        raise _too_many(tx, CounterKind.NETWORK_SENDS, "from your network")
    if found.get(CounterKind.COUNTRY_SPEND, 0) > limits.spend_of(country):
        raise _too_many(tx, CounterKind.COUNTRY_SPEND, "to this country, for what they cost")


def prefix_of(recipient: str) -> str:
    """Return what numbers that are leased together begin with: all but the last four digits; "" of an e-mail."""
    return recipient[:-_VARIED_DIGITS] if recipient.isdigit() else ""


def network_of(address: str) -> str:
    """Return the network of a caller's address: 24 bits of IPv4, 48 of IPv6; "" where it is none."""
    try:
        found = plain_address(address)
    except ValueError:
        return ""
    bits = _IPV4_BITS if found.version == 4 else _IPV6_BITS  # noqa: PLR2004 - the protocol's
    return str(ip_network((found, bits), strict=False))


def _too_many(tx: Tx, kind: CounterKind, whose: str) -> SendLimitError:
    return SendLimitError(kind, whose, seconds_until_less(tx.now, kind))
