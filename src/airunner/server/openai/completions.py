"""``/v1/completions``: text that goes on after a prompt, as it is.

Owns the form of requests, responses and chunks. What is answered is ``raw_prompts``'.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from airunner.server.body_route import BodyRoute
from airunner.server.documented import OPENAI_ERRORS, STREAMED
from airunner.server.openai.chat import DONE
from airunner.server.openai.chat_request import MOST_CHOICES, MOST_TOKENS, Stop, StreamOptions
from airunner.server.openai.choices import total_usage, whole_answers
from airunner.server.problems import Problem
from airunner.server.raw_prompts import RawPrompts
from airunner.server.streams import comment, event, events_under, stream_response, unless_hung_up

MOST_PROMPTS = 32
_DEFAULT_TOKENS = 16

Text = Annotated[str, Field(min_length=1)]
Tokens = Annotated[list[Annotated[int, Field(ge=0, le=2**31 - 1)]], Field(min_length=1)]


class CompletionRequest(BaseModel):
    """The body of a completion's request."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(min_length=1)
    prompt: Text | Tokens | Annotated[list[Text | Tokens], Field(min_length=1, max_length=32)]
    suffix: str | None = None
    echo: bool | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(default=_DEFAULT_TOKENS, ge=0, le=MOST_TOKENS)
    temperature: float | None = Field(default=None, ge=0, le=100)
    top_p: float | None = Field(default=None, ge=0, le=1)
    top_k: int | None = Field(default=None, ge=-1, le=MOST_TOKENS)
    min_p: float | None = Field(default=None, ge=0, le=1)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    repeat_penalty: float | None = Field(default=None, ge=0, le=10)
    logit_bias: dict[str, float] | None = None
    logprobs: int | None = Field(default=None, ge=0, le=20)
    n: int | None = Field(default=None, ge=1, le=MOST_CHOICES)
    seed: int | None = Field(default=None, ge=-(2**63), le=2**63 - 1)
    stop: Stop = None

    @model_validator(mode="after")
    def _has_text_where_it_must(self) -> CompletionRequest:
        if not all(isinstance(prompt, str) for prompt in self.prompts):
            if self.suffix:
                raise ValueError("suffix: the prompt before it has to be text")
            if self.echo:
                raise ValueError("echo: the prompt has to be text")
        return self

    @property
    def prompts(self) -> list[str | list[int]]:
        """The prompts, one or more answers each."""
        if isinstance(self.prompt, list) and not isinstance(self.prompt[0], int):
            return self.prompt
        return [self.prompt]

    def bodies(self) -> list[dict[str, Any]]:
        """One request for each choice: all of the first prompt, then of the next."""
        shared = self.model_dump(exclude={"prompt", "n", "stream", "stream_options", "echo"})
        seed = None if self.seed is None else self.seed % 2**32
        return [
            {**shared, "prompt": prompt, "seed": seed if seed is None else (seed + i) % 2**32}
            for prompt in self.prompts
            for i in range(self.n or 1)
        ]


def completion_routes(raw: RawPrompts) -> APIRouter:
    """The route, with and without the version in front, as clients ask for it."""
    routes = APIRouter(tags=["OpenAI"], responses=OPENAI_ERRORS, route_class=BodyRoute)

    @routes.post("/v1/completions", responses=STREAMED)
    @routes.post("/completions", include_in_schema=False)
    async def completions(asked: CompletionRequest, request: Request) -> Response:
        """Go on after a prompt."""
        if asked.stream:
            return await stream_response(request, _events(raw, asked), _tell, alive=comment)
        return JSONResponse(await unless_hung_up(request, _whole(raw, asked)))

    return routes


async def _events(raw: RawPrompts, asked: CompletionRequest) -> AsyncGenerator[str, None]:
    told_of, costs = events_under(_head(asked)), []
    with_usage = bool(asked.stream_options and asked.stream_options.include_usage)
    for index, body in enumerate(asked.bodies()):
        place, seen = {"index": index, "logprobs": None, "finish_reason": None}, 0
        if asked.echo:
            seen = len(body["prompt"])
            yield told_of({"choices": [{**place, "text": body["prompt"]}]})
        async with aclosing(raw.chunks(body)) as chunks:
            async for chunk in chunks:
                (choice,) = chunk["choices"]
                text = choice["delta"].get("content") or ""
                rows = (choice.get("logprobs") or {}).get("content")
                told = {"text": text, "finish_reason": choice["finish_reason"]}
                told["logprobs"] = _logprobs(rows, seen) if rows else None
                seen += len(text)
                usage = chunk.get("usage")
                costs += [usage] if usage else []
                cost = {"usage": usage} if usage and not with_usage else {}
                yield told_of({"choices": [{**place, **told}], **cost})
    if with_usage:
        yield told_of({"choices": [], "usage": total_usage(costs, asked.n or 1)})
    yield DONE


async def _whole(raw: RawPrompts, asked: CompletionRequest) -> dict[str, Any]:
    bodies = asked.bodies()
    found = await whole_answers(raw.chunks, bodies)
    choices = []
    for index, (body, each) in enumerate(zip(bodies, found, strict=True)):
        before = body["prompt"] if asked.echo else ""
        choices.append(
            {
                "index": index,
                "text": before + each.texts["content"],
                "finish_reason": each.finish_reason or "stop",
                "logprobs": _logprobs(each.logprobs, len(before)) if each.logprobs else None,
            }
        )
    usage = total_usage([each.usage for each in found], asked.n or 1)
    return _head(asked) | {"choices": choices, "usage": usage, "timings": found[0].timings}


def _logprobs(rows: list[dict[str, Any]], at: int) -> dict[str, Any]:
    """Probabilities in the form of this API; ``at`` is how many characters came before."""
    offsets = []
    for row in rows:
        offsets.append(at)
        at += len(row["token"])
    return {
        "tokens": [row["token"] for row in rows],
        "token_logprobs": [row["logprob"] for row in rows],
        "top_logprobs": [
            {top["token"]: top["logprob"] for top in row.get("top_logprobs") or ()} for row in rows
        ],
        "text_offset": offsets,
    }


def _head(asked: CompletionRequest) -> dict[str, Any]:
    return {
        "id": f"cmpl-{uuid4().hex}",
        "object": "text_completion",
        "created": int(time.time()),
        "model": asked.model,
        "system_fingerprint": "airunner",
    }


def _tell(problem: Problem) -> str:
    return event(problem.body("/v1")) + DONE
