"""Predicted against measured memory of real workers, over many shapes of model.

Owns the comparison behind the claim that memory is predicted, not guessed. Each
case writes a random model, starts a worker, fills most of its context, generates,
and compares ``estimate_memory`` with the worker's peak.

The measured figure is ``VmHWM``: the kernel's own high-water mark of resident
memory, load included, with nothing missed between two samples, and with the
mapped weights in it, because a machine that has no room for them pages them in
again for every token. (The peak of ``RssAnon`` alone would leave them out, and
can only be sampled.) Linux only.

On a GPU the shapes are whole models, and memory is sampled (``peak.py``); the
bundled engine has no GPU support, so that takes a ``llama-server`` which has:

    python -m benchmarks.memory
    python -m benchmarks.memory --device cuda:0 --llama-server llama-server
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from airunner.components.llm.config.model_capabilities import EMBEDDED_PRIMARY, MODEL_REGISTRY
from airunner.config.settings import KvType, Settings
from airunner.engines.base import ChatRequest, LoadPlan
from airunner.engines.known import known_engines
from airunner.engines.llama_cpp.launcher import LocalLauncher
from airunner.events import EventBus
from airunner.messages import Message
from airunner.models.catalog import Catalog
from airunner.models.files.gguf import read_gguf
from airunner.models.memory.language import estimate_memory, maps_weights
from airunner.weights.store import ModelStore
from benchmarks.machine import describe_machine
from benchmarks.peak import device_held_bytes, watched
from benchmarks.random_gguf import RandomShape, write_random_gguf
from benchmarks.results_file import write_results

WORST_ERROR, WORST_UNDER_PREDICTION = 0.08, 0.03
CONTEXTS: tuple[int, int] = (1024, 4096)
GPU_CONTEXTS: tuple[int, int] = (4096, 16384)
KV_TYPES: tuple[KvType, KvType] = ("f16", "q8_0")
FILL = 0.7

# Shapes follow real models of the registry, with fewer layers where the file
# would take minutes to fill a context on two cores.
SHAPES: dict[str, RandomShape] = {
    "llama-135m": RandomShape("llama", 30, 576, 1536, 9, 3, 64, quantization="Q4_1"),
    "llama-1b/4": RandomShape("llama", 4, 2048, 8192, 32, 8, 64, quantization="Q8_0"),
    "mistral-7b/2": RandomShape("llama", 2, 4096, 14336, 32, 8, 128, 32768, "Q4_0", tied=False),
    "ministral3-8b/2": RandomShape(
        "mistral3", 2, 4096, 14336, 32, 8, 128, 131072, "Q4_K", tied=False
    ),
    "qwen2-0.5b/8": RandomShape("qwen2", 8, 896, 4864, 14, 2, 64, 151936, "Q8_0"),
    "qwen2-3b/4": RandomShape("qwen2", 4, 2048, 11008, 16, 2, 128, 151936, "Q4_1"),
    "qwen2-7b/2": RandomShape("qwen2", 2, 3584, 18944, 28, 4, 128, 65536, "Q4_0", tied=False),
    "qwen3-0.6b/6": RandomShape("qwen3", 6, 1024, 3072, 16, 8, 128, 151936, "Q8_0"),
    "qwen3-1.7b/4": RandomShape("qwen3", 4, 2048, 6144, 16, 8, 128, 151936, "Q4_K"),
    "qwen3-8b/2": RandomShape("qwen3", 2, 4096, 12288, 32, 8, 128, 151936, "Q4_K", tied=False),
    "qwen3-f16": RandomShape("qwen3", 6, 768, 2048, 12, 4, 64, quantization="F16"),
    "qwen3moe-30b/2": RandomShape(
        "qwen3moe", 2, 2048, 768, 32, 4, 128, 65536, "Q4_K",
        n_experts=32, n_experts_used=8, tied=False,
    ),
    "qwen3moe-small": RandomShape(
        "qwen3moe", 8, 512, 256, 8, 2, 64, quantization="Q6_K", n_experts=16, n_experts_used=4
    ),
    "gemma3-1b/7": RandomShape("gemma3", 7, 1152, 6912, 4, 1, 256, quantization="Q8_0"),
    "gemma3-4b/6": RandomShape(
        "gemma3", 6, 2560, 10240, 8, 4, 256, quantization="Q4_0", sliding_window=1024
    ),
}  # fmt: skip
GPU_SHAPES: dict[str, RandomShape] = {
    "llama-135m": SHAPES["llama-135m"],
    "llama-1b": RandomShape("llama", 16, 2048, 8192, 32, 8, 64, 128256, "Q8_0"),
    "mistral-7b": RandomShape("llama", 32, 4096, 14336, 32, 8, 128, 32768, "Q4_K", tied=False),
    "qwen2-3b": RandomShape("qwen2", 36, 2048, 11008, 16, 2, 128, 151936, "Q4_K"),
    "qwen3-8b": RandomShape("qwen3", 36, 4096, 12288, 32, 8, 128, 151936, "Q4_K", tied=False),
    "qwen3moe-30b/8": RandomShape(
        "qwen3moe", 8, 2048, 768, 32, 4, 128, 151936, "Q4_K",
        n_experts=128, n_experts_used=8, tied=False,
    ),
    "gemma3-4b": RandomShape(
        "gemma3", 34, 2560, 10240, 8, 4, 256, 262144, "Q4_0", sliding_window=1024
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison. ``error`` is (predicted - measured) / measured."""

    shape: str
    architecture: str
    quantization: str
    n_ctx: int
    kv_type: str
    prompt_tokens: int
    weights_bytes: int
    kv_bytes: int
    compute_bytes: int
    overhead_bytes: int
    predicted_bytes: int
    measured_bytes: int
    error: float


