"""What a script draws: the function ``plot``, and the charts collected so far.

Runs inside the sandbox's process. Owns nothing of pictures: specifications of charts
leave the sandbox and are drawn outside. ``pyplot`` is another way to fill the same list.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from airunner.errors import ToolRetryError
from airunner.toolbox.charts.chart import MOST_POINTS, Chart, chart_of, series_of

MOST_CHARTS = 8

_RANGE = re.compile(r"range\((-?\d+), (-?\d+)(?:, (-?\d+))?\)")
_VIEW = re.compile(r"dict_(?:keys|values)\((\[.*\])\)", re.DOTALL)


class Drawings:
    """The charts of one script, in order, and what of them could not be kept."""

    def __init__(self) -> None:
        self.charts: list[Chart] = []
        self.left_out: list[str] = []

    def add(self, chart: Chart) -> None:
        """Keep a chart.

        Raises:
            ToolRetryError: there are too many.
        """
        if len(self.charts) == MOST_CHARTS:
            raise ToolRetryError(f"A script may draw at most {MOST_CHARTS} charts.")
        self.charts.append(chart)

    def leave_out(self, what: str) -> None:
        """Note something that was asked for and is not in the picture."""
        if what not in self.left_out:
            self.left_out.append(what)

    def plot(
        self,
        kind: Any = "line",
        x: Any = None,
        y: Any = None,
        *,
        title: Any = "",
        x_label: Any = "",
        y_label: Any = "",
        xlabel: Any = "",
        ylabel: Any = "",
        name: Any = "",
        bins: Any = 0,
    ) -> None:
        """Draw one chart, as in ``plot("bar", ["a", "b"], [3, 5], title="Fruit")``.

        ``x`` alone holds the values; ``y`` may be a mapping from names to lists, for several
        series, and either of them one from names to values. Without a kind, lines are drawn.

        Raises:
            ToolRetryError: it cannot be drawn; the message says why.
        """
        if not isinstance(kind, str):  # plot(x, y), as others do it
            kind, x, y = "line", kind, x
        kind = "histogram" if kind == "hist" else kind
        x, y = listed(x), listed(y)
        if y is None:
            x, y = None, x
        if not isinstance(y, Mapping):
            parts = [series_of(kind, x, y, name)]
        elif any(isinstance(listed(values), (list, tuple)) for values in y.values()):
            parts = [series_of(kind, x, listed(values), each) for each, values in y.items()]
        else:  # {"apples": 3, "pears": 5}
            parts = [series_of(kind, list(y), list(y.values()), name)]
        x_label, y_label = x_label or xlabel, y_label or ylabel
        self.add(chart_of(parts, title=title, x_label=x_label, y_label=y_label, bins=bins))


def listed(value: Any) -> Any:
    """``value``, or the list that it is a text of.

    A range and a dictionary's keys or values leave the interpreter as text.
    """
    if not isinstance(value, str):
        return value
    if found := _RANGE.fullmatch(value):
        start, stop, step = int(found[1]), int(found[2]), int(found[3] or 1)
        return list(range(start, stop, step)[: MOST_POINTS + 1])
    if found := _VIEW.fullmatch(value):
        try:
            return ast.literal_eval(found[1])
        except (ValueError, SyntaxError):  # of things that no chart can show
            return value
    return value
