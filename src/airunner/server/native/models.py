"""``/api/v1/models`` and ``/api/v1/downloads``: what is registered, and getting the weights.

Owns the downloads that run: one a model, on a thread of its own, whoever asked for it.
How far each is, is an event as well (``download_progressed``).
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel

from airunner.errors import AiRunnerError, UnknownRecordError
from airunner.events import DownloadProgressed, Event
from airunner.models.spec import ModelSpec
from airunner.runtime.core import RuntimeCore
from airunner.runtime.model_sheet import model_list, model_sheet
from airunner.runtime.native_form import plain
from airunner.server.native.native_route import NativeRoute

State = Literal["running", "done", "failed", "cancelled"]


class ModelName(BaseModel):
    """The body of a request about one registered model."""

    model: str


@dataclass(slots=True)
class Download:
    """One download, and how far it is; ``total_bytes`` is ``None`` where nobody knows."""

    model: str
    state: State = "running"
    step: str = ""
    done_bytes: int = 0
    total_bytes: int | None = None
    path: str = ""
    problem: str = ""


@dataclass(slots=True)
class _Running:
    shown: Download
    cancel: threading.Event = field(default_factory=threading.Event)


class Downloads:
    """The downloads of this server, the newest of each model."""

    def __init__(self, core: RuntimeCore) -> None:
        self._core = core
        self._known: dict[str, _Running] = {}
        core.bus.subscribe(self._hear)

    def start(self, spec: ModelSpec) -> Download:
        """Fetch a model's weights, unless that happens already; returns at once."""
        known = self._known.get(spec.model_path)
        if known is not None and known.shown.state == "running":
            return known.shown
        running = self._known[spec.model_path] = _Running(Download(spec.model_path))
        name = f"fetching {spec.model_path}"
        threading.Thread(target=self._fetch, args=(spec, running), name=name, daemon=True).start()
        return running.shown

    def cancel(self, model: str) -> Download:
        """Break a download off; what has come is kept for the next.

        Raises:
            UnknownRecordError: there is none.
        """
        running = self._known.get(model)
        if running is None:
            raise UnknownRecordError("download", model)
        running.cancel.set()
        return running.shown

    def all(self) -> list[Download]:
        """Every download since the server began."""
        return [each.shown for each in self._known.values()]

    def _fetch(self, spec: ModelSpec, running: _Running) -> None:
        shown = running.shown
        try:
            shown.path = str(self._core.store.fetch(spec, running.cancel))
            shown.state = "done"
        except (AiRunnerError, OSError) as error:
            shown.problem = str(error)
            shown.state = "cancelled" if running.cancel.is_set() else "failed"

    def _hear(self, event: Event) -> None:
        if isinstance(event, DownloadProgressed) and (known := self._known.get(event.model)):
            known.shown.step = event.step
            known.shown.done_bytes, known.shown.total_bytes = event.done_bytes, event.total_bytes


def native_model_routes(core: RuntimeCore, downloads: Downloads) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=NativeRoute)

    @routes.get("/models")
    async def models() -> dict[str, Any]:
        """Every registered model in a line, and who serves what now."""
        return await asyncio.to_thread(model_list, core)

    @routes.get("/models/{name:path}")
    async def model(name: str) -> dict[str, Any]:
        """One model in full, with its predicted bytes if its weights are here."""
        return await model_sheet(core, name)

    @routes.delete("/models/{name:path}")
    async def remove(name: str) -> dict[str, Any]:
        """Delete a model's weights, after it has left memory."""
        spec = core.catalog.spec(name)
        core.manager.unload(spec.model_path)
        await core.settle()
        return {"freed_bytes": await asyncio.to_thread(core.store.remove, spec)}

    @routes.get("/downloads")
    async def list_downloads() -> dict[str, Any]:
        """How far each download is."""
        return {"downloads": [plain(each) for each in downloads.all()]}

    @routes.post("/downloads", status_code=202)
    async def download(asked: ModelName) -> dict[str, Any]:
        """Begin to fetch a model's weights; `/api/v1/events` tells of the progress."""
        found: dict[str, Any] = plain(downloads.start(core.catalog.spec(asked.model)))
        return found

    @routes.delete("/downloads/{name:path}")
    async def cancel_download(name: str) -> dict[str, Any]:
        """Break a download off."""
        found: dict[str, Any] = plain(downloads.cancel(name))
        return found

    return routes
