"""How much memory an image pipeline will take, computed from its files before anything is loaded.

Owns the arithmetic; it touches no file, device or process. All of it describes
one worker process as the operating system counts it at its peak (``VmHWM``):
resident memory, mapped weights included. Terms marked *measured* come from
``benchmarks/image_memory.py`` on x86-64 with torch 2.13.0 (CPU) and diffusers
0.42.1, one thread. On a GPU four drawings were measured (an NVIDIA H200, torch
2.11.0: pipelines of 6 and 160 M parameters, up to 512 pixels); other GPU terms are
assumptions or follow from tensor shapes, and such an estimate is never exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from airunner.models.files.pipeline import Part, Pipeline
from airunner.models.memory.language import MemoryEstimate

Dtype = Literal["float32", "float16", "bfloat16"]
Offload = Literal["none", "model", "group"]
WeightFormat = Literal["as_stored", "4bit"]

DTYPE_BYTES: dict[Dtype, int] = {"float32": 4, "float16": 2, "bfloat16": 2}
_STORED_AS = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}

# Parts whose every term was compared with the engine.
MEASURED_DENOISERS = frozenset({"UNet2DConditionModel"})
MEASURED_VAES = frozenset({"AutoencoderKL", "AutoencoderTiny"})

_MIB = 1 << 20
LIBRARY_BYTES = 500 * _MIB
"""A worker apart from weights and what it computes on, at most: Python, torch, diffusers,
transformers. *Measured*: 412 MiB on an AMD EPYC and 480 to 515 MiB on an Intel Xeon with
AVX-512, of which 430 before the first picture. The higher one counts: too little would break
a budget, too much only wastes some of it.
"""

# measured: CUDA context, cuBLAS and cuDNN with their workspaces
_GPU_PROCESS_BYTES = 750 * _MIB
# Assumptions, not measurements: the bytes of one weight with its scale in bitsandbytes' NF4, 64
# weights to a block; layers on the device at once when they come singly
# (`enable_group_offload` with `leaf_level`).
_NF4_BYTES = 0.5 + 4 / 64
_LAYERS_AT_ONCE = 2

_GUIDED_BATCH = 2  # classifier-free guidance computes with and without the prompt together
_SEQUENTIAL = ("Flux", "QwenImage")  # transformers whose pipelines guide one after the other
_DEFAULT_TOKENS = 512  # of the prompt, beside those of the picture (T5 in SD3 and FLUX)

# Copies of the widest row of each part that are alive at once, in numbers of its dtype.
_UNET_ROWS = 24  # measured: feed-forward (8 gated, 4, 4), residuals, normalized copies
_TRANSFORMER_ROWS = 24  # from the shapes of a FLUX single block; not measured
_KL_ROWS = 3.9  # measured: a residual block's input, its normalized copies, oneDNN's own
_GPU_KL_ROWS = 8.7  # measured: the same, cuDNN's workspaces and what torch's allocator keeps
_TINY_ROWS = 4.35  # measured
# measured: what a step leaves on the heap under the decoder. glibc maps blocks above 32 MiB
# singly (`DEFAULT_MMAP_THRESHOLD_MAX`) and gives those back; smaller ones it mostly keeps.
_MOST_OF_DECODER_BYTES, _MOST_HEAP_BYTES = 24 * _MIB, 128 * _MIB
_MOST_CONVERTED_BYTES = 64 * _MIB  # measured: what converting weights leaves on the heap
_NARROWEST = 32  # measured: with fewer channels oneDNN computes 16-bit convolutions in 32
_LAYER_COPIES = 2  # measured: a convolution's weights are copied into oneDNN's layout


@dataclass(frozen=True, slots=True)
class _Need:
    """What one part needs while it computes, weights aside."""

    part: Part
    weights_bytes: int
    compute_bytes: int


def estimate_image_memory(
    pipeline: Pipeline,
    *,
    width: int,
    height: int,
    dtype: Dtype = "float32",
    offload: Offload = "none",
    weights: WeightFormat = "as_stored",
    on_gpu: bool = False,
    safety_checker: bool = False,
) -> MemoryEstimate:
    """Predict a worker's peak while it draws a picture of ``width`` x ``height`` pixels.

    The peak is the largest of: reading a part whose numbers are converted, with
    the file still mapped beside the copy; a step of the denoiser; the decoder.
    ``offload`` and ``weights`` mean what they do in ``engines.image.ImagePlan``;
    memory that offloaded parts take on the host is not counted. Without
    ``safety_checker`` the engine leaves that part out.
    """
    size = DTYPE_BYTES[dtype]
    needs = [
        _need(pipeline, part, width, height, dtype, weights, on_gpu)
        for name, part in pipeline.parts.items()
        if safety_checker or name != "safety_checker"
    ]
    overhead = _GPU_PROCESS_BYTES if on_gpu else LIBRARY_BYTES
    if offload == "none":
        weights_bytes = sum(need.weights_bytes for need in needs)
        compute_bytes = max(need.compute_bytes for need in needs)
        if not on_gpu:
            compute_bytes = max(compute_bytes, _decoding_bytes(needs, pipeline))
            converted_bytes = _converted_bytes(needs, dtype)
            compute_bytes += min(converted_bytes, _MOST_CONVERTED_BYTES)
            compute_bytes = max(compute_bytes, converted_bytes)
    elif offload == "model":
        largest = max(needs, key=lambda need: need.weights_bytes + need.compute_bytes)
        weights_bytes, compute_bytes = largest.weights_bytes, largest.compute_bytes
    else:
        layers = [_LAYERS_AT_ONCE * _largest_layer_bytes(need.part, size) for need in needs]
        weights_bytes = max(layers)
        compute_bytes = max(need.compute_bytes for need in needs)
    vae = pipeline.vae
    exact = (
        not on_gpu
        and not pipeline.is_pickle
        and pipeline.denoiser.class_name in MEASURED_DENOISERS
        and (vae is None or vae.class_name in MEASURED_VAES)
    )
    return MemoryEstimate(weights_bytes, 0, compute_bytes, overhead, exact)


def _need(
    pipeline: Pipeline,
    part: Part,
    width: int,
    height: int,
    dtype: Dtype,
    weights: WeightFormat,
    on_gpu: bool,
) -> _Need:
    size = DTYPE_BYTES[dtype]
    denoiser = pipeline.denoiser
    if part is pipeline.vae:
        # SDXL's pipelines decode in 32 bits unless the autoencoder says it need not be.
        upcast = "XL" in pipeline.class_name and dtype == "float16"
        if upcast and part.config.get("force_upcast", True):
            size = 4
        decoding = _decoder_bytes(part, width * height, size, on_gpu)
        return _Need(part, part.loaded_bytes(size), decoding)
    if part is not denoiser:
        return _Need(part, part.loaded_bytes(size), _encoder_bytes(part, size))
    loaded = part.loaded_bytes(size) if weights == "as_stored" else _nf4_bytes(part, size)
    scale = latent_scale(pipeline.vae)
    latent = (-(-width // scale), -(-height // scale))
    if "unet" in part.name or "UNet" in part.class_name:
        return _Need(part, loaded, _unet_bytes(part, latent, size))
    return _Need(part, loaded, _transformer_bytes(part, latent, size))


def _decoding_bytes(needs: list[_Need], pipeline: Pipeline) -> int:
    """The decoder on top of what the steps before it left on the heap."""
    by_part = {need.part.name: need.compute_bytes for need in needs}
    decoder_bytes = by_part[pipeline.vae.name] if pipeline.vae is not None else 0
    left_bytes = by_part[pipeline.denoiser.name] + min(decoder_bytes // 6, _MOST_OF_DECODER_BYTES)
    return decoder_bytes + min(left_bytes, _MOST_HEAP_BYTES)


def latent_scale(vae: Part | None) -> int:
    """Pixels per latent, along one side; 8 where the autoencoder does not say."""
    if vae is None:
        return 8
    if "Tiny" in vae.class_name:
        stages = vae.numbers("num_decoder_blocks") or vae.numbers("decoder_block_out_channels")
    else:
        stages = vae.numbers("block_out_channels") or vae.numbers("dim_mult")
    return int(2 ** (len(stages) - 1)) if stages else 8


def _converted_bytes(needs: list[_Need], dtype: Dtype) -> int:
    """Bytes of the largest part, as stored, whose numbers are converted when it is loaded.

    Parts come one by one, and the file stays mapped beside the copy until its
    part is done. In which order is left to chance (the library iterates over a
    set), so the worst is counted: the largest mapping when all else is there.
    """
    return max(
        (
            need.part.n_bytes
            for need in needs
            if need.part.is_pickle
            or need.part.is_gguf
            or any(t.is_floating and t.dtype != _STORED_AS[dtype] for t in need.part.tensors)
        ),
        default=0,
    )


def _nf4_bytes(part: Part, size: int) -> int:
    """Weights of a denoiser whose matrices are quantized to 4 bits, the rest as computed in."""
    if part.is_gguf:
        return part.n_bytes
    if part.is_pickle:
        return int(part.loaded_bytes(1) * _NF4_BYTES)
    return sum(
        math.ceil(t.n_elements * _NF4_BYTES)
        if t.is_floating and len(t.shape) == 2
        else t.n_elements * size
        if t.is_floating
        else t.n_bytes
        for t in part.tensors
    )


def _largest_layer_bytes(part: Part, size: int) -> int:
    """Bytes of the largest layer; where that is not known, a twentieth of the part."""
    largest = max((t.n_elements * size for t in part.tensors), default=0)
    return largest or part.loaded_bytes(size) // 20


def _largest_convolution_bytes(part: Part, size: int) -> int:
    """Bytes of the largest convolution, which is laid out anew when it computes."""
    return max((t.n_elements * size for t in part.tensors if len(t.shape) >= 4), default=0)


def _encoder_bytes(part: Part, size: int) -> int:
    """A text encoder over one prompt: a few rows of its feed-forward width per token."""
    hidden = part.number("hidden_size", part.number("d_model", 768))
    inner = part.number("intermediate_size", part.number("d_ff", 4 * hidden))
    tokens = min(part.number("max_position_embeddings", _DEFAULT_TOKENS), _DEFAULT_TOKENS)
    return size * _GUIDED_BATCH * tokens * (8 * hidden + 3 * inner)


def _unet_bytes(part: Part, latent: tuple[int, int], size: int) -> int:
    """A step of a UNet: what the skip connections keep, and the widest level's working set."""
    channels = part.numbers("block_out_channels") or (320, 640, 1280, 1280)
    layers = part.number("layers_per_block", 2)
    kept = working = 0
    for level, width in enumerate(channels):
        cells = math.ceil(latent[0] / 2**level) * math.ceil(latent[1] / 2**level)
        kept += cells * width * (layers + 1)
        working = max(working, cells * width * _UNET_ROWS)
    activations = _GUIDED_BATCH * (kept + working) * size
    return activations + _LAYER_COPIES * _largest_convolution_bytes(part, size)


