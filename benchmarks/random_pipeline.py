"""Stable Diffusion folders of a chosen size with random weights, for measuring memory.

Run as a script, so that the benchmark's process never imports torch:
``python -m benchmarks.random_pipeline FOLDER SHAPE``.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class PipelineShape:
    """Widths of a UNet and an autoencoder, by level; ``dtype`` is that of the stored weights."""

    unet: tuple[int, ...]
    vae: tuple[int, ...]
    text: int
    text_layers: int = 2
    tiny_vae: bool = False
    dtype: str = "float32"


# "sd-480m" has SD 1.5's own autoencoder and more than half the width of its UNet, "sd-1.5" all.
SHAPES: dict[str, PipelineShape] = {
    "sd-1m": PipelineShape((32, 64), (16, 32, 32, 32), 32),
    "sd-10m": PipelineShape((64, 128, 128), (32, 64, 64, 64), 64),
    "sd-7m-taesd": PipelineShape((64, 128), (64, 64, 64, 64), 64, tiny_vae=True),
    "sd-160m": PipelineShape((128, 256, 512, 512), (64, 128, 256, 256), 256, 6),
    "sd-160m-f16": PipelineShape(
        (128, 256, 512, 512), (64, 128, 256, 256), 256, 6, dtype="float16"
    ),
    "sd-480m": PipelineShape((192, 384, 768, 768), (128, 256, 512, 512), 768, 12),
    "sd-480m-f16": PipelineShape(
        (192, 384, 768, 768), (128, 256, 512, 512), 768, 12, dtype="float16"
    ),
    "sd-1.5-f16": PipelineShape(
        (320, 640, 1280, 1280), (128, 256, 512, 512), 768, 12, dtype="float16"
    ),
}


def write_random_pipeline(folder: Path, shape: PipelineShape) -> None:
    """Make and save the pipeline."""
    import diffusers
    import torch

    torch.manual_seed(0)
    pipeline = diffusers.StableDiffusionPipeline(
        vae=_autoencoder(shape),
        text_encoder=_text_encoder(shape),
        tokenizer=_tokenizer(folder.parent / f"{folder.name}-tokenizer"),
        unet=_unet(shape),
        scheduler=diffusers.DDIMScheduler(beta_schedule="scaled_linear", clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.to(getattr(torch, shape.dtype)).save_pretrained(folder)


def _unet(shape: PipelineShape) -> Any:
    import diffusers

    levels = len(shape.unet) - 1
    return diffusers.UNet2DConditionModel(
        sample_size=64,
        block_out_channels=shape.unet,
        layers_per_block=2,
        down_block_types=(*["CrossAttnDownBlock2D"] * levels, "DownBlock2D"),
        up_block_types=("UpBlock2D", *["CrossAttnUpBlock2D"] * levels),
        cross_attention_dim=shape.text,
        attention_head_dim=8,
        norm_num_groups=32,
    )


def _autoencoder(shape: PipelineShape) -> Any:
    import diffusers

    if shape.tiny_vae:
        return diffusers.AutoencoderTiny(
            encoder_block_out_channels=shape.vae, decoder_block_out_channels=shape.vae
        )
    return diffusers.AutoencoderKL(
        block_out_channels=shape.vae,
        down_block_types=("DownEncoderBlock2D",) * len(shape.vae),
        up_block_types=("UpDecoderBlock2D",) * len(shape.vae),
        latent_channels=4,
        layers_per_block=2,
        norm_num_groups=min(shape.vae),
    )


def _text_encoder(shape: PipelineShape) -> Any:
    import transformers

    return transformers.CLIPTextModel(
        transformers.CLIPTextConfig(
            vocab_size=514,
            hidden_size=shape.text,
            intermediate_size=4 * shape.text,
            num_hidden_layers=shape.text_layers,
            num_attention_heads=4,
            bos_token_id=512,
            eos_token_id=513,
            pad_token_id=513,
        )
    )


def _tokenizer(folder: Path) -> Any:
    """CLIP's tokenizer over single bytes."""
    import transformers

    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    symbols = [chr(b) for b in printable] + [chr(256 + n) for n in range(256 - len(printable))]
    tokens = [*symbols, *(f"{s}</w>" for s in symbols), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True)
    (folder / "vocab.json").write_text(json.dumps({t: n for n, t in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return transformers.CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77
    )


if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = "1"
    write_random_pipeline(Path(sys.argv[1]), SHAPES[sys.argv[2]])
