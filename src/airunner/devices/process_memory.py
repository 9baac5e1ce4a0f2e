"""The memory a process holds, on the host and on a GPU, for measuring workers."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from airunner.devices.cuda import cuda_process_bytes
from airunner.devices.device import DeviceKind
from airunner.devices.kernel_file import file_text
from airunner.devices.rocm import rocm_process_bytes


@dataclass(frozen=True, slots=True)
class ProcessMemory:
    """Resident memory of one process, in bytes.

    Weights mapped from a file count while they are resident, and once in every
    process that maps the same file. ``peak_bytes`` and ``private_bytes``, what is
    not backed by a file, are ``None`` where the system does not record them (macOS).
    """

    rss_bytes: int
    peak_bytes: int | None
    private_bytes: int | None = None


def memory_of_process(pid: int, proc: Path = Path("/proc")) -> ProcessMemory | None:
    """What process ``pid`` holds now and held at most; ``None`` if it is gone.

    On Linux from ``/proc/<pid>/status`` (``VmRSS``, ``VmHWM`` and ``RssAnon``,
    proc(5); its kB are 1024 bytes), elsewhere from psutil. Children are not included.
    """
    if sys.platform == "linux":
        return _from_proc(proc / str(pid) / "status")
    return _from_psutil(pid)


def device_bytes_of_process(pid: int, kind: DeviceKind) -> int | None:
    """Bytes process ``pid`` holds now in the memory of a ``kind`` of device; ``None`` if unknown.

    For the CPU, and for Metal, which shares RAM, that is its resident memory.
    """
    if kind == "cuda":
        return cuda_process_bytes(pid)
    if kind == "rocm":
        return rocm_process_bytes(pid)
    if kind == "vulkan":
        return None  # only the driver knows
    memory = memory_of_process(pid)
    return None if memory is None else memory.rss_bytes


def _from_proc(status: Path) -> ProcessMemory | None:
    lines = file_text(status).splitlines()
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    if "VmRSS" not in fields:
        return None  # ended, perhaps not yet waited for: its memory is gone
    peak, private = fields.get("VmHWM"), fields.get("RssAnon")
    return ProcessMemory(
        _kib(fields["VmRSS"]),
        None if peak is None else _kib(peak),
        None if private is None else _kib(private),
    )


def _kib(value: str) -> int:
    return int(value.split()[0]) * 1024


def _from_psutil(pid: int) -> ProcessMemory | None:
    # Imported here, because Linux does without.
    import psutil

    try:
        memory = psutil.Process(pid).memory_info()
    except psutil.Error:
        return None
    return ProcessMemory(memory.rss, getattr(memory, "peak_wset", None))
