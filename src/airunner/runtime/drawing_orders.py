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
from airunner.models.files.pipeline import may_inpaint, only_inpaints
from airunner.models.spec import ModelCapability
from airunner.pictures import size_px
from airunner.runtime.core import RuntimeCore
from airunner.runtime.drawings import Drawing, Drawings
from airunner.runtime.gallery import Gallery, GalleryPicture
from airunner.runtime.painted_mask import Shape, mask_png
from airunner.runtime.start_pictures import MOST_PIXELS, StartPictures

MOST_SIDE_PX = 4096
MOST_STEPS = 500
DRAWING = ModelCapability.IMAGE_GENERATION


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
        self._painted: dict[str, PaintedOver] = {}

    def models(self) -> list[str]:
        """The names of the image models whose weights are here."""
        known, store = self._core.catalog.registry, self._core.store
        return [
            name
            for name, spec in list(known.items())
            if DRAWING in spec.capabilities and store.seems_here(spec)
        ]

    def painters(self) -> list[str]:
        """Those of ``models`` that can paint over a picture; "" first if the team's own can."""
        able = [name for name in self.models() if self._paints(name)]
        return ["", *able] if self._own() in able else able

    def drawers(self) -> list[str]:
        """Those of ``models`` that draw without a mask; "" first unless the team's own does not."""
        able = [name for name in self.models() if self._draws(name)]
        return ["", *able] if self._draws(self._own()) else able

    def _own(self) -> str:
        """The team's own; "" if it has none."""
        with suppress(AiRunnerError):
            return self._core.resolve(DRAWING).spec.model_path
        return ""

    def _path(self, model: str) -> Path | None:
        spec = self._core.catalog.registry.get(model)
        with suppress(AiRunnerError, OSError):
            return None if spec is None else self._core.store.path(spec)
        return None

    def _paints(self, model: str) -> bool:
        """Whether nothing is known against it."""
        path = self._path(model)
        return path is None or may_inpaint(path)

    def _draws(self, model: str) -> bool:
        """The same of drawing without a mask."""
        path = self._path(model)
        return path is None or not only_inpaints(path)

    def _check(self, model: str | None, *, is_painted: bool) -> None:
        name, problem = model or self._own(), ""
        if is_painted and not self._paints(name):
            problem = "it cannot paint over a picture; take another model, or get one that can"
        elif not is_painted and not self._draws(name):
            problem = "it only paints over pictures; take another model to draw one"
        if problem:
            raise ImageRequestError(name, problem)

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
        await asyncio.to_thread(self._check, model, is_painted=request.mask is not None)
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
        here = self.models()
        request = await asyncio.to_thread(self._again, picture)
        model = picture.model if picture.model in here else None
        await asyncio.to_thread(self._check, model, is_painted=request.mask is not None)
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
