"""Networks and addresses as they are compared."""

from ipaddress import ip_address, ip_network

import pytest

from carillon.kit.networks import plain_address, plain_network, read_server


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("2001:db8::/32", "2001:db8::/32"),
    ],
)
def test_a_network_of_mapped_addresses_is_one_of_ipv4(written: str, meant: str) -> None:
    assert plain_network(ip_network(written)) == ip_network(meant)


def test_a_mapped_address_is_one_of_ipv4() -> None:
    assert plain_address("::ffff:192.0.2.1") == plain_address("192.0.2.1") == ip_address("192.0.2.1")
    assert plain_address("2001:db8::1") == ip_address("2001:db8::1")
    with pytest.raises(ValueError, match="does not appear"):
        plain_address("unix:")


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("9.9.9.9", ("9.9.9.9", 53)),
        (" 127.0.0.1:5353", ("127.0.0.1", 5353)),
        ("::1", ("::1", 53)),
        ("[::1]:5353", ("::1", 5353)),
    ],
)
def test_a_server_is_an_address_and_maybe_a_port(text: str, server: tuple[str, int]) -> None:
    assert read_server(text) == server


@pytest.mark.parametrize(
    "text", ["", "x", "a:1", "1.2.3.4:", "1.2.3.4:0", "1.2.3.4:65536", "[::1]", "[::1]:x", "me@1.2.3.4:5"]
)
def test_what_is_no_server_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        read_server(text)
