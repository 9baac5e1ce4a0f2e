"""How many tokens of a prompt are read at once.

The engine looks only between two batches whether anybody still waits for the answer. On a
GPU one takes a fraction of a second, whatever its size. A processor takes a minute for 512
tokens of a large model, and gains nothing by it: read in smaller pieces, the prompt is there
as soon. Only a small model loses, whose layers are done before the threads have met.

Measured on two cores, a prompt of 1,000 tokens (500 for the largest), in tokens per second,
and seconds a batch; the larger two have the shape of Llama 3.2 1B and Llama 3.1 8B in Q4_0:

=====  ============  ===========  ===========
batch  135M, 0.1 GB  1B, 0.6 GB   8B, 4.0 GB
=====  ============  ===========  ===========
512    161 (3 s)     58 (9 s)     8.5 (60 s)
128    150 (0.9 s)   62 (2 s)     8.3 (15 s)
64     136 (0.5 s)   56 (1.1 s)   8.7 (7 s)
32                   37 (0.9 s)   7.5 (4 s)
=====  ============  ===========  ===========
"""

from __future__ import annotations

from airunner.models.files.gguf import GgufFile

LARGEST = 512
_ON_CPU = ((2 * 10**9, 64), (4 * 10**8, 128))
"""From so many bytes of weights on, so many tokens."""


def batch_on_cpu(file: GgufFile) -> int:
    """The batch, in tokens, for a model that a processor computes.

    One of experts keeps the largest: the tokens of a batch share the reading of the weights,
    and few of them need the same ones.
    """
    if file.n_experts:
        return LARGEST
    return next((n for n_bytes, n in _ON_CPU if file.weights_bytes >= n_bytes), LARGEST)
