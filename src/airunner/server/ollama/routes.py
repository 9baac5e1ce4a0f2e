"""Ollama's routes: lists of models, and answers as lines of JSON.

Owns the form of responses. What is answered is ``answers``', and which models there are
``served_models``'. A pull's errors are told inside its stream, as clients expect.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse

from airunner.access.guard import ANOTHER_USER
from airunner.engines.base import Chunk
from airunner.errors import AiRunnerError, NotAManagerError
from airunner.events import DownloadProgressed, Event
from airunner.resources.visitor import current_visitor
from airunner.runtime.core import RuntimeCore
from airunner.server.answers import Answers
from airunner.server.chunks import Completion
from airunner.server.documented import LINES
from airunner.server.event_feed import event_feed
from airunner.server.ollama.requests import (
    OllamaChat,
    OllamaEmbed,
    OllamaGenerate,
    OllamaName,
    OllamaRequest,
)
from airunner.server.openai.chat_request import checked
from airunner.server.problems import Problem, problem_of
from airunner.server.raw_prompts import RawPrompts
from airunner.server.served_models import ServedModel, ServedModels
from airunner.server.streams import NDJSON, stream_response, unless_hung_up
from airunner.server.team_steps import heed_steps

VERSION = "0.30.0"
"""The version of Ollama's API that we speak; clients compare it."""

_FOREVER = "2318-01-01T00:00:00Z"
_EMPTY = {"role": "assistant", "content": ""}
_ENDED = Event()
_Form = Callable[[dict[str, Any], str], dict[str, Any]]


def ollama_routes(
    core: RuntimeCore, answers: Answers, raw: RawPrompts, models: ServedModels
) -> APIRouter:
    """All routes."""
    routes = APIRouter(tags=["Ollama"])

    @routes.get("/", include_in_schema=False)
    async def root(request: Request) -> Response:
        """What Ollama's clients ask to see whether it runs; a browser is led to the page."""
        if request.app.state.page and "text/html" in request.headers.get("accept", ""):
            return RedirectResponse(request.app.state.page)
        return PlainTextResponse("AI Runner is running")

    @routes.get("/api/version")
    async def version() -> dict[str, str]:
        """The version of the API."""
        return {"version": VERSION}

    @routes.get("/api/tags")
    async def tags() -> dict[str, Any]:
        """The models that may be asked for."""
        return {"models": [_tag(model, name) for name, model in await models.named()]}

    @routes.get("/api/ps")
    async def loaded() -> dict[str, Any]:
        """The models in memory."""
        found = [model for model in await models.all() if model.is_loaded]
        return {
            "models": [
                _tag(model)
                | {"expires_at": _FOREVER, "size": model.held_bytes}
                | {"size_vram": 0 if model.device == "cpu" else model.held_bytes}
                | {"context_length": model.n_ctx}
                for model in found
            ]
        }

    @routes.post("/api/show")
    async def show(asked: OllamaName) -> dict[str, Any]:
        """One model."""
        model = await models.find(asked.wanted)
        family = await asyncio.to_thread(lambda: model.family)
        return {
            "license": model.spec.license,
            "modelfile": f"FROM {model.name}",
            "parameters": f"num_ctx {model.n_ctx}",
            "template": model.spec.chat_template or "",
            "details": _details(model),
            "model_info": {
                "general.architecture": family,
                "general.basename": model.name,
                f"{family}.context_length": model.n_ctx,
            },
            "capabilities": model.abilities,
            "modified_at": model.changed.isoformat(),
        }

    @routes.post("/api/chat", responses=LINES)
    async def chat(asked: OllamaChat, request: Request) -> Response:
        """Answer a conversation."""
        heed_steps(request)

        def form(message: dict[str, Any], _: str) -> dict[str, Any]:
            return {"message": message}

        if not asked.messages:
            return await _load_or_unload(core, models, asked, form)
        chunks = answers.chunks(checked(asked.as_completion()))
        return await _respond(request, asked, chunks, form)

    @routes.post("/api/generate", responses=LINES)
    async def generate(asked: OllamaGenerate, request: Request) -> Response:
        """Answer one prompt."""
        heed_steps(request)

        def form(message: dict[str, Any], thinking: str) -> dict[str, Any]:
            thought = {"thinking": thinking} if thinking else {}
            return {"response": message["content"], **thought}

        if not asked.prompt:
            return await _load_or_unload(core, models, asked, form)
        if asked.raw or asked.suffix:
            chunks = raw.chunks(asked.as_raw(checked(asked.as_completion())))
        else:
            chunks = answers.chunks(checked(asked.as_completion()))
        return await _respond(request, asked, chunks, form)

    @routes.post("/api/embed")
    async def embed(asked: OllamaEmbed, request: Request) -> JSONResponse:
        """Vectors of texts."""
        texts = [asked.input] if isinstance(asked.input, str) else asked.input or []
        began_s = time.perf_counter()
        work = core.embed(texts, model=models.embedder(asked.model))
        vectors = await unless_hung_up(request, work) if texts else []
        took_ns = int((time.perf_counter() - began_s) * 1e9)
        return JSONResponse(
            {"model": asked.model, "embeddings": vectors, "total_duration": took_ns}
        )

    @routes.post("/api/embeddings")
    async def embed_one(asked: OllamaEmbed, request: Request) -> JSONResponse:
        """The vector of one text, as the API had it earlier."""
        work = core.embed([asked.prompt or ""], model=models.embedder(asked.model))
        return JSONResponse({"embedding": (await unless_hung_up(request, work))[0]})

    @routes.post("/api/pull", responses=LINES)
    async def pull(asked: OllamaName, request: Request) -> Response:
        """Fetch a registered model."""
        steps = _pull(core, models, asked.wanted)
        if asked.stream is not False:
            return await stream_response(request, _told(steps), _tell, NDJSON)

        async def whole() -> JSONResponse:
            async with aclosing(steps):
                return JSONResponse([step async for step in steps][-1])

        return await unless_hung_up(request, whole())

    return routes


