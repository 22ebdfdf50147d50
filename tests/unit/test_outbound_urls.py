"""URLs of outgoing calls as they are checked when one is accepted, before any name is resolved."""

from contextlib import suppress
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carillon.outbound.addresses import AddressGuard
from carillon.outbound.exchange import Failure, OutboundError
from carillon.outbound.urls import read_target

NOBODY = AddressGuard()
HOSTS = [
    "a",
    "bells.example",
    "é.example",
    "8.8.8.8",
    "8。8.8.8",
    "127.0.0.1",
    "127.1",
    "0x7f",
    "[::1]",
    "[2606:4700::1]",
]
# What syntax, and tricks with it, are made of, between hosts.
SYNTAX = st.text(":/\\@?#[]%.2f80aé。\xad\t\n \0", max_size=4)
TRICKS = st.lists(st.one_of(st.sampled_from(HOSTS), SYNTAX), min_size=1, max_size=4).map(
    lambda parts: f"http://{''.join(parts)}"
)


def failure_of(text: str, guard: AddressGuard = NOBODY) -> Failure:
    with pytest.raises(OutboundError) as refused:
        read_target(text, guard)
    assert not refused.value.may_have_arrived
    return refused.value.failure


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("http://bells.example", "http://bells.example"),
        ("HTTPS://Bells.Example:443/Path", "https://bells.example/Path"),
        (
            "https://bells.example:8443/a%2Fb/?q=a+b&r=%C3%A9#part",
            "https://bells.example:8443/a%2Fb/?q=a+b&r=%C3%A9#part",
        ),
        ("http://bücher.example/é", "http://xn--bcher-kva.example/%C3%A9"),
        ("http://under_score-host.example./", "http://under_score-host.example./"),
        ("http://localhost/", "http://localhost/"),
        ("http://intranet:65535/", "http://intranet:65535/"),
        ("http://1.2.3.4.example/", "http://1.2.3.4.example/"),
        ("http://0x7f.example/", "http://0x7f.example/"),
        ("http://bells.example?next=http://user@127.0.0.1/", "http://bells.example/?next=http://user@127.0.0.1/"),
        ("http://bells.example/a@b:c", "http://bells.example/a@b:c"),
    ],
)
def test_a_url_with_a_name_is_accepted_without_a_lookup(text: str, called: str) -> None:
    target = read_target(text, NOBODY)
    assert (str(target.url), target.address) == (called, None)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("http://8.8.8.8/", "8.8.8.8"),
        ("http://８.８.８.８/", "8.8.8.8"),  # noqa: RUF001 - full width
        ("https://[2606:4700:0:0::1111]:8443/", "2606:4700::1111"),
        ("https://[2001:4860:4860::8.8.136.136]/", "2001:4860:4860::808:8888"),
    ],
)
def test_a_url_with_a_public_address_says_which(text: str, address: str) -> None:
    assert read_target(text, NOBODY).address == ip_address(address)


def test_a_literal_address_is_refused_when_it_is_accepted_unless_it_is_allowed() -> None:
    for text in ("http://10.0.0.1/", "http://[::ffff:10.0.0.1]/", "http://１０.0.0.1"):  # noqa: RUF001 - full width
        assert failure_of(text) == Failure.REFUSED_ADDRESS
        guard = AddressGuard((ip_network("10.0.0.0/8"),))
        address = read_target(text, guard).address
        assert address is not None
        assert guard.allows(address)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bells.example",
        "//bells.example/",
        "http:bells.example",
        "http:/bells.example/",
        "http:///path",
        "http://",
        "http://:80/",
        "http://?q",
        "ftp://bells.example/",
        "file:///etc/passwd",
        "gopher://bells.example/",
        "unix://bells.example/",
        "http\u017f://bells.example/",
        "javascript:alert(1)",
        "http+unix://bells.example/",
        " http://bells.example/",
        "http://bells.example/ ",
        "http://bells.example/a b",
        "http://bells.example/\r\nX-Other: 1",
        "http://bells.example/\ta",
        "http://bells.example/\0",
        "http://bells.example/\x7f",
        "http://bells.example/\x85",
        "http://bells.example/\u2028",
        "http://bells.example/\ud800",
        "http://bells.\nexample/",
        "http://bells.example\\path",
        "http://user@bells.example/",
        "http://user:password@bells.example/",
        "http://:@bells.example/",
        "http://@bells.example/",
        "http://bells.example:0/",
        "http://bells.example:/",
        "http://bells.example:65536/",
        "http://bells.example:-1/",
        "http://bells.example:+80/",
        "http://bells.example:８０/",  # noqa: RUF001 - full width
        "http://bells.example:80:80/",
        "http://bells.example:http/",
        "http://bells..example/",
        "http://.bells.example/",
        "http://bells.example../",
        "http://" + "a" * 64 + ".example/",
        "http://" + "a." * 127 + "a./",
        "http://bells,example/",
        "http://*.example/",
        "http://bells.example;x/",
        "http://evil.c℀.bells.example/",
        "http://[bells.example]/",
        "http://[::1/",
        "http://::1/",
        "http://[::1]a/",
        "http://[::g]/",
        "http://[:]/",
        "http://[1:2:3:4:5:6:7:8:9]/",
    ],
)
def test_what_is_no_url_that_can_be_called_is_refused(text: str) -> None:
    assert failure_of(text) == Failure.INVALID_REQUEST


@settings(max_examples=500)
@given(TRICKS)
def test_what_is_accepted_has_one_reading(text: str) -> None:
    try:
        target = read_target(text, NOBODY)
    except OutboundError:
        return
    # What is called is a fixed point of reading, with nothing of the text's authority but a host and a port in it.
    again = read_target(str(target.url), NOBODY)
    assert (str(again.url), again.address) == (str(target.url), target.address)
    host = str(target.url.raw_host)
    assert host.isascii()
    assert host.lower() == host
    assert not set(host) & set(" \t\r\n\0@/\\?#%")
    assert urlsplit(str(target.url)).hostname == host
    assert (target.url.raw_user, target.url.raw_password) == (None, None)
    assert target.address is None or NOBODY.permits(target.address)


@given(st.text().map("http://{}".format))
def test_any_text_is_accepted_or_refused(text: str) -> None:
    with suppress(OutboundError):
        read_target(text, NOBODY)
