"""A vision projector of a few kilobytes with random weights, for any language model.

It is a whole one of the kind of LLaVA's: a picture becomes ``TOKENS`` tokens that mean nothing,
through the engine's own encoder.
"""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

SIDE, PATCH, WIDTH, HEADS = 28, 14, 32, 2
TOKENS = (SIDE // PATCH) ** 2


def write_tiny_projector(path: Path, n_embd: int) -> Path:
    """Write one for a language model whose residual stream is ``n_embd`` wide."""
    rng = np.random.default_rng(0)
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_type("mmproj")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_string("clip.projector_type", "mlp")
    writer.add_bool("clip.use_gelu", True)
    for name, number in {
        "image_size": SIDE,
        "patch_size": PATCH,
        "embedding_length": WIDTH,
        "feed_forward_length": 2 * WIDTH,
        "projection_dim": n_embd,
        "block_count": 1,
        "attention.head_count": HEADS,
    }.items():
        writer.add_uint32(f"clip.vision.{name}", number)
    writer.add_float32("clip.vision.attention.layer_norm_epsilon", 1e-5)
    writer.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    writer.add_array("clip.vision.image_std", [0.5, 0.5, 0.5])

    def add(name: str, *shape: int) -> None:
        writer.add_tensor(name, rng.normal(0, 0.02, shape).astype(np.float32))

    add("v.patch_embd.weight", WIDTH, 3, PATCH, PATCH)
    add("v.position_embd.weight", TOKENS, WIDTH)
    for name in ("v.blk.0.ln1", "v.blk.0.ln2"):
        writer.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))
        writer.add_tensor(f"{name}.bias", np.zeros(WIDTH, np.float32))
    for name, out, into in (
        ("v.blk.0.attn_q", WIDTH, WIDTH),
        ("v.blk.0.attn_k", WIDTH, WIDTH),
        ("v.blk.0.attn_v", WIDTH, WIDTH),
        ("v.blk.0.attn_out", WIDTH, WIDTH),
        ("v.blk.0.ffn_up", 2 * WIDTH, WIDTH),
        ("v.blk.0.ffn_down", WIDTH, 2 * WIDTH),
        ("mm.0", n_embd, WIDTH),
        ("mm.2", n_embd, n_embd),
    ):
        add(f"{name}.weight", out, into)
        add(f"{name}.bias", out)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
