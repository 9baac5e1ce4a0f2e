"""Every tool there is: built in, of installed packages, of MCP servers.

Owns the order in which they come, which toolsets are switched on, and the servers'
lives. A tool from outside never replaces one that was there before it, nor one that is
switched off. What is switched off is neither loaded nor started.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from airunner.components.llm.tools.image_tools import image_toolset
from airunner.config.settings import Settings
from airunner.events import EventBus, ToolRefused, ToolServerFailed
from airunner.loop_thread import ended
from airunner.mcp.client.config import FILE_NAME, McpConfig, ServerConfig, read_mcp_config
from airunner.toolbox.toolset import builtin_subjects, builtin_toolset
from airunner.tools.plugins import plugin_subjects, plugin_toolset
from airunner.tools.search import RESERVED
from airunner.tools.selection import switched_on
from airunner.tools.toolset import Toolset

if TYPE_CHECKING:
    from airunner.mcp.client.servers import McpServers, ServerState


class ToolSupply:
    """The tools of one runtime. Reading the configuration is all that happens before ``open``.

    Raises:
        SettingsError: ``mcp.json`` is unusable, or the setting ``tools`` names no toolset.
    """

    def __init__(self, settings: Settings, bus: EventBus) -> None:
        self._bus = bus
        self._logs = settings.home / "logs" / "mcp"
        self._mcp_file = settings.mcp_config or settings.home / FILE_NAME
        config = read_mcp_config(
            self._mcp_file,
            origin=settings.origins["mcp_config"],
            required=settings.mcp_config is not None,
        )
        self._servers: McpServers | None = None
        self._closing = threading.Lock()
        self._closed = False
        self._subjects: Collection[str] | None = None
        if settings.tools:
            self._subjects = _switched_on(settings, config)
            config = McpConfig(
                tuple(each for each in config.servers if each.name in self._subjects),
                tuple(each for each in config.problems if each.server in self._subjects),
            )
        self._config = config

    def open(self) -> Toolset:
        """Load packages, start servers, and return when all of them are there or have failed.

        Raises:
            AiRunnerError: it was closed meanwhile, from another thread.
        """
        tools = builtin_toolset() + image_toolset()
        taken = {*tools.names, *RESERVED}
        if self._subjects is not None:
            tools = tools.of_subjects(self._subjects)
        tools += plugin_toolset(taken, self._bus.publish, self._subjects)
        taken |= {*tools.names}
        remote = self._remote()
        for name in remote.names:
            if name in taken:
                problem = "another tool has this name"
                self._bus.publish(ToolRefused(origin="MCP", tool=name, problem=problem))
        return tools + remote.filtered(lambda tool: tool.name not in taken)

    @property
    def mcp_file(self) -> Path:
        """Where the MCP servers are configured; it need not exist."""
        return self._mcp_file

    @property
    def mcp_servers(self) -> Sequence[ServerConfig]:
        """The MCP servers that are used, as they were configured at the start."""
        return self._config.servers

    def server_states(self) -> Mapping[str, ServerState]:
        """The MCP servers that are used and how they are; empty before ``open``."""
        return {} if self._servers is None else self._servers.states()

    def close(self) -> None:
        """End the servers. Safe to call twice."""
        with self._closing:
            self._closed = True
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

        with self._closing:  # servers that start after the end would never be ended
            if self._closed:
                raise ended()
            self._servers = McpServers(self._config, logs=self._logs, publish=self._bus.publish)
        return self._servers.connect()


def _switched_on(settings: Settings, config: McpConfig) -> tuple[str, ...]:
    servers = [each.name for each in config.servers]
    servers += [each.server for each in config.problems]
    known = dict.fromkeys([*builtin_subjects(), *plugin_subjects(), *servers])
    return switched_on(settings.tools, known, settings.origins["tools"])
