"""What an image engine offers: the plan of a load, one request, and what comes back.

Owns the protocol and the plain values that cross it, as ``engines.base`` does
for language models. Imports no image library.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from airunner.models.memory.image import Dtype, Offload, WeightFormat
from airunner.models.spec import ImageDefaults


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """Everything a worker must know to load one image pipeline.

    Attributes:
        model: the registry's name, for messages.
        path: a pipeline folder (with ``model_index.json``), or one checkpoint file.
        n_threads: CPU threads for this engine.
        device: device id such as ``"cpu"`` or ``"cuda:0"``.
        gpu_index: index of the GPU on its backend, ``None`` to compute on the CPU.
        dtype: what is computed in.
        offload: ``"none"`` keeps everything on the device; ``"model"`` moves one
            component at a time there, ``"group"`` a few layers at a time.
        weights: ``"4bit"`` quantizes the denoiser with bitsandbytes while loading.
        max_pixels: pixels of the largest batch that was counted on (width x height x batch).
        allow_pickle: load checkpoints in pickle formats, which can run any code.
        safety_checker: keep the model's own checker, where it has one.
    """

    model: str
    path: Path
    n_threads: int = 1
    device: str = "cpu"
    gpu_index: int | None = None
    dtype: Dtype = "float32"
    offload: Offload = "none"
    weights: WeightFormat = "as_stored"
    max_pixels: int = 512 * 512
    allow_pickle: bool = False
    safety_checker: bool = False


@dataclass(frozen=True, slots=True)
class Lora:
    """A low-rank adapter: its safetensors file and how strongly it acts (1.0 is as trained)."""

    path: Path
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One drawing of ``count`` images. What is ``None`` is left to the model.

    Attributes:
        prompt: what to draw.
        count: images of the batch.
        targets: where the PNG files are to be written, ``count`` paths where nothing
            is yet. Left empty by callers: the runtime names them.
        second_prompt: for the second text encoder (SDXL, SD3, FLUX); a model with
            one encoder gets it appended to ``prompt``.
        negative_prompt: what to avoid.
        width: pixels, a multiple of what the pipeline needs (mostly 8).
        height: pixels.
        steps: denoising steps.
        guidance: classifier-free guidance scale.
        seed: of the first image; the n-th has ``seed + n``. ``None`` draws one at random.
        scheduler: usual name, such as ``"euler_a"`` or ``"dpmpp_2m_karras"``.
        loras: adapters for this drawing only.
        init_image: start from this picture instead of noise (image to image).
        mask: white where ``init_image`` may change (inpainting).
        strength: 0 to 1, how far from ``init_image`` the result may go.
        preview_every: steps between small previews; 0 for none.
    """

    prompt: str
    count: int = 1
    targets: tuple[Path, ...] = ()
    second_prompt: str | None = None
    negative_prompt: str | None = None
    width: int | None = None
    height: int | None = None
    steps: int | None = None
    guidance: float | None = None
    seed: int | None = None
    scheduler: str | None = None
    loras: tuple[Lora, ...] = ()
    init_image: Path | None = None
    mask: Path | None = None
    strength: float | None = None
    preview_every: int = 0

    def filled(self, defaults: ImageDefaults) -> ImageRequest:
        """The same with a model's defaults where nothing is named.

        A picture to start from brings its own size.
        """
        size = ("width", "height") if self.init_image is None else ()
        names = (*size, "steps", "guidance", "scheduler")
        absent = {n: getattr(defaults, n) for n in names if getattr(self, n) is None}
        return replace(self, **absent)


@dataclass(frozen=True, slots=True)
class ImageStep:
    """One denoising step is done. ``preview_png`` is a small picture of the state, if asked for."""

    step: int
    steps: int
    preview_png: bytes | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture that was drawn and saved.

    ``settings`` is what it was really drawn with, defaults filled in, as
    written into the file: prompt, seed, steps, guidance, scheduler, model, size.
    """

    path: Path
    seed: int
    width: int
    height: int
    settings: dict[str, str]


@dataclass(frozen=True, slots=True)
class Drawn:
    """The end of a drawing: its pictures, and the seconds the pipeline took."""

    pictures: tuple[Picture, ...]
    seconds: float


class ImageModel(Protocol):
    """A loaded image pipeline. It draws one request at a time; a second one waits."""

    @property
    def plan(self) -> ImagePlan:
        """What was loaded, and how."""
        ...

    def draw(self, request: ImageRequest) -> AsyncGenerator[ImageStep | Drawn, None]:
        """Yield each step and at last ``Drawn``.

        Closing the generator cancels the drawing within one step; no file is left.

        Raises:
            ImageRequestError: a size, scheduler, adapter or picture that cannot be used.
            BlackImageError: the result was not a number (NaN); nothing is saved.
            StorageError: a picture could not be written.
            GenerationError: the pipeline refused or broke off.
            WorkerDiedError: the worker is gone.
        """
        ...


@runtime_checkable
class DrawingCheck(Protocol):
    """A launcher that can refuse a drawing before a model is loaded for it."""

    def check(self, model: str, request: ImageRequest) -> None:
        """Look at what needs no model: the files, names that no model knows, sizes none draws.

        Raises:
            ImageRequestError: a size, a scheduler, an adapter or a picture that cannot be used.
        """
        ...
