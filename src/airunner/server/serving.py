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
from contextlib import AbstractAsyncContextManager, closing, nullcontext, suppress
from dataclasses import dataclass
from types import FrameType

import uvicorn
from fastapi import FastAPI
from uvicorn.loops.auto import auto_loop_factory

from airunner.access.connections import PromptConnection
from airunner.access.guard import SIGN_IN, Admission, host_name
from airunner.access.listening import listening
from airunner.access.peer import is_loopback
from airunner.config.settings import Settings
from airunner.errors import NoKeysError, ServerRunningError
from airunner.overdue import end_at_the_latest
from airunner.resources.visitor import Visitor
from airunner.runtime import Runtime
from airunner.runtime.core import RuntimeCore
from airunner.runtime.presence import Presence, find_server, presence
from airunner.server.app import create_app
from airunner.server.keys import Keys
from airunner.server.native.services import Services
from airunner.server.tracing import Tracing

HOST = "127.0.0.1"
PORT = 8188
PATIENCE_S = 20
"""How long answers in progress may go on once the server is told to stop, in seconds."""

_TICK_S = 1.0
_TELLING_S = 5.0
"""How long clients may take to be told that their answer is broken off, in seconds."""

# Whether the server is alive is no secret.
_OPEN_PATHS = frozenset({"/healthz", "/readyz", SIGN_IN})
_MANAGED_PATHS = (
    *("/api/v1", "/api/pull", "/api/delete", "/api/create", "/api/copy", "/api/push"),
    "/models/unload",
    "/_nicegui_ws",  # the page's events, also where they come without a socket
)


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen, and which other names and pages are welcome there. Port 0 is any."""

    host: str = HOST
    port: int = PORT
    names: Sequence[str] = ()
    origins: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """A page for people: ``mount`` puts it on the application, ``alive`` serves it meanwhile."""

    mount: Callable[[FastAPI, Services], None]
    alive: Callable[[FastAPI], AbstractAsyncContextManager[None]]


def serve(
    settings: Settings,
    address: Address,
    ready: Callable[[str], None],
    otlp: str = "",
    page: Page | None = None,
) -> None:
    """Serve until the process is told to stop; ``ready`` hears the address.

    ``otlp`` is the URL of a collector of traces, empty for none. Without a ``page`` only
    programs are served.

    Raises:
        MissingPackageError: traces are wanted, and their libraries are not installed.
        ServerRunningError, PortTakenError, NoKeysError, KeysError, StorageError: it cannot begin.
        AiRunnerError: the runtime cannot; see ``RuntimeCore``.
    """
    if (other := find_server(settings.home)) is not None:
        raise ServerRunningError(other.url, settings.home)  # before its port is found taken
    keys = Keys(settings.home)
    if not is_loopback(address.host) and not any(keys):
        raise NoKeysError(address.host)
    tracing = Tracing(otlp) if otlp else None
    with (
        listening(address.host, address.port) as sock,
        closing(tracing) if tracing else nullcontext(),
    ):
        url = _url(address.host, sock.getsockname()[1])
        here = Presence(os.getpid(), url, secrets.token_urlsafe(32))
        with presence(settings.home, here):
            door = _admission(address, keys, here.key)
            with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
                runner.run(_serve(settings, door, tracing, sock, lambda: ready(here.url), page))


def _admission(address: Address, keys: Keys, own_key: str) -> Admission:
    own = Visitor("this machine")

    def find_key(key: str) -> Visitor | None:
        if secrets.compare_digest(key.encode(), own_key.encode()):
            return own
        return keys.find(key) if key else None

    return Admission(
        hosts={host_name(address.host), *map(str.lower, address.names)},
        any_address=not is_loopback(address.host),
        origins=tuple(address.origins),
        key_required=not is_loopback(address.host),
        find_key=find_key,
        signs_in=True,
        open_paths=_OPEN_PATHS,
        managed_paths=_MANAGED_PATHS,
        how_to_get_in="This server needs a key: `airunner keys add NAME` on its machine makes one.",
    )


async def _serve(
    settings: Settings,
    admission: Admission,
    tracing: Tracing | None,
    sock: socket.socket,
    ready: Callable[[], None],
    page: Page | None,
) -> None:
    async with RuntimeCore(settings, command="airunner serve", serves=True) as core:
        # What runs in this process, a tool's body among it, asks this team and no other.
        Runtime.share(Runtime.over(core))
        app = create_app(core, admission, tracing, page.mount if page else None)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # who asks is seen, and not what a header says of it
            timeout_graceful_shutdown=PATIENCE_S,
            lifespan="off",
            http=PromptConnection,
            ws="websockets-sansio" if page else "none",
        )
        async with page.alive(app) if page else nullcontext():
            server = _Server(config, app.state.ending, app.state.services)
            ready()
            await server.serve(sockets=[sock])


class _Server(uvicorn.Server):
    """Tells streams that only wait to end when it is told to stop, as it waits for them.

    A turn may be followed by no request: the page's are waited for all the same. What a window
    alone is shown comes to its end before the windows are let go.
    """

    def __init__(self, config: uvicorn.Config, ending: asyncio.Event, services: Services) -> None:
        super().__init__(config)
        self._ending, self._services = ending, services
        self._loop, self._told = asyncio.get_running_loop(), asyncio.Event()

    async def main_loop(self) -> None:
        """Look around once a second, for the time in answers, and at once when told to stop."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), _TICK_S)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """See ``uvicorn.Server``; called between two steps of whatever runs."""
        super().handle_exit(sig, frame)
        end_at_the_latest()
        self._loop.call_soon_threadsafe(self._told.set)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See ``uvicorn.Server``."""
        self._ending.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._services.close(PATIENCE_S, lambda: self.force_exit))
            await self._services.tasks.close(PATIENCE_S, lambda: self.force_exit)
            group.create_task(super().shutdown(sockets))
        broken_off = set(self.server_state.tasks)
        if self.force_exit:  # uvicorn then leaves them as they are
            for task in broken_off:
                task.cancel()
        if broken_off:
            await asyncio.wait(broken_off, timeout=_TELLING_S)


def _url(host: str, port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"
