"""How long a fetch may still take, and whether anybody waits for it.

Owns one deadline over everything: looking up, connecting, waiting, reading.
Without it a server that sends a byte now and then holds a thread for ever.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from airunner.durations import format_seconds
from airunner.errors import ToolFailedError
from airunner.given_up import done_aside

LOOK_S = 0.25
"""How often somebody who waits looks whether he still has to."""

_T = TypeVar("_T")


class Deadline:
    """``total_s`` seconds from now on.

    Args:
        tool: whose errors are raised.
        total_s: how long everything together may take.
        is_cancelled: true once nobody waits any more.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        tool: str,
        total_s: float,
        is_cancelled: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tool, self._total_s = tool, total_s
        self._is_cancelled, self._clock = is_cancelled, clock
        self._end_s = clock() + total_s

    def at_most(self, timeout_s: float | None) -> float:
        """How long the next step may wait: ``timeout_s``, or less where less is left.

        Raises:
            ToolFailedError: the time is up, or the call was cancelled.
        """
        if self._is_cancelled():
            raise ToolFailedError(self._tool, "it was cancelled")
        left_s = self._end_s - self._clock()
        if left_s <= 0:
            raise ToolFailedError(
                self._tool,
                f"the server had not sent everything after {format_seconds(self._total_s)}; "
                "try again later, or use another address",
            )
        return left_s if timeout_s is None else min(left_s, timeout_s)

    def wait_for(self, work: Callable[[], _T], undo: Callable[[_T], object] = lambda _: None) -> _T:
        """The result of ``work``, done on a thread of its own; given up when the time is.

        For what cannot be told how long to wait, or not to wait any more: looking a name up,
        connecting. What comes of it after that is given to ``undo``.

        Raises:
            ToolFailedError: the time is up, or the call was cancelled; and what ``work`` raises.
        """
        return done_aside(work, f"{self._tool} waits", lambda: self.at_most(LOOK_S), undo)
