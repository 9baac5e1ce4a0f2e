"""From what was asked to what the pipeline is called with, or why it cannot be.

Owns every check that can be made before anything is computed.
"""

from __future__ import annotations

import importlib
import inspect
import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airunner.engines.diffusers.schedulers import name_of
from airunner.engines.diffusers.source_picture import source_picture
from airunner.engines.image import ImagePlan, ImageRequest
from airunner.errors import ImageRequestError

SMALLEST_PX = 64
LEAST_GRAIN = 8
"""What both sides of a picture must be a multiple of, whatever the pipeline."""
_FALLBACK_PX = 1024
# Models know 1000 time steps; some schedulers count past the end of them when asked for all.
_MOST_STEPS = 500
_TRUE_GUIDANCE = "true_cfg_scale"


@dataclass(frozen=True, slots=True)
class Order:
    """A request that can be drawn: every default filled in.

    ``call`` is what the pipeline is called with, without the number of images and
    their generators; ``settings`` is what the files say.
    """

    width: int
    height: int
    seed: int
    count: int
    targets: tuple[Path, ...]
    call: dict[str, Any]
    settings: dict[str, str]

    def at_once(self, max_pixels: int) -> int:
        """How many of the images to draw together, in the memory that was counted on."""
        return max(1, min(self.count, max_pixels // (self.width * self.height)))


def check_request(plan: ImagePlan, pipeline: Any, request: ImageRequest) -> Order:
    """Fill in the defaults and check everything.

    Raises:
        ImageRequestError: a value that cannot be used; the message says what could.
    """
    return _Check(plan, pipeline, request).order()


class _Check:
    """One request, and what the pipeline can be called with, with the default of each."""

    def __init__(self, plan: ImagePlan, pipeline: Any, request: ImageRequest) -> None:
        self._plan, self._pipeline, self._request = plan, pipeline, request
        parameters = inspect.signature(pipeline.__call__).parameters
        self._takes = {name: parameter.default for name, parameter in parameters.items()}

    def order(self) -> Order:
        """See ``check_request``."""
        request, takes = self._request, self._takes
        if request.count < 1 or len(request.targets) != request.count:
            raise self._refused(f"{request.count} pictures into {len(request.targets)} files")
        source, mask = self._pictures()
        width, height = self._size(source)
        steps = _or(request.steps, takes.get("num_inference_steps") or 50)
        if not 1 <= steps <= _MOST_STEPS:
            raise self._refused(f"steps must be 1 to {_MOST_STEPS}, not {steps}")
        seed = _or(request.seed, secrets.randbelow(2**32))
        if not 0 <= seed < 2**63:
            raise self._refused(f"the seed must be 0 to 2**63 - 1, not {seed}")
        call, settings = self._words()
        call["num_inference_steps"] = steps
        settings |= {
            "seed": str(seed),
            "steps": str(steps),
            "scheduler": name_of(self._pipeline.scheduler),
            "width": str(width),
            "height": str(height),
            "model": self._plan.model,
        }
        if request.loras:
            settings["loras"] = ", ".join(f"{x.path.name} x {x.scale:g}" for x in request.loras)
        if request.init_image is not None:
            strength = _or(request.strength, takes.get("strength"))
            if not 0.0 < strength <= 1.0 or int(steps * strength) < 1:
                raise self._refused(
                    f"strength {strength:g} of {steps} steps leaves nothing to draw; it must be "
                    f"{1 / steps:.2g} to 1"
                )
            call |= {"image": _fitted(source, width, height), "strength": strength}
            settings |= {"init_image": request.init_image.name, "strength": f"{strength:g}"}
        if request.mask is not None:
            # Over the whole picture first, so that both are cut at the same place.
            mask = mask if mask.size == source.size else mask.resize(source.size)
            call["mask_image"] = _fitted(mask, width, height)
            settings["mask"] = request.mask.name
        if "width" in takes:
            call |= {"width": width, "height": height}
        return Order(width, height, seed, request.count, request.targets, call, settings)

    def _words(self) -> tuple[dict[str, Any], dict[str, str]]:
        """The prompts and how strongly they guide: for the call, and for the file."""
        request, takes = self._request, self._takes
        call: dict[str, Any] = {"prompt": request.prompt}
        settings = {"prompt": request.prompt}
        if request.second_prompt:
            settings["second_prompt"] = request.second_prompt
            if "prompt_2" in takes:
                call["prompt_2"] = request.second_prompt
            else:
                call["prompt"] = ", ".join(p for p in (request.prompt, request.second_prompt) if p)
        # Where a pipeline takes both (FLUX, Qwen-Image), guidance_scale is for distilled models.
        is_true = _TRUE_GUIDANCE in takes and not self._is_distilled()
        name = _TRUE_GUIDANCE if is_true else "guidance_scale"
        guidance = self._guidance(name)
        if guidance is not None:
            call[name] = guidance
            settings["guidance"] = f"{guidance:g}"
        if request.negative_prompt:
            self._check_negative(guidance)
            call["negative_prompt"] = settings["negative_prompt"] = request.negative_prompt
        elif is_true and guidance is not None and guidance > 1:
            # Without one, these pipelines guide not at all, however high the guidance.
            call["negative_prompt"] = " "
        return call, settings

    def _guidance(self, name: str) -> float | None:
        """The guidance to draw with, ``None`` for a pipeline that has none."""
        wanted, default = self._request.guidance, self._takes.get(name)
        if wanted is None:
            return float(default) if isinstance(default, int | float) else None
        if name not in self._takes:
            raise self._refused("it takes no guidance; leave it out")
        if not (math.isfinite(wanted) and wanted >= 0):
            raise self._refused(f"guidance must be 0 or more, not {wanted}")
        return wanted

    def _check_negative(self, guidance: float | None) -> None:
        """Refuse a negative prompt where it would silently do nothing."""
        if "negative_prompt" not in self._takes or self._is_distilled():
            raise self._refused("it takes no negative prompt; leave it out")
        if guidance is not None and guidance <= 1:
            raise self._refused(
                f"with guidance {guidance:g} a negative prompt does nothing; leave it out, or set "
                "guidance above 1"
            )

    def _is_distilled(self) -> bool:
        """Whether guidance was trained into it (FLUX.1-dev), which leaves no negative prompt."""
        transformer = getattr(self._pipeline, "transformer", None)
        return bool(transformer is not None and transformer.config.get("guidance_embeds"))

    def _size(self, source: Any) -> tuple[int, int]:
        grain, most = self._grain(), self._plan.max_pixels
        own = self._default_size() if source is None else source.size
        width, height = size_to_draw(self._request, own, most, grain)
        if problem := _size_problem((width, height), grain):
            raise self._refused(problem)
        if width * height > most:
            smaller = " x ".join(map(str, _within((width, height), most, grain)))
            raise self._refused(
                f"{width} x {height} is larger than the {most:,} pixels that memory is "
                f"planned for; {smaller} fits. --image-size {width}x{height} plans for it, given "
                "to `airunner serve` where a server runs"
            )
        return width, height

    def _grain(self) -> int:
        """What both sides must be a multiple of: a patch of latents, and 8 at least."""
        factor = int(getattr(self._pipeline, "vae_scale_factor", 8))
        transformer = getattr(self._pipeline, "transformer", None)
        if transformer is not None:
            # FLUX, Qwen-Image and Z-Image pack 2 x 2 latents whatever their patch size says.
            patch = transformer.config.get("patch_size")
            factor *= max(2, patch if isinstance(patch, int) else 2)
        return math.lcm(8, factor)

    def _default_size(self) -> tuple[int, int]:
        pipeline = self._pipeline
        sample = getattr(pipeline, "default_sample_size", None)
        unet = getattr(pipeline, "unet", None)
        if sample is None and unet is not None:
            sample = unet.config.sample_size
        if sample is None:
            return _FALLBACK_PX, _FALLBACK_PX
        height, width = (sample, sample) if isinstance(sample, int) else sample
        return width * pipeline.vae_scale_factor, height * pipeline.vae_scale_factor

    def _pictures(self) -> tuple[Any, Any]:
        """The picture to start from and the mask, ``None`` where there is none."""
        source, mask = self._request.init_image, self._request.mask
        if source is None and (mask is not None or self._request.strength is not None):
            raise self._refused("a mask or a strength needs an init_image")
        model = self._plan.model
        return (
            None if source is None else source_picture(model, source, "RGB"),
            None if mask is None else source_picture(model, mask, "L"),
        )

    def _refused(self, problem: str) -> ImageRequestError:
        return ImageRequestError(self._plan.model, problem)


def _or(value: Any, default: Any) -> Any:
    return default if value is None else value


def check_size(model: str, request: ImageRequest) -> None:
    """Refuse what no pipeline can draw.

    Raises:
        ImageRequestError: a side is too small or no multiple; names the nearest size.
    """
    sides = [px for px in (request.width, request.height) if px is not None]
    if problem := _size_problem(sides, LEAST_GRAIN):
        raise ImageRequestError(model, problem)


def _size_problem(sides: Sequence[int], grain: int) -> str:
    """What is wrong with those sides that are given; empty if nothing."""
    if not any(px < SMALLEST_PX or px % grain for px in sides):
        return ""
    asked = " x ".join(map(str, sides))
    nearest = " x ".join(str(_nearest(px, grain)) for px in sides)
    return (
        f"{asked} is no size it can draw. Both sides must be multiples of "
        f"{grain} and at least {SMALLEST_PX}; the nearest is {nearest}"
    )


def size_to_draw(
    request: ImageRequest, own: tuple[int, int], max_pixels: int, grain: int
) -> tuple[int, int]:
    """What is asked for; a side that is not, is in proportion, and what fits without either."""
    width, height = request.width, request.height
    if width is None and height is None:
        return _within(own, max_pixels, grain)
    if width is None and height is not None:
        width = _beside(height, own[0] / own[1], max_pixels, grain)
    elif height is None and width is not None:
        height = _beside(width, own[1] / own[0], max_pixels, grain)
    return _or(width, 0), _or(height, 0)


def _beside(side: int, ratio: float, max_pixels: int, grain: int) -> int:
    most = max_pixels // max(1, side) // grain * grain
    return max(_nearest(SMALLEST_PX, grain), min(most, _nearest(side * ratio, grain)))


def _within(size: tuple[int, int], max_pixels: int, grain: int) -> tuple[int, int]:
    """The largest size of about this shape that fits, and of no side too small to draw."""
    least = _nearest(SMALLEST_PX, grain)
    scale = max(1.0, SMALLEST_PX / min(size))
    scale = min(scale, math.sqrt(max_pixels / (size[0] * size[1])))
    short, long = (max(least, int(px * scale) // grain * grain) for px in sorted(size))
    long = max(least, min(long, max_pixels // short // grain * grain))
    return (short, long) if size[0] < size[1] else (long, short)


def _nearest(px: float, grain: int) -> int:
    return max(math.ceil(SMALLEST_PX / grain), round(px / grain)) * grain


def _fitted(picture: Any, width: int, height: int) -> Any:
    """The middle of a picture, of this shape: nothing in it is stretched."""
    if picture.size == (width, height):
        return picture
    library = importlib.import_module("PIL.Image")
    operations = importlib.import_module("PIL.ImageOps")
    return operations.fit(picture, (width, height), library.Resampling.LANCZOS)
