"""How fast a model works where no accelerator computes it: rough estimates. Pure.

Language: one sequence is decoded as fast as memory can be read; each token takes all weights
that are active once. Sources: "LLM Inference Performance Engineering: Best Practices",
Databricks 2023 (decoding is bound by memory bandwidth); JEDEC JESD79-4: a channel of
DDR4-3200 moves 25.6 GB/s, and desktops have two, of which four fifths are reached. A core
alone draws about 8 GB/s: the embedded models, 0.1 GB, reach 55 to 100 tokens/s on two cores
(``benchmarks/results/server.json``).

Pictures: arithmetic is what takes the time. ``torch.utils.flop_counter`` counts for one pass
of a U-Net 0.80 TFLOP (Stable Diffusion 1.5, 512x512) and 6.8 (SDXL, 1024x1024), and for the
decoder that makes pixels of its result 9.6 MFLOP a pixel. Two operations for each parameter
and each square of 32x32 pixels give 0.56 and 7.3; a transformer works on squares of 16x16.
A core does about 50 GFLOP/s: Stable Diffusion 1.4, 32 steps at 512x512, took 120, 240 and
270 s on three processors of four cores (github.com/bes-dev/stable_diffusion.openvino,
issue 5), which is 98, 49 and 44 GFLOP/s a core.
"""

from __future__ import annotations

from dataclasses import dataclass

from airunner.durations import about_seconds
from airunner.models.spec import ModelCapability, ModelSpec

CORE_BYTES_PER_S = 8e9
MOST_BYTES_PER_S = 40e9
WORDS_PER_TOKEN = 0.75
"""Of English text, a usual rule of thumb."""
SLOW = 150
"""Words a minute below which a model is called slow: the pace at which people speak."""

CORE_FLOP_PER_S = 50e9
DECODER_FLOP_PER_PIXEL = 9.6e6
UNET_SQUARE, TRANSFORMER_SQUARE = 32, 16
"""Side in pixels of the square that a parameter is applied to once in a pass."""
SLOW_PICTURE_S = 300
"""Seconds a picture above which a model is called slow: nobody waits longer before the screen."""

_NOT_WRITTEN = {ModelCapability.IMAGE_GENERATION, ModelCapability.EMBEDDING}


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a model works; ``None`` where that is not known, or not what it does."""

    words_per_minute: int | None = None
    seconds_per_picture: int | None = None

    @property
    def is_slow(self) -> bool:
        """Whether one would rather have another model."""
        words, seconds = self.words_per_minute, self.seconds_per_picture
        return (words is not None and words < SLOW) or (seconds or 0) > SLOW_PICTURE_S

    def __str__(self) -> str:
        """For people: ``slow: about 140 words a minute``; empty if unknown."""
        slow = "slow: " if self.is_slow else ""
        if self.words_per_minute is not None:
            return f"{slow}about {_two_digits(self.words_per_minute)} words a minute"
        if self.seconds_per_picture is None:
            return ""
        return f"{slow}about {about_seconds(self.seconds_per_picture)} a picture"

    @property
    def short(self) -> str:
        """The same for a column of a table: ``slow: 140 words/min``, ``9 min/picture``."""
        slow = "slow: " if self.is_slow else ""
        if self.words_per_minute is not None:
            return f"{slow}{_two_digits(self.words_per_minute)} words/min"
        if self.seconds_per_picture is None:
            return ""
        return f"{slow}{about_seconds(self.seconds_per_picture)}/picture"


UNKNOWN_PACE = Pace()


def pace_on_cpu(spec: ModelSpec, size_bytes: int, n_threads: int) -> Pace:
    """What ``spec``, whose ``size_bytes`` lie in RAM, does on ``n_threads`` cores."""
    return Pace(words_per_minute(spec, size_bytes, n_threads), seconds_per_picture(spec, n_threads))


def words_per_minute(spec: ModelSpec, size_bytes: int, n_threads: int) -> int | None:
    """What ``spec``, whose ``size_bytes`` lie in RAM, writes on ``n_threads`` cores.

    ``None`` for a model that writes nothing.
    """
    if _NOT_WRITTEN.intersection(spec.capabilities) or size_bytes <= 0:
        return None
    active = 1.0
    if spec.active_parameters_b and spec.parameters_b:
        active = spec.active_parameters_b / spec.parameters_b
    bytes_per_s = min(n_threads * CORE_BYTES_PER_S, MOST_BYTES_PER_S)
    return round(bytes_per_s / (size_bytes * active) * WORDS_PER_TOKEN * 60)


def seconds_per_picture(spec: ModelSpec, n_threads: int) -> int | None:
    """What a picture of the usual size and steps takes on ``n_threads`` cores, at least 1.

    ``None`` for a model that draws nothing, or whose parameters nobody stated.
    """
    drawn = spec.image
    if drawn is None or spec.parameters_b is None:
        return None
    n_pixels = drawn.width * drawn.height
    side = TRANSFORMER_SQUARE if drawn.transformer else UNET_SQUARE
    passes = drawn.steps * (2 if drawn.guidance > 1 else 1)
    flop = 2 * spec.parameters_b * 1e9 * n_pixels / side**2 * passes
    flop += DECODER_FLOP_PER_PIXEL * n_pixels
    return max(1, round(flop / (n_threads * CORE_FLOP_PER_S)))


def _two_digits(number: float) -> str:
    return f"{float(f'{number:.2g}'):,.0f}"
