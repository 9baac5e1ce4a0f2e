"""One MCP server: started when it is needed, and started again when it died.

Owns the connection and its life. Runs on one event loop. Nothing is tried in
the background: a server that failed is tried again by the next call, at once
the first time, then after 1, 2, 4 ... up to 60 seconds; a call that comes too
early is told so. Only a connection that closed, or an answer that does not come, is a
failure of the server: what it answers, however odd, is no reason to end it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airunner.durations import about_seconds, format_seconds
from airunner.errors import ToolError, ToolFailedError, ToolRetryError, ToolServerError
from airunner.events import Event, ToolRefused, ToolServerFailed
from airunner.json_schema.item_count import count_values
from airunner.mcp.client.budget import MOST_MESSAGE_ITEMS
from airunner.mcp.client.config import ServerConfig
from airunner.mcp.client.result import text_of_result
from airunner.mcp.client.server_log import ServerLog
from airunner.mcp.client.transport import START_S, connection
from airunner.tools.json_form import plain_text

if TYPE_CHECKING:
    from mcp_types import CallToolResult
    from mcp_types import Tool as ForeignTool

    from mcp import Client

_ALIVE_S = 5.0
_LONGEST_PAUSE_S = 60.0
_MAX_TOOLS = 256
_MAX_PAGES = 200
_PROBLEM = 500
_TOLD_NAMES = 5
_FORGOTTEN = "Session terminated"  # mcp.client.streamable_http's words for a 404


class McpServer:
    """A server and the connection to it, if there is one.

    Args:
        log: where the server's stderr goes, and what it prints among its messages.
        clock: seconds that only grow.
        changed: is called on the loop when the server says that its tools have changed.
    """

    def __init__(
        self,
        config: ServerConfig,
        *,
        log: Path,
        publish: Callable[[Event], None],
        clock: Callable[[], float] = time.monotonic,
        changed: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.config = config
        self._changed, self._is_stale = changed, False
        self._telling: asyncio.Task[None] | None = None
        self._has_run = False
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

    async def tools(self, *, again: bool = False) -> list[ForeignTool]:
        """The tools that are wanted of what the server offers, the first 256 of them.

        Those that are left out, because of their form or their number, are an event. That
        nothing can be listed ``again`` changes nothing: the next call finds out why.

        Raises:
            ToolServerError: it does not start or does not answer.
        """
        from mcp_types import METHOD_NOT_FOUND

        from mcp import MCPError

        if again and self._client is None:
            raise ToolServerError(self.config.name, self._problem or "it is not connected")
        client = await self._connected()
        found: dict[str, ForeignTool] = {}
        seen: set[str | None] = set()
        cursor: str | None = None
        items = 0
        try:
            async with asyncio.timeout(self.config.timeout_s or START_S):
                while cursor not in seen and len(seen) < _MAX_PAGES:
                    seen.add(cursor)
                    page = await client.list_tools(cursor=cursor)
                    wanted = (each for each in page.tools if self.config.wants(each.name))
                    for each in wanted:
                        items += count_values(each.input_schema, MOST_MESSAGE_ITEMS)
                        if items <= MOST_MESSAGE_ITEMS:
                            found.setdefault(each.name, each)
                    if items > MOST_MESSAGE_ITEMS:
                        break
                    cursor = page.next_cursor
                    if cursor is None:
                        break
        except Exception as error:
            if isinstance(error, MCPError) and error.code == METHOD_NOT_FOUND:
                return []  # it offers other things than tools
            problem = f"it did not list its tools: {_reason(error)}"
            if again:
                pass
            elif _is_closed(error) or isinstance(error, TimeoutError):
                self._lose(problem)
            else:
                self._publish(ToolServerFailed(server=self.config.name, problem=problem))
            raise ToolServerError(self.config.name, problem) from error
        if not again:
            self._failures = 0
        if items > MOST_MESSAGE_ITEMS and not again:
            problem = f"schemas of one server may have {MOST_MESSAGE_ITEMS:,} values together"
            self._refuse("the others", problem)
        tools = list(found.values())
        if not again and (cut := [plain_text(each.name, 40) for each in tools[_MAX_TOOLS:]]):
            names = ", ".join(cut[:_TOLD_NAMES]) + (", …" if len(cut) > _TOLD_NAMES else "")
            problem = f"a server may have {_MAX_TOOLS} tools, and this one has {len(tools):,}"
            problem += '; choose with "allow" and "deny" in its entry'
            self._refuse(names, problem)
        return tools[:_MAX_TOOLS]

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
            result = await self._answer(client, tool, arguments)
        except asyncio.CancelledError:
            self._spawn(self._check(client))
            raise
        except MCPError as error:
            if _is_closed(error):
                raise self._died(client) from error
            self._spawn(self._check(client))
            raise ToolFailedError(tool, f"its server says: {_reason(error)}") from error
        except Exception as error:
            if _is_closed(error):
                raise self._died(client, _reason(error)) from error
            problem = f"what its server answered cannot be used: {_reason(error)}"
            raise ToolFailedError(tool, problem) from error
        self._failures = 0
        text = text_of_result(result)
        if result.is_error:
            raise ToolRetryError(plain_text(text, _PROBLEM) or f"{tool} failed without a reason")
        return text

    async def _answer(
        self, client: Client, tool: str, arguments: Mapping[str, Any]
    ) -> CallToolResult:
        """What the server answers to a call, as ``sound_stream`` has made it.

        Not by ``Client.call_tool``: that compares the answer with the tool's schema, lists
        the tools for it where they have not been listed yet, and loses the answer if that
        goes wrong.
        """
        from mcp_types import (
            HEADER_MISMATCH,
            CallToolRequest,
            CallToolRequestParams,
            CallToolResult,
        )

        from mcp import MCPError

        asked = CallToolRequest(params=CallToolRequestParams(name=tool, arguments=dict(arguments)))
        try:
            return await client.session.send_request(asked, CallToolResult)
        except MCPError as error:
            if error.code != HEADER_MISMATCH:
                raise
        with suppress(ToolServerError):  # the second answer says what is wrong
            await self.tools(again=True)  # schemas say which arguments are sent as headers, too
        return await client.session.send_request(asked, CallToolResult)

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
                again = f"it can be tried again in {about_seconds(left_s)}"
                raise ToolServerError(self.config.name, f"{self._problem}; {again}")
            ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
            self._holding = self._spawn(self._hold(ready))
            try:
                async with asyncio.timeout(self.config.timeout_s or START_S):
                    self._client = await ready
            except TimeoutError:
                self._lose(
                    f"it did not start in {format_seconds(self.config.timeout_s or START_S)}"
                )
            except asyncio.CancelledError:
                self._let_go()
                raise
            except Exception as error:
                self._lose(f"it did not start: {_reason(error)}{self._last_words()}")
            if self._client is None:
                raise ToolServerError(self.config.name, self._problem)
            if self._has_run:  # what starts again may be of another version
                self._tell_changed()
            self._has_run = True
            return self._client

    async def _hold(self, ready: asyncio.Future[Client]) -> None:
        """Keep the connection open until cancelled. It must end in the task it began in."""
        try:
            async with connection(
                self.config, log=self._log, heard=self._heard, refuse=self._refuse
            ) as client:
                ready.set_result(client)
                await self._hear_changes(client)
                await asyncio.Event().wait()
        except Exception as error:
            if not ready.done():
                ready.set_exception(error)

    async def _hear_changes(self, client: Client) -> None:
        """Ask for word of changed tools, where the protocol wants that asked for."""
        from mcp_types.version import MODERN_PROTOCOL_VERSIONS

        tools = client.server_capabilities.tools
        if client.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            return  # it comes by itself, and ``_heard`` hears it
        if tools is None or not tools.list_changed:
            return
        with suppress(Exception):  # that it cannot be heard stops nobody
            async with client.listen(tools_list_changed=True) as events:
                async for _ in events:
                    self._tell_changed()

    async def _heard(self, message: Any) -> None:
        from mcp_types import ToolListChangedNotification

        if isinstance(message, ToolListChangedNotification):
            self._tell_changed()

    def _tell_changed(self) -> None:
        """Once for many notices: whoever is told asks for the whole list."""
        self._is_stale = True
        if self._telling is None or self._telling.done():
            self._telling = self._spawn(self._tell())

    async def _tell(self) -> None:
        while self._is_stale and self._changed is not None:
            self._is_stale = False
            await self._changed()

    def _refuse(self, tool: str, problem: str) -> None:
        self._publish(ToolRefused(origin=self.config.name, tool=tool, problem=problem))

    async def _check(self, client: Client) -> None:
        """Let a server go that no longer answers."""
        if client is not self._client:
            return
        try:
            async with asyncio.timeout(_ALIVE_S):
                await client.list_tools()
        except Exception as error:
            answers = not (_is_closed(error) or isinstance(error, TimeoutError))
            if client is self._client and not answers:
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


def _is_closed(error: BaseException) -> bool:
    """Whether the connection has ended; an HTTP server says so of a session it has forgotten."""
    from anyio import BrokenResourceError, ClosedResourceError
    from mcp_types import CONNECTION_CLOSED

    if isinstance(error, BrokenResourceError | ClosedResourceError | ConnectionError):
        return True
    return getattr(error, "code", None) == CONNECTION_CLOSED or str(error) == _FORGOTTEN


def _reason(error: BaseException) -> str:
    """The innermost of nested groups, as one line."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return plain_text(str(error), _PROBLEM) or type(error).__name__
