"""llama-server's router: loading and unloading models, and watching them.

Owns ``/models/load``, ``/models/unload``, ``/models/sse`` and ``/props``, as clients ask them
of a llama-server with several models; ``/models`` itself is ``openai.models``'. What is
loaded and unloaded is the resource manager's to decide.

Source of the forms: ``tools/server/README.md`` in the llama.cpp repository, "Using multiple
models".
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

import airunner
from airunner.engines.base import AUTO_SLOTS
from airunner.events import (
    Decided,
    Event,
    ModelLoaded,
    ModelLoadFailed,
    ModelParked,
    ModelReleased,
    WorkerDied,
)
from airunner.runtime.core import RuntimeCore
from airunner.server.documented import STREAMED
from airunner.server.event_feed import event_feed
from airunner.server.problems import Problem
from airunner.server.served_models import ServedModel, ServedModels
from airunner.server.streams import comment, event, stream_response, unless_hung_up

_CHANGES = (Decided, ModelLoaded, ModelLoadFailed, ModelParked, ModelReleased, WorkerDied)


class ModelNamed(BaseModel):
    """A model by its name."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(min_length=1)


def router_routes(core: RuntimeCore, models: ServedModels, ending: asyncio.Event) -> APIRouter:
    """The routes. Who watches is let go when ``ending`` is set."""
    routes = APIRouter(tags=["llama-server"])

    @routes.post("/models/load")
    async def load(asked: ModelNamed, request: Request) -> JSONResponse:
        """Load a model; answers when it is in memory."""

        async def loaded() -> None:
            async with core.lease(models.wanted(asked.model), owner="load", fetches=False):
                pass

        await unless_hung_up(request, loaded())
        return JSONResponse({"success": True})

    @routes.post("/models/unload")
    async def unload(asked: ModelNamed) -> JSONResponse:
        """Take a model out of memory, once nobody uses it; its conversations are parked."""
        core.manager.unload(models.spec(asked.model).model_path)
        return JSONResponse({"success": True})

    @routes.get("/models/sse", responses=STREAMED)
    async def watch(request: Request) -> Response:
        """The status of every model, and each change of it, until the client goes."""
        changes = _changes(core, models, ending)
        return await stream_response(request, changes, _tell, alive=comment)

    @routes.get("/props")
    async def props(model: str | None = None) -> dict[str, Any]:
        """What is set for a model; without one, what the server is."""
        if model is None:
            return {
                "role": "router",
                "max_instances": None,
                "models_autoload": True,
                "default_generation_settings": {"params": None, "n_ctx": 0},
                "total_slots": _slots(core),
                "build_info": f"airunner {airunner.__version__}",
            }
        return _props(core, await models.find(model))

    return routes


async def _changes(
    core: RuntimeCore, models: ServedModels, ending: asyncio.Event
) -> AsyncGenerator[str, None]:
    told: dict[str, str] = {}
    yield ": the models and what changes\n\n"  # there may be none
    with event_feed(core.bus) as news, _waking(news, ending):
        while not ending.is_set():
            for model in await models.all():
                status = model.status["value"]
                if told.get(model.name) != status:
                    told[model.name] = status
                    data = {"status": status}
                    yield event({"model": model.name, "event": "status_change", "data": data})
            while not isinstance(await news.get(), _CHANGES) and not ending.is_set():
                pass


@contextmanager
def _waking(news: asyncio.Queue[Event], ending: asyncio.Event) -> Iterator[None]:
    """Have whoever waits for ``news`` look up when ``ending`` is set."""
    end = asyncio.ensure_future(ending.wait())
    end.add_done_callback(lambda _: news.put_nowait(Event()))
    try:
        yield
    finally:
        end.cancel()


def _props(core: RuntimeCore, model: ServedModel) -> dict[str, Any]:
    return {
        "default_generation_settings": {"n_ctx": model.n_ctx, "params": {}},
        "total_slots": _slots(core),
        "model_alias": model.name,
        "model_path": str(model.path or ""),
        "chat_template": model.spec.chat_template or "",
        "modalities": {"vision": "vision" in model.abilities, "audio": False},
        "build_info": f"airunner {airunner.__version__}",
        "is_sleeping": not model.is_loaded,
    }


def _slots(core: RuntimeCore) -> int:
    """How many answers a model may compute together."""
    asked = core.settings.parallel
    return AUTO_SLOTS if asked == "auto" else asked


def _tell(problem: Problem) -> str:
    return event(problem.body("/models"), "error")
