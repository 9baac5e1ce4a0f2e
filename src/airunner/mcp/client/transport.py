"""The way to an MCP server: a process that is started, or an address that is asked.

Owns the transport and the log of what a server prints. The connection's life is
``server``'s, what is made of sloppy messages ``sound_stream``'s.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airunner.mcp.client.config import ServerConfig
from airunner.mcp.client.sound_stream import sound_response, sound_transport

if TYPE_CHECKING:
    from mcp.client.session import MessageHandlerFnT

    from mcp import Client

START_S = 30.0
"""How long a server may take to start, if its entry does not say."""

_LOOPBACK = ("127.0.0.1", "::1", "localhost")

# What it has to say is told here; without a handler Python would print tracebacks.
logging.getLogger("mcp").addHandler(logging.NullHandler())


@asynccontextmanager
async def connection(
    config: ServerConfig,
    *,
    log: Path,
    heard: MessageHandlerFnT,
    refuse: Callable[[str, str], None],
) -> AsyncIterator[Client]:
    """A client of the server, connected; leaving ends a server that was started here.

    Args:
        log: where the server's stderr goes, and what it prints among its messages.
        heard: gets the server's notifications.
        refuse: is told of a tool that has not the form of one, and why.

    Raises:
        Exception: of many kinds; it does not start or speaks no MCP.
    """
    from mcp.client.streamable_http import streamable_http_client
    from mcp_types import Implementation

    from airunner import __version__
    from mcp import Client, StdioServerParameters, stdio_client

    me = Implementation(name="airunner", version=__version__)
    async with AsyncExitStack() as stack:
        if config.command:
            log.parent.mkdir(parents=True, exist_ok=True)
            errlog = stack.enter_context(log.open("w", encoding="utf-8"))
            command = StdioServerParameters(
                command=config.command,
                args=list(config.args),
                env=dict(config.env),
                cwd=config.cwd,
                encoding_error_handler="replace",
            )
            transport: Any = stdio_client(command, errlog=errlog)

            def stray(line: str) -> None:
                print(f"(on stdout) {line}", file=errlog, flush=True)
        else:
            import httpx2

            # A proxy of the environment cannot reach this machine's own servers.
            web = httpx2.AsyncClient(
                headers={"Accept-Encoding": "identity", **config.headers},
                timeout=httpx2.Timeout(START_S, read=None),
                trust_env=urlsplit(config.url).hostname not in _LOOPBACK,
                event_hooks={"response": [sound_response]},
            )
            transport = streamable_http_client(
                config.url, http_client=await stack.enter_async_context(web)
            )

            def stray(line: str) -> None:
                """Nothing but messages comes over HTTP."""

        sound = sound_transport(transport, stray=stray, refuse=refuse)
        yield await stack.enter_async_context(
            Client(sound, client_info=me, cache=None, message_handler=heard)
        )
