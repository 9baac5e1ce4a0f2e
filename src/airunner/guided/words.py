"""The words of an English text as they are compared: without endings, common ones apart."""

from __future__ import annotations

import re
from collections.abc import Iterator

_WORD = re.compile(r"[a-z0-9+#]+(?:'[a-z]+)?")
_COMMON_WORDS = """
a about all also am an and any are as at be been but by can could d did do does for from get give
go good got had has have hello help her here hey hi him his how i i'd i'm if in is it it's its just
know let let's like ll make may me more my need no not now of ok okay on one or our out please s
she should so some t take tell text than thank thanks that the their them then there these they
thing this those to too up us use used want was way we well were what when where which who why
will with word would write yes you your
"""
COMMON = frozenset(_COMMON_WORDS.split())
"""Words that say nothing about what is wanted."""


def stems(text: str) -> list[str]:
    """The words of ``text`` in order, common ones as they are, others without their endings."""
    return [word if word in COMMON else _told_apart(word) for word in words_of(text)]


def _told_apart(word: str) -> str:
    """The stem of a word, unless that is a common word: "note" is not "not"."""
    found = stem(word)
    return word if found in COMMON else found


def words_of(text: str) -> Iterator[str]:
    """The words of ``text`` in lower case, in order."""
    spaced = re.sub(r"[._-](?=\S)", " ", text).lower().replace("’", "'")
    return (found[0] for found in _WORD.finditer(spaced))


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
