"""Unicode's normal forms in a time that grows with the text, and not with its square.

Owns the bound on combining marks. Marks that follow one letter are sorted, and Python sorts
them by insertion: 200,000 of them hold the interpreter for a minute. Unicode itself calls
text "stream-safe" that has at most 30 of them in a row (UAX #15, section 13).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

MOST_MARKS = 30
"""Combining marks kept behind one letter."""

# The first of them is U+0300. Only so many characters beyond it in a row can be too many.
_RUN = re.compile(f"[\u0300-\U0010ffff]{{{MOST_MARKS + 1},}}")


# They are no marks, but normal forms make marks of them.
_BECOME_MARKS = "\u0f73\u0f75\u0f81\uff9e\uff9f"


def normalized(form: Literal["NFC", "NFKC", "NFKD"], text: str) -> str:
    """``text`` in a normal form; of more than ``MOST_MARKS`` marks in a row the others are gone."""
    return unicodedata.normalize(form, few_marks(text))


def few_marks(text: str) -> str:
    """``text`` with at most ``MOST_MARKS`` combining marks in a row."""
    return text if text.isascii() else _RUN.sub(_shortened, text)


def _shortened(run: re.Match[str]) -> str:
    kept: list[str] = []
    marks = 0
    for character in run[0]:
        is_mark = unicodedata.combining(character) or character in _BECOME_MARKS
        marks = marks + 1 if is_mark else 0
        if marks <= MOST_MARKS:
            kept.append(character)
    return "".join(kept)
