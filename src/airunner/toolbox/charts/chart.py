"""A chart: what it shows, and whether that can be drawn.

Owns the specification that scripts and tools fill in, and its bounds. Where values come from is
the callers', and how it looks ``drawing``'s.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast, get_args

from airunner.errors import ToolRetryError

Kind = Literal["line", "bar", "scatter", "pie", "histogram"]
KINDS: tuple[Kind, ...] = get_args(Kind)

MOST_POINTS = 10_000
MOST_BARS = 500
MOST_SLICES = 40
MOST_SERIES = 12
MOST_BINS = 200
LONGEST_TEXT = 120
_GREATEST = 1e150  # far enough from the end of a float that an axis can still be laid out


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
        return tuple(dict.fromkeys(label_of(x) for series in self.series for x in series.x))

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
        places = tuple(label_of(place) for place in places)
    if places and len(places) != len(values):
        raise ToolRetryError(
            f"There are {len(places)} places or labels (x) for {len(values)} values (y); "
            "give as many of both."
        )
    _check_amount(kind, values)
    return Series(kind, values, places, label_of(name or ""))


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
    return Chart(parts, label_of(title), label_of(x_label), label_of(y_label), bins)


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
        problem = f"{label_of(repr(value))} is not a number that can be drawn."
        raise ToolRetryError(problem) from None
    if math.isnan(number):
        return None
    if abs(number) > _GREATEST:
        raise ToolRetryError("A value is too great to be drawn.")
    return number


def _place(value: object) -> float | str:
    """A number, or a name: dates and all else as text."""
    number = _number(value) if value is None or isinstance(value, (int, float)) else label_of(value)
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


def label_of(value: object) -> str:
    """A value as one short line, as numbers are usually written."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    line = " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())
    return line if len(line) <= LONGEST_TEXT else f"{line[: LONGEST_TEXT - 1]}…"