async def _respond(
    request: Request, asked: OllamaRequest, answer: AsyncGenerator[Chunk, None], form: _Form
) -> Response:
    began_s = time.perf_counter()
    if asked.stream is False:
        whole = _whole(asked.model, answer, form, began_s)
        return await unless_hung_up(request, whole)

    def alive() -> str:
        return _json(_line(asked.model) | form(_EMPTY, "") | {"done": False})

    lines = _lines(asked.model, answer, form, began_s)
    return await stream_response(request, lines, _tell, NDJSON, alive)


async def _whole(
    model: str, answer: AsyncGenerator[Chunk, None], form: _Form, began_s: float
) -> JSONResponse:
    found = Completion()
    async with aclosing(answer) as chunks:
        async for chunk in chunks:
            found.add(chunk)
    message = found.message
    said: dict[str, Any] = {"role": "assistant", "content": message.content}
    if message.reasoning:
        said["thinking"] = message.reasoning
    if message.tool_calls:
        said["tool_calls"] = _calls(found)
    told = form(said, message.reasoning) | _logprobs(found.logprobs)
    return JSONResponse(_line(model) | told | _end(found, began_s), headers=found.headers)


async def _lines(
    model: str, answer: AsyncGenerator[Chunk, None], form: _Form, began_s: float
) -> AsyncGenerator[str, None]:
    found = Completion()
    async with aclosing(answer) as chunks:
        async for chunk in chunks:
            found.add(chunk)
            text, thought = _texts(chunk)
            if text or thought:
                said = {"role": "assistant", "content": text}
                said |= {"thinking": thought} if thought else {}
                rows = (chunk["choices"][0].get("logprobs") or {}).get("content") or []
                told = form(said, thought) | _logprobs(rows)
                yield _json(_line(model) | told | {"done": False})
    if calls := _calls(found):
        calling = _EMPTY | {"tool_calls": calls}
        yield _json(_line(model) | form(calling, "") | {"done": False})
    yield _json(_line(model) | form(_EMPTY, "") | _end(found, began_s))


async def _load_or_unload(
    core: RuntimeCore, models: ServedModels, asked: OllamaRequest, form: _Form
) -> JSONResponse:
    """What clients mean by a request that says nothing."""
    if asked.unloads:
        if not (visitor := current_visitor()).manages:
            raise NotAManagerError("" if visitor is ANOTHER_USER else visitor.name)
        core.manager.unload(models.spec(asked.model).model_path)
    else:
        async with core.lease(models.wanted(asked.model), owner="load", fetches=False):
            pass
    empty = form(_EMPTY, "")
    reason = "unload" if asked.unloads else "load"
    return JSONResponse(_line(asked.model) | empty | {"done": True, "done_reason": reason})


