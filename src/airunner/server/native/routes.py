"""``/api/v1`` as a whole: its parts under one prefix, the handshake, and the stream of events."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response

import airunner
from airunner.runtime.native_form import API
from airunner.server.documented import STREAMED
from airunner.server.native.attachments import attachment_routes
from airunner.server.native.conversation_routes import conversation_routes
from airunner.server.native.finding import finding_routes
from airunner.server.native.management import management_routes, setting_routes
from airunner.server.native.memory import memory_routes, settings_as_json
from airunner.server.native.models import native_model_routes
from airunner.server.native.native_route import NativeRoute
from airunner.server.native.pictures import gallery_routes
from airunner.server.native.records import record_routes
from airunner.server.native.services import Services
from airunner.server.native.specialist_tasks import specialist_task_routes
from airunner.server.native.specialists import specialist_routes
from airunner.server.native.tools import tool_routes
from airunner.server.native.turn_routes import turn_routes
from airunner.server.native.upload_routes import upload_routes
from airunner.server.native.work import tell
from airunner.server.streams import stream_response


def native_routes(services: Services, ending: asyncio.Event) -> APIRouter:
    """The routes. Streams that only wait end when ``ending`` is set."""
    routes = APIRouter(prefix=API, tags=["AI Runner"], route_class=NativeRoute)
    core = services.core

    @routes.get("")
    async def handshake() -> dict[str, Any]:
        """Who serves here: what a program of ours has to know before it uses this server."""
        return {
            "airunner": airunner.__version__,
            "pid": os.getpid(),
            "home": str(core.settings.home),
            "catalog": await asyncio.to_thread(services.catalogue.fingerprint),
            "settings": settings_as_json(core),
        }

    @routes.get("/events", responses=STREAMED)
    async def events(
        request: Request,
        last_event_id: Annotated[int | None, Header()] = None,
        after: int | None = None,
    ) -> Response:
        """Everything that happens, numbered, as it happens; resumable by ``Last-Event-ID``."""
        since = after if last_event_id is None else last_event_id
        return await stream_response(request, services.events.pieces(since), tell)

    routes.include_router(memory_routes(services))
    routes.include_router(
        native_model_routes(services.stored, services.downloads, services.catalogue, services.team)
    )
    routes.include_router(finding_routes(services.finder))
    routes.include_router(record_routes(core, services.remembered, services.due))
    routes.include_router(conversation_routes(services.conversations))
    routes.include_router(setting_routes(services.settings, services.rules))
    routes.include_router(management_routes(services.mcp, services.keys, services.checkups))
    routes.include_router(upload_routes(services.uploads))
    routes.include_router(
        gallery_routes(services.gallery, services.drawings, services.starts, services.orders)
    )
    routes.include_router(tool_routes(core))
    routes.include_router(attachment_routes(services.attachments))
    routes.include_router(turn_routes(services.turns, core.answer))
    routes.include_router(specialist_routes(core, ending))
    routes.include_router(specialist_task_routes(core, services.tasks))
    return routes
