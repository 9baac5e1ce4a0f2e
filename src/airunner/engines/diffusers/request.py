"""From what was asked to what the pipeline is called with, or why it cannot be.

Owns every check that can be made before anything is computed.
"""

from __future__ import annotations

import importlib
import inspect
import math
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airunner.engines.diffusers.schedulers import name_of
from airunner.engines.image import ImagePlan, ImageRequest
from airunner.errors import ImageRequestError

SMALLEST_PX = 64
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

    def refuse(problem: str) -> ImageRequestError:
        return ImageRequestError(plan.model, problem)

    takes = _defaults(pipeline)
    if request.count < 1 or len(request.targets) != request.count:
        raise refuse(f"{request.count} pictures into {len(request.targets)} files")
    source, mask = _open_pictures(plan, request)
    width, height = _size(plan, pipeline, request, source)
    steps = request.steps if request.steps is not None else takes.get("num_inference_steps") or 50
    if not 1 <= steps <= _MOST_STEPS:
        raise refuse(f"steps must be 1 to {_MOST_STEPS}, not {steps}")
    seed = request.seed if request.seed is not None else secrets.randbelow(2**32)
    if not 0 <= seed < 2**63:
        raise refuse(f"the seed must be 0 to 2**63 - 1, not {seed}")
    call, settings = _words(plan, pipeline, request, takes)
    call["num_inference_steps"] = steps
    settings |= {
        "seed": str(seed),
        "steps": str(steps),
        "scheduler": name_of(pipeline.scheduler),
        "width": str(width),
        "height": str(height),
        "model": plan.model,
    }
    if request.loras:
        settings["loras"] = ", ".join(f"{x.path.name} x {x.scale:g}" for x in request.loras)
    if request.init_image is not None:
        strength = request.strength if request.strength is not None else takes["strength"]
        if not 0.0 < strength <= 1.0 or int(steps * strength) < 1:
            raise refuse(
                f"strength {strength:g} of {steps} steps leaves nothing to draw; it must be "
                f"{1 / steps:.2g} to 1"
            )
        call |= {"image": _fitted(source, width, height), "strength": strength}
        settings |= {"init_image": request.init_image.name, "strength": f"{strength:g}"}
    if request.mask is not None:
        call["mask_image"] = _fitted(mask, width, height)
        settings["mask"] = request.mask.name
    if "width" in takes:
        call |= {"width": width, "height": height}
    return Order(width, height, seed, request.count, request.targets, call, settings)


