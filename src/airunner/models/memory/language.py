"""How much memory a model will take, computed from its file before anything is loaded.

Owns the arithmetic; it touches no file, device or process. All of it describes
one worker process as the operating system counts it at its peak: resident
memory, mapped weights included. Terms marked *measured* come from
``benchmarks/memory.py`` on x86-64 with xllamacpp 2026.10; the others follow
llama.cpp's allocations, named beside each term.
"""

from __future__ import annotations

import platform
from bisect import bisect_right
from dataclasses import dataclass
from typing import TypedDict, Unpack

from airunner.models.files.gguf import GgufFile
from airunner.models.quantization import TYPE_BY_NAME

CELL_STEP = 256  # llama.cpp allocates KV cells in multiples of this (`n_pad`, `GGML_PAD(n_ctx)`)
CHECKPOINTS = 2  # per slot, of windowed or recurrent state; workers set `n_ctx_checkpoints` to it

# Architectures whose every term was compared with the engine.
MEASURED_ARCHITECTURES = frozenset({"llama", "mistral3", "qwen2", "qwen3", "qwen3moe", "gemma3"})

# Formats that llama.cpp copies into an interleaved layout for the CPU
# (`ggml_repack_get_optimal_repack_type`). On x86-64 measured with AVX2, except
# IQ4_NL, which no writer at hand produces. Elsewhere unmeasured: everything
# the function is known to handle, so that the estimate errs upwards.
_REPACKED_X86 = frozenset({"Q4_0", "Q4_K", "IQ4_NL", "MXFP4"})
_REPACKED_ELSEWHERE = _REPACKED_X86 | {"Q2_K", "Q5_K", "Q6_K", "Q8_0"}

