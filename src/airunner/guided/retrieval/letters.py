"""Texts compared by their runs of four letters.

Words that share a root ("triangle", "triangular") share most of their runs, and so
do words that are misspelt. It needs no model.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

RUN = 4

_NO_LETTER = re.compile(r"[^a-z0-9]+")


class Letters:
    """An index over some texts of each tool.

    Likeness is the cosine of two bags of runs, where a run counts the more the fewer
    tools have it (its idf), and more often than once by the logarithm.
    """

    def __init__(self, texts: Sequence[Iterable[str]]) -> None:
        import numpy as np

        bags = [Counter(run for text in of_tool for run in runs_of(text)) for of_tool in texts]
        holders = Counter(run for bag in bags for run in bag)
        self._rarest = math.log(1 + len(bags))
        self._idf = {run: math.log(1 + len(bags) / count) for run, count in holders.items()}
        found: dict[str, list[tuple[int, float]]] = defaultdict(list)
        squares = np.zeros(len(bags))
        for number, bag in enumerate(bags):
            for run, count in bag.items():
                weight = math.log1p(count) * self._idf[run]
                found[run].append((number, weight))
                squares[number] += weight**2
        self._lengths = np.sqrt(squares)
        self._postings = {
            run: (np.array([n for n, _ in each]), np.array([weight for _, weight in each]))
            for run, each in found.items()
        }

    def likeness(self, text: str) -> Any:
        """Between 0 and 1 for each tool."""
        import numpy as np

        shared = np.zeros(len(self._lengths))
        square = 0.0
        for run in runs_of(text):
            idf = self._idf.get(run, self._rarest)
            square += idf**2
            if run in self._postings:
                numbers, weights = self._postings[run]
                shared[numbers] += idf * weights
        return shared / np.maximum(self._lengths * math.sqrt(square), 1e-6)


def runs_of(text: str) -> set[str]:
    """The runs of ``RUN`` letters in ``text``, ends of words included."""
    plain = f" {_NO_LETTER.sub(' ', text.lower()).strip()} "
    return {plain[start : start + RUN] for start in range(len(plain) - RUN + 1)}
