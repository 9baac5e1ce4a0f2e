"""Predicted against measured memory of real image workers, over shapes, sizes and number formats.

Owns the comparison behind the claim that an image model's memory is predicted
from its files. Each case makes a pipeline with random weights, starts a worker,
draws one picture in two steps (a third adds nothing to the peak), and compares
``estimate_image_memory`` with the worker's ``VmHWM``, the kernel's own high-water
mark, load included. Linux only; CPU only.

A pipeline whose weights are converted while they load is the exception to the
upper limit: the library loads its parts in an order that changes from run to
run, and the estimate counts the worst one.

    python -m benchmarks.image_memory
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

from airunner.engines.image import Dtype, ImagePlan, ImageRequest
from airunner.models.image_memory import estimate_image_memory
from airunner.models.pipeline import read_pipeline
from airunner.workers.image_launcher import ImageLauncher
from benchmarks.machine import describe_machine
from benchmarks.random_pipeline import SHAPES
from benchmarks.results_file import write_results

WORST_ERROR, WORST_UNDER_PREDICTION = 0.10, 0.03
STEPS = 2
SIDES = {"sd-1m": (64, 256, 512, 768), "sd-10m": (64, 256, 512, 768),
         "sd-7m-taesd": (64, 256, 512, 768), "sd-160m": (64, 256, 384, 512),
         "sd-160m-f16": (64, 512), "sd-480m": (64, 256, 384, 512),
         "sd-480m-f16": (64, 384)}  # fmt: skip
"""Pixels along one side."""


@dataclass(frozen=True, slots=True)
class Case:
    """One comparison. ``error`` is (predicted - measured) / measured."""

    shape: str
    side: int
    dtype: str
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


async def measure(
    launcher: ImageLauncher, shape: str, folder: Path, side: int, dtype: Dtype
) -> Case:
    """Load, draw, and compare the peak."""
    predicted = estimate_image_memory(read_pipeline(folder), width=side, height=side, dtype=dtype)
    plan = ImagePlan(shape, folder, n_threads=1, dtype=dtype, max_pixels=side * side)
    worker = await launcher.launch(plan)
    picture = folder.parent / "picture.png"
    try:
        request = ImageRequest(
            "a red square", targets=(picture,), width=side, height=side, steps=STEPS, guidance=7.0,
            seed=1,
        )  # fmt: skip
        async with aclosing(worker.model.draw(request)) as progress:
            async for _ in progress:
                pass
        measured = worker.peak_memory_bytes()
    finally:
        await worker.stop()
        picture.unlink(missing_ok=True)
    if measured is None:
        raise SystemExit("This benchmark needs the peak of another process: run it on Linux.")
    return Case(
        shape, side, dtype, dtype != SHAPES[shape].dtype,
        predicted.weights_bytes, predicted.compute_bytes, predicted.overhead_bytes,
        predicted.total_bytes, measured, predicted.total_bytes / measured - 1,
    )  # fmt: skip


async def run(only: str) -> list[Case]:
    """All cases, printed as they come."""
    cases: list[Case] = []
    launcher = ImageLauncher()
    try:
        for shape in SHAPES:
            if only not in shape:
                continue
            with tempfile.TemporaryDirectory() as parent:
                folder = Path(parent) / "pipeline"
                maker = [sys.executable, "-m", "benchmarks.random_pipeline", str(folder), shape]
                await asyncio.to_thread(subprocess.run, maker, check=True, capture_output=True)
                for side, dtype in variants(shape):
                    cases.append(await measure(launcher, shape, folder, side, dtype))
                    print(row(cases[-1]), flush=True)
    finally:
        await launcher.close()
    return cases


def variants(shape: str) -> Iterator[tuple[int, Dtype]]:
    """Size and number format of every case of a shape; 16 bits only at the largest size."""
    for side in SIDES[shape]:
        yield side, "float32"
    yield SIDES[shape][-1], "bfloat16"


def row(case: Case) -> str:
    """One line of the table, in MB (10^6 bytes)."""
    parts = (case.weights_bytes, case.compute_bytes, case.overhead_bytes)
    figures = " ".join(
        f"{b / 1e6:8.1f}" for b in (*parts, case.predicted_bytes, case.measured_bytes)
    )
    remark = "  converted" if case.converted else ""
    return f"{case.shape:12} {case.side:5} {case.dtype:9} {figures} {case.error:+7.1%}{remark}"


def main() -> int:
    """Run all cases; the exit status says whether the targets were met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", default="", help="run only shapes whose name contains this")
    arguments = parser.parse_args()
    print(
        f"{'shape':12} {'side':>5} {'dtype':9} {'weights':>8} {'compute':>8} {'process':>8} "
        f"{'predict':>8} {'measure':>8} {'error':>7}"
    )
    machine = describe_machine()
    cases = asyncio.run(run(arguments.only))
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
        write_results("image_memory", report)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
