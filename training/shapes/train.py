"""Trains the pipeline and saves it as a folder that diffusers loads.

First the autoencoder on pictures alone, then the text encoder on captions alone,
then the denoiser, from captions to latents; of its weights an exponential average
is kept. Everything computes in bfloat16, which processors with instructions for it
do several times faster.

Run: ``python -m training.shapes.train --out FOLDER``; some 50 minutes of two
cores. With ``--resume`` the denoiser's training goes on where it was. The shipped
model is ``FOLDER/pipeline``, copied to ``src/airunner/components/art/shapes``.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from diffusers.models.attention_processor import AttnProcessor
from torch.nn.functional import mse_loss

from training.shapes.architecture import (
    make_autoencoder,
    make_denoiser,
    make_scheduler,
    make_text_encoder,
)
from training.shapes.autoencoder import encode_all, train_autoencoder
from training.shapes.captions import varied_caption
from training.shapes.scenes import all_scenes, draw_scene
from training.shapes.text_encoder import train_text_encoder
from training.shapes.tokenizer import MAX_TOKENS, make_tokenizer

PICTURES = 24_000
BATCH = 128
PEAK_RATE, WARM_UP_STEPS = 1e-3, 200
NO_CAPTION_SHARE = 0.12
"""Of the examples, trained without their caption, which is what guidance compares with."""
AVERAGE_DECAY = 0.999
CAPTIONS_EACH = 4
SAVE_EVERY_S = 240.0


def main() -> None:
    """Train for the time given, saving on the way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--autoencoder-minutes", type=float, default=11.0)
    parser.add_argument("--text-minutes", type=float, default=1.5)
    parser.add_argument("--minutes", type=float, default=33.0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    options.out.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer(options.out / "tokenizer")
    random = np.random.default_rng(0)
    trained = [scene for scene in all_scenes() if not scene.held_out]
    scenes = [trained[i] for i in random.integers(len(trained), size=PICTURES)]
    pixels = torch.from_numpy(np.stack([draw_scene(scene, random) for scene in scenes]))
    pixels = pixels.permute(0, 3, 1, 2)
    captions = [varied_caption(s, random) for s in scenes for _ in range(CAPTIONS_EACH)]
    ids = _ids(tokenizer, captions).reshape(PICTURES, CAPTIONS_EACH, MAX_TOKENS)
    print(f"{PICTURES} pictures of {len(trained)} scenes", flush=True)
    autoencoder, text_encoder = make_autoencoder(), make_text_encoder(tokenizer)
    kept = options.out / "training-state.pt"
    state: dict[str, Any] = torch.load(kept) if options.resume else {}
    if state:
        autoencoder.load_state_dict(state["autoencoder"])
        text_encoder.load_state_dict(state["text_encoder"])
    else:
        train_autoencoder(autoencoder, pixels, options.autoencoder_minutes * 60)
        train_text_encoder(text_encoder, ids, scenes, options.text_minutes * 60)
    latents = encode_all(autoencoder, pixels)
    autoencoder.register_to_config(scaling_factor=1.0 / float(latents.std()))
    latents *= autoencoder.config.scaling_factor
    denoising = Denoising(autoencoder, text_encoder, tokenizer, options.out, state)
    denoising.train(latents, ids, options.minutes * 60)


class Denoising:
    """The denoiser in training, with the average of its weights and the parts it relies on."""

    def __init__(
        self, autoencoder: Any, text_encoder: Any, tokenizer: Any, out: Path, state: dict[str, Any]
    ) -> None:
        self._autoencoder, self._text, self._tokenizer = autoencoder, text_encoder, tokenizer
        self._out = out
        self._text.eval().requires_grad_(False)
        self._unet = make_denoiser().to(memory_format=torch.channels_last)
        # The default attention's backward pass is several times slower in bfloat16 on a CPU.
        self._unet.set_attn_processor(AttnProcessor())
        self._averages = {k: v.clone() for k, v in self._unet.state_dict().items()}
        self._scheduler = make_scheduler()
        self._optimizer = torch.optim.AdamW(
            self._unet.parameters(), lr=PEAK_RATE, eps=1e-7, fused=True
        )
        self._step, self._trained_s = 0, 0.0
        if state:
            self._unet.load_state_dict(state["unet"])
            self._averages = state["averages"]
            self._optimizer.load_state_dict(state["optimizer"])
            self._step, self._trained_s = state["step"], state["trained_s"]
        count = sum(p.numel() for p in self._unet.parameters())
        print(f"{count / 1e6:.2f} M parameters", flush=True)

    def train(self, latents: torch.Tensor, ids: torch.Tensor, seconds_s: float) -> None:
        """Train until ``seconds_s`` of training are behind this model, resumed ones included."""
        empty = _ids(self._tokenizer, [""])[0]
        began_s = time.monotonic() - self._trained_s
        saved_s = time.monotonic()
        losses: list[float] = []
        while (elapsed_s := time.monotonic() - began_s) < seconds_s:
            self._trained_s = elapsed_s
            self._set_rate(elapsed_s / seconds_s)
            picked = torch.randint(len(latents), (BATCH,))
            words = ids[picked, torch.randint(CAPTIONS_EACH, (BATCH,))].clone()
            words[torch.rand(BATCH) < NO_CAPTION_SHARE] = empty
            losses.append(self._learn(latents[picked], words))
            if self._step % 100 == 0:
                mean = sum(losses[-100:]) / len(losses[-100:])
                print(f"{self._step}: {mean:.4f}, {elapsed_s / 60:.1f} min", flush=True)
            if time.monotonic() - saved_s > SAVE_EVERY_S:
                self.save()
                saved_s = time.monotonic()
        self._trained_s = seconds_s
        self.save()

    def _learn(self, latents: torch.Tensor, words: torch.Tensor) -> float:
        noise = torch.randn_like(latents)
        times = _spread_times(self._scheduler.config.num_train_timesteps, len(latents))
        noisy = self._scheduler.add_noise(latents, noise, times)
        wanted = self._scheduler.get_velocity(latents, noise, times)
        with torch.autocast("cpu", torch.bfloat16):
            context = self._text(words).last_hidden_state
            found = self._unet(noisy, times, context).sample
        loss = mse_loss(found.float(), wanted)
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._unet.parameters(), 1.0)
        self._optimizer.step()
        self._step += 1
        decay = min(AVERAGE_DECAY, (1 + self._step) / (10 + self._step))
        with torch.no_grad():
            for name, value in self._unet.state_dict().items():
                self._averages[name].lerp_(value, 1 - decay)
        return float(loss.detach())

    def _set_rate(self, done: float) -> None:
        warm = min(1.0, (self._step + 1) / WARM_UP_STEPS)
        rate = PEAK_RATE * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))
        for group in self._optimizer.param_groups:
            group["lr"] = rate

    def save(self) -> None:
        """Write the averaged pipeline (float16) and what is needed to go on."""
        state = {
            "autoencoder": self._autoencoder.state_dict(),
            "text_encoder": self._text.state_dict(),
            "unet": self._unet.state_dict(),
            "averages": self._averages,
            "optimizer": self._optimizer.state_dict(),
            "step": self._step,
            "trained_s": self._trained_s,
        }
        torch.save(state, self._out / "training-state.pt")
        text_encoder, denoiser = make_text_encoder(self._tokenizer), make_denoiser()
        text_encoder.load_state_dict(self._text.state_dict())
        denoiser.load_state_dict(self._averages)
        autoencoder = make_autoencoder()
        autoencoder.load_state_dict(self._autoencoder.state_dict())
        autoencoder.register_to_config(scaling_factor=self._autoencoder.config.scaling_factor)
        pipeline = StableDiffusionPipeline(
            vae=autoencoder,
            text_encoder=text_encoder,
            tokenizer=self._tokenizer,
            unet=denoiser,
            scheduler=make_scheduler(),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        pipeline.to(torch.float16).save_pretrained(self._out / "pipeline")


def _spread_times(count: int, examples: int) -> torch.Tensor:
    """One random time for each example, one from each equal part of the ``count`` there are."""
    return ((torch.arange(examples) + torch.rand(examples)) * count / examples).long()


def _ids(tokenizer: Any, texts: list[str]) -> torch.Tensor:
    tokens: torch.Tensor = tokenizer(
        texts, padding="max_length", max_length=MAX_TOKENS, truncation=True, return_tensors="pt"
    ).input_ids
    return tokens


if __name__ == "__main__":
    main()
