"""Numbers for calculating: exact where they can be, and how they are written for people.

Owns the bounds on a number's size and the text a result is shown as. What is
calculated with them is ``arithmetic``.
"""

from __future__ import annotations

import math
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, Inexact
from fractions import Fraction

from airunner.errors import ToolFailedError

Number = Fraction | float
"""Exact, unless a root, a logarithm or the like made it a float."""

TASK = "calculate"
"""The tool in whose name failures are told."""

MAX_BITS = 10_000
"""Of a numerator or denominator: about 3,000 digits, below where Python refuses to print one."""

_SHOWN_DIGITS = 60
_PRECISION = 12
_WRITTEN_OUT = range(-5, 15)  # the powers of ten that are written without an exponent


def checked(value: Number) -> Number:
    """``value`` itself, if it is a number of bearable size.

    Raises:
        ToolFailedError: it is too large, or no number.
    """
    if isinstance(value, Fraction):
        if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
            raise too_large()
    elif math.isnan(value):
        raise ToolFailedError(TASK, "the result is not a number")
    elif math.isinf(value):
        raise too_large()
    return value


def too_large() -> ToolFailedError:
    """The error for a number that is too large."""
    return ToolFailedError(TASK, "a number on the way becomes too large to calculate with")


def as_text(value: Number, precision: int = _PRECISION) -> tuple[str, bool]:
    """``value`` as text, and whether that text is the value exactly.

    Args:
        value: any number.
        precision: significant digits where it has to be rounded.
    """
    exact = Fraction(value)
    if isinstance(value, Fraction) or (value.is_integer() and abs(value) < 1e15):
        try:
            return f"{_divided(exact, _SHOWN_DIGITS, [Inexact]):,f}", True
        except Inexact:
            pass
    rounded = _divided(exact, precision, []).normalize()
    if rounded.adjusted() in _WRITTEN_OUT:
        # What is written out is not rounded before its point.
        digits = max(precision, rounded.adjusted() + 1)
        return f"{_divided(exact, digits, []).normalize():,f}", False
    text = f"{rounded:e}".replace("e+", "e")
    if isinstance(value, Fraction) and value.denominator == 1:
        text += f" ({rounded.adjusted() + 1:,} digits)"
    return text, False


def _divided(value: Fraction, digits: int, traps: list[type[Inexact]]) -> Decimal:
    context = Context(prec=digits, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=list(traps))
    return context.divide(Decimal(value.numerator), Decimal(value.denominator))
