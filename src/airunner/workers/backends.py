"""Which kinds of GPU the engines were built for.

llama.cpp is asked itself, in a short-lived process, because importing it here
would load it into the parent. Importing PyTorch takes seconds; its package says
enough. Asked once, and only where there is a GPU driver.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import json
import logging
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from airunner.devices.device import LANGUAGE_ENGINE, DeviceKind

_BACKENDS: dict[str, DeviceKind] = {
    "cuda": "cuda",
    "rocm": "rocm",
    "hip": "rocm",
    "metal": "metal",
    "mtl": "metal",
}
_ASK = "import json, xllamacpp; print(json.dumps([d['name'] for d in xllamacpp.get_device_info()]))"
_TIMEOUT_S = 30.0
_log = logging.getLogger(__name__)


def backends_by_engine(llama_server: Path | None) -> Mapping[str, frozenset[DeviceKind]]:
    """Kinds of accelerator by the engine that was built for them; only installed engines."""
    torch = torch_backends()
    images = {} if torch is None else {"diffusers": torch}
    return {LANGUAGE_ENGINE: engine_backends(llama_server), **images}


@functools.cache
def engine_backends(llama_server: Path | None) -> frozenset[DeviceKind]:
    """Kinds of accelerator that the engine sees, by its own word; empty for a CPU build.

    The bundled library names its devices ``CUDA0``, ``ROCm0``, ``MTL0``; a
    user's ``llama-server`` prints the same names under ``--list-devices``. An
    engine that cannot be asked counts as a CPU build, with a warning.
    """
    try:
        if llama_server is not None:
            text = _run([str(llama_server), "--list-devices"])
            names = [line.split(":", 1)[0].strip() for line in text.splitlines() if ":" in line]
        elif importlib.util.find_spec("xllamacpp") is None:
            return frozenset()
        else:
            names = json.loads(_run([sys.executable, "-c", _ASK]))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        _log.warning("The engine could not be asked for its devices: %s", error)
        return frozenset()
    return kinds_of(names)


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


def kinds_of(names: list[str]) -> frozenset[DeviceKind]:
    """Kinds of accelerator behind the engine's device names."""
    return frozenset(
        kind
        for name in names
        for prefix, kind in _BACKENDS.items()
        if name.lower().startswith(prefix)
    )


def _run(command: list[str]) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout
