"""Whose program is at the other end of a connection within this machine.

Owns reading the kernel's table of connections, on Linux; elsewhere it is not known.
"""

from __future__ import annotations

import os
import struct
from ipaddress import IPv6Address, ip_address
from pathlib import Path

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
# https://docs.kernel.org/networking/proc_net_tcp.html: the columns, from 0.
_LOCAL, _REMOTE, _UID, _INODE = 1, 2, 7, 9

Place = tuple[str, int]
"""An IP address and a port."""


def is_another_users(client: Place, server: Place) -> bool:
    """Whether the connection from ``client`` to ``server`` is not of this user, nor of root.

    A connection that its program has closed belongs to nobody, and so to another. Where the
    system does not say, it is taken for this user's.
    """
    wanted = {(_written(client, wide), _written(server, wide)) for wide in (False, True)}
    readable = False
    for table in _TABLES:
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        readable = True
        for line in lines:
            fields = line.split()
            if (fields[_LOCAL], fields[_REMOTE]) in wanted and fields[_INODE] != "0":
                return int(fields[_UID]) not in (os.geteuid(), 0)
    return readable


def _written(place: Place, wide: bool) -> str:
    """A place as the table has it: words of the address in the machine's order of bytes."""
    address = ip_address(place[0])
    if wide and address.version == 4:
        address = IPv6Address(f"::ffff:{address}")
    words = struct.unpack(f">{len(address.packed) // 4}I", address.packed)
    native = (struct.unpack("=I", struct.pack(">I", word))[0] for word in words)
    return f"{''.join(f'{word:08X}' for word in native)}:{place[1]:04X}"
