"""How much memory another process holds, as the operating system tells it.

Owns the three questions a worker is asked about itself; ``None`` is "cannot be
known here", never zero. What a device has in total belongs to ``devices``.
"""

from __future__ import annotations

from pathlib import Path

import psutil


def resident_bytes(pid: int) -> int | None:
    """Resident memory of a process, mapped weights included."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return None


def peak_resident_bytes(pid: int) -> int | None:
    """The largest resident size so far. Source: ``VmHWM`` in proc(5), so Linux only."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def gpu_bytes(pid: int, gpu_index: int) -> int | None:
    """Memory of an NVIDIA GPU used by a process, as the driver accounts it.

    ``None`` without that driver, and inside containers whose process ids the
    driver does not share.
    """
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        device = pynvml.nvmlDeviceGetHandleByIndex(gpu_index)
        for process in pynvml.nvmlDeviceGetComputeRunningProcesses(device):
            if process.pid == pid and process.usedGpuMemory is not None:
                return int(process.usedGpuMemory)
        return None
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()
