"""One MCP server: started when it is needed, and started again when it died.

Owns the connection and its life. Runs on one event loop. Nothing is tried in
the background: a server that failed is tried again by the next call, at once
the first time, then after 1, 2, 4 ... up to 60 seconds; a call that comes too
early is told so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airunner.errors import ToolError, ToolFailedError, ToolRetryError, ToolServerError
from airunner.events import Event, ToolServerFailed
from airunner.mcp.client.config import ServerConfig
from airunner.mcp.client.http import START_S, http_transport
from airunner.mcp.client.result import text_of_result
from airunner.mcp.client.server_log import ServerLog
from airunner.mcp.client.stdio import stdio_transport
from airunner.tools.json_form import plain_text

if TYPE_CHECKING:
    from mcp_types import Tool as ForeignTool

    from mcp import Client

_ALIVE_S = 5.0
_LONGEST_PAUSE_S = 60.0
_MAX_TOOLS = 256
_MAX_PAGES = 20
_PROBLEM = 500


class McpServer:
    """A server and the connection to it, if there is one.

    Args:
        log: where the server's stderr goes.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        config: ServerConfig,
        *,
        log: Path,
        publish: Callable[[Event], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config = config
        self._log, self._publish, self._clock = ServerLog(log), publish, clock
        self._client: Client | None = None
        self._holding: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[Any]] = set()
        self._starting = asyncio.Lock()
        self._failures = 0
        self._next_try_s = 0.0
        self._problem = ""

    @property
    def connected(self) -> bool:
        """Whether there is a connection now. From any thread."""
        return self._client is not None

    @property
    def problem(self) -> str:
        """Why there is none; empty if there is one, or none was tried. From any thread."""
        return "" if self._client is not None else self._problem

    async def tools(self) -> list[ForeignTool]:
        """What the server offers, the first 256.

        Raises:
            ToolServerError: it does not start or does not answer.
        """
        client = await self._connected()
        found: list[ForeignTool] = []
        cursor: str | None = None
        try:
            async with asyncio.timeout(self.config.timeout_s or START_S):
                for _ in range(_MAX_PAGES):
                    page = await client.list_tools(cursor=cursor)
                    found += page.tools
                    cursor = page.next_cursor
                    if cursor is None or len(found) >= _MAX_TOOLS:
                        break
        except Exception as error:
            self._lose(f"it did not list its tools: {_reason(error)}")
            raise ToolServerError(self.config.name, self._problem) from error
        self._failures = 0
        return found[:_MAX_TOOLS]

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> str:
        """Call a tool of the server by its own name there; its result as text.

        The time limit is the caller's: cancelling this tells the server, and
        a server that then no longer answers is ended.

        Raises:
            ToolServerError: the server is down, and it is too early to try again.
            ToolRetryError: the tool reports an error, or the server died; another
                call may do better.
            ToolFailedError: the server refused the call.
        """
        from mcp import MCPError

        client = await self._connected()
        try:
            result = await client.call_tool(tool, dict(arguments))
        except asyncio.CancelledError:
            self._spawn(self._check(client))
            raise
        except MCPError as error:
            if _is_closed(error):
                raise self._died(client) from error
            self._spawn(self._check(client))
            raise ToolFailedError(tool, f"its server says: {_reason(error)}") from error
        except Exception as error:
            raise self._died(client, _reason(error)) from error
        self._failures = 0
        text = text_of_result(result)
        if result.is_error:
            raise ToolRetryError(plain_text(text, _PROBLEM) or f"{tool} failed without a reason")
        return text

    async def close(self) -> None:
        """End the server; returns when its process is gone."""
        self._let_go()
        while self._background:
            await asyncio.wait(self._background)

    async def _connected(self) -> Client:
        async with self._starting:
            if self._client is not None:
                return self._client
            left_s = self._next_try_s - self._clock()
            if left_s > 0:
                again = f"it can be tried again in {left_s:.0f} s"
                raise ToolServerError(self.config.name, f"{self._problem}; {again}")
            ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
            self._holding = self._spawn(self._hold(ready))
            try:
                async with asyncio.timeout(self.config.timeout_s or START_S):
                    self._client = await ready
            except TimeoutError:
                self._lose(f"it did not start in {self.config.timeout_s or START_S:g} s")
            except asyncio.CancelledError:
                self._let_go()
                raise
            except Exception as error:
                self._lose(f"it did not start: {_reason(error)}{self._last_words()}")
            if self._client is None:
                raise ToolServerError(self.config.name, self._problem)
            return self._client

    async def _hold(self, ready: asyncio.Future[Client]) -> None:
        """Keep the connection open until cancelled. It must end in the task it began in."""
        try:
            async with self._connection() as client:
                ready.set_result(client)
                await asyncio.Event().wait()
        except Exception as error:
            if not ready.done():
                ready.set_exception(error)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Client]:
        from mcp_types import Implementation

        from airunner import __version__
        from mcp import Client

        me = Implementation(name="airunner", version=__version__)
        transport: Any
        if self.config.command:
            transport = stdio_transport(self.config, self._log)
        else:
            transport = http_transport(self.config)
        async with Client(transport, client_info=me, cache=None) as client:
            yield client

    async def _check(self, client: Client) -> None:
        """Let a server go that no longer answers."""
        if client is not self._client:
            return
        try:
            async with asyncio.timeout(_ALIVE_S):
                await client.list_tools()
        except Exception:
            if client is self._client:
                self._lose("it no longer answers")

    def _died(self, client: Client, reason: str = "") -> ToolError:
        if client is self._client:
            self._lose(f"it ended{f' ({reason})' if reason else ''}{self._last_words()}")
        problem = f"{self._problem}; the call may or may not have been carried out"
        return ToolRetryError(str(ToolServerError(self.config.name, problem)))

    def _lose(self, problem: str) -> None:
        """Give the connection up and say so; the next call may start another, after a pause."""
        self._let_go()
        self._failures += 1
        pause_s = min(2.0 ** (self._failures - 2), _LONGEST_PAUSE_S) if self._failures > 1 else 0.0
        self._next_try_s = self._clock() + pause_s
        self._problem = problem
        self._publish(ToolServerFailed(server=self.config.name, problem=problem))

    def _let_go(self) -> None:
        self._client = None
        if self._holding is not None:
            self._holding.cancel()
            self._holding = None

    def _last_words(self) -> str:
        """The last line that the server wrote to its log, if any."""
        said = plain_text(self._log.last_line, 200)
        return f"; its last words: {said}" if said else ""

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task


def _is_closed(error: Exception) -> bool:
    from mcp_types import CONNECTION_CLOSED

    return getattr(error, "code", None) == CONNECTION_CLOSED


def _reason(error: BaseException) -> str:
    """The innermost of nested groups, as one line."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return plain_text(str(error), _PROBLEM) or type(error).__name__
