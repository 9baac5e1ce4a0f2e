"""All MCP servers of a configuration, as one toolset.

Owns their event loop, what their tools are called here, and which are offered.
A server's tools are untrusted data: the name, the description and the schema
are checked and bounded, and what cannot be used is an event and not a failure.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airunner.errors import InvalidToolError, ToolServerError
from airunner.events import Event, ToolRefused, ToolServerConnected, ToolServerFailed
from airunner.loop_thread import LoopThread
from airunner.mcp.client.config import McpConfig, ServerConfig
from airunner.mcp.client.server import McpServer
from airunner.tools.json_form import JsonForm, plain_text
from airunner.tools.tool import Tool
from airunner.tools.toolset import Toolset

if TYPE_CHECKING:
    from mcp_types import Tool as ForeignTool

MAX_DESCRIPTION = 400
_NAME_LENGTH = 64
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class ServerState:
    """A server as it is now; ``tools`` are the names of what it offered when it was connected."""

    config: ServerConfig
    connected: bool
    problem: str
    tools: tuple[str, ...]


class McpServers:
    """The servers, started together by ``connect`` and ended together by ``close``.

    Args:
        logs: folder for what the servers write to stderr.
        publish: gets what happens to servers and tools; called from any thread.
    """

    def __init__(self, config: McpConfig, *, logs: Path, publish: Callable[[Event], None]) -> None:
        self._publish = publish
        self._problems = config.problems
        self._loop = LoopThread("airunner-mcp")
        self._offered: dict[str, tuple[str, ...]] = {}
        self._servers = [
            McpServer(each, log=logs / f"{_as_name(each.name)}.log", publish=publish)
            for each in config.servers
        ]

    def states(self) -> Mapping[str, ServerState]:
        """How each server is now, by its name. From any thread."""
        return {
            server.config.name: ServerState(
                server.config,
                server.connected,
                server.problem,
                self._offered.get(server.config.name, ()),
            )
            for server in self._servers
        }

    def connect(self) -> Toolset:
        """Start every server and wait for their tools, each a toolset of the server's name.

        A server that fails has none.

        It takes as long as the slowest server, at most its time limit.
        """
        for problem in self._problems:
            self._publish(ToolServerFailed(server=problem.server, problem=problem.problem))

        async def ask() -> list[list[Tool]]:
            return await asyncio.gather(*(self._tools_of(server) for server in self._servers))

        offered = Toolset()
        for server, tools in zip(self._servers, self._loop.call(ask()), strict=True):
            for tool in tools:
                if tool.name in offered:
                    self._refuse("MCP", tool.name, "another server's tool has this name")
                else:
                    offered += Toolset([tool], server.config.name)
            self._offered[server.config.name] = offered.of_subjects([server.config.name]).names
        return offered

    def close(self) -> None:
        """End every server, and return when their processes are gone. Safe to call twice."""

        async def end() -> None:
            await asyncio.gather(*(server.close() for server in self._servers))

        if self._servers:
            self._loop.call(end())
            self._servers = []
        self._loop.close()

    async def _tools_of(self, server: McpServer) -> list[Tool]:
        began_s = time.perf_counter()
        try:
            foreign = await server.tools()
        except ToolServerError:
            return []  # the server has said so itself
        wanted = [each for each in foreign if _is_wanted(each.name, server.config)]
        tools = []
        for each in wanted:
            try:
                tools.append(self._tool(server, each))
            except InvalidToolError as error:
                self._refuse(server.config.name, plain_text(each.name, 80), error.problem)
        connect_s = time.perf_counter() - began_s
        self._publish(
            ToolServerConnected(server=server.config.name, tools=len(tools), connect_s=connect_s)
        )
        return tools

    def _tool(self, server: McpServer, foreign: ForeignTool) -> Tool:
        own_name = _as_name(foreign.name)
        if not own_name:
            raise InvalidToolError(foreign.name, "no letter or digit of its name can be used here")
        name = f"{_as_name(server.config.name)}_{own_name}"
        if len(name) > _NAME_LENGTH:
            raise InvalidToolError(name, f"its name is longer than {_NAME_LENGTH} characters here")
        description = plain_text(foreign.description or foreign.title or "", MAX_DESCRIPTION)

        async def call(**arguments: Any) -> str:
            # From the tool's own thread and loop to the servers' loop; cancelling goes with it.
            return await asyncio.wrap_future(
                self._loop.submit(server.call(foreign.name, arguments))
            )

        return Tool(
            call,
            name=name,
            description=description or f"{foreign.name} of {server.config.name}",
            permission=server.config.permission,
            form=JsonForm(name, foreign.input_schema),
            timeout_s=server.config.timeout_s,
        )

    def _refuse(self, origin: str, tool: str, problem: str) -> None:
        self._publish(ToolRefused(origin=origin, tool=tool, problem=problem))


def _is_wanted(name: str, config: ServerConfig) -> bool:
    return _matches(name, config.allow) and not _matches(name, config.deny)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _as_name(text: str) -> str:
    """``text`` with everything a tool's name cannot hold replaced."""
    return _NOT_IN_A_NAME.sub("_", text).strip("_")
