"""Which MCP servers to use: the ``mcpServers`` file that other programs know, and four more keys.

Owns reading and checking the file, as people have it: with comments, ``${VARIABLES}``,
nulls, numbers, and the keys of several programs. A server whose entry is wrong is left out
with a reason; keys of other programs are ignored, and none of them (such as
their lists of tools to run unasked) gives any right here.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, get_args

from airunner.config.text_file import read_text
from airunner.config.variables import with_variables
from airunner.errors import SettingsError, ToolServerError
from airunner.errors.system_words import system_words
from airunner.json_schema.plain import encodable
from airunner.tools.json_form import plain_text
from airunner.tools.tool import Permission

FILE_NAME = "mcp.json"
_LONGEST_S = 10.0**9
_LONGEST_NAME = 100
_KEYS = ("mcpServers", "servers", "context_servers")
_URLS = ("url", "serverUrl", "httpUrl")
_PLAIN = str | int | float
# What is not closed goes to the end: else the rest is read anew from each of its quotes.
_STRING = r'(?P<kept>"(?:[^"\\]|\\.)*+(?:"|\\?\Z))'
_COMMENT = re.compile(rf"{_STRING}|//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_COMMA = re.compile(rf"{_STRING}|,(?=\s*[\]}}])", re.DOTALL)
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

    def wants(self, tool: str) -> bool:
        """Whether the server's tool of that name is offered."""
        return _matches(tool, self.allow) and not _matches(tool, self.deny)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


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
        content = json.loads(without_comments(read_text(file)))
    except (FileNotFoundError, NotADirectoryError):
        if required:
            raise unusable("there is no such file") from None
        return McpConfig()
    except OSError as problem:
        raise unusable(f"cannot be read: {system_words(problem)}") from None
    except (ValueError, RecursionError) as problem:
        raise unusable(f"is not valid JSON: {problem}") from None
    entries = entries_of(content)
    if entries is None:
        raise unusable('has no "mcpServers" object; docs/mcp.md has an example')
    servers: list[ServerConfig] = []
    problems: list[ToolServerError] = []
    for name, entry in entries.items():
        try:
            if isinstance(entry, Mapping) and _is_off(entry):
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
        name = " ".join(encodable(self._name).split())
        if not name or len(name) > _LONGEST_NAME or not name.isprintable():
            raise self._wrong(f"its name must be 1 to {_LONGEST_NAME} characters that can be read")
        command = self._text("command")
        url = next(filter(None, map(self._text, _URLS)), "")
        if bool(command) == bool(url):
            raise self._wrong('it needs either a "command" or a "url"')
        if url and not url.startswith(("http://", "https://")):
            raise self._wrong('its "url" must begin with http:// or https://')
        kind = self._entry.get("type", self._entry.get("transport"))
        if url and kind is not None and kind not in _TRANSPORTS:
            raise self._wrong(f"the transport {kind!r} is not supported; there is http")
        permission: Any = self._entry.get("permission") or "execute"
        if permission not in get_args(Permission):
            known = ", ".join(get_args(Permission))
            raise self._wrong(f'its "permission" must be one of {known}')
        return ServerConfig(
            name=name,
            command=_in_home(command),
            args=self._texts("args"),
            env=self._pairs("env"),
            cwd=_in_home(self._text("cwd")) or None,
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
        if not is_number or not 0 < value < _LONGEST_S:
            raise self._wrong('its "timeout_s" must be a number of seconds above 0')
        return float(value)

    def _text(self, key: str) -> str:
        value = self._entry.get(key)
        if not isinstance(value, str | None):
            raise self._wrong(f'its "{key}" must be text')
        return self._filled(key, value or "")

    def _texts(self, key: str, otherwise: tuple[str, ...] = ()) -> tuple[str, ...]:
        value = self._entry.get(key)
        if value is None:
            return otherwise
        if not isinstance(value, list) or not all(isinstance(item, _PLAIN) for item in value):
            raise self._wrong(f'its "{key}" must be a list of texts')
        return tuple(self._filled(key, _as_text(item)) for item in value)

    def _pairs(self, key: str) -> dict[str, str]:
        value = self._entry.get(key)
        given = {} if value is None else value
        if not isinstance(given, Mapping) or not all(
            isinstance(item, _PLAIN | None) for item in given.values()
        ):
            raise self._wrong(f'its "{key}" must be an object of texts')
        return {
            name: self._filled(key, _as_text(item))
            for name, item in given.items()
            if item is not None
        }

    def _filled(self, key: str, text: str) -> str:
        try:
            return with_variables(encodable(text))
        except ValueError as problem:
            raise self._wrong(f'its "{key}" {problem}') from None

    def _wrong(self, problem: str) -> ToolServerError:
        name = plain_text(self._name, _LONGEST_NAME) or "without a name"
        return ToolServerError(name, f"{problem}; correct its entry in {self._file.name}")


def entries_of(content: object) -> dict[str, Any] | None:
    """The servers in a file of this program's form or of another's, as they stand in it."""
    if not isinstance(content, dict):
        return None
    for key in _KEYS:
        if isinstance(content.get(key), dict):
            found: dict[str, Any] = content[key]
            return found
    return entries_of(content.get("mcp"))


def _is_off(entry: Mapping[str, object]) -> bool:
    return entry.get("disabled") is True or entry.get("enabled") is False


def _in_home(path: str) -> str:
    return os.path.expanduser(path) if path.startswith("~") else path


def _as_text(value: str | float) -> str:
    """What JSON wrote without quotes, as it stands there."""
    return value if isinstance(value, str) else json.dumps(value)


def without_comments(text: str) -> str:
    """JSON of text with comments and with commas behind the last of a list, as people keep it."""

    def plain(found: re.Match[str]) -> str:
        return found["kept"] or " "

    return _COMMA.sub(plain, _COMMENT.sub(plain, text))


def has_comments(text: str) -> bool:
    """Whether JSON of text would lose a comment if it were written anew."""
    return any(not found["kept"] for found in _COMMENT.finditer(text))
