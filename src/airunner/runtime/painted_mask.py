"""The mask of a drawing, from what somebody painted over a picture: strokes and rectangles.

Owns what may be painted and how it becomes pixels: white is drawn anew, black stays.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

MOST_SHAPES = 500
MOST_POINTS = 20_000


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A part of the picture, in its pixels from the top left corner."""

    left: float
    top: float
    width: float
    height: float
    kind: Literal["rectangle"] = "rectangle"


@dataclass(frozen=True, slots=True)
class Stroke:
    """A round brush of ``width`` pixels that was drawn through ``points``, (x, y) in pixels."""

    points: tuple[tuple[float, float], ...]
    width: float
    kind: Literal["stroke"] = "stroke"


Shape = Rectangle | Stroke


def mask_png(width: int, height: int, shapes: Sequence[Shape]) -> bytes:
    """A grey PNG of ``width`` x ``height`` pixels, white where ``shapes`` are.

    Raises:
        ValueError: nothing is painted, or too much.
    """
    # Imported here: a server that draws nothing needs no library for it.
    from PIL import Image, ImageDraw

    points = sum(len(shape.points) for shape in shapes if isinstance(shape, Stroke))
    if len(shapes) > MOST_SHAPES or points > MOST_POINTS:
        raise ValueError("too much is painted; undo some of it, or use larger strokes")
    mask = Image.new("L", (width, height), 0)
    draw = ImageDraw.Draw(mask)
    for shape in shapes:
        if isinstance(shape, Rectangle):
            right, bottom = shape.left + shape.width, shape.top + shape.height
            if shape.width > 0 and shape.height > 0:
                draw.rectangle((shape.left, shape.top, right - 1, bottom - 1), fill=255)
            continue
        half = shape.width / 2
        draw.line(shape.points, fill=255, width=max(1, round(shape.width)))
        for x, y in shape.points:
            draw.ellipse((x - half, y - half, x + half, y + half), fill=255)
    if mask.getextrema()[1] == 0:
        raise ValueError("nothing of the picture is painted over; paint where it shall be drawn")
    content = io.BytesIO()
    mask.save(content, format="PNG")
    return content.getvalue()
