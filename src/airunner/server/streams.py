"""Answers on their way to a client: server-sent events, lines, and a client that hangs up.

Owns that work ends when nobody waits for it any more, and that an error before the first
piece is a response of its own while a later one is told inside the stream.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import StreamingResponse

from airunner.errors import HungUpError
from airunner.server.problems import Problem, problem_of

T = TypeVar("T")
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
) -> StreamingResponse:
    """Send ``pieces`` as they come; returns when the first one is there.

    ``tell`` writes an error as a piece of the stream.

    Raises:
        AiRunnerError: there was no first piece.
        HungUpError: the client went before there was one.
    """
    try:
        first = await unless_hung_up(request, _first(pieces))
    except BaseException:
        await pieces.aclose()
        raise

    async def sent() -> AsyncIterator[str]:
        async with aclosing(pieces):
            if first is not None:
                yield first
            try:
                async for piece in pieces:
                    yield piece
            except Exception as error:
                yield tell(problem_of(error))

    return StreamingResponse(sent(), media_type=media_type, headers=_STREAM_HEADERS)


def event(data: Any, name: str = "", number: int | None = None) -> str:
    """One server-sent event."""
    lines = [f"id: {number}\n"] if number is not None else []
    if name:
        lines.append(f"event: {name}\n")
    text = data if isinstance(data, str) else _encoded(data)
    return "".join([*lines, f"data: {text}\n\n"])


async def _first(pieces: AsyncGenerator[str, None]) -> str | None:
    return await anext(pieces, None)


async def _hang_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
