"""Arithmetic done safely: an expression as people and programs write it in, a number out.

Owns what an expression may be made of and the bounds on it, so that none can keep the
machine busy. Numbers stay exact (0.1 + 0.2 is 0.3) until a root or a logarithm makes
them floats. What can be called is ``functions``; sums told in words are for whoever
hears them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.toolbox.math.numbers.functions import CONSTANTS, FUNCTIONS, call, square_root
from airunner.toolbox.math.numbers.numerals import MAX_BITS, TASK, Number, checked, too_large

MAX_LENGTH = 400
"""Characters of an expression."""

NUMBERS = ("thousands", "number")
NAMES = frozenset({*CONSTANTS, *FUNCTIONS})

_MAX_NESTING = 40
_MAX_EXPONENT = 300
_MOST_SIGNS = 2
_NO_DIVISION = "division by zero has no result"
_SIGNS = str.maketrans(
    {"×": "*", "·": "*", "∙": "*", "⋅": "*", "÷": "/", "∕": "/", "−": "-", "–": "-", "²": "^2"}
    | {"³": "^3", "½": "(1/2)", "¼": "(1/4)", "¾": "(3/4)", "[": "(", "]": ")", "{": "(", "}": ")"}
    | {"√": "sqrt ", "∛": "cbrt ", "π": "pi"}
    | dict.fromkeys("$€£¥", " ")
)
_TOKEN = re.compile(
    r"(?P<thousands>\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d,]))"
    r"|(?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+(?!\w))?)"
    r"|(?P<name>log10|log2|[^\W\d_]+)"
    r"|(?P<sign>\*\*|//|[-+*/%^(),!°])"
    r"|(?P<space>\s+)|(?P<other>.)",
    re.ASCII | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A word or sign of arithmetic, and where it stands."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Result:
    """A value, and the expression as it was read. ``percent``: nothing but percentages."""

    value: Number
    text: str
    percent: bool = False


def evaluate(text: str) -> Result:
    """What ``text`` comes to.

    Raises:
        ToolRetryError: it is no expression, or names something unknown; the message says what.
        ToolFailedError: it has no result, or one that is too large.
    """
    if len(text) > MAX_LENGTH:
        raise ToolRetryError(f"An expression may have {MAX_LENGTH} characters; calculate in steps.")
    tokens = tokens_of(re.sub(r"[\s=?]+$", "", in_signs(text)))
    if not tokens:
        raise ToolRetryError("The expression is empty; write it like (2 + 3) * 4.")
    return evaluate_tokens(tokens)


def evaluate_tokens(tokens: Sequence[Token]) -> Result:
    """What the expression that all of ``tokens`` make comes to; raises as ``evaluate`` does."""
    try:
        return _Reader(tokens).all()
    except OverflowError:
        raise too_large() from None
    except ZeroDivisionError:
        raise ToolFailedError(TASK, _NO_DIVISION) from None


def in_signs(text: str) -> str:
    """``text`` in lower case, with the signs of ASCII for all others."""
    plain = text.lower().translate(_SIGNS)
    return re.sub(r"(?<=\d) ?(?:percent|pct)\b", "%", plain)


def tokens_of(text: str) -> list[Token]:
    """The tokens of ``text``. Inside a function's brackets a comma parts its numbers."""
    tokens: list[Token] = []
    of_function: list[bool] = []
    at = 0
    while found := _TOKEN.match(text, at):
        kind, written, at = str(found.lastgroup), found[0], found.end()
        if kind == "thousands" and of_function and of_function[-1]:
            # gcd(12,180) has two numbers.
            kind, written = "number", written.partition(",")[0]
            at = found.start() + len(written)
        if written == "(":
            of_function.append(bool(tokens) and tokens[-1].text in FUNCTIONS)
        elif written == ")" and of_function:
            of_function.pop()
        if kind != "space":
            tokens.append(Token(kind, written, found.start(), at))
    return tokens


