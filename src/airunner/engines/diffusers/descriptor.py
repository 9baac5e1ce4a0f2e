"""What AI Runner asks of diffusers; see ``engines.descriptor``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from airunner.devices.backend import Backend
from airunner.engines.descriptor import EngineDescriptor, Installation, Planner
from airunner.engines.silence import SilenceLimits
from airunner.models.engine_traits import EngineTraits, WeightsForm
from airunner.models.files.pipeline import INDEX
from airunner.models.spec import HubFolderSource, ModelCapability, ModelSpec, Source

if TYPE_CHECKING:
    from airunner.config.settings import Settings
    from airunner.engines.diffusers.launcher import ImageLauncher

# Of a repository whose entry names no patterns: a whole pipeline in its plain files.
_PIPELINE_PATTERNS = (
    INDEX,
    "*/*.json",
    "*/*.txt",
    "*/*.jinja",
    "*/spiece.model",
    "*/model.safetensors",
    "*/model-?????-of-?????.safetensors",
    "*/diffusion_pytorch_model.safetensors",
    "*/diffusion_pytorch_model-?????-of-?????.safetensors",
)


def _usual_sources(spec: ModelSpec) -> Sequence[Source]:
    """The repository's pipeline."""
    return (HubFolderSource(spec.model_path, _PIPELINE_PATTERNS),)


def _problems(spec: ModelSpec) -> Sequence[str]:
    """What is wrong with the defaults that its pictures are drawn with."""
    image = spec.image
    if image is None:
        return [f"has engine {spec.engine!r} and needs image=ImageDefaults(...)"]
    problems: list[str] = []
    for name in ("width", "height"):
        value = getattr(image, name)
        if value < 8 or value % 8:
            problems.append(f"has image.{name}={value}, which must be a multiple of 8 pixels")
    if image.steps < 1:
        problems.append(f"has image.steps={image.steps}, which must be at least 1")
    if not (math.isfinite(image.guidance) and image.guidance >= 0):
        problems.append(f"has image.guidance={image.guidance}, which must be 0 or more")
    return problems


def _check(path: Path) -> None:
    from airunner.engines.diffusers.files import check_files

    check_files(path)


class Diffusers(EngineDescriptor):
    """Image models from pipeline folders and one-file checkpoints."""

    traits = EngineTraits(
        name="diffusers",
        capabilities=frozenset({ModelCapability.IMAGE_GENERATION}),
        weights=WeightsForm(index=INDEX),
        usual_sources=_usual_sources,
        problems=_problems,
        check=_check,
    )
    library = "PyTorch"
    work = "pictures"

    def planner(self, settings: Settings) -> Planner:
        """See ``EngineDescriptor``."""
        from airunner.engines.diffusers.planner import ImageLoadOptions, PlannablePipeline
        from airunner.models.files.pipeline import read_pipeline

        options = ImageLoadOptions(
            settings.image_dtype,
            settings.image_size,
            settings.allow_pickle,
            settings.safety_checker,
        )
        return lambda path: PlannablePipeline(read_pipeline(path), options)

    def launcher(self, settings: Settings, run_dir: Path) -> ImageLauncher:
        """See ``EngineDescriptor``."""
        from airunner.engines.diffusers.launcher import ImageLauncher

        return ImageLauncher(SilenceLimits.of(settings))

    def is_installed(self) -> bool:
        """See ``EngineDescriptor``."""
        return find_spec("torch") is not None and find_spec("diffusers") is not None

    def backend(self, settings: Settings) -> Backend:
        """See ``EngineDescriptor``."""
        from airunner.engines.diffusers.installation import torch_backends

        return Backend(
            torch_backends() or frozenset(),
            talks=False,
            work=self.work,
            library=self.library,
            remedy="Install such a build of torch.",
        )

    def examine(self, settings: Settings) -> Installation:
        """See ``EngineDescriptor``."""
        from airunner.engines.diffusers.installation import examine

        return examine()
