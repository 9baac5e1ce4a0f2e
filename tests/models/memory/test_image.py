"""The arithmetic of an image pipeline's memory; benchmarks/image_memory.py compares it with
real processes.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.models.files.pipeline_files import write_pipeline, write_safetensors

import airunner
from airunner.models.files.pipeline import Pipeline, read_pipeline
from airunner.models.memory.image import estimate_image_memory
from airunner.models.memory.language import MemoryEstimate

MB = 10**6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_pipeline(tmp_path / "sd")


def estimate(source: Path | Pipeline, side: int = 512, **more: object) -> MemoryEstimate:
    pipeline = read_pipeline(source) if isinstance(source, Path) else source
    return estimate_image_memory(pipeline, width=side, height=side, **more)  # type: ignore[arg-type]


# Measured once by benchmarks/image_memory.py, worker and all: VmHWM of the pipeline that
# `write_pipeline` imitates (shape sd-1m), in MB.
@pytest.mark.parametrize(
    ("side", "measured"), [(64, 512.0), (256, 549.1), (512, 727.0), (768, 884.1)]
)
def test_a_small_pipeline_takes_what_was_measured(folder: Path, side: int, measured: float) -> None:
    predicted = estimate(folder, side)
    assert predicted.exact
    assert 0.97 < predicted.total_bytes / (measured * MB) < 1.10


def test_the_shipped_artist_takes_what_was_measured_on_a_gpu() -> None:
    # Measured once on an NVIDIA H200 with a drawing of 64 pixels: what its driver counted.
    folder = Path(airunner.__file__).parent / "components/art/shapes"
    predicted = estimate(folder, 64, dtype="float32", on_gpu=True)
    assert not predicted.exact
    assert 0.97 < predicted.total_bytes / 801_112_064 < 1.10


# Measured once on an NVIDIA H200 by benchmarks/image_memory.py (shape sd-160m-f16, 512 pixels):
# what its driver counted, less the weights, in MB.
@pytest.mark.parametrize(("dtype", "measured"), [("float16", 1293.1), ("float32", 1942.4)])
def test_a_gpu_decodes_in_what_was_measured(folder: Path, dtype: str, measured: float) -> None:
    config = folder / "vae/config.json"
    wider = json.loads(config.read_text()) | {"block_out_channels": [64, 128, 256, 256]}
    config.write_text(json.dumps(wider))
    predicted = estimate(folder, 512, dtype=dtype, on_gpu=True)
    rest_bytes = predicted.total_bytes - predicted.weights_bytes
    assert 0.97 < rest_bytes / (measured * MB) < 1.10


def test_weights_count_in_the_type_that_is_computed_in(folder: Path, tmp_path: Path) -> None:
    stored = sum(p.n_bytes for p in read_pipeline(folder).parts.values())
    assert estimate(folder).weights_bytes == stored
    half = write_pipeline(tmp_path / "half", "F16")
    assert estimate(half, dtype="float16").weights_bytes == stored // 2
    assert estimate(half, dtype="float32").weights_bytes == stored


def test_converting_holds_the_file_beside_the_copy(tmp_path: Path) -> None:
    folder = write_pipeline(tmp_path / "sd", "F16")
    layers = {f"blocks.{n}.weight": (1000, 10_000) for n in range(10)}
    write_safetensors(folder / "unet/diffusion_pytorch_model.safetensors", layers, "F16")
    stored = read_pipeline(folder).denoiser.n_bytes
    assert estimate(folder, 64, dtype="float16").compute_bytes < stored / 10
    # As many bytes, and yet other numbers.
    for dtype in ("float32", "bfloat16"):
        assert estimate(folder, 64, dtype=dtype).compute_bytes == stored
    assert estimate(folder, 64, dtype="float32", on_gpu=True).compute_bytes < stored / 10


def test_activations_grow_with_pixels(folder: Path) -> None:
    one = estimate(folder, 512)
    tall = estimate_image_memory(read_pipeline(folder), width=512, height=1024)
    assert one.compute_bytes < tall.compute_bytes
    assert one.weights_bytes == tall.weights_bytes
    assert one.kv_bytes == 0
    sizes = [estimate(folder, side).compute_bytes for side in range(64, 1025, 64)]
    assert sizes == sorted(sizes)


def test_each_way_to_save_memory_saves_some(tmp_path: Path) -> None:
    folder = write_pipeline(tmp_path / "sd", "F16")
    layers = {f"blocks.{n}.weight": (1000, 10_000) for n in range(50)}
    write_safetensors(folder / "unet/diffusion_pytorch_model.safetensors", layers, "F16")
    gpu = {"dtype": "float16", "on_gpu": True}
    whole = estimate(folder, **gpu)
    four_bit = estimate(folder, weights="4bit", **gpu)
    by_part = estimate(folder, offload="model", **gpu)
    by_layer = estimate(folder, offload="group", **gpu)
    assert whole.total_bytes > by_part.total_bytes > four_bit.total_bytes > by_layer.total_bytes
    # 500 M weights of half a byte, and a scale of four bytes for each 64.
    assert 280 * MB < four_bit.weights_bytes < 283 * MB
    assert not any(e.exact for e in (whole, four_bit, by_part, by_layer))


def test_sdxl_decodes_in_32_bits_where_its_autoencoder_needs_it(folder: Path) -> None:
    index = folder / "model_index.json"
    xl = json.loads(index.read_text()) | {"_class_name": "StableDiffusionXLPipeline"}
    index.write_text(json.dumps(xl))
    config = folder / "vae/config.json"
    wide = json.loads(config.read_text()) | {"block_out_channels": [32, 64, 64, 64]}
    config.write_text(json.dumps(wide))
    gpu = {"dtype": "float16", "on_gpu": True}
    upcast = estimate(folder, 1024, **gpu).compute_bytes
    config.write_text(json.dumps(wide | {"force_upcast": False}))
    assert estimate(folder, 1024, **gpu).compute_bytes * 2 == pytest.approx(upcast, rel=0.01)


def test_a_checker_that_is_not_wanted_is_not_counted(folder: Path) -> None:
    index = folder / "model_index.json"
    checker = {"safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"]}
    index.write_text(json.dumps(json.loads(index.read_text()) | checker))
    write_safetensors(folder / "safety_checker/model.safetensors", {"a": (1000, 1000)})
    (folder / "safety_checker/config.json").write_text("{}")
    without, with_it = estimate(folder), estimate(folder, safety_checker=True)
    assert with_it.weights_bytes - without.weights_bytes == 4 * MB
