"""LoRA adapters, on a pipeline for one drawing only."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from airunner.engines.image import Lora
from airunner.errors import CorruptWeightsError, ImageRequestError
from airunner.models.files.safetensors import read_tensors


@contextmanager
def adapted(model: str, pipeline: Any, loras: Sequence[Lora]) -> Iterator[None]:
    """Inside the body the pipeline draws with ``loras``; afterwards as if it had never.

    Raises:
        ImageRequestError: a file is missing, damaged, a pickle, or made for other models.
    """
    if not loras:
        yield
        return
    if not hasattr(pipeline, "load_lora_weights"):
        raise ImageRequestError(model, "it takes no LoRA")
    try:
        names = [_load(model, pipeline, lora, f"lora{i}") for i, lora in enumerate(loras)]
        pipeline.set_adapters(names, adapter_weights=[lora.scale for lora in loras])
        yield
    finally:
        pipeline.unload_lora_weights()


def check_lora(model: str, path: Path) -> None:
    """Refuse a file that is no adapter, whatever the model; imports no model library.

    Raises:
        ImageRequestError: it is missing, damaged or a pickle.
    """
    if not path.is_file():
        raise ImageRequestError(model, f"there is no LoRA file {path}")
    if path.suffix.lower() != ".safetensors":
        raise ImageRequestError(model, f"the LoRA {path.name} is no safetensors file")
    try:
        read_tensors(path)
    except CorruptWeightsError as error:
        raise ImageRequestError(model, f"the LoRA {path.name}: {error.problem}") from error


def _load(model: str, pipeline: Any, lora: Lora, name: str) -> str:
    path = lora.path
    check_lora(model, path)
    try:
        weights = importlib.import_module("safetensors.torch").load_file(str(path))
        pipeline.load_lora_weights(weights, adapter_name=name)
    except Exception as error:  # the library raises many kinds for a file that does not fit
        raise ImageRequestError(
            model, f"the LoRA {path.name} does not fit it ({_first_line(error)})"
        ) from error
    if not any(name in found for found in pipeline.get_list_adapters().values()):
        raise ImageRequestError(model, f"the LoRA {path.name} fits no part of it")
    return name


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
