"""Which addresses and URLs an outgoing call may go to."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.outbound.addresses import AddressGuard
from carillon.outbound.exchange import Failure, OutboundError
from carillon.outbound.urls import read_target

GUARD = AddressGuard()
PRIVATE = [
    *("127.0.0.1", "0.0.0.0", "10.1.2.3", "100.64.0.1", "169.254.169.254", "172.31.0.1", "192.168.0.1"),  # noqa: S104 - not listened on
    *("192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "240.0.0.1"),
    *("255.255.255.255", "::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd12::1", "ff02::1", "100::1", "2001:db8::1"),
]
V4 = [one for one in PRIVATE if ":" not in one]


def embedded(v4: str) -> list[str]:
    """Every form of IPv6 that carries an IPv4 address."""
    number = int(IPv4Address(v4))
    inverted = number ^ 0xFFFF_FFFF
    return [
        str(IPv6Address(int(IPv6Address(prefix)) | number))
        for prefix in ("::", "::ffff:0:0", "::ffff:0:0:0", "64:ff9b::", "64:ff9b:1::")
    ] + [
        str(IPv6Address((0x2002 << 112) | number << 80)),
        str(IPv6Address(0x2001 << 112 | 0x4136E378 << 64 | inverted)),
    ]


@pytest.mark.parametrize("text", [*PRIVATE, *(form for v4 in V4 for form in embedded(v4))])
def test_an_address_that_is_not_public_is_refused_in_every_form(text: str) -> None:
    assert not GUARD.permits(ip_address(text))


@pytest.mark.parametrize("text", ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07::1", "2a00:1450:4001::8a"])
def test_a_public_address_is_permitted(text: str) -> None:
    assert GUARD.permits(ip_address(text))


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_is_permitted_only_where_both_are(address: IPv4Address) -> None:
    guard = AddressGuard((ip_network("64:ff9b::/96"),))
    nat64 = IPv6Address(int(IPv6Address("64:ff9b::")) | int(address))
    assert guard.permits(nat64) == GUARD.permits(address)
    assert not GUARD.permits(nat64)


@given(st.ip_addresses())
def test_what_the_standard_library_calls_private_is_never_permitted(address: IPv4Address | IPv6Address) -> None:
    if (
        address.is_private
        or address.is_multicast
        or address.is_loopback
        or address.is_link_local
        or address.is_reserved
    ):
        assert not GUARD.permits(address)


def test_allowed_networks_are_permitted_in_their_mapped_form_too() -> None:
    guard = AddressGuard((ip_network("127.0.0.0/8"), ip_network("fd00::/8")))
    for text in ("127.0.0.1", "::ffff:127.0.0.1", "fd00::7"):
        assert guard.permits(ip_address(text))
    for text in ("10.0.0.1", "::1", "::ffff:10.0.0.1"):
        assert not guard.permits(ip_address(text))


@pytest.mark.parametrize(
    ("url", "failure"),
    [
        *(
            (f"http://{host}/", Failure.REFUSED_ADDRESS)
            for host in ("127.0.0.1", "[::1]", "[::ffff:7f00:1]", "10.0.0.1")
        ),
        *(
            (f"http://{host}/", Failure.INVALID_REQUEST)
            for host in (
                "127.1",
                "2130706433",
                "0x7f000001",
                "0x7f.1",
                "017700000001",
                "0177.0.0.1",
                "127.0.0.1.",
                "1.2.3",
            )
        ),
        *(
            (url, Failure.INVALID_REQUEST)
            for url in (
                *("ftp://a.example/", "file:///etc/passwd", "//a.example/", "a.example", "", "http:///x", "http://"),
                *(
                    "http://user@a.example/",
                    "http://user:secret@a.example/",
                    "http://a.example:0/",
                    "http://a.example:99999/",
                ),
                *(
                    "http://a.example\\@10.0.0.1/",
                    "http://a.example /",
                    "http://a.exam\nple/",
                    "http://[fe80::1%25lo]/",
                ),
                *("http://%31%32%37.0.0.1/", "http://a..example/", "http://[::1/", "http://a.example@10.0.0.1/"),
            )
        ),
    ],
)
def test_a_url_that_leads_inside_or_has_two_readings_is_refused_when_it_is_accepted(url: str, failure: Failure) -> None:
    with pytest.raises(OutboundError) as raised:
        read_target(url, GUARD)
    assert raised.value.failure is failure
    assert url not in str(raised.value) or not url


@pytest.mark.parametrize(
    "url", ["https://a.example/x?y=1", "HTTP://A.EXAMPLE:8080", "https://bücher.example/", "http://[2606:4700::1]/"]
)
def test_an_ordinary_url_is_accepted(url: str) -> None:
    read_target(url, GUARD)


@pytest.mark.parametrize("host", ["\uff11\uff12\uff17.0.0.1", "\u246b7.0.0.1", "127\u30020\uff0e0\uff611"])
def test_digits_and_dots_of_other_scripts_lead_to_no_private_address(host: str) -> None:
    assert refused_or_named(f"http://{host}/")


def refused_or_named(url: str) -> bool:
    """Tell whether a URL is refused, or has a name, whose addresses are checked when it is called."""
    try:
        return read_target(url, GUARD).address is None
    except OutboundError as error:
        return error.failure in {Failure.REFUSED_ADDRESS, Failure.INVALID_REQUEST}
