"""All MCP servers of a configuration, as one toolset.

Owns their event loop, what their tools are called here, and which are offered.
A server's tools are untrusted data: the name, the description and the schema
are checked and bounded, and what cannot be used is an event and not a failure.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airunner.errors import InvalidToolError, ToolServerError
from airunner.events import (
    Event,
    ToolRefused,
    ToolServerChanged,
    ToolServerConnected,
    ToolServerFailed,
)
from airunner.loop_thread import LoopThread
from airunner.mcp.client.config import McpConfig, ServerConfig
from airunner.mcp.client.server import McpServer
from airunner.tools.foreign_names import ForeignNames
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
        self._names: dict[str, tuple[str, ...]] = {}
        self._servers = [
            McpServer(
                each,
                log=logs / f"{_prefix(each.name)}.log",
                publish=publish,
                changed=partial(self._compare, number),
            )
            for number, each in enumerate(config.servers)
        ]
        # By server, then by its tools' own names.
        self._offered: list[dict[str, str]] = [{} for _ in self._servers]
        self._now: list[dict[str, str]] = [{} for _ in self._servers]

    def states(self) -> Mapping[str, ServerState]:
        """How each server is now, by its name. From any thread."""
        return {
            server.config.name: ServerState(
                server.config,
                server.connected,
                server.problem,
                self._names.get(server.config.name, ()),
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
            return await asyncio.gather(*map(self._tools_of, range(len(self._servers))))

        offered = Toolset()
        for server, tools in zip(self._servers, self._loop.call(ask()), strict=True):
            for tool in tools:
                if tool.name in offered:
                    self._refuse("MCP", tool.name, "another server's tool has this name")
                else:
                    offered += Toolset([tool], server.config.name)
            self._names[server.config.name] = offered.of_subjects([server.config.name]).names
        return offered

    def close(self) -> None:
        """End every server, and return when their processes are gone. Safe to call twice."""

        async def end() -> None:
            await asyncio.gather(*(server.close() for server in self._servers))

        if self._servers:
            self._loop.call(end())
            self._servers = []
        self._loop.close()

    async def _tools_of(self, number: int) -> list[Tool]:
        server = self._servers[number]
        began_s = time.perf_counter()
        try:
            foreign = await server.tools()
        except ToolServerError:
            return []  # the server has said so itself
        tools = []
        for each in foreign:
            try:
                tools.append(self._tool(number, each))
            except InvalidToolError as error:
                self._refuse(server.config.name, plain_text(each.name, 80), error.problem)
        self._offered[number] = self._now[number] = _fingerprints(foreign)
        connect_s = time.perf_counter() - began_s
        self._publish(
            ToolServerConnected(server=server.config.name, tools=len(tools), connect_s=connect_s)
        )
        return tools

    async def _compare(self, number: int) -> None:
        """Tell what has changed since tools were last listed, and have changed ones asked about.

        What models are shown stays as it is: a prompt's beginning must not change.
        """
        server = self._servers[number]
        try:
            now = _fingerprints(await server.tools(again=True))
        except ToolServerError:
            return
        before, self._now[number] = self._now[number], now
        if now == before:
            return
        self._publish(
            ToolServerChanged(
                server=server.config.name,
                added=_told(set(now) - set(before)),
                removed=_told(set(before) - set(now)),
                changed=_told(name for name in set(now) & set(before) if now[name] != before[name]),
            )
        )

    def _revision(self, number: int, tool: str) -> str:
        """What tells a tool from the one that is offered under its name; empty where none does."""
        now = self._now[number].get(tool, "")
        return "" if now == self._offered[number].get(tool) else now

    def _tool(self, number: int, foreign: ForeignTool) -> Tool:
        server = self._servers[number]
        own_name = _as_name(foreign.name)
        if not own_name:
            raise InvalidToolError(foreign.name, "no letter or digit of its name can be used here")
        prefix = _prefix(server.config.name)[: _NAME_LENGTH - 1 - len(own_name)].rstrip("_")
        name = f"{prefix}_{own_name}"
        if not prefix or len(name) > _NAME_LENGTH:
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
            names=ForeignNames(foreign.input_schema, Path(server.config.cwd or ".").absolute()),
            timeout_s=server.config.timeout_s,
            revision=partial(self._revision, number, foreign.name),
        )

    def _refuse(self, origin: str, tool: str, problem: str) -> None:
        self._publish(ToolRefused(origin=origin, tool=tool, problem=problem))


def _fingerprints(tools: Iterable[ForeignTool]) -> dict[str, str]:
    """By its name what a tool is: another text for another description or schema."""
    told = {each.name: [each.title, each.description, each.input_schema] for each in tools}
    return {
        name: hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
        for name, what in told.items()
    }


def _told(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(plain_text(name, 80) for name in sorted(names))


def _prefix(server: str) -> str:
    """What the tools of a server have before their own names; a name begins with a letter."""
    name = _as_name(server)
    return name if name[:1].isalpha() else f"mcp_{name}".rstrip("_")


def _as_name(text: str) -> str:
    """``text`` with everything a tool's name cannot hold replaced."""
    return _NOT_IN_A_NAME.sub("_", text).strip("_")
