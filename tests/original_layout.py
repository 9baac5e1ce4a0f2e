"""A Stable Diffusion folder as one file, with the tensors' names of the first checkpoints.

Run as a script: ``python tests/original_layout.py FOLDER FILE`` writes ``FILE`` and, beside
it, ``FOLDER``'s configuration without weights. The names are the reverse of those that
diffusers' ``loaders/single_file_utils`` reads, for one layer per block.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any

Rules = tuple[tuple[str, str], ...]

_RESNET: Rules = (
    (r"\.norm1\.", ".in_layers.0."),
    (r"\.conv1\.", ".in_layers.2."),
    (r"\.time_emb_proj\.", ".emb_layers.1."),
    (r"\.norm2\.", ".out_layers.0."),
    (r"\.conv2\.", ".out_layers.3."),
    (r"\.conv_shortcut\.", ".skip_connection."),
)
_UNET: Rules = (
    (r"^time_embedding\.linear_1", "time_embed.0"),
    (r"^time_embedding\.linear_2", "time_embed.2"),
    (r"^conv_in", "input_blocks.0.0"),
    (r"^conv_norm_out", "out.0"),
    (r"^conv_out", "out.2"),
    (r"^down_blocks\.0\.resnets\.0", "input_blocks.1.0"),
    (r"^down_blocks\.0\.downsamplers\.0\.conv", "input_blocks.2.0.op"),
    (r"^down_blocks\.1\.resnets\.0", "input_blocks.3.0"),
    (r"^down_blocks\.1\.attentions\.0", "input_blocks.3.1"),
    (r"^mid_block\.resnets\.0", "middle_block.0"),
    (r"^mid_block\.attentions\.0", "middle_block.1"),
    (r"^mid_block\.resnets\.1", "middle_block.2"),
    (r"^up_blocks\.0\.resnets\.(\d)", r"output_blocks.\1.0"),
    (r"^up_blocks\.0\.attentions\.(\d)", r"output_blocks.\1.1"),
    (r"^up_blocks\.0\.upsamplers\.0\.conv", "output_blocks.1.2.conv"),
    (r"^up_blocks\.1\.resnets\.0", "output_blocks.2.0"),
    (r"^up_blocks\.1\.resnets\.1", "output_blocks.3.0"),
)
_AUTOENCODER: Rules = (
    (r"conv_norm_out", "norm_out"),
    (r"down_blocks\.(\d)\.resnets\.(\d)", r"down.\1.block.\2"),
    (r"down_blocks\.(\d)\.downsamplers\.0", r"down.\1.downsample"),
    (r"up_blocks\.0\.", "up.3."),
    (r"up_blocks\.1\.", "up.2."),
    (r"up_blocks\.2\.", "up.1."),
    (r"up_blocks\.3\.", "up.0."),
    (r"up\.(\d)\.resnets\.(\d)", r"up.\1.block.\2"),
    (r"up\.(\d)\.upsamplers\.0", r"up.\1.upsample"),
    (r"mid_block\.resnets\.0", "mid.block_1"),
    (r"mid_block\.resnets\.1", "mid.block_2"),
    (r"mid_block\.attentions\.0", "mid.attn_1"),
    (r"conv_shortcut", "nin_shortcut"),
    (r"group_norm", "norm"),
    (r"to_q", "q"),
    (r"to_k", "k"),
    (r"to_v", "v"),
    (r"to_out\.0", "proj_out"),
)


def renamed(name: str, rules: Rules) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


def main(folder: Path, file: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights: dict[str, Any] = {}
    for name, tensor in load_file(folder / "unet/diffusion_pytorch_model.safetensors").items():
        rules = _UNET + (_RESNET if "resnets" in name else ())
        weights[f"model.diffusion_model.{renamed(name, rules)}"] = tensor
    for name, tensor in load_file(folder / "vae/diffusion_pytorch_model.safetensors").items():
        is_matrix = "attentions" in name and tensor.ndim == 2
        weights[f"first_stage_model.{renamed(name, _AUTOENCODER)}"] = (
            tensor[:, :, None, None] if is_matrix else tensor
        )
    for name, tensor in load_file(folder / "text_encoder/model.safetensors").items():
        inner = name if name.startswith("text_model.") else f"text_model.{name}"
        weights[f"cond_stage_model.transformer.{inner}"] = tensor
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, file)
    ignored = shutil.ignore_patterns("*.safetensors")
    shutil.copytree(folder, file.with_suffix(""), ignore=ignored)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