class _Reader:
    """Works tokens out from left to right, by recursive descent."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens, self._at, self._nesting = tokens, 0, 0

    def all(self) -> Result:
        """The whole as one expression."""
        result = self._sum()
        if self._at < len(self._tokens):
            raise self._puzzled()
        return result

    def _sum(self) -> Result:
        left = self._product()
        while sign := self._take("+", "-"):
            right = self._product()
            value = right.value
            if right.percent and not left.percent:
                value *= left.value  # 200 + 10% is 220, as on a pocket calculator
            left = Result(
                checked(left.value + (value if sign == "+" else -value)),
                f"{left.text} {sign} {right.text}",
                left.percent and right.percent,
            )
        return left

    def _product(self) -> Result:
        left = self._signed()
        while self._next() not in ("", "+", "-", ")", ","):
            sign = self._operator()
            right = self._signed()
            value = checked(_PRODUCTS[sign](left.value, right.value))
            left = Result(value, f"{left.text} {sign} {right.text}")
        return left

    def _operator(self) -> str:
        if sign := self._take("*", "/", "//", "%", "x", "of"):
            return sign if sign in _PRODUCTS else "*"
        if not self._starts_operand():
            raise self._puzzled()
        before, after = self._tokens[self._at - 1], self._tokens[self._at]
        if before.kind in NUMBERS and after.kind in NUMBERS:
            raise ToolRetryError(
                f"Nothing says what to do between {before.text} and {after.text}; "
                "put + - * or / there."
            )
        return "*"  # 2pi, 2(3 + 4)

    def _signed(self) -> Result:
        signs = ""
        while sign := self._take("+", "-"):
            signs += sign
        if len(signs) > _MOST_SIGNS:
            raise ToolRetryError(f"{signs} is more signs in a row than a number can have.")
        part = self._power()
        value = -part.value if signs.count("-") % 2 else part.value
        return Result(value, signs + part.text, part.percent) if signs else part

    def _power(self) -> Result:
        base = self._operand()
        if not self._take("^", "**"):
            return base
        self._nest()
        exponent = self._signed()
        self._nesting -= 1
        value = checked(_power(base.value, exponent.value))
        return Result(value, f"{base.text} ^ {exponent.text}")

    def _operand(self) -> Result:
        part = self._primary()
        while True:
            if self._next() == "%" and not self._starts_operand(1):
                part = Result(part.value / 100, f"{part.text}%", percent=True)
            elif self._next() == "!":
                part = Result(call("factorial", [part.value]), f"{part.text}!")
            elif self._next() == "°":
                part = Result(math.radians(part.value), f"{part.text}°")
            else:
                return part
            self._at += 1

    def _primary(self) -> Result:
        if not self._starts_operand():
            raise self._puzzled()
        token = self._tokens[self._at]
        self._at += 1
        if token.text == "(":
            (inside,) = self._bracketed()
            return Result(inside.value, f"({inside.text})", inside.percent)
        if token.text in FUNCTIONS:
            self._take("of")
            parts = self._bracketed(",") if self._take("(") else [self._nested(self._operand)]
            text = f"{token.text}({', '.join(part.text for part in parts)})"
            return Result(checked(call(token.text, [part.value for part in parts])), text)
        if token.text in CONSTANTS:
            return Result(CONSTANTS[token.text], token.text)
        exponent = token.text.partition("e")[2]
        if exponent and (len(exponent) > 5 or abs(int(exponent)) > _MAX_EXPONENT):
            raise ToolFailedError(TASK, f"{token.text} is too large or small to calculate with")
        return Result(Fraction(token.text.replace(",", "")), token.text)

    def _bracketed(self, separator: str = ")") -> list[Result]:
        """What stands between here and the closing bracket, several where they are separated."""
        parts = [self._nested(self._sum)]
        while separator == "," and self._take(","):
            parts.append(self._nested(self._sum))
        if not self._take(")"):
            raise self._puzzled() if self._next() else ToolRetryError("A bracket is never closed.")
        return parts

    def _nested(self, read: Callable[[], Result]) -> Result:
        self._nest()
        result = read()
        self._nesting -= 1
        return result

    def _nest(self) -> None:
        self._nesting += 1
        if self._nesting > _MAX_NESTING:
            raise ToolFailedError(TASK, "the expression is nested too deeply")

    def _starts_operand(self, ahead: int = 0) -> bool:
        at = self._at + ahead
        if at >= len(self._tokens):
            return False
        token = self._tokens[at]
        return token.kind in NUMBERS or token.text == "(" or token.text in NAMES

    def _next(self) -> str:
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    def _take(self, *wanted: str) -> str:
        text = self._next()
        if text and text in wanted:
            self._at += 1
            return text
        return ""

    def _puzzled(self) -> ToolRetryError:
        """What to say of the token that does not belong where it is."""
        text = self._next()
        if not text:
            return ToolRetryError("The expression ends where a number should follow.")
        if text == ",":
            return ToolRetryError(
                "A comma is read between thousands (1,234) and between the numbers of a function, "
                "such as max(3, 5); write a decimal with a point: 3.5."
            )
        if self._tokens[self._at].kind in ("name", "other"):
            return ToolRetryError(
                f"{text!r} is not understood. There are + - * / // % ^, brackets, "
                f"{', '.join(CONSTANTS)}, and {', '.join(FUNCTIONS)}."
            )
        return ToolRetryError(f"{text} stands where it cannot be read.")


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, Fraction) and isinstance(exponent, Fraction):
        size = max(base.numerator.bit_length(), base.denominator.bit_length())
        if exponent.denominator == 1 and (
            base in (-1, 0, 1) or abs(exponent.numerator) * size <= MAX_BITS
        ):
            # Fraction's own power loops over the exponent's bits, whatever comes out.
            return base ** (exponent.numerator % 2 if base == -1 else exponent.numerator)
        if exponent == Fraction(1, 2) and base >= 0:
            return square_root(base)
    try:
        result = math.pow(base, exponent)
    except ValueError:
        problem = "a root of a negative number is no real number" if base < 0 else _NO_DIVISION
        raise ToolFailedError(TASK, problem) from None
    if result == 0 and base != 0:
        raise ToolFailedError(TASK, "a number on the way becomes too small to calculate with")
    return result


_PRODUCTS: Mapping[str, Callable[[Number, Number], Number]] = {
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
    "//": lambda left, right: Fraction(left // right),
    "%": lambda left, right: left % right,
}
