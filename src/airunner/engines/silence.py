"""How long a worker may say nothing before it is taken for stuck.

Owns the limits. They are generous, since a slow machine is no fault: what is expected of
the slowest that is usable, and a stretch from the settings on top. A worker whose process
has ended is noticed at once, by others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airunner.config.settings import Settings

SLOWEST_DISK_BYTES_PER_S = 20e6
"""A USB stick, or a network drive."""

SLOWEST_READING_BYTES_PER_S = 20e9
"""Weights passed over in reading a prompt: 4 tokens a second of a model of 5 GB."""

_BATCH = 512
DRAWING_S = 1800.0
"""One step of a picture; on a CPU it may take minutes."""


@dataclass(frozen=True, slots=True)
class SilenceLimits:
    """Seconds beyond what the work explains: to load, before the first token, between two."""

    load_s: float = 300.0
    first_token_s: float = 180.0
    next_token_s: float = 120.0

    def to_load(self, n_bytes: int) -> float:
        """The longest loading of weights of ``n_bytes``; also the saving of a state of theirs."""
        return self.load_s + n_bytes / SLOWEST_DISK_BYTES_PER_S

    def to_read(self, n_tokens: int, n_bytes: int) -> float:
        """The longest wait for the first token after a prompt of ``n_tokens``."""
        return self.first_token_s + n_tokens * n_bytes / SLOWEST_READING_BYTES_PER_S

    def to_go_on(self, n_bytes: int) -> float:
        """The longest pause between tokens, in which a batch of another prompt may be read."""
        return self.next_token_s + _BATCH * n_bytes / SLOWEST_READING_BYTES_PER_S

    @classmethod
    def of(cls, settings: Settings) -> SilenceLimits:
        """The limits that ``settings`` want."""
        return cls(settings.load_limit_s, settings.first_token_limit_s, settings.next_token_limit_s)


@dataclass(frozen=True, slots=True)
class Silence:
    """The limits of one request, in seconds: until it is answered at all, then between pieces."""

    first_s: float
    next_s: float


class SilenceWatch:
    """Watches over one wait after the other, of at most ``limit_s`` each, by a single timer.

    A timer for each of them would be a tenth of what a token costs. One that takes longer is
    ended by ``end``, which makes it come back, and ``has_ended`` says so. A limit that is
    changed counts from the next wait on.
    """

    def __init__(self, limit_s: float, end: Callable[[], object]) -> None:
        self.limit_s = limit_s
        self._end = end
        import asyncio  # not at the top: what an engine is, is told by commands without a loop

        self._loop = asyncio.get_running_loop()
        self._ends_s: float | None = None
        self.has_ended = False
        self._timer = self._loop.call_later(limit_s, self._look)

    def begin(self) -> None:
        """Begin a wait, or the one that is under way anew."""
        self._ends_s = self._loop.time() + self.limit_s
        if self._timer.when() > self._ends_s:  # the limit is shorter now
            self._timer.cancel()
            self._timer = self._loop.call_at(self._ends_s, self._look)

    def end(self) -> None:
        """End the wait: what was waited for is there."""
        self._ends_s = None

    def renew(self) -> None:
        """Let the wait that is under way, if one is, begin now: there was a sign of life."""
        if self._ends_s is not None:
            self.begin()

    def close(self) -> None:
        """Watch no more."""
        self._timer.cancel()

    def _look(self) -> None:
        ends_s = self._loop.time() + self.limit_s if self._ends_s is None else self._ends_s
        if ends_s > self._loop.time():
            self._timer = self._loop.call_at(ends_s, self._look)
        else:
            self.has_ended = True
            self._end()
