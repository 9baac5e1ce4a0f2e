"""Which addresses count as public."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunner.toolbox.web.public_address import is_public

PRIVATE = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.254 100.100.100.200 127.0.0.1
127.255.255.254 169.254.169.254 169.254.170.2 168.63.129.16 172.16.0.1 172.31.255.255
192.0.0.192 192.0.2.1 192.168.0.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.251
239.255.255.250 240.0.0.1 255.255.255.255
:: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
::ffff:0:8.8.8.8 64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::169.254.169.254 64:ff9b:1::1
100::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:db8::1 2002:7f00:1::1 2002:808:808::1
3fff::1 5f00::1 fc00::1 fd00::1 fd00:ec2::254 fd20:ce::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1
ff0e::1 2600::1%eth0
"""

PUBLIC = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 172.15.255.255 172.32.0.0
192.167.255.255 223.255.255.255 2606:4700:4700::1111 2a00:1450:4001:80e::200e
::ffff:8.8.8.8 64:ff9b::8.8.8.8
"""


@pytest.mark.parametrize("address", PRIVATE.split())
def test_what_is_not_for_everybody_is_refused(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC.split())
def test_the_internet_is_allowed(address: str) -> None:
    assert is_public(ip_address(address))


@given(st.ip_addresses(v=4))
def test_no_ipv4_address_is_public_that_python_knows_to_be_special(address: IPv4Address) -> None:
    if not address.is_global or address.is_multicast:
        assert not is_public(address)


@given(st.ip_addresses(v=6))
def test_no_ipv6_address_is_public_that_python_knows_to_be_special(address: IPv6Address) -> None:
    if not address.is_global or address.is_multicast:
        assert not is_public(address) or address.ipv4_mapped is not None


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:0:0", "64:ff9b::"]))
def test_a_wrapped_address_is_what_it_wraps(address: IPv4Address, prefix: str) -> None:
    wrapped = IPv6Address(int(IPv6Address(prefix)) | int(address))
    assert is_public(wrapped) == is_public(address)


@given(st.ip_addresses(v=4), st.sampled_from([("2002::", 80), ("::", 0)]))
def test_other_wrappings_are_refused(address: IPv4Address, form: tuple[str, int]) -> None:
    prefix, shift = form
    wrapped = IPv6Address(int(IPv6Address(prefix)) | int(address) << shift)
    assert not is_public(wrapped)
