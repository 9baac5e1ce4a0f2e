"""What a GGUF file says about the model in it.

Owns the meaning of the metadata: layers, heads, windows, experts, sizes. The
bytes are read by ``airunner.models.files.gguf_header``; what the numbers cost in
memory is ``airunner.models.memory.language``. Where metadata is silent, the default is
llama.cpp's own (``load_hparams``), never a guess from the model's name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from airunner.errors import (
    CorruptWeightsError,
    MissingWeightsError,
    UnsupportedArchitectureError,
)
from airunner.models.files.gguf_header import GgufHeader, Skipped, Tensor, read_header

# Files in GGUF format that hold no decoder: vision projectors, speech and
# image models (the latter as written for stable-diffusion.cpp and ComfyUI).
NOT_LANGUAGE_MODELS = frozenset({
    "clip", "wavtokenizer-dec", "flux", "sd1", "sdxl", "sd3", "aura", "hidream", "cosmos",
    "ltxv", "hyvid", "wan", "lumina2", "qwen_image", "z_image", "pig",
})  # fmt: skip
ENCODERS = frozenset({
    "bert", "modern-bert", "nomic-bert", "nomic-bert-moe", "neo-bert", "jina-bert-v2",
    "jina-bert-v3", "eurobert", "gemma-embedding", "t5encoder",
})  # fmt: skip
# Every n-th layer attends to everything, the others to a window (`set_swa_pattern`).
_WINDOW_PERIOD = {
    "gemma2": 2, "gemma3": 6, "gemma3n": 5, "cohere2": 4, "gpt-oss": 2, "llama4": 4,
    "olmo2": 4, "exaone4": 4, "smallthinker": 4, "afmoe": 4, "gemma-embedding": 6,
}  # fmt: skip
_FULL_LAYER_FIRST = frozenset({"smallthinker"})
_BESIDE_MODELS = {
    "mmproj": "It is no model but lets one see or hear: put it beside that model's file.",
    "adapter": "It is an adapter and no model; merge it into the model it was made for.",
    "imatrix": "It is no model but helps to quantize one.",
    "vocab": "It is only a vocabulary; fetch the model itself.",
}
_NO_WORDS = "It makes pictures or sound and no words; choose a language model."
_ENCODER = "It embeds and cannot chat: register it for EMBEDDING alone."
_MAX_LAYERS, _MAX_WIDTH, _MAX_PARTS = 4096, 1 << 24, 1000
_PART_NAME = re.compile(r"(.*-)00001(-of-\d{5}\.gguf)")


@dataclass(frozen=True, slots=True)
class GgufFile:
    """A language model's file, or all parts of a split one.

    Attributes:
        path: the file; the first part of a split model.
        parts: all files, in order.
        architecture: llama.cpp's name, such as ``"qwen3"``.
        name: the model's own name for itself, if it has one.
        n_layers: decoder layers.
        n_embd: width of the residual stream.
        n_ff: width of the widest dense feed-forward layer; 0 if there is none.
        n_vocab: tokens in the vocabulary.
        n_merges: merges of a byte-pair tokenizer.
        n_heads: query heads of the layer that has most.
        kv_heads: key/value heads of each layer; 0 for a layer without attention.
        head_dim_k: length of one key.
        head_dim_v: length of one value.
        context_length: tokens the model was trained for.
        sliding_window: tokens seen by windowed layers; ``None`` if there are none.
        windowed_layers: for each layer, whether it has the window.
        n_experts: experts per layer, 0 for a dense model.
        n_experts_used: experts computed per token.
        n_expert_ff: feed-forward width of one expert.
        recurrent_state_bytes: state of all recurrent layers for one conversation.
        tensors: the tensor tables of all parts.
    """

    path: Path
    parts: tuple[Path, ...]
    architecture: str
    name: str | None
    n_layers: int
    n_embd: int
    n_ff: int
    n_vocab: int
    n_merges: int
    n_heads: int
    kv_heads: tuple[int, ...]
    head_dim_k: int
    head_dim_v: int
    context_length: int
    sliding_window: int | None
    windowed_layers: tuple[bool, ...]
    n_experts: int
    n_experts_used: int
    n_expert_ff: int
    recurrent_state_bytes: int
    tensors: tuple[Tensor, ...]

    @property
    def weights_bytes(self) -> int:
        """Bytes of all tensors."""
        return sum(t.n_bytes for t in self.tensors)

    @property
    def rolls_back(self) -> bool:
        """Whether a state can be cut back to any of its tokens, as full attention alone allows."""
        recurrent = not all(self.kv_heads) or any(".ssm_" in t.name for t in self.tensors)
        return self.sliding_window is None and not recurrent

    @property
    def tied_embedding(self) -> Tensor | None:
        """The token embedding, if it also serves as the output matrix."""
        by_name = {t.name: t for t in self.tensors}
        return None if "output.weight" in by_name else by_name.get("token_embd.weight")


def read_gguf(path: Path, *, embedding: bool = False) -> GgufFile:
    """Read what the model at ``path`` is, without touching its weights (some 25 ms).

    ``embedding`` also accepts encoders, which can embed but not chat.

    Raises:
        MissingWeightsError: the file, or a part of a split model, is not there.
        CorruptWeightsError: it is not GGUF, truncated, or contradicts itself.
        UnsupportedArchitectureError: it is sound, but no model that could chat (or embed).
    """
    header = read_header(path)
    fields = _Fields(path, header)
    kind, architecture = fields.text("general.type"), fields.text("general.architecture")
    if fields.number("split.no"):
        first = re.sub(r"-\d{5}-of-", "-00001-of-", path.name)
        raise CorruptWeightsError(
            path, "it is a later part of a split model", advice=f"Name the first part, {first}."
        )
    if not architecture:
        raise CorruptWeightsError(path, "it does not name its architecture")
    if kind in _BESIDE_MODELS:
        advice = _BESIDE_MODELS[kind]
        raise UnsupportedArchitectureError(path, f"{architecture} ({kind})", advice=advice)
    if architecture in NOT_LANGUAGE_MODELS:
        advice = _BESIDE_MODELS["mmproj"] if architecture == "clip" else _NO_WORDS
        raise UnsupportedArchitectureError(path, architecture, advice=advice)
    if architecture in ENCODERS and not embedding:
        raise UnsupportedArchitectureError(path, architecture, advice=_ENCODER)
    parts, tensors = _all_parts(path, header, fields)
    return _model(path, parts, tensors, _Fields(path, header, architecture + "."))


def _model(
    path: Path, parts: tuple[Path, ...], tensors: tuple[Tensor, ...], fields: _Fields
) -> GgufFile:
    architecture = fields.prefix[:-1]
    n_layers = fields.number("block_count", limit=_MAX_LAYERS)
    n_embd = fields.number("embedding_length")
    if not n_layers or not n_embd:
        raise CorruptWeightsError(path, f"it does not say its {architecture} depth and width")
    heads = fields.per_layer("attention.head_count", n_layers) or (0,) * n_layers
    n_heads = max(heads)
    kv_heads = fields.per_layer("attention.head_count_kv", n_layers) or heads
    interval = fields.number("full_attention_interval")
    if interval:
        kv_heads = tuple(h if (i + 1) % interval == 0 else 0 for i, h in enumerate(kv_heads))
    default_head_dim = n_embd // n_heads if n_heads else 0
    embedding = next((t for t in tensors if t.name == "token_embd.weight"), None)
    window, windowed = _windows(fields, architecture, n_layers)
    n_ff = fields.number("feed_forward_length")
    return GgufFile(
        path=path,
        parts=parts,
        architecture=architecture,
        name=fields.text("general.name"),
        n_layers=n_layers,
        n_embd=n_embd,
        n_ff=n_ff,
        n_vocab=fields.length("tokenizer.ggml.tokens")
        or (embedding.shape[-1] if embedding else fields.number("vocab_size")),
        n_merges=fields.length("tokenizer.ggml.merges"),
        n_heads=n_heads,
        kv_heads=kv_heads,
        head_dim_k=fields.number("attention.key_length") or default_head_dim,
        head_dim_v=fields.number("attention.value_length") or default_head_dim,
        context_length=fields.number("context_length", limit=1 << 32),
        sliding_window=window,
        windowed_layers=windowed,
        n_experts=fields.number("expert_count"),
        n_experts_used=fields.number("expert_used_count"),
        n_expert_ff=fields.number("expert_feed_forward_length") or n_ff,
        recurrent_state_bytes=_recurrent_state_bytes(fields, kv_heads),
        tensors=tensors,
    )


def _windows(
    fields: _Fields, architecture: str, n_layers: int
) -> tuple[int | None, tuple[bool, ...]]:
    """The sliding window and the layers that have it, as llama.cpp's loaders decide it.

    A window in the metadata of other architectures (phi3, qwen2, llama) is
    ignored there and hence here: those layers keep a full cache.
    """
    nowhere = (False,) * n_layers
    window = fields.number("attention.sliding_window") or (4096 if architecture == "gemma2" else 0)
    if not window:
        return None, nowhere
    pattern = fields.metadata.get(fields.prefix + "attention.sliding_window_pattern")
    if isinstance(pattern, tuple) and len(pattern) >= n_layers:
        return window, tuple(bool(p) for p in pattern[:n_layers])
    period = pattern if type(pattern) is int else _WINDOW_PERIOD.get(architecture, 0)
    if period < 2:
        return None, nowhere
    full = 0 if architecture in _FULL_LAYER_FIRST else period - 1
    return window, tuple(i % period != full for i in range(n_layers))


def _recurrent_state_bytes(fields: _Fields, kv_heads: tuple[int, ...]) -> int:
    """Convolution and state-space memory (`llama_hparams::n_embd_r`, `n_embd_s`), kept in F32."""
    inner, state = fields.number("ssm.inner_size"), fields.number("ssm.state_size")
    convolved = inner + 2 * fields.number("ssm.group_count") * state
    kernel = fields.number("ssm.conv_kernel")
    per_layer = max(0, kernel - 1) * convolved + state * inner
    return 4 * per_layer * sum(1 for heads in kv_heads if heads == 0)


def _all_parts(
    path: Path, first: GgufHeader, fields: _Fields
) -> tuple[tuple[Path, ...], tuple[Tensor, ...]]:
    """All files of a split model and their tensors; a whole file is its own only part."""
    count = fields.number("split.count", limit=_MAX_PARTS)
    if count < 2:
        return (path,), first.tensors
    name = _PART_NAME.fullmatch(path.name)
    if name is None:
        raise CorruptWeightsError(path, "it is a part of a split model, but renamed")
    parts = tuple(path.with_name(f"{name[1]}{i:05}{name[2]}") for i in range(1, count + 1))
    missing = [part for part in parts if not part.is_file()]
    if missing:
        raise MissingWeightsError(path.name, missing)
    tensors = first.tensors + tuple(t for part in parts[1:] for t in read_header(part).tensors)
    promised = fields.number("split.tensors.count")
    if promised and promised != len(tensors):
        raise CorruptWeightsError(
            path, f"its parts hold {len(tensors)} tensors instead of {promised}"
        )
    return parts, tensors


class _Fields:
    """Typed access to metadata, where a wrong type or an absurd number is damage."""

    def __init__(self, path: Path, header: GgufHeader, prefix: str = "") -> None:
        self._path, self.metadata, self.prefix = path, header.metadata, prefix

    def text(self, key: str) -> str | None:
        value = self.metadata.get(key)
        return value if isinstance(value, str) else None

    def number(self, key: str, limit: int = _MAX_WIDTH) -> int:
        """A count; 0 if the file does not say. Of a per-layer array, the largest."""
        value = self.metadata.get(self.prefix + key, 0)
        if isinstance(value, tuple):
            return max((self._checked(key, v, limit) for v in value), default=0)
        return self._checked(key, value, limit)

    def per_layer(self, key: str, n_layers: int) -> tuple[int, ...] | None:
        """One count a layer, from a number or an array; ``None`` if the file does not say."""
        value = self.metadata.get(self.prefix + key)
        if value is None:
            return None
        if not isinstance(value, tuple):
            return (self._checked(key, value, _MAX_WIDTH),) * n_layers
        if len(value) < n_layers:
            raise CorruptWeightsError(
                self._path, f"{self.prefix}{key} has {len(value)} values for {n_layers} layers"
            )
        return tuple(self._checked(key, v, _MAX_WIDTH) for v in value[:n_layers])

    def length(self, key: str) -> int:
        """Items of an array, kept or skipped."""
        value = self.metadata.get(key)
        if isinstance(value, Skipped):
            return value.length
        return len(value) if isinstance(value, tuple) else 0

    def _checked(self, key: str, value: object, limit: int) -> int:
        if type(value) is not int or not 0 <= value <= limit:
            raise CorruptWeightsError(self._path, f"{self.prefix}{key} is {value!r}")
        return value