def _transformer_bytes(part: Part, latent: tuple[int, int], size: int) -> int:
    """A step of a diffusion transformer: a block's working set over picture and prompt."""
    heads = part.number("num_attention_heads", part.number("n_heads", 24))
    hidden = part.number("dim", heads * part.number("attention_head_dim", 64))
    patch = 2 if "Flux" in part.class_name else max(1, part.number("patch_size", 2))
    tokens = math.ceil(latent[0] / patch) * math.ceil(latent[1] / patch) + _DEFAULT_TOKENS
    batch = 1 if part.class_name.startswith(_SEQUENTIAL) else _GUIDED_BATCH
    return batch * tokens * hidden * _TRANSFORMER_ROWS * size


def _decoder_bytes(part: Part, pixels: int, size: int, on_gpu: bool) -> int:
    """The decoder at its widest: the last stage, at full resolution with the width of the one
    before it, because a stage narrows only after it has enlarged (``UpDecoderBlock2D``).
    """
    if "Tiny" in part.class_name:
        widest = max(part.numbers("decoder_block_out_channels") or (64,))
        return int(pixels * widest * _TINY_ROWS * size)
    stages = part.numbers("block_out_channels")
    if not stages:
        base, multiples = part.number("base_dim", 128), part.numbers("dim_mult") or (1, 2)
        stages = tuple(base * m for m in multiples)
    if not on_gpu and min(stages) < _NARROWEST:
        size = 4
    widest = max(
        pixels // 4**level * stages[min(level + 1, len(stages) - 1)] for level in range(len(stages))
    )
    return int(widest * (_GPU_KL_ROWS if on_gpu else _KL_ROWS) * size)
