"""Specialised models: one answer, vectors, pictures, and a lease for several answers.

Owns the leases that are held by a connection: each ends with it, however that ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from airunner.agent.specialist import (
    DEFAULT_MAX_TOKENS,
    AnswerForm,
    SpecialistRequest,
    SpecialistSession,
)
from airunner.engines.image import Drawn, ImageRequest
from airunner.errors import GenerationError, ImageRequestError, LeaseEndedError
from airunner.models.spec import ModelCapability
from airunner.runtime.core import RuntimeCore
from airunner.runtime.native_form import content_from_json, read
from airunner.runtime.plain_values import plain
from airunner.server.documented import STREAMED
from airunner.server.native.native_route import NativeRoute, reading
from airunner.server.native.work import answer_with, piece, tell, tell_text
from airunner.server.streams import stream_response, unless_hung_up

HELD = ": held\n\n"
HELD_EVERY_S = 15.0
"""How often a stream that only holds something says so, in seconds."""


class AskBody(BaseModel):
    """A question to a specialised model."""

    prompt: str | dict[str, Any]
    max_tokens: int = Field(default=DEFAULT_MAX_TOKENS, ge=1)
    system: str | None = None
    temperature: float | None = Field(default=None, ge=0)
    json_schema: dict[str, Any] | None = None
    required: bool = False
    stream: bool = False


class InvokeBody(BaseModel):
    """A question within a lease's dialogue, or beside it."""

    prompt: str
    max_tokens: int | None = Field(default=None, ge=1)
    remember: bool = True


class LeaseBody(BaseModel):
    """What is to be held. ``returns`` brings a primary that had to leave back at the end."""

    capability: ModelCapability
    returns: bool = True


class TextsBody(BaseModel):
    """Texts to make vectors of."""

    texts: list[str]
    model: str | None = None


class DrawBody(BaseModel):
    """A drawing, with the fields of ``ImageRequest`` except where it is saved."""

    request: dict[str, Any]
    model: str | None = None
    stream: bool = False


def specialist_routes(core: RuntimeCore, ending: asyncio.Event) -> APIRouter:
    """The routes. What only holds something ends when ``ending`` is set."""
    routes = APIRouter(route_class=NativeRoute)
    held: dict[str, SpecialistSession] = {}

    @routes.post("/specialists/{capability}", responses=STREAMED)
    async def ask(capability: ModelCapability, asked: AskBody, request: Request) -> Response:
        """One answer; its text is ``null`` where ``specialist_failed`` says why not.

        A stream has its pieces as ``text_streamed``.
        """
        with reading("prompt"):
            prompt = content_from_json(asked.prompt)

        async def work() -> dict[str, Any]:
            form = AnswerForm(asked.system, asked.temperature, asked.json_schema)
            wanted = SpecialistRequest(capability, prompt, asked.max_tokens, form)
            answer = await core.specialists.answer(
                wanted, required=asked.required, on_delta=tell_text
            )
            return {"text": answer}

        return await answer_with(request, core.bus, work(), asked.stream)

    @routes.post("/embed")
    async def embed(asked: TextsBody, request: Request) -> dict[str, Any]:
        """One vector per text."""
        work = core.embed(asked.texts, model=asked.model)
        return {"vectors": await unless_hung_up(request, work)}

    @routes.post("/draw", responses=STREAMED)
    async def draw(asked: DrawBody, request: Request) -> Response:
        """Draw and save; the result says where the pictures lie."""
        with reading("request"):
            wanted = read(ImageRequest, asked.request)
        if wanted.targets:
            raise ImageRequestError(asked.model or "the image model", "it names its own files")

        async def work() -> dict[str, Any]:
            async with aclosing(core.draw(wanted, model=asked.model)) as progress:
                async for item in progress:
                    if isinstance(item, Drawn):
                        return plain(item)
            raise GenerationError("the image model", "the drawing ended without a picture")

        return await answer_with(request, core.bus, work(), asked.stream)

    @routes.post("/leases", responses=STREAMED)
    async def lease(asked: LeaseBody, request: Request) -> Response:
        """Hold what serves a capability for as long as the stream is read."""

        async def pieces() -> AsyncGenerator[str, None]:
            id = f"lease_{uuid4().hex[:16]}"
            async with core.lease(asked.capability, returns=asked.returns) as lease:
                held[id] = SpecialistSession(lease, asked.capability)
                try:
                    told = {"id": id, "model": lease.spec.model_path, "n_ctx": lease.n_ctx}
                    yield piece(told, "lease")
                    async for each in _until(ending):
                        yield each
                finally:
                    del held[id]

        return await stream_response(request, pieces(), tell)

    @routes.post("/leases/{id}")
    async def invoke(id: str, asked: InvokeBody, request: Request) -> dict[str, Any]:
        """Ask the model of a lease; each answer goes on with the dialogue."""
        session = held.get(id)
        if session is None:
            raise LeaseEndedError(id)
        answer = session.invoke(asked.prompt, max_tokens=asked.max_tokens, remember=asked.remember)
        return {"text": await unless_hung_up(request, answer)}

    @routes.post("/series", responses=STREAMED)
    async def series(request: Request) -> Response:
        """Several models are used while the stream is read: the primary returns after them."""

        async def pieces() -> AsyncGenerator[str, None]:
            with core.team.series():
                yield piece({}, "series")
                async for each in _until(ending):
                    yield each

        return await stream_response(request, pieces(), tell)

    return routes


async def _until(ending: asyncio.Event) -> AsyncGenerator[str, None]:
    while not ending.is_set():
        try:
            async with asyncio.timeout(HELD_EVERY_S):
                await ending.wait()
        except TimeoutError:
            yield HELD
