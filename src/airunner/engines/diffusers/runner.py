"""The loaded pipeline, drawing one request after the other.

Owns the variants of the pipeline (text, image and mask to image share their
parts) and a drawing from its first step to its files.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from typing import Any

from airunner import __version__
from airunner.engines.diffusers import libraries
from airunner.engines.diffusers.adapters import adapted
from airunner.engines.diffusers.loading import device_of, place
from airunner.engines.diffusers.parts import Parts
from airunner.engines.diffusers.preview import preview_png
from airunner.engines.diffusers.request import Order, check_request
from airunner.engines.diffusers.schedulers import make_scheduler
from airunner.engines.image import Drawn, ImagePlan, ImageRequest, ImageStep, Picture
from airunner.errors import AiRunnerError, BlackImageError, GenerationError, ImageRequestError
from airunner.models.files.pipeline import INPAINTING_CHANNELS, ONLY_INPAINTING_CHANNELS

_FROM_PICTURE = "AutoPipelineForImage2Image"
_INPAINTING = "AutoPipelineForInpainting"
"""Of a UNet: latents alone, or beside them the mask and what it leaves (diffusers 0.42)."""


class Cancelled(Exception):
    """Nobody waits for this drawing any more."""


class PipelineRunner:
    """Draws with one loaded pipeline."""

    def __init__(self, plan: ImagePlan, pipeline: Any) -> None:
        self._plan = plan
        self._pipeline = self._active = pipeline
        self._variants: dict[str, Any] = {}

    def draw(
        self,
        request: ImageRequest,
        parts: Parts,
        report: Callable[[ImageStep], None],
    ) -> Drawn:
        """Draw, telling each step; the pictures are in ``parts`` then, under no name yet.

        ``report`` may raise ``Cancelled``, which ends the drawing there. That is
        sooner than a pipeline's own ``_interrupt``, which still decodes the picture.

        Raises:
            ImageRequestError, BlackImageError, StorageError, GenerationError.
        """
        pipeline = self._variant(request)
        own = pipeline.scheduler
        try:
            if request.scheduler is not None:
                pipeline.scheduler = make_scheduler(
                    self._plan.model,
                    request.scheduler,
                    own,
                    from_picture=request.init_image is not None,
                )
            order = check_request(self._plan, pipeline, request)
            progress = _Progress(order, request.preview_every, report)
            with adapted(self._plan.model, pipeline, request.loras):
                return self._draw(pipeline, order, parts, progress)
        except (AiRunnerError, Cancelled):
            raise
        except Exception as error:  # a pipeline raises whatever its parts do
            problem = str(error).strip() or type(error).__name__
            raise GenerationError(self._plan.model, problem) from error
        finally:
            pipeline.scheduler = own
            pipeline.maybe_free_model_hooks()

    def _draw(self, pipeline: Any, order: Order, parts: Parts, progress: _Progress) -> Drawn:
        began_s = time.perf_counter()
        pictures: list[Picture] = []
        at_once = order.at_once(self._plan.max_pixels)
        rounds = -(-order.count // at_once)
        for number in range(rounds):
            progress.begin(number, rounds)
            indices = range(number * at_once, min((number + 1) * at_once, order.count))
            images = self._images(pipeline, order, [order.seed + n for n in indices], progress)
            for n, image in zip(indices, images, strict=True):
                pictures.append(self._save(order, n, image, parts))
        return Drawn(tuple(pictures), time.perf_counter() - began_s)

    def _save(self, order: Order, n: int, image: Any, parts: Parts) -> Picture:
        """Write image ``n`` of a drawing."""
        target, seed = order.targets[n], order.seed + n
        settings = order.settings | {"seed": str(seed), "software": f"AI Runner {__version__}"}
        parts.write(target, image, settings)
        return Picture(target, seed, order.width, order.height, settings)

    def _images(self, pipeline: Any, order: Order, seeds: list[int], progress: _Progress) -> Any:
        """One batch as PIL images."""
        torch = libraries.torch()
        with torch.inference_mode():
            output = pipeline(
                **order.call,
                num_images_per_prompt=len(seeds),
                # On the CPU, so that a seed gives the same noise on every device.
                generator=[torch.Generator("cpu").manual_seed(seed) for seed in seeds],
                callback_on_step_end=progress.step,
                # Numbers, since a picture would hide those that are none.
                output_type="np",
            )
        if not (output.images == output.images).all():  # only NaN differs from itself
            raise BlackImageError(self._plan.model, self._plan.dtype)
        if any(getattr(output, "nsfw_content_detected", None) or ()):
            raise GenerationError(
                self._plan.model, "its safety checker withheld the picture; try another prompt"
            )
        images = pipeline.image_processor.numpy_to_pil(output.images)
        if "mask_image" not in order.call:
            return images
        # Latents are of 8 pixels a side, and decoding them changes every one: what the mask
        # leaves is put back, so that it stays as it was.
        library, source = importlib.import_module("PIL.Image"), order.call["image"]
        mask = order.call["mask_image"]
        return [library.composite(image, source, mask) for image in images]

    def _variant(self, request: ImageRequest) -> Any:
        """The pipeline for this kind of request, sharing every part with the loaded one."""
        pipeline = self._pipeline
        self._check_channels(is_inpainting=request.mask is not None)
        if request.init_image is not None:
            kind = _FROM_PICTURE if request.mask is None else _INPAINTING
            if kind not in self._variants:
                self._variants[kind] = self._make_variant(kind)
            pipeline = self._variants[kind]
        if pipeline is not self._active:
            self._active = pipeline
            if self._plan.offload == "model":
                # These hooks know the order of one pipeline's parts; a group's belong to the parts.
                place(pipeline, self._plan, device_of(self._plan))
        return pipeline

    def _check_channels(self, *, is_inpainting: bool) -> None:
        """Refuse what the denoiser has no channels for; a pipeline would speak of their number."""
        unet = getattr(self._pipeline, "unet", None)
        channels = None if unet is None else unet.config.get("in_channels")
        if is_inpainting and channels not in (None, *INPAINTING_CHANNELS):
            raise ImageRequestError(
                self._plan.model, "it cannot inpaint; leave the mask out, or take another model"
            )
        if channels == ONLY_INPAINTING_CHANNELS and not is_inpainting:
            problem = "it only inpaints: it needs a picture to start from and a mask"
            raise ImageRequestError(self._plan.model, problem)

    def _make_variant(self, kind: str) -> Any:
        try:
            variant = getattr(libraries.diffusers(), kind).from_pipe(self._pipeline)
        except (ValueError, AttributeError) as error:
            what = "start from a picture" if kind == _FROM_PICTURE else "inpaint"
            raise ImageRequestError(self._plan.model, f"it cannot {what}") from error
        variant.set_progress_bar_config(disable=True)
        return variant


class _Progress:
    """Counts the steps of all rounds of one drawing."""

    def __init__(
        self, order: Order, preview_every: int, report: Callable[[ImageStep], None]
    ) -> None:
        self._size = order.width, order.height
        self._every, self._report = preview_every, report
        self._round = 0
        self._rounds = 1

    def begin(self, number: int, rounds: int) -> None:
        """Round ``number`` of ``rounds`` begins."""
        self._round, self._rounds = number, rounds

    def step(self, pipeline: Any, index: int, _: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        """A pipeline's ``callback_on_step_end``."""
        steps = pipeline.num_timesteps
        done = index + 1
        wanted = self._every > 0 and (done % self._every == 0 or done == steps)
        preview = preview_png(pipeline, tensors["latents"], self._size) if wanted else None
        self._report(ImageStep(self._round * steps + done, self._rounds * steps, preview))
        return tensors
