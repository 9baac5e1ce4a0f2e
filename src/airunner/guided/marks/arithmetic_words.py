"""Arithmetic told in words, written with signs: "half of eighty" is "(1/2) * 80".

Owns the words; what an expression comes to is for ``airunner.toolbox.math``.
"""

from __future__ import annotations

import re

from airunner.guided.number_words import with_digits
from airunner.toolbox.math.numbers import arithmetic

_PHRASES = [
    (re.compile(pattern), written)
    for pattern, written in (
        (r"\bplus\b|\badded to\b", "+"),
        (r"\bminus\b", "-"),
        (r"\b(?:times|multiplied (?:by|with))\b", "*"),
        (r"\bdivided by\b", "/"),
        (r"\b(?:raised )?to the power(?: of)?\b|\braised to\b", "^"),
        (r"\bsquared\b", "^2"),
        (r"\bcubed\b", "^3"),
        (r"\b(?:modulo|mod)\b(?!\s*\()", "%"),
        (r"\b(?:percent|per cent|pct)\b(?!\s*\()", "%"),
        (r"\bcube[- ]?root\b", "cbrt "),
        (r"\b(?:square[- ]?root|root)\b", "sqrt"),
        (r"\b(?:(?:a|one) )?half of\b", "(1/2) *"),
        (r"\b(?:(?:a|one) )?third of\b", "(1/3) *"),
        (r"\b(?:(?:a|one) )?quarter of\b", "(1/4) *"),
        (r"\btwice\b", "2 *"),
        (r"\b(?:average|avg)\b", "mean"),
        (r"\b(?:largest|biggest|highest|greatest) (?=of)|\bmaximum\b", "max "),
        (r"\b(?:smallest|lowest) (?=of)|\bminimum\b", "min "),
        (r"\b(?:greatest common divisor|highest common factor)\b", "gcd"),
        (r"\b(?:least|lowest) common multiple\b", "lcm"),
        (r"(?<=\d) factorial\b", "!"),
        (r"\bnatural log(?:arithm)?\b", "ln"),
        (r"\blogarithm\b", "log"),
        (r"\bdegrees?\b(?!\s*\()", "°"),
        (r"\b(?:the|numbers)\b", ""),
    )
]
_SINGLE = r"-?\d+(?:\.\d+)?"
_AMOUNT = r"(-?[\d,.]*\d%?)"
_ORDERS = [
    (re.compile(pattern), written)
    for pattern, written in (
        (rf"\bdivide\s+{_AMOUNT}\s+by\s+{_AMOUNT}", r"\1 / \2"),
        (rf"\bmultiply\s+{_AMOUNT}\s+(?:by|with|and)\s+{_AMOUNT}", r"\1 * \2"),
        (rf"\bproduct\s+of\s+{_AMOUNT}\s+and\s+{_AMOUNT}", r"\1 * \2"),
        (rf"\badd\s+{_AMOUNT}\s+(?:and|to)\s+{_AMOUNT}", r"\1 + \2"),
        (rf"\bsubtract\s+{_AMOUNT}\s+from\s+{_AMOUNT}", r"\2 - \1"),
        (rf"{_AMOUNT}\s+off\s+(?:of\s+)?{_AMOUNT}", r"\2 - \1"),
    )
]
_LISTED = re.compile(
    rf"\b(mean|median|sum|min|max|gcd|lcm)\s+(?:of\s*|between\s+)?:?\s*"
    rf"({_SINGLE}(?:\s*(?:,\s*and\b|,|\band\b|&|\s)\s*{_SINGLE})+)"
)


def in_signs(text: str) -> str:
    """``text`` in lower case, with signs and digits where it has words for them."""
    plain = with_digits(arithmetic.in_signs(text.replace("’", "'")))
    for pattern, written in [*_PHRASES, *_ORDERS]:
        plain = pattern.sub(written, plain)
    return _LISTED.sub(_list_said, plain)


def _list_said(found: re.Match[str]) -> str:
    return f"{found[1]}({', '.join(re.findall(_SINGLE, found[2]))})"
