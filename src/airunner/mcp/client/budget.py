"""How fast a server may speak: what it says costs time, and it cannot have all of it.

Owns the figures, and waiting. Who says too much is not read for a while, and then waits
itself, as the pipe between is full; nothing is lost, and nothing is piled up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

MOST_MESSAGE_BYTES = 8 * 2**20
"""The largest message; a result with a picture fits. Who sends more is ended."""

MOST_MESSAGE_ITEMS = 500_000
"""Values of the largest message: in memory each takes up to twenty times its bytes."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So much at once, and so much a second after that."""

    at_once: float
    per_s: float


MESSAGE_BYTES = Rate(2 * MOST_MESSAGE_BYTES, 2 * 2**20)
MESSAGES = Rate(2_000, 200)
LOG_BYTES = Rate(2**20, 128 * 1024)


class Budget:
    """What is left of a rate. ``clock`` gives seconds that only grow."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._left, self._seen_s = rate.at_once, clock()

    def owed_s(self, amount: float) -> float:
        """Spend ``amount``; how long to wait until it is paid for, in seconds."""
        now_s = self._clock()
        grown = self._left + (now_s - self._seen_s) * self._rate.per_s
        self._left, self._seen_s = min(grown, self._rate.at_once) - amount, now_s
        return max(0.0, -self._left / self._rate.per_s)

    async def spend(self, amount: float) -> None:
        """Spend ``amount``, and wait until it is paid for."""
        if owed_s := self.owed_s(amount):
            await asyncio.sleep(owed_s)
