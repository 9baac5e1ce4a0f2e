"""A chart's picture, drawn with matplotlib.

Owns how a chart looks. Where pictures lie is ``airunner.pictures``.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airunner.errors import AiRunnerError, ToolFailedError
from airunner.errors.system_words import system_words
from airunner.toolbox.charts.chart import Chart, Series, label_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

    from airunner.tools.api import Specialists

_SIZE_INCHES = (8.0, 5.0)
_DOTS_PER_INCH = 100
_MOST_TICKS = 24
_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "PingFang SC",
    "Hiragino Sans",
    "WenQuanYi Zen Hei",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
)
"""Fonts asked for the letters that matplotlib's own lacks, where they are installed."""

_drawing = threading.Lock()


def save_charts(tool: str, charts: Sequence[Chart], api: Specialists) -> list[Path]:
    """Draw ``charts`` and save them to the pictures folder, in order.

    Raises:
        ToolFailedError: matplotlib is missing, or the folder cannot be written.
    """
    saved: list[Path] = []
    for chart in charts:
        image = png_of(tool, chart)
        try:
            pictures = api.pictures
            (path,) = reserved = pictures.reserve(chart.title or f"{chart.series[0].kind} chart", 1)
            try:
                path.write_bytes(image)
            finally:
                pictures.release(reserved)
        except (OSError, AiRunnerError) as error:
            raise ToolFailedError(
                tool, f"the chart could not be saved: {system_words(error)}"
            ) from error
        saved.append(path)
    return saved


def png_of(tool: str, chart: Chart) -> bytes:
    """The chart as a PNG of 800 by 500 pixels.

    Raises:
        ToolFailedError: matplotlib is not installed.
    """
    import warnings

    try:
        import matplotlib.style
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ToolFailedError(
            tool, "drawing needs matplotlib, which is not installed: pip install 'airunner[charts]'"
        ) from error
    file = BytesIO()
    # One drawing at a time, for matplotlib's settings belong to the process. Its own
    # defaults, because a user's matplotlibrc could hand a title to LaTeX.
    with _drawing, matplotlib.style.context("default"), warnings.catch_warnings():
        # A letter that no font has becomes a box, which is to be seen in the picture.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        matplotlib.rcParams["font.family"] = _fonts()
        figure = Figure(figsize=_SIZE_INCHES, dpi=_DOTS_PER_INCH, layout="constrained")
        FigureCanvasAgg(figure)
        _draw(chart, figure)
        _as_plain_text(figure)
        figure.savefig(file, format="png", metadata={"Title": chart.title} if chart.title else {})
    return file.getvalue()


def _fonts() -> list[str]:
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in _FONTS if name in installed)]


def _draw(chart: Chart, figure: Figure) -> None:
    axes = figure.add_subplot()
    if chart.title:
        axes.set_title(chart.title, wrap=True)
    first = chart.series[0]
    if first.kind == "pie":
        shares = [value or 0.0 for value in first.y]
        axes.pie(shares, labels=[label_of(x) for x in first.x], autopct="%1.0f%%", startangle=90)
        return
    axes.set_xlabel(chart.x_label)
    axes.set_ylabel(chart.y_label)
    if first.kind == "histogram":
        _draw_histogram(chart, axes)
    else:
        _draw_series(chart, axes)
    axes.grid(True, axis="y", alpha=0.3)
    axes.set_axisbelow(True)
    if any(series.name for series in chart.series):
        axes.legend()


def _draw_histogram(chart: Chart, axes: Axes) -> None:
    each = [[v for v in series.y if v is not None] for series in chart.series]
    reach = (min(map(min, each)), max(map(max, each)))
    # The number of bins is ours: matplotlib's "auto" may come to billions.
    bins = chart.bins or min(50, math.isqrt(max(map(len, each))) + 1)
    seen_through = 1.0 if len(each) == 1 else 0.6
    for series, values in zip(chart.series, each, strict=True):
        axes.hist(values, bins=bins, range=reach, alpha=seen_through, label=_legend(series))
    _count_in_whole_numbers(axes.yaxis)


def _draw_series(chart: Chart, axes: Axes) -> None:
    names = {name: place for place, name in enumerate(chart.names)} if chart.has_names else {}
    bars = [series for series in chart.series if series.kind == "bar"]
    width = 0.8 * _bar_room(bars, named=bool(names))
    whole = not names
    for number, series in enumerate(chart.series):
        x = [float(names[label_of(x)]) if names else float(x) for x in series.x]
        y = [math.nan if value is None else value for value in series.y]
        whole = whole and all(place.is_integer() for place in x)
        look: dict[str, Any] = {"color": f"C{number % 10}", "label": _legend(series)}
        if series.kind == "line":
            axes.plot(x, y, marker="o" if len(x) <= 30 else None, markersize=4, **look)
        elif series.kind == "scatter":
            axes.scatter(x, y, s=18, **look)
        else:
            each = width / len(bars)
            offset = (bars.index(series) - (len(bars) - 1) / 2) * each
            axes.bar([place + offset for place in x], y, width=each, **look)
    if names:
        _write_names(list(names), axes)
    elif whole:
        _count_in_whole_numbers(axes.xaxis)


def _legend(series: Series) -> str | None:
    # matplotlib leaves out what begins with an underscore.
    return f" {series.name}" if series.name.startswith("_") else series.name or None


def _count_in_whole_numbers(axis: Axis) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins="auto", steps=[1, 2, 5, 10], integer=True))


def _bar_room(bars: Sequence[Series], *, named: bool) -> float:
    """The least distance between two bars of one series."""
    if named or not bars:
        return 1.0
    places = sorted({float(x) for series in bars for x in series.x})
    return min((b - a for a, b in pairwise(places)), default=1.0)


def _write_names(names: Sequence[str], axes: Axes) -> None:
    """Names under the axis; of many only every second, third and so on."""
    step = -(-len(names) // _MOST_TICKS)
    shown = range(0, len(names), step)
    crowded = sum(len(names[place]) + 2 for place in shown) > 90
    axes.set_xticks(
        list(shown),
        [names[place] for place in shown],
        rotation=45 if crowded else 0,
        ha="right" if crowded else "center",
    )


def _as_plain_text(figure: Figure) -> None:
    """Show every text as it is: a dollar sign begins no formula."""
    from matplotlib.text import Text

    for artist in figure.findobj(Text):
        artist.set_parse_math(False)
