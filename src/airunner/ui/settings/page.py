"""The page about settings: its parts, and which one an address shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nicegui import ui

from airunner.server.native.services import Services
from airunner.ui.parts import heading, part_links
from airunner.ui.settings.about import About
from airunner.ui.settings.checkup import Checkup
from airunner.ui.settings.keys import KeyList
from airunner.ui.settings.mcp_servers import McpServerList
from airunner.ui.settings.permissions import PermissionList
from airunner.ui.settings.values import SettingValues

PARTS = {
    "": "All settings",
    "permissions": "Permissions",
    "mcp": "MCP servers",
    "keys": "Keys",
    "checkup": "Checkup",
    "about": "About",
}
_SHOWN: Mapping[str, Callable[[Services], object]] = {
    "": SettingValues,
    "permissions": PermissionList,
    "mcp": McpServerList,
    "keys": KeyList,
    "checkup": Checkup,
    "about": About,
}


def show_settings(services: Services, part: str = "") -> None:
    """The middle of the page; what is no part is the first one."""
    here = part if part in PARTS else ""
    ui.page_title(f"{PARTS[here]} · AI Runner")
    with ui.element("div").classes("sheet setup"):
        heading("Settings", 1)
        part_links("Settings", "/settings", PARTS, here)
        _SHOWN[here](services)
