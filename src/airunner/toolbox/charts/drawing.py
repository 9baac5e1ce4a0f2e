"""A chart: what it shows, whether that can be drawn, and its picture.

Owns the specification that scripts and tools fill in, its bounds, and the drawing
with matplotlib. Where values come from is the callers', and where pictures lie is
``airunner.pictures``.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from airunner.errors import AiRunnerError, ToolFailedError, ToolRetryError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

    from airunner.tools.api import Specialists

Kind = Literal["line", "bar", "scatter", "pie", "histogram"]
KINDS: tuple[Kind, ...] = get_args(Kind)

MOST_POINTS = 10_000
MOST_BARS = 500
MOST_SLICES = 40
MOST_SERIES = 12
MOST_BINS = 200
LONGEST_TEXT = 120
_GREATEST = 1e150  # far enough from the end of a float that an axis can still be laid out

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


@dataclass(frozen=True, slots=True)
class Series:
    """Values that belong together. ``x`` is empty for a histogram, else as long as ``y``.

    ``x`` holds numbers alone or names alone; a missing value of ``y`` is ``None``.
    """

    kind: Kind
    y: tuple[float | None, ...]
    x: tuple[float | str, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """Series in one frame. Pies and histograms stand alone in theirs.

    ``bins`` is for histograms; 0 lets the number of values decide.
    """

    series: tuple[Series, ...]
    title: str = ""
    x_label: str = ""
    y_label: str = ""
    bins: int = 0

    @property
    def has_names(self) -> bool:
        """Whether the horizontal axis is of names and not of numbers."""
        return any(isinstance(x, str) for series in self.series for x in series.x)

    @property
    def names(self) -> tuple[str, ...]:
        """What stands along an axis of names, in order of first appearance."""
        return tuple(dict.fromkeys(_text(x) for series in self.series for x in series.x))

    def as_json(self) -> dict[str, Any]:
        """Plain values that ``chart_of`` takes."""
        return asdict(self)


def series_of(kind: object, x: object = None, y: object = None, name: object = "") -> Series:
    """A series from what a model gave.

    Raises:
        ToolRetryError: it cannot be drawn; the message says why.
    """
    if kind not in KINDS:
        raise ToolRetryError(f"There is no chart of kind {kind!r}; take {', '.join(KINDS)}.")
    if y is None:
        x, y = None, x
    if y is None:
        raise ToolRetryError("There are no values to draw.")
    values = tuple(_number(value) for value in _items(y, "values"))
    places = tuple(_place(value) for value in _items(x, "x")) if x is not None else ()
    if kind == "histogram":
        places = ()
    elif not places:
        places = tuple(float(number) for number in range(1, len(values) + 1))
    if any(isinstance(place, str) for place in places):
        places = tuple(_text(place) for place in places)
    if places and len(places) != len(values):
        raise ToolRetryError(
            f"There are {len(places)} places or labels (x) for {len(values)} values (y); "
            "give as many of both."
        )
    _check_amount(kind, values)
    return Series(kind, values, places, _text(name or ""))


def chart_of(
    series: Iterable[Series | Mapping[str, Any]],
    *,
    title: object = "",
    x_label: object = "",
    y_label: object = "",
    bins: object = 0,
) -> Chart:
    """A chart from what a model gave.

    Raises:
        ToolRetryError: it cannot be drawn; the message says why.
    """
    parts = tuple(
        part
        if isinstance(part, Series)
        else series_of(part["kind"], part["x"] or None, part["y"], part["name"])
        for part in series
    )
    if not 0 < len(parts) <= MOST_SERIES:
        raise ToolRetryError(f"A chart takes 1 to {MOST_SERIES} series, not {len(parts)}.")
    kinds = {part.kind for part in parts}
    if len(parts) > 1 and "pie" in kinds:
        raise ToolRetryError("A pie chart takes one series; draw a chart for each.")
    if len(kinds) > 1 and "histogram" in kinds:
        raise ToolRetryError("A histogram cannot be mixed with other kinds in one chart.")
    points = sum(len(part.y) for part in parts)
    if points > MOST_POINTS:
        raise ToolRetryError(f"A chart takes at most {MOST_POINTS:,} points, not {points:,}.")
    if not isinstance(bins, int) or not 0 <= bins <= MOST_BINS:
        raise ToolRetryError(f"bins is a whole number of at most {MOST_BINS}.")
    return Chart(parts, _text(title), _text(x_label), _text(y_label), bins)


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
            raise ToolFailedError(tool, f"the chart could not be saved: {error}") from error
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
        axes.pie(shares, labels=[_text(x) for x in first.x], autopct="%1.0f%%", startangle=90)
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
        x = [float(names[_text(x)]) if names else float(x) for x in series.x]
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


def _items(values: object, what: str) -> Sequence[Any]:
    if isinstance(values, (list, tuple)):
        return values
    if isinstance(values, (set, frozenset, range)):
        return list(values)
    raise ToolRetryError(f"{what} must be a list, not {type(values).__name__}.")


def _number(value: object) -> float | None:
    if value is None:
        return None
    try:
        number = float(cast(Any, value))
    except (TypeError, ValueError, OverflowError):
        raise ToolRetryError(f"{_text(repr(value))} is not a number that can be drawn.") from None
    if math.isnan(number):
        return None
    if abs(number) > _GREATEST:
        raise ToolRetryError("A value is too great to be drawn.")
    return number


def _place(value: object) -> float | str:
    """A number, or a name: dates and all else as text."""
    number = _number(value) if value is None or isinstance(value, (int, float)) else _text(value)
    if number is None:
        raise ToolRetryError("x must not have missing values.")
    return number


def _check_amount(kind: Kind, values: Sequence[float | None]) -> None:
    present = [value for value in values if value is not None]
    if not present:
        raise ToolRetryError("There are no values to draw.")
    most = {"bar": MOST_BARS, "pie": MOST_SLICES}.get(kind, MOST_POINTS)
    if len(values) > most:
        raise ToolRetryError(
            f"A {kind} takes at most {most:,} values, not {len(values):,}; group or thin them out."
        )
    if kind == "pie" and (min(present) < 0 or sum(present) <= 0):
        raise ToolRetryError("The values of a pie must not be negative, nor all of them 0.")


def _text(value: object) -> str:
    """One short line, as numbers are usually written."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    line = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
    return line if len(line) <= LONGEST_TEXT else f"{line[: LONGEST_TEXT - 1]}…"
