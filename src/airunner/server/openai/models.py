"""``/v1/models``: what may be asked for here."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from airunner.server.served_models import ServedModels, model_json


def model_routes(models: ServedModels) -> APIRouter:
    """The routes, with and without the version in front, as clients ask for them."""
    routes = APIRouter(tags=["OpenAI"])

    @routes.get("/v1/models")
    @routes.get("/models")
    async def list_models() -> dict[str, Any]:
        """The models on this machine, and the names for what they serve.

        Codex looks for them under ``models``.
        """
        rows = [model_json(model, name) for name, model in await models.named()]
        return {"object": "list", "data": rows, "models": rows}

    @routes.get("/v1/models/{name:path}")
    async def show_model(name: str) -> dict[str, Any]:
        """One model, whether its weights are here or not."""
        return model_json(await models.find(name), name)

    return routes
