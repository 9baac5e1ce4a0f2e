"""The queue of drawings over a restart, with a stand-in for what draws."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

from airunner.engines.image import Drawn, ImageRequest, Picture
from airunner.events import DrawingChanged, Event, EventBus
from airunner.runtime.drawings import INTERRUPTED, Drawings
from airunner.runtime.image_service import ImageService


class Painter:
    """Draws nothing; each drawing ends when it is let."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.began = asyncio.Event()
        self.may_end = asyncio.Event()
        self.prompts: list[str] = []

    async def draw(self, request: ImageRequest, *, owner: str, model: str | None) -> Drawn:
        self.prompts.append(request.prompt)
        self.began.set()
        await self.may_end.wait()
        return Drawn((Picture(self._path / f"{owner}.png", 1, 64, 64, {}),), 1.0)


def queue(painter: Painter, folder: Path, bus: EventBus | None = None) -> Drawings:
    images = cast(ImageService, painter)
    drawings = Drawings(images, bus or EventBus(), folder / "drawings.json")
    drawings.restore()
    return drawings


def test_what_waits_is_drawn_after_a_restart_and_what_was_broken_off_says_so(
    tmp_path: Path,
) -> None:
    start, mask = tmp_path / "start.png", tmp_path / "mask.png"

    async def before() -> None:
        painter = Painter(tmp_path)
        drawings = queue(painter, tmp_path)
        drawings.add(ImageRequest("first", steps=3))
        drawings.add(ImageRequest("second", init_image=start, mask=mask), "some/model")
        await painter.began.wait()
        await drawings.close(patience_s=60, hurry=lambda: True)
        assert drawings.files == {start, mask}

    async def after() -> None:
        painter, bus, done = Painter(tmp_path), EventBus(), asyncio.Queue[str]()

        def hear(event: Event) -> None:
            if isinstance(event, DrawingChanged) and event.state == "done":
                done.put_nowait(event.owner)

        bus.subscribe(hear)
        drawings = queue(painter, tmp_path, bus)
        first, second = drawings.all()
        assert (first.state, first.problem, first.request.steps) == ("failed", INTERRUPTED, 3)
        assert (second.request.init_image, second.request.mask) == (start, mask)
        assert second.model == "some/model"
        await painter.began.wait()
        drawings.move(first.id, 1)
        painter.may_end.set()
        assert [await done.get(), await done.get()] == [second.id, first.id]
        assert painter.prompts == ["second", "first"]
        assert {each.state for each in drawings.all()} == {"done"}

    async def at_last() -> None:
        assert queue(Painter(tmp_path), tmp_path).all() == []

    for each in (before, after, at_last):
        asyncio.run(each())


def test_a_stop_waits_for_the_drawing_that_runs_and_begins_no_other(tmp_path: Path) -> None:
    async def stop() -> None:
        painter = Painter(tmp_path)
        drawings = queue(painter, tmp_path)
        for prompt in ("first", "second"):
            drawings.add(ImageRequest(prompt))
        await painter.began.wait()
        closing = asyncio.create_task(drawings.close(patience_s=60))
        painter.may_end.set()
        await closing
        assert [each.state for each in drawings.all()] == ["done", "queued"]
        assert painter.prompts == ["first"]

    asyncio.run(stop())
