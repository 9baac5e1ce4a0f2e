"""Training of the text encoder: from a caption to the attributes of its scene.

Owns that task. Without it the denoiser has to find out what words mean
from noisy latents, and learns colours long before shapes and places.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import astuple
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from training.shapes.scenes import COLOURS, POSITIONS, SHAPES, SIZES, Scene

BATCH = 256
PEAK_RATE = 2e-3
_VALUES = (tuple(COLOURS), SHAPES, tuple(COLOURS), tuple(POSITIONS), tuple(SIZES))
"""What each field of a scene can be, in the order of its fields."""


def train_text_encoder(
    model: Any, ids: torch.Tensor, scenes: Sequence[Scene], seconds_s: float
) -> None:
    """Teach each token after a caption's end to say every attribute, through a layer thrown away.

    ``ids`` are scenes x captions x tokens. A CLIP encoder looks back only, so the
    end and the padding behind it are where a whole caption can be known.
    """
    labels = torch.tensor([_labels(scene) for scene in scenes])
    heads = torch.nn.Linear(model.config.hidden_size, sum(map(len, _VALUES)))
    parts = torch.nn.ModuleList([model, heads])
    optimizer = torch.optim.AdamW(parts.parameters(), lr=PEAK_RATE)
    began_s, step = time.monotonic(), 0
    while (done := (time.monotonic() - began_s) / seconds_s) < 1:
        for group in optimizer.param_groups:
            group["lr"] = PEAK_RATE * 0.5 * (1 + math.cos(math.pi * done))
        picked = torch.randint(len(ids), (BATCH,))
        words = ids[picked, torch.randint(ids.shape[1], (BATCH,))]
        ended = (words == model.config.eos_token_id).cumsum(1) > 0
        said = heads(model(words).last_hidden_state[ended])
        wanted = labels[picked][:, None].expand(-1, words.shape[1], -1)[ended]
        answers = said.split([len(values) for values in _VALUES], dim=1)
        losses = [cross_entropy(answer, wanted[:, i]) for i, answer in enumerate(answers)]
        loss = torch.stack(losses).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
        if step % 100 == 0:
            each = ", ".join(f"{part.item():.3f}" for part in losses)
            print(f"text {step}: {each}, {done:.0%}", flush=True)


def _labels(scene: Scene) -> list[int]:
    return [values.index(v) for values, v in zip(_VALUES, astuple(scene), strict=True)]
