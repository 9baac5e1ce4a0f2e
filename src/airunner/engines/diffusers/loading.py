"""From files to a pipeline that is ready on its device.

Owns every load parameter of diffusers, and what a failed load means.
"""

from __future__ import annotations

import importlib.util
import traceback
from typing import Any

from airunner.engines.diffusers import libraries
from airunner.engines.diffusers.files import PipelineFiles, inspect_files
from airunner.engines.image import ImagePlan
from airunner.errors import AiRunnerError, LoadError, UnsupportedArchitectureError
from airunner.importing import importing
from airunner.models.files.pipeline import DENOISERS
from airunner.workers.wire import Failed

_DAMAGE = ("safetensors", "HeaderToo", "Incomplete", "size mismatch", "newly initialized")


def load_pipeline(plan: ImagePlan) -> Any:
    """The diffusers pipeline for a plan, on its device.

    Raises:
        AiRunnerError: the files or the machine do not allow it.
        Exception: whatever the library raises; see ``failure``.
    """
    files = inspect_files(plan)
    with importing():
        torch = libraries.torch()
        kind = _pipeline_class(plan, files.pipeline)
    torch.set_num_threads(plan.n_threads)
    device = device_of(plan)
    dtype = getattr(torch, plan.dtype)
    options: dict[str, Any] = {"torch_dtype": dtype, "local_files_only": True}
    if not plan.safety_checker and "safety_checker" in _parameters(kind):
        options |= {"safety_checker": None, "requires_safety_checker": False}
    if plan.path.is_dir():
        options |= dict.fromkeys(files.left_out)
        options |= {"low_cpu_mem_usage": True, "variant": files.variant}
        options |= {"use_safetensors": None if plan.allow_pickle else True}
        options |= _quantization(plan, kind, dtype)
        for part, path in files.gguf.items():
            options[part] = _load_gguf(files, part, path, dtype)
        pipeline = kind.from_pretrained(str(plan.path), **options)
    else:
        pipeline = kind.from_single_file(str(plan.path), config=str(files.folder), **options)
    pipeline.set_progress_bar_config(disable=True)
    place(pipeline, plan, device)
    return pipeline


def place(pipeline: Any, plan: ImagePlan, device: str) -> None:
    """Put a pipeline where it computes, in the plan's manner."""
    if device == "cpu" or plan.offload == "none":
        pipeline.to(device)
    elif plan.offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    else:
        torch = libraries.torch()
        pipeline.enable_group_offload(
            onload_device=torch.device(device), offload_type="leaf_level", use_stream=False
        )


def device_of(plan: ImagePlan) -> str:
    """The name that torch has for the plan's device.

    Raises:
        LoadError: this build of torch does not see it.
    """
    if plan.gpu_index is None:
        return "cpu"
    torch = libraries.torch()
    if plan.device.startswith("metal"):
        if not torch.backends.mps.is_available():
            raise LoadError(plan.model, "this build of torch cannot use Metal")
        return "mps"
    seen = torch.cuda.device_count()
    if plan.gpu_index >= seen:
        raise LoadError(
            plan.model,
            f"this build of torch sees {seen} GPUs and cannot use number {plan.gpu_index}; "
            "install torch with CUDA or ROCm, or draw on the CPU",
        )
    return f"cuda:{plan.gpu_index}"


def failure(error: Exception) -> Failed:
    """What to tell the launcher about a load that raised ``error``; the log has it in full."""
    traceback.print_exception(error)
    match error:
        case UnsupportedArchitectureError():
            return Failed(error.architecture, "architecture")
        case LoadError():
            return Failed(error.problem)
        case AiRunnerError():
            return Failed(str(error))
        case ModuleNotFoundError():
            advice = "drawing needs the images extra: pip install 'airunner[images]'"
            return Failed(f"{error}; {advice}")
    text = f"{type(error).__name__}: {error}".strip()
    damaged = isinstance(error, EOFError | OSError) or any(word in text for word in _DAMAGE)
    return Failed(text, "damaged" if damaged else "load")


def _pipeline_class(plan: ImagePlan, name: str) -> Any:
    library = libraries.diffusers()
    kind = getattr(library, name, None)
    if kind is None or not hasattr(kind, "from_pretrained"):
        raise UnsupportedArchitectureError(plan.path, name)
    if hasattr(kind, "_backends"):  # a stand-in that stands for a missing package
        raise LoadError(plan.model, f"{name} needs the packages {', '.join(kind._backends)}")
    if "Img2Img" in name or "Inpaint" in name:
        # The folder was saved by one of the variants; what it holds is the same. An
        # inpainting model of its own (nine channels in) is left as it is.
        return kind if plan.path.is_file() else _text_to_image(kind)
    return kind


def _text_to_image(kind: Any) -> Any:
    library = libraries.diffusers()
    name = kind.__name__.replace("Img2Img", "").replace("Inpaint", "")
    return getattr(library, name, kind)


def _quantization(plan: ImagePlan, kind: Any, dtype: Any) -> dict[str, Any]:
    if plan.weights != "4bit":
        return {}
    if importlib.util.find_spec("bitsandbytes") is None:
        raise LoadError(
            plan.model, "4-bit weights need the package bitsandbytes (pip install bitsandbytes)"
        )
    config = libraries.diffusers().PipelineQuantizationConfig(
        quant_backend="bitsandbytes_4bit",
        quant_kwargs={
            "load_in_4bit": True,
            "bnb_4bit_quant_type": "nf4",
            "bnb_4bit_compute_dtype": dtype,
        },
        components_to_quantize=[part for part in DENOISERS if part in _parameters(kind)],
    )
    return {"quantization_config": config}


def _load_gguf(files: PipelineFiles, part: str, path: Any, dtype: Any) -> Any:
    """A denoiser from its GGUF file; diffusers loads parts so, not whole pipelines."""
    library = libraries.diffusers()
    kind_name = library.DiffusionPipeline.load_config(str(files.folder))[part][1]
    return getattr(library, kind_name).from_single_file(
        str(path),
        config=str(files.folder),
        subfolder=part,
        quantization_config=library.GGUFQuantizationConfig(compute_dtype=dtype),
        torch_dtype=dtype,
        local_files_only=True,
    )


def _parameters(kind: Any) -> list[str]:
    names: list[str] = list(kind._get_signature_keys(kind)[0])
    return names
