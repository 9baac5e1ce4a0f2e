"""How fast a language model writes where no accelerator computes it: a rough estimate. Pure.

One sequence is decoded as fast as memory can be read: each token takes all weights that are
active once. Sources: "LLM Inference Performance Engineering: Best Practices", Databricks 2023
(decoding is bound by memory bandwidth); JEDEC JESD79-4: a channel of DDR4-3200 moves 25.6 GB/s,
and desktops have two, of which four fifths are reached. A core alone draws about 8 GB/s: the
embedded models, 0.1 GB, reach 55 to 100 tokens/s on two cores (``benchmarks/results/server.json``).
"""

from __future__ import annotations

from airunner.models.spec import ModelCapability, ModelSpec

CORE_BYTES_PER_S = 8e9
MOST_BYTES_PER_S = 40e9
WORDS_PER_TOKEN = 0.75
"""Of English text, a usual rule of thumb."""
SLOW = 150
"""Words a minute below which a model is called slow: the pace at which people speak."""

_NOT_WRITTEN = {ModelCapability.IMAGE_GENERATION, ModelCapability.EMBEDDING}


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


def speed_in_words(words: int) -> str:
    """For people, to two digits: ``slow: about 140 words a minute``."""
    return f"{'slow: ' if words < SLOW else ''}about {float(f'{words:.2g}'):,.0f} words a minute"
