"""The way to an MCP server: a process that is started, or an address that is asked.

Owns the transport and the log of what a server prints. The connection's life is
``server``'s, what is made of sloppy messages ``sound_stream``'s.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from airunner.mcp.client.config import ServerConfig
from airunner.mcp.client.http import START_S as START_S
from airunner.mcp.client.http import http_transport
from airunner.mcp.client.server_log import ServerLog
from airunner.mcp.client.sound_stream import sound_transport
from airunner.mcp.client.stdio import stdio_transport

if TYPE_CHECKING:
    from mcp.client.session import MessageHandlerFnT

    from mcp import Client

# What it has to say is told here; without a handler Python would print tracebacks, one for each
# notification that is none. "client" is the name that its session logs by.
for _name in ("mcp", "client"):
    logging.getLogger(_name).addHandler(logging.NullHandler())


@asynccontextmanager
async def connection(
    config: ServerConfig,
    *,
    log: ServerLog,
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
    from mcp_types import Implementation

    from airunner import __version__
    from mcp import Client

    me = Implementation(name="airunner", version=__version__)
    async with AsyncExitStack() as stack:
        transport: Any
        if config.command:
            transport = stdio_transport(config, log)

            def stray(line: str) -> None:
                log.write(f"(on stdout) {line}\n".encode())
        else:
            transport = http_transport(config)

            def stray(line: str) -> None:
                """Nothing but messages comes over HTTP."""

        sound = sound_transport(transport, stray=stray, refuse=refuse)
        yield await stack.enter_async_context(
            Client(sound, client_info=me, cache=None, message_handler=heard)
        )