def _words(
    plan: ImagePlan, pipeline: Any, request: ImageRequest, takes: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The prompts and how strongly they guide: for the call, and for the file."""
    call: dict[str, Any] = {"prompt": request.prompt}
    settings = {"prompt": request.prompt}
    if request.second_prompt:
        settings["second_prompt"] = request.second_prompt
        if "prompt_2" in takes:
            call["prompt_2"] = request.second_prompt
        else:
            call["prompt"] = ", ".join(p for p in (request.prompt, request.second_prompt) if p)
    name = _guidance_name(pipeline, takes)
    guidance = _guidance(plan, request, takes, name)
    if guidance is not None:
        call[name] = guidance
        settings["guidance"] = f"{guidance:g}"
    if request.negative_prompt:
        _check_negative(plan, pipeline, takes, guidance)
        call["negative_prompt"] = settings["negative_prompt"] = request.negative_prompt
    elif name == _TRUE_GUIDANCE and guidance is not None and guidance > 1:
        # Without one, these pipelines guide not at all, however high the guidance.
        call["negative_prompt"] = " "
    return call, settings


def _defaults(pipeline: Any) -> dict[str, Any]:
    """What a pipeline can be called with, and the default of each."""
    parameters = inspect.signature(pipeline.__call__).parameters
    return {name: parameter.default for name, parameter in parameters.items()}


def _guidance_name(pipeline: Any, takes: dict[str, Any]) -> str:
    """What a pipeline calls classifier-free guidance, or the guidance trained into it.

    Where it takes both (FLUX, Qwen-Image), ``guidance_scale`` is for distilled models.
    """
    distilled = _is_distilled(pipeline)
    return _TRUE_GUIDANCE if _TRUE_GUIDANCE in takes and not distilled else "guidance_scale"


def _guidance(
    plan: ImagePlan, request: ImageRequest, takes: dict[str, Any], name: str
) -> float | None:
    """The guidance to draw with, ``None`` for a pipeline that has none."""
    if request.guidance is None:
        default = takes.get(name)
        return float(default) if isinstance(default, int | float) else None
    if name not in takes:
        raise ImageRequestError(plan.model, "it takes no guidance; leave it out")
    if not (math.isfinite(request.guidance) and request.guidance >= 0):
        raise ImageRequestError(plan.model, f"guidance must be 0 or more, not {request.guidance}")
    return request.guidance


def _check_negative(
    plan: ImagePlan, pipeline: Any, takes: dict[str, Any], guidance: float | None
) -> None:
    """Refuse a negative prompt where it would silently do nothing."""
    advice = None
    if "negative_prompt" not in takes or _is_distilled(pipeline):
        advice = "it takes no negative prompt; leave it out"
    elif guidance is not None and guidance <= 1:
        advice = (
            f"with guidance {guidance:g} a negative prompt does nothing; leave it out, or set "
            "guidance above 1"
        )
    if advice:
        raise ImageRequestError(plan.model, advice)


def _is_distilled(pipeline: Any) -> bool:
    """Whether guidance was trained into the model (FLUX.1-dev), which leaves no negative prompt."""
    transformer = getattr(pipeline, "transformer", None)
    return bool(transformer is not None and transformer.config.get("guidance_embeds"))


def _size(plan: ImagePlan, pipeline: Any, request: ImageRequest, source: Any) -> tuple[int, int]:
    grain = _grain(pipeline)
    if source is not None:
        default = _within(source.size, plan.max_pixels, grain)
    else:
        default = _within(_default_size(pipeline), plan.max_pixels, grain)
    width = default[0] if request.width is None else request.width
    height = default[1] if request.height is None else request.height
    if any(px < SMALLEST_PX or px % grain for px in (width, height)):
        nearest = " x ".join(str(_nearest(px, grain)) for px in (width, height))
        raise ImageRequestError(
            plan.model,
            f"{width} x {height} is no size it can draw. Both sides must be multiples of {grain} "
            f"and at least {SMALLEST_PX}; the nearest is {nearest}",
        )
    if width * height > plan.max_pixels:
        smaller = " x ".join(map(str, _within((width, height), plan.max_pixels, grain)))
        raise ImageRequestError(
            plan.model,
            f"{width} x {height} is larger than the {plan.max_pixels:,} pixels that memory is "
            f"planned for; {smaller} fits, and --image-size plans for more",
        )
    return width, height


def _grain(pipeline: Any) -> int:
    """What both sides must be a multiple of: a patch of latents, and 8 at least."""
    factor = int(getattr(pipeline, "vae_scale_factor", 8))
    transformer = getattr(pipeline, "transformer", None)
    if transformer is not None:
        # FLUX, Qwen-Image and Z-Image pack 2 x 2 latents whatever their patch size says.
        patch = transformer.config.get("patch_size")
        factor *= max(2, patch if isinstance(patch, int) else 2)
    return math.lcm(8, factor)


def _default_size(pipeline: Any) -> tuple[int, int]:
    sample = getattr(pipeline, "default_sample_size", None)
    unet = getattr(pipeline, "unet", None)
    if sample is None and unet is not None:
        sample = unet.config.sample_size
    if sample is None:
        return _FALLBACK_PX, _FALLBACK_PX
    height, width = (sample, sample) if isinstance(sample, int) else sample
    return width * pipeline.vae_scale_factor, height * pipeline.vae_scale_factor


def _within(size: tuple[int, int], max_pixels: int, grain: int) -> tuple[int, int]:
    """The largest size of about this shape that fits, down to the smallest there is."""
    shrink = min(1.0, math.sqrt(max_pixels / (size[0] * size[1])))
    width, height = (
        max(_nearest(SMALLEST_PX, grain), int(px * shrink) // grain * grain) for px in size
    )
    return width, height


def _nearest(px: int, grain: int) -> int:
    return max(math.ceil(SMALLEST_PX / grain), round(px / grain)) * grain


def _open_pictures(plan: ImagePlan, request: ImageRequest) -> tuple[Any, Any]:
    if request.init_image is None:
        if request.mask is not None or request.strength is not None:
            raise ImageRequestError(plan.model, "a mask or a strength needs an init_image")
        return None, None
    source = _open(plan, request.init_image, "RGB")
    return source, None if request.mask is None else _open(plan, request.mask, "L")


def _open(plan: ImagePlan, path: Path, mode: str) -> Any:
    library = importlib.import_module("PIL.Image")
    try:
        with library.open(path) as picture:
            return picture.convert(mode)
    except (OSError, ValueError, library.DecompressionBombError) as error:
        raise ImageRequestError(plan.model, f"{path} cannot be read as a picture") from error


def _fitted(picture: Any, width: int, height: int) -> Any:
    library = importlib.import_module("PIL.Image")
    if picture.size == (width, height):
        return picture
    return picture.resize((width, height), library.Resampling.LANCZOS)
