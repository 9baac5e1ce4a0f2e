"""Training of the autoencoder: from pictures to latents and back.

Owns its loss. Most of a picture is background, so what is near the shape counts
several times: a plain average is content when every small star is a circle.
"""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch.nn.functional import max_pool2d

BATCH = 32
PEAK_RATE = 2e-3
NOISE = 0.05
"""Standard deviation of what is added to latents, since a denoiser never hits them exactly."""


def train_autoencoder(model: Any, pixels: torch.Tensor, seconds_s: float) -> None:
    """Teach pixels to latents and back, keeping the latents small and centred.

    ``pixels`` are pictures x 3 x height x width bytes.
    """
    model.train().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, weight_decay=0.0)
    began_s, step = time.monotonic(), 0
    while (done := (time.monotonic() - began_s) / seconds_s) < 1:
        for group in optimizer.param_groups:
            group["lr"] = PEAK_RATE * 0.5 * (1 + math.cos(math.pi * done))
        batch = _scaled(pixels[torch.randint(len(pixels), (BATCH,))])
        with torch.autocast("cpu", torch.bfloat16):
            latents = model.encode(batch).latents
            again = model.decode(latents + NOISE * torch.randn_like(latents)).sample
        latents, again = latents.float(), again.float()
        wrong = (again - batch).abs() + (again - batch).square()
        loss = (wrong * _attention(batch)).mean() + 0.003 * latents.square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        step += 1
        if step % 100 == 0:
            print(f"autoencoder {step}: {loss.item():.4f}, {done:.0%}", flush=True)
    model.eval()


def encode_all(model: Any, pixels: torch.Tensor) -> torch.Tensor:
    """The latents of every picture, unscaled."""
    with torch.no_grad():
        return torch.cat([model.encode(_scaled(part)).latents for part in pixels.split(256)])


def _attention(pictures: torch.Tensor) -> torch.Tensor:
    """How much each pixel counts: the shape and what is close to it several times the rest."""
    corner = pictures[:, :, :1, :1]
    shape = ((pictures - corner).abs().amax(1, keepdim=True) > 0.1).float()
    return 1 + 4 * max_pool2d(shape, 7, stride=1, padding=3)


def _scaled(pixels: torch.Tensor) -> torch.Tensor:
    """Bytes as numbers from -1 to 1."""
    return pixels.float() / 127.5 - 1
