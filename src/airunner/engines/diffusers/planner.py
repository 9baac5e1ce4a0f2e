"""How an image pipeline is loaded on a device: the best way that its budget can hold.

Owns the order of preference. What each way takes is ``models.memory.image``'s;
which devices there are and what a load is called is ``resources.sizing``'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from airunner.config.settings import ImageDtype
from airunner.devices.device import Device
from airunner.engines.base import Plan
from airunner.engines.descriptor import Variant
from airunner.engines.image import ImagePlan
from airunner.models.files.pipeline import Pipeline
from airunner.models.memory.image import (
    Dtype,
    Offload,
    WeightFormat,
    estimate_image_memory,
)
from airunner.models.memory.language import MemoryEstimate
from airunner.models.spec import ImageDefaults, ModelSpec


@dataclass(frozen=True, slots=True)
class ImageLoadOptions:
    """What the user wants of every image model; see the settings of these names.

    ``size`` is the largest picture wanted, as width and height in pixels; a model's
    own size is always possible. ``four_bit`` says whether weights can be quantized
    while loading, which takes bitsandbytes.
    """

    dtype: ImageDtype = "auto"
    size: tuple[int, int] | None = None
    allow_pickle: bool = False
    safety_checker: bool = False
    four_bit: bool = field(default_factory=lambda: find_spec("bitsandbytes") is not None)


class PlannablePipeline:
    """One pipeline; implements ``engines.descriptor.Plannable``."""

    kv_bytes_per_token = 0
    rolls_back = False

    def __init__(self, pipeline: Pipeline, options: ImageLoadOptions) -> None:
        self._pipeline, self._options = pipeline, options

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of every part."""
        return tuple(file for part in self._pipeline.parts.values() for file in part.files)

    def plan(
        self, spec: ModelSpec, device: Device, budget_bytes: int
    ) -> tuple[ImagePlan, MemoryEstimate]:
        """The plan for one picture of the largest size wanted, and its estimate.

        1. The first way that fits the budget: everything on the device; the denoiser
           in 4 bits; one part at a time; both; a group of layers at a time.
        2. If none fits, the one that takes least, so that a refusal names the deficit.
        """
        pipeline, options = self._pipeline, self._options
        image = spec.image or ImageDefaults()
        width, height = max(
            (image.width, image.height), options.size or (0, 0), key=lambda size: size[0] * size[1]
        )
        plans: list[tuple[ImagePlan, MemoryEstimate]] = []
        for dtype, weights, offload in _ways(pipeline, device, options):
            estimate = estimate_image_memory(
                pipeline,
                width=width,
                height=height,
                dtype=dtype,
                offload=offload,
                weights=weights,
                on_gpu=device.is_accelerator,
                safety_checker=options.safety_checker,
            )
            plan = ImagePlan(
                model=spec.model_path,
                path=pipeline.path,
                device=device.id,
                gpu_index=device.gpu_index if device.is_accelerator else None,
                dtype=dtype,
                offload=offload,
                weights=weights,
                max_pixels=width * height,
                allow_pickle=options.allow_pickle,
                safety_checker=options.safety_checker,
            )
            if estimate.total_bytes <= budget_bytes:
                return plan, estimate
            plans.append((plan, estimate))
        return min(plans, key=lambda pair: pair[1].total_bytes)

    def variants(
        self, spec: ModelSpec, device: Device, plan: Plan, estimate: MemoryEstimate
    ) -> Sequence[Variant]:
        """The way that was chosen, at the model's own picture size."""
        if not isinstance(plan, ImagePlan):
            return ()
        facts = {
            "pixels": plan.max_pixels,
            "dtype": plan.dtype,
            "weights": plan.weights,
            "offload": plan.offload,
        }
        offload = "" if plan.offload == "none" else f", {plan.offload} offload"
        weights = "" if plan.weights == "as_stored" else f", {plan.weights}"
        return (Variant(f"{plan.dtype}{weights}{offload}", facts, estimate, chosen=True),)


def _ways(
    pipeline: Pipeline, device: Device, options: ImageLoadOptions
) -> Iterator[tuple[Dtype, WeightFormat, Offload]]:
    """Every way this device offers, best first.

    The CPU computes in 32 bits, in 16 only where that does not fit: most
    processors are slower at it. Offloading frees nothing where device and host
    share one memory, which is the case on the CPU and on Metal.
    """
    if not device.is_accelerator:
        wide: tuple[Dtype, ...] = ("float32", "bfloat16")
        for dtype in wide if options.dtype == "auto" else (options.dtype,):
            yield (dtype, "as_stored", "none")
        return
    dtype = _gpu_dtype(pipeline) if options.dtype == "auto" else options.dtype
    yield (dtype, "as_stored", "none")
    if device.kind == "metal":
        return
    # Parts of a one-file checkpoint are told apart only while they are loaded.
    four_bit = options.four_bit and pipeline.path.is_dir() and not pipeline.denoiser.is_gguf
    if four_bit:
        yield (dtype, "4bit", "none")
    yield (dtype, "as_stored", "model")
    if four_bit:
        yield (dtype, "4bit", "model")
    yield (dtype, "as_stored", "group")


def _gpu_dtype(pipeline: Pipeline) -> Dtype:
    """16 bits; of the two kinds the one with the wider range for transformers, which overflow
    the other (their text encoders do: https://github.com/huggingface/transformers/pull/20287).
    """
    return "float16" if pipeline.denoiser.name == "unet" else "bfloat16"