async def _told(steps: AsyncGenerator[dict[str, Any], None]) -> AsyncGenerator[str, None]:
    """The lines of a stream, in which also an error is a line."""
    try:
        async with aclosing(steps):
            async for step in steps:
                yield _json(step)
    except (AiRunnerError, OSError) as error:
        yield _json({"error": problem_of(error).message})


async def _pull(
    core: RuntimeCore, models: ServedModels, name: str
) -> AsyncGenerator[dict[str, Any], None]:
    yield {"status": "pulling manifest"}
    spec = models.spec(name)
    cancel = threading.Event()
    try:
        with event_feed(core.bus) as news:
            fetching = asyncio.create_task(asyncio.to_thread(core.store.fetch, spec, cancel))

            def ended(_: object) -> None:
                if not fetching.cancelled():
                    fetching.exception()  # seen, also where nobody waits for it any more
                news.put_nowait(_ENDED)

            fetching.add_done_callback(ended)
            while (event := await news.get()) is not _ENDED:
                if isinstance(event, DownloadProgressed) and event.model == spec.model_path:
                    yield _progress(event)
            await fetching
    finally:
        cancel.set()
    yield {"status": "success"}


def _progress(event: DownloadProgressed) -> dict[str, Any]:
    """A step, with what stands for a digest: clients show no bar for what has none."""
    total = {} if event.total_bytes is None else {"total": event.total_bytes}
    told = {"status": f"{event.step} {event.model}", "completed": event.done_bytes, **total}
    return told | {"digest": f"sha256:{sha256(event.model.encode()).hexdigest()}"}


def _tag(model: ServedModel, name: str = "") -> dict[str, Any]:
    return {
        "name": name or model.name,
        "model": name or model.name,
        "modified_at": model.changed.isoformat(),
        "size": model.n_bytes,
        "digest": model.digest,
        "details": _details(model),
        "capabilities": model.abilities,
    }


def _details(model: ServedModel) -> dict[str, Any]:
    return {
        "parent_model": "",
        "format": model.form,
        "family": model.family,
        "families": [model.family],
        "parameter_size": model.parameters,
        "quantization_level": model.spec.quantization,
        "context_length": model.n_ctx,
    }


def _calls(found: Completion) -> list[dict[str, Any]]:
    return [
        {"id": call.id, "function": {"name": call.name, "arguments": dict(call.arguments)}}
        for call in found.message.tool_calls
        if not call.malformed
    ]


def _logprobs(rows: list[Any]) -> dict[str, Any]:
    return {"logprobs": rows} if rows else {}


def _texts(chunk: Chunk) -> tuple[str, str]:
    deltas = [choice.get("delta") or {} for choice in chunk.get("choices") or ()]
    text = "".join(delta.get("content") or "" for delta in deltas)
    return text, "".join(delta.get("reasoning_content") or "" for delta in deltas)


def _line(model: str) -> dict[str, Any]:
    return {"model": model, "created_at": datetime.now(UTC).isoformat()}


def _end(found: Completion, began_s: float) -> dict[str, Any]:
    """How an answer ended. A call of a tool ends with ``stop``, too; durations are in ns."""
    timings, usage = found.timings, found.usage
    total_ns = int((time.perf_counter() - began_s) * 1e9)
    prompt_ns, decode_ns = (
        int(timings.get(name, 0) * 1e6) for name in ("prompt_ms", "predicted_ms")
    )
    return {
        "done": True,
        "done_reason": "length" if found.finish_reason == "length" else "stop",
        "total_duration": total_ns,
        "load_duration": max(0, total_ns - prompt_ns - decode_ns),
        "prompt_eval_count": usage.get("prompt_tokens", 0),
        "prompt_eval_duration": prompt_ns,
        "eval_count": usage.get("completion_tokens", 0),
        "eval_duration": decode_ns,
        "cached_tokens": (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0),
    }


def _json(line: Mapping[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False) + "\n"


def _tell(problem: Problem) -> str:
    return _json(problem.body("/api/"))
