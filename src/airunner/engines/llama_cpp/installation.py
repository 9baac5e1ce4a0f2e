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
import subprocess
import sys
from pathlib import Path

from airunner.devices.device import DeviceKind
from airunner.engines.descriptor import Installation, InstallationProblem

_BACKENDS: dict[str, DeviceKind] = {
    "cuda": "cuda",
    "rocm": "rocm",
    "hip": "rocm",
    "metal": "metal",
    "mtl": "metal",
}
_ASK = "import json, xllamacpp; print(json.dumps([d['name'] for d in xllamacpp.get_device_info()]))"
_TIMEOUT_S = 30.0
_START_TIMEOUT_S = 60.0
_log = logging.getLogger(__name__)


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
        name, command = str(llama_server), [str(llama_server), "--version"]
        remedy = "Give the full path of a llama-server that runs, or leave --llama-server out."
    else:
        try:
            version = importlib.metadata.version("xllamacpp")
        except importlib.metadata.PackageNotFoundError:
            what, remedy = "The engine xllamacpp is not installed.", "pip install xllamacpp"
            return _broken("no engine", what, f"Install it: {remedy}")
        name, command = f"xllamacpp {version}", [sys.executable, "-P", "-c", "import xllamacpp"]
        remedy = "Install it again: pip install --force-reinstall xllamacpp"
    try:
        _run(command, _START_TIMEOUT_S)
    except subprocess.CalledProcessError as error:
        last = (error.stderr or error.stdout).strip().splitlines()[-1:]
        return _broken(name, f"The engine {name} does not start: {' '.join(last)}", remedy)
    except (OSError, subprocess.TimeoutExpired) as error:
        return _broken(name, f"The engine {name} does not start: {error}", remedy)
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


def _run(command: list[str], timeout_s: float = _TIMEOUT_S) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout
