"""Predicted against measured memory of real image workers, over shapes, sizes and number formats.

Owns the comparison behind the claim that an image model's memory is predicted
from its files. Each case makes a pipeline with random weights, starts a worker,
draws one picture in two steps (a third adds nothing to the peak), and compares
``estimate_image_memory`` with the worker's ``VmHWM``, the kernel's own high-water
mark, load included. Linux only. On a GPU memory is sampled (``peak.py``).

A pipeline whose weights are converted while they load is the exception to the
upper limit: the library loads its parts in an order that changes from run to
run, and the estimate counts the worst one.

    python -m benchmarks.image_memory
    python -m benchmarks.image_memory --device cuda:0
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import asdict, dataclass
from pathlib import Path

from airunner.engines.diffusers.launcher import ImageLauncher
from airunner.engines.image import ImagePlan, ImageRequest
from airunner.models.files.pipeline import read_pipeline
from airunner.models.memory.image import Dtype, Offload, estimate_image_memory
from benchmarks.machine import describe_machine
from benchmarks.peak import device_held_bytes, watched
from benchmarks.random_pipeline import SHAPES
from benchmarks.results_file import write_results

WORST_ERROR, WORST_UNDER_PREDICTION = 0.10, 0.03
STEPS = 2
SIDES = {"sd-1m": (64, 256, 512, 768), "sd-10m": (64, 256, 512, 768),
         "sd-7m-taesd": (64, 256, 512, 768), "sd-160m": (64, 256, 384, 512),
         "sd-160m-f16": (64, 512), "sd-480m": (64, 256, 384, 512),
         "sd-480m-f16": (64, 384)}  # fmt: skip
"""Pixels along one side."""
GPU_SIDES = {"sd-160m-f16": (512,), "sd-480m-f16": (512, 768), "sd-1.5-f16": (512, 768, 1024)}
"""The same on a GPU, which draws with larger models."""


@dataclass(frozen=True, slots=True)
class Setup:
    """How a pipeline is loaded, and how large a picture it draws."""

    side: int
    dtype: Dtype
    device: str = "cpu"
    offload: Offload = "none"


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison. ``error`` is (predicted - measured) / measured."""

    shape: str
    side: int
    dtype: str
    offload: str
    converted: bool
    weights_bytes: int
    compute_bytes: int
    overhead_bytes: int
    predicted_bytes: int
    measured_bytes: int
    error: float

    @property
    def is_met(self) -> bool:
        """Whether it is within the targets."""
        return self.error >= -WORST_UNDER_PREDICTION and (
            self.converted or self.error <= WORST_ERROR
        )


async def measure(launcher: ImageLauncher, shape: str, folder: Path, setup: Setup) -> Case:
    """Load, draw, and compare the peak."""
    side, dtype, device, on_gpu = setup.side, setup.dtype, setup.device, setup.device != "cpu"
    predicted = estimate_image_memory(
        read_pipeline(folder), width=side, height=side, dtype=dtype, offload=setup.offload,
        on_gpu=on_gpu,
    )  # fmt: skip
    plan = ImagePlan(
        shape, folder, n_threads=1, dtype=dtype, max_pixels=side * side, device=device,
        gpu_index=int(device.partition(":")[2]) if on_gpu else None, offload=setup.offload,
    )  # fmt: skip
    before_bytes = device_held_bytes(device) if on_gpu else None
    worker = await launcher.launch(plan)
    picture = folder.parent / "picture.png"
    try:
        request = ImageRequest(
            "a red square", targets=(picture,), width=side, height=side, steps=STEPS, guidance=7.0,
            seed=1,
        )  # fmt: skip
        async with (
            watched(worker, device, before_bytes) as most_bytes,
            aclosing(worker.model.draw(request)) as progress,
        ):
            async for _ in progress:
                pass
            measured = most_bytes()
    finally:
        await worker.stop()
        picture.unlink(missing_ok=True)
    return Case(
        shape, side, dtype, setup.offload, dtype != SHAPES[shape].dtype,
        predicted.weights_bytes, predicted.compute_bytes, predicted.overhead_bytes,
        predicted.total_bytes, measured, predicted.total_bytes / measured - 1,
    )  # fmt: skip


async def run(only: str, device: str) -> list[Case]:
    """All cases, printed as they come."""
    cases: list[Case] = []
    launcher = ImageLauncher()
    try:
        for shape in SIDES if device == "cpu" else GPU_SIDES:
            if only not in shape:
                continue
            with tempfile.TemporaryDirectory() as parent:
                folder = Path(parent) / "pipeline"
                maker = [sys.executable, "-m", "benchmarks.random_pipeline", str(folder), shape]
                await asyncio.to_thread(subprocess.run, maker, check=True, capture_output=True)
                for setup in cpu_setups(shape) if device == "cpu" else gpu_setups(shape, device):
                    cases.append(await measure(launcher, shape, folder, setup))
                    print(row(cases[-1]), flush=True)
    finally:
        await launcher.close()
    return cases


def cpu_setups(shape: str) -> Iterator[Setup]:
    """Every case of a shape on the CPU; 16 bits only at the largest size."""
    for side in SIDES[shape]:
        yield Setup(side, "float32")
    yield Setup(SIDES[shape][-1], "bfloat16")


def gpu_setups(shape: str, device: str) -> Iterator[Setup]:
    """Every case of a shape on a GPU; 32 bits and offloading only at the smallest size."""
    for side in GPU_SIDES[shape]:
        yield Setup(side, "float16", device)
    smallest = GPU_SIDES[shape][0]
    yield Setup(smallest, "float32", device)
    yield Setup(smallest, "float16", device, "model")
    yield Setup(smallest, "float16", device, "group")


def row(case: Case) -> str:
    """One line of the table, in MB (10^6 bytes)."""
    parts = (case.weights_bytes, case.compute_bytes, case.overhead_bytes)
    figures = " ".join(
        f"{b / 1e6:8.1f}" for b in (*parts, case.predicted_bytes, case.measured_bytes)
    )
    remark = "  converted" if case.converted else ""
    setup = f"{case.shape:12} {case.side:5} {case.dtype:9} {case.offload:5}"
    return f"{setup} {figures} {case.error:+7.1%}{remark}"


def main() -> int:
    """Run all cases; the exit status says whether the targets were met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", default="", help="run only shapes whose name contains this")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda:N")
    arguments = parser.parse_args()
    on_gpu = arguments.device != "cpu"
    print(
        f"{'shape':12} {'side':>5} {'dtype':9} {'where':5} {'weights':>8} {'compute':>8} "
        f"{'process':>8} {'predict':>8} {'measure':>8} {'error':>7}"
    )
    machine = describe_machine(gpu=on_gpu)
    cases = asyncio.run(run(arguments.only, arguments.device))
    plain = [abs(case.error) for case in cases if not case.converted]
    worst, under = max(plain, default=0.0), max(0.0, -min(case.error for case in cases))
    passed = all(case.is_met for case in cases)
    print(
        f"{len(cases)} cases: worst error {worst:.1%} without converted weights (target "
        f"{WORST_ERROR:.0%}), worst under-prediction {under:.1%} "
        f"(target {WORST_UNDER_PREDICTION:.0%})"
    )
    if not arguments.only:
        summary = {
            "cases": len(cases),
            "worst_error": worst,
            "worst_error_converted": max((abs(c.error) for c in cases if c.converted), default=0.0),
            "worst_under_prediction": under,
            "passed": passed,
        }
        report = {"machine": machine, "summary": summary, "cases": [asdict(c) for c in cases]}
        write_results("gpu_image_memory" if on_gpu else "image_memory", report)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
