"""A piece of a client's work, with what happens meanwhile as server-sent events.

Owns which events belong to a piece of work: its own, and those about models and memory,
which everybody's work shares; never what another client says or does.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextvars import ContextVar, copy_context
from typing import Any
from uuid import uuid4

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from airunner.events import (
    ConversationSwitched,
    DownloadProgressed,
    Event,
    EventBus,
    FallbackChosen,
    SpecialistFailed,
)
from airunner.runtime.native_form import API
from airunner.server.native.native_route import native_problem
from airunner.server.problems import Problem
from airunner.server.streams import event, stream_response, unless_hung_up

_current: ContextVar[object] = ContextVar("airunner_native_work", default=None)
_PRIVATE = (ConversationSwitched, DownloadProgressed, FallbackChosen, SpecialistFailed)


class Work:
    """A coroutine that runs as a task of its own from ``pieces`` on, until it ends or is cancelled.

    ``id`` is what it may be cancelled by; ``on_end`` is called when it has ended, however.
    """

    def __init__(
        self,
        bus: EventBus,
        work: Coroutine[Any, Any, Any],
        on_end: Callable[[], object] = lambda: None,
    ) -> None:
        self.id = f"work_{uuid4().hex[:16]}"
        self._bus, self._work, self._on_end = bus, work, on_end
        self._task: asyncio.Task[Any] | None = None
        self._broken_off = False
        self._names: set[str] = set()

    async def cancel(self) -> None:
        """End it early, if it still runs; returns when it has ended."""
        if self._task is not None:
            self._break_off(self._task)
            await asyncio.wait([self._task])

    def _break_off(self, task: asyncio.Task[Any]) -> None:
        """Once: a second time would break off how it cleans up."""
        if not self._broken_off:
            self._broken_off = True
            task.cancel()

    async def pieces(self) -> AsyncGenerator[str, None]:
        """``begun``, each event, and at last ``result``, ``error`` or ``cancelled``.

        Closing the generator cancels the work.
        """
        happened: asyncio.Queue[Event | None] = asyncio.Queue()
        loop, context = asyncio.get_running_loop(), copy_context()
        context.run(_current.set, self)

        def hear(each: Event) -> None:
            if self._is_mine(each):
                loop.call_soon_threadsafe(happened.put_nowait, each)

        unsubscribe = self._bus.subscribe(hear)
        self._task = task = loop.create_task(self._work, context=context)
        task.add_done_callback(lambda _: self._on_end())
        task.add_done_callback(lambda _: loop.call_soon(happened.put_nowait, None))
        try:
            yield piece({"id": self.id}, "begun")
            while (each := await happened.get()) is not None:
                yield piece(each.as_json(), each.kind)
            yield _ending(task)
        finally:
            unsubscribe()
            self._break_off(task)

    def _is_mine(self, each: Event) -> bool:
        """On the publisher's thread, in the publisher's context."""
        name = getattr(each, "turn", "") or getattr(each, "owner", "")
        if _current.get() is self:
            self._names.add(name)
            return True
        # A tool's server tells of progress on a thread of its own.
        return name in self._names if name else not isinstance(each, _PRIVATE)


async def answer_with(
    request: Request, bus: EventBus, work: Coroutine[Any, Any, Any], stream: bool
) -> Response:
    """Do a piece of work for a client: as a stream of what happens, or as its result alone.

    Raises:
        AiRunnerError: without a stream, what the work raised.
        HungUpError: the client has gone.
    """
    if not stream:
        return JSONResponse(await unless_hung_up(request, work))
    return await stream_response(request, Work(bus, work).pieces(), tell)


def piece(value: Any, name: str) -> str:
    """A server-sent event whose data is one line of ASCII, whatever was said."""
    return event(json.dumps(value), name)


def tell(problem: Problem) -> str:
    """An error as a piece of a stream."""
    return piece(problem.body(API), "error")


def _ending(task: asyncio.Task[Any]) -> str:
    if task.cancelled():
        return piece({}, "cancelled")
    error = task.exception()
    return piece(task.result(), "result") if error is None else tell(native_problem(error))
