"""MCP servers as a person manages them: which are configured, how they are, one more, one less.

Owns what is shown of an entry, in which the values of ``env`` and ``headers`` are not: they
are often keys. Changes are used from the next start on, since conversations have their
tools for good; ``probe`` tells at once whether a server works.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from airunner.errors import MissingPackageError, ToolServerError, UnknownRecordError
from airunner.events import Event, SetupChanged, ToolRefused, ToolServerFailed
from airunner.mcp.client.config import McpConfig, ServerConfig, server_of
from airunner.mcp.client.config_file import McpConfigFile
from airunner.runtime.core import RuntimeCore

State = Literal["disabled", "wrong", "not used yet", "connected", "down"]
_SHOWN = ("command", "args", "cwd", "url", "type", "allow", "deny", "permission", "timeout_s")
_SECRETS = ("env", "headers")


@dataclass(frozen=True, slots=True)
class ShownServer:
    """A server of the file.

    Attributes:
        entry: what the file says, ``None`` for each value of ``env`` and ``headers``.
        state: ``wrong`` is an entry that cannot be used; ``not used yet`` one that no
            conversation needed since the server began, or that the running one does not know.
        problem: what is wrong with the entry, or why the server is down.
        tools: the names that its tools have here, as far as it was ever connected.
        pending: whether what the file says is used from the next start on only.
    """

    name: str
    entry: dict[str, Any]
    state: State
    problem: str
    tools: tuple[str, ...]
    pending: bool


@dataclass(frozen=True, slots=True)
class Probe:
    """What came of starting a server: its tools by their names here, and what went wrong."""

    tools: tuple[str, ...]
    problems: tuple[str, ...]


class McpEntries:
    """The MCP servers of a core. Every method may be called from any thread, ``probe`` awaited.

    Those that change something raise ``SettingsError`` where the file cannot be read, and
    ``StorageError`` where it cannot be written.
    """

    def __init__(self, core: RuntimeCore) -> None:
        self._core = core
        self._file = McpConfigFile(core.supply.mcp_file)
        self._logs = core.settings.home / "logs" / "mcp" / "probes"

    @property
    def path(self) -> Path:
        """Where they are configured."""
        return self._file.path

    def all(self) -> list[ShownServer]:
        """Every server of the file.

        Raises:
            SettingsError: it cannot be read.
        """
        return [self._shown(name, entry) for name, entry in self._file.entries().items()]

    def put(self, name: str, entry: Mapping[str, Any]) -> ShownServer:
        """Add a server, or change one: ``entry`` has all that ``mcp.json`` has of one.

        ``None`` for a value of ``env`` or ``headers`` leaves what is written.

        Raises:
            ToolServerError: the entry is wrong.
        """
        self._file.put(name, entry)
        self._changed()
        return self._one(name)

    def enable(self, name: str, enabled: bool) -> ShownServer:
        """Have a server used or not.

        Raises:
            UnknownRecordError: there is none of this name.
        """
        if not self._file.enable(name, enabled):
            raise UnknownRecordError("MCP server", name)
        self._changed()
        return self._one(name)

    def remove(self, name: str) -> None:
        """Take a server out.

        Raises:
            UnknownRecordError: there is none of this name.
        """
        if not self._file.remove(name):
            raise UnknownRecordError("MCP server", name)
        self._changed()

    async def probe(self, name: str) -> Probe:
        """Start a server beside the one that may run, ask for its tools, and end it.

        Raises:
            UnknownRecordError: there is none of this name.
            ToolServerError: its entry is wrong.
            MissingPackageError: MCP is not installed.
        """
        entry = (await asyncio.to_thread(self._file.entries)).get(name)
        if entry is None:
            raise UnknownRecordError("MCP server", name)
        config = server_of(name, entry, self._file.path)
        if importlib.util.find_spec("mcp") is None:
            raise MissingPackageError("MCP", "mcp")
        return await asyncio.to_thread(self._probed, config)

    def _probed(self, config: ServerConfig) -> Probe:
        from airunner.mcp.client.servers import McpServers

        problems: list[str] = []

        def hear(event: Event) -> None:
            if isinstance(event, ToolServerFailed):
                problems.append(event.problem)
            elif isinstance(event, ToolRefused):
                problems.append(f"{event.tool}: {event.problem}")

        servers = McpServers(McpConfig((config,)), logs=self._logs, publish=hear)
        try:
            tools = servers.connect().names
        finally:
            servers.close()
        return Probe(tuple(tools), tuple(problems))

    def _changed(self) -> None:
        self._core.bus.publish(SetupChanged(what="mcp"))

    def _one(self, name: str) -> ShownServer:
        entries = self._file.entries()
        if name not in entries:
            raise UnknownRecordError("MCP server", name)
        return self._shown(name, entries[name])

    def _shown(self, name: str, entry: Any) -> ShownServer:
        known = entry if isinstance(entry, dict) else {}
        shown: dict[str, Any] = {key: known[key] for key in _SHOWN if key in known}
        for key in _SECRETS:
            if isinstance(known.get(key), dict):
                shown[key] = dict.fromkeys(known[key])
        running = self._core.supply.server_states().get(name)
        tools = running.tools if running is not None else ()
        disabled = known.get("disabled") is True
        try:
            config = server_of(name, entry, self._file.path)
        except ToolServerError as error:
            state: State = "disabled" if disabled else "wrong"
            return ShownServer(name, shown, state, error.problem, tools, running is not None)
        if disabled:
            return ShownServer(name, shown, "disabled", "", tools, running is not None)
        used = next((each for each in self._core.supply.mcp_servers if each.name == name), None)
        pending = used != config
        if running is None or not (running.connected or running.problem):  # or it is starting
            return ShownServer(name, shown, "not used yet", "", (), pending)
        state = "connected" if running.connected else "down"
        return ShownServer(name, shown, state, running.problem, tools, pending)
