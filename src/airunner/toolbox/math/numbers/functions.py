"""The functions and constants that an expression may name.

Owns how each is calculated and how many numbers it takes. What is exact stays exact:
roots of square numbers, roundings, counts. The order of calculating is ``arithmetic``.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.toolbox.math.numbers.numerals import TASK, Number

CONSTANTS: Mapping[str, float] = {"pi": math.pi, "e": math.e, "tau": math.tau}

_MAX_COUNT = 1_000  # for factorials and choices, whose results then stay below MAX_BITS
_MOST_PLACES = 100
_SMALLEST_COSINE = 1e-15


def square_root(value: Number) -> Number:
    """The root of ``value``, exact where it is the square of a fraction."""
    if isinstance(value, Fraction) and value >= 0:
        above, below = math.isqrt(value.numerator), math.isqrt(value.denominator)
        if above**2 == value.numerator and below**2 == value.denominator:
            return Fraction(above, below)
    return math.sqrt(value)


def _cube_root(value: Number) -> Number:
    root = math.cbrt(value)
    near = Fraction(round(root))
    return near if near**3 == value else root


def _logarithm(value: Number, base: Number = 10.0) -> Number:
    if base == 10:
        return math.log10(value)
    return math.log2(value) if base == 2 else math.log(value, base)


def _near(value: float) -> float:
    """Without the last bits' noise, by which the sine of pi would be 1.2e-16."""
    return 0.0 if abs(value) < _SMALLEST_COSINE else value


def _tangent(value: Number) -> Number:
    if abs(math.cos(value)) < _SMALLEST_COSINE:
        raise ToolFailedError(TASK, "the tangent has no value there")
    return _near(math.tan(value))


def _round(value: Number, places: Number = Fraction(0)) -> Number:
    """Halves away from zero, as at school; Python would round them to the even neighbour."""
    if places != int(places) or not -_MOST_PLACES <= places <= _MOST_PLACES:
        raise ToolFailedError(TASK, "round(number, places) takes a whole number of places")
    # What a person typed as a decimal is meant as one: the float's shortest form is that.
    exact = value if isinstance(value, Fraction) else Fraction(repr(value))
    scale = Fraction(10) ** int(places)
    rounded = Fraction(math.floor(abs(exact) * scale + Fraction(1, 2))) / scale
    return rounded if exact >= 0 else -rounded


def _sum(*values: Number) -> Number:
    total: Number = Fraction(0)
    for value in values:
        total += value
    return total


def _whole(function: Callable[..., int], most: float = math.inf) -> Callable[..., Number]:
    """``function``, called with whole numbers from 0 to ``most`` only."""

    def checked(*values: Number) -> Number:
        if any(value < 0 or value != int(value) for value in values):
            raise ToolFailedError(TASK, "it needs whole numbers that are not negative")
        if max(values) > most:
            raise ToolFailedError(TASK, f"it is calculated up to {most:,} only")
        return Fraction(function(*map(int, values)))

    return checked


FUNCTIONS: Mapping[str, tuple[int, int, Callable[..., Number]]] = {
    "sqrt": (1, 1, square_root),
    "cbrt": (1, 1, _cube_root),
    "sin": (1, 1, lambda x: _near(math.sin(x))),
    "cos": (1, 1, lambda x: _near(math.cos(x))),
    "tan": (1, 1, _tangent),
    "asin": (1, 1, math.asin),
    "acos": (1, 1, math.acos),
    "atan": (1, 1, math.atan),
    "degrees": (1, 1, math.degrees),
    "radians": (1, 1, math.radians),
    "log": (1, 2, _logarithm),
    "log10": (1, 1, math.log10),
    "log2": (1, 1, math.log2),
    "ln": (1, 1, math.log),
    "exp": (1, 1, math.exp),
    "abs": (1, 1, abs),
    "round": (1, 2, _round),
    "floor": (1, 1, lambda x: Fraction(math.floor(x))),
    "ceil": (1, 1, lambda x: Fraction(math.ceil(x))),
    "percent": (1, 1, lambda x: x / 100),
    "mod": (2, 2, lambda x, y: x % y),
    "factorial": (1, 1, _whole(math.factorial, _MAX_COUNT)),
    "comb": (2, 2, _whole(math.comb, _MAX_COUNT)),
    "perm": (2, 2, _whole(math.perm, _MAX_COUNT)),
    "gcd": (2, 100, _whole(math.gcd)),
    "lcm": (2, 100, _whole(math.lcm)),
    "sum": (1, 200, _sum),
    "min": (1, 200, lambda *values: min(values)),
    "max": (1, 200, lambda *values: max(values)),
    "mean": (1, 200, lambda *values: _sum(*values) / len(values)),
    "median": (1, 200, lambda *values: statistics.median(values)),
}
"""What can be called: the fewest and the most arguments, and what does it."""


def call(name: str, values: Sequence[Number]) -> Number:
    """The function ``name`` of ``values``.

    Raises:
        ToolRetryError: it takes fewer or more numbers.
        ToolFailedError: it has no real value there.
    """
    fewest, most, function = FUNCTIONS[name]
    if not fewest <= len(values) <= most:
        wanted = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        raise ToolRetryError(
            f"{name} takes {wanted} number{'' if most == 1 else 's'}, not {len(values)}."
        )
    try:
        return function(*values)
    except ValueError:
        raise ToolFailedError(TASK, f"{name} has no value that is a real number there") from None
