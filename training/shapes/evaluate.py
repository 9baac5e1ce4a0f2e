"""Draws held-out scenes with a pipeline and counts what a look at the pixels finds right.

Run: ``python -m training.shapes.evaluate [FOLDER] [--prompts 200]``, by default with
the shipped pipeline and the settings it is registered with; prints one table and
stores it as ``benchmarks/results/shapes.json``.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from benchmarks.results_file import write_results
from diffusers import StableDiffusionPipeline

import airunner
from airunner.components.llm.config.model_capabilities import EMBEDDED_ARTIST, MODEL_REGISTRY
from training.shapes.captions import plain_caption
from training.shapes.checker import look
from training.shapes.scenes import SIDE, held_out_scenes

SHIPPED = Path(airunner.__file__).parent / "components" / "art" / "shapes"
_BATCH = 20


def main() -> None:
    """Draw, look, count."""
    defaults = MODEL_REGISTRY[EMBEDDED_ARTIST].image
    assert defaults is not None
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=SHIPPED)
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--skip", type=int, default=0, help="held-out prompts to leave out first")
    parser.add_argument("--steps", type=int, default=defaults.steps)
    parser.add_argument("--guidance", type=float, default=defaults.guidance)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sheet", type=Path, help="save the pictures in one file, to look at")
    parser.add_argument("--dry", action="store_true", help="store nothing")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    pipeline = StableDiffusionPipeline.from_pretrained(options.folder, torch_dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    scenes = held_out_scenes(options.skip + options.prompts)[options.skip :]
    pictures = []
    for first in range(0, len(scenes), _BATCH):
        part = scenes[first : first + _BATCH]
        generators = [torch.Generator().manual_seed(first + n) for n in range(len(part))]
        drawn = pipeline(
            [plain_caption(scene) for scene in part],
            num_inference_steps=options.steps,
            guidance_scale=options.guidance,
            width=SIDE,
            height=SIDE,
            generator=generators,
        ).images
        pictures += [np.asarray(picture.convert("RGB")) for picture in drawn]
    right: Counter[str] = Counter()
    for scene, picture in zip(scenes, pictures, strict=True):
        seen = asdict(look(picture))
        matches = {name: seen[name] == value for name, value in asdict(scene).items()}
        right.update(name for name, match in matches.items() if match)
        right["everything"] += all(matches.values())
    if options.sheet:
        _save_sheet(pictures, options.sheet)
    table = {name: right[name] / len(scenes) for name in (*asdict(scenes[0]), "everything")}
    result = {"prompts": len(scenes), "steps": options.steps, "guidance": options.guidance}
    print(json.dumps({**result, "right": table}, indent=2))
    if not options.dry:
        write_results("shapes", {**result, "right": table})


def _save_sheet(pictures: list[np.ndarray], path: Path) -> None:
    from PIL import Image

    rows = [np.concatenate(pictures[i : i + 10], 1) for i in range(0, len(pictures) - 9, 10)]
    Image.fromarray(np.concatenate(rows[:10])).save(path)


if __name__ == "__main__":
    main()
