"""The machine that figures were taken on.

Owns the description stored with every result. It has what a reader needs to
compare, and nothing that tells whose machine it was: no host name, no path.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from airunner.devices.cuda import probe_cuda


def describe_machine(llama_server: Path | None = None, *, gpu: bool = False) -> dict[str, Any]:
    """What the figures depend on; call it before measuring, for ``load_1m``'s sake.

    ``llama_server`` is the binary used instead of the bundled engine, and
    ``gpu`` says whether a GPU computes. ``cores`` are those this process may use;
    ``load_1m`` is how many processes wanted a core on average over the last
    minute, ``None`` where that is unknown.
    """
    return {
        **({"gpu": ", ".join(each.name for each in probe_cuda().devices)} if gpu else {}),
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
        "ram_bytes": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "engine": _engine(llama_server),
        "load_1m": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }


def _engine(llama_server: Path | None) -> str:
    if llama_server is None:
        try:
            return f"xllamacpp {version('xllamacpp')}"
        except PackageNotFoundError:  # image models alone need none
            return "none"
    command = [str(llama_server), "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = (said.stdout + said.stderr).splitlines()
    return "llama-server " + next((line for line in lines if "version" in line), "").strip()


def _cpu_model() -> str:
    """The processor's name; its architecture where it has none (some ARM boards, some guests)."""
    if sys.platform == "darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.machine()
