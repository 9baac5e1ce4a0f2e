"""Answers on their way to a client: server-sent events, lines, and a client that hangs up.

Owns that work ends when nobody waits for it any more, that an error before the first piece
is a response of its own while a later one is told inside the stream, and that a client hears
something while there is nothing to send. Many give up where they hear nothing for a while,
Codex and what is made with Node after five minutes: so long a processor takes to read a prompt
of 20,000 tokens, or a call of a tool to come to Ollama's clients, who get it in one piece.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import StreamingResponse
from pydantic_core import to_json
from starlette.types import Receive, Scope, Send

from airunner.errors import HungUpError, ServerStoppedError
from airunner.server.problems import Problem, problem_of

T = TypeVar("T")
SILENCE_S = 15.0
"""After so long without a piece a client is sent a sign that the work goes on."""

SSE = "text/event-stream"

NDJSON = "application/x-ndjson"
_STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


async def unless_hung_up(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of ``work``, which is cancelled at once if the client goes.

    Raises:
        HungUpError: it has gone.
        ServerStoppedError: the server waits no longer.
    """
    watch = asyncio.ensure_future(_hang_up(request))
    try:
        async with _WhileThere(watch):
            return await work
    finally:
        watch.cancel()


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
        ServerStoppedError: the server waits no longer.
    """
    watch = asyncio.ensure_future(_hang_up(request))
    first = asyncio.ensure_future(_first(pieces))
    try:
        async with _WhileThere(watch):
            await asyncio.wait([first], timeout=silence_s if alive else None)
        if first.done():
            first.result()
    except BaseException:
        watch.cancel()
        await _end(pieces, first)
        raise
    return _Stream(pieces, media_type, first, watch, tell, alive, silence_s)


class _Stream(StreamingResponse):
    """``first`` and then ``pieces`` until ``watch`` has ended, with signs of life between them.

    ``tell`` and ``alive``: see ``stream_response``.
    """

    def __init__(
        self,
        pieces: AsyncGenerator[str, None],
        media_type: str,
        first: asyncio.Future[str | None],
        watch: asyncio.Future[None],
        tell: Callable[[Problem], str],
        alive: Callable[[], str] | None,
        silence_s: float,
    ) -> None:
        super().__init__(pieces, media_type=media_type, headers=_STREAM_HEADERS)
        self._pieces, self._first, self._watch = pieces, first, watch
        self._tell, self._alive, self._silence_s = tell, alive, silence_s
        self._sent_s = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it all, as long as the client is there."""
        try:
            async with _WhileThere(self._watch):
                await self.stream_response(send)
        except HungUpError:
            pass  # nobody is there to be told
        except ServerStoppedError as error:
            await self._send(send, self._tell(problem_of(error)))
            await _send_end(send)
        finally:
            self._watch.cancel()
            await _end(self._pieces, self._first)

    async def stream_response(self, send: Send) -> None:
        """Send it all; once it has begun, a task of its own watches for silence."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if self._alive is None:
            await self._send_pieces(send)
        else:
            while not self._first.done():
                await self._send(send, self._alive())
                await asyncio.wait([self._first], timeout=self._silence_s)
            watching = asyncio.create_task(self._break_silence(send, self._alive))
            try:
                await self._send_pieces(send)
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
        await _send_end(send)

    async def _send_pieces(self, send: Send) -> None:
        """Send the first here, for another task would get it a turn of the loop later.

        The others are sent by a task of their own. What wakes up for a piece would else go
        through all that is around a route, some twenty calls down and up again.
        """
        try:
            if (begun := await self._first) is not None:
                await self._send(send, begun)
                await asyncio.create_task(self._send_rest(send))
        except Exception as error:
            await self._send(send, self._tell(problem_of(error)))

    async def _send_rest(self, send: Send) -> None:
        async for piece in self._pieces:
            await self._send(send, piece)

    async def _send(self, send: Send, piece: str) -> None:
        self._sent_s = asyncio.get_running_loop().time()
        await send({"type": "http.response.body", "body": piece.encode(), "more_body": True})

    async def _break_silence(self, send: Send, alive: Callable[[], str]) -> None:
        loop = asyncio.get_running_loop()
        while True:
            left_s = self._sent_s + self._silence_s - loop.time()
            if left_s > 0:
                await asyncio.sleep(left_s)
            else:
                await self._send(send, alive())


async def _send_end(send: Send) -> None:
    await send({"type": "http.response.body", "body": b"", "more_body": False})


class _WhileThere:
    """Cancels the body of ``async with`` once ``watch`` has ended.

    Raises:
        HungUpError: it was cancelled.
        ServerStoppedError: the request was, which is what a server does at its end.
    """

    def __init__(self, watch: asyncio.Future[None]) -> None:
        self._watch = watch
        self._limit = asyncio.timeout(None)
        self._is_open = True

    async def __aenter__(self) -> None:
        await self._limit.__aenter__()
        self._watch.add_done_callback(self._gone)

    async def __aexit__(self, *raised: Any) -> None:
        self._is_open = False  # the callback may be on its way
        self._watch.remove_done_callback(self._gone)
        try:
            await self._limit.__aexit__(*raised)
        except TimeoutError:
            raise HungUpError from None
        if isinstance(raised[1], asyncio.CancelledError):
            raise ServerStoppedError from None

    def _gone(self, _: object) -> None:
        if self._is_open:
            self._limit.reschedule(0)


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
    return lambda rest: f"data: {begun},{_encoded(rest)[1:]}\n\n"


def _encoded(data: Any) -> str:
    # In a fifth of the time that Python's own encoder takes for a token.
    return to_json(data).decode()


async def _first(pieces: AsyncGenerator[str, None]) -> str | None:
    return await anext(pieces, None)


async def _end(pieces: AsyncGenerator[str, None], first: asyncio.Future[str | None]) -> None:
    """Close ``pieces``, of which ``first`` may still be waited for."""
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await pieces.aclose()


async def _hang_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
