"""Arithmetic as people type it, read into an expression for ``arithmetic``.

Owns the signs and words for what is to be done ("12 x 7", "15% of 80", "square
root of 2").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.toolbox.math.numbers.arithmetic import CONSTANTS, FUNCTIONS, PERCENT, TASK
from airunner.toolbox.math.numbers.numerals import with_digits

MAX_LENGTH = 400
"""Characters of an expression."""

_MAX_NESTING = 40
_MAX_EXPONENT = 300
_MOST_SIGNS = 2
NUMBERS = ("thousands", "number")
NAMES = frozenset({*CONSTANTS, *FUNCTIONS})

_SIGNS = str.maketrans(
    {"×": "*", "·": "*", "∙": "*", "⋅": "*", "÷": "/", "∕": "/", "−": "-", "–": "-", "²": "^2"}
    | {"³": "^3", "½": "(1/2)", "¼": "(1/4)", "¾": "(3/4)", "[": "(", "]": ")", "{": "(", "}": ")"}
    | dict.fromkeys("$€£¥", " ")
)
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
        (r"\bcube[- ]?root\b|∛", "cbrt "),
        (r"\b(?:square[- ]?root|root)\b", "sqrt"),
        (r"√", "sqrt "),
        (r"\b(?:(?:a|one) )?half of\b", "(1/2) *"),
        (r"\b(?:(?:a|one) )?third of\b", "(1/3) *"),
        (r"\b(?:(?:a|one) )?quarter of\b", "(1/4) *"),
        (r"\btwice\b", "2 *"),
        (r"\b(?:average|avg)\b", "mean"),
        (r"\b(?:maximum|largest|biggest|highest|greatest) (?=of)|\bmaximum\b", "max "),
        (r"\b(?:minimum|smallest|lowest) (?=of)|\bminimum\b", "min "),
        (r"\b(?:greatest common divisor|highest common factor|hcf|gcf)\b", "gcd"),
        (r"\b(?:least|lowest) common multiple\b", "lcm"),
        (r"\bceiling\b", "ceil"),
        (r"\babsolute value\b", "abs"),
        (r"(?<=\d) factorial\b", "!"),
        (r"\bsine\b", "sin"),
        (r"\bcosine\b", "cos"),
        (r"\btangent\b", "tan"),
        (r"\barc(?=sin|cos|tan)", "a"),
        (r"\bnatural log(?:arithm)?\b", "ln"),
        (r"\blogarithm\b", "log"),
        (r"\bdegrees?\b(?!\s*\()|\bdeg\b", "°"),
        ("π", "pi"),
        (r"\bthe\b", ""),
        (r"\bnumbers\b", ""),
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
_ASKING = re.compile(
    r"^\W*(?:what(?:'s| is|s)|how much is|calculate|compute|evaluate|solve|work out)\b\s*:?\s*"
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


def read_arithmetic(text: str) -> str:
    """The expression for ``arithmetic.evaluate`` that ``text`` means.

    Raises:
        ToolRetryError: something in it is not understood; the message says what.
    """
    if len(text) > MAX_LENGTH:
        raise ToolRetryError(f"An expression may have {MAX_LENGTH} characters; calculate in steps.")
    plain = re.sub(r"[\s=?.]+$", "", _ASKING.sub("", in_signs(text)))
    if not plain:
        raise ToolRetryError("The expression is empty; write it like (2 + 3) * 4.")
    return expression_of(tokens_of(plain))


def expression_of(tokens: Sequence[Token]) -> str:
    """The expression that all of ``tokens`` make.

    Raises:
        ToolRetryError, ToolFailedError: they make none.
    """
    return _Reader(tokens).all()


def in_signs(text: str) -> str:
    """``text`` in lower case, with signs and digits where it has words for them."""
    plain = with_digits(text.lower().translate(_SIGNS).replace("’", "'"))
    for pattern, written in [*_PHRASES, *_ORDERS]:
        plain = pattern.sub(written, plain)
    return _LISTED.sub(_list_said, plain)


def _list_said(found: re.Match[str]) -> str:
    return f"{found[1]}({', '.join(re.findall(_SINGLE, found[2]))})"


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
    """Turns tokens into the source that ``arithmetic.evaluate`` takes, from left to right."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens, self._at = tokens, 0

    def all(self) -> str:
        """The whole as one expression."""
        source = self._sequence(0)
        if self._at < len(self._tokens):
            raise self._puzzled()
        return source

    def _sequence(self, nesting: int) -> str:
        parts = [self._operand(nesting)]
        while self._at < len(self._tokens) and self._next() not in (")", ","):
            parts.append(self._operator())
            parts.append(self._operand(nesting))
        return " ".join(parts)

    def _operator(self) -> str:
        if found := self._take("+", "-", "*", "/", "//", "^", "**", "%", "x", "of"):
            return {"^": "**", "x": "*", "of": "*"}.get(found, found)
        if not self._starts_operand():
            raise self._puzzled()
        before, after = self._tokens[self._at - 1], self._tokens[self._at]
        if before.kind in NUMBERS and after.kind in NUMBERS:
            raise ToolRetryError(
                f"Nothing says what to do between {before.text} and {after.text}; "
                "put + - * or / there."
            )
        return "*"  # 2pi, 2(3 + 4)

    def _operand(self, nesting: int) -> str:
        if nesting > _MAX_NESTING:
            raise ToolFailedError(TASK, "the expression is nested too deeply")
        signs = ""
        while sign := self._take("+", "-"):
            signs += sign
        if len(signs) > _MOST_SIGNS:
            raise ToolRetryError(f"{signs} is more signs in a row than a number can have.")
        operand = self._primary(nesting)
        while True:
            if self._next() == "%" and not self._starts_operand(1):
                function = PERCENT
            elif self._next() in ("!", "°"):
                function = {"!": "factorial", "°": "radians"}[self._next()]
            else:
                return signs + operand
            self._at += 1
            operand = f"{function}({operand})"

    def _primary(self, nesting: int) -> str:
        if not self._starts_operand():
            raise self._puzzled()
        token = self._tokens[self._at]
        self._at += 1
        if token.text == "(":
            inside = self._sequence(nesting + 1)
            self._close()
            return f"({inside})"
        if token.text in FUNCTIONS:
            return self._function(token.text, nesting)
        if token.text in CONSTANTS:
            return token.text
        exponent = token.text.partition("e")[2]
        if exponent and (len(exponent) > 5 or abs(int(exponent)) > _MAX_EXPONENT):
            raise ToolFailedError(TASK, f"{token.text} is too large or small to calculate with")
        return repr(token.text.replace(",", ""))

    def _function(self, name: str, nesting: int) -> str:
        self._take("of")
        if not self._take("("):
            return f"{name}({self._operand(nesting + 1)})"
        arguments = [self._sequence(nesting + 1)]
        while self._take(","):
            arguments.append(self._sequence(nesting + 1))
        self._close()
        return f"{name}({', '.join(arguments)})"

    def _close(self) -> None:
        if not self._take(")"):
            raise self._puzzled() if self._next() else ToolRetryError("A bracket is never closed.")

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
