"""What people call a scene: many phrasings of the same five attributes.

Owns the wording for training (varied, with parts left out and words that mean
nothing to the model) and the one plain wording that the model is tested with.
"""

from __future__ import annotations

import numpy as np

from training.shapes.scenes import Scene

_PLACES = {
    "center": ("in the center", "in the middle", "at the center", "centered"),
    "left": ("on the left", "on the left side", "at the left"),
    "right": ("on the right", "on the right side", "at the right"),
    "top": ("at the top", "in the upper part", "near the top"),
    "bottom": ("at the bottom", "in the lower part", "near the bottom"),
}
_SIZES = {"small": ("small", "little", "tiny"), "large": ("large", "big", "huge")}
_OPENINGS = (
    "a picture of",
    "an image of",
    "draw",
    "a drawing of",
    "an illustration of",
    "please draw",
    "masterpiece,",
    "digital art,",
)
_ADDITIONS = (
    "highly detailed",
    "dramatic lighting",
    "masterpiece",
    "soft shadows",
    "vibrant colors",
    "digital art",
    "sharp focus",
    "8k uhd",
    "simple composition",
    "clean lines",
    "best quality",
    "minimalist style",
    "dark fantasy style",
    "mysterious atmosphere",
    "cinematic",
    "volumetric light",
)


def plain_caption(scene: Scene) -> str:
    """The wording the model is tested with; every attribute is named."""
    place = _PLACES[scene.position][0]
    return f"a {scene.size} {scene.colour} {scene.shape} {place} on a {scene.background} background"


def varied_caption(scene: Scene, random: np.random.Generator) -> str:
    """One of many wordings; size, position and background are sometimes left out."""
    size = _pick(random, _SIZES[scene.size]) if random.random() < 0.9 else ""
    place = _pick(random, _PLACES[scene.position]) if random.random() < 0.9 else ""
    ground = _background(scene.background, random) if random.random() < 0.93 else ""
    subject = " ".join(part for part in ("a", size, scene.colour, scene.shape) if part)
    parts = [subject, place, ground] if random.random() < 0.5 else [subject, ground, place]
    joint = ", " if random.random() < 0.15 else " "
    text = joint.join(part for part in parts if part)
    if random.random() < 0.3:
        text = f"{_pick(random, _OPENINGS)} {text}"
    if random.random() < 0.4:
        count = int(random.integers(1, 4))
        text = ", ".join([text, *random.choice(_ADDITIONS, count, replace=False)])
    return text


def _background(colour: str, random: np.random.Generator) -> str:
    forms = (
        f"on a {colour} background",
        f"on {colour}",
        f"against a {colour} background",
        f"with a {colour} background",
    )
    return _pick(random, forms)


def _pick(random: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(random.integers(len(choices)))]
