"""What is installed to draw with, and which GPUs it was built for.

Importing PyTorch takes seconds; its package says enough.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import sys
from collections.abc import Callable, Iterable

from airunner.devices.device import DeviceKind
from airunner.engines.descriptor import Installation, InstallationProblem

LIBRARIES = ("diffusers", "torch", "transformers", "accelerate", "safetensors", "PIL")
"""Modules without which no image can be drawn; they come with ``airunner[images]``."""


def examine(find: Callable[[str], object] = importlib.util.find_spec) -> Installation:
    """Whether images can be drawn; looks for the libraries without importing them."""
    missing = [name for name in LIBRARIES if find(name) is None]
    if not missing:
        return Installation(f"diffusers {importlib.metadata.version('diffusers')}")
    what = f"Images cannot be drawn, because these are not installed: {', '.join(missing)}."
    remedy = "Install them: pip install 'airunner[images]'"
    return Installation("no images", (InstallationProblem(what, remedy, prevents_running=False),))


@functools.cache
def torch_backends() -> frozenset[DeviceKind] | None:
    """Kinds of accelerator that PyTorch was built for; ``None`` where it is not installed."""
    try:
        torch = importlib.metadata.distribution("torch")
    except importlib.metadata.PackageNotFoundError:
        return None
    return kinds_of_torch(torch.version, torch.requires or (), sys.platform)


def kinds_of_torch(version: str, requires: Iterable[str], platform: str) -> frozenset[DeviceKind]:
    """What a build of PyTorch computes on, by what its package says of itself.

    Its own indexes label builds in the version: ``+cpu``, ``+cu130``, ``+rocm6.4``.
    Builds on the package index have no label; on Linux they need NVIDIA's libraries
    where they are for CUDA, and on a Mac every build has Metal.
    (https://pytorch.org/get-started/locally/)
    """
    label = version.partition("+")[2]
    if label.startswith("rocm"):
        return frozenset({"rocm"})
    needs_cuda = not label and any(each.startswith(("nvidia-", "cuda-")) for each in requires)
    if label.startswith("cu") or needs_cuda:
        return frozenset({"cuda"})
    return frozenset({"metal"}) if platform == "darwin" else frozenset()
