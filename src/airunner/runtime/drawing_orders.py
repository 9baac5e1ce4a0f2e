"""Orders for the queue of drawings: from a picture, over a part of it, or one more of a kind.

Owns what a picture to start from is, and what of a saved picture's settings another drawing
takes over: they were read from a file that anybody may have written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from airunner.engines.image import ImageRequest
from airunner.errors import AiRunnerError, ImageRequestError, UnknownRecordError
from airunner.pictures import size_px
from airunner.runtime.core import RuntimeCore
from airunner.runtime.drawings import Drawing, Drawings
from airunner.runtime.gallery import Gallery, GalleryPicture
from airunner.runtime.image_models import DRAWING
from airunner.runtime.painted_mask import Shape, mask_png
from airunner.runtime.start_pictures import MOST_PIXELS, StartPictures

MOST_SIDE_PX = 4096
MOST_STEPS = 500


@dataclass(frozen=True, slots=True)
class PaintedOver:
    """What was painted for a drawing, over which ``picture``."""

    picture: str
    shapes: tuple[Shape, ...]


class DrawingOrders:
    """See the module's description. Used on the loop that serves."""

    def __init__(
        self, core: RuntimeCore, gallery: Gallery, starts: StartPictures, drawings: Drawings
    ) -> None:
        self._core, self._gallery, self._starts, self._drawings = core, gallery, starts, drawings
        self._models = core.images.models
        self._painted: dict[str, PaintedOver] = {}

    def painters(self) -> list[str]:
        """See ``ImageModels.able``: with a mask."""
        return self._models.able(masked=True)

    def drawers(self) -> list[str]:
        """The same without one."""
        return self._models.able(masked=False)

    async def add(
        self,
        request: ImageRequest,
        model: str | None = None,
        *,
        picture: str | None = None,
        painted: Sequence[Shape] = (),
    ) -> Drawing:
        """Queue a drawing, from a ``picture`` of the gallery or one that was handed over.

        Where ``painted`` is, the picture may change, and only there.

        Raises:
            UnknownRecordError: there is no such picture.
            ImageRequestError: nothing is painted, or over no picture, or the model cannot
                paint over one, or nothing else; see ``Drawings.add``.
        """
        if picture is not None:
            path = await asyncio.to_thread(self._find, picture)
            request = replace(request, init_image=path)
        if painted:
            if request.init_image is None:
                raise self._refused(model, "there is no picture that is painted over")
            request = replace(request, mask=await asyncio.to_thread(self._mask, request, painted))
        masked = request.mask is not None
        model = await asyncio.to_thread(self._models.choose, model, masked=masked)
        drawing = self._drawings.add(request, model)
        if picture is not None and painted:
            known = {each.id for each in self._drawings.all()}
            self._painted = {id: each for id, each in self._painted.items() if id in known}
            self._painted[drawing.id] = PaintedOver(picture, tuple(painted))
        return drawing

    def painted_over(self, drawing: str) -> PaintedOver | None:
        """What was painted for a drawing of this process, to be changed if that has failed."""
        return self._painted.get(drawing)

    async def another(self, name: str) -> Drawing:
        """Queue one more drawing with the settings of a picture of the gallery, by another seed.

        Raises:
            UnknownRecordError: there is no such picture.
            ImageRequestError: its file does not say what it was drawn with, or what it began
                from is gone.
        """
        picture = await asyncio.to_thread(self._gallery.picture, name)
        request = await asyncio.to_thread(self._again, picture)
        known = picture.model if picture.model in self._models.names() else None
        masked = request.mask is not None
        model = await asyncio.to_thread(self._models.choose, known, masked=masked)
        return self._drawings.add(request, model)

    def _again(self, picture: GalleryPicture) -> ImageRequest:
        said = picture.settings
        if not picture.prompt.strip():
            problem = f"the file of {picture.name} does not say what it shows; say it anew"
            raise self._refused(None, problem)
        request = ImageRequest(
            picture.prompt,
            second_prompt=said.get("second_prompt") or None,
            negative_prompt=said.get("negative_prompt") or None,
            steps=_whole(said, "steps", 1, MOST_STEPS),
            guidance=_fraction(said, "guidance", 0, 100),
            scheduler=said.get("scheduler") or None,
        )
        if source := said.get("init_image"):
            try:
                start = self._find(source)
                mask = self._starts.mask(said["mask"]) if "mask" in said else None
            except UnknownRecordError as error:
                problem = f"what {picture.name} began from is not here any more; change it instead"
                raise self._refused(picture.model or None, problem) from error
            strength = _fraction(said, "strength", 0, 1)
            return replace(request, init_image=start, mask=mask, strength=strength)
        if all(0 < side <= MOST_SIDE_PX for side in (picture.width, picture.height)):
            request = replace(request, width=picture.width, height=picture.height)
        return request

    def _find(self, name: str) -> Path:
        with suppress(UnknownRecordError):
            return self._starts.find(name).path
        return self._gallery.file(name)

    def _mask(self, request: ImageRequest, painted: Sequence[Shape]) -> Path:
        assert request.init_image is not None
        width, height = size_px(request.init_image)
        if not 0 < width * height <= MOST_PIXELS:
            raise self._refused(None, "the picture that is painted over cannot be read")
        try:
            return self._starts.keep_mask(mask_png(width, height, painted))
        except ValueError as error:
            raise self._refused(None, str(error)) from error

    def _refused(self, model: str | None, problem: str) -> ImageRequestError:
        with suppress(AiRunnerError):
            model = model or self._core.resolve(DRAWING).spec.model_path
        return ImageRequestError(model or "the image model", problem)


def _fraction(said: Mapping[str, str], name: str, least: float, most: float) -> float | None:
    """What a setting says, if that is a number within bounds."""
    try:
        value = float(said.get(name, ""))
    except ValueError:
        return None
    return value if least <= value <= most else None


def _whole(said: Mapping[str, str], name: str, least: int, most: int) -> int | None:
    value = _fraction(said, name, least, most)
    return None if value is None else int(value)
