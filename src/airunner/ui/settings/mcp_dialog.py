"""One MCP server's entry as fields: a program or an address, what its tools may do, its keys.

Owns how the fields are read. Values of variables and headers are often keys: they are not
shown, and a line that has a name alone leaves the value that is written.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nicegui import ui

from airunner.errors import ToolServerError
from airunner.server.native.mcp_entries import ShownServer
from airunner.server.native.services import Services
from airunner.ui.form_dialog import form_dialog

PERMISSIONS = {
    "read": "They only read",
    "write": "They change files",
    "network": "They reach the network",
    "execute": "They run programs (ask most)",
}


def edit_server(
    services: Services, server: ShownServer | None, changed: Callable[[str], Awaitable[None]]
) -> None:
    """Show the dialog for ``server``, or for a new one; ``changed`` is told its name."""
    before: Mapping[str, Any] = server.entry if server is not None else {}
    with form_dialog(f"Edit {server.name}" if server is not None else "Add a server") as form:
        name = form.field("Name", server.name if server is not None else "").props("autofocus")
        name.set_visibility(server is None)
        kind = ui.toggle(
            {"command": "Program here", "url": "Address"},
            value="url" if before.get("url") else "command",
        ).props('no-caps unelevated toggle-color="chosen" toggle-text-color="on-chosen"')
        with ui.element("div").classes("wide").bind_visibility_from(kind, "value", value="command"):
            line = form.field("Command with its arguments", _line(before), "uvx mcp-server-time")
            env = form.area("Variables, one a line: NAME=value", _pairs(before.get("env")))
        with ui.element("div").classes("wide").bind_visibility_from(kind, "value", value="url"):
            url = form.field("Address", str(before.get("url", "")), "https://example.org/mcp")
            headers = form.area("Headers, one a line: NAME=value", _pairs(before.get("headers")))
        if before.get("env") or before.get("headers"):
            ui.label("A name without a value keeps the one that is written.").classes("hint")
        permission = ui.select(
            PERMISSIONS, label="What its tools do", value=before.get("permission", "execute")
        )
        permission.props("outlined dense").classes("wide")
        allow = form.field("Tools to offer, by patterns", _listed(before.get("allow")), "all")
        deny = form.field("Tools to leave out, by patterns", _listed(before.get("deny")), "none")
        timeout = form.field("Seconds that a call may take", str(before.get("timeout_s", "")))

        async def save() -> None:
            called = server.name if server is not None else str(name.value or "").strip()
            entry: dict[str, Any] = {key: before[key] for key in ("cwd", "type") if key in before}
            if server is not None and server.state == "disabled":
                entry["disabled"] = True
            if kind.value == "url":
                entry |= {"url": str(url.value or "").strip()}
                entry |= _given("headers", _read_pairs(str(headers.value or "")))
            else:
                entry |= _command(called, str(line.value or ""))
                entry |= _given("env", _read_pairs(str(env.value or "")))
            entry["permission"] = permission.value
            entry |= _given("allow", _names(allow.value)) | _given("deny", _names(deny.value))
            entry |= _given("timeout_s", _seconds(called, str(timeout.value or "")))
            await asyncio.to_thread(services.mcp.put, called, entry)
            await changed(called)

        form.save = save


def _line(entry: Mapping[str, Any]) -> str:
    return shlex.join(map(str, [entry["command"], *entry.get("args", [])])) if _has(entry) else ""


def _has(entry: Mapping[str, Any]) -> bool:
    return bool(entry.get("command")) and isinstance(entry.get("args", []), list)


def _command(server: str, line: str) -> dict[str, Any]:
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise ToolServerError(server, f"its command cannot be read: {error}") from error
    return {"command": words[0] if words else "", "args": words[1:]}


def _pairs(values: Any) -> str:
    return "\n".join(values) if isinstance(values, Mapping) else ""


def _read_pairs(text: str) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for each in filter(None, map(str.strip, text.splitlines())):
        name, mark, value = each.partition("=")
        found[name.strip()] = value.strip() if mark else None
    return found


def _listed(values: Any) -> str:
    return ", ".join(map(str, values)) if isinstance(values, list) else ""


def _names(text: str | None) -> list[str]:
    return [name for name in map(str.strip, (text or "").split(",")) if name]


def _seconds(server: str, text: str) -> float | None:
    try:
        return float(text) if text.strip() else None
    except ValueError as error:
        raise ToolServerError(server, f"{text} is no number of seconds") from error


def _given(key: str, value: Any) -> dict[str, Any]:
    return {key: value} if value else {}
