"""A piece of a client's work, with what happens meanwhile, for as many readers as there are.

Owns which events belong to a piece of work: its own, and those about models and memory,
which everybody's work shares; never what another client says or does.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing
from contextvars import ContextVar, copy_context
from typing import Any
from uuid import uuid4

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from airunner.events import (
    ConversationSwitched,
    DownloadChanged,
    DownloadProgressed,
    Event,
    EventBus,
    FallbackChosen,
    MemoryAwaited,
    PictureDeleted,
    SlotAwaited,
    SpecialistFailed,
    TextStreamed,
)
from airunner.messages import Delta
from airunner.runtime.native_form import API
from airunner.server.native.native_route import native_problem
from airunner.server.problems import Problem
from airunner.server.streams import event, stream_response, unless_hung_up

KEPT_EVENTS = 20_000
"""How many events a piece of work keeps for readers that come late or come back."""

_CLOSING_S = 0.05
"""How soon a stop that may wait no longer is noticed."""

_current: ContextVar[object] = ContextVar("airunner_native_work", default=None)
_PRIVATE = (
    *(ConversationSwitched, DownloadChanged, DownloadProgressed),
    *(FallbackChosen, MemoryAwaited, PictureDeleted, SlotAwaited, SpecialistFailed),
)


class Work:
    """A coroutine that runs as a task of its own from ``start`` on, until it ends or is cancelled.

    ``id`` is what it may be cancelled by; ``on_end`` is called when it has ended, however.
    Used on one event loop.
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
        self._happened: deque[Event] = deque(maxlen=KEPT_EVENTS)
        self._count = 0
        self._news = asyncio.Event()
        self._ended = False

    @property
    def running(self) -> bool:
        """It has begun, and has not ended."""
        return self._task is not None and not self._ended

    def start(self) -> None:
        """Begin; once."""
        loop, context = asyncio.get_running_loop(), copy_context()
        context.run(_current.set, self)

        def hear(each: Event) -> None:
            if self._is_mine(each):
                loop.call_soon_threadsafe(self.append, each)

        unsubscribe = self._bus.subscribe(hear)

        def end() -> None:
            unsubscribe()
            self._ended = True
            self._wake()

        self._task = loop.create_task(self._work, context=context)
        self._task.add_done_callback(lambda _: self._on_end())
        # What was published before the end is appended before it.
        self._task.add_done_callback(lambda _: loop.call_soon(end))

    async def cancel(self) -> None:
        """End it early, if it still runs; returns when it has ended."""
        if self._task is not None:
            self.break_off()
            await asyncio.wait([self._task])

    async def wait(self, timeout_s: float) -> None:
        """Wait until it has ended, or no longer."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=timeout_s)

    async def batches(self, after: int = 0) -> AsyncGenerator[list[tuple[int, Event]], None]:
        """What has happened since event number ``after``, and what does, until the end.

        Each batch is all that is new, with its numbers, which begin with 1. Where more
        happened than is kept, the numbers have a gap.
        """
        place = after
        while True:
            first = self._count - len(self._happened)
            place = min(max(place, first), self._count)
            new = list(itertools.islice(self._happened, place - first, None))
            if new:
                yield list(enumerate(new, place + 1))
                place += len(new)
            elif self._ended:
                return
            else:
                await self._news.wait()

    def ending(self) -> str:
        """How it ended, as a piece of a stream: ``result``, ``error`` or ``cancelled``."""
        assert self._task is not None, "it has not begun"
        if self._task.cancelled():
            return piece({}, "cancelled")
        error = self._task.exception()
        return (
            piece(self._task.result(), "result") if error is None else tell(native_problem(error))
        )

    @property
    def has_been_cancelled(self) -> bool:
        """It was ended early."""
        return self._task is not None and self._task.cancelled()

    @property
    def error(self) -> BaseException | None:
        """What the work raised, once it has ended; being ended early is none."""
        if self._task is None or not self._task.done() or self._task.cancelled():
            return None
        return self._task.exception()

    async def result(self) -> Any:
        """What came of it; waits for that.

        Raises:
            AiRunnerError: what the work raised.
            CancelledError: it was ended early.
        """
        assert self._task is not None, "it has not begun"
        return await asyncio.shield(self._task)

    def forget(self) -> None:
        """Keep nothing for readers any more."""
        self._happened.clear()

    async def pieces(self, after: int = 0) -> AsyncGenerator[str, None]:
        """``begun``, each event, and at last ``result``, ``error`` or ``cancelled``."""
        yield piece({"id": self.id}, "begun")
        async with aclosing(self.batches(after)) as batches:
            async for batch in batches:
                for number, each in batch:
                    yield piece(each.as_json(), each.kind, number)
        yield self.ending()

    def break_off(self) -> None:
        """End it early, and do not wait; once, as another time would break off how it cleans up."""
        if self._task is not None and not self._broken_off:
            self._broken_off = True
            self._task.cancel()

    def append(self, each: Event) -> None:
        """Tell its readers of something that nobody else hears of."""
        self._happened.append(each)
        self._count += 1
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _is_mine(self, each: Event) -> bool:
        """On the publisher's thread, in the publisher's context."""
        name = getattr(each, "turn", "") or getattr(each, "owner", "")
        if _current.get() is self:
            self._names.add(name)
            return True
        # A tool's server tells of progress on a thread of its own.
        return name in self._names if name else not isinstance(each, _PRIVATE)


def tell_text(delta: Delta) -> None:
    """Tell the readers of the work that this runs in of a piece of text, and nobody else."""
    work = _current.get()
    if isinstance(work, Work) and delta.text:
        work.append(TextStreamed(turn="", text=delta.text))


async def let_end(
    works: Sequence[Work], patience_s: float, hurry: Callable[[], bool] = lambda: False
) -> None:
    """Wait until all have ended, for so long or until ``hurry``; then break off the rest."""
    now_s = asyncio.get_running_loop().time
    ends_s = now_s() + patience_s
    for work in works:
        while work.running and now_s() < ends_s and not hurry():
            await work.wait(_CLOSING_S)
    await asyncio.gather(*(work.cancel() for work in works))


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
    return await stream_response(request, _watched(Work(bus, work)), tell)


async def _watched(work: Work) -> AsyncGenerator[str, None]:
    """What happens in ``work``, which begins with the reading and ends with it."""
    work.start()
    try:
        async with aclosing(work.pieces()) as pieces:
            async for each in pieces:
                yield each
    finally:
        work.break_off()


def piece(value: Any, name: str, number: int | None = None) -> str:
    """A server-sent event whose data is one line of ASCII, whatever was said."""
    return event(json.dumps(value), name, number)


def tell(problem: Problem) -> str:
    """An error as a piece of a stream."""
    return piece(problem.body(API), "error")
