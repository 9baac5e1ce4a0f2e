"""``/api/v1/hub`` and ``/api/v1/fits``: what the hub has, and what fits this machine."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query

from airunner.runtime.model_finder import ModelFinder
from airunner.server.native.native_route import NativeRoute
from airunner.weights.hub_search import MOST_FOUND


def finding_routes(finder: ModelFinder) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=NativeRoute)

    @routes.get("/hub")
    async def hub(
        search: Annotated[str, Query(min_length=1, max_length=200)],
        limit: Annotated[int, Query(ge=1, le=MOST_FOUND)] = 10,
    ) -> dict[str, Any]:
        """Repositories with GGUF files by words of their names, and which file fits here."""
        return {"models": [found.as_json() for found in await finder.search(search, limit)]}

    @routes.get("/fits")
    async def fits() -> dict[str, Any]:
        """Whether each registered model fits this machine, in bytes and in words."""
        found = await finder.fits()
        return {"fits": [{"model": name, **asdict(fit)} for name, fit in found.items()]}

    return routes
