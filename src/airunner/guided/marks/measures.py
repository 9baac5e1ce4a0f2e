"""What a message says of a conversion: how much, of which unit, into which.

Owns the mark by which ``convert_units`` takes its arguments from the user's own
words. Which units there are is for ``measures`` to say.
"""

from __future__ import annotations

import re
from typing import Literal

from airunner.guided.number_words import with_digits
from airunner.guided.request import Request
from airunner.guided.user_words import Matching

_SEARCHED = 500
_VALUE = r"(?P<value>(?:minus\s+|-\s?)?\d[\d,]*(?:\.\d+)?|half an?|an?)"
_WORD = r"[^\W\d][\w²³°/^*]*"
_UNIT = rf"[°%]?\s?{_WORD}(?:[ -](?!(?:in|to|into|as|are|is|and)\b){_WORD}){{0,3}}?"
_END = (
    r"(?=\s*(?:[?!.,;:=]|$)|\s+(?:please|for me|equals?|is|are|makes?|and|now|exactly|roughly)\b)"
)
_FORWARD = re.compile(
    rf"(?<![\w.,]){_VALUE}\s*(?P<source>{_UNIT})\s+(?:in|to|into|as)\s+(?:an?\s+|the\s+)?"
    rf"(?P<target>{_UNIT}){_END}",
    re.IGNORECASE,
)
_BACKWARD = re.compile(
    rf"\bhow\s+(?:many|much)\s+(?P<target>{_UNIT})\s+"
    rf"(?:(?:there|in|into|to|for|per|up|equals?|is|are|makes?|go|does|do)\s+)+"
    rf"(?:{_VALUE}\s*)?(?P<source>{_UNIT}){_END}",
    re.IGNORECASE,
)
_FEET_AND_INCHES = re.compile(
    r"(?P<feet>\d+)\s*(?:'|′|’|ft\b|feet\b|foot\b)\s*(?:and\s+)?(?P<inches>\d+(?:\.\d+)?)"
    r"(?:\s*(?:\"|″|”|''|inch(?:es)?\b|in\b(?=\s+(?:in|to|into)\b)))?",
    re.IGNORECASE,
)
_ARTICLES = {"a": "1", "an": "1", "half a": "0.5", "half an": "0.5"}


class ConversionSaid(Matching):
    """The ``value``, ``source`` unit or ``target`` unit of "how many cups are in 2 litres?"."""

    def __init__(self, part: Literal["value", "source", "target"]) -> None:
        super().__init__(_FORWARD.pattern)
        self._part = part

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The part's words, the value in digits; ``None`` if the message does not say it so."""
        text = with_digits(" ".join(request.message[:_SEARCHED].split()))
        text = _FEET_AND_INCHES.sub(_in_inches, text)
        found = _BACKWARD.search(text) or _FORWARD.search(text)
        if found is None:
            return None
        said = (found[self._part] or "a").strip()
        return _in_digits(said.lower()) if self._part == "value" else said


def _in_inches(found: re.Match[str]) -> str:
    return f"{12 * int(found['feet']) + float(found['inches']):g} inches"


def _in_digits(said: str) -> str:
    number = _ARTICLES.get(said, said).replace(",", "")
    return re.sub(r"^(?:minus\s+|-\s?)", "-", number)
