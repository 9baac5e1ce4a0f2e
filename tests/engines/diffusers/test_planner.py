"""From a pipeline's files to the best way a device can hold it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.models.files.pipeline_files import write_pipeline, write_safetensors

from airunner.devices.device import Device
from airunner.engines.diffusers.planner import ImageLoadOptions, PlannablePipeline
from airunner.engines.image import ImagePlan
from airunner.errors import CorruptWeightsError
from airunner.models.files.pipeline import Pipeline, read_pipeline
from airunner.models.spec import ImageDefaults, ModelCapability, ModelSpec
from airunner.resources.sizing import Sizer

GB = 10**9
CPU = Device("cpu", "cpu", "CPU", 8 * GB, 4 * GB)
GPU = Device("cuda:1", "cuda", "GPU", 24 * GB, 24 * GB, gpu_index=1)
METAL = Device("metal", "metal", "GPU", 24 * GB, 24 * GB, gpu_index=0)
SPEC = ModelSpec(
    "a/painter",
    [ModelCapability.IMAGE_GENERATION],
    engine="diffusers",
    image=ImageDefaults(128, 64),
)
OPTIONS = ImageLoadOptions(four_bit=True)
ROWS = {f"rows.{n}.weight": (1000, 25_000) for n in range(10)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The parts' sizes are those of a real model: 1 GB of UNet, 0.5 GB of text encoder."""
    folder = write_pipeline(tmp_path / "sd")
    layers = {f"blocks.{n}.weight": (1000, 25_000) for n in range(20)}
    write_safetensors(folder / "unet/diffusion_pytorch_model.safetensors", layers, "F16")
    write_safetensors(folder / "text_encoder/model.safetensors", ROWS, "F16")
    return folder


@pytest.fixture
def pipeline(folder: Path) -> Pipeline:
    return read_pipeline(folder)


def sizer(*devices: Device, options: ImageLoadOptions = OPTIONS) -> Sizer:
    return Sizer(
        devices, {"diffusers": lambda path: PlannablePipeline(read_pipeline(path), options)}
    )


def planned(pipeline: Pipeline, device: Device, budget: int, options: ImageLoadOptions = OPTIONS):
    plan, estimate = PlannablePipeline(pipeline, options).plan(SPEC, device, budget)
    return (plan.dtype, plan.weights, plan.offload), estimate.total_bytes


def test_a_gpu_gets_the_first_way_that_fits(pipeline: Pipeline) -> None:
    ways, budget = [], 24 * GB
    while True:
        way, needed = planned(pipeline, GPU, budget)
        if needed > budget:
            break
        assert not ways or ways[-1] != way
        ways.append(way)
        budget = needed - 1
    # One part at a time takes more than 4 bits, so it is never the first that fits here.
    assert ways == [
        ("float16", "as_stored", "none"),
        ("float16", "4bit", "none"),
        ("float16", "4bit", "model"),
        ("float16", "as_stored", "group"),
    ]
    way, smallest = planned(pipeline, GPU, 1)
    assert smallest > 1, "the scheduler sees the deficit"
    assert planned(pipeline, GPU, smallest) == (way, smallest)


def test_without_bitsandbytes_nothing_is_planned_in_4_bits(pipeline: Pipeline) -> None:
    options = ImageLoadOptions(four_bit=False)
    roomy, needed = planned(pipeline, GPU, 24 * GB, options)
    tight, _ = planned(pipeline, GPU, needed - 1, options)
    assert (roomy[1:], tight[1:]) == (("as_stored", "none"), ("as_stored", "model"))


def test_the_cpu_computes_in_32_bits_unless_only_16_fit(pipeline: Pipeline) -> None:
    way, needed = planned(pipeline, CPU, 8 * GB)
    assert way == ("float32", "as_stored", "none")
    tighter, smaller = planned(pipeline, CPU, needed - 1)
    assert tighter == ("bfloat16", "as_stored", "none")
    assert smaller > needed / 2
    wished = ImageLoadOptions(dtype="float32")
    assert planned(pipeline, CPU, 1, wished) == (way, needed)


def test_metal_shares_its_memory_so_offloading_is_not_tried(pipeline: Pipeline) -> None:
    assert planned(pipeline, METAL, 1)[0] == ("float16", "as_stored", "none")


def test_the_plan_says_all_that_a_worker_must_know(folder: Path) -> None:
    options = ImageLoadOptions(allow_pickle=True, safety_checker=True)
    one = sizer(CPU, GPU, options=options)
    sized = one.size(SPEC, folder, {"cpu": 8 * GB, "cuda:1": 24 * GB})
    assert (sized.key, sized.kv_bytes_per_token) == ("a/painter", 0)
    expected = {"cpu": (None, "float32"), "cuda:1": (1, "float16")}
    for device, plan in sized.plans.items():
        assert isinstance(plan, ImagePlan)
        assert (plan.model, plan.path, plan.device) == ("a/painter", folder, device)
        assert (plan.gpu_index, plan.dtype) == expected[device]
        assert plan.max_pixels == 128 * 64
        assert plan.allow_pickle
        assert plan.safety_checker
    assert sized.demand.size_bytes["cpu"] > 3 * GB


def test_a_gpu_that_only_draws_is_where_pictures_go(folder: Path) -> None:
    drawing = replace(GPU, engines=frozenset({"diffusers"}), talks=False)
    sized = sizer(CPU, drawing).size(SPEC, folder, {"cpu": 8 * GB, "cuda:1": 24 * GB})
    assert list(sized.plans) == ["cpu", "cuda:1"]


def test_a_folder_is_recalled_until_a_file_in_it_changes(folder: Path, tmp_path: Path) -> None:
    one, budgets = sizer(CPU), {"cpu": 8 * GB}
    sized = one.size(SPEC, folder, budgets)
    assert one.recall(SPEC, folder, budgets) is sized
    link = tmp_path / "link"
    link.symlink_to(folder)
    twin = ModelSpec("b/twin", SPEC.capabilities, engine="diffusers", image=SPEC.image)
    assert one.size(twin, link, budgets).key == "a/painter"
    write_safetensors(folder / "text_encoder/model.safetensors", {"row": (8, 8)}, "F16")
    assert one.recall(SPEC, folder, budgets) is None
    assert one.size(SPEC, folder, budgets).estimates != sized.estimates
    (folder / "unet/diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(CorruptWeightsError, match="'unet' has no weights"):
        one.size(SPEC, folder, budgets)
