"""The last minutes of memory: bytes by device and model, as they changed.

Owns the samples. One is taken when something about models or memory has happened, at most
one a second, so that a quiet night costs nothing and a swap shows its steps.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from airunner.events import (
    Decided,
    Event,
    EventBus,
    ModelLoaded,
    ModelLoadFailed,
    ModelParked,
    ModelReleased,
    ModelRestored,
    WorkerDied,
)
from airunner.resources.status import DeviceStatus, Status

KEPT_S = 15 * 60.0
EVERY_S = 1.0
_TELLING = (
    *(Decided, ModelLoaded, ModelLoadFailed, ModelParked, ModelReleased, ModelRestored),
    WorkerDied,
)


@dataclass(frozen=True, slots=True)
class ModelBytes:
    """What a model had at one moment: bytes on its device, and parked elsewhere."""

    model: str
    device: str
    state: str
    held_bytes: int
    parked_bytes: int


@dataclass(frozen=True, slots=True)
class Sample:
    """The memory at ``at_s`` (Unix time), which holds until the next sample."""

    at_s: float
    devices: tuple[DeviceStatus, ...]
    models: tuple[ModelBytes, ...]
    waiting: int

    @classmethod
    def of(cls, status: Status, at_s: float) -> Sample:
        """The memory as ``status`` has it; models that hold nothing anywhere are left out."""
        models = tuple(
            ModelBytes(m.model, m.device, m.state, m.held_bytes, m.parked_bytes)
            for m in status.models
            if m.held_bytes or m.parked_bytes
        )
        return cls(at_s, status.devices, models, len(status.waiting))


class MemoryTimeline:
    """See the module's description. Made and used on the loop that serves.

    Args:
        status: the memory now; measures nothing.
        bus: tells when something happened.
        now: Unix time in seconds.
        every_s: the shortest time between two samples, in seconds.
    """

    def __init__(
        self,
        status: Callable[[], Status],
        bus: EventBus,
        *,
        now: Callable[[], float] = time.time,
        every_s: float = EVERY_S,
    ) -> None:
        self._status, self._now, self._every_s = status, now, every_s
        self._samples: deque[Sample] = deque()
        self._loop = asyncio.get_running_loop()
        self._due: asyncio.TimerHandle | None = None
        self._taken_s = float("-inf")
        bus.subscribe(self._hear)
        self._take()

    def samples(self, after_s: float = 0.0) -> list[Sample]:
        """Oldest first: those taken later than ``after_s`` (Unix time).

        The first of all may be older than the time that is kept: it says how that began.
        """
        self._take()
        return [each for each in self._samples if each.at_s > after_s]

    def as_json(self, after_s: float = 0.0) -> dict[str, Any]:
        """The samples as JSON-ready values, with the window that they are of."""
        now_s = self._now()
        return {
            "since_s": now_s - KEPT_S,
            "now_s": now_s,
            "every_s": self._every_s,
            "samples": [asdict(each) for each in self.samples(after_s)],
        }

    def _hear(self, event: Event) -> None:
        if isinstance(event, _TELLING):
            self._loop.call_soon_threadsafe(self._soon)

    def _soon(self) -> None:
        if self._due is None:
            wait_s = max(0.0, self._taken_s + self._every_s - self._loop.time())
            self._due = self._loop.call_later(wait_s, self._on_time)

    def _on_time(self) -> None:
        self._due = None
        self._take()

    def _take(self) -> None:
        now_s = self._now()
        sample = Sample.of(self._status(), now_s)
        while self._samples and self._samples[-1].at_s > now_s:
            self._samples.pop()  # the clock was set back: they would stay until it is there again
        last = self._samples[-1] if self._samples else None
        if last is None or _content(last) != _content(sample):
            self._samples.append(sample)
            self._taken_s = self._loop.time()
        while len(self._samples) > 1 and self._samples[1].at_s < now_s - KEPT_S:
            self._samples.popleft()


def _content(sample: Sample) -> tuple[object, ...]:
    return sample.devices, sample.models, sample.waiting
