"""``/v1/chat/completions``: an answer at once or in pieces.

Owns the form of responses and chunks. What is answered is ``answers``'.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from airunner.engines.base import Chunk
from airunner.server.answers import Answers
from airunner.server.body_route import BodyRoute
from airunner.server.chunks import EXTENSION, Completion
from airunner.server.documented import OPENAI_ERRORS, STREAMED
from airunner.server.openai.chat_request import ChatCompletionRequest
from airunner.server.openai.choices import total_usage, whole_answers
from airunner.server.problems import Problem
from airunner.server.streams import comment, event, events_under, stream_response, unless_hung_up
from airunner.server.team_steps import heed_steps

DONE = event("[DONE]")


def chat_routes(answers: Answers) -> APIRouter:
    """The route, with and without the version in front, as clients ask for it."""
    routes = APIRouter(tags=["OpenAI"], responses=OPENAI_ERRORS, route_class=BodyRoute)

    @routes.post("/v1/chat/completions", responses=STREAMED)
    @routes.post("/chat/completions", include_in_schema=False)
    async def chat_completions(asked: ChatCompletionRequest, request: Request) -> Response:
        """Answer a conversation."""
        heed_steps(request)
        body = asked.checked()
        if asked.stream:
            with_usage = bool(asked.stream_options and asked.stream_options.include_usage)
            pieces = _events(answers, body, asked.n or 1, with_usage)
            return await stream_response(request, pieces, _tell, alive=comment)
        whole = _whole(answers, body, asked.n or 1)
        return await unless_hung_up(request, whole)

    return routes


async def _events(
    answers: Answers, body: Mapping[str, Any], choices: int, with_usage: bool
) -> AsyncGenerator[str, None]:
    told = events_under(_head(body, "chat.completion.chunk"))
    costs: list[Mapping[str, Any]] = []
    for index in range(choices):
        async with aclosing(answers.chunks(_choice(body, index))) as chunks:
            async for chunk in chunks:
                if usage := chunk.get("usage"):
                    costs.append(usage)
                yield told(_outward(chunk, index, with_usage))
    if with_usage:
        yield told({"choices": [], "usage": total_usage(costs, choices)})
    yield DONE


async def _whole(answers: Answers, body: Mapping[str, Any], choices: int) -> JSONResponse:
    bodies = [_choice(body, index) for index in range(choices)]
    found = await whole_answers(answers.chunks, bodies)
    content = {
        **_head(body, "chat.completion"),
        "choices": [_choice_json(each, index, body) for index, each in enumerate(found)],
        "usage": total_usage([each.usage for each in found], choices),
        "timings": found[0].timings,
    }
    if found[0].trimmed is not None:
        content[EXTENSION] = found[0].trimmed
    return JSONResponse(content, headers=found[0].headers)


def _choice(body: Mapping[str, Any], index: int) -> dict[str, Any]:
    seed = body.get("seed")
    moved = {} if seed is None or not index else {"seed": (seed + index) % 2**32}
    return {**body, **moved}


def _choice_json(found: Completion, index: int, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "index": index,
        "message": found.message_json(),
        "finish_reason": found.finish_reason or "stop",
        "logprobs": {"content": found.logprobs} if body.get("logprobs") else None,
    }


def _outward(chunk: Chunk, index: int, with_usage: bool) -> dict[str, Any]:
    """A chunk as clients read it: both names of reasoning, and the cost where it is looked for.

    Some clients take the cost from the last chunk with a choice, and some that did not ask
    for it stumble over a chunk without one.
    """
    choices = [{**choice, "index": index} for choice in chunk["choices"]]
    for choice in choices:
        if thought := choice["delta"].get("reasoning_content"):
            choice["delta"] = {**choice["delta"], "reasoning": thought}
    found: dict[str, Any] = {"choices": choices}
    for name in ("timings", EXTENSION):
        if name in chunk:
            found[name] = chunk[name]
    if chunk.get("usage") and not with_usage:
        found["usage"] = chunk["usage"]
    return found


def _head(body: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{uuid4().hex}",
        "object": kind,
        "created": int(time.time()),
        "model": body["model"],
        "system_fingerprint": "airunner",
    }


def _tell(problem: Problem) -> str:
    return event(problem.body("/v1")) + DONE