async def measure(
    launcher: LocalLauncher, name: str, path: Path, n_ctx: int, kv: KvType, device: str = "cpu"
) -> Case:
    """Load, fill ``FILL`` of the context, generate, and compare the peak."""
    file = read_gguf(path)
    on_gpu = device != "cpu"
    plan = LoadPlan(
        name,
        path,
        n_ctx=n_ctx,
        kv_type_k=kv,
        kv_type_v=kv,
        n_threads=2,
        device=device,
        gpu_index=int(device.partition(":")[2]) if on_gpu else None,
        mapped=on_gpu or maps_weights(file),
    )
    predicted = estimate_memory(
        file, n_ctx=n_ctx, n_ubatch=plan.n_ubatch, kv_type_k=kv, kv_type_v=kv, on_gpu=on_gpu
    )
    before_bytes = device_held_bytes(device) if on_gpu else None
    worker = await launcher.launch(plan)
    try:
        sentence = "The old lighthouse keeper wrote down every ship that passed. "
        per_sentence = (await worker.model.count_tokens([Message("user", sentence * 9)], ())) // 9
        prompt = sentence * int(FILL * n_ctx / max(1, per_sentence))
        messages = [Message("user", prompt)]
        prompt_tokens = await worker.model.count_tokens(messages, ())
        async with watched(worker, device, before_bytes) as most_bytes:
            async for _ in worker.model.chat(ChatRequest(messages, max_tokens=16), slot=0):
                pass
            measured = most_bytes()
    finally:
        await worker.stop()
    kind = next(t.type.name for t in file.tensors if t.name.endswith("attn_q.weight"))
    return Case(
        name, file.architecture, kind, n_ctx, kv, prompt_tokens,
        predicted.weights_bytes, predicted.kv_bytes, predicted.compute_bytes,
        predicted.overhead_bytes, predicted.total_bytes, measured,
        predicted.total_bytes / measured - 1,
    )  # fmt: skip


async def run(donor: Path, only: str, device: str, llama_server: Path | None) -> list[Case]:
    """All cases, printed as they come."""
    cases: list[Case] = []
    shapes, contexts = (SHAPES, CONTEXTS) if device == "cpu" else (GPU_SHAPES, GPU_CONTEXTS)
    with tempfile.TemporaryDirectory() as folder:
        launcher = LocalLauncher(Path(folder) / "run", llama_server, spare=False)
        try:
            for name, shape in shapes.items():
                if only not in name:
                    continue
                path = write_random_gguf(Path(folder) / "model.gguf", shape, donor)
                for n_ctx, kv in variants(contexts):
                    cases.append(await measure(launcher, name, path, n_ctx, kv, device))
                    print(row(cases[-1]), flush=True)
        finally:
            await launcher.close()
    return cases


def variants(contexts: Sequence[int]) -> Iterator[tuple[int, KvType]]:
    """Context and KV type of every case of a shape."""
    for n_ctx in contexts:
        for kv in KV_TYPES:
            yield n_ctx, kv


def row(case: Case) -> str:
    """One line of the table, in MB (10^6 bytes)."""
    parts = (case.weights_bytes, case.kv_bytes, case.compute_bytes, case.overhead_bytes)
    figures = " ".join(
        f"{b / 1e6:7.1f}" for b in (*parts, case.predicted_bytes, case.measured_bytes)
    )
    setup = f"{case.shape:16} {case.quantization:5} {case.n_ctx:5} {case.kv_type:5}"
    return f"{setup} {case.prompt_tokens:5} {figures} {case.error:+7.1%}"


def embedded_model() -> Path:
    """SmolLM2's file, fetched where it is not here yet."""
    store = ModelStore(
        Settings.load().home, Catalog(MODEL_REGISTRY, {}, known_engines().traits), EventBus()
    )
    return store.fetch(MODEL_REGISTRY[EMBEDDED_PRIMARY])


def main() -> int:
    """Run all cases; the exit status says whether the targets were met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--donor", type=Path, help="GGUF whose tokenizer to borrow (default: the embedded)"
    )
    parser.add_argument("--only", default="", help="run only shapes whose name contains this")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda:N")
    parser.add_argument("--llama-server", type=Path, help="use this binary (default: the bundled)")
    arguments = parser.parse_args()
    on_gpu = arguments.device != "cpu"
    print(
        f"{'shape':16} {'type':5} {'n_ctx':>5} {'kv':5} {'used':>5} {'weights':>7} {'kv MB':>7} "
        f"{'compute':>7} {'process':>7} {'predict':>7} {'measure':>7} {'error':>7}"
    )
    machine = describe_machine(arguments.llama_server, gpu=on_gpu)
    donor = arguments.donor or embedded_model()
    cases = asyncio.run(run(donor, arguments.only, arguments.device, arguments.llama_server))
    errors = [case.error for case in cases]
    worst, under = max(abs(e) for e in errors), max(0.0, -min(errors))
    passed = worst <= WORST_ERROR and under <= WORST_UNDER_PREDICTION
    print(
        f"{len(cases)} cases: worst error {worst:.1%} (target {WORST_ERROR:.0%}), "
        f"worst under-prediction {under:.1%} (target {WORST_UNDER_PREDICTION:.0%})"
    )
    if not arguments.only:
        summary = {"cases": len(cases), "worst_error": worst, "worst_under_prediction": under}
        report = {
            "machine": machine,
            "summary": {**summary, "passed": passed},
            "cases": [asdict(case) for case in cases],
        }
        write_results("gpu_memory" if on_gpu else "memory", report)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
