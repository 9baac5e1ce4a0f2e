"""Which kinds of GPU the engine was built for.

Asked of the engine itself, in a short-lived process, because importing it here
would load it into the parent. Asked once, and only where there is a GPU driver.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import logging
import subprocess
import sys
from pathlib import Path

from airunner.devices.device import DeviceKind

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
