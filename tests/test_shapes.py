"""The embedded image model and what judges it: drawn scenes, their captions, and its weights."""

from __future__ import annotations

from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("numpy")

import numpy as np
from training.shapes.captions import plain_caption, varied_caption
from training.shapes.checker import look
from training.shapes.scenes import SIDE, all_scenes, draw_scene, held_out_scenes

from airunner.components.llm.config.model_capabilities import EMBEDDED_ARTIST
from airunner.config.settings import Settings
from airunner.engines.image import Drawn, ImageRequest
from airunner.runtime import Runtime

DRAWN = 8


def test_the_checker_recognises_what_was_drawn() -> None:
    random = np.random.default_rng(11)
    scenes = all_scenes()
    for number in random.integers(len(scenes), size=60):
        scene = scenes[number]
        assert asdict(look(draw_scene(scene, random))) == asdict(scene)


def test_the_checker_sees_nothing_where_nothing_is() -> None:
    seen = look(np.full((SIDE, SIDE, 3), 245, np.uint8))
    assert (seen.background, seen.shape, seen.colour) == ("white", "", "")
    noise = np.random.default_rng(0).integers(256, size=(SIDE, SIDE, 3), dtype=np.uint8)
    assert look(noise).shape == ""


def test_scenes_of_the_test_are_not_trained_on() -> None:
    scenes = all_scenes()
    kept = [scene for scene in scenes if scene.held_out]
    assert 0.05 < len(kept) / len(scenes) < 0.15
    assert len(set(held_out_scenes(200))) == 200
    assert set(held_out_scenes(200)) <= set(kept)


def test_a_caption_says_what_is_seen() -> None:
    random = np.random.default_rng(5)
    for scene in held_out_scenes(20):
        words = plain_caption(scene).split()
        assert {scene.colour, scene.shape, scene.background, scene.size} <= set(words)
        varied = varied_caption(scene, random)
        assert scene.colour in varied
        assert scene.shape in varied


@pytest.mark.skipif(find_spec("diffusers") is None, reason="airunner[images] is not installed")
def test_the_embedded_model_draws_what_it_is_told(embedded_home: Path) -> None:
    from PIL import Image

    settings = Settings(home=embedded_home, pictures=embedded_home / "pictures", offline=True)
    right = {"colour": 0, "shape": 0, "background": 0}
    with Runtime(settings, command="test") as runtime:
        for number, scene in enumerate(held_out_scenes(DRAWN)):
            request = ImageRequest(plain_caption(scene), seed=number)
            drawing = runtime.draw(request, model=EMBEDDED_ARTIST)
            while True:
                try:
                    next(drawing)
                except StopIteration as end:
                    drawn: Drawn = end.value
                    break
            with Image.open(drawn.pictures[0].path) as picture:
                seen = asdict(look(np.asarray(picture.convert("RGB"))))
            for name in right:
                right[name] += seen[name] == getattr(scene, name)
    # One of eight would be luck for a colour, one of six for a shape.
    assert min(right.values()) >= DRAWN - 2, right
