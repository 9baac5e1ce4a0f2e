"""The connection to a server that is reached by a URL.

Owns what of its answers is read: as they are, so that nothing unpacks, as fast as a
server may speak, and none larger than a message may be.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import anyio

from airunner.mcp.client.budget import MESSAGE_BYTES, MESSAGES, MOST_MESSAGE_BYTES, Budget
from airunner.mcp.client.config import ServerConfig
from airunner.mcp.client.sound_stream import sound_response

if TYPE_CHECKING:
    import httpx2

START_S = 30.0
"""How long a server may take to start, if its entry does not say."""

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_FAREWELL_S = 2.0
"""How long a server may take to hear that its session ends."""

_SESSION = {"mcp-session-id", "mcp-protocol-version"}
"""Headers of a request within a session, which its end is told with as well."""

_REQUEST_COSTS = 20  # in messages: who asks us to come back at once is asked ten times a second


@asynccontextmanager
async def http_transport(config: ServerConfig) -> AsyncIterator[tuple[Any, Any]]:
    """A connection to the server of ``config``, for the body: its messages, and what is sent."""
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    size, count = Budget(MESSAGE_BYTES), Budget(MESSAGES)
    session: dict[str, str] = {}

    class Bounded(httpx2.AsyncByteStream):
        """A body as fast as a server may speak; ``most`` is the largest, ``None`` for a stream."""

        def __init__(self, body: httpx2.AsyncByteStream, most: int | None) -> None:
            self._body, self._most = body, most

        async def __aiter__(self) -> AsyncIterator[bytes]:
            seen = 0
            async for piece in self._body:
                seen += len(piece)
                if self._most is not None and seen > self._most:
                    raise httpx2.ReadError(f"an answer of more than {self._most:,} bytes")
                await size.spend(len(piece))
                await count.spend(piece.count(b"\n"))
                yield piece

        async def aclose(self) -> None:
            await self._body.aclose()

    async def note(request: httpx2.Request) -> None:
        session.update({name: request.headers[name] for name in _SESSION & {*request.headers}})

    async def bound(response: httpx2.Response) -> None:
        await count.spend(_REQUEST_COSTS)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise httpx2.DecodingError("the answer is packed, though no packed one was asked for")
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        is_stream = response.headers.get("content-type", "").startswith("text/event-stream")
        response.stream = Bounded(response.stream, None if is_stream else MOST_MESSAGE_BYTES)

    async with httpx2.AsyncClient(
        headers={**config.headers, "Accept-Encoding": "identity"},
        timeout=httpx2.Timeout(START_S, read=None),
        # A proxy of the environment cannot reach this machine's own servers.
        trust_env=urlsplit(config.url).hostname not in _LOOPBACK,
        event_hooks={"request": [note], "response": [bound, sound_response]},
    ) as web:
        transport = streamable_http_client(
            config.url,
            http_client=web,
            max_sse_event_size=MOST_MESSAGE_BYTES,
            terminate_on_close=False,  # which may wait for ever
        )
        try:
            async with transport as streams:
                yield streams
        finally:
            if "mcp-session-id" in session:
                with suppress(Exception), anyio.move_on_after(_FAREWELL_S, shield=True):
                    await web.delete(config.url, headers=session)
