"""``/api/v1/events``: everything that happens, numbered, for any number of readers.

Owns the ring of the last events. Each is encoded once; a reader is a place in the ring and
a coroutine that waits, so a thousand idle ones cost little. A reader that falls behind, or
returns too late, is told how many it has missed.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import AsyncGenerator
from typing import Any

from airunner.events import Decided, Event, EventBus
from airunner.scheduling.decision_words import decision_line
from airunner.server.native.work import piece

KEPT_EVENTS = 2_000
KEPT_DECISIONS = 500
QUIET_S = 15.0
"""After so many seconds without an event a comment is sent, which keeps a connection open."""

QUIET = ": quiet\n\n"


class EventLog:
    """The last events of a bus. Made on the loop that reads them.

    Numbers grow without a gap, and over restarts of the server: the first one is the
    time in microseconds, which JavaScript can still count exactly.
    """

    def __init__(self, bus: EventBus, ending: asyncio.Event) -> None:
        self._ring: deque[str] = deque(maxlen=KEPT_EVENTS)
        self._next = self._began = time.time_ns() // 1000
        self._news = asyncio.Event()
        self._ending = ending
        self._decided: deque[dict[str, Any]] = deque(maxlen=KEPT_DECISIONS)
        self._loop = asyncio.get_running_loop()
        self._ends = self._loop.create_task(self._wake_at_the_end())
        bus.subscribe(self._hear)

    def decisions(self, last: int) -> list[dict[str, Any]]:
        """The last decisions about models and memory with their bytes and in words."""
        return list(self._decided)[-last:] if last > 0 else []

    async def pieces(self, after: int | None) -> AsyncGenerator[str, None]:
        """What happens from now on, or ``after`` the event of that number, as it happens."""
        place = self._next if after is None else after + 1
        yield ": AI Runner's events\n\n"
        while not self._ending.is_set():
            first = self._next - len(self._ring)
            if place < first:
                missed = first - place if place >= self._began else None  # of an earlier server
                yield piece({"missed": missed}, "gap")
                place = first
            place = min(place, self._next)
            new = list(itertools.islice(self._ring, place - first, None))
            place += len(new)
            for each in new:
                yield each
            if not new and not await self._comes():
                yield QUIET

    async def _comes(self) -> bool:
        try:
            async with asyncio.timeout(QUIET_S):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    def _hear(self, event: Event) -> None:
        value = event.as_json()
        decided = value | {"words": decision_line(value)} if isinstance(event, Decided) else None
        self._loop.call_soon_threadsafe(self._append, piece(value, event.kind), decided)

    def _append(self, encoded: str, decided: dict[str, Any] | None) -> None:
        self._ring.append(f"id: {self._next}\n{encoded}")
        self._next += 1
        if decided is not None:
            self._decided.append(decided)
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _wake_at_the_end(self) -> None:
        await self._ending.wait()
        self._wake()
