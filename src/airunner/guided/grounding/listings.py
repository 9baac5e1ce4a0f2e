"""The lists in a message: in brackets, or several numbers with commas and "and" between them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from airunner.guided.grounding.quantities import Quantity, are_listed

_OPEN, _CLOSE = "[({", "])}"


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of numbers, of texts or of lists, and where it stands in the message."""

    items: tuple[Any, ...]
    start: int
    end: int

    @property
    def depth(self) -> int:
        """1 for a list of plain values, 2 for a list of lists."""
        return 1 + max((1 for item in self.items if isinstance(item, tuple)), default=0)


def bracketed(text: str) -> list[Listing]:
    """Lists in brackets, outermost ones with their inner ones as items."""
    found: list[Listing] = []
    at = 0
    while at < len(text):
        if text[at] in "[(" and (end := _end_of(text, at)):
            items = _items(text[at : end + 1])
            if items is not None and (len(items) > 1 or text[at] == "["):
                found.append(Listing(items, at, end + 1))
                at = end
        at += 1
    return found


def _end_of(text: str, at: int) -> int | None:
    depth = 0
    for n in range(at, min(len(text), at + 2000)):
        depth += (text[n] in _OPEN) - (text[n] in _CLOSE)
        if depth == 0:
            return n
    return None


def _items(written: str) -> tuple[Any, ...] | None:
    plain = written.replace("(", "[").replace(")", "]").replace("‘", "'").replace("’", "'")
    for attempt in (plain, plain.replace("'", '"')):
        try:
            value = json.loads(attempt)
        except ValueError:
            continue
        return tuple(_tuple(item) for item in value)
    inner = written[1:-1]
    if written[0] == "[" and not set(inner) & set("[]{}") and inner.strip():
        return tuple(part.strip(" '\"") for part in inner.split(","))
    return None


def _tuple(value: Any) -> Any:
    return tuple(_tuple(v) for v in value) if isinstance(value, list) else value


def runs_of_numbers(text: str, numbers: Sequence[Quantity]) -> list[list[Quantity]]:
    """Numbers that stand one after the other with only commas or "and" between, two or more."""
    runs: list[list[Quantity]] = []
    for number in numbers:
        if number.implied or number.dated:
            continue
        if runs and are_listed(runs[-1][-1], number, text):
            runs[-1].append(number)
        else:
            runs.append([number])
    return [run for run in runs if len(run) > 1]
