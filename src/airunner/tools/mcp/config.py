"""Which MCP servers to use: the ``mcpServers`` file that other programs know, and four more keys.

Owns reading and checking the file. A server whose entry is wrong is left out
with a reason; keys of other programs are ignored, and none of them (such as
their lists of tools to run unasked) gives any right here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

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
        raise unusable('has no "mcpServers" object; see the README for an example')
    servers: list[ServerConfig] = []
    problems: list[ToolServerError] = []
    for name, entry in entries.items():
        try:
            if isinstance(entry, Mapping) and entry.get("disabled") is True:
                continue
            servers.append(_server(name, entry))
        except ValueError as problem:
            problems.append(ToolServerError(name, f"{problem}; correct its entry in {file.name}"))
    return McpConfig(tuple(servers), tuple(problems))


def _server(name: str, entry: object) -> ServerConfig:
    if not _NAME.fullmatch(name):
        raise ValueError("its name must be 1 to 32 letters, digits, blanks, _, . or -")
    if not isinstance(entry, Mapping):
        raise ValueError("it is no object")
    command, url = _text(entry, "command"), _text(entry, "url")
    if bool(command) == bool(url):
        raise ValueError('it needs either a "command" or a "url"')
    kind = entry.get("type", entry.get("transport"))
    if url and kind is not None and kind not in _TRANSPORTS:
        raise ValueError(f"the transport {kind!r} is not supported; there is http (streamable)")
    if url and not url.startswith(("http://", "https://")):
        raise ValueError('its "url" must begin with http:// or https://')
    permission = entry.get("permission", "execute")
    if permission not in get_args(Permission):
        raise ValueError(f'its "permission" must be one of {", ".join(get_args(Permission))}')
    timeout = entry.get("timeout_s")
    if timeout is not None and (
        isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < 1e6
    ):
        raise ValueError('its "timeout_s" must be a number of seconds above 0')
    return ServerConfig(
        name=name,
        command=command,
        args=_texts(entry, "args"),
        env=_pairs(entry, "env"),
        cwd=_text(entry, "cwd") or None,
        url=url,
        headers=_pairs(entry, "headers"),
        allow=_texts(entry, "allow", ("*",)),
        deny=_texts(entry, "deny"),
        permission=permission,
        timeout_s=None if timeout is None else float(timeout),
    )


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key, "")
    if not isinstance(value, str):
        raise ValueError(f'its "{key}" must be text')
    return value


def _texts(entry: Mapping[str, Any], key: str, otherwise: tuple[str, ...] = ()) -> tuple[str, ...]:
    value = entry.get(key)
    if value is None:
        return otherwise
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f'its "{key}" must be a list of texts')
    return tuple(value)


def _pairs(entry: Mapping[str, Any], key: str) -> dict[str, str]:
    value = entry.get(key, {})
    if not isinstance(value, Mapping) or not all(isinstance(v, str) for v in value.values()):
        raise ValueError(f'its "{key}" must be an object of texts')
    return dict(value)
