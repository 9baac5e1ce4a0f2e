"""The words that somebody may have meant.

Owns how near a word has to be. Which words there are is the caller's.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_MOST = 3
_NEAR = 0.6


def nearest(given: str, known: Iterable[str]) -> list[str]:
    """Those of ``known`` that are like ``given``, whatever their case; the likest first."""
    by_word = {word.casefold(): word for word in known}
    found = difflib.get_close_matches(given.casefold(), by_word, n=_MOST, cutoff=_NEAR)
    return [by_word[word] for word in found]
