"""What is installed of llama.cpp: whether it starts, and which GPUs it was built for.

It is asked itself, in a short-lived process, because importing it here would load it
into the parent.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import json
import logging
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from airunner.config.byte_size import MIB
from airunner.devices.device import DeviceKind
from airunner.engines.descriptor import Installation, InstallationProblem
from airunner.errors.system_words import system_words

_BACKENDS: dict[str, DeviceKind] = {
    "cuda": "cuda",
    "rocm": "rocm",
    "hip": "rocm",
    "metal": "metal",
    "mtl": "metal",
    "vulkan": "vulkan",
}
DEVICES_SCRIPT = """\
import json, xllamacpp as e
gpu = e.ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_GPU
print(json.dumps([[d["name"], d["memory_total"], d["memory_free"], d["type"] == gpu]
                  for d in e.get_device_info()]))"""
"""Prints, for each device: name, bytes in all, bytes free, whether it is a GPU."""

_LISTED = re.compile(r"\s*(\w+):.*?(?:\((\d+) MiB, (\d+) MiB free\))?\s*")
_TIMEOUT_S = 30.0
_START_TIMEOUT_S = 60.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EngineGpu:
    """An accelerator as the engine sees it, with its memory in bytes where it says so."""

    name: str
    total_bytes: int = 0
    free_bytes: int = 0


def engine_backends(llama_server: Path | None) -> frozenset[DeviceKind]:
    """Kinds of accelerator that the engine sees, by its own word; empty for a CPU build."""
    return kinds_of([gpu.name for gpu in engine_gpus(llama_server)])


@functools.cache
def engine_gpus(llama_server: Path | None) -> tuple[EngineGpu, ...]:
    """What the engine computes on beside the CPU, in its own order, by its own word.

    The bundled library names its devices ``CUDA0``, ``ROCm0``, ``MTL0``, ``Vulkan0``; a
    user's ``llama-server`` prints the same names under ``--list-devices``. An
    engine that cannot be asked counts as a CPU build, with a warning.
    """
    try:
        if llama_server is not None:
            text = run([str(llama_server), "--list-devices"])
            lines = [line for line in map(_LISTED.fullmatch, text.splitlines()) if line]
            found = [EngineGpu(m[1], *(int(n or 0) * MIB for n in m.groups()[1:])) for m in lines]
        elif importlib.util.find_spec("xllamacpp") is None:
            return ()
        else:
            told = json.loads(_bundled_devices())
            found = [EngineGpu(name, total, free) for name, total, free, is_gpu in told if is_gpu]
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        _log.warning("The engine could not be asked for its devices: %s", system_words(error))
        return ()
    return tuple(gpu for gpu in found if kinds_of([gpu.name]))


@functools.cache
def _bundled_devices() -> str:
    """What the bundled library says of its devices, which says too that it starts.

    Raises:
        OSError, subprocess.SubprocessError: it does not start.
    """
    return run([sys.executable, "-P", "-c", DEVICES_SCRIPT], _START_TIMEOUT_S)


def ask_again() -> None:
    """Another build may have been installed."""
    engine_gpus.cache_clear()
    _bundled_devices.cache_clear()


@functools.cache
def engine_version(llama_server: Path | None) -> str:
    """What differs between two versions of the engine; asks no process."""
    if llama_server is not None:
        stat = llama_server.stat()
        return f"{llama_server} {stat.st_size} {stat.st_mtime_ns}"
    try:
        return f"xllamacpp {importlib.metadata.version('xllamacpp')}"
    except importlib.metadata.PackageNotFoundError:
        return ""


def examine(llama_server: Path | None) -> Installation:
    """The engine, tried in a process of its own as a worker would use it."""
    if llama_server is not None:
        name = str(llama_server)
        remedy = "Give the full path of a llama-server that runs, or leave --llama-server out."
    else:
        try:
            version = importlib.metadata.version("xllamacpp")
        except importlib.metadata.PackageNotFoundError:
            what, remedy = "The engine xllamacpp is not installed.", "pip install xllamacpp"
            return _broken("no engine", what, f"Install it: {remedy}")
        name = f"xllamacpp {version}"
        remedy = "Install it again: pip install --force-reinstall xllamacpp"
    try:
        if llama_server is None:
            ask_again()
            _bundled_devices()
        else:
            run([name, "--version"], _START_TIMEOUT_S)
    except subprocess.CalledProcessError as error:
        last = (error.stderr or error.stdout).strip().splitlines()[-1:]
        return _broken(name, f"The engine {name} does not start: {' '.join(last)}", remedy)
    except (OSError, subprocess.TimeoutExpired) as error:
        return _broken(name, f"The engine {name} does not start: {system_words(error)}", remedy)
    return Installation(name)


def _broken(name: str, what: str, remedy: str) -> Installation:
    return Installation(name, (InstallationProblem(what, remedy, prevents_running=True),))


def kinds_of(names: list[str]) -> frozenset[DeviceKind]:
    """Kinds of accelerator behind the engine's device names."""
    return frozenset(
        kind
        for name in names
        for prefix, kind in _BACKENDS.items()
        if name.lower().startswith(prefix)
    )


def run(
    command: Sequence[str], timeout_s: float = _TIMEOUT_S, environ: Mapping[str, str] | None = None
) -> str:
    """What a command prints on stdout, with nothing on its stdin.

    Raises:
        OSError, subprocess.SubprocessError: it does not start, fails or takes too long.
    """
    return subprocess.run(
        command,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_s,
        check=True,
    ).stdout
