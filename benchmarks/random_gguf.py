"""GGUF files with random weights, of any shape, that really load and generate.

Owns the writing of such files, for benchmarks and tests: memory, swaps and
parking can be measured at the true size of a model whose weights are not at
hand. The text they generate means nothing. The tokenizer and chat template are
borrowed from a donor file (SmolLM2).

    write_random_gguf(tmp_path / "a.gguf", RandomShape("qwen3"), donor=smollm2)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFValueType, GGUFWriter, quants

from airunner.models.files.gguf_header import read_header

_TOKENS, _MERGES, _KINDS = (
    "tokenizer.ggml.tokens",
    "tokenizer.ggml.merges",
    "tokenizer.ggml.token_type",
)
_NORMAL_TOKEN = 1
_POOL_BLOCKS = 65_521  # a prime, so that rows taken from the pool in turn do not repeat
_WEIGHT_STD = 0.02
_SLIDING = {"gemma3"}
_QK_NORM = {"qwen3", "qwen3moe", "gemma3", "lfm2"}
_QKV_BIAS = {"qwen2"}
_POST_NORM = {"gemma3"}
_CONVOLVED = {"lfm2"}  # every other layer is a short convolution, which keeps a recurrent state
_CONVOLUTION = 3  # tokens that one covers

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class RandomShape:
    """The shape of a decoder. The defaults make an 8 MB file.

    Attributes:
        architecture: ``llama`` (also Mistral), ``mistral3``, ``qwen2``, ``qwen3``,
            ``qwen3moe``, ``gemma3`` or ``lfm2`` (a hybrid, recurrent in part).
        n_ff: feed-forward width; of one expert in ``qwen3moe``.
        n_vocab: tokens; the donor's vocabulary is cut or padded to it. ``None`` is the donor's.
        quantization: format of the matrices: ``F16``, ``Q8_0``, ``Q4_0``, ``Q4_1``, ``Q4_K``,
            ``Q6_K``, ... Rows must be a whole number of its blocks (32, or 256 for K formats).
        tied: output matrix is the embedding matrix, as in small models.
        sliding_window: window in tokens, for ``gemma3``.
        seed: other seeds give other weights.
    """

    architecture: str = "qwen3"
    n_layers: int = 2
    n_embd: int = 64
    n_ff: int = 128
    n_heads: int = 4
    n_kv_heads: int = 2
    head_dim: int = 32
    n_vocab: int | None = None
    quantization: str = "F16"
    context_length: int = 32_768
    n_experts: int = 8
    n_experts_used: int = 2
    sliding_window: int = 512
    tied: bool = True
    seed: int = 0


def write_random_gguf(path: Path, shape: RandomShape, donor: Path) -> Path:
    """Write a model of ``shape`` to ``path`` and return ``path``.

    ``donor`` is a GGUF file whose byte-pair tokenizer and chat template are copied.
    Runs at the speed of the disk: weights are cut from a small random pool.

    Raises:
        ValueError: the engine could not load such a shape.
    """
    if shape.architecture == "qwen2" and shape.n_heads * shape.head_dim != shape.n_embd:
        raise ValueError("in qwen2, n_heads * head_dim must be n_embd")
    writer = GGUFWriter(path, shape.architecture)
    _write_settings(writer, shape)
    n_vocab = _write_tokenizer(writer, donor, shape.n_vocab)
    pool = _Pool(shape)
    tensors = list(_tensors(shape, n_vocab))
    for name, dims in tensors:
        kind = pool.kind(name, dims)
        numpy_type = np.dtype(np.float32 if kind == GGMLQuantizationType.F32 else np.uint8)
        n_bytes = pool.n_bytes(kind, dims)
        # For formats other than F32 the writer expects the shape in bytes and divides again.
        row_bytes = pool.n_bytes(kind, dims[-1:])
        writer_dims = dims if kind == GGMLQuantizationType.F32 else (*dims[:-1], row_bytes)
        writer.add_tensor_info(name, writer_dims, numpy_type, n_bytes, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for name, dims in tensors:
        writer.write_tensor_data(pool.tensor(name, dims))
    writer.close()
    return path


def _write_settings(writer: GGUFWriter, shape: RandomShape) -> None:
    writer.add_name(f"random {shape.architecture}")
    writer.add_block_count(shape.n_layers)
    writer.add_context_length(shape.context_length)
    writer.add_embedding_length(shape.n_embd)
    writer.add_head_count(shape.n_heads)
    if shape.architecture in _CONVOLVED:
        heads = [0 if _is_convolution(shape, i) else shape.n_kv_heads for i in _layers(shape)]
        writer.add_head_count_kv(heads)
        writer.add_shortconv_l_cache(_CONVOLUTION)
    else:
        writer.add_head_count_kv(shape.n_kv_heads)
    writer.add_key_length(shape.head_dim)
    writer.add_value_length(shape.head_dim)
    writer.add_rope_dimension_count(shape.head_dim)
    writer.add_rope_freq_base(1_000_000.0)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_feed_forward_length(shape.n_ff)
    if shape.architecture == "qwen3moe":
        writer.add_expert_count(shape.n_experts)
        writer.add_expert_used_count(shape.n_experts_used)
        writer.add_expert_feed_forward_length(shape.n_ff)
    if shape.architecture in _SLIDING:
        writer.add_sliding_window(shape.sliding_window)


def _layers(shape: RandomShape) -> range:
    return range(shape.n_layers)


def _is_convolution(shape: RandomShape, layer: int) -> bool:
    return shape.architecture in _CONVOLVED and layer % 2 == 0


@lru_cache(maxsize=2)
def _donor_metadata(donor: Path) -> dict[str, Any]:
    metadata = read_header(donor, keep_arrays=(_TOKENS, _MERGES, _KINDS)).metadata
    return {k: v for k, v in metadata.items() if k.startswith("tokenizer.")}


def _write_tokenizer(writer: GGUFWriter, donor: Path, wanted: int | None) -> int:
    """Copy the donor's tokenizer, cut or padded to ``wanted`` tokens; returns their number."""
    metadata = _donor_metadata(donor)
    tokens, merges = list(metadata[_TOKENS]), list(metadata[_MERGES])
    kinds = list(metadata[_KINDS])
    n_vocab = wanted or len(tokens)
    if n_vocab < len(tokens):
        tokens, kinds = tokens[:n_vocab], kinds[:n_vocab]
        kept = set(tokens)
        merges = [m for m in merges if m.replace(" ", "") in kept]
    for left, right in _new_pairs(tokens, n_vocab - len(tokens)):
        tokens.append(left + right)
        merges.append(f"{left} {right}")
        kinds.append(_NORMAL_TOKEN)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    for key, value in metadata.items():
        if key in (_TOKENS, _MERGES, _KINDS):
            continue
        if isinstance(value, bool):
            writer.add_bool(key, value)
        elif isinstance(value, int):
            writer.add_key_value(key, value, GGUFValueType.UINT32)
        else:
            writer.add_string(key, value)
    return n_vocab


