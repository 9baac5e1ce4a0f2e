"""Wrong keys, and who sends many of them.

Owns how long an address has to wait after wrong keys. A key cannot be guessed; the wait
keeps those who try from costing anything, and shows in the log and the metrics.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

FREE_GUESSES = 5
"""Wrong keys in a row without a wait: somebody pastes the wrong one."""
LONGEST_WAIT_S = 60.0
MOST_ADDRESSES = 4096
"""Addresses that are remembered; of more, the oldest are forgotten."""


@dataclass(slots=True)
class _Guesses:
    wrong: int = 0
    until_s: float = 0.0


class KeyGuesses:
    """Counts wrong keys by address. The wait doubles with each: 1 s, 2 s, 4 s, up to a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: OrderedDict[str, _Guesses] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """How long no key of this address is looked at, in seconds; 0 for not at all."""
        known = self._known.get(address)
        return max(0.0, known.until_s - self._clock()) if known else 0.0

    def wrong(self, address: str) -> None:
        """A wrong key came from there."""
        known = self._known.setdefault(address, _Guesses())
        self._known.move_to_end(address)
        known.wrong += 1
        if known.wrong > FREE_GUESSES:
            wait_s = min(LONGEST_WAIT_S, 2.0 ** min(known.wrong - FREE_GUESSES - 1, 16))
            known.until_s = self._clock() + wait_s
        while len(self._known) > MOST_ADDRESSES:
            self._known.popitem(last=False)

    def right(self, address: str) -> None:
        """A right key came from there."""
        self._known.pop(address, None)
