"""Arithmetic done safely: an expression's syntax tree in, a number out.

Owns what may be calculated and the bounds on it, so that no expression can keep
the machine busy. Numbers stay exact (0.1 + 0.2 is 0.3) until a root or a
logarithm makes them floats. How people type is read in ``arithmetic_words``.
"""

from __future__ import annotations

import ast
import math
import operator
import statistics
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.toolbox.math.numbers.numerals import MAX_BITS, Number, checked, too_large

CONSTANTS: Mapping[str, float] = {"pi": math.pi, "e": math.e, "tau": math.tau}

TASK = "calculate"
"""The tool in whose name failures are told."""

_NO_DIVISION = "division by zero has no result"
_MAX_DEPTH = 60
_MAX_COUNT = 1_000  # for factorials and choices, whose results then stay below MAX_BITS
_MOST_PLACES = 100
_SMALLEST_COSINE = 1e-15


def evaluate(source: str) -> tuple[Number, str]:
    """The value of ``source``, and how it was read.

    ``source`` is a Python expression whose numbers are quoted, so that they reach
    this code as they were typed: ``'0.1' + sqrt('2')``.

    Raises:
        ToolRetryError: it is no expression, or names something unknown.
        ToolFailedError: it has no result, or one that is too large.
    """
    try:
        tree = ast.parse(source, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ToolRetryError(
            "The expression is incomplete or out of order; write it like (2 + 3) * 4."
        ) from None
    try:
        value = checked(_value(tree.body, 0), TASK)
    except OverflowError:
        raise too_large(TASK) from None
    except ZeroDivisionError:
        raise ToolFailedError(TASK, _NO_DIVISION) from None
    return value, ast.unparse(tree)


def _value(node: ast.expr, depth: int) -> Number:
    if depth > _MAX_DEPTH:
        raise ToolFailedError(TASK, "the expression is nested too deeply")
    match node:
        case ast.Constant(value=str(digits)):
            return Fraction(digits)
        case ast.Name(id=name) if name in CONSTANTS:
            return CONSTANTS[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, depth + 1)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, depth + 1)
        case ast.BinOp():
            return _chain(node, depth)
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in FUNCTIONS:
            return _called(name, [_value(argument, depth + 1) for argument in arguments])
        case _:
            raise ToolRetryError(f"{_shown(node)} cannot be calculated; use numbers and + - * / ^.")


def _chain(node: ast.BinOp, depth: int) -> Number:
    """A sum of a hundred terms is a hundred trees deep on its left, so that side is a loop."""
    steps: list[ast.BinOp] = []
    left: ast.expr = node
    while isinstance(left, ast.BinOp):
        steps.append(left)
        left = left.left
    value = _value(left, depth + 1)
    only_percentages = _is_percentage(left)
    for step in reversed(steps):
        calculate = _OPERATORS.get(type(step.op))
        if calculate is None:
            raise ToolRetryError(f"{_shown(step)} cannot be calculated; use + - * / // % and ^.")
        right = _value(step.right, depth + 1)
        is_percentage = _is_percentage(step.right)
        if is_percentage and not only_percentages and isinstance(step.op, ast.Add | ast.Sub):
            right = operator.mul(value, right)  # 200 + 10% is 220, as on a pocket calculator
        only_percentages = only_percentages and is_percentage
        value = checked(calculate(value, right), TASK)
    return value


def _is_percentage(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == PERCENT
    )


def _shown(node: ast.expr) -> str:
    text = ast.unparse(node).replace("'", "")
    return repr(text if len(text) <= 40 else text[:40] + "…")


def _power(base: Number, exponent: Number) -> Number:
    if base == 0 and float(exponent) < 0:
        raise ToolFailedError(TASK, _NO_DIVISION)
    if isinstance(base, Fraction) and isinstance(exponent, Fraction):
        size = max(base.numerator.bit_length(), base.denominator.bit_length())
        if exponent.denominator == 1 and (
            base in (-1, 0, 1) or abs(exponent.numerator) * size <= MAX_BITS
        ):
            # Fraction's own power loops over the exponent's bits, whatever comes out.
            return base ** (exponent.numerator % 2 if base == -1 else exponent.numerator)
        if exponent == Fraction(1, 2):
            return _square_root(base)
    near, power = float(base), float(exponent)
    if near < 0 and not power.is_integer():
        raise ToolFailedError(TASK, "a root of a negative number is no real number")
    result = math.pow(near, power)
    if result == 0 and base != 0:
        raise ToolFailedError(TASK, "a number on the way becomes too small to calculate with")
    return result


def _square_root(value: Number) -> Number:
    if value < 0:
        raise ToolFailedError(TASK, "the square root of a negative number is no real number")
    if isinstance(value, Fraction):
        above, below = math.isqrt(value.numerator), math.isqrt(value.denominator)
        if above**2 == value.numerator and below**2 == value.denominator:
            return Fraction(above, below)
    return math.sqrt(value)


def _cube_root(value: Number) -> Number:
    root = math.copysign(abs(float(value)) ** (1 / 3), float(value))
    near = Fraction(round(root))
    return near if near**3 == value else root


