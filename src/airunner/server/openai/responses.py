"""``/v1/responses``: answers that the server remembers.

Owns the form of responses, what is kept of them, and cancelling one. The items of their
output are ``output_items``'; what is answered is ``answers``'.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from airunner.engines.base import Chunk
from airunner.errors import UnknownResponseError
from airunner.resources.visitor import current_visitor
from airunner.server.answers import Answers
from airunner.server.body_route import BodyRoute
from airunner.server.chunks import Completion
from airunner.server.documented import OPENAI_ERRORS, STREAMED
from airunner.server.openai.chat_request import checked
from airunner.server.openai.output_items import OutputItems, as_listed, to_go_on_from
from airunner.server.openai.response_request import ResponseRequest
from airunner.server.problems import Problem, problem_of
from airunner.server.streams import event, stream_response, unless_hung_up
from airunner.server.team_steps import heed_steps

MOST_KEPT = 512
"""Responses that are remembered; of more, the oldest are forgotten."""
MOST_KEPT_BYTES = 256 * 1024**2
"""Most bytes of the requests that they answer, pictures among them, but for the newest."""

_PATH = "/v1/responses"
_SHOWN = ("function", "namespace", "custom")


class _Stop:
    """Ends the writing of a response from outside of it."""

    def __init__(self) -> None:
        self.is_set = False
        self._waiting: asyncio.Timeout | None = None

    def set(self) -> None:
        """No more is written from now on."""
        self.is_set = True
        if self._waiting is not None:
            self._waiting.reschedule(0)

    async def before(self, chunks: AsyncGenerator[Chunk, None]) -> AsyncGenerator[Chunk, None]:
        """The chunks that come before it is set.

        They are waited for in the caller's own task: where its client hangs up, the
        cancelling reaches the engine's connection as it does without a stop.
        """
        while not self.is_set:
            try:
                async with asyncio.timeout(None) as self._waiting:
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            except TimeoutError:
                if self.is_set:
                    return
                raise
            finally:
                self._waiting = None
            yield chunk


@dataclass(slots=True)
class _Kept:
    """A response, everything said up to its end, and how to stop it while it is written.

    ``n_bytes`` is the size of the request that it answers.
    """

    response: dict[str, Any]
    items: list[dict[str, Any]]
    n_bytes: int
    stop: _Stop = field(default_factory=_Stop)
    work: asyncio.Task[None] | None = None
    key: str = field(default_factory=lambda: current_visitor().name)


def response_routes(answers: Answers, most_bytes: int = MOST_KEPT_BYTES) -> APIRouter:
    """All routes; the responses are kept as long as the server runs."""
    routes = APIRouter(tags=["OpenAI"], responses=OPENAI_ERRORS, route_class=BodyRoute)
    kept: OrderedDict[str, _Kept] = OrderedDict()

    def find(name: str) -> _Kept:
        if name not in kept or kept[name].key != current_visitor().name:
            raise UnknownResponseError(name)
        return kept[name]

    def begin(asked: ResponseRequest, n_bytes: int) -> _Kept:
        earlier = find(asked.previous_response_id).items if asked.previous_response_id else []
        found = _Kept(_response(asked), [*earlier, *asked.items()], n_bytes)
        if asked.store is not False or asked.background:
            kept[found.response["id"]] = found
            n_all = sum(each.n_bytes for each in kept.values())
            while len(kept) > MOST_KEPT or (len(kept) > 1 and n_all > most_bytes):
                n_all -= kept.popitem(last=False)[1].n_bytes
        return found

    @routes.post(_PATH, responses=STREAMED)
    async def respond(asked: ResponseRequest, request: Request) -> Response:
        """Answer, at once, in pieces or in the background."""
        heed_steps(request)
        found = begin(asked, len(await request.body()))
        earlier = found.items[: len(found.items) - len(asked.items())]
        items = OutputItems(asked.namespaced, asked.custom)
        writing = _Writing(found, items, answers, checked(asked.as_completion(earlier)))
        if asked.background and not asked.stream:
            found.work = asyncio.create_task(writing.run())
            return JSONResponse(found.response)
        if asked.stream:
            return await stream_response(
                request, writing.events(), writing.tell, alive=writing.alive
            )
        await unless_hung_up(request, writing.run(raising=True))
        return JSONResponse(found.response, headers=writing.headers)

    @routes.get(_PATH + "/{name}")
    async def show(name: str) -> JSONResponse:
        """One response, as far as it is written."""
        return JSONResponse(find(name).response)

    @routes.get(_PATH + "/{name}/input_items")
    async def show_input(name: str) -> dict[str, Any]:
        """What the response answers, with everything before."""
        found = find(name)
        n_output = len(to_go_on_from(found.response["output"]))
        items = found.items[: len(found.items) - n_output]
        return {"object": "list", "data": list(map(as_listed, items)), "has_more": False}

    @routes.delete(_PATH + "/{name}")
    async def forget(name: str) -> dict[str, Any]:
        """Forget a response; what goes on from it later does not know it."""
        found = find(name)
        found.stop.set()
        del kept[name]
        return {"id": name, "object": "response", "deleted": True}

    @routes.post(_PATH + "/{name}/cancel")
    async def cancel(name: str) -> JSONResponse:
        """Stop writing; what is written stays."""
        found = find(name)
        found.stop.set()
        if found.work is not None:
            await asyncio.wait([found.work])
        return JSONResponse(found.response)

    return routes


class _Writing:
    """One response while it is written."""

    def __init__(
        self, kept: _Kept, items: OutputItems, answers: Answers, body: dict[str, Any]
    ) -> None:
        self._kept, self._items, self._answers, self._body = kept, items, answers, body
        self._whole = Completion()
        self._number = -1
        self._told = False

    @property
    def headers(self) -> dict[str, str]:
        """What the headers of the whole response say of it."""
        return self._whole.headers

    async def run(self, *, raising: bool = False) -> None:
        """Write it to its end; an error becomes part of it unless ``raising``."""
        try:
            async with aclosing(self.events()) as pieces:
                async for _ in pieces:
                    pass
        except Exception:
            if raising:
                raise

    async def events(self) -> AsyncGenerator[str, None]:
        """Write it, telling each step."""
        try:
            async with aclosing(self._events()) as pieces:
                async for piece in pieces:
                    yield piece
        except (asyncio.CancelledError, GeneratorExit):
            self._kept.response["status"] = "cancelled"
            raise
        except Exception as error:
            problem = problem_of(error)
            told = {"code": problem.code or "server_error", "message": problem.message}
            self._kept.response |= {"status": "failed", "error": told}
            raise

    def alive(self) -> str:
        """Tell that it is written; Codex hears no comments."""
        begins, self._told = not self._told, True
        names = ["response.created"] if begins else []
        names.append("response.in_progress")
        return "".join(self._event(name, response=self._kept.response) for name in names)

    def tell(self, problem: Problem) -> str:
        """Tell that it failed, in both ways: Codex knows the latter alone."""
        error = {"code": problem.code or "server_error", "message": problem.message}
        self._kept.response |= {"status": "failed", "error": error}
        told = self._event("error", **{**error, "code": problem.code, "param": None})
        return told + self._event("response.failed", response=self._kept.response)

    async def _events(self) -> AsyncGenerator[str, None]:
        response, items = self._kept.response, self._items
        async with aclosing(self._answers.chunks(self._body)) as chunks:
            async for chunk in self._kept.stop.before(chunks):
                if not self._told:
                    yield self.alive()
                self._whole.add(chunk)
                for name, data in items.feed(chunk):
                    yield self._event(name, **data)
        for name, data in items.close(is_cut=self._whole.finish_reason == "length"):
            yield self._event(name, **data)
        self._finish(items.done)
        name = {"completed": "response.completed"}.get(response["status"], "response.incomplete")
        yield self._event(name, response=response)

    def _finish(self, items: list[dict[str, Any]]) -> None:
        response, whole = self._kept.response, self._whole
        status, details = "completed", None
        if self._kept.stop.is_set:
            status = "cancelled"
        elif whole.finish_reason == "length":
            status, details = "incomplete", {"reason": "max_output_tokens"}
        response |= {
            "status": status,
            "incomplete_details": details,
            "output": items,
            "usage": _usage(whole.usage) if whole.usage else None,
        }
        self._kept.items += to_go_on_from(items)

    def _event(self, name: str, **data: Any) -> str:
        self._number += 1
        return event({"type": name, "sequence_number": self._number, **data}, name)


def _response(asked: ResponseRequest) -> dict[str, Any]:
    return {
        "id": f"resp_{uuid4().hex}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "background": bool(asked.background),
        "error": None,
        "incomplete_details": None,
        "instructions": asked.instructions,
        "max_output_tokens": asked.max_output_tokens,
        "metadata": asked.metadata or {},
        "model": asked.model,
        "output": [],
        "parallel_tool_calls": asked.parallel_tool_calls is not False,
        "previous_response_id": asked.previous_response_id,
        "reasoning": {"effort": asked.reasoning.effort if asked.reasoning else None},
        "store": asked.store is not False,
        "temperature": asked.temperature,
        "text": {"format": (asked.text and asked.text.format) or {"type": "text"}},
        "tool_choice": asked.tool_choice or "auto",
        "tools": [t for t in asked.tools or () if t.get("type") in _SHOWN],
        "top_p": asked.top_p,
        "truncation": "disabled",
        "usage": None,
    }


def _usage(usage: dict[str, Any]) -> dict[str, Any]:
    cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
    prompt, completion = usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": completion,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": prompt + completion,
    }
