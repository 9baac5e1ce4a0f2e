"""NVIDIA GPUs, as the driver's management library (NVML) reports them.

Owns finding them, including the instances of a GPU split by MIG, and the memory
a process holds on them. Whether the engine can compute on them is not known
here: that depends on how it was built.

Every function takes ``nvml``, an object with the functions of ``pynvml``; by
default the module itself, which needs only the driver and no CUDA toolkit.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from airunner.devices.device import Device, DeviceReport


def probe_cuda(nvml: Any = None, visible: str | None = None) -> DeviceReport:
    """NVIDIA GPUs in PCI order, with their free memory.

    ``visible`` is read as CUDA reads ``CUDA_VISIBLE_DEVICES``: indices or UUIDs
    (a unique beginning is enough) separated by commas, ending at the first that
    does not exist; it chooses and orders. ``None`` means all of them.

    No driver means no devices; a driver that is there and fails is a note.
    """
    nvml = nvml or driver_library()
    if nvml is None:
        return DeviceReport()
    found: list[Device] = []
    notes: list[str] = []
    try:
        with _session(nvml):
            for index in range(nvml.nvmlDeviceGetCount()):
                try:
                    found += [_read(nvml, handle) for handle in _handles(nvml, index)]
                except nvml.NVMLError as error:
                    notes.append(f"NVIDIA GPU {index} is not used: {error}.")
    except nvml.NVMLError as error:
        if _says_absent(nvml, error):
            return DeviceReport()
        notes.append(f"NVIDIA driver: {error}. Its GPUs are not used; `nvidia-smi` may say more.")
    chosen = found if visible is None else _visible(found, visible)
    numbered = tuple(
        replace(device, id=f"cuda:{index}", gpu_index=index) for index, device in enumerate(chosen)
    )
    if len(numbered) < len(found):
        hidden = len(found) - len(numbered)
        notes.append(f"CUDA_VISIBLE_DEVICES={visible!r} hides {hidden} NVIDIA GPU(s).")
    return DeviceReport(numbered, tuple(notes))


def cuda_process_bytes(pid: int, nvml: Any = None) -> int | None:
    """GPU memory that process ``pid`` holds on all NVIDIA GPUs together, in bytes.

    ``None`` if the driver cannot tell: it sees no such process (inside a
    container it knows only the host's process numbers), or does not account
    memory by process (Windows).
    """
    nvml = nvml or driver_library()
    if nvml is None:
        return None
    held: list[int | None] = []
    try:
        with _session(nvml):
            for index in range(nvml.nvmlDeviceGetCount()):
                for handle in _handles(nvml, index):
                    processes = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
                    held += [entry.usedGpuMemory for entry in processes if entry.pid == pid]
    except nvml.NVMLError:
        return None
    known = [n_bytes for n_bytes in held if n_bytes is not None]
    return sum(known) if known and len(known) == len(held) else None


def driver_library() -> Any:
    """The module ``pynvml``, or ``None`` where there is no driver for it.

    Imported here, and only then, because it takes a tenth of a short command's time.
    """
    try:
        ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None
    import pynvml

    return pynvml


@contextmanager
def _session(nvml: Any) -> Iterator[None]:
    nvml.nvmlInit()
    try:
        yield
    finally:
        nvml.nvmlShutdown()


def _says_absent(nvml: Any, error: Exception) -> bool:
    absent = (nvml.NVML_ERROR_LIBRARY_NOT_FOUND, nvml.NVML_ERROR_DRIVER_NOT_LOADED)
    return getattr(error, "value", None) in absent


def _handles(nvml: Any, index: int) -> Iterator[Any]:
    """What memory can be asked of: the GPU, or its instances if it is split by MIG."""
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    try:
        split = nvml.nvmlDeviceGetMigMode(handle)[0] == 1
    except nvml.NVMLError:
        split = False  # most GPUs cannot be split and answer "not supported"
    if not split:
        yield handle
        return
    for instance in range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
        try:
            yield nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, instance)
        except nvml.NVMLError:
            continue  # instances need not be numbered without gaps


def _read(nvml: Any, handle: Any) -> Device:
    total, free, note = None, None, ""
    try:
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        total, free = int(memory.total), int(memory.free)
    except nvml.NVMLError as error:
        if getattr(error, "value", None) != nvml.NVML_ERROR_NOT_SUPPORTED:
            raise
        # As on boards where the GPU has no memory apart from the CPU's.
        note = "the driver does not report its memory; give it a budget with --devices"
    name = _string(nvml.nvmlDeviceGetName(handle))
    uuid = _string(nvml.nvmlDeviceGetUUID(handle))
    return Device("cuda", "cuda", name, total, free, note=note, uuid=uuid)


def _visible(found: list[Device], visible: str) -> list[Device]:
    chosen: list[Device] = []
    for entry in visible.split(","):
        entry = entry.strip()
        if entry.isdigit():
            matches = found[int(entry) : int(entry) + 1]
        else:
            matches = [d for d in found if entry and (d.uuid or "").startswith(entry)]
        if len(matches) != 1 or matches[0] in chosen:
            break
        chosen += matches
    return chosen


def _string(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
