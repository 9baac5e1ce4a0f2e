"""A tool that draws a chart from values that are at hand, without a script.

Owns how values are found in a request. What can be drawn, and the drawing, is
``tools.charts``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.toolbox.charts.drawing import (
    LONGEST_TEXT,
    MOST_BINS,
    Kind,
    chart_of,
    save_charts,
    series_of,
)
from airunner.tools.request import Request
from airunner.tools.tool import tool
from airunner.tools.user_words import Body, Matching, Unsaid, UserWords

_MOST_VALUES = 1000
_LONGEST_READ = 20_000
_LONGEST_WISH = 200
_FIGURE = r"[-+−]?[$€£]?(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)(?:\.\d+)?(?:e[-+]?\d+)?"
_NUMBER = re.compile(rf"(?<![\w.]){_FIGURE}(?![\w]|\.\d)", re.IGNORECASE)
_CELL = re.compile(rf"({_FIGURE})\s*%?", re.IGNORECASE)
_LABELLED = re.compile(rf"(.*?\S)(?:\s*[:=]\s*|\s+)({_FIGURE})\s*%?", re.IGNORECASE)
_PAIR = re.compile(rf"(.*?\S)\s*[:=]\s*({_FIGURE})\s*%?\.?", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"^([-+−]?\d+),(\d{1,2})$")
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
    found = [(pair[1], _figure(pair[2])) for pair in pairs if pair]
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
        values = [_figure(row[column]) if column < len(row) else None for row in filled]
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
    return labels, {"": [_figure(number[0]) for number in found]} if found else {}


def _holds_figure(cell: str) -> bool:
    return _figure(cell) is not None


def _figure(cell: str) -> float | None:
    found = _CELL.fullmatch(_DECIMAL_COMMA.sub(r"\1.\2", cell.strip()))
    if found is None:
        return None
    return float(re.sub(r"[,$€£]", "", found[1]).replace("−", "-"))


class _Said(UserWords):
    """A part of the table that a message holds, as JSON."""

    def __init__(self, part: Callable[[Table], Any]) -> None:
        self._part = part

    def take(self, request: Request, earlier_answer: str) -> str | None:
        """The part, or ``None`` where the message has no such thing."""
        table = read_table(Body().take(request, earlier_answer) or "")
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


def _from_text(value: Any) -> Any:
    """Lists written as text are lists too, as models like to give them."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return [part for part in re.split(r"\s*[,;\n]\s*", value.strip()) if part]


def _as_texts(value: Any) -> Any:
    value = _from_text(value)
    return [str(each) for each in value] if isinstance(value, list) else value


_Text = Annotated[str, Field(max_length=LONGEST_TEXT), Unsaid()]
_Labels = Annotated[
    Sequence[str],
    BeforeValidator(_as_texts),
    Field(max_length=_MOST_VALUES),
    _Said(lambda table: table[0]),
]
_Values = Annotated[
    Sequence[float | None],
    BeforeValidator(_from_text),
    Field(max_length=_MOST_VALUES),
    _Said(lambda table: table[1][""] if list(table[1]) == [""] else None),
]
_Series = Annotated[
    dict[str, Annotated[list[float | None], Field(max_length=_MOST_VALUES)]] | None,
    BeforeValidator(_from_text),
    _Said(lambda table: table[1] if list(table[1]) != [""] else None),
]


@tool(
    permission="write",
    examples=(
        "draw a bar chart of apples 3, pears 5, plums 2",
        "make a pie chart: rent 800, food 300, fun 100",
        "plot these values: 3, 5, 8, 13",
        "show me a histogram of 1, 2, 2, 3, 3, 3",
        "can you graph my weight by month: Jan 80, Feb 79, Mar 77",
        "line chart of temperatures Mon 12, Tue 15, Wed 11",
        "I'd like a scatter plot with x 1 2 3 and y 4 9 7",
        "visualise these sales figures as bars: north 20, south 35",
        'put this data into a diagram titled "Visitors": 2023 410, 2024 530',
        "chart the votes please: yes 14, no 9, unsure 3",
    ),
)
def plot_chart(
    kind: Annotated[
        Literal["auto", "line", "bar", "scatter", "pie", "histogram"], _KindSaid()
    ] = "auto",
    labels: _Labels = (),
    values: _Values = (),
    series: _Series = None,
    title: Annotated[
        str,
        Field(max_length=LONGEST_TEXT),
        Matching(r"\b(?:titled?|called|headed)\s*[:=]?\s*[\"“']([^\"”'\n]+)[\"”']"),
    ] = "",
    x_label: _Text = "",
    y_label: _Text = "",
    bins: Annotated[int, Field(ge=0, le=MOST_BINS), Unsaid()] = 0,
    api: Any = None,
) -> str:
    """Draw a chart of given values and save it as a picture.

    Args:
        kind: the kind of chart; auto takes bars for names and a line for numbers.
        labels: what the values stand for, such as names, dates or numbers on the x axis.
        values: the values, as many as labels.
        series: instead of values, several lists of values by name, such as one for each year.
        title: the heading.
        x_label: what is along the x axis.
        y_label: what is along the y axis, such as a unit.
        bins: for a histogram, how many bars.
    """
    name = "plot_chart"
    if api is None:
        raise ToolFailedError(name, "it was called without the folder for pictures (api)")
    lists = series or ({"": list(values)} if values else {})
    if not lists:
        raise ToolRetryError("There are no values to draw; give values, or series.")
    places = _numbers_where_all_are(labels)
    chosen: Kind = kind if kind != "auto" else _kind_for(places)
    if chosen == "histogram":
        places = []
    parts = [series_of(chosen, places or None, given, each) for each, given in lists.items()]
    chart = chart_of(parts, title=title, x_label=x_label, y_label=y_label, bins=bins)
    (path,) = save_charts(name, [chart], api)
    count = sum(len(part.y) for part in chart.series)
    drawn = chosen if chosen == "histogram" else f"{chosen} chart"
    return f"Drew a {drawn} of {count} values and saved it as {path.name}."


def _numbers_where_all_are(labels: Sequence[str]) -> list[float] | list[str]:
    figures = [_figure(label) for label in labels]
    numbers = [figure for figure in figures if figure is not None]
    return numbers if len(numbers) == len(labels) else list(labels)


def _kind_for(places: Sequence[float | str]) -> Kind:
    return "bar" if any(isinstance(place, str) for place in places) else "line"
