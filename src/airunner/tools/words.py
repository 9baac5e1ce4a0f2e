"""The words of a text as retrieval compares them: without endings, each with its rarity.

Owns nothing of scores. Rarity needs no corpus: the vocabulary that the sentence
model reads with is sorted by how common a word is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

_WORD = re.compile(r"[a-z0-9+#]+(?:'[a-z]+)?")
_COMMON_WORDS = """
a about all also am an and any are as at be been but by can could d did do does for from get give
go got had has have hello help her here hey hi him his how i i'd i'm if in is it it's its just
know let let's like ll make may me more my need no not now of ok okay on one or our out please s
she should so some t take tell text than thank thanks that the their them then there these they
thing this those to too up us use used want was way we well were what when where which who why
will with word would write yes you your
"""
COMMON = frozenset(_COMMON_WORDS.split())
"""Words that say nothing about what is wanted."""

WORDPIECES = "wordpieces.txt"
"""The vocabulary of BERT uncased (Apache-2.0), one piece a line, beside this module."""

_FIRST_WORD = 1996  # line of "the"; before it are signs, letters and other scripts


def stems(text: str) -> list[str]:
    """The words of ``text`` in order, common ones as they are, others without their endings."""
    return [word if word in COMMON else stem(word) for word in _words(text)]


def rarities(text: str) -> dict[str, float]:
    """The stems of the telling words of ``text``, each with its rarity between 0 and 1."""
    return {stem(word): _rarity(word) for word in _words(text) if word not in COMMON}


def _words(text: str) -> Iterator[str]:
    spaced = re.sub(r"[._-](?=\S)", " ", text).lower().replace("’", "'")
    return (found[0] for found in _WORD.finditer(spaced))


def _rarity(word: str) -> float:
    """From 0 for the commonest word to 1 for one that is not among the 28,526 known."""
    ranks = _ranks()
    rank = ranks.get(word)
    return 1.0 if rank is None else (math.log(max(2, rank)) / math.log(len(ranks))) ** 2


@cache
def _ranks() -> dict[str, int]:
    pieces = files("airunner.tools").joinpath(WORDPIECES).read_text(encoding="utf-8").splitlines()
    return {word: rank for rank, word in enumerate(pieces[_FIRST_WORD:], start=1)}


_ENDINGS = re.compile(r"(?:ion|ing|ers?|ors?|ed|es|e|s)$")
_IZE = re.compile(r"i[sz](?:ations?|ing|ed|es?|ers?)$")


def stem(word: str) -> str:
    """A word without its commonest English endings: "translated", "translation" -> "translat"."""
    word = word.removesuffix("'s")
    if len(word) > 6 and _IZE.search(word):
        return _IZE.sub("iz", word)
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith("ss"):
        return word
    stem = _ENDINGS.sub("", word)
    if len(stem) < 3:
        return word
    return stem[:-1] if len(stem) > 4 and stem[-1] == stem[-2] else stem