def _logarithm(value: Number, base: Number | None = None) -> Number:
    if value <= 0 or (base is not None and (base <= 0 or base == 1)):
        raise ToolFailedError(TASK, "only positive numbers have a logarithm, to a base beside 1")
    if base is None or base == 10:
        return math.log10(value)
    return math.log2(value) if base == 2 else math.log(value) / math.log(base)


def _natural_logarithm(value: Number) -> Number:
    if value <= 0:
        raise ToolFailedError(TASK, "only positive numbers have a logarithm")
    return math.log(value)


def _near(value: float) -> float:
    """Without the last bits' noise, by which the sine of pi would be 1.2e-16."""
    return 0.0 if abs(value) < _SMALLEST_COSINE else value


def _tangent(value: Number) -> Number:
    if abs(math.cos(value)) < _SMALLEST_COSINE:
        raise ToolFailedError(TASK, "the tangent has no value there")
    return _near(math.tan(value))


def _arc(function: Callable[[float], float], value: Number) -> Number:
    if abs(float(value)) > 1:
        raise ToolFailedError(TASK, "only numbers from -1 to 1 have an arc sine or arc cosine")
    return function(float(value))


def _whole(value: Number, what: str) -> int:
    if value < 0 or value != int(value):
        raise ToolFailedError(TASK, f"{what} needs whole numbers that are not negative")
    return int(value)


def _count(value: Number, what: str) -> int:
    number = _whole(value, what)
    if number > _MAX_COUNT:
        raise ToolFailedError(TASK, f"{what} is calculated up to {_MAX_COUNT:,} only")
    return number


def _round(value: Number, places: Number = Fraction(0)) -> Number:
    """Halves away from zero, as at school; Python would round them to the even neighbour."""
    if places != int(places) or abs(int(places)) > _MOST_PLACES:
        raise ToolFailedError(TASK, "round(number, places) takes a whole number of places")
    # What a person typed as a decimal is meant as one: the float's shortest form is that.
    exact = value if isinstance(value, Fraction) else Fraction(repr(value))
    scale = Fraction(10) ** int(places)
    rounded = Fraction(math.floor(abs(exact) * scale + Fraction(1, 2))) / scale
    return rounded if exact >= 0 else -rounded


def _exact_sum(*values: Number) -> Number:
    return sum(values, start=Fraction(0))


def _integers(function: Callable[..., int], what: str) -> Callable[..., Number]:
    return lambda *values: Fraction(function(*(_whole(value, what) for value in values)))


def _counts(function: Callable[..., int], what: str) -> Callable[..., Number]:
    return lambda *values: Fraction(function(*(_count(value, what) for value in values)))


def _modulo(left: Number, right: Number) -> Number:
    return left % right


PERCENT = "percent"

_OPERATORS: Mapping[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: lambda left, right: Fraction(left // right),
    ast.Mod: _modulo,
    ast.Pow: _power,
}

FUNCTIONS: Mapping[str, tuple[int, int, Callable[..., Number]]] = {
    "sqrt": (1, 1, _square_root),
    "cbrt": (1, 1, _cube_root),
    "sin": (1, 1, lambda x: _near(math.sin(x))),
    "cos": (1, 1, lambda x: _near(math.cos(x))),
    "tan": (1, 1, _tangent),
    "asin": (1, 1, lambda x: _arc(math.asin, x)),
    "acos": (1, 1, lambda x: _arc(math.acos, x)),
    "atan": (1, 1, math.atan),
    "degrees": (1, 1, math.degrees),
    "radians": (1, 1, math.radians),
    "log": (1, 2, _logarithm),
    "log10": (1, 1, _logarithm),
    "log2": (1, 1, lambda x: _logarithm(x, 2.0)),
    "ln": (1, 1, _natural_logarithm),
    "exp": (1, 1, math.exp),
    "abs": (1, 1, abs),
    "round": (1, 2, _round),
    "floor": (1, 1, lambda x: Fraction(math.floor(x))),
    "ceil": (1, 1, lambda x: Fraction(math.ceil(x))),
    PERCENT: (1, 1, lambda x: x / 100),
    "mod": (2, 2, _modulo),
    "factorial": (1, 1, _counts(math.factorial, "a factorial")),
    "comb": (2, 2, _counts(math.comb, "comb(n, k)")),
    "perm": (2, 2, _counts(math.perm, "perm(n, k)")),
    "gcd": (2, 100, _integers(math.gcd, "gcd")),
    "lcm": (2, 100, _integers(math.lcm, "lcm")),
    "sum": (1, 200, _exact_sum),
    "min": (1, 200, lambda *values: min(values)),
    "max": (1, 200, lambda *values: max(values)),
    "mean": (1, 200, lambda *values: _exact_sum(*values) / len(values)),
    "median": (1, 200, lambda *values: statistics.median(values)),
}
"""What can be called: the fewest and the most arguments, and what does it."""


def _called(name: str, values: Sequence[Number]) -> Number:
    fewest, most, function = FUNCTIONS[name]
    if not fewest <= len(values) <= most:
        wanted = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        raise ToolRetryError(
            f"{name} takes {wanted} number{'' if most == 1 else 's'}, not {len(values)}."
        )
    return checked(function(*values), TASK)
