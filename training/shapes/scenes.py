"""What a scene is, and how it looks: one coloured shape on a plain background.

Owns the five attributes, their values, the split into trained and held-out
combinations, and the drawing of a scene as pixels. What people call it is
``captions``.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

SIDE = 64
"""Width and height of a picture, in pixels."""

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (220, 40, 40),
    "green": (40, 160, 60),
    "blue": (50, 80, 220),
    "yellow": (240, 220, 50),
    "orange": (245, 140, 30),
    "purple": (140, 50, 170),
    "white": (245, 245, 245),
    "black": (20, 20, 20),
}
SHAPES = ("circle", "square", "triangle", "star", "cross", "ring")
SIZES = {"small": 13.0, "large": 18.5}
"""Half the extent of a shape, in pixels."""
POSITIONS = {"center": (0, 0), "left": (-1, 0), "right": (1, 0), "top": (0, -1), "bottom": (0, 1)}
OFFSETS = {"small": 16.0, "large": 11.0}
"""How far from the middle a shape sits that is not in the center, in pixels."""

HELD_OUT_SHARE = 0.1
_FINER = 4  # samples per pixel and axis, for smooth edges

Picture = NDArray[np.uint8]
Grid = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture in words."""

    colour: str
    shape: str
    background: str
    position: str
    size: str

    @property
    def held_out(self) -> bool:
        """Whether this combination is kept from training; the same on every machine."""
        digest = hashlib.sha256("/".join(astuple(self)).encode()).digest()
        return digest[0] < 256 * HELD_OUT_SHARE


def all_scenes() -> list[Scene]:
    """Every combination in which the shape can be seen."""
    return [
        Scene(*values)
        for values in itertools.product(COLOURS, SHAPES, COLOURS, POSITIONS, SIZES)
        if values[0] != values[2]
    ]


def held_out_scenes(count: int) -> list[Scene]:
    """The same ``count`` scenes on every machine, none of them trained on."""
    scenes = [scene for scene in all_scenes() if scene.held_out]
    chosen = np.random.default_rng(1).permutation(len(scenes))[:count]
    return [scenes[i] for i in chosen]


def draw_scene(scene: Scene, random: np.random.Generator | None = None) -> Picture:
    """The scene as ``SIDE x SIDE x 3`` bytes; ``random`` moves and scales the shape a little."""
    shift, scale = np.zeros(2), 1.0
    if random is not None:
        shift, scale = random.uniform(-1, 1, 2), random.uniform(0.95, 1.05)
    direction = np.array(POSITIONS[scene.position])
    middle = SIDE / 2 + direction * OFFSETS[scene.size] + shift
    steps = (np.arange(SIDE * _FINER, dtype=np.float32) + 0.5) / _FINER
    radius = SIZES[scene.size] * scale
    x = ((steps - middle[0]) / radius)[None, :]
    y = ((steps - middle[1]) / radius)[:, None]
    inside = _OUTLINES[scene.shape](x, y).astype(np.float32)
    cover = inside.reshape(SIDE, _FINER, SIDE, _FINER).mean((1, 3))[..., None]
    front, back = (np.array(COLOURS[c], np.float32) for c in (scene.colour, scene.background))
    pixels: Picture = np.round(cover * front + (1 - cover) * back).astype(np.uint8)
    return pixels


# Where each shape is, in coordinates in which it spans -1 to 1; y points down.


def _circle(x: Grid, y: Grid) -> NDArray[np.bool_]:
    return x**2 + y**2 < 1


def _ring(x: Grid, y: Grid) -> NDArray[np.bool_]:
    distance = x**2 + y**2
    return (distance < 1) & (distance > 0.5**2)


def _square(x: Grid, y: Grid) -> NDArray[np.bool_]:
    return (abs(x) < 0.9) & (abs(y) < 0.9)


def _triangle(x: Grid, y: Grid) -> NDArray[np.bool_]:
    return (y < 0.85) & (abs(x) < (y + 1) * 0.6)


def _cross(x: Grid, y: Grid) -> NDArray[np.bool_]:
    arm, reach = 0.3, 0.95
    upright = (abs(x) < arm) & (abs(y) < reach)
    return upright | ((abs(y) < arm) & (abs(x) < reach))


def _star(x: Grid, y: Grid) -> NDArray[np.bool_]:
    """Five points: inside when fewer than two of the five edges' lines have it outside."""
    outside = np.zeros(np.broadcast_shapes(x.shape, y.shape), np.int8)
    for corner in range(5):
        angle = 2 * np.pi * corner / 5 + np.pi / 2  # an edge lies opposite each point
        outside += x * np.cos(angle) + y * np.sin(angle) > np.cos(2 * np.pi / 5) * 1.08
    return outside < 2


_OUTLINES: dict[str, Callable[[Grid, Grid], NDArray[np.bool_]]] = {
    "circle": _circle,
    "ring": _ring,
    "square": _square,
    "triangle": _triangle,
    "cross": _cross,
    "star": _star,
}
