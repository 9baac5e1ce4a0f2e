"""A picture that is painted over: with a brush, or by rectangles in numbers.

Owns what is painted, in the picture's pixels; a browser only shows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from nicegui import events
from nicegui.element import Element

from airunner.errors import ImageRequestError
from airunner.runtime.painted_mask import MOST_POINTS, Rectangle, Shape, Stroke
from airunner.ui.pictures.start import Start


class Painting(Element, component="painting.js"):
    """The picture of ``start`` and what is painted over it."""

    def __init__(self, start: Start, shapes: Sequence[Shape] = ()) -> None:
        super().__init__()
        self._size = start.width, start.height
        self.shapes = [*shapes]
        self._props["source"] = start.source
        self._props["width"], self._props["height"] = self._size
        self.set_brush(max(1, round(max(self._size) / 6)))
        self.on("stroke", self._hear)
        self._show()

    @property
    def brush(self) -> int:
        """The brush's width, in pixels of the picture."""
        return int(self._props["brush"])

    def set_brush(self, width: float) -> None:
        """Paint with another brush."""
        self._props["brush"] = max(1, round(width))
        self.update()

    def add(self, shape: Shape) -> None:
        """Paint something over it."""
        self.shapes.append(shape)
        self._show()

    def undo(self) -> None:
        """Take back what was painted last."""
        del self.shapes[-1:]
        self._show()

    def clear_all(self) -> None:
        """Take back everything."""
        self.shapes.clear()
        self._show()

    def _hear(self, event: events.GenericEventArguments) -> None:
        told: Mapping[str, Any] = event.args
        points = tuple((float(x), float(y)) for x, y in told["points"][:MOST_POINTS])
        if points:
            self.add(Stroke(points, float(told["width"])))

    def _show(self) -> None:
        parts = len(self.shapes)
        count = "nothing" if not parts else "1 part" if parts == 1 else f"{parts} parts"
        self._props["words"] = f"The picture, {count} of it painted over"
        self._props["shapes"] = [asdict(shape) for shape in self.shapes]
        self.update()


def rectangle_within(start: Start, left: int, top: int, width: int, height: int) -> Rectangle:
    """The part of these numbers that is within the picture.

    Raises:
        ImageRequestError: none of it is.
    """
    right, bottom = min(left + width, start.width), min(top + height, start.height)
    if not (0 <= left < right and 0 <= top < bottom):
        problem = f"that is not within the picture of {start.width} × {start.height}"
        raise ImageRequestError("The model", problem)
    return Rectangle(left, top, right - left, bottom - top)
