"""How fast bytes come, and how long the rest takes.

Owns that one estimate: a mean over the last seconds, so that it follows a connection that
becomes slow without jumping with every chunk.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

WINDOW_S = 10.0
"""Seconds that the mean looks back."""

_SHORTEST_S = 0.2
"""Less than this says nothing about a rate."""


class RateMeter:
    """Bytes a second of one fetch; ``now`` is monotonic seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self._step = ""
        self._seen: deque[tuple[float, int]] = deque()

    def take(self, step: str, done_bytes: int) -> float | None:
        """Bytes a second of ``step`` now that it has ``done_bytes``; ``None`` at its beginning.

        Bytes that were there before the first call, from a fetch that broke off, do not count.
        """
        now_s = self.now()
        if step != self._step or (self._seen and done_bytes < self._seen[-1][1]):
            self._step = step
            self._seen.clear()
        self._seen.append((now_s, done_bytes))
        while len(self._seen) > 2 and self._seen[1][0] <= now_s - WINDOW_S:
            self._seen.popleft()
        began_s, began_bytes = self._seen[0]
        if now_s - began_s < _SHORTEST_S:
            return None
        return (done_bytes - began_bytes) / (now_s - began_s)


def left_s(done_bytes: int, total_bytes: int | None, bytes_per_s: float | None) -> float | None:
    """Seconds until all bytes are there at that rate; ``None`` if nobody can say."""
    if total_bytes is None or not bytes_per_s:
        return None
    return max(0, total_bytes - done_bytes) / bytes_per_s
