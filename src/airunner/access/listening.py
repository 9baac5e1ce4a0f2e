"""A socket to serve at.

Owns binding it, and the words for an address that cannot be had.
"""

from __future__ import annotations

import errno
import socket

from airunner.errors import PortTakenError
from airunner.errors.system_words import system_words

_TAKEN = (
    "another program does already. If that is an AI Runner server of another --home, a second "
    "one shares nothing with it, and neither knows what the other takes of the memory: give "
    "both a --max-memory"
)


def listening(host: str, port: int) -> socket.socket:
    """A socket bound to an address, where who connects from now on waits until he is served.

    Port 0 is any.

    Raises:
        PortTakenError: it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen()  # whoever finds the address may connect, and waits until it is served
    except (OSError, OverflowError) as error:
        sock.close()
        problem = system_words(error)
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            problem = _TAKEN
        raise PortTakenError(host, port, problem) from error
    return sock
