"""Whether the server lives, whether it can serve, and its figures.

Anybody may ask for the first two; the figures need a key where everything does.
"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from airunner.errors import AiRunnerError
from airunner.models.spec import ModelCapability
from airunner.runtime.core import RuntimeCore
from airunner.server.documented import also
from airunner.server.metrics import CONTENT_TYPE, Metrics


def health_routes(core: RuntimeCore, metrics: Metrics) -> APIRouter:
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
        """Everything that is counted, for Prometheus."""
        text = metrics.text(await core.status(), core.manager.waiting())
        return Response(text, media_type=CONTENT_TYPE)

    return routes


def _problem(core: RuntimeCore) -> str:
    try:
        spec = core.resolve(ModelCapability.PRIMARY_CONVERSATION).spec
        if not core.store.is_here(spec):
            return f"the weights of {spec.model_path} are not here: airunner models pull"
    except AiRunnerError as error:
        return str(error)
    return ""
