"""``/v1/messages`` and ``/v1/messages/count_tokens``.

Owns the form of messages and of their stream's events. What is answered is ``answers``'.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from airunner.engines.base import Chunk
from airunner.server.answers import Answers
from airunner.server.anthropic.message_request import CountRequest, MessagesRequest
from airunner.server.body_route import BodyRoute
from airunner.server.chunks import Completion
from airunner.server.documented import ANTHROPIC_ERRORS, STREAMED
from airunner.server.openai.chat_request import checked
from airunner.server.problems import Problem
from airunner.server.stops import cut_at
from airunner.server.streams import event, stream_response, unless_hung_up
from airunner.server.team_steps import heed_steps

_PATH = "/v1/messages"
_STOPPED = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


def message_routes(answers: Answers) -> APIRouter:
    """Both routes."""
    routes = APIRouter(tags=["Anthropic"], responses=ANTHROPIC_ERRORS, route_class=BodyRoute)

    @routes.post(_PATH, responses=STREAMED)
    async def messages(asked: MessagesRequest, request: Request) -> Response:
        """Answer a conversation."""
        heed_steps(request)
        body = checked(asked.as_completion())
        chunks = answers.chunks(body)
        if asked.stops:
            # Done here, because the engine does not say which of them it met.
            chunks = cut_at(asked.stops, answers.chunks({**body, "timings_per_token": True}))
        if asked.stream:
            return await stream_response(request, _events(body, chunks), _tell, alive=_ping)
        return await unless_hung_up(request, _whole(body, chunks))

    @routes.post(f"{_PATH}/count_tokens")
    async def count_tokens(asked: CountRequest, request: Request) -> Response:
        """Count the tokens of a prompt; loads the model if need be."""
        body = checked(asked.as_completion())
        count = await unless_hung_up(request, answers.count_tokens(body))
        return JSONResponse({"input_tokens": count})

    return routes


async def _whole(body: Mapping[str, Any], answer: AsyncGenerator[Chunk, None]) -> JSONResponse:
    found = Completion()
    async with aclosing(answer) as chunks:
        async for chunk in chunks:
            found.add(chunk)
    message = found.message
    content: list[dict[str, Any]] = []
    if message.reasoning:
        content.append({"type": "thinking", "thinking": message.reasoning, "signature": ""})
    if message.content:
        content.append({"type": "text", "text": message.content})
    content += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": dict(call.arguments)}
        for call in message.tool_calls
        if not call.malformed
    ]
    told = _head(body) | {"content": content, "usage": _usage(found.usage)} | _ending(found)
    return JSONResponse(told, headers=found.headers)


def _ending(found: Completion) -> dict[str, Any]:
    if found.stopped_at is not None:
        return {"stop_reason": "stop_sequence", "stop_sequence": found.stopped_at}
    reason = _STOPPED.get(found.finish_reason or "stop", "end_turn")
    return {"stop_reason": reason, "stop_sequence": None}


async def _events(
    body: Mapping[str, Any], answer: AsyncGenerator[Chunk, None]
) -> AsyncGenerator[str, None]:
    blocks, found = _Blocks(), Completion()
    started = False
    async with aclosing(answer) as chunks:
        async for chunk in chunks:
            if not started:
                started = True
                head = _head(body) | {"content": [], "usage": _usage({})}
                head |= {"stop_reason": None, "stop_sequence": None}
                yield _event("message_start", message=head)
            found.add(chunk)
            for piece in blocks.feed(chunk):
                yield piece
    for piece in blocks.close():
        yield piece
    yield _event("message_delta", delta=_ending(found), usage=_usage(found.usage))
    yield _event("message_stop")


@dataclass(slots=True)
class _Blocks:
    """The block that is being written: thinking, text, or one call of a tool."""

    index: int = -1
    kind: str = ""

    def feed(self, chunk: Chunk) -> Iterator[str]:
        """The events that a chunk becomes."""
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            if thought := delta.get("reasoning_content"):
                yield from self._open("thinking", {"thinking": "", "signature": ""})
                yield self._delta({"type": "thinking_delta", "thinking": thought})
            if text := delta.get("content"):
                yield from self._open("text", {"text": ""})
                yield self._delta({"type": "text_delta", "text": text})
            for piece in delta.get("tool_calls") or ():
                yield from self._call(piece)

    def close(self) -> Iterator[str]:
        """End the block, if one is open."""
        if self.kind:
            yield _event("content_block_stop", index=self.index)
            self.kind = ""

    def _open(self, kind: str, block: Mapping[str, Any]) -> Iterator[str]:
        if self.kind == kind:
            return
        yield from self.close()
        self.index, self.kind = self.index + 1, kind
        start = {"type": kind.partition(" ")[0], **block}
        yield _event("content_block_start", index=self.index, content_block=start)

    def _call(self, piece: Mapping[str, Any]) -> Iterator[str]:
        function = piece.get("function") or {}
        block: dict[str, Any] = {
            "id": piece.get("id") or "",
            "name": function.get("name") or "",
            "input": {},
        }
        yield from self._open(f"tool_use {piece.get('index', 0)}", block)
        if arguments := function.get("arguments"):
            yield self._delta({"type": "input_json_delta", "partial_json": arguments})

    def _delta(self, delta: Mapping[str, Any]) -> str:
        return _event("content_block_delta", index=self.index, delta=delta)


def _head(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": f"msg_{uuid4().hex}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
    }


def _usage(usage: Mapping[str, Any]) -> dict[str, int]:
    """What it cost. What was cached is not part of the input, as Anthropic counts it."""
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
    return {
        "input_tokens": max(0, usage.get("prompt_tokens", 0) - cached),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": usage.get("completion_tokens", 0),
    }


def _event(name: str, **data: Any) -> str:
    return event(json.dumps({"type": name, **data}, ensure_ascii=False), name)


def _ping() -> str:
    return _event("ping")


def _tell(problem: Problem) -> str:
    return event(problem.body(_PATH), "error")
