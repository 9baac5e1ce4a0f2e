"""What is in memory, and what shall be: status, loading, pins, devices, plans, decisions."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from airunner.config.settings import SETTINGS
from airunner.models.spec import ModelCapability
from airunner.runtime.core import RuntimeCore
from airunner.runtime.plain_values import plain
from airunner.server.native.models import ModelName
from airunner.server.native.native_route import NativeRoute
from airunner.server.native.services import Services


class Pins(BaseModel):
    """The capabilities whose models stay loaded; they replace an earlier choice.

    ``lasting`` writes it into the configuration file as well.
    """

    capabilities: list[ModelCapability]
    lasting: bool = False


class Placement(BaseModel):
    """Who serves a capability, or where; what is not named stays as it is.

    Without a ``device`` the scheduler chooses again, without a ``model`` the registry does.
    ``lasting`` writes the device into the configuration file; a model is written there anyway.
    """

    capability: ModelCapability
    device: str | None = None
    model: str | None = None
    lasting: bool = False


class Budget(BaseModel):
    """What a team is planned for, in bytes; ``None`` is what this machine offers."""

    budget_bytes: int | None = None


def memory_routes(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=NativeRoute)
    core = services.core

    @routes.get("/status")
    async def status() -> dict[str, Any]:
        """Devices and models with bytes, and who waits, why and about how long."""
        return plain(await core.status())

    @routes.get("/timeline")
    async def memory_timeline(after: float = 0.0) -> dict[str, Any]:
        """Bytes by device and model over the last 15 minutes, or ``after`` a Unix time."""
        return services.timeline.as_json(after)

    @routes.post("/load")
    async def load(asked: ModelName) -> dict[str, Any]:
        """Load a model, or what serves ``capability:...``; answers when it is ready."""
        await services.load(asked.model)
        return await status()

    @routes.post("/unload")
    @routes.post("/park")
    async def unload(asked: ModelName) -> dict[str, Any]:
        """Let go of an idle model, its conversations parked; one in use stays."""
        await services.let_go(asked.model)
        return await status()

    @routes.post("/settle")
    async def settle() -> dict[str, Any]:
        """Answer when nothing is being loaded, parked, restored or stopped."""
        await core.settle()
        return {}

    @routes.post("/pin")
    async def pin(asked: Pins) -> dict[str, Any]:
        """Load these capabilities' models and keep them."""
        keep = services.placements.keep if asked.lasting else core.keep_in_memory
        await keep(asked.capabilities)
        return await status()

    @routes.post("/assign")
    async def assign(asked: Placement) -> dict[str, Any]:
        """Have a model serve a capability, or place it on a device, from its next load on."""
        named = asked.model_fields_set
        if "model" in named:
            chosen = {asked.capability: asked.model}
            await asyncio.to_thread(services.catalogue.assign, chosen)
        if "device" in named or "model" not in named:
            place = services.placements.place if asked.lasting else core.assign_device
            await place(asked.capability, asked.device)
        return await status()

    @routes.get("/plan")
    async def plan(budget_bytes: int | None = None) -> dict[str, Any]:
        """Which models suit an amount of memory, and why; changes nothing."""
        return plain(await core.plan(budget_bytes))

    @routes.post("/plan")
    async def auto_assign(asked: Budget) -> dict[str, Any]:
        """The same, and these models serve from now on."""
        return plain(await core.auto_assign(asked.budget_bytes))

    @routes.get("/serving/{capability}")
    async def serving(capability: ModelCapability) -> dict[str, Any]:
        """Which model serves a capability here and now."""
        found = core.resolve(capability)
        names = {"model": found.spec.model_path, "wanted": found.wanted.model_path}
        return {**names, "reason": found.reason, "advice": found.advice}

    @routes.get("/explain")
    async def explain(last: int = Query(default=50, ge=1)) -> dict[str, Any]:
        """The last decisions about models and memory, with their bytes and reasons."""
        return {"decisions": services.events.decisions(last)}

    return routes


def settings_as_json(core: RuntimeCore) -> dict[str, Any]:
    """Every setting in words, with its origin and help."""
    known = core.settings
    return {
        name: {"value": known.shown(name), "origin": known.origins[name], "help": setting.help}
        for name, setting in SETTINGS.items()
    }
