"""The libraries that draw, imported once and only in a worker process.

``diffusers`` resolves its names lazily, so that asking for one class imports
little else: measured here, ``StableDiffusionPipeline`` 2.8 s after ``torch``,
``AutoPipelineForText2Image`` 3.6 s and 18 MB more.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from airunner.importing import importing

_MOST_USED = "StableDiffusionPipeline"


def set_environment() -> None:
    """What must be set before the libraries load."""
    # Nothing is fetched behind the user's back.
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_OFFLINE"] = "1"
    # OpenMP (libgomp) may not spin here, not even as shortly as a language model's threads do.
    # On two cores, ms asleep at once / 300 / 3,000 rounds / as it likes: convolutions of real
    # size 248 / 247 / 267 / 251; the 64-pixel model 1,810 / 1,720 / 930 / 750 (one thread 770),
    # and beside programs that keep both cores busy 1,870 / 2,420 / 4,850 (as it likes: 17,000,
    # of five runs; one thread 1,710).
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    # CUDA's own order of GPUs is not the one that the driver's tools count in.
    os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def import_ahead() -> None:
    """Import what nearly every pipeline needs; touches no GPU."""
    with importing():
        torch()
        getattr(diffusers(), _MOST_USED)


def torch() -> Any:
    """The module ``torch``."""
    return importlib.import_module("torch")


def diffusers() -> Any:
    """The module ``diffusers``."""
    return importlib.import_module("diffusers")
