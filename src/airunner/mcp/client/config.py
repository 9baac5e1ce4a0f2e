"""Which MCP servers to use: the ``mcpServers`` file that other programs know, and four more keys.

Owns reading and checking the file. A server whose entry is wrong is left out
with a reason; keys of other programs are ignored, and none of them (such as
their lists of tools to run unasked) gives any right here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from airunner.errors import SettingsError, ToolServerError
from airunner.tools.tool import Permission

FILE_NAME = "mcp.json"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9 _.-]{0,31}")
_TRANSPORTS = ("http", "streamable-http", "streamable_http", "streamableHttp")


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """One server: a command that is started, or the URL of one that runs.

    Attributes:
        allow: patterns of tool names that are offered; everything by default.
        deny: patterns of tool names that are not, whatever ``allow`` says.
        permission: what the tools do to the world. The server is not asked.
        timeout_s: how long starting it, or one call, may take; ``None`` leaves a call to
            the settings.
    """

    name: str
    command: str = ""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()
    permission: Permission = "execute"
    timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class McpConfig:
    """The servers of a file, and what is wrong with the entries that were left out."""

    servers: tuple[ServerConfig, ...] = ()
    problems: tuple[ToolServerError, ...] = ()


def read_mcp_config(file: Path, *, origin: str, required: bool) -> McpConfig:
    """Read ``file``; without one, there are no servers, unless it is ``required``.

    Raises:
        SettingsError: the file cannot be read, or has not the form
            ``{"mcpServers": {NAME: {...}}}``. ``origin`` says who named it.
    """

    def unusable(problem: str) -> SettingsError:
        return SettingsError("mcp_config", str(file), origin, problem)

    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        if required:
            raise unusable("there is no such file") from None
        return McpConfig()
    except OSError as problem:
        raise unusable(f"cannot be read: {problem}") from None
    except ValueError as problem:
        raise unusable(f"is not valid JSON: {problem}") from None
    entries = content.get("mcpServers") if isinstance(content, Mapping) else None
    if not isinstance(entries, Mapping):
        raise unusable('has no "mcpServers" object; docs/mcp.md has an example')
    servers: list[ServerConfig] = []
    problems: list[ToolServerError] = []
    for name, entry in entries.items():
        try:
            if isinstance(entry, Mapping) and entry.get("disabled") is True:
                continue
            servers.append(server_of(name, entry, file))
        except ToolServerError as problem:
            problems.append(problem)
    return McpConfig(tuple(servers), tuple(problems))


def server_of(name: str, entry: object, file: Path) -> ServerConfig:
    """The server that an entry of ``file`` describes, whether it is disabled or not.

    Raises:
        ToolServerError: a value cannot be used; the message says which.
    """
    return _Entry(name, entry, file).server()


class _Entry:
    """One entry of the file, checked key by key."""

    def __init__(self, name: str, entry: object, file: Path) -> None:
        self._name, self._file = name, file
        if not isinstance(entry, Mapping):
            raise self._wrong("it is no object")
        self._entry = entry

    def server(self) -> ServerConfig:
        """The server it describes.

        Raises:
            ToolServerError: a value cannot be used; the message says which.
        """
        if not _NAME.fullmatch(self._name):
            raise self._wrong("its name must be 1 to 32 letters, digits, blanks, _, . or -")
        command, url = self._text("command"), self._text("url")
        if bool(command) == bool(url):
            raise self._wrong('it needs either a "command" or a "url"')
        if url and not url.startswith(("http://", "https://")):
            raise self._wrong('its "url" must begin with http:// or https://')
        kind = self._entry.get("type", self._entry.get("transport"))
        if url and kind is not None and kind not in _TRANSPORTS:
            raise self._wrong(f"the transport {kind!r} is not supported; there is http")
        permission = self._entry.get("permission", "execute")
        if permission not in get_args(Permission):
            known = ", ".join(get_args(Permission))
            raise self._wrong(f'its "permission" must be one of {known}')
        return ServerConfig(
            name=self._name,
            command=command,
            args=self._texts("args"),
            env=self._pairs("env"),
            cwd=self._text("cwd") or None,
            url=url,
            headers=self._pairs("headers"),
            allow=self._texts("allow", ("*",)),
            deny=self._texts("deny"),
            permission=permission,
            timeout_s=self._timeout_s(),
        )

    def _timeout_s(self) -> float | None:
        value = self._entry.get("timeout_s")
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 < value < math.inf:
            raise self._wrong('its "timeout_s" must be a number of seconds above 0')
        return float(value)

    def _text(self, key: str) -> str:
        value = self._entry.get(key, "")
        if not isinstance(value, str):
            raise self._wrong(f'its "{key}" must be text')
        return value

    def _texts(self, key: str, otherwise: tuple[str, ...] = ()) -> tuple[str, ...]:
        value = self._entry.get(key)
        if value is None:
            return otherwise
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(f'its "{key}" must be a list of texts')
        return tuple(value)

    def _pairs(self, key: str) -> dict[str, str]:
        value = self._entry.get(key, {})
        if not isinstance(value, Mapping) or not all(isinstance(v, str) for v in value.values()):
            raise self._wrong(f'its "{key}" must be an object of texts')
        return dict(value)

    def _wrong(self, problem: str) -> ToolServerError:
        return ToolServerError(self._name, f"{problem}; correct its entry in {self._file.name}")
