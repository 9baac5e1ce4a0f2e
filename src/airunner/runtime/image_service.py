"""Drawing: from a request to saved pictures, with what happens on the way as events.

Owns naming the files, leasing the image model, publishing steps and saved
pictures, and whether its worker may start ahead. How pixels come about is the
engine's; who asks, and on which thread, is the callers'.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any

from airunner.engines.base import Launcher, Preparable
from airunner.engines.image import DrawingCheck, Drawn, ImageRequest, ImageStep
from airunner.errors import AiRunnerError, GenerationError
from airunner.events import Event, EventBus, ImageStepped, PictureSaved
from airunner.pictures import PicturesFolder
from airunner.resources.status import DeviceStatus
from airunner.runtime.image_models import DRAWING, ImageModels
from airunner.runtime.team import ModelTeam

_USUAL_STEPS = 24


class ImageService:
    """Draws with the team's image model into one folder. Runs on the runtime's loop.

    ``models`` says which draws; ``launchers`` are the engines' by name. ``previews`` is about how
    many small pictures of its state a drawing gives that does not say itself; each costs the
    decoding of 64 px.
    """

    def __init__(
        self,
        team: ModelTeam,
        models: ImageModels,
        bus: EventBus,
        pictures: PicturesFolder,
        launchers: Mapping[str, Launcher[Any]],
    ) -> None:
        self._team, self.models, self._bus = team, models, bus
        self.pictures, self._launchers = pictures, launchers
        self._prepared: Preparable | None = None
        self.previews = 0

    def prepare(self) -> None:
        """Have a worker import its library now, if the memory for that is free on the CPU.

        For the time between another model's load and the drawing: whatever is loaded
        meanwhile finds less free than the budget says, by what that process holds.
        """
        status = self._team.status()
        held = {model.model for model in status.models if model.held_bytes}
        room = [d.budget_bytes - d.held_bytes - d.lost_bytes for d in status.devices if _is_cpu(d)]
        with suppress(AiRunnerError):  # drawing will say what is wrong
            spec = self._team.resolve(DRAWING)
            launcher = self._launchers.get(spec.engine)
            if spec.model_path in held or not isinstance(launcher, Preparable):
                return
            if all(free_bytes >= launcher.prepared_bytes for free_bytes in room):
                launcher.prepare()
                self._prepared = launcher

    def dismiss(self) -> None:
        """End a worker that ``prepare`` started and that nobody used."""
        if self._prepared is not None:
            self._prepared.dismiss()

    async def reads_plain_words(self) -> bool:
        """Whether the model that draws does so from descriptions that nobody has enhanced.

        Raises:
            AiRunnerError: there is no model that draws.
        """
        model = await asyncio.to_thread(self.models.choose, None, masked=False)
        return self._team.resolve(DRAWING, model).reads_plain_words

    async def draw(self, request: ImageRequest, *, owner: str, model: str | None = None) -> Drawn:
        """Draw and save; cancelling stops within one step and leaves no file.

        ``model`` is a registered image model instead of the one that is mapped; where that cannot
        do it, another one that is here does.

        Raises:
            ImageRequestError, BlackImageError, StorageError, EngineError: see ``ImageModel.draw``.
            AiRunnerError: see ``ModelTeam.lease``.
        """
        masked = request.mask is not None
        model = await asyncio.to_thread(self.models.choose, model, masked=masked)
        await self._check(request, model)
        async with self._team.lease(DRAWING, owner=owner, model=model) as lease:
            name = lease.spec.model_path
            targets = await asyncio.to_thread(self.pictures.reserve, request.prompt, request.count)
            order = replace(request, targets=targets)
            if self.previews and not order.preview_every:
                usual = lease.spec.image.steps if lease.spec.image else None
                every = max(1, (order.steps or usual or _USUAL_STEPS) // self.previews)
                order = replace(order, preview_every=every)
            try:
                async with aclosing(lease.draw(order)) as progress:
                    async for item in progress:
                        if isinstance(item, Drawn):
                            self._publish_saved(item, name, owner)
                            return item
                        self._publish_step(item, name, owner)
            finally:
                self.pictures.release(targets)
        raise GenerationError(name, "the drawing ended without a picture")

    async def _check(self, request: ImageRequest, model: str | None) -> None:
        """Refuse at once what no loaded model could draw either, or nobody could save."""
        await asyncio.to_thread(self.pictures.check)
        spec = self._team.resolve(DRAWING, model)
        launcher = self._launchers.get(spec.engine)
        if isinstance(launcher, DrawingCheck):
            await asyncio.to_thread(launcher.check, spec.model_path, request)

    async def follow(
        self, request: ImageRequest, *, owner: str, model: str | None = None
    ) -> AsyncGenerator[Event | Drawn, None]:
        """Draw, yielding every event of the process meanwhile and at last ``Drawn``.

        Closing the iterator cancels the drawing.

        Raises:
            AiRunnerError: see ``draw``.
        """
        happened: asyncio.Queue[Event | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def on_event(event: Event) -> None:
            loop.call_soon_threadsafe(happened.put_nowait, event)

        unsubscribe = self._bus.subscribe(on_event)
        drawing = loop.create_task(self.draw(request, owner=owner, model=model))
        drawing.add_done_callback(lambda _: loop.call_soon(happened.put_nowait, None))
        try:
            while (event := await happened.get()) is not None:
                yield event
            yield drawing.result()
        finally:
            unsubscribe()
            drawing.cancel()
            await asyncio.gather(drawing, return_exceptions=True)

    def _publish_step(self, step: ImageStep, model: str, owner: str) -> None:
        self._bus.publish(
            ImageStepped(
                model=model,
                owner=owner,
                step=step.step,
                steps=step.steps,
                preview_png=step.preview_png,
            )
        )

    def _publish_saved(self, drawn: Drawn, model: str, owner: str) -> None:
        for picture in drawn.pictures:
            self._bus.publish(
                PictureSaved(
                    model=model,
                    owner=owner,
                    path=str(picture.path),
                    width=picture.width,
                    height=picture.height,
                    seconds=drawn.seconds,
                    settings=dict(picture.settings),
                )
            )


def _is_cpu(device: DeviceStatus) -> bool:
    """Whether it is the host's memory, or a part of it (``"cpu:1"``)."""
    return device.device.partition(":")[0] == "cpu"
