"""The table of values and the kind of chart that a message holds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from airunner.guided.request import Request
from airunner.guided.user_words import BODY, UNSAID, Matching, UserWords
from airunner.toolbox.charts.chart_tools import FIGURE, figure_of

_LONGEST_READ = 20_000
_LONGEST_WISH = 200
_NUMBER = re.compile(rf"(?<![\w.]){FIGURE}(?![\w]|\.\d)", re.IGNORECASE)
_LABELLED = re.compile(rf"(.*?\S)(?:\s*[:=]\s*|\s+)({FIGURE})\s*%?", re.IGNORECASE)
_PAIR = re.compile(rf"(.*?\S)\s*[:=]\s*({FIGURE})\s*%?\.?", re.IGNORECASE)
_PARTS = re.compile(r"\s*[;\n]\s*|,\s+(?:and\s+)?|\s+and\s+", re.IGNORECASE)
_LIST_MARK = re.compile(r"^(?:[-*•]|\d+[.)])\s+")
_BETWEEN = re.compile(r"[,;.]|\band\b", re.IGNORECASE)
_AROUND = r"(?:[\s:=%()–-]|\b(?:is|are|was|were|has|had|with|at|in|on|for|of|to)\b)+"
_FILLER = re.compile(rf"^{_AROUND}|{_AROUND}$", re.IGNORECASE)
_OPENING = re.compile(
    r"^\D*?\b(?:charts?|graphs?|plot|diagram|histogram|curve)\b"
    r"(?:\s+(?:of|for|from|with|showing|where|these|this|the|my|following|values|numbers|data"
    r"|points))*\s*:?\s*",
    re.IGNORECASE,
)
_KINDS = (
    ("histogram", r"histogram|distribution"),
    ("scatter", r"scatter|dots"),
    ("pie", r"pie|donut|doughnut|shares"),
    ("bar", r"bars?|columns?"),
    ("line", r"lines?|curve|trend"),
)

Table = tuple[list[str], dict[str, list[float | None]]]
"""Labels, and values by the name of their series."""


def read_table(text: str) -> Table:
    """The labels and series that ``text`` holds: a table, a list of pairs, or numbers alone."""
    text = text[:_LONGEST_READ]
    rows = [_cells(line) for line in text.splitlines() if line.strip(" |-:+=\t")]
    if len(rows) > 1 and sum(any(map(_holds_figure, row[1:])) for row in rows) > 1:
        return _columns(rows)
    text = _OPENING.sub("", text).strip()
    pairs = [_PAIR.fullmatch(part) for part in _PARTS.split(text) if part]
    found = [(pair[1], figure_of(pair[2])) for pair in pairs if pair]
    if found and len(found) == len(pairs):
        return [label for label, _ in found], {"": [value for _, value in found]}
    return _sentence(text)


def _cells(line: str) -> list[str]:
    line = _LIST_MARK.sub("", line.strip().strip("|").strip())
    for mark in "|\t;":
        if mark in line:
            return [cell.strip() for cell in line.split(mark)]
    if (labelled := _LABELLED.fullmatch(line)) and "," not in labelled[1]:
        return [labelled[1], labelled[2]]
    return [cell.strip() for cell in line.split(",")]


def _columns(rows: list[list[str]]) -> Table:
    """A table whose first column are labels, with the columns' names above it, if any."""
    filled = [row for row in rows if any(map(_holds_figure, row[1:]))]
    first = rows.index(filled[0])
    head = rows[first - 1] if first else []
    width = max(map(len, filled))
    series: dict[str, list[float | None]] = {}
    for column in range(1, width):
        named = head[column] if column < len(head) else f"series {column}"
        values = [figure_of(row[column]) if column < len(row) else None for row in filled]
        named = f"{named} {column}" if named in series else named
        series["" if width == 2 else named] = values
    return [row[0] for row in filled], series


def _sentence(text: str) -> Table:
    """Numbers in running text, with the words before each, or else after each."""
    found = list(_NUMBER.finditer(text))
    ends = [0, *(number.end() for number in found)]
    starts = [*(number.start() for number in found), len(text)]
    gaps = [_BETWEEN.split(text[end:start]) for end, start in zip(ends, starts, strict=True)]
    before = [_FILLER.sub("", gap[-1]) for gap in gaps[:-1]]
    after = [next(filter(None, (_FILLER.sub("", part) for part in gap)), "") for gap in gaps[1:]]
    labels = before if all(before) else after if all(after) else []
    return labels, {"": [figure_of(number[0]) for number in found]} if found else {}


def _holds_figure(cell: str) -> bool:
    return figure_of(cell) is not None


class _Said(UserWords):
    """A part of the table that a message holds, as JSON."""

    def __init__(self, part: Callable[[Table], Any]) -> None:
        self._part = part

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The part, or ``None`` where the message has no such thing."""
        table = read_table(BODY.take(request, earlier_answer) or "")
        if not table[1]:  # a short table is easily taken for the wish
            table = read_table(request.message)
        found = self._part(table)
        return json.dumps(found) if found else None


class _KindSaid(UserWords):
    """The kind of chart that is named where a message begins."""

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The kind, or ``None``."""
        for kind, words in _KINDS:
            if re.search(rf"\b(?:{words})\b", request.message[:_LONGEST_WISH], re.IGNORECASE):
                return kind
        return None


MARKS = {
    "plot_chart": {
        "kind": _KindSaid(),
        "labels": _Said(lambda table: table[0]),
        "values": _Said(lambda table: table[1][""] if list(table[1]) == [""] else None),
        "series": _Said(lambda table: table[1] if list(table[1]) != [""] else None),
        "title": Matching(r"\b(?:titled?|called|headed)\s*[:=]?\s*[\"“']([^\"”'\n]+)[\"”']"),
        "x_label": UNSAID,
        "y_label": UNSAID,
        "bins": UNSAID,
    }
}
