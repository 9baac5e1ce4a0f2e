from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from benchmarks.memory import GPU_SHAPES, WORST_ERROR, WORST_UNDER_PREDICTION, measure
from benchmarks.random_gguf import RandomShape, write_random_gguf
from hypothesis import given, settings
from hypothesis import strategies as st

from airunner.engines.base import ChatRequest, LoadPlan
from airunner.engines.llama_cpp.launcher import LocalLauncher
from airunner.messages import Message
from airunner.models.files.gguf import read_gguf
from airunner.models.memory.language import (
    estimate_memory,
    kv_bytes_per_token,
    largest_context,
    maps_weights,
    repacked_bytes,
)


@pytest.mark.skipif(sys.platform != "linux", reason="needs the peak memory of another process")
def test_prediction_meets_its_target_on_a_real_worker(smollm2: Path, tmp_path: Path) -> None:
    async def main() -> None:
        launcher = LocalLauncher(tmp_path / "run", spare=False)
        try:
            case = await measure(launcher, "smollm2", smollm2, 1024, "q8_0")
        finally:
            await launcher.close()
        assert -WORST_UNDER_PREDICTION <= case.error <= WORST_ERROR, case

    asyncio.run(main())


@pytest.mark.skipif(sys.platform != "linux", reason="needs the peak memory of another process")
def test_decoding_under_a_schema_is_foreseen(smollm2: Path, tmp_path: Path) -> None:
    schema = {
        "type": "object",
        "properties": {"colour": {"enum": ["red", "green"]}},
        "required": ["colour"],
        "x-guidance": {"whitespace_flexible": False},
    }
    text = "The old lighthouse keeper wrote down every ship that passed. " * 50

    async def main() -> None:
        launcher = LocalLauncher(tmp_path / "run", spare=False)
        worker = await launcher.launch(LoadPlan("smollm2", smollm2, n_ctx=1024, n_threads=2))
        try:
            request = ChatRequest([Message("user", text)], max_tokens=16, json_schema=schema)
            async for _ in worker.model.chat(request, slot=0):
                pass
            measured = worker.peak_memory_bytes()
        finally:
            await worker.stop()
            await launcher.close()
        assert measured is not None
        foreseen = estimate_memory(read_gguf(smollm2), n_ctx=1024, guided=True).total_bytes
        error = foreseen / measured - 1
        assert -WORST_UNDER_PREDICTION <= error <= WORST_ERROR, error

    asyncio.run(main())


def test_kv_is_counted_per_layer_head_and_block(smollm2: Path) -> None:
    file = read_gguf(smollm2)
    assert kv_bytes_per_token(file) == 30 * 3 * 64 * 2 * 2
    assert kv_bytes_per_token(file, "q8_0", "q4_0") == 30 * 3 * 64 * (34 + 18) // 32
    estimate = estimate_memory(file, n_ctx=1000, n_parallel=3)
    assert estimate.kv_bytes == 3 * 1024 * kv_bytes_per_token(file)  # cells come in 256s
    assert estimate.exact


def test_a_sliding_window_bounds_its_layers(tmp_path: Path, smollm2: Path) -> None:
    shape = RandomShape("gemma3", n_layers=12, n_vocab=300, sliding_window=512)
    file = read_gguf(write_random_gguf(tmp_path / "g.gguf", shape, smollm2))
    row = 2 * 2 * shape.n_kv_heads * shape.head_dim
    short, long = (estimate_memory(file, n_ctx=n).kv_bytes for n in (4096, 8192))
    assert long - short == 4096 * 2 * row  # only layers 5 and 11 grow
    assert kv_bytes_per_token(file) == 2 * row
    # 10 windowed layers hold window + batch, and two checkpoints of the window
    assert short == row * (2 * 4096 + 10 * (512 + 512) + 2 * 10 * 512)


def test_all_experts_are_weights(tmp_path: Path, smollm2: Path) -> None:
    few, many = (
        read_gguf(
            write_random_gguf(
                tmp_path / f"{n}.gguf", RandomShape("qwen3moe", n_vocab=300, n_experts=n), smollm2
            )
        )
        for n in (4, 16)
    )
    one_expert = 2 * 3 * 64 * 128 * 2 + 2 * 64 * 4  # layers x matrices in F16, and the router
    grown = (estimate_memory(f, n_ctx=512).weights_bytes for f in (many, few))
    assert next(grown) - next(grown) == 12 * one_expert


