"""The process that serves: from settings to a port, and back to nothing.

Owns the socket, the order of starting and stopping, and being the only server of a home
folder. What is served is ``app``'s.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import uvicorn

from airunner.config.settings import Settings
from airunner.errors import PortTakenError
from airunner.runtime.core import RuntimeCore
from airunner.runtime.presence import Presence, presence
from airunner.server.app import create_app
from airunner.server.guard import Admission, Visitor, host_name, is_loopback

HOST = "127.0.0.1"
PORT = 8188
PATIENCE_S = 20
"""How long answers in progress may go on once the server is told to stop, in seconds."""

_BACKLOG = 1024


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen, and which other names and pages are welcome there. Port 0 is any."""

    host: str = HOST
    port: int = PORT
    names: Sequence[str] = ()
    origins: Sequence[str] = ()


def serve(settings: Settings, address: Address, ready: Callable[[str], None]) -> None:
    """Serve until the process is told to stop; ``ready`` hears the address.

    Raises:
        ServerRunningError, PortTakenError, StorageError: it cannot begin.
        AiRunnerError: the runtime cannot; see ``RuntimeCore``.
    """
    with listening(address) as sock:
        url = _url(address.host, sock.getsockname()[1])
        here = Presence(os.getpid(), url, secrets.token_urlsafe(32))
        with presence(settings.home, here):
            asyncio.run(_serve(settings, address, sock, here, ready))


def listening(address: Address) -> socket.socket:
    """A socket bound to ``address``, where who connects from now on waits until he is served.

    Raises:
        PortTakenError: it cannot be had.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    sock = socket.socket(family)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address.host, address.port))
        sock.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        sock.close()
        problem = getattr(error, "strerror", None) or str(error)
        raise PortTakenError(address.host, address.port, problem) from error
    return sock


async def _serve(
    settings: Settings,
    address: Address,
    sock: socket.socket,
    here: Presence,
    ready: Callable[[str], None],
) -> None:
    own = Visitor("this machine")
    admission = Admission(
        hosts={host_name(address.host), *map(str.lower, address.names)},
        origins=tuple(address.origins),
        key_required=not is_loopback(address.host),
        find_key=lambda key: (
            own if secrets.compare_digest(key.encode(), here.key.encode()) else None
        ),
    )
    async with RuntimeCore(settings, command="serve") as core:
        config = uvicorn.Config(
            create_app(core, admission),
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=PATIENCE_S,
            lifespan="off",
        )
        server = uvicorn.Server(config)
        ready(here.url)
        await server.serve(sockets=[sock])


def _url(host: str, port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"
