"""An event loop on a thread of its own, for callers that block.

Owns the thread and the bridge into it; knows nothing of models.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from concurrent.futures import CancelledError, Future
from contextlib import aclosing
from typing import Any, TypeVar

from airunner.errors import AiRunnerError

T = TypeVar("T")


class LoopThread:
    """A daemon thread that runs one event loop until ``close``.

    Work is submitted from other threads and runs in the context (variables) of
    whoever submitted it.
    """

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        # Work that comes in while the loop ends would never be run, and its caller
        # would wait for ever. Reentrant, because a finalizer can come in at any point.
        self._door = threading.RLock()
        self._ending = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a coroutine. Cancelling the future cancels the coroutine.

        Raises:
            AiRunnerError: the loop has ended.
        """
        with self._door:
            if self._ending:
                work.close()
                raise _ended()
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine and wait for its result; an interrupt here cancels it there.

        Raises:
            AiRunnerError: the loop has ended, or ended before the work did.
            RuntimeError: called from the loop's own thread, where waiting would never end.
        """
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("this would block the event loop it waits for; await it instead")
        outcome = self.submit(work)
        try:
            return outcome.result()
        except CancelledError:
            raise _ended() from None
        except BaseException:
            outcome.cancel()
            raise

    def soon(self, callback: Callable[[], object]) -> None:
        """Run a quick function on the loop, some time soon; dropped if the loop has ended."""
        with self._door:
            if not self._ending:
                self._loop.call_soon_threadsafe(callback)

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
            tasks.append(self._loop.create_task(pump()))
            tasks[0].add_done_callback(received.put)

        with self._door:
            if self._ending:
                raise _ended()
            self._loop.call_soon_threadsafe(start)
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
            raise _ended()
        if failure is not None:
            raise failure

    def close(self) -> None:
        """Cancel what still runs, end the loop and join the thread. Safe to call twice."""
        with self._door:
            if not self._ending:
                self._ending = True
                self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(_cancel_others())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def _ended() -> AiRunnerError:
    return AiRunnerError("AI Runner has been shut down; start it again.")