def _new_pairs(tokens: list[str], count: int) -> Iterator[tuple[str, str]]:
    """``count`` merges that make tokens which are not there yet, of a real vocabulary's length."""
    known = set(tokens)
    parts = tokens[300:1500]
    for left, right in product(parts, parts):
        if count <= 0:
            return
        if left + right not in known:
            known.add(left + right)
            count -= 1
            yield left, right


def _tensors(shape: RandomShape, n_vocab: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and numpy shapes of all tensors, as llama.cpp expects them per architecture."""
    s, arch = shape, shape.architecture
    q, kv = s.n_heads * s.head_dim, s.n_kv_heads * s.head_dim
    yield "token_embd.weight", (n_vocab, s.n_embd)
    yield "token_embd_norm.weight" if arch == "lfm2" else "output_norm.weight", (s.n_embd,)
    if not s.tied:
        yield "output.weight", (n_vocab, s.n_embd)
    for i in _layers(s):
        b = f"blk.{i}."
        yield b + "attn_norm.weight", (s.n_embd,)
        yield b + "ffn_norm.weight", (s.n_embd,)
        if _is_convolution(s, i):
            yield b + "shortconv.conv.weight", (s.n_embd, _CONVOLUTION)
            yield b + "shortconv.in_proj.weight", (3 * s.n_embd, s.n_embd)
            yield b + "shortconv.out_proj.weight", (s.n_embd, s.n_embd)
        else:
            yield b + "attn_q.weight", (q, s.n_embd)
            yield b + "attn_k.weight", (kv, s.n_embd)
            yield b + "attn_v.weight", (kv, s.n_embd)
            yield b + "attn_output.weight", (s.n_embd, q)
        if arch in _QKV_BIAS:
            yield b + "attn_q.bias", (q,)
            yield b + "attn_k.bias", (kv,)
            yield b + "attn_v.bias", (kv,)
        if arch in _QK_NORM and not _is_convolution(s, i):
            yield b + "attn_q_norm.weight", (s.head_dim,)
            yield b + "attn_k_norm.weight", (s.head_dim,)
        if arch in _POST_NORM:
            yield b + "post_attention_norm.weight", (s.n_embd,)
            yield b + "post_ffw_norm.weight", (s.n_embd,)
        if arch == "qwen3moe":
            yield b + "ffn_gate_inp.weight", (s.n_experts, s.n_embd)
            yield b + "ffn_gate_exps.weight", (s.n_experts, s.n_ff, s.n_embd)
            yield b + "ffn_up_exps.weight", (s.n_experts, s.n_ff, s.n_embd)
            yield b + "ffn_down_exps.weight", (s.n_experts, s.n_embd, s.n_ff)
        else:
            yield b + "ffn_gate.weight", (s.n_ff, s.n_embd)
            yield b + "ffn_up.weight", (s.n_ff, s.n_embd)
            yield b + "ffn_down.weight", (s.n_embd, s.n_ff)


class _Pool:
    """Random blocks of the matrices' format, from which every tensor is cut at an own place."""

    def __init__(self, shape: RandomShape) -> None:
        self._kind = GGMLQuantizationType[shape.quantization]
        self._seed = shape.seed
        random = np.random.default_rng(shape.seed)
        self._blocks = _random_blocks(self._kind, random)

    def kind(self, name: str, dims: tuple[int, ...]) -> GGMLQuantizationType:
        """Vectors, the expert router and convolutions are F32 in every real file."""
        plain = len(dims) == 1 or name.endswith(("ffn_gate_inp.weight", "shortconv.conv.weight"))
        return GGMLQuantizationType.F32 if plain else self._kind

    def n_bytes(self, kind: GGMLQuantizationType, dims: tuple[int, ...]) -> int:
        block, block_bytes = GGML_QUANT_SIZES[kind]
        if dims[-1] % block:
            raise ValueError(f"a row of {dims[-1]} is not a whole number of {kind.name} blocks")
        return int(np.prod(dims, dtype=np.int64)) // block * block_bytes

    def tensor(self, name: str, dims: tuple[int, ...]) -> Array:
        place = int.from_bytes(hashlib.sha256(f"{self._seed} {name}".encode()).digest()[:4])
        if self.kind(name, dims) == GGMLQuantizationType.F32:
            if name.endswith("norm.weight"):
                return np.ones(dims, dtype=np.float32)
            random = np.random.default_rng(place)
            return (random.standard_normal(dims) * _WEIGHT_STD).astype(np.float32)
        wanted = self.n_bytes(self._kind, dims) // self._blocks.shape[1]
        start = place % _POOL_BLOCKS
        return np.resize(np.roll(self._blocks, -start, axis=0), (wanted, self._blocks.shape[1]))


def _random_blocks(kind: GGMLQuantizationType, random: np.random.Generator) -> Array:
    """``_POOL_BLOCKS`` blocks of ``kind`` as bytes, one block a row."""
    block, block_bytes = GGML_QUANT_SIZES[kind]
    scales = {"Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,), "Q2_K": (80, 82), "Q3_K": (108,)}
    if kind.name in scales:  # gguf cannot quantize to these; any bytes with sane scales are valid
        blocks = random.integers(0, 256, (_POOL_BLOCKS, block_bytes), dtype=np.uint8)
        for at in scales[kind.name]:
            scale = np.full((_POOL_BLOCKS, 1), _WEIGHT_STD / 512, dtype=np.float16)
            blocks[:, at : at + 2] = scale.view(np.uint8)
        return blocks
    block = max(block, 32)
    values = (random.standard_normal((_POOL_BLOCKS, block)) * _WEIGHT_STD).astype(np.float32)
    return np.ascontiguousarray(quants.quantize(values, kind)).view(np.uint8)
