"""How the server is set up, over HTTP: settings, rules, MCP servers, keys, the examination."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from airunner.runtime.licences import about
from airunner.runtime.plain_values import plain
from airunner.server.native.checkups import Checkups
from airunner.server.native.key_ring import KeyRing
from airunner.server.native.mcp_entries import McpEntries
from airunner.server.native.native_route import NativeRoute
from airunner.server.native.permission_rules import PermissionRules
from airunner.server.native.settings_service import SettingsService


class RuleBody(BaseModel):
    """A rule for tools."""

    pattern: str
    decision: Literal["allow", "ask", "deny"]


class Enabled(BaseModel):
    """Whether an MCP server is used."""

    enabled: bool


class NewKey(BaseModel):
    """Whose key it is, and what it may do."""

    name: str
    models: list[str] = Field(default_factory=list)
    tools: list[str] = Field(default_factory=list)
    priority: Literal["low", "normal", "high"] = "normal"
    manages: bool = False


def setting_routes(settings: SettingsService, rules: PermissionRules) -> APIRouter:
    """The routes of settings and rules."""
    routes = APIRouter(route_class=NativeRoute)

    def told(found: Any) -> dict[str, Any]:
        return {each.name: plain(each) for each in found}

    @routes.get("/settings")
    def all_settings() -> dict[str, Any]:
        """Every setting: what holds, where it came from, and what the file says."""
        return told(settings.all())

    @routes.patch("/settings")
    def change(changes: dict[str, Any]) -> dict[str, Any]:
        """Write values by their names into the file; `null` takes one out. All, or none."""
        changed = told(settings.change(changes))
        warning = settings.warning(changes)
        return {"file": str(settings.file.path), "settings": changed, "warning": warning}

    @routes.get("/permissions")
    async def permissions() -> Any:
        """The user's rules, the defaults, and what was answered with `always`."""
        return plain(await rules.all())

    @routes.post("/permissions")
    async def add_rule(asked: RuleBody) -> Any:
        """One more rule, which holds from the next call on."""
        return plain(await rules.add(asked.pattern, asked.decision))

    @routes.delete("/permissions/{pattern:path}")
    async def remove_rule(pattern: str) -> Any:
        """One rule less."""
        return plain(await rules.remove(pattern))

    @routes.delete("/always/{conversation}/{tool}")
    async def forget_always(conversation: str, tool: str) -> Any:
        """Ask again about a tool in a conversation."""
        return plain(await rules.forget_always(conversation, tool))

    return routes


def management_routes(mcp: McpEntries, keys: KeyRing, checkups: Checkups) -> APIRouter:
    """The routes of MCP servers, keys and the examination."""
    routes = APIRouter(route_class=NativeRoute)

    @routes.get("/mcp")
    def servers() -> dict[str, Any]:
        """The MCP servers and how they are; values of `env` and `headers` are not told."""
        return {"file": str(mcp.path), "servers": [plain(each) for each in mcp.all()]}

    @routes.post("/mcp/{name}")
    def put_server(name: str, entry: dict[str, Any]) -> Any:
        """Add a server, or change one, by an entry of `mcp.json`."""
        return plain(mcp.put(name, entry))

    @routes.patch("/mcp/{name}")
    def enable_server(name: str, asked: Enabled) -> Any:
        """Have a server used or not."""
        return plain(mcp.enable(name, asked.enabled))

    @routes.delete("/mcp/{name}")
    def remove_server(name: str) -> dict[str, Any]:
        """Take a server out."""
        mcp.remove(name)
        return {"deleted": name}

    @routes.post("/mcp/{name}/probe")
    async def probe(name: str) -> Any:
        """Start it now, beside the one that may run, and say what it offers."""
        return plain(await mcp.probe(name))

    @routes.get("/keys")
    def all_keys() -> dict[str, Any]:
        """The keys, without what they are."""
        return {"keys": keys.all()}

    @routes.post("/keys")
    def add_key(asked: NewKey) -> dict[str, Any]:
        """Make a key: it is told this once."""
        made = keys.add(
            asked.name,
            models=asked.models,
            tools=asked.tools,
            priority=asked.priority,
            manages=asked.manages,
        )
        return {"name": asked.name, "key": made}

    @routes.delete("/keys/{name}")
    def remove_key(name: str) -> dict[str, Any]:
        """Revoke a key."""
        keys.remove(name)
        return {"deleted": name}

    @routes.get("/about")
    def version_and_licences() -> Any:
        """The version, and the licence of every package and model."""
        return plain(about())

    @routes.get("/checkup")
    async def checkup() -> Any:
        """What `airunner doctor` finds."""
        return plain(await checkups.report())

    @routes.post("/checkup/{id}")
    async def mend(id: str) -> Any:
        """Do what the `fix` of a problem says."""
        return await asyncio.shield(checkups.mend(id))

    return routes
