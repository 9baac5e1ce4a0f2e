"""Projectors of a few megabytes with random weights, for any language model.

Each is a whole one, of LLaVA's kind and of Qwen2-Audio's: a picture becomes ``TOKENS``
tokens, and 30 s of sound ``AUDIO_TOKENS``, that mean nothing, through the engine's own encoder.
"""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

SIDE, PATCH, WIDTH, HEADS = 28, 14, 32, 2
TOKENS = (SIDE // PATCH) ** 2
AUDIO_TOKENS = 750
_MEL_BINS, _AUDIO_PLACES = 128, 1500


def write_tiny_projector(path: Path, n_embd: int) -> Path:
    """Write one that sees, for a language model whose residual stream is ``n_embd`` wide."""
    sizes = {"image_size": SIDE, "patch_size": PATCH}
    writer = _writer(path, n_embd, "vision", "mlp", sizes)
    writer.add_array("clip.vision.image_mean", [0.5, 0.5, 0.5])
    writer.add_array("clip.vision.image_std", [0.5, 0.5, 0.5])
    shapes = {
        "v.patch_embd.weight": (WIDTH, 3, PATCH, PATCH),
        "v.position_embd.weight": (TOKENS, WIDTH),
        **_linear("mm.0", n_embd, WIDTH),
        **_linear("mm.2", n_embd, n_embd),
    }
    return _finish(writer, path, "v", shapes)


def write_tiny_hearing_projector(path: Path, n_embd: int) -> Path:
    """Write one that hears."""
    writer = _writer(path, n_embd, "audio", "qwen2a", {"num_mel_bins": _MEL_BINS})
    shapes: dict[str, tuple[int, ...]] = {
        "a.conv1d.1.weight": (WIDTH, _MEL_BINS, 3),
        "a.conv1d.1.bias": (WIDTH, 1),
        "a.conv1d.2.weight": (WIDTH, WIDTH, 3),
        "a.conv1d.2.bias": (WIDTH, 1),
        "a.position_embd.weight": (_AUDIO_PLACES, WIDTH),
        "a.post_ln.weight": (WIDTH,),
        "a.post_ln.bias": (WIDTH,),
        **_linear("mm.a.fc", n_embd, WIDTH),
    }
    return _finish(writer, path, "a", shapes)


def _writer(
    path: Path, n_embd: int, sense: str, kind: str, sizes: dict[str, int]
) -> gguf.GGUFWriter:
    writer = gguf.GGUFWriter(path, "clip")
    writer.add_type("mmproj")
    writer.add_bool(f"clip.has_{sense}_encoder", True)
    writer.add_string("clip.projector_type", kind)
    writer.add_bool("clip.use_gelu", True)
    common = {
        "embedding_length": WIDTH,
        "feed_forward_length": 2 * WIDTH,
        "projection_dim": n_embd,
        "block_count": 1,
        "attention.head_count": HEADS,
    }
    for name, number in {**sizes, **common}.items():
        writer.add_uint32(f"clip.{sense}.{name}", number)
    writer.add_float32(f"clip.{sense}.attention.layer_norm_epsilon", 1e-5)
    return writer


def _linear(name: str, out: int, into: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (out, into), f"{name}.bias": (out,)}


def _finish(
    writer: gguf.GGUFWriter, path: Path, prefix: str, shapes: dict[str, tuple[int, ...]]
) -> Path:
    layer = {
        **{f"{name}.{end}": (WIDTH,) for name in ("ln1", "ln2") for end in ("weight", "bias")},
        **_linear("attn_q", WIDTH, WIDTH),
        "attn_k.weight": (WIDTH, WIDTH),  # Whisper's keys have no bias
        **_linear("attn_v", WIDTH, WIDTH),
        **_linear("attn_out", WIDTH, WIDTH),
        **_linear("ffn_up", 2 * WIDTH, WIDTH),
        **_linear("ffn_down", WIDTH, 2 * WIDTH),
    }
    rng = np.random.default_rng(0)
    whole = {**shapes, **{f"{prefix}.blk.0.{name}": shape for name, shape in layer.items()}}
    for name, shape in whole.items():
        writer.add_tensor(name, rng.normal(0, 0.02, shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
