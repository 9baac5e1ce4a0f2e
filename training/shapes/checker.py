"""What a picture shows, from its pixels alone: colours, shape, position and size.

Owns the judge of the model, which knows nothing of how a picture came about.
It takes the commonest colour along the edges for the background, everything
that differs from it for the shape, and compares that outline, moved and scaled
to one frame, with the six outlines there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from training.shapes.scenes import COLOURS, POSITIONS, SHAPES, SIDE, SIZES, Picture, Scene
from training.shapes.scenes import draw_scene as drawn

_FRAME = 32
_LEAST_PIXELS = 40
_WIDEST = 48
"""What fills nearly the whole picture is no shape on a background, such as noise."""
_CENTRAL = 6.0
"""A shape whose middle is within this many pixels of the picture's is in the center."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Seen:
    """What was recognised; ``""`` for what could not be."""

    colour: str = ""
    shape: str = ""
    background: str = ""
    position: str = ""
    size: str = ""


def look(picture: Picture) -> Seen:
    """Recognise what ``SIDE x SIDE x 3`` bytes show."""
    pixels = picture.astype(np.float32)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    names, counts = np.unique(_nearest_colours(edge), return_counts=True)
    background = str(names[counts.argmax()])
    ground = np.median(edge[_nearest_colours(edge) == background], axis=0)
    mask = _largest_part(np.linalg.norm(pixels - ground, axis=2) > 60)
    if mask.sum() < _LEAST_PIXELS:
        return Seen(background=background)
    inner = _shrunk(mask)
    colour = _commonest(_nearest_colours(pixels[inner if inner.any() else mask]))
    rows, columns = np.nonzero(mask)
    left, right, top, bottom = columns.min(), columns.max() + 1, rows.min(), rows.max() + 1
    if max(right - left, bottom - top) > _WIDEST:
        return Seen(background=background)
    return Seen(
        colour=colour,
        shape=_shape(mask[top:bottom, left:right]),
        background=background,
        position=_position((left + right) / 2, (top + bottom) / 2),
        size=_size(max(right - left, bottom - top) / 2),
    )


def _nearest_colours(pixels: NDArray[np.float32]) -> NDArray[np.str_]:
    palette = np.array(list(COLOURS.values()), np.float32)
    distances = np.linalg.norm(pixels[:, None] - palette, axis=2)
    names: NDArray[np.str_] = np.array(list(COLOURS))[distances.argmin(1)]
    return names


def _commonest(names: NDArray[np.str_]) -> str:
    found, counts = np.unique(names, return_counts=True)
    return str(found[counts.argmax()])


def _position(x: float, y: float) -> str:
    dx, dy = x - SIDE / 2, y - SIDE / 2
    if max(abs(dx), abs(dy)) < _CENTRAL:
        return "center"
    way = (int(np.sign(dx)), 0) if abs(dx) > abs(dy) else (0, int(np.sign(dy)))
    return next(name for name, towards in POSITIONS.items() if towards == way)


def _size(half_extent: float) -> str:
    return min(SIZES, key=lambda size: abs(SIZES[size] - half_extent))


def _shape(cut: Mask) -> str:
    """The known outline that overlaps most, as intersection over union in one frame."""
    framed = _framed(cut)
    overlaps = {
        shape: max(
            float((framed & known).sum() / (framed | known).sum()) for known in _outlines(shape)
        )
        for shape in SHAPES
    }
    best = max(overlaps, key=lambda shape: overlaps[shape])
    return best if overlaps[best] > 0.6 else ""


@cache
def _outlines(shape: str) -> tuple[Mask, ...]:
    """A shape's outline at each size, cut out and framed as a seen one is."""
    found = []
    for size in SIZES:
        picture = drawn(Scene("black", shape, "white", "center", size))
        mask = picture[..., 0] < 128
        rows, columns = np.nonzero(mask)
        cut = mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        found.append(_framed(cut))
    return tuple(found)


def _framed(cut: Mask) -> Mask:
    """Scaled to a fixed square by taking the nearest pixel."""
    height, width = cut.shape
    rows = (np.arange(_FRAME) + 0.5) * height / _FRAME
    columns = (np.arange(_FRAME) + 0.5) * width / _FRAME
    return cut[np.ix_(rows.astype(int), columns.astype(int))]


def _shrunk(mask: Mask) -> Mask:
    """Without its outermost pixels, whose colour is mixed."""
    padded = np.pad(mask, 1)
    return mask & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]


def _largest_part(mask: Mask) -> Mask:
    """The largest group of pixels that touch; what stands alone is dirt."""
    best = np.zeros_like(mask)
    left = mask.copy()
    while left.any():
        part = np.zeros_like(mask)
        part[tuple(np.argwhere(left)[0])] = True
        while True:
            padded = np.pad(part, 1)
            grown = left & (
                part | padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
            )
            if (grown == part).all():
                break
            part = grown
        left &= ~part
        if part.sum() > best.sum():
            best = part
    return best
