"""Which addresses are public, against lists of their own and the standard library."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.outbound.addresses import Address, AddressGuard, embedded_ipv4, is_public

# RFC 6890, RFC 8190 and the registries that they made, with RFC 4291, 3879, 7526, 8215, 9602 and 9637.
REFUSED = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "::/128",
    "::1/128",
    "::/96",
    "::ffff:0:0/96",
    "::ffff:0:0:0/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/32",
    "2001:2::/48",
    "2001:10::/28",
    "2001:20::/28",
    "2001:db8::/32",
    "2002::/16",
    "3ffe::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
]
PUBLIC = [
    "1.0.0.0/8",
    "8.8.8.0/24",
    "9.0.0.0/8",
    "11.0.0.0/8",
    "100.0.0.0/10",
    "100.128.0.0/9",
    "126.0.0.0/8",
    "128.0.0.0/16",
    "168.63.129.17/32",
    "172.32.0.0/11",
    "192.0.1.0/24",
    "192.167.0.0/16",
    "192.169.0.0/16",
    "198.17.0.0/16",
    "198.20.0.0/14",
    "223.255.255.0/24",
    "2001:200::/23",
    "2001:4860::/32",
    "2003::/18",
    "2400::/12",
    "2606:4700::/32",
    "2a00::/12",
]
# What a packet to an IPv4 address may be wrapped as, and how the address is found in it.
EMBEDDINGS = {
    "::": lambda four: four,
    "::ffff:0:0": lambda four: four,
    "::ffff:0:0:0": lambda four: four,
    "64:ff9b::": lambda four: four,
    "64:ff9b:1::": lambda four: four,
    "2002::": lambda four: four << 80,
    # A client behind 8.8.8.8, as its server 1.1.1.1 tells it: obscured by inverting its bits.
    "2001:0:101:101::": lambda four: four ^ 0xFFFF_FFFF,
    # A client behind 8.8.8.8, of the server.
    "2001::f7f7:f7f7": lambda four: four << 64,
}

ipv4_addresses = st.ip_addresses(v=4).map(lambda one: IPv4Address(int(one)))
addresses = st.one_of(
    st.ip_addresses(),
    # Most of the space is refused at once: those that need a second look, and those that a host is likely to have.
    st.one_of(*(st.ip_addresses(network=network) for network in ("2000::/3", "2000::/14", *PUBLIC, *REFUSED))),
)
networks = st.lists(st.sampled_from([*REFUSED, *PUBLIC]).map(ip_network), max_size=3).map(tuple)


def embedded(form: str, four: IPv4Address) -> IPv6Address:
    return IPv6Address(int(IPv6Address(form)) | EMBEDDINGS[form](int(four)))


@given(st.one_of(*(st.ip_addresses(network=network) for network in REFUSED)))
def test_no_address_of_a_special_network_is_permitted(address: Address) -> None:
    assert not is_public(address)
    assert not AddressGuard().permits(address)


@given(st.one_of(*(st.ip_addresses(network=network) for network in PUBLIC)))
def test_every_public_address_is_permitted(address: Address) -> None:
    assert is_public(address)
    assert AddressGuard().permits(address)


@pytest.mark.parametrize("network", REFUSED)
def test_a_special_network_is_refused_from_its_first_address_to_its_last(network: str) -> None:
    one = ip_network(network)
    assert not is_public(one[0])
    assert not is_public(one[-1])


@given(addresses)
def test_what_is_permitted_is_global_for_the_standard_library_too(address: Address) -> None:
    if AddressGuard().permits(address):
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_reserved
        assert not address.is_unspecified
        assert not (isinstance(address, IPv6Address) and address.is_site_local)


@pytest.mark.parametrize("form", EMBEDDINGS)
@given(four=ipv4_addresses)
def test_an_address_that_embeds_another_is_refused_even_where_that_is_public(form: str, four: IPv4Address) -> None:
    assert not AddressGuard().permits(embedded(form, four))


@pytest.mark.parametrize("form", EMBEDDINGS)
@given(four=ipv4_addresses.filter(lambda one: int(one) > 1))
def test_an_embedded_address_is_found_and_checked_where_its_form_is_allowed(form: str, four: IPv4Address) -> None:
    address = embedded(form, four)
    assert four in embedded_ipv4(address)
    allowing_the_form = AddressGuard((ip_network("::/0"),))
    assert allowing_the_form.permits(address) == is_public(four)
    assert AddressGuard((ip_network("::/0"), ip_network(int(four)))).permits(address)


@pytest.mark.parametrize("form", ["2001:470:1::5efe:0:0", "2001:470:1::200:5efe:0:0", "2a00:1:2:3:200:5efe::"])
@given(four=ipv4_addresses)
def test_an_isatap_address_is_permitted_where_its_ipv4_address_is(form: str, four: IPv4Address) -> None:
    address = IPv6Address(int(IPv6Address(form)) | int(four))
    assert embedded_ipv4(address) == (four,)
    assert AddressGuard().permits(address) == is_public(four)
    assert AddressGuard((ip_network(form), ip_network(address))).permits(address) == is_public(four)
    assert AddressGuard((ip_network(int(four)),)).permits(address)


def test_both_addresses_of_isatap_inside_6to4_are_checked() -> None:
    guard = AddressGuard((ip_network("2002::/16"),))
    assert guard.permits(ip_address("2002:808:808::5efe:1.1.1.1"))
    assert not guard.permits(ip_address("2002:808:808::5efe:10.0.0.1"))
    assert not guard.permits(ip_address("2002:a00:1::5efe:1.1.1.1"))


@given(addresses, networks)
def test_an_allowed_network_permits_its_own_addresses_and_changes_nothing_for_others(
    address: Address, allowed: tuple[IPv6Network, ...]
) -> None:
    guard = AddressGuard(allowed)
    inside = any(address in network for network in allowed)
    if isinstance(address, IPv4Address) or not embedded_ipv4(address):
        assert guard.permits(address) == (inside or is_public(address))
        assert guard.allows(address) == inside
    elif guard.permits(address):
        assert all(guard.permits(four) for four in embedded_ipv4(address))


def test_the_mapped_form_of_an_allowed_address_is_allowed() -> None:
    guard = AddressGuard((ip_network("127.0.0.0/8"), ip_network("10.1.0.0/16")))
    for text in ("127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.1.255.255"):
        assert guard.allows(ip_address(text))
        assert guard.permits(ip_address(text))
    for text in ("::127.0.0.1", "::1", "64:ff9b::127.0.0.1", "2002:7f00:1::", "::ffff:10.2.0.0", "::ffff:8.8.8.8"):
        assert not guard.permits(ip_address(text))


@pytest.mark.parametrize("text", ["::", "::1", "2001:4860::8888", "fe80::1%lo", "fd00::10.0.0.1"])
def test_other_addresses_embed_none(text: str) -> None:
    assert embedded_ipv4(IPv6Address(text)) == ()
