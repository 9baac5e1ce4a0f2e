"""A lock that threads have in the order in which they asked for it.

Python's own goes to whoever comes first after it was let go, which is mostly the thread that
has just had it: one that writes a thousand times would keep all others waiting to its end.
"""

from __future__ import annotations

import threading
from collections import deque


class Turns:
    """See the module's description. Not reentrant."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._is_had = False

    @property
    def waiting(self) -> int:
        """How many wait for it."""
        return len(self._waiting)

    def __enter__(self) -> None:
        mine = threading.Lock()
        mine.acquire()
        with self._changing:
            self._waiting.append(mine)
            if not self._is_had:
                self._go_on()
        try:
            mine.acquire()
        except BaseException:  # an interrupt: somebody else may have the turn
            with self._changing:
                if mine in self._waiting:
                    self._waiting.remove(mine)
                else:
                    self._go_on()
            raise

    def __exit__(self, *_: object) -> None:
        with self._changing:
            self._go_on()

    def _go_on(self) -> None:
        self._is_had = bool(self._waiting)
        if self._waiting:
            self._waiting.popleft().release()
