"""Every tool there is: built in, of installed packages, of MCP servers.

Owns the order in which they come, and the servers' lives. A tool from outside
never replaces one that was there before it.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from airunner.components.llm.tools.image_tools import image_toolset
from airunner.config.settings import Settings
from airunner.events import EventBus, ToolRefused, ToolServerFailed
from airunner.mcp.client.config import FILE_NAME, read_mcp_config
from airunner.toolbox.toolset import builtin_toolset
from airunner.tools.plugins import plugin_toolset
from airunner.tools.search import RESERVED
from airunner.tools.tool import Tool
from airunner.tools.toolset import Toolset

if TYPE_CHECKING:
    from airunner.mcp.client.servers import McpServers


class ToolSupply:
    """The tools of one runtime. Reading the configuration is all that happens before ``open``.

    Raises:
        SettingsError: ``mcp.json`` is unusable.
    """

    def __init__(self, settings: Settings, bus: EventBus) -> None:
        self._bus = bus
        self._logs = settings.home / "logs" / "mcp"
        self._config = read_mcp_config(
            settings.mcp_config or settings.home / FILE_NAME,
            origin=settings.origins["mcp_config"],
            required=settings.mcp_config is not None,
        )
        self._servers: McpServers | None = None

    def open(self) -> Toolset:
        """Load packages, start servers, and return when all of them are there or have failed."""
        tools = builtin_toolset() + image_toolset()
        tools += plugin_toolset({*tools.names, *RESERVED}, self._bus.publish)
        offered: list[Tool] = []
        for tool in self._remote():
            if tool.name in tools or tool.name in RESERVED:
                problem = "another tool has this name"
                self._bus.publish(ToolRefused(origin="MCP", tool=tool.name, problem=problem))
            else:
                offered.append(tool)
        return tools + Toolset(offered)

    def close(self) -> None:
        """End the servers. Safe to call twice."""
        if self._servers is not None:
            self._servers.close()

    def _remote(self) -> Toolset:
        if not self._config.servers and not self._config.problems:
            return Toolset()
        if importlib.util.find_spec("mcp") is None:
            problem = "MCP is not installed; `pip install 'airunner[mcp]'` adds it"
            for server in self._config.servers:
                self._bus.publish(ToolServerFailed(server=server.name, problem=problem))
            return Toolset()
        from airunner.mcp.client.servers import McpServers

        self._servers = McpServers(self._config, logs=self._logs, publish=self._bus.publish)
        return self._servers.connect()
