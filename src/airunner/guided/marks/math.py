"""The arithmetic and the units that a message names."""

from __future__ import annotations

import re
from collections.abc import Sequence

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.guided.marks.arithmetic_words import in_signs
from airunner.guided.marks.measures import ConversionSaid
from airunner.guided.request import Request
from airunner.guided.user_words import Matching
from airunner.toolbox.math.numbers.arithmetic import (
    MAX_LENGTH,
    NAMES,
    NUMBERS,
    Token,
    evaluate_tokens,
    tokens_of,
)

_SEARCHED = 2_000
_TRIMMED = 3
_NO_SUM = re.compile(r"\b(?:\d{4}-\d\d?-\d\d?|\d\d?/\d\d?/(?:\d\d){1,2}|\d{3}-(?:\d{3}-)?\d{4})\b")
"""Dates and telephone numbers, which look like sums."""


class ArithmeticSaid(Matching):
    """The arithmetic in a message, such as the "15% of 80" of "how much is 15% of 80?"."""

    def __init__(self) -> None:
        super().__init__(r"\d")

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The longest part that can be calculated; ``None`` if there is none."""
        text = in_signs(request.message[:_SEARCHED])
        found = [part for run in _runs(tokens_of(text)) if (part := _calculable(run, text))]
        return max(found, key=len, default=None)


def _runs(tokens: Sequence[Token]) -> list[list[Token]]:
    """The stretches of tokens that may belong to an expression."""
    runs: list[list[Token]] = [[]]
    for token in tokens:
        if _is_foreign(token):
            runs.append([])
        else:
            runs[-1].append(token)
    return [run for run in runs if 1 < len(run) <= MAX_LENGTH]


def _is_foreign(token: Token) -> bool:
    if token.kind == "name":
        return token.text not in {*NAMES, "x", "of"}
    return token.kind == "other"


def _calculable(run: Sequence[Token], text: str) -> str | None:
    """The run's text without the few tokens at its ends that keep it from being an expression."""
    if _NO_SUM.search(text, run[0].start, run[-1].end):
        return None
    for cut in range(_TRIMMED + 1):
        for head in range(cut + 1):
            part = run[head : len(run) - (cut - head)]
            if len(part) < 2 or not any(token.kind in NUMBERS for token in part):
                continue
            written = text[part[0].start : part[-1].end]
            if len(written) > MAX_LENGTH:
                continue
            try:
                evaluate_tokens(part)
            except ToolRetryError:
                continue
            except ToolFailedError:
                pass  # it is arithmetic, if without a result
            # A signed number is no task.
            if len(part) > 2 or part[0].kind == "name" or part[1].text in "!%°":
                return written
    return None


MARKS = {
    "calculate": {"expression": ArithmeticSaid()},
    "convert_units": {
        "value": ConversionSaid("value"),
        "from_unit": ConversionSaid("source"),
        "to_unit": ConversionSaid("target"),
    },
}
