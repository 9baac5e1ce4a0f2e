"""``/api/v1/tools``: what the agent may call, and calling it by hand."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from airunner.runtime.core import RuntimeCore
from airunner.runtime.native_form import outcome_as_json
from airunner.server.native.native_route import NativeRoute
from airunner.server.native.work import answer_with
from airunner.tools.listing import tool_rows


class CallBody(BaseModel):
    """A tool's arguments. ``approved`` says that the user wants this very call.

    Without it, a call that should be asked about is denied.
    """

    arguments: dict[str, Any] = Field(default_factory=dict)
    approved: bool = False
    stream: bool = False


def tool_routes(core: RuntimeCore) -> APIRouter:
    """The routes."""
    routes = APIRouter(route_class=NativeRoute)

    @routes.get("/tools")
    async def tools() -> dict[str, Any]:
        """Every tool by its toolset, with its schema, and whether it asks first."""
        agent = await core.agent()
        shown = {tool.name for tool in agent.block.tools}
        return {"tools": tool_rows(agent.toolset, shown, core.permissions)}

    @routes.post("/tools/{name}")
    async def call(name: str, asked: CallBody, request: Request) -> Response:
        """Call one tool, with the models it needs."""

        async def work() -> dict[str, Any]:
            outcome = await core.call_tool(name, asked.arguments, by_user=asked.approved)
            return outcome_as_json(outcome)

        agent = await core.agent()
        if not agent.knows(name):
            agent.toolset.get(name)
        return await answer_with(request, core.bus, work(), asked.stream)

    return routes
