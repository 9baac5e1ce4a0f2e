"""The CPU: how much RAM this process may have, and how many threads it may run.

Owns the host's figures and their reduction to what a container or a CPU
affinity leaves of them; ``cgroup.py`` reads the control groups.
"""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Callable
from pathlib import Path

from airunner.devices.cgroup import cpu_quota, memory_allowance
from airunner.devices.device import Device, DeviceReport
from airunner.devices.kernel_file import file_text


def host_memory() -> tuple[int, int]:
    """Bytes of RAM in the machine, and those available without swapping."""
    # Imported here, because `airunner --help` does not probe.
    import psutil

    memory = psutil.virtual_memory()
    return memory.total, memory.available


def probe_cpu(
    root: Path = Path("/"), memory: Callable[[], tuple[int, int]] = host_memory
) -> DeviceReport:
    """RAM as a device, reduced to the control group's limit. Swap is not counted."""
    total, free = memory()
    allowance = memory_allowance(root)
    note = ""
    if allowance is not None and allowance.limit_bytes < total:
        total, note = allowance.limit_bytes, "limited by the control group"
    if allowance is not None:
        free = min(free, allowance.free_bytes)
    device = Device("cpu", "cpu", _cpu_name(root), total, min(free, total), note=note)
    return DeviceReport((device,))


def allowed_cpus() -> int:
    """Logical CPUs this process may be scheduled on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_threads(root: Path = Path("/"), cpus: Callable[[], int] = allowed_cpus) -> int:
    """Threads that can run at once: the CPU affinity, cut to the control group's quota.

    A quota is rounded down, because the thread too many would be stopped in the
    middle of every period and all others wait for it; it is at least 1.
    """
    quota = cpu_quota(root)
    threads = cpus() if quota is None else min(cpus(), math.floor(quota))
    return max(1, threads)


def _cpu_name(root: Path) -> str:
    for line in file_text(root / "proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name" and value.strip():
            return value.strip()
    return platform.processor() or platform.machine() or "CPU"
