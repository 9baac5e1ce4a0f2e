"""The one spelling of a host, so that rules see the host that is asked.

Pure; nothing is looked up.
"""

from __future__ import annotations

import re
import socket
from ipaddress import AddressValueError, IPv6Address

_NUMBER_AT_THE_END = re.compile(r"(.*\.)?(\d+|0x[0-9a-f]*)", re.IGNORECASE)


def only_spelling(host: str) -> str:
    """``host`` without the dot at its end; an IPv4 address, however written, as four numbers."""
    host = host.rstrip(".")
    try:
        if _NUMBER_AT_THE_END.fullmatch(host):
            return socket.inet_ntoa(socket.inet_aton(host))
        mapped = IPv6Address(host).ipv4_mapped
    except (OSError, AddressValueError):  # no address: a name, or a mistake to be looked up
        return host
    return str(mapped or IPv6Address(host))