def test_repacked_weights_are_read_and_others_mapped(tmp_path: Path, smollm2: Path) -> None:
    shape = RandomShape(n_vocab=512, quantization="Q4_0")
    packed = read_gguf(write_random_gguf(tmp_path / "p.gguf", shape, smollm2))
    embedding = packed.tied_embedding
    assert embedding is not None
    assert not maps_weights(packed)
    read, mapped = (estimate_memory(packed, n_ctx=512, mapped=m) for m in (False, True))
    assert read.weights_bytes == packed.weights_bytes + embedding.n_bytes
    assert mapped.weights_bytes == packed.weights_bytes + repacked_bytes(packed)
    assert repacked_bytes(read_gguf(smollm2), "x86_64") == 0  # Q4_1, embedding Q8_0
    assert repacked_bytes(read_gguf(smollm2), "arm64") > 0


@settings(max_examples=200)
@given(budget_mb=st.integers(0, 4000), slots=st.integers(1, 8))
def test_the_largest_context_fits_and_the_next_does_not(
    budget_mb: int, slots: int, smollm2: Path
) -> None:
    file = read_gguf(smollm2)
    budget = budget_mb * 10**6
    found = largest_context(file, budget, n_parallel=slots)
    following = (found or 0) + 256
    if found is not None:
        assert found <= file.context_length
        assert estimate_memory(file, n_ctx=found, n_parallel=slots).total_bytes <= budget
    if following <= file.context_length:
        assert estimate_memory(file, n_ctx=following, n_parallel=slots).total_bytes > budget


def test_a_gpu_does_not_hold_the_embedding_table(tmp_path: Path, smollm2: Path) -> None:
    shape = RandomShape("llama", n_vocab=300, tied=False)
    file = read_gguf(write_random_gguf(tmp_path / "l.gguf", shape, smollm2))
    on_gpu = estimate_memory(file, n_ctx=512, on_gpu=True)
    assert file.weights_bytes - on_gpu.weights_bytes == 300 * 64 * 2
    assert not on_gpu.exact


# Measured once by benchmarks/memory.py on an NVIDIA H200: the most that the driver counted.
ON_A_GPU = {
    (4096, "f16"): 824_180_736,
    (4096, "q8_0"): 780_140_544,
    (16384, "f16"): 1_119_879_168,
    (16384, "q8_0"): 947_912_704,
}


def test_what_a_gpu_holds_is_foreseen(tmp_path: Path, smollm2: Path) -> None:
    shape = GPU_SHAPES["llama-135m"]
    file = read_gguf(write_random_gguf(tmp_path / "l.gguf", shape, smollm2))
    for (n_ctx, kv), measured_bytes in ON_A_GPU.items():
        foreseen = estimate_memory(
            file, n_ctx=n_ctx, kv_type_k=kv, kv_type_v=kv, on_gpu=True
        ).total_bytes
        error = foreseen / measured_bytes - 1
        assert -WORST_UNDER_PREDICTION <= error <= WORST_ERROR, (n_ctx, kv, error)


def test_checkpoints_of_a_window_stay_in_ram(tmp_path: Path, smollm2: Path) -> None:
    shape = RandomShape("gemma3", n_layers=6, n_vocab=300, sliding_window=512)
    file = read_gguf(write_random_gguf(tmp_path / "g.gguf", shape, smollm2))
    in_ram, on_gpu = (estimate_memory(file, n_ctx=4096, on_gpu=gpu) for gpu in (False, True))
    windowed = sum(file.windowed_layers)
    row = 2 * 2 * shape.n_kv_heads * shape.head_dim
    assert in_ram.kv_bytes - on_gpu.kv_bytes == 2 * windowed * 512 * row > 0


def test_a_gpu_converts_a_quantized_cache(tmp_path: Path, smollm2: Path) -> None:
    file = read_gguf(write_random_gguf(tmp_path / "q.gguf", RandomShape("qwen3"), smollm2))
    plain = estimate_memory(file, n_ctx=32768, on_gpu=True)
    packed = estimate_memory(file, n_ctx=32768, kv_type_k="q8_0", kv_type_v="q8_0", on_gpu=True)
    # One layer's keys and values as F16 for the time of a batch, and still less in all.
    assert packed.compute_bytes - plain.compute_bytes > 2 * 2 * 32768 * 2 * 32
    assert packed.kv_bytes < plain.kv_bytes


def test_experts_take_room_on_a_gpu(tmp_path: Path, smollm2: Path) -> None:
    def compute_bytes(used: int) -> int:
        shape = RandomShape("qwen3moe", n_experts=8, n_experts_used=used)
        file = read_gguf(write_random_gguf(tmp_path / f"{used}.gguf", shape, smollm2))
        return estimate_memory(file, n_ctx=512, on_gpu=True).compute_bytes

    assert compute_bytes(2) < compute_bytes(4) < compute_bytes(8)
