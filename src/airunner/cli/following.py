"""Showing events while they happen, without holding up those who publish them.

Owns the thread that shows and the order: every event of the bus once, as
published. What is shown, and how, is the caller's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue

from airunner.events import Event, EventBus

_CHECK_S = 0.5


class Follower:
    """Hands each event to ``show`` on a thread of its own."""

    def __init__(self, show: Callable[[Event], object]) -> None:
        self._show = show
        self._events: SimpleQueue[Event | threading.Event | None] = SimpleQueue()
        self._failure: BaseException | None = None
        self._showing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="showing events", daemon=True)
        self._thread.start()

    def take(self, event: Event) -> None:
        """Queue an event; returns at once, from any thread."""
        self._events.put(event)

    def check(self) -> None:
        """Raise what stopped the showing, such as a closed pipe, so that the work stops too."""
        if self._failure is not None:
            raise self._failure

    def wait(self) -> None:
        """Return when everything taken so far was shown."""
        reached = threading.Event()
        self._events.put(reached)
        while not reached.wait(_CHECK_S):
            self.check()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Show nothing during the body, in which somebody is asked something.

        What was taken before is shown first, what comes meanwhile after.
        """
        self.wait()
        with self._showing:
            yield

    def show_now(self, event: Event) -> None:
        """Show an event before those that wait, while they are ``held``."""
        self._show(event)

    def finish(self) -> None:
        """Show what was taken so far and end."""
        self._events.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            while (event := self._events.get()) is not None:
                if isinstance(event, threading.Event):
                    event.set()
                else:
                    with self._showing:
                        self._show(event)
        except Exception as failure:
            self._failure = failure


@contextmanager
def following(bus: EventBus, show: Callable[[Event], object]) -> Iterator[Follower]:
    """Show every event that is published during the body; all are shown when it is left."""
    follower = Follower(show)
    unsubscribe = bus.subscribe(follower.take)
    try:
        yield follower
    finally:
        unsubscribe()
        follower.finish()
    follower.check()