_EMBEDDING = "token_embd.weight"
_MIB = 1 << 20
_PROCESS_BYTES = 34 * _MIB  # measured: interpreter, libraries, HTTP server and its threads
_TOKEN_BYTES, _MERGE_BYTES = 200, 200  # measured: vocabulary strings and hash tables
_TRIE_BYTES = 535  # measured: llguidance per token; 533 at 49k, 470 at 100k, 455 at 152k tokens
_LAYER_BYTES = 70 * 1024  # measured: tensor records and the graph
_SLOT_BYTES = 420 * 1024  # measured: sampler, token list
# measured: CUDA context, kernels and the pool of temporary buffers, 628 to 640 MB. A GPU with
# fewer multiprocessors than the H200's 132 takes less, so that estimates are never exact there.
_GPU_PROCESS_BYTES = 610 * _MIB


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes at the peak, load included, on the device the model is placed on.

    Attributes:
        weights_bytes: tensors, with the copies the engine makes of some.
        kv_bytes: KV cache, recurrent state, and (in RAM only) their checkpoints.
        compute_bytes: scratch memory of the largest batch, and logits.
        overhead_bytes: the process itself and the vocabulary.
        exact: whether this architecture was measured; if not, the same formulas
            are applied to an architecture they were not compared with.
    """

    weights_bytes: int
    kv_bytes: int
    compute_bytes: int
    overhead_bytes: int
    exact: bool

    @property
    def total_bytes(self) -> int:
        """What a placement must reserve."""
        return self.weights_bytes + self.kv_bytes + self.compute_bytes + self.overhead_bytes


class LoadChoices(TypedDict, total=False):
    """How a model is loaded; see ``estimate_memory``."""

    n_parallel: int
    kv_unified: bool
    n_ubatch: int
    kv_type_k: str
    kv_type_v: str
    on_gpu: bool
    mapped: bool | None
    guided: bool


def repacked_bytes(file: GgufFile, machine: str | None = None) -> int:
    """Bytes of weights that the engine copies into another layout to compute on the CPU.

    ``machine`` is as ``platform.machine()`` says; default this one.
    """
    formats = _repacked_formats(machine)
    tied = file.tied_embedding
    return sum(
        t.n_bytes
        for t in file.tensors
        if t.type.name in formats and len(t.shape) > 1 and (t.name != _EMBEDDING or t is tied)
    )


def maps_weights(file: GgufFile) -> bool:
    """Whether a worker should map the weights into memory instead of reading them.

    Mapped weights load fastest, but where the engine repacks them the mapping
    stays resident beside the copy: 1.13 GB instead of 0.69 GB for a 0.5 GB Q4_K
    file (measured). So: mapped unless something is repacked.
    """
    return repacked_bytes(file) == 0


def kv_bytes_per_token(file: GgufFile, kv_type_k: str = "f16", kv_type_v: str = "f16") -> int:
    """Growth of the KV cache per token of context, leaving out layers with a sliding window."""
    return sum(
        _layer_row_bytes(file, heads, kv_type_k, kv_type_v)
        for heads, windowed in zip(file.kv_heads, file.windowed_layers, strict=True)
        if not windowed
    )


def estimate_memory(
    file: GgufFile,
    *,
    n_ctx: int,
    n_parallel: int = 1,
    kv_unified: bool = False,
    n_ubatch: int = 512,
    kv_type_k: str = "f16",
    kv_type_v: str = "f16",
    on_gpu: bool = False,
    mapped: bool | None = None,
    guided: bool = False,
) -> MemoryEstimate:
    """Predict a worker's peak for ``n_parallel`` slots of ``n_ctx`` tokens each.

    With ``kv_unified`` the slots share ``n_ctx`` tokens.
    ``mapped`` is how weights are loaded; ``None`` is the worker's own choice,
    ``maps_weights(file)``. ``guided`` says that text will be decoded under a
    schema with llguidance, which builds a trie of the vocabulary for it.
    """
    if mapped is None:
        mapped = maps_weights(file)
    cells = _padded(n_ctx)
    window = file.sliding_window
    window_cells = cells if window is None else min(cells, _padded(window + n_ubatch))
    # On a GPU the server keeps checkpoints in RAM (`server_prompt_checkpoint`).
    checkpoints = 0 if on_gpu else CHECKPOINTS
    streams = 1 if kv_unified else n_parallel
    kv = streams * _kv_bytes(
        file, cells, window_cells, window, checkpoints, kv_type_k, kv_type_v
    ) + n_parallel * file.recurrent_state_bytes * (1 + checkpoints)
    batch = min(n_ubatch, cells * streams)
    if on_gpu:
        copied = 0 if kv_type_k == kv_type_v == "f16" else cells * streams
        compute = _gpu_compute_bytes(file, cells, window_cells, batch, n_parallel, copied)
    else:
        compute = _compute_bytes(file, cells, window_cells, batch, n_parallel)
    overhead = _GPU_PROCESS_BYTES if on_gpu else _overhead_bytes(file, n_parallel)
    if guided and not on_gpu:
        overhead += file.n_vocab * _TRIE_BYTES
    weights = _gpu_weights_bytes(file) if on_gpu else _cpu_weights_bytes(file, mapped)
    if not on_gpu and not mapped:
        # A repacked tensor is read into a buffer of its own size first, before KV
        # and scratch exist. The output matrix comes early, when little is resident.
        compute = max(compute, _largest_repacked_bytes(file) - kv)
    exact = file.architecture in MEASURED_ARCHITECTURES and not on_gpu
    return MemoryEstimate(weights, kv, compute, overhead, exact)


def largest_context(
    file: GgufFile, budget_bytes: int, *, cap: int | None = None, **load: Unpack[LoadChoices]
) -> int | None:
    """The longest context per slot that fits ``budget_bytes``; ``None`` if none does.

    A multiple of 256, at most ``cap`` (default: what the model was trained for).
    ``load`` is how the model is loaded, as in ``estimate_memory``.
    """
    lengths = range(0, (file.context_length if cap is None else cap) + 1, CELL_STEP)

    def needed_bytes(n_ctx: int) -> int:
        return estimate_memory(file, n_ctx=n_ctx, **load).total_bytes

    # Of a context of 0 tokens, which stands for none, it is not asked whether it fits.
    fitting = bisect_right(lengths, budget_bytes, lo=min(1, len(lengths)), key=needed_bytes)
    return lengths[fitting - 1] or None if fitting else None


def _cpu_weights_bytes(file: GgufFile, mapped: bool) -> int:
    """Resident weights: the mapping plus repacked copies, or each tensor once.

    A tied embedding that is repacked for its use as output matrix exists twice
    in any case: rows are looked up in the plain layout.
    """
    if mapped:
        return file.weights_bytes + repacked_bytes(file)
    tied = file.tied_embedding
    twice = tied is not None and tied.type.name in _repacked_formats()
    return file.weights_bytes + (tied.n_bytes if tied is not None and twice else 0)


def _gpu_weights_bytes(file: GgufFile) -> int:
    """On a GPU: everything but the embedding, which llama.cpp keeps in RAM unless tied."""
    return sum(t.n_bytes for t in file.tensors if t.name != _EMBEDDING or file.tied_embedding)


def _largest_repacked_bytes(file: GgufFile) -> int:
    formats = _repacked_formats()
    layers = (t for t in file.tensors if t.name.startswith("blk.") and t.type.name in formats)
    return max((t.n_bytes for t in layers), default=0)


def _kv_bytes(
    file: GgufFile,
    cells: int,
    window_cells: int,
    window: int | None,
    checkpoints: int,
    kv_type_k: str,
    kv_type_v: str,
) -> int:
    """`llama_kv_cache`, `llama_kv_cache_iswa` and checkpoints of windows, of one cache."""
    n_bytes = 0
    for heads, windowed in zip(file.kv_heads, file.windowed_layers, strict=True):
        row = _layer_row_bytes(file, heads, kv_type_k, kv_type_v)
        n_bytes += row * (window_cells if windowed else cells)
        if windowed and window is not None:
            # A checkpoint is made once a prompt is longer than the window.
            n_bytes += checkpoints * row * min(window, cells)
    return n_bytes


def _layer_row_bytes(file: GgufFile, kv_heads: int, kv_type_k: str, kv_type_v: str) -> int:
    """One token's keys and values in one layer."""
    k, v = TYPE_BY_NAME[kv_type_k], TYPE_BY_NAME[kv_type_v]
    return k.n_bytes(kv_heads * file.head_dim_k) + v.n_bytes(kv_heads * file.head_dim_v)


