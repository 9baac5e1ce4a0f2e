"""``/api/v1/turns`` and ``/api/v1/approvals``, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response

from airunner.agent.approvals import Answer
from airunner.models.spec import Sampling
from airunner.runtime.native_form import content_from_json, read
from airunner.server.documented import STREAMED
from airunner.server.native.native_route import NativeRoute, reading
from airunner.server.native.turn_bodies import AnswerBody, TurnBody
from airunner.server.native.turns import Turns
from airunner.server.native.work import tell
from airunner.server.streams import stream_response


def turn_routes(turns: Turns, answer: Callable[[str, Answer], bool]) -> APIRouter:
    """The routes; ``answer`` takes what the user says to a question."""
    routes = APIRouter(route_class=NativeRoute)

    @routes.post("/turns", responses=STREAMED)
    async def turn(asked: TurnBody, request: Request) -> Response:
        """Run a turn and stream its events; hanging up cancels it, unless it is detached."""
        with reading("content"):
            content = content_from_json(asked.content)
        with reading("sampling"):
            read(Sampling, asked.sampling)
        return await stream_response(request, turns.read(asked, content), tell)

    @routes.get("/turns")
    async def running() -> dict[str, Any]:
        """The turns that run, by conversation."""
        return {"turns": turns.running()}

    @routes.get("/turns/{id}/events", responses=STREAMED)
    async def events(
        id: str, request: Request, last_event_id: Annotated[int, Header(ge=0)] = 0
    ) -> Response:
        """A turn from its beginning, or from where a reader was, to its end."""
        return await stream_response(request, turns.find(id).pieces(last_event_id), tell)

    @routes.get("/conversations/{id}/turns")
    async def accounts(id: str) -> dict[str, Any]:
        """How the turns of a saved conversation went, by the places of their questions.

        ``options`` are what was chosen for it.
        """
        found, options = await turns.accounts(id), await turns.options(id)
        told = {place: each.as_json() for place, each in found.items()}
        return {"turns": told, "options": options.model_dump()}

    @routes.delete("/turns/{id}")
    async def cancel(id: str) -> dict[str, Any]:
        """End a turn early; says how it ended, also if that was a moment ago."""
        return await turns.cancel(id)

    @routes.post("/approvals/{question}")
    async def approve(question: str, asked: AnswerBody) -> dict[str, Any]:
        """Answer the question of a ``permission_asked``, by its id."""
        return {"open": answer(question, asked.answer)}

    return routes
