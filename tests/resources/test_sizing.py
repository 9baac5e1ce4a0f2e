"""From a real weights file to what the scheduler is asked for."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.random_gguf import RandomShape, write_random_gguf
from tests.engines.tiny_projector import write_tiny_projector

from airunner.devices.device import Device
from airunner.engines.base import AUTO_CONTEXT, AUTO_SLOTS
from airunner.engines.llama_cpp.planner import (
    AUTO_SHARE,
    SLOTS_SHARE,
    SMALLEST_CONTEXT,
    LoadOptions,
    PlannableGguf,
)
from airunner.errors import CorruptWeightsError, LoadError, MissingWeightsError
from airunner.models.files.gguf import read_gguf
from airunner.models.spec import FileSource, ModelCapability, ModelSpec
from airunner.resources.sizing import Sizer

GB = 10**9
CPU = Device("cpu", "cpu", "CPU", 8 * GB, 4 * GB)
HALF = Device("cpu:1", "cpu", "CPU", 4 * GB, 2 * GB, logical=True)
CHAT = [ModelCapability.SUMMARIZATION]


def sizer(*devices: Device, context: int | None = 2048, parallel: int | None = 1) -> Sizer:
    options = LoadOptions(context, parallel=parallel, kv_type="f16")
    planners = {"llama_cpp": lambda path: PlannableGguf(read_gguf(path), options)}
    return Sizer(devices or (CPU,), planners)


def test_a_device_with_room_gives_the_wanted_context(smollm2: Path) -> None:
    sized = sizer().size(ModelSpec("m", CHAT, max_context=8192), smollm2, {"cpu": GB})
    plan = sized.plans["cpu"]
    assert (plan.model, plan.path, plan.n_ctx, plan.gpu_index) == ("m", smollm2, 2048, None)
    # Two matrices of 30 layers x 3 KV heads x 64 values x 2 bytes, from the model's card.
    assert sized.kv_bytes_per_token == 2 * 30 * 3 * 64 * 2
    needed = sized.demand.size_bytes["cpu"]
    assert needed > smollm2.stat().st_size + 2048 * sized.kv_bytes_per_token


def test_the_context_is_never_longer_than_the_model_was_made_for(smollm2: Path) -> None:
    short = ModelSpec("m", CHAT, max_context=512)
    assert sizer().size(short, smollm2, {"cpu": GB}).plans["cpu"].n_ctx == 512


def test_a_small_budget_lowers_the_context_and_then_refuses(smollm2: Path) -> None:
    spec = ModelSpec("m", CHAT, max_context=8192)
    roomy = sizer(context=8192).size(spec, smollm2, {"cpu": GB})
    budget = roomy.demand.size_bytes["cpu"] - 1000 * roomy.kv_bytes_per_token
    tight = sizer(context=8192).size(spec, smollm2, {"cpu": budget})
    assert SMALLEST_CONTEXT <= tight.plans["cpu"].n_ctx < 8192
    assert tight.demand.size_bytes["cpu"] <= budget
    hopeless = sizer(context=8192).size(spec, smollm2, {"cpu": budget // 10})
    assert hopeless.plans["cpu"].n_ctx == SMALLEST_CONTEXT
    assert hopeless.demand.size_bytes["cpu"] > budget // 10, "the scheduler sees the deficit"


def test_the_context_grows_with_the_memory_where_nobody_names_one(
    smollm2: Path, tmp_path: Path
) -> None:
    path = write_random_gguf(tmp_path / "talks.gguf", RandomShape(n_vocab=300), smollm2)
    talks = ModelSpec("talks", [ModelCapability.PRIMARY_CONVERSATION], max_context=40_960)
    helps = replace(talks, model_path="helps", capabilities=CHAT)

    def chosen(spec: ModelSpec, budget: int, context: int | None = None) -> tuple[int, int]:
        sized = sizer(context=context).size(spec, path, {"cpu": budget})
        return sized.plans["cpu"].n_ctx, sized.demand.size_bytes["cpu"]

    needed = {n: chosen(talks, GB, n)[1] for n in (4096, 8192, 16_384, 32_768, 40_960)}
    for n_ctx, n_bytes in needed.items():
        if n_ctx >= AUTO_CONTEXT:
            assert chosen(talks, int(n_bytes / AUTO_SHARE) + 1)[0] == n_ctx
    # A little less than a share would have to be is enough for the least, and no more.
    assert chosen(talks, int(needed[16_384] / AUTO_SHARE) - 1)[0] == AUTO_CONTEXT
    assert chosen(talks, needed[8192])[0] == AUTO_CONTEXT
    assert chosen(talks, needed[4096])[0] == 4096
    assert chosen(helps, GB)[0] == AUTO_CONTEXT, "it stands beside the one that talks"
    assert chosen(replace(talks, max_context=2048), GB)[0] == 2048


@pytest.mark.parametrize(
    ("architecture", "shares"), [("qwen3", True), ("lfm2", True), ("gemma3", False)]
)
def test_slots_share_a_context_where_that_costs_nothing(
    smollm2: Path, tmp_path: Path, architecture: str, shares: bool
) -> None:
    shape = RandomShape(architecture, n_vocab=300, n_layers=6, sliding_window=512)
    path = write_random_gguf(tmp_path / "m.gguf", shape, smollm2)
    spec = ModelSpec("m", CHAT, max_context=8192)
    one = sizer(context=8192).size(spec, path, {"cpu": GB})
    many = sizer(context=8192, parallel=None).size(spec, path, {"cpu": GB})
    plan = many.plans["cpu"]
    assert (plan.kv_unified, plan.n_parallel) == ((True, AUTO_SLOTS) if shares else (False, 1))
    assert plan.n_ctx == 8192
    more = many.demand.size_bytes["cpu"] - one.demand.size_bytes["cpu"]
    assert 0 <= more <= SLOTS_SHARE * one.demand.size_bytes["cpu"]
    tight = {"cpu": one.demand.size_bytes["cpu"]}
    alone = sizer(context=8192, parallel=None).size(spec, path, tight).plans["cpu"]
    assert (alone.n_ctx, alone.n_parallel) == (8192, 1), "the context goes before the slots"
    counted = sizer(context=2048, parallel=2).size(spec, path, {"cpu": GB}).plans["cpu"]
    assert (counted.kv_unified, counted.n_parallel, counted.n_ctx) == (False, 2, 2048)


def test_each_device_has_a_plan_of_its_own_and_an_unknown_budget_has_none(smollm2: Path) -> None:
    spec = ModelSpec("m", CHAT)
    both = sizer(CPU, HALF).size(spec, smollm2, {"cpu": GB, "cpu:1": GB})
    assert {d: p.device for d, p in both.plans.items()} == {"cpu": "cpu", "cpu:1": "cpu:1"}
    assert list(sizer(CPU, HALF).size(spec, smollm2, {"cpu:1": GB}).plans) == ["cpu:1"]


def test_a_device_that_the_engine_cannot_compute_on_is_passed_over(smollm2: Path) -> None:
    gpu = Device("cuda:0", "cuda", "GPU", 8 * GB, 8 * GB, 0, engines=frozenset({"diffusers"}))
    room = {"cuda:0": 8 * GB, "cpu": GB}
    assert list(sizer(gpu, CPU).size(ModelSpec("m", CHAT), smollm2, room).plans) == ["cpu"]
    with pytest.raises(LoadError, match="cannot compute on cuda:0"):
        sizer(gpu).size(ModelSpec("m", CHAT), smollm2, room)


def test_a_projector_beside_the_file_is_loaded_and_counted(smollm2: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.symlink_to(smollm2)
    spec, budget = ModelSpec("m", CHAT, max_context=8192), {"cpu": GB}
    blind = sizer(context=8192).size(spec, path, budget)
    assert blind.media == frozenset()
    projector = write_tiny_projector(tmp_path / "mmproj-F16.gguf", 576)
    sees = sizer(context=8192).size(spec, path, budget)
    assert (sees.plans["cpu"].mmproj, sees.media) == (projector, {"image"})
    assert sees.files == (path, projector)
    more_bytes = sees.demand.size_bytes["cpu"] - blind.demand.size_bytes["cpu"]
    assert more_bytes > 0.9 * projector.stat().st_size
    tight = {"cpu": blind.demand.size_bytes["cpu"]}
    short = sizer(context=8192).size(spec, path, tight)
    assert short.plans["cpu"].n_ctx < blind.plans["cpu"].n_ctx, "its bytes are not the context's"
    (shown,) = (v for v in sizer().variants(sees, path)["cpu"] if v.chosen)
    assert shown.estimate.total_bytes == sees.demand.size_bytes["cpu"]


def test_a_damaged_projector_is_passed_over_but_not_one_that_was_named(
    smollm2: Path, tmp_path: Path
) -> None:
    path, damaged = tmp_path / "model.gguf", tmp_path / "mmproj.gguf"
    path.symlink_to(smollm2)
    damaged.write_bytes(b"GGUF")
    sized = sizer().size(ModelSpec("m", CHAT), path, {"cpu": GB})
    assert sized.plans["cpu"].mmproj is None
    named = ModelSpec("m", CHAT, projector=FileSource(str(damaged)))
    with pytest.raises(CorruptWeightsError):
        sizer().size(named, path, {"cpu": GB})
    other = write_tiny_projector(tmp_path / "elsewhere.gguf", 576)
    named = ModelSpec("m", CHAT, projector=FileSource(str(other)))
    assert sizer().size(named, path, {"cpu": GB}).plans["cpu"].mmproj == other


def test_two_entries_with_one_file_are_one_load(smollm2: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.gguf"
    link.symlink_to(smollm2)
    one = sizer()
    first = one.size(ModelSpec("first", CHAT), smollm2, {"cpu": GB})
    second = one.size(ModelSpec("second", CHAT), link, {"cpu": GB})
    assert (first.key, second.key) == ("first", "first")
    assert second.spec.model_path == "second", "each keeps its own sampling and dialect"


def test_a_file_that_changed_is_read_again(smollm2: Path, tmp_path: Path) -> None:
    path, one, spec = tmp_path / "model.gguf", sizer(), ModelSpec("m", CHAT)
    with pytest.raises(MissingWeightsError):
        one.size(spec, path, {"cpu": GB})
    shutil.copyfile(smollm2, path)
    one.size(spec, path, {"cpu": GB})
    with path.open("r+b") as file:
        file.truncate(1_000_000)
    with pytest.raises(CorruptWeightsError):
        one.size(spec, path, {"cpu": GB})


def test_a_processor_reads_a_large_model_in_small_batches(smollm2: Path) -> None:
    """Who hangs up waits for the batch in work."""
    file, options = read_gguf(smollm2), LoadOptions(2048, parallel=1, kv_type="f16")

    def batch(n_bytes: int, device: Device = CPU, **more: int) -> int:
        sized = replace(file, tensors=(replace(file.tensors[0], n_bytes=n_bytes),), **more)
        plan, _ = PlannableGguf(sized, options).plan(ModelSpec("m", CHAT), device, 40 * GB)
        assert plan.n_ubatch == plan.n_batch
        return plan.n_batch

    assert [batch(n_bytes) for n_bytes in (GB // 10, GB // 2, 4 * GB)] == [512, 128, 64]
    assert batch(18 * GB, n_experts=128) == 512  # most of it is read for a few tokens already
    assert batch(4 * GB, Device("cuda:0", "cuda", "GPU", 8 * GB, 8 * GB, gpu_index=0)) == 512
