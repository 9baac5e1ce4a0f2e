"""An event loop on a thread of its own, for callers that block.

Owns the thread and the bridge into it; knows nothing of models.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from concurrent.futures import Future
from contextlib import aclosing
from typing import Any, TypeVar

T = TypeVar("T")

_END = object()


class LoopThread:
    """A daemon thread that runs one event loop until ``close``.

    Work is submitted from other threads and runs in the context (variables) of
    whoever submitted it.
    """

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a coroutine. Cancelling the future cancels the coroutine."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine and wait for its result; an interrupt here cancels it there.

        Raises:
            RuntimeError: called from the loop's own thread, where waiting would never end.
        """
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("this would block the event loop it waits for; await it instead")
        outcome = self.submit(work)
        try:
            return outcome.result()
        except BaseException:
            outcome.cancel()
            raise

    def soon(self, callback: Callable[[], object]) -> None:
        """Run a quick function on the loop, some time soon; dropped if the loop has ended."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback)

    def iterate(self, items: AsyncGenerator[T, None]) -> Generator[T, None, None]:
        """The items of an asynchronous generator, one by one.

        Closing this generator closes that one and returns when it has cleaned up.
        """
        received: queue.SimpleQueue[Any] = queue.SimpleQueue()

        async def pump() -> None:
            try:
                async with aclosing(items):
                    async for item in items:
                        received.put(item)
            finally:
                received.put(_END)

        outcome = self.submit(pump())
        ended = False
        try:
            while (item := received.get()) is not _END:
                yield item
            ended = True
            outcome.result()
        finally:
            outcome.cancel()
            while not ended:
                ended = received.get() is _END

    def close(self) -> None:
        """Cancel what still runs, end the loop and join the thread. Safe to call twice."""
        if self._thread.is_alive():
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
