"""``/api/v1/models`` and ``/api/v1/downloads``: what is registered, and getting the weights."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from airunner.models.spec import ModelCapability
from airunner.runtime.model_catalogue import ModelCatalogue
from airunner.runtime.plain_values import plain
from airunner.runtime.stored_models import StoredModels
from airunner.runtime.team_offers import TeamOffers
from airunner.server.native.native_route import NativeRoute
from airunner.weights.download import Download
from airunner.weights.downloads import Downloads


class NewModel(BaseModel):
    """What to register: a path, a model's name in another program, or `publisher/name:pattern`."""

    source: str
    name: str | None = None
    capabilities: list[ModelCapability] | None = None


class ModelName(BaseModel):
    """The body of a request about one registered model."""

    model: str


class NewDownload(ModelName):
    """What to get: a model's weights, or the proof that those here are whole."""

    task: Literal["fetch", "verify"] = "fetch"


class DownloadChange(BaseModel):
    """What shall become of a download. ``place`` 1 begins next of those that wait."""

    action: Literal["pause", "resume"] | None = None
    place: int | None = Field(default=None, ge=1)


def native_model_routes(
    stored: StoredModels, downloads: Downloads, catalogue: ModelCatalogue, team: TeamOffers
) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=NativeRoute)

    @routes.get("/models")
    async def models() -> dict[str, Any]:
        """Every registered model in a line, and who serves what now."""
        return await stored.all()

    @routes.post("/models", status_code=201)
    async def add(asked: NewModel) -> dict[str, Any]:
        """Register a file, a folder, another program's model or a repository of the hub."""
        told = await asyncio.to_thread(
            catalogue.add, asked.source, asked.name, asked.capabilities or ()
        )
        added = [each for each in told if not each["problem"]]
        return {"added": added, "refused": [each for each in told if each["problem"]]}

    @routes.get("/team")
    async def offered_team() -> dict[str, Any]:
        """The team for this machine: models, bytes to fetch and in memory, licences, seconds."""
        return (await team.offer()).as_json()

    @routes.post("/team", status_code=202)
    async def accept_team() -> dict[str, Any]:
        """Queue what of it is missing, and have it serve from when it is here."""
        return {"downloads": [plain(each) for each in await team.accept()]}

    @routes.get("/found")
    async def found() -> dict[str, Any]:
        """Models that other programs have on this machine."""
        return {"found": await asyncio.to_thread(catalogue.found)}

    @routes.post("/found", status_code=201)
    async def add_found() -> dict[str, Any]:
        """Register each of them that is not registered yet."""
        return {"added": await asyncio.to_thread(catalogue.add_found)}

    @routes.get("/models/{name:path}")
    async def model(name: str) -> dict[str, Any]:
        """One model in full, with its predicted bytes if its weights are here."""
        return await stored.sheet(name)

    @routes.delete("/models/{name:path}")
    async def remove(name: str) -> dict[str, Any]:
        """Delete a model's weights, after it has left memory; one that was added is forgotten."""
        return plain(await stored.remove(name))

    @routes.get("/downloads")
    async def list_downloads() -> dict[str, Any]:
        """Every download in its order, how far it is, and what is free on the disk."""
        listed = [plain(each) for each in downloads.all()]
        return {"downloads": listed, "free_bytes": downloads.free_bytes}

    @routes.post("/downloads", status_code=202)
    async def download(asked: NewDownload) -> dict[str, Any]:
        """Queue the fetch of a model's weights, or their check; `/api/v1/events` tells of it."""
        begin = downloads.add if asked.task == "fetch" else downloads.verify
        return plain(begin(asked.model))

    @routes.patch("/downloads/{name:path}")
    async def change_download(name: str, asked: DownloadChange) -> dict[str, Any]:
        """Pause a download, go on with it, or have it begin earlier or later."""
        found: Download = downloads.find(name)
        if asked.place is not None:
            found = downloads.move(name, asked.place)
        if asked.action is not None:
            found = (downloads.pause if asked.action == "pause" else downloads.resume)(name)
        return plain(found)

    @routes.delete("/downloads/{name:path}")
    async def cancel_download(name: str) -> dict[str, Any]:
        """Break a download off and delete what has come; forget one that has ended."""
        return plain(downloads.cancel(name))

    return routes
