"""Whose program is at the other end of a connection within this machine.

Owns asking the kernel, on Linux; elsewhere it is not known. The kernel finds one connection
by its ends in microseconds (``sock_diag(7)``); some sandboxes and kernels have only its
table of all connections, which takes milliseconds to write, however few there are.
"""

from __future__ import annotations

import os
import socket
import struct
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import NamedTuple

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
# https://docs.kernel.org/networking/proc_net_tcp.html: the columns, from 0.
_LOCAL, _REMOTE, _UID, _INODE = 1, 2, 7, 9

# include/uapi/linux/{netlink,sock_diag,inet_diag}.h
_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, _REQUEST = 4, 20, 1
_ANY_STATE, _NO_COOKIE = 0xFFFFFFFF, b"\xff" * 8
_HEAD = struct.Struct("=IHHII")  # length, type, flags, number, sender
_ASKED = struct.Struct("=BBxxI")  # family, protocol, states
_PORTS = struct.Struct("!HH")
_TOLD = struct.Struct("=4x48x12xII")  # user and inode, behind state, ends, timers and queues

Place = tuple[str, int]
"""An IP address and a port."""

OF_ANOTHER_USER = "of_another_user"
"""Where the state of a request says whether its connection ``is_another_users``."""


class Owner(NamedTuple):
    """Whose one end of a connection is. Without an inode its program has closed it."""

    user: int
    inode: int


@lru_cache
def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address to listen at."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_another_users(client: Place, server: Place) -> bool:
    """Whether the connection from ``client`` to ``server`` is not of this user, nor of root.

    A connection that its program has closed belongs to nobody, and so to another. Where the
    system does not say, or it comes from another machine, it is taken for this user's: keys
    tell those apart.
    """
    if not (is_loopback(client[0]) and is_loopback(server[0])):
        return False
    owner = found_owner(client, server)
    if owner is None:
        try:
            owner = listed_owner(client, server)
        except OSError:
            return False
    if owner is None or not owner.inode:
        return True
    return owner.user not in (os.geteuid(), 0)


def found_owner(client: Place, server: Place) -> Owner | None:
    """Whose the end of ``client`` is; ``None`` if it is not found, or nobody can be asked."""
    ends = [ip_address(place[0]) for place in (client, server)]
    family = socket.AF_INET6 if ends[0].version == 6 else socket.AF_INET
    question = _ASKED.pack(family, socket.IPPROTO_TCP, _ANY_STATE)
    question += _PORTS.pack(client[1], server[1])
    question += b"".join(end.packed.ljust(16, b"\0") for end in ends)
    question += bytes(4) + _NO_COOKIE  # whatever the interface
    head = _HEAD.pack(_HEAD.size + len(question), _SOCK_DIAG_BY_FAMILY, _REQUEST, 0, 0)
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
            kernel.sendall(head + question)
            answer = kernel.recv(4096, socket.MSG_DONTWAIT)
    except (OSError, AttributeError):  # the constants are Linux's
        return None
    if _HEAD.unpack_from(answer)[1] != _SOCK_DIAG_BY_FAMILY:
        return None
    return Owner(*_TOLD.unpack_from(answer, _HEAD.size))


def listed_owner(client: Place, server: Place) -> Owner | None:
    """The same by the table of all connections; ``None`` if it is not among them.

    Raises:
        OSError: there is no table to be read.
    """
    wanted = {(_written(client, wide), _written(server, wide)) for wide in (False, True)}
    problems = []
    for table in _TABLES:
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError as error:
            problems.append(error)
            continue
        for line in lines:
            fields = line.split()
            if (fields[_LOCAL], fields[_REMOTE]) in wanted and fields[_INODE] != "0":
                return Owner(int(fields[_UID]), int(fields[_INODE]))
    if len(problems) == len(_TABLES):
        raise problems[0]
    return None


def _written(place: Place, wide: bool) -> str:
    """A place as the table has it: words of the address in the machine's order of bytes."""
    address = ip_address(place[0])
    if wide and address.version == 4:
        address = IPv6Address(f"::ffff:{address}")
    words = struct.unpack(f">{len(address.packed) // 4}I", address.packed)
    native = (struct.unpack("=I", struct.pack(">I", word))[0] for word in words)
    return f"{''.join(f'{word:08X}' for word in native)}:{place[1]:04X}"
