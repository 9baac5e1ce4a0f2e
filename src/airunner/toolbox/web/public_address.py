"""Which IP addresses belong to the public internet.

Owns that question alone. Its lists are its own, because what ``ipaddress`` calls
global differs between the releases of Python that are supported.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

IPAddress = IPv4Address | IPv6Address

# https://www.iana.org/assignments/iana-ipv4-special-registry, and multicast.
_SPECIAL_IPV4 = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # behind a provider's address translation
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local; where clouds tell their machines their secrets
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",  # documentation, as are the next two of this length
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks of networks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "168.63.129.16/32",  # a public number, but inside Azure it is the machine's host
    )
]
# https://www.iana.org/assignments/iana-ipv6-special-registry: what is not meant for everybody
# of the only block from which addresses are given to the internet.
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_SPECIAL_IPV6 = [
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocols, Teredo among them, which wraps an IPv4 address
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which wraps one too
        "3fff::/20",  # documentation
    )
]
_WRAPPING_IPV4 = [
    IPv6Network("::ffff:0:0/96"),  # how IPv6 sockets write IPv4
    IPv6Network("64:ff9b::/96"),  # NAT64: all that a network without IPv4 has of it
]


def is_public(address: IPAddress) -> bool:
    """Whether anybody on the internet may be meant by ``address``.

    False for every loopback, private, link-local, shared, multicast, reserved,
    unspecified or documentation address, also where it is wrapped in IPv6. The
    prefix of a network's own NAT64 cannot be known and is not recognised.
    """
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_IPV4)
    if address.scope_id is not None:
        return False
    if any(address in network for network in _WRAPPING_IPV4):
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    return address in _GLOBAL_UNICAST and not any(address in network for network in _SPECIAL_IPV6)
