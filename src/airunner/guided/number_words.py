"""Numbers in English words: which there are, and their digits.

Only for what users say; a model that calls tools by itself writes digits.
"""

from __future__ import annotations

import re
from fractions import Fraction

_ONES_TEXT = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen
"""
_TENS_TEXT = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL = {word: number for number, word in enumerate(_ONES_TEXT.split())} | {
    word: 10 * number for number, word in enumerate(_TENS_TEXT.split(), start=2)
}
SCALES = {
    "hundred": 100,
    "dozen": 12,
    "thousand": 1000,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
}
_ANY_SMALL = "|".join(sorted(_SMALL, key=len, reverse=True))
_ANY_SCALE = "|".join(SCALES)
# "two hundred and six" is one number, "two and three" are two.
_PART = rf"(?:(?:{_ANY_SMALL})\b|(?:{_ANY_SCALE})\b(?:\s+and(?=\s+(?:{_ANY_SMALL})\b))?)"
PATTERN = rf"(?:an?\s+(?=(?:{_ANY_SCALE})\b))?{_PART}(?:[\s-]+{_PART})*"
"""A regular expression for one number: several words, such as "two hundred and six"."""

_WORDS = re.compile(rf"\b{PATTERN}", re.IGNORECASE)
_SCALED = re.compile(rf"(\d[\d,]*(?:\.\d+)?)\s*({_ANY_SCALE})s?\b", re.IGNORECASE)


def value_of(words: str) -> int:
    """The number that ``words`` name, which match ``PATTERN``."""
    total = current = 0
    for word in re.findall(r"[a-z]+", words.lower()):
        if word in _SMALL:
            current += _SMALL[word]
        elif (scale := SCALES.get(word, 1)) >= 1000:
            total, current = total + max(1, current) * scale, 0
        elif scale > 1:
            current = max(1, current) * scale
    return total + current


def with_digits(text: str) -> str:
    """``text`` with digits for words: "twenty five" is "25", "2 million" is "2000000"."""
    return _WORDS.sub(lambda found: str(value_of(found[0])), _SCALED.sub(_scaled, text))


def _scaled(found: re.Match[str]) -> str:
    value = Fraction(found[1].replace(",", "")) * SCALES[found[2].lower()]
    return str(int(value)) if value.denominator == 1 else str(float(value))
