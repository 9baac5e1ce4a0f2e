"""Drawing through the whole runtime, on the real engines, and what can go wrong on the way."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

import pytest
from tests.children import Children
from tests.conftest import wait_until

from airunner.agent.conversation import Conversation
from airunner.components.llm.config.model_capabilities import (
    CAPABILITY_TO_MODEL,
    EMBEDDED_ARTIST,
    EMBEDDED_PRIMARY,
    EMBEDDED_SPECIALIST,
    MODEL_REGISTRY,
)
from airunner.config.settings import Settings
from airunner.engines.image import Drawn, ImageRequest
from airunner.errors import AiRunnerError, DoesNotFitError, ImageRequestError, WorkerDiedError
from airunner.events import (
    CacheProven,
    Event,
    ImageStepped,
    ModelLoaded,
    ModelReleased,
    PictureSaved,
    ToolCallFinished,
    TurnFinished,
)
from airunner.models.spec import ModelCapability
from airunner.runtime import Runtime

E = TypeVar("E", bound=Event)

pytestmark = pytest.mark.skipif(
    find_spec("diffusers") is None, reason="airunner[images] is not installed"
)

ARTIST_BYTES = 650_000_000
"""Holds the artist, and neither of the others beside it."""

CIRCLE = ImageRequest("a red circle on a blue background", steps=2, seed=7)
MANY_STEPS = ImageRequest("a red circle on a blue background", steps=500)


class Atelier:
    """A runtime of the embedded models on one device."""

    def __init__(self, home: Path, budget_bytes: int) -> None:
        settings = Settings(
            home=home,
            pictures=home / "pictures",
            max_memory=budget_bytes,
            context=1024,
            max_tokens=24,
            offline=True,
        )
        self.runtime = Runtime(settings, command="test")
        self.pictures = home / "pictures"
        self.events: list[Event] = []
        self.runtime.bus.subscribe(self.events.append)

    def of(self, kind: type[E]) -> list[E]:
        return [e for e in self.events if isinstance(e, kind)]

    def draw(self, request: ImageRequest) -> Drawn:
        return end_of(self.runtime.draw(request))

    def begin(self, request: ImageRequest) -> Generator[Event, None, Drawn]:
        """A drawing whose first step is done."""
        drawing = self.runtime.draw(request)
        for event in drawing:
            if isinstance(event, ImageStepped):
                return drawing
        raise AssertionError("it ended before its first step")

    def held_bytes(self) -> int:
        self.runtime.settle()
        return sum(m.held_bytes for m in self.runtime.status().models)

    def files(self) -> list[str]:
        return sorted(os.listdir(self.pictures))


def end_of(drawing: Generator[Event, None, Drawn]) -> Drawn:
    while True:
        try:
            next(drawing)
        except StopIteration as end:
            drawn: Drawn = end.value
            return drawn


@pytest.fixture
def home(embedded_home: Path, registry: None) -> Iterator[Path]:
    """A home in which the embedded artist draws, and afterwards no process of a runtime."""
    CAPABILITY_TO_MODEL[ModelCapability.IMAGE_GENERATION] = EMBEDDED_ARTIST
    children = Children()
    yield embedded_home
    wait_until(lambda: children() == set())


def test_an_image_turn_makes_one_round_of_swaps_within_the_budget(home: Path) -> None:
    artist = MODEL_REGISTRY[EMBEDDED_ARTIST]
    assert artist.image
    enhanced = replace(artist.image, plain_words=False)
    MODEL_REGISTRY[EMBEDDED_ARTIST] = replace(artist, image=enhanced)
    atelier = Atelier(home, ARTIST_BYTES)
    with atelier.runtime as runtime:
        conversation = Conversation.begin()
        for _ in runtime.turn(conversation, "Hello!"):
            pass
        for _ in runtime.turn(conversation, "Draw a red circle on a blue background."):
            pass
        runtime.settle()
    called = atelier.of(ToolCallFinished)[0]
    assert (called.tool, called.problem) == ("generate_image", "")
    (saved,) = atelier.of(PictureSaved)
    assert atelier.files() == [Path(saved.path).name]
    assert "red circle" in saved.settings["prompt"]
    assert Path(saved.path).name in called.result
    assert [e.model for e in atelier.of(ModelLoaded)] == [
        EMBEDDED_PRIMARY,
        EMBEDDED_SPECIALIST,
        EMBEDDED_ARTIST,
        EMBEDDED_PRIMARY,
    ]
    peaks = {e.model: e.peak_bytes or 0 for e in atelier.of(ModelReleased)}
    assert 0 < peaks[EMBEDDED_ARTIST] <= ARTIST_BYTES
    assert [e.model for e in atelier.of(CacheProven)][-1] == EMBEDDED_PRIMARY
    assert atelier.of(TurnFinished)[-1].outcome == "answered"


def test_a_worker_outlives_what_is_refused_or_closed_and_another_follows_one_that_is_killed(
    home: Path,
) -> None:
    atelier = Atelier(home, ARTIST_BYTES)
    with atelier.runtime as runtime:
        with pytest.raises(ImageRequestError, match="euler_a"):
            atelier.draw(ImageRequest("a circle", scheduler="eular"))
        with pytest.raises(ImageRequestError, match="multiple"):
            atelier.draw(ImageRequest("a circle", width=65, height=64))
        atelier.begin(MANY_STEPS).close()
        assert atelier.files() == []
        first, again = atelier.draw(CIRCLE), atelier.draw(CIRCLE)
        pixels = [drawn.pictures[0].path.read_bytes() for drawn in (first, again)]
        assert pixels[0] == pixels[1]
        assert len(atelier.files()) == 2
        drawing = atelier.begin(MANY_STEPS)
        # One worker has met all of it.
        (loaded,) = atelier.of(ModelLoaded)
        os.kill(loaded.pid, signal.SIGKILL)
        with pytest.raises(WorkerDiedError):
            end_of(drawing)
        assert len(atelier.files()) == 2
        assert atelier.held_bytes() == 0
        drawn = atelier.draw(CIRCLE)
        assert drawn.pictures[0].path.name in atelier.files()
        assert runtime.status().devices[0].lost_bytes == 0


def test_a_budget_too_small_says_what_is_missing_and_leaves_the_primary(home: Path) -> None:
    atelier = Atelier(home, 260_000_000)
    with atelier.runtime as runtime:
        assert runtime.use_specialized_model(
            ModelCapability.PRIMARY_CONVERSATION, "Hello", max_tokens=2
        )
        with pytest.raises(DoesNotFitError) as refused:
            atelier.draw(CIRCLE)
        assert refused.value.needed_bytes > refused.value.budget_bytes
        states = {m.model: m.state for m in runtime.status().models}
        assert states[EMBEDDED_PRIMARY] == "ready"


def test_a_pictures_folder_that_cannot_be_made_is_told_to_the_primary(home: Path) -> None:
    atelier = Atelier(home, ARTIST_BYTES)
    atelier.pictures.write_text("in the way")
    with atelier.runtime as runtime:
        with pytest.raises(AiRunnerError, match="pictures"):
            atelier.draw(CIRCLE)
        assert atelier.of(ModelLoaded) == []
        for _ in runtime.turn(Conversation.begin(), "Draw a red circle on a blue background."):
            pass
        runtime.settle()
        called = atelier.of(ToolCallFinished)[0]
        assert "nothing was drawn" in called.problem
        assert atelier.of(TurnFinished)[-1].outcome == "answered"
        assert runtime.status().devices[0].lost_bytes == 0
