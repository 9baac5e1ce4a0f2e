"""Pipeline folders whose weights have sound headers and no numbers: sparse files."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

from airunner.models.files.safetensors import DTYPE_BITS

Shapes = Mapping[str, tuple[int, ...]]


def write_safetensors(path: Path, shapes: Shapes, dtype: str = "F32") -> Path:
    header, end = {}, 0
    for name, shape in shapes.items():
        begin, end = end, end + math.prod(shape) * DTYPE_BITS[dtype] // 8
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)
    return path


UNET = {"conv_in.weight": (32, 4, 3, 3), "mid.conv.weight": (64, 64, 3, 3), "out.bias": (4,)}
VAE = {"decoder.conv_in.weight": (32, 4, 3, 3), "decoder.mid.weight": (32, 32, 3, 3)}
ENCODER = {"embeddings.weight": (514, 32), "layers.0.weight": (32, 32)}
INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "_diffusers_version": "0.42.1",
    "feature_extractor": [None, None],
    "safety_checker": [None, None],
    "requires_safety_checker": False,
    "scheduler": ["diffusers", "DDIMScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}
CONFIGS = {
    "text_encoder": {"hidden_size": 32, "intermediate_size": 64, "max_position_embeddings": 77},
    "unet": {"block_out_channels": [32, 64], "layers_per_block": 2},
    "vae": {"block_out_channels": [16, 32, 32, 32], "latent_channels": 4},
}


def write_pipeline(folder: Path, dtype: str = "F32", variant: str = "") -> Path:
    """A small Stable Diffusion folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model_index.json").write_text(json.dumps(INDEX))
    for name in ("scheduler", "tokenizer"):
        (folder / name).mkdir()
        (folder / name / f"{name}_config.json").write_text("{}")
    weights = {"text_encoder": ("model", ENCODER), "unet": ("diffusion_pytorch_model", UNET)}
    weights["vae"] = ("diffusion_pytorch_model", VAE)
    for name, (stem, shapes) in weights.items():
        write_safetensors(folder / name / f"{stem}{variant}.safetensors", shapes, dtype)
        (folder / name / "config.json").write_text(json.dumps(CONFIGS[name]))
    return folder
