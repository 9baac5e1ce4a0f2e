"""Image pipelines with random weights, small enough to draw in a moment.

Run as a script, in a process of its own, so that the tests' process never
imports torch: ``python tests/tiny_pipelines.py FOLDER`` makes ``FOLDER/sd`` and
``FOLDER/sdxl``, LoRAs for the first, the picture that plain diffusers draws with
it, and copies of it: ``nan``, whose pictures are not numbers, ``pickled``, and ``inpainting``,
whose denoiser has nine channels, as one that was trained to paint over pictures has.
1.3 M parameters each.
"""

from __future__ import annotations

import copy
import gc
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

PROMPT = "a red circle"
STEPS = 4
SEED = 7


def make_tokenizer(folder: Path) -> Any:
    """CLIP's tokenizer over single bytes."""
    from transformers import CLIPTokenizer

    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    symbols = [chr(b) for b in printable]
    symbols += [chr(256 + n) for n in range(256 - len(printable))]
    tokens = symbols + [f"{symbol}</w>" for symbol in symbols]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True)
    vocabulary = {token: number for number, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77
    )


def text_config(**more: Any) -> Any:
    from transformers import CLIPTextConfig

    return CLIPTextConfig(
        vocab_size=514,
        hidden_size=32,
        intermediate_size=37,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=77,
        bos_token_id=512,
        eos_token_id=513,
        pad_token_id=513,
        projection_dim=32,
        **more,
    )


def make_autoencoder() -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=[16, 32, 32, 32],
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        latent_channels=4,
        norm_num_groups=16,
        sample_size=64,
    )


def make_unet(**more: Any) -> Any:
    from diffusers import UNet2DConditionModel

    settings: dict[str, Any] = {
        "block_out_channels": (32, 64),
        "layers_per_block": 1,
        "sample_size": 8,
        "in_channels": 4,
        "out_channels": 4,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "attention_head_dim": 8,
        "cross_attention_dim": 32,
        "norm_num_groups": 16,
    }
    return UNet2DConditionModel(**(settings | more))


def make_scheduler() -> Any:
    from diffusers import DDIMScheduler

    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )


def make_sd(folder: Path) -> Any:
    from diffusers import StableDiffusionPipeline
    from transformers import CLIPTextModel

    pipeline = StableDiffusionPipeline(
        vae=make_autoencoder(),
        text_encoder=CLIPTextModel(text_config()),
        tokenizer=make_tokenizer(folder.parent / "tokenizer"),
        unet=make_unet(),
        scheduler=make_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder)
    return pipeline


def make_sdxl(folder: Path) -> None:
    from diffusers import StableDiffusionXLPipeline
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    StableDiffusionXLPipeline(
        vae=make_autoencoder(),
        text_encoder=CLIPTextModel(text_config()),
        text_encoder_2=CLIPTextModelWithProjection(text_config()),
        tokenizer=make_tokenizer(folder.parent / "tokenizer_1"),
        tokenizer_2=make_tokenizer(folder.parent / "tokenizer_2"),
        unet=make_unet(
            transformer_layers_per_block=(1, 1),
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=80,
            cross_attention_dim=64,
        ),
        scheduler=make_scheduler(),
    ).save_pretrained(folder)


def make_loras(pipeline: Any, folder: Path) -> None:
    """One that fits ``pipeline`` and changes much, and one that is made for something else."""
    import torch
    from safetensors.torch import save_file

    fitting: dict[str, Any] = {}
    for name, module in pipeline.unet.named_modules():
        if name.endswith(("attn2.to_k", "attn2.to_v", "attn1.to_q")):
            key = f"unet.{name}"
            fitting[f"{key}.lora_A.weight"] = torch.randn(4, module.in_features)
            fitting[f"{key}.lora_B.weight"] = torch.randn(module.out_features, 4)
    save_file(fitting, folder / "fitting.safetensors")
    foreign = {name.replace("unet.", "unet.elsewhere."): x for name, x in fitting.items()}
    save_file(foreign, folder / "foreign.safetensors")
    save_file({"weight": torch.zeros(2)}, folder / "no_lora.safetensors")


def make_copies(pipeline: Any, folder: Path) -> None:
    """The same pipeline with weights that are no numbers, as a pickle, and for inpainting alone."""
    import torch
    from diffusers import StableDiffusionInpaintPipeline

    shutil.copytree(folder / "sd", folder / "pickled", ignore=shutil.ignore_patterns("unet"))
    pipeline.unet.save_pretrained(folder / "pickled" / "unet", safe_serialization=False)
    shutil.copytree(folder / "sd", folder / "nan", ignore=shutil.ignore_patterns("vae"))
    broken = copy.deepcopy(pipeline.vae)
    torch.nn.init.constant_(broken.decoder.conv_out.bias, float("nan"))
    broken.save_pretrained(folder / "nan" / "vae")
    parts = pipeline.components | {"unet": make_unet(in_channels=9)}
    painter = StableDiffusionInpaintPipeline(**parts, requires_safety_checker=False)
    painter.save_pretrained(folder / "inpainting")


def main(folder: Path) -> None:
    """Make everything."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    gc.disable()  # a fifth of what importing takes
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    pipeline = make_sd(folder / "sd")
    make_sdxl(folder / "sdxl")
    make_loras(pipeline, folder)
    make_copies(pipeline, folder)
    pipeline.set_progress_bar_config(disable=True)
    generator = torch.Generator("cpu").manual_seed(SEED)
    image = pipeline(PROMPT, num_inference_steps=STEPS, generator=generator).images[0]
    image.save(folder / "plain.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
