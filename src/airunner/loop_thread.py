"""From blocking code on any thread into an event loop, somebody else's or one of its own.

Owns the bridge and the thread; knows nothing of models. anyio's blocking portal does
not serve: an interrupt while it waits for a busy loop leaves the work running with
nobody to cancel it, leaving it waits for what still runs instead of ending it, and a
finalizer, which may come on the loop's own thread, cannot give it anything to do.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from concurrent.futures import CancelledError, Future
from contextlib import aclosing, suppress
from functools import partial
from typing import Any, TypeVar

from airunner.errors import AiRunnerError

T = TypeVar("T")


class LoopBridge:
    """A way for other threads into an event loop, from ``open`` until ``end``.

    Work that is submitted runs in the context (variables) of whoever submitted it.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        # Work that comes in while the loop ends would never be run, and its caller
        # would wait for ever. Reentrant, because a finalizer can come in at any point.
        self._door = threading.RLock()
        self._tasks: set[asyncio.Task[Any]] = set()

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take work for ``loop``, which runs until ``end`` has returned."""
        self._loop = loop

    async def end(self) -> None:
        """On the loop: take no more work, cancel what still runs, return when it has ended."""
        with self._door:
            self._loop = None
        await asyncio.sleep(0)  # what came in before has begun by then
        others = self._tasks - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a coroutine. Cancelling the future cancels the coroutine.

        Raises:
            AiRunnerError: the loop has ended.
        """
        outcome: Future[T] = Future()

        def start() -> None:
            task = self._start(work)
            task.add_done_callback(partial(_pass_on, outcome))
            outcome.add_done_callback(
                lambda done: self.soon(task.cancel) if done.cancelled() else None
            )

        try:
            self._send(start)
        except AiRunnerError:
            work.close()
            raise
        return outcome

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine and wait for its result; an interrupt here cancels it there.

        Raises:
            AiRunnerError: the loop has ended, or ended before the work did.
            RuntimeError: called from the loop's own thread, where waiting would never end.
        """
        if self._loop is not None and _running_loop() is self._loop:
            work.close()
            raise RuntimeError("this would block the event loop it waits for; await it instead")
        outcome = self.submit(work)
        try:
            return outcome.result()
        except CancelledError:
            raise ended() from None
        except BaseException:
            outcome.cancel()
            raise

    def soon(self, callback: Callable[[], object]) -> None:
        """Run a quick function on the loop, some time soon; dropped if the loop has ended."""
        with suppress(AiRunnerError):
            self._send(callback)

    def iterate(self, items: AsyncGenerator[T, None]) -> Generator[T, None, None]:
        """The items of an asynchronous generator, one by one.

        Closing this generator closes that one and returns when it has cleaned up.

        Raises:
            AiRunnerError: the loop has ended, or ended before the items did.
        """
        # The items, and at last the task that delivered them: even one that is
        # cancelled before its first step arrives here.
        received: queue.SimpleQueue[Any] = queue.SimpleQueue()
        tasks: list[asyncio.Task[None]] = []

        async def pump() -> None:
            async with aclosing(items):
                async for item in items:
                    received.put(item)

        def start() -> None:
            tasks.append(self._start(pump()))
            tasks[0].add_done_callback(received.put)

        self._send(start)
        item: Any = None
        try:
            while not isinstance(item := received.get(), asyncio.Task):
                yield item
        finally:
            if not isinstance(item, asyncio.Task):
                self.soon(lambda: tasks[0].cancel())
                while not isinstance(item := received.get(), asyncio.Task):
                    pass
            failure = None if item.cancelled() else item.exception()
        if item.cancelled():
            raise ended()
        if failure is not None:
            raise failure

    async def iterate_beside(self, items: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        """``iterate`` for code on another loop: waits for no item that nobody wants any more.

        Closing this generator, or cancelling who waits for it, cancels that one.

        Raises:
            AiRunnerError: the loop has ended, or ended before the items did.
        """
        here = asyncio.get_running_loop()
        received: asyncio.Queue[list[T]] = asyncio.Queue()

        async def pump() -> None:
            async with aclosing(items):
                async for item in items:
                    here.call_soon_threadsafe(received.put_nowait, [item])

        outcome = self.submit(pump())
        outcome.add_done_callback(lambda _: here.call_soon_threadsafe(received.put_nowait, []))
        try:
            while delivered := await received.get():
                yield delivered[0]
        finally:
            outcome.cancel()
        if outcome.cancelled():
            raise ended()
        outcome.result()

    def _send(self, callback: Callable[[], object]) -> None:
        with self._door:
            if self._loop is None:
                raise ended()
            self._loop.call_soon_threadsafe(callback)

    def _start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class LoopThread(LoopBridge):
    """A daemon thread that runs one event loop until ``close``."""

    def __init__(self, name: str) -> None:
        super().__init__()
        loop = asyncio.new_event_loop()
        self.open(loop)
        self._thread = threading.Thread(target=_run, args=(loop,), name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Cancel what still runs, end the loop and join the thread. Safe to call twice."""
        with self._door:
            loop, self._loop = self._loop, None
            if loop is not None:
                loop.call_soon_threadsafe(loop.stop)
        self._thread.join()


def ended() -> AiRunnerError:
    """What is raised where AI Runner is asked for something after its end."""
    return AiRunnerError("AI Runner has been shut down; start it again.")


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _pass_on(outcome: Future[T], task: asyncio.Task[T]) -> None:
    if task.cancelled():
        outcome.cancel()
        return
    error = task.exception()
    if not outcome.set_running_or_notify_cancel():
        return
    if error is None:
        outcome.set_result(task.result())
    else:
        outcome.set_exception(error)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(_cancel_others())
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
