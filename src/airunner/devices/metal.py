"""The GPU of an Apple silicon Mac, which shares RAM with the CPU.

Owns finding it and how much of RAM it can hold at once.
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable

from airunner.config.byte_size import GIB, MIB
from airunner.devices.cpu import host_memory
from airunner.devices.device import Device, DeviceReport

# Metal's recommendedMaxWorkingSetSize by RAM, as llama.cpp logs it where no limit is set:
# 10,922.67 MiB of 16 GiB and 21,845.34 of 32 (two thirds); 27,648 of 36, 49,152 of 64 and
# 73,728 of 96 (three quarters). github.com/ggml-org/llama.cpp issues 1870 and 3213, pull request
# 2011; github.com/ollama/ollama issue 434. macOS 26 allows more (107.5 of 128 GiB:
# github.com/antirez/ds4/pull/893), so the figure is what is safe on every version.
_LARGE_BYTES = 36 * GIB


def sysctl(name: str) -> int | None:
    """The integer value of a kernel variable of macOS, or ``None``."""
    import subprocess  # here, because only Macs start a process for this

    command = ["/usr/sbin/sysctl", "-n", name]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
        return int(answer.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def probe_metal(
    read: Callable[[str], int | None] = sysctl,
    memory: Callable[[], tuple[int, int]] = host_memory,
    system: str = sys.platform,
    machine: str | None = None,
) -> DeviceReport:
    """The Mac's GPU, with the part of RAM that Metal recommends to keep on it.

    That part is ``iogpu.wired_limit_mb`` (MiB) if the user raised it. Intel Macs
    have no device here: their GPUs have little memory and llama.cpp runs badly
    on them.
    """
    if system != "darwin" or (machine or platform.machine()) != "arm64":
        return DeviceReport()
    ram = read("hw.memsize")
    limit = read("iogpu.wired_limit_mb")
    total = None if ram is None else ram * 3 // 4 if ram >= _LARGE_BYTES else ram * 2 // 3
    if limit:
        total = limit * MIB
    free = memory()[1]
    device = Device(
        "metal",
        "metal",
        "Apple GPU",
        total,
        free if total is None else min(free, total),
        gpu_index=0,
        note="shares RAM with the CPU",
    )
    return DeviceReport((device,))
