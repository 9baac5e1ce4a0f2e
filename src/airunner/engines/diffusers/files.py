"""What may be loaded of a stored pipeline, decided without any image library.

Owns the rules: pickles, which can run any code, only when insisted on, no code
of the model's own, and nothing that would have to be fetched. The layout of
folders and files is ``models.files.pipeline``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from airunner.engines.image import ImagePlan
from airunner.errors import CorruptWeightsError, LoadError, UnsupportedArchitectureError
from airunner.models.files.pipeline import (
    INDEX,
    OPTIONAL_PARTS,
    is_pipeline_folder,
    read_index,
    read_pipeline,
)


@dataclass(frozen=True, slots=True)
class PipelineFiles:
    """How to load a pipeline.

    Attributes:
        pipeline: the diffusers class that ``model_index.json`` names.
        folder: where that file is; for one checkpoint file, the folder of its configuration.
        variant: the variant of the weights' names that must be asked for, such as ``"fp16"``.
        left_out: parts that are named but not there, and not needed to draw.
        gguf: denoiser parts that are stored as one GGUF file, and that file.
    """

    pipeline: str
    folder: Path
    variant: str | None = None
    left_out: tuple[str, ...] = ()
    gguf: dict[str, Path] = field(default_factory=dict)


def inspect_files(plan: ImagePlan) -> PipelineFiles:
    """Look at what a plan's path holds, and check it as far as that costs nothing.

    Raises:
        CorruptWeightsError: a part is missing, cut short or unreadable.
        UnsupportedArchitectureError: the pipeline brings code of its own.
        LoadError: pickles that were not allowed, or a file without its configuration.
    """
    if plan.path.is_dir():
        return _inspect_folder(plan)
    return _inspect_single_file(plan)


def check_files(path: Path) -> None:
    """Check weights at ``path`` by their headers: that it is a pipeline, with all that it needs.

    Raises:
        CorruptWeightsError: a part is missing, cut short or unreadable.
        UnsupportedArchitectureError: the pipeline brings code of its own.
        LoadError: a file without its configuration.
    """
    read_pipeline(path)
    folder = path if path.is_dir() else _configuration(path, path.stem)
    _class_name(folder, read_index(folder))


def _inspect_folder(plan: ImagePlan) -> PipelineFiles:
    folder = plan.path
    index = read_index(folder)
    name = _class_name(folder, index)
    pipeline = read_pipeline(folder)
    for part in pipeline.parts.values():
        if part.is_pickle and (plan.safety_checker or part.name != "safety_checker"):
            _refuse_pickle(plan, f"{part.name}/{part.files[0].name}")
    left_out = tuple(p for p in sorted(OPTIONAL_PARTS & index.keys()) if not (folder / p).is_dir())
    gguf = {part.name: part.files[0] for part in pipeline.parts.values() if part.is_gguf}
    return PipelineFiles(name, folder, pipeline.variant, left_out, gguf)


def _inspect_single_file(plan: ImagePlan) -> PipelineFiles:
    path = plan.path
    if read_pipeline(path).is_pickle:
        _refuse_pickle(plan, path.name)
    folder = _configuration(path, plan.model)
    return PipelineFiles(_class_name(folder, read_index(folder)), folder)


def _configuration(path: Path, model: str) -> Path:
    """The folder with the configuration of a one-file checkpoint."""
    for folder in (path.with_suffix(""), path.parent / "config", path.parent):
        if is_pipeline_folder(folder):
            return folder
    raise LoadError(
        model,
        f"{path.name} holds weights only, and its configuration would have to be fetched. Put the "
        f"pipeline's {INDEX} with its configuration folders into {path.with_suffix('').name}/ "
        "beside the file, or use a whole pipeline folder",
    )


def _refuse_pickle(plan: ImagePlan, name: str) -> None:
    if not plan.allow_pickle:
        raise LoadError(
            plan.model,
            f"{name} is stored in a pickle format, which can run any code while it is loaded. "
            "Use a safetensors version; if you trust the source, insist with the setting "
            "allow_pickle",
        )


def _class_name(folder: Path, index: Mapping[str, object]) -> str:
    name = index.get("_class_name")
    if isinstance(name, list):
        raise UnsupportedArchitectureError(folder, f"{name[-1]} with code of its own")
    if not isinstance(name, str):
        raise CorruptWeightsError(folder / INDEX, "it names no pipeline class")
    return name
