"""The bridge from blocking code into an event loop, and what ends with it."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextvars import ContextVar

import pytest

from airunner.errors import AiRunnerError
from airunner.loop_thread import LoopBridge, LoopThread

name: ContextVar[str] = ContextVar("name", default="nobody")


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    thread = LoopThread("test")
    yield thread
    thread.close()


class Counter:
    """Counts without end, and knows whether it was cleaned up."""

    def __init__(self) -> None:
        self.cleaned = False

    async def items(self) -> AsyncGenerator[int, None]:
        try:
            number = 0
            while True:
                yield number
                number += 1
                await asyncio.sleep(0)
        finally:
            await asyncio.sleep(0)
            self.cleaned = True


async def never() -> None:
    await asyncio.Event().wait()


def test_work_runs_on_the_loop_in_the_callers_context(loop: LoopThread) -> None:
    async def where() -> tuple[str, str]:
        return threading.current_thread().name, name.get()

    token = name.set("the caller")
    try:
        assert loop.call(where()) == ("test", "the caller")
        assert loop.submit(where()).result() == ("test", "the caller")
    finally:
        name.reset(token)


def test_an_error_comes_back_to_the_caller(loop: LoopThread) -> None:
    async def fail() -> None:
        raise AiRunnerError("as it was raised")

    with pytest.raises(AiRunnerError, match="as it was raised"):
        loop.call(fail())


def test_cancelling_the_future_cancels_the_work(loop: LoopThread) -> None:
    begun, ended = threading.Event(), threading.Event()

    async def work() -> None:
        try:
            begun.set()
            await never()
        finally:
            ended.set()

    future = loop.submit(work())
    assert begun.wait(300)
    future.cancel()
    assert ended.wait(300)


def test_waiting_on_the_loops_own_thread_is_refused_instead_of_hanging(loop: LoopThread) -> None:
    async def wait_for_itself() -> None:
        loop.call(never())

    with pytest.raises(RuntimeError, match="await it instead"):
        loop.call(wait_for_itself())


def test_items_arrive_in_order_and_closing_early_cleans_up_first(loop: LoopThread) -> None:
    counter = Counter()
    items = loop.iterate(counter.items())
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    items.close()
    assert counter.cleaned


def test_an_iteration_ends_with_its_items_or_with_their_error(loop: LoopThread) -> None:
    async def two(then: Exception | None) -> AsyncGenerator[str, None]:
        yield "a"
        yield "b"
        if then is not None:
            raise then

    assert list(loop.iterate(two(None))) == ["a", "b"]
    broken = loop.iterate(two(AiRunnerError("broke off")))
    assert (next(broken), next(broken)) == ("a", "b")
    with pytest.raises(AiRunnerError, match="broke off"):
        next(broken)


def test_an_interrupt_before_the_first_step_does_not_hang(loop: LoopThread) -> None:
    """Ctrl-C lands while the loop is busy elsewhere and has not even begun with the items."""
    main = threading.main_thread().ident
    assert main is not None
    busy = threading.Event()

    def waits_at() -> int:
        """The line of `iterate` that the main thread is in, 0 for elsewhere."""
        frame = sys._current_frames()[main]
        return frame.f_lineno if frame.f_code.co_name == "iterate" else 0

    def block() -> None:
        busy.set()
        poll(lambda: waits_at() != 0)
        line = waits_at()
        signal.pthread_kill(main, signal.SIGINT)
        poll(lambda: waits_at() != line)

    loop.soon(block)
    assert busy.wait(300)
    items = loop.iterate(Counter().items())
    with pytest.raises(KeyboardInterrupt):
        next(items)


def poll(condition: Callable[[], bool]) -> None:
    """Return when ``condition`` holds, or after minutes."""
    ends = time.monotonic() + 300
    while not condition() and time.monotonic() < ends:
        time.sleep(0.001)


def test_closing_cancels_what_runs_and_tells_who_waits(loop: LoopThread) -> None:
    begun = threading.Event()
    outcomes: list[type[BaseException]] = []

    async def work() -> None:
        begun.set()
        await never()

    def wait() -> None:
        try:
            loop.call(work())
        except AiRunnerError as error:
            outcomes.append(type(error))

    waiter = threading.Thread(target=wait)
    waiter.start()
    assert begun.wait(300)
    loop.close()
    waiter.join(300)
    assert not waiter.is_alive()
    assert outcomes == [AiRunnerError]


def test_closing_ends_an_iteration_in_progress(loop: LoopThread) -> None:
    counter = Counter()
    items = loop.iterate(counter.items())
    next(items)
    loop.close()
    with pytest.raises(AiRunnerError):
        list(items)
    assert counter.cleaned


def test_work_after_the_end_is_refused_and_leaves_nothing_unawaited(loop: LoopThread) -> None:
    loop.close()
    loop.close()
    with pytest.raises(AiRunnerError, match="shut down"):
        loop.call(never())
    with pytest.raises(AiRunnerError, match="shut down"):
        list(loop.iterate(Counter().items()))
    loop.soon(lambda: pytest.fail("ran after the end"))


def test_nobody_is_left_waiting_when_work_meets_the_end() -> None:
    """Threads that submit at the very moment of closing get an answer, whichever it is."""
    for _ in range(30):
        loop = LoopThread("short-lived")
        answered: list[str] = []
        start = threading.Barrier(3)

        def submit(
            loop: LoopThread = loop,
            answered: list[str] = answered,
            start: threading.Barrier = start,
        ) -> None:
            start.wait()
            while True:
                try:
                    loop.call(asyncio.sleep(0))
                except AiRunnerError:
                    answered.append("told")
                    return

        threads = [threading.Thread(target=submit) for _ in range(2)]
        for thread in threads:
            thread.start()
        start.wait()
        loop.close()
        for thread in threads:
            thread.join(300)
        assert answered == ["told", "told"]


def test_a_bridge_into_a_loop_that_goes_on_ends_what_came_over_it_and_nothing_else() -> None:
    async def main() -> list[str]:
        bridge = LoopBridge()
        with pytest.raises(AiRunnerError, match="shut down"):
            bridge.submit(never())
        loop = asyncio.get_running_loop()
        bridge.open(loop)
        own = asyncio.create_task(never())
        working, reading = asyncio.Event(), asyncio.Event()
        counter = Counter()
        outcomes: list[str] = []

        async def work() -> None:
            working.set()
            await never()

        def wait() -> None:
            with pytest.raises(AiRunnerError, match="shut down"):
                bridge.call(work())
            outcomes.append("told")

        def read_all() -> None:
            for _ in bridge.iterate(counter.items()):
                loop.call_soon_threadsafe(reading.set)

        def read() -> None:
            with pytest.raises(AiRunnerError, match="shut down"):
                read_all()
            outcomes.append("told")

        threads = [threading.Thread(target=target) for target in (wait, read)]
        for thread in threads:
            thread.start()
        await working.wait()
        await reading.wait()
        with pytest.raises(RuntimeError, match="await it instead"):
            bridge.call(never())
        await bridge.end()
        assert counter.cleaned
        for thread in threads:
            await asyncio.to_thread(thread.join, 10)
        assert not own.done()
        own.cancel()
        return outcomes

    assert asyncio.run(main()) == ["told", "told"]
