"""The server: every API on one port.

Owns putting the routes, the guard and the telling of problems together. The process it
runs in, and who else may start one, is ``serving``'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fastapi import FastAPI, Request, Response

import airunner
from airunner.access.guard import Admission, Guard
from airunner.errors import HungUpError
from airunner.runtime.core import RuntimeCore
from airunner.server.addresses import Addresses
from airunner.server.answers import Answers
from airunner.server.anthropic.messages import message_routes
from airunner.server.body_route import add_routes
from airunner.server.catalogue_changes import CatalogueChanges
from airunner.server.documented import OLLAMA_ERRORS, OPENAI_ERRORS
from airunner.server.health import health_routes
from airunner.server.json_bodies import SoundJson
from airunner.server.llama_router import router_routes
from airunner.server.metrics import Metrics
from airunner.server.native.routes import native_routes
from airunner.server.native.services import Services
from airunner.server.ollama.routes import ollama_routes
from airunner.server.openai.chat import chat_routes
from airunner.server.openai.completions import completion_routes
from airunner.server.openai.embeddings import embedding_routes
from airunner.server.openai.images import picture_routes
from airunner.server.openai.models import model_routes
from airunner.server.openai.responses import response_routes
from airunner.server.problems import tell_problems, told_refusal
from airunner.server.raw_prompts import RawPrompts
from airunner.server.request_log import CLIENT_CLOSED, RequestLog
from airunner.server.served_models import ServedModels
from airunner.server.tracing import Traced, Tracing


def create_app(
    core: RuntimeCore,
    admission: Admission,
    tracing: Tracing | None = None,
    mount_page: Callable[[FastAPI, Services], None] | None = None,
) -> FastAPI:
    """The application over a running core, under the rules of ``admission``.

    ``mount_page`` puts a page for people over what is served to programs.

    Made on the loop that serves. ``state.ending`` is an event to set when the server is told
    to stop: streams that only wait end then, and others may go on to their end.
    ``state.page`` is where a person's browser is led, empty if nothing is there.
    """
    app = FastAPI(
        title="AI Runner",
        version=airunner.__version__,
        description="A team of local models behind the APIs that clients already speak.",
        docs_url=None,
        redoc_url=None,
        # What is told of requests, and to whom, is ``tracing``'s and ``metrics``'.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    metrics = Metrics()
    core.bus.subscribe(metrics.hear)
    app.state.page = ""
    app.state.ending = ending = asyncio.Event()
    models = ServedModels(core)
    answers, raw = Answers(core, models), RawPrompts(core, models)
    add_routes(app, chat_routes(answers))  # most is asked of the first routes
    add_routes(app, message_routes(answers))
    add_routes(app, response_routes(answers))
    add_routes(app, completion_routes(raw))
    app.include_router(health_routes(core, models, metrics), responses=OPENAI_ERRORS)
    app.include_router(embedding_routes(core, models), responses=OPENAI_ERRORS)
    app.include_router(picture_routes(core, models), responses=OPENAI_ERRORS)
    app.include_router(model_routes(models), responses=OPENAI_ERRORS)
    app.include_router(router_routes(core, models, ending), responses=OPENAI_ERRORS)
    ollama = ollama_routes(core, answers, raw, models)
    app.include_router(ollama, responses=OLLAMA_ERRORS)
    services = Services.over(core, models, ending)
    app.state.services = services
    app.include_router(native_routes(services, ending), responses=OPENAI_ERRORS)
    tell_problems(app)
    if mount_page is not None:
        mount_page(app, services)

    @app.exception_handler(HungUpError)
    async def nobody_reads_this(_: Request, __: Exception) -> Response:
        return Response(status_code=CLIENT_CLOSED)

    app.add_middleware(Addresses)
    app.add_middleware(SoundJson)
    app.add_middleware(CatalogueChanges, catalogue=services.catalogue)
    app.add_middleware(Guard, admission=admission, respond=told_refusal)
    if tracing is not None:
        core.bus.subscribe(tracing.hear)
        app.add_middleware(Traced, tracing=tracing)
    app.add_middleware(RequestLog, count=metrics.answered)  # added last, asked first
    return app