def _compute_bytes(
    file: GgufFile, cells: int, window_cells: int, batch: int, n_parallel: int
) -> int:
    """Scratch of one batch with flash attention, and the output logits.

    ``ggml_gallocr`` lays tensors out by lifetime, so the peak is the largest
    phase of a layer on top of five residual-sized rows. Per token of the batch,
    in F32: attention keeps the query before and after rotation; a gated
    feed-forward layer keeps gate, up and their product; experts keep those per
    expert used, and their outputs. The mask is F16 over all cells
    (`build_attn_inp_kv`), one per kind of cache.

    An approximation of that allocator, fitted to the "compute buffer size" the
    engine printed for 90 random shapes (68 within 1 %; from -10 % to +20 %, the
    outliers having feed-forward layers no wider than the residual) and checked
    on 40 others (27 within 1 %, all from 0 to +17 %).
    """
    embd, ff = file.n_embd, file.n_ff
    queries, kv = file.n_heads * file.head_dim_k, max(file.kv_heads) * file.head_dim_k
    # A buffer that fits where a residual row was freed costs one copy less.
    attention = 2 * queries + (kv if kv >= embd else 0) if queries >= embd else queries
    dense = 3 * ff if ff > embd else 2 * ff
    phases = [attention, 0 if file.n_experts else dense]
    if file.n_experts:
        per_token = file.n_expert_ff * file.n_experts_used
        outputs = embd * file.n_experts_used
        gated = 3 * per_token
        if 2 * per_token < outputs:  # the outputs do not fit where gate and up were
            gated = outputs + (gated if per_token > embd else 0)
        phases.append(gated)
    scratch = 4 * batch * (5 * embd + max(phases))
    masks = cells + (window_cells if file.sliding_window else 0)
    # `ggml_graph_plan`: a matrix product's input in the weights' dot format (Q8), and
    # which rows go to which expert (`mmid_row_mapping`).
    widest = max(embd, queries, ff, file.n_expert_ff * file.n_experts_used)
    work = batch * (widest * 34 // 32 + 8 * file.n_experts * file.n_experts_used)
    logits = 4 * file.n_vocab * n_parallel
    return scratch + 2 * batch * masks + work + logits


def _gpu_compute_bytes(
    file: GgufFile, cells: int, window_cells: int, batch: int, n_parallel: int, copied_cells: int
) -> int:
    """Scratch of one batch on a GPU, the masks, and the output logits.

    Measured: the "compute buffer size" that the engine printed for 28 cases of 7
    architectures is met within 3 %, but for attention over a quantized KV cache,
    which is met from above. There ``copied_cells`` of one layer's keys and
    values are converted to F16 for every batch (`launch_fattn`). Per token, in
    F32: three residual rows and gate, up and their product; experts keep four
    rows, and all of them per expert used.

    A product with experts also sorts its rows into buffers of the pool
    (`ggml_cuda_mul_mat_id`): three rows per expert used, seen with one shape.
    """
    embd, queries = file.n_embd, file.n_heads * file.head_dim_k
    pool = 0
    feed_forward = 4 * batch * (3 * embd + 3 * file.n_ff)
    if file.n_experts:
        used = file.n_experts_used
        per_token = 3 * file.n_expert_ff * used + embd * used
        feed_forward = 4 * batch * (4 * embd + per_token)
        pool = 3 * 4 * batch * embd * used
    attention = 0
    if copied_cells:
        width = max(file.kv_heads) * (file.head_dim_k + file.head_dim_v)
        attention = 2 * copied_cells * width + 4 * batch * (3 * embd + 6 * queries)
    masks = cells + (window_cells if file.sliding_window else 0)
    logits = 4 * file.n_vocab * n_parallel
    return max(feed_forward, attention) + pool + 2 * batch * masks + logits


def _overhead_bytes(file: GgufFile, n_parallel: int) -> int:
    vocabulary = file.n_vocab * _TOKEN_BYTES + file.n_merges * _MERGE_BYTES
    return _PROCESS_BYTES + vocabulary + file.n_layers * _LAYER_BYTES + n_parallel * _SLOT_BYTES


def _repacked_formats(machine: str | None = None) -> frozenset[str]:
    on_x86 = (machine or platform.machine()).lower() in ("x86_64", "amd64")
    return _REPACKED_X86 if on_x86 else _REPACKED_ELSEWHERE


def _padded(cells: int) -> int:
    return max(1, -(-cells // CELL_STEP)) * CELL_STEP
