"""What is painted over a picture, as the mask that a drawing gets."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from airunner.runtime.painted_mask import MOST_SHAPES, Rectangle, Shape, Stroke, mask_png


def mask(*shapes: Shape) -> Image.Image:
    return Image.open(io.BytesIO(mask_png(40, 30, shapes)))


def test_white_is_where_something_is_painted() -> None:
    painted = mask(Rectangle(0, 0, 10, 5), Stroke(((30, 10), (30, 20)), width=6))
    assert painted.size == (40, 30)
    assert painted.getbbox() == (0, 0, 34, 24)
    assert [painted.getpixel(at) for at in ((9, 4), (10, 5), (30, 8), (20, 15))] == [255, 0, 255, 0]


def test_a_dab_is_as_wide_as_the_brush() -> None:
    left, top, right, bottom = mask(Stroke(((20, 15),), width=8)).getbbox() or (0, 0, 0, 0)
    assert (right - left, bottom - top) == (9, 9)


@pytest.mark.parametrize(
    "shapes",
    [
        [],
        [Rectangle(50, 50, 10, 10)],
        [Rectangle(5, 5, 0, 10)],
        [Rectangle(5, 5, 10, 10)] * (MOST_SHAPES + 1),
    ],
)
def test_nothing_and_too_much_are_refused(shapes: list[Shape]) -> None:
    with pytest.raises(ValueError, match="paint"):
        mask_png(40, 30, shapes)
