"""The least a program can do with diffusers: one process, one pipeline, one picture per line.

The other side of ``benchmarks.images``. Reads a pipeline folder and the number
of threads from its arguments, says ``ready`` with the seconds it took since
the process began, then draws one picture for every JSON line on standard input
(``prompt``, ``seed``, ``steps``, ``guidance``, ``width``, ``height``, ``path``)
and answers each with the seconds it took, saving included.

Run by the benchmark; by hand: ``python -m benchmarks.plain_diffusers FOLDER 1``
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from typing import Any

import psutil


def main() -> None:
    """Serve until standard input ends."""
    folder, threads = sys.argv[1], int(sys.argv[2])
    os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    began_s = psutil.Process().create_time()
    torch: Any = importlib.import_module("torch")
    diffusers: Any = importlib.import_module("diffusers")
    torch.set_num_threads(threads)
    pipeline = diffusers.AutoPipelineForText2Image.from_pretrained(
        folder, torch_dtype=torch.float32, local_files_only=True
    )
    pipeline.set_progress_bar_config(disable=True)
    print(json.dumps({"ready_s": time.time() - began_s}), flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        started_s = time.perf_counter()
        picture = pipeline(
            order["prompt"],
            num_inference_steps=order["steps"],
            guidance_scale=order["guidance"],
            width=order["width"],
            height=order["height"],
            generator=torch.Generator("cpu").manual_seed(order["seed"]),
        ).images[0]
        picture.save(order["path"])
        print(json.dumps({"seconds": time.perf_counter() - started_s}), flush=True)


if __name__ == "__main__":
    main()
