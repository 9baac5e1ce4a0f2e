"""The runtime's events on the server's loop, wherever they were published."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from airunner.events import Event, EventBus


@contextmanager
def event_feed(bus: EventBus) -> Iterator[asyncio.Queue[Event]]:
    """A queue of what is published during the body."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[Event]()

    def hear(event: Event) -> None:
        loop.call_soon_threadsafe(queue.put_nowait, event)

    unsubscribe = bus.subscribe(hear)
    try:
        yield queue
    finally:
        unsubscribe()
