"""Numbers for calculating: exact where they can be, and how they are written for people.

Owns the bounds on a number's size and the text a result is shown as, and
numbers in words. What is calculated with them is ``arithmetic``.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

from airunner.errors import ToolFailedError

Number = Fraction | float
"""Exact, unless a root, a logarithm or the like made it a float."""

MAX_BITS = 10_000
"""Of a numerator or denominator: about 3,000 digits, below where Python refuses to print one."""

_UNIT_NAMES = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen
"""
_UNITS = tuple(_UNIT_NAMES.split())
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_NUMBER_WORDS = {word: number for number, word in enumerate(_UNITS)} | {
    word: 10 * number for number, word in enumerate(_TENS, start=2)
}
_NUMBER_WORD = re.compile(
    rf"\b({'|'.join(_TENS)})[\s-]({'|'.join(_UNITS[1:10])})\b|\b({'|'.join(_NUMBER_WORDS)})\b",
    re.IGNORECASE,
)
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_SCALED = re.compile(rf"(\d[\d,]*(?:\.\d+)?)\s*({'|'.join(_SCALES)})\b", re.IGNORECASE)

_SHOWN_DIGITS = 60
_SHOWN_DECIMALS = 20
_PRECISION = 12
_WRITTEN_OUT = 15  # the largest power of ten that is written without an exponent


def checked(value: Number, task: str) -> Number:
    """``value`` itself, if it is a number of bearable size.

    Raises:
        ToolFailedError: it is too large, or no number; ``task`` is what wanted it.
    """
    if isinstance(value, Fraction):
        size = max(value.numerator.bit_length(), value.denominator.bit_length())
        if size > MAX_BITS:
            raise too_large(task)
    elif math.isnan(value):
        raise ToolFailedError(task, "the result is not a number")
    elif math.isinf(value):
        raise too_large(task)
    return value


def too_large(task: str) -> ToolFailedError:
    """The error for a number that is too large."""
    return ToolFailedError(task, "a number on the way becomes too large to calculate with")


def as_text(value: Number, precision: int = _PRECISION) -> tuple[str, bool]:
    """``value`` as text, and whether that text is the value exactly.

    Args:
        value: any number.
        precision: significant digits where it has to be rounded.
    """
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 10**_WRITTEN_OUT:
            return f"{int(value):,}", True
        return _rounded(value, precision), False
    if value.denominator == 1:
        whole = f"{value.numerator:,}"
        if len(whole) <= _SHOWN_DIGITS * 4 // 3:
            return whole, True
        return _scientific(value.numerator, precision), False
    decimals = _decimals_needed(value.denominator)
    if decimals is not None and value.numerator.bit_length() <= _SHOWN_DIGITS * 3:
        scaled = abs(value.numerator) * 10**decimals // value.denominator
        whole, rest = divmod(scaled, 10**decimals)
        sign = "-" if value < 0 else ""
        return f"{sign}{whole:,}.{rest:0{decimals}d}", True
    return _rounded(value, precision), False


def with_digits(text: str) -> str:
    """``text`` with its number words in digits: "twenty five" is "25", "2 million" "2000000"."""
    return _SCALED.sub(_number_scaled, _NUMBER_WORD.sub(_number_said, text))


def _number_said(found: re.Match[str]) -> str:
    tens, unit, single = (word and word.lower() for word in found.groups())
    return str(_NUMBER_WORDS[single] if single else _NUMBER_WORDS[tens] + _NUMBER_WORDS[unit])


def _number_scaled(found: re.Match[str]) -> str:
    value = Fraction(found[1].replace(",", "")) * _SCALES[found[2].lower()]
    return str(value) if value.denominator == 1 else f"({value})"


def _decimals_needed(denominator: int) -> int | None:
    """Decimal places that write 1/``denominator`` exactly, if there are few enough."""
    for places in range(1, _SHOWN_DECIMALS + 1):
        if 10**places % denominator == 0:
            return places
    return None


def _rounded(value: Number, precision: int) -> str:
    try:
        number = float(value)
    except OverflowError:
        return _scientific(int(value), precision)
    if number == 0 and value != 0:
        return "almost 0"
    size = abs(number)
    if size == 0 or 1e-5 <= size < 10**_WRITTEN_OUT:
        text = f"{number:,.{_decimals_for(size, precision)}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    mantissa, exponent = f"{number:.{precision - 1}e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def _decimals_for(size: float, precision: int) -> int:
    if size == 0:
        return 0
    return max(0, precision - 1 - math.floor(math.log10(size)))


def _scientific(value: int, precision: int) -> str:
    digits = str(abs(value))
    head = Fraction(int(digits[: precision + 2]), 10 ** (min(len(digits), precision + 2) - 1))
    sign = "-" if value < 0 else ""
    mantissa = f"{float(head):.{precision - 1}f}".rstrip("0").rstrip(".")
    return f"{sign}{mantissa}e{len(digits) - 1} ({len(digits):,} digits)"
