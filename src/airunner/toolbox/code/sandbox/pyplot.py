"""As much of ``matplotlib.pyplot`` as turns into charts, for scripts written by habit.

Runs inside the sandbox's process and draws nothing. A call that changes only the
look is accepted and without effect; one that would change what is seen, and is not
understood, is noted as left out.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

from airunner.errors import ToolRetryError
from airunner.toolbox.charts.chart import MOST_SERIES, Kind, Series, chart_of, series_of
from airunner.toolbox.code.sandbox.drawings import MOST_CHARTS, Drawings, listed

_LOOKS = """
    axis grid legend margins set_axisbelow set_facecolor tick_params tight_layout yticks
    set_yticks set_yticklabels subplots_adjust autofmt_xdate set_size_inches
"""
_UNDRAWN = """
    annotate axhline axhspan axvline axvspan errorbar fill_between text
    set_xlim set_ylim set_xscale set_yscale xlim ylim xscale yscale
"""
_TEXTS = {"title": "title", "suptitle": "title", "xlabel": "x_label", "ylabel": "y_label"}

Functions = dict[str, Callable[..., Any]]


class Axes(SimpleNamespace):
    """What a script calls an axes: the functions of one frame."""


class Figure(SimpleNamespace):
    """What a script calls a figure."""


class Frame:
    """One chart in the making."""

    def __init__(self, drawings: Drawings) -> None:
        self._drawings = drawings
        self._series: list[Series] = []
        self._names: dict[int, str] = {}
        self._texts: dict[str, str] = {}
        self._bins = 0

    def functions(self) -> Functions:
        """What can be called, by the names of pyplot and those of its axes."""
        texts = {name: partial(self._text, which) for name, which in _TEXTS.items()}
        return {
            **dict.fromkeys(_LOOKS.split(), _nothing),
            **{name: partial(self._undrawn, name) for name in _UNDRAWN.split()},
            **texts,
            **{f"set_{name}": write for name, write in texts.items()},
            "plot": self._plot,
            "bar": self._bar,
            "barh": self._bar,
            "scatter": self._scatter,
            "hist": self._hist,
            "pie": self._pie,
            "xticks": self._xticks,
            "set_xticks": self._xticks,
            "set_xticklabels": lambda labels, **look: self._xticks(
                range(len(listed(labels))), labels
            ),
        }

    def finish(self) -> None:
        """Hand the chart over, if anything was drawn.

        Raises:
            ToolRetryError: it cannot be drawn.
        """
        series, self._series = self._series, []
        if series:
            named = [self._named(part) for part in series]
            self._drawings.add(chart_of(named, bins=self._bins, **self._texts))

    def _plot(self, *lists: Any, label: Any = "", **look: Any) -> None:
        rest = [listed(each) for each in lists]
        while rest:
            x = rest.pop(0)
            y = rest.pop(0) if rest and not isinstance(rest[0], str) else None
            style = rest.pop(0) if rest and isinstance(rest[0], str) else ""
            # "ro" is red points without a line; "r" alone and "ro-" have one.
            is_points = len(style) > 1 and not {"-", ":"} & set(style)
            self._add("scatter" if is_points else "line", x, y, label)

    def _bar(self, x: Any, height: Any, *_: Any, label: Any = "", **look: Any) -> None:
        if "bottom" in look or "left" in look:
            self._drawings.leave_out("that bars stand on others")
        self._add("bar", x, height, label if isinstance(label, str) else "")

    def _scatter(self, x: Any, y: Any, *_: Any, label: Any = "", **look: Any) -> None:
        self._add("scatter", x, y, label)

    def _hist(self, x: Any, bins: Any = 0, *_: Any, label: Any = "", **look: Any) -> None:
        self._bins = bins if isinstance(bins, int) else 0
        self._add("histogram", x, None, label)

    def _pie(self, x: Any, explode: Any = None, labels: Any = None, *_: Any, **look: Any) -> None:
        self._add("pie", *((x, None) if labels is None else (labels, x)))

    def _xticks(self, ticks: Any = None, labels: Any = None, **look: Any) -> None:
        ticks, labels = listed(ticks), listed(labels)
        if isinstance(ticks, (list, range)) and isinstance(labels, list):
            self._names = dict(zip(map(round, ticks), map(str, labels), strict=False))

    def _text(self, which: str, text: Any = "", **look: Any) -> None:
        self._texts[which] = str(text)

    def _undrawn(self, name: str, *given: Any, **look: Any) -> None:
        self._drawings.leave_out(name)

    def _add(self, kind: Kind, x: Any, y: Any, label: Any = "") -> None:
        if len(self._series) == MOST_SERIES:
            raise ToolRetryError(f"A chart takes at most {MOST_SERIES} series.")
        self._series.append(series_of(kind, listed(x), listed(y), label))

    def _named(self, series: Series) -> Series:
        """``series`` with the names of the ticks in the place of their numbers.

        Bars that share a tick stand left and right of it.
        """
        numbers = [place for place in series.x if not isinstance(place, str)]
        near = {number: round(number) for number in numbers}
        if series.kind != "bar" and any(number != tick for number, tick in near.items()):
            return series
        if not numbers or not self._names.keys() >= set(near.values()):
            return series
        names = [self._names[near[number]] for number in numbers]
        return series_of(series.kind, names, list(series.y), series.name)


class Pyplot:
    """The module's functions, which act on the frame that is current.

    Args:
        drawings: where finished charts go.
        expose: makes an object of functions one that a script can hold.
    """

    def __init__(self, drawings: Drawings, expose: Callable[[SimpleNamespace], Any]) -> None:
        self._drawings, self._expose = drawings, expose
        self._frames = [Frame(drawings)]

    def functions(self) -> Functions:
        """What a script may call, by name."""
        return {
            **{name: partial(self._on_current, name) for name in self._frames[-1].functions()},
            "figure": self._figure,
            "subplots": self._subplots,
            "subplot": self._next_axes,
            "gca": lambda *given, **look: self._axes(),
            "gcf": lambda *given, **look: self._handle(),
            **dict.fromkeys(("show", "savefig", "close", "clf", "cla"), self.finish),
        }

    def finish(self, *given: Any, **look: Any) -> None:
        """Hand over what is unfinished.

        Raises:
            ToolRetryError: it cannot be drawn.
        """
        frames, self._frames = self._frames, [Frame(self._drawings)]
        for frame in frames:
            frame.finish()

    def _figure(self, *given: Any, **look: Any) -> Any:
        self.finish()
        return self._handle()

    def _subplots(self, nrows: Any = 1, ncols: Any = 1, **look: Any) -> Any:
        self.finish()
        if int(nrows) * int(ncols) > MOST_CHARTS:
            raise ToolRetryError(f"A script may draw at most {MOST_CHARTS} charts.")
        rows = [[self._next_axes() for _ in range(int(ncols))] for _ in range(int(nrows))]
        if len(rows) > 1 and len(rows[0]) > 1:
            return self._handle(), rows
        flat = [axes for row in rows for axes in row]
        return self._handle(), flat[0] if len(flat) == 1 else flat

    def _next_axes(self, *place: Any, **look: Any) -> Any:
        self._frames.append(Frame(self._drawings))
        return self._axes()

    def _axes(self) -> Any:
        return self._expose(Axes(**self._frames[-1].functions()))

    def _handle(self) -> Any:
        functions: Functions = {
            **dict.fromkeys(_LOOKS.split(), _nothing),
            **dict.fromkeys(("show", "savefig"), self.finish),
            "add_subplot": self._next_axes,
            "suptitle": partial(self._on_current, "title"),
        }
        return self._expose(Figure(**functions))

    def _on_current(self, name: str, *given: Any, **look: Any) -> Any:
        return self._frames[-1].functions()[name](*given, **look)


def _nothing(*given: Any, **look: Any) -> None:
    """What a function does whose effect would be on the look alone."""
