"""The server: every API on one port.

Owns putting the routes, the guard and the telling of problems together. The process it
runs in, and who else may start one, is ``serving``'s.
"""

from __future__ import annotations

import asyncio

from fastapi import FastAPI, Request, Response

import airunner
from airunner.errors import HungUpError
from airunner.runtime.core import RuntimeCore
from airunner.server.answers import Answers
from airunner.server.anthropic.messages import message_routes
from airunner.server.guard import Admission, Guard
from airunner.server.native.routes import native_routes
from airunner.server.ollama.routes import ollama_routes
from airunner.server.openai.chat import chat_routes
from airunner.server.openai.embeddings import embedding_routes
from airunner.server.openai.images import picture_routes
from airunner.server.openai.models import model_routes
from airunner.server.openai.responses import response_routes
from airunner.server.problems import tell_problems
from airunner.server.served_models import ServedModels

CLIENT_CLOSED = 499


def create_app(core: RuntimeCore, admission: Admission) -> FastAPI:
    """The application over a running core, under the rules of ``admission``.

    Made on the loop that serves. ``state.ending`` is an event to set when the server is told
    to stop: streams that only wait end then, and others may go on to their end.
    """
    app = FastAPI(
        title="AI Runner",
        version=airunner.__version__,
        description="A team of local models behind the APIs that clients already speak.",
        docs_url=None,
        redoc_url=None,
    )
    app.state.ending = ending = asyncio.Event()
    models = ServedModels(core)
    answers = Answers(core, models)
    app.include_router(chat_routes(answers))
    app.include_router(response_routes(answers))
    app.include_router(embedding_routes(core, models))
    app.include_router(picture_routes(core, models))
    app.include_router(message_routes(answers))
    app.include_router(model_routes(models))
    app.include_router(ollama_routes(core, answers, models))
    app.include_router(native_routes(core, models, ending))
    tell_problems(app)

    @app.exception_handler(HungUpError)
    async def nobody_reads_this(_: Request, __: Exception) -> Response:
        return Response(status_code=CLIENT_CLOSED)

    app.add_middleware(Guard, admission=admission)
    return app
