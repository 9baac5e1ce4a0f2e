"""Answers on their way to a client: server-sent events, lines, and a client that hangs up.

Owns that work ends when nobody waits for it any more, that an error before the first piece
is a response of its own while a later one is told inside the stream, and that a client hears
something while there is nothing to send. Many give up where they hear nothing for a while,
Codex and what is made with Node after five minutes: so long a processor takes to read a prompt
of 20,000 tokens, or a call of a tool to come to Ollama's clients, who get it in one piece.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Send

from airunner.errors import HungUpError
from airunner.server.problems import Problem, problem_of

T = TypeVar("T")
SILENCE_S = 15.0
"""After so long without a piece a client is sent a sign that the work goes on."""

SSE = "text/event-stream"

NDJSON = "application/x-ndjson"
_encoded = json.JSONEncoder(ensure_ascii=False).encode
_STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


async def unless_hung_up(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of ``work``, which is cancelled at once if the client goes.

    Raises:
        HungUpError: it has gone.
    """
    task = asyncio.ensure_future(work)
    watch = asyncio.ensure_future(_hang_up(request))
    try:
        await asyncio.wait([task, watch], return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise HungUpError
        return task.result()
    finally:
        for each in (watch, task):
            each.cancel()
        await asyncio.gather(watch, task, return_exceptions=True)


async def stream_response(
    request: Request,
    pieces: AsyncGenerator[str, None],
    tell: Callable[[Problem], str],
    media_type: str = SSE,
    alive: Callable[[], str] | None = None,
    silence_s: float = SILENCE_S,
) -> StreamingResponse:
    """Send ``pieces`` as they come; returns when the first one is there, or it takes long.

    ``tell`` writes an error as a piece of the stream. ``alive`` writes what is sent after
    every ``silence_s`` without a piece; without it nothing is, and the first one is waited for.

    Raises:
        AiRunnerError: there was no first piece.
        HungUpError: the client went before there was one.
    """
    first = asyncio.ensure_future(_first(pieces))
    try:
        limit_s = silence_s if alive else None
        await unless_hung_up(request, asyncio.wait([first], timeout=limit_s))
        if first.done():
            first.result()
    except BaseException:
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await pieces.aclose()
        raise

    async def sent() -> AsyncIterator[str]:
        async with aclosing(pieces):
            try:
                if (begun := await first) is not None:
                    yield begun
                async for piece in pieces:
                    yield piece
            except Exception as error:
                yield tell(problem_of(error))

    if alive is None:
        return StreamingResponse(sent(), media_type=media_type, headers=_STREAM_HEADERS)
    return _NeverSilent(sent(), media_type, first, alive, silence_s)


class _NeverSilent(StreamingResponse):
    """A stream with something in it after every ``silence_s``, also before its first piece."""

    def __init__(
        self,
        pieces: AsyncIterator[str],
        media_type: str,
        first: asyncio.Future[Any],
        alive: Callable[[], str],
        silence_s: float,
    ) -> None:
        super().__init__(pieces, media_type=media_type, headers=_STREAM_HEADERS)
        self._first, self._alive, self._silence_s = first, alive, silence_s
        self._sent_s = 0.0

    async def stream_response(self, send: Send) -> None:
        """Send it all; once it has begun, a task of its own watches for silence."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        try:
            while not self._first.done():
                await self._send(send, self._alive())
                await asyncio.wait([self._first], timeout=self._silence_s)
        finally:
            self._first.cancel()  # the client may have gone
        self._sent_s = asyncio.get_running_loop().time()
        watching = asyncio.create_task(self._break_silence(send))
        try:
            async for piece in self.body_iterator:
                await self._send(send, piece)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, send: Send, piece: Any) -> None:
        self._sent_s = asyncio.get_running_loop().time()
        await send({"type": "http.response.body", "body": piece.encode(), "more_body": True})

    async def _break_silence(self, send: Send) -> None:
        loop = asyncio.get_running_loop()
        while True:
            left_s = self._sent_s + self._silence_s - loop.time()
            if left_s > 0:
                await asyncio.sleep(left_s)
            else:
                await self._send(send, self._alive())


def comment() -> str:
    """What no reader of server-sent events takes for a part of an answer."""
    return ": the work goes on\n\n"


def event(data: Any, name: str = "", number: int | None = None) -> str:
    """One server-sent event."""
    lines = [f"id: {number}\n"] if number is not None else []
    if name:
        lines.append(f"event: {name}\n")
    text = data if isinstance(data, str) else _encoded(data)
    return "".join([*lines, f"data: {text}\n\n"])


def events_under(head: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], str]:
    """Writes events that all begin with the fields of ``head``, which are encoded once."""
    begun = _encoded(head).removesuffix("}")
    return lambda rest: f"data: {begun}, {_encoded(rest)[1:]}\n\n"


async def _first(pieces: AsyncGenerator[str, None]) -> str | None:
    return await anext(pieces, None)


async def _hang_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
