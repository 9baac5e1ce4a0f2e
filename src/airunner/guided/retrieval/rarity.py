"""How rare a word is, by the vocabulary that the sentence model reads with."""

from __future__ import annotations

import math
from functools import cache
from importlib.resources import files

from airunner.tools.words import COMMON, stem, words_of

WORDPIECES = "wordpieces.txt"
"""The vocabulary of BERT uncased (Apache-2.0), one piece a line, beside this module."""

_FIRST_WORD = 1996  # line of "the"; before it are signs, letters and other scripts


def rarities(text: str) -> dict[str, float]:
    """The stems of the telling words of ``text``, each with its rarity between 0 and 1."""
    return {stem(word): _rarity(word) for word in words_of(text) if word not in COMMON}


def _rarity(word: str) -> float:
    """From 0 for the commonest word to 1 for one that is not among the 28,526 known."""
    ranks = _ranks()
    rank = ranks.get(word)
    return 1.0 if rank is None else (math.log(max(2, rank)) / math.log(len(ranks))) ** 2


@cache
def _ranks() -> dict[str, int]:
    pieces = (
        files("airunner.guided.retrieval")
        .joinpath(WORDPIECES)
        .read_text(encoding="utf-8")
        .splitlines()
    )
    return {word: rank for rank, word in enumerate(pieces[_FIRST_WORD:], start=1)}
