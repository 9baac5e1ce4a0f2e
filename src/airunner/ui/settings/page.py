"""The page about settings."""

from __future__ import annotations

from airunner.ui.parts import Parts
from airunner.ui.settings.about import About
from airunner.ui.settings.checkup import Checkup
from airunner.ui.settings.keys import KeyList
from airunner.ui.settings.mcp_servers import McpServerList
from airunner.ui.settings.permissions import PermissionList
from airunner.ui.settings.values import SettingValues

SETTINGS_PAGE = Parts(
    "Settings",
    "/settings",
    {
        "": ("All settings", SettingValues),
        "permissions": ("Permissions", PermissionList),
        "mcp": ("MCP servers", McpServerList),
        "keys": ("Keys", KeyList),
        "checkup": ("Checkup", Checkup),
        "about": ("About", About),
    },
)
