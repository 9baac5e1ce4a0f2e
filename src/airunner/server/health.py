"""Whether the server lives, whether it can serve, and its figures.

Anybody may ask for the first two; the figures need a key where everything does, and tell
each visitor of what it may use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from airunner.errors import AiRunnerError
from airunner.models.spec import ModelCapability
from airunner.resources.visitor import current_visitor
from airunner.runtime.core import RuntimeCore
from airunner.server.documented import also
from airunner.server.metrics import CONTENT_TYPE, Metrics, Shows
from airunner.server.served_models import ServedModel, ServedModels


def health_routes(core: RuntimeCore, models: ServedModels, metrics: Metrics) -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["Operation"])

    @routes.get("/healthz")
    async def healthz() -> JSONResponse:
        """The process answers."""
        return JSONResponse({"status": "ok"})

    @routes.get("/readyz", responses={503: {"description": "Not ready, and why."}})
    async def readyz() -> JSONResponse:
        """The primary's weights are here, so that a request can be served."""
        problem = await asyncio.to_thread(_problem, core)
        if problem:
            return JSONResponse({"status": "not ready", "problem": problem}, 503)
        return JSONResponse({"status": "ready"})

    @routes.get("/metrics", responses=also("text/plain"))
    async def figures() -> Response:
        """What is counted, for Prometheus: everything, or what a key may know of."""
        shows = None if current_visitor().manages else _known_to(await models.named())
        text = metrics.text(await core.status(), core.manager.waiting(), shows)
        return Response(text, media_type=CONTENT_TYPE)

    return routes


def _known_to(named: Sequence[tuple[str, ServedModel]]) -> Shows:
    """Whether the visitor, who may use these models, may know of what has such labels."""
    visitor = current_visitor()
    models = {model.name for _, model in named}

    def shows(labels: Mapping[str, str]) -> bool:
        return (
            labels.get("key", visitor.name) == visitor.name
            and ("model" not in labels or labels["model"] in models)
            and ("tool" not in labels or visitor.may_call(labels["tool"]))
        )

    return shows


def _problem(core: RuntimeCore) -> str:
    try:
        spec = core.resolve(ModelCapability.PRIMARY_CONVERSATION).spec
        if not core.store.is_here(spec):
            return f"the weights of {spec.model_path} are not here: airunner models pull"
    except AiRunnerError as error:
        return str(error)
    return ""
