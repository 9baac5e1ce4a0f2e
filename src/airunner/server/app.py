"""The server: every API on one port.

Owns putting the routes, the guard and the telling of problems together. The process it
runs in, and who else may start one, is ``serving``'s.
"""

from __future__ import annotations

from fastapi import FastAPI, Request, Response

import airunner
from airunner.runtime.core import RuntimeCore
from airunner.server.answers import Answers
from airunner.server.anthropic.messages import message_routes
from airunner.server.guard import Admission, Guard
from airunner.server.llama_router import router_routes
from airunner.server.ollama.routes import ollama_routes
from airunner.server.openai.chat import chat_routes
from airunner.server.openai.completions import completion_routes
from airunner.server.openai.embeddings import embedding_routes
from airunner.server.openai.images import picture_routes
from airunner.server.openai.models import model_routes
from airunner.server.openai.responses import response_routes
from airunner.server.problems import tell_problems
from airunner.server.raw_prompts import RawPrompts
from airunner.server.served_models import ServedModels
from airunner.server.streams import HungUpError

CLIENT_CLOSED = 499


def create_app(core: RuntimeCore, admission: Admission) -> FastAPI:
    """The application over a running core, under the rules of ``admission``."""
    app = FastAPI(
        title="AI Runner",
        version=airunner.__version__,
        description="A team of local models behind the APIs that clients already speak.",
        docs_url=None,
        redoc_url=None,
    )
    models = ServedModels(core)
    answers, raw = Answers(core, models), RawPrompts(core, models)
    app.include_router(chat_routes(answers))
    app.include_router(completion_routes(raw))
    app.include_router(response_routes(answers))
    app.include_router(embedding_routes(core, models))
    app.include_router(picture_routes(core, models))
    app.include_router(message_routes(answers))
    app.include_router(model_routes(models))
    app.include_router(router_routes(core, models))
    app.include_router(ollama_routes(core, answers, raw, models))
    tell_problems(app)

    @app.exception_handler(HungUpError)
    async def nobody_reads_this(_: Request, __: Exception) -> Response:
        return Response(status_code=CLIENT_CLOSED)

    app.add_middleware(Guard, admission=admission)
    return app
