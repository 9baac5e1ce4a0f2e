"""A tool that draws a chart from values that are at hand, without a script.

What can be drawn is said in ``chart``, and drawn in ``drawing``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from airunner.errors import ToolFailedError, ToolRetryError
from airunner.toolbox.charts.chart import LONGEST_TEXT, MOST_BINS, Kind, chart_of, series_of
from airunner.toolbox.charts.drawing import save_charts
from airunner.tools.tool import tool

_MOST_VALUES = 1000
FIGURE = r"[-+−]?[$€£]?(?:\d{1,3}(?:,\d{3})+(?![\d,])|\d+)(?:\.\d+)?(?:e[-+]?\d+)?"
"""A regular expression for a number as people write it."""

_CELL = re.compile(rf"({FIGURE})\s*%?", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"^([-+−]?\d+),(\d{1,2})$")


def figure_of(cell: str) -> float | None:
    """The number that ``cell`` is, in whatever way it is written; ``None`` if it is none."""
    found = _CELL.fullmatch(_DECIMAL_COMMA.sub(r"\1.\2", cell.strip()))
    if found is None:
        return None
    return float(re.sub(r"[,$€£]", "", found[1]).replace("−", "-"))


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


_Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
_Labels = Annotated[
    Sequence[str],
    BeforeValidator(_as_texts),
    Field(max_length=_MOST_VALUES),
]
_Values = Annotated[
    Sequence[float | None],
    BeforeValidator(_from_text),
    Field(max_length=_MOST_VALUES),
]
_Series = Annotated[
    dict[str, Annotated[list[float | None], Field(max_length=_MOST_VALUES)]] | None,
    BeforeValidator(_from_text),
]


@tool(
    permission="write",
    needs=("matplotlib",),
)
def plot_chart(
    kind: Literal["auto", "line", "bar", "scatter", "pie", "histogram"] = "auto",
    labels: _Labels = (),
    values: _Values = (),
    series: _Series = None,
    title: Annotated[
        str,
        Field(max_length=LONGEST_TEXT),
    ] = "",
    x_label: _Text = "",
    y_label: _Text = "",
    bins: Annotated[int, Field(ge=0, le=MOST_BINS)] = 0,
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
    figures = [figure_of(label) for label in labels]
    numbers = [figure for figure in figures if figure is not None]
    return numbers if len(numbers) == len(labels) else list(labels)


def _kind_for(places: Sequence[float | str]) -> Kind:
    return "bar" if any(isinstance(place, str) for place in places) else "line"
