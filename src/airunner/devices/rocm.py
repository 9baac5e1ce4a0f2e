"""AMD GPUs, as the amdgpu kernel driver reports them in sysfs.

Owns finding them and the memory a process holds on them; needs no ROCm library.
Files are those of the kernel's documentation ("Misc AMDGPU driver information",
``mem_info_vram_total`` and ``mem_info_vram_used``, in bytes) and of amdkfd, the
driver's compute side (``/sys/class/kfd/kfd/proc/<pid>/vram_<gpu>``, in bytes).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from airunner.config.byte_size import GIB, format_bytes
from airunner.devices.device import Device, DeviceReport
from airunner.devices.kernel_file import file_number, file_text

LEAST_VRAM_BYTES = GIB
"""Less memory of its own than this marks a GPU built into the processor. Its memory is a
part of RAM set aside by the firmware, commonly 512 MiB, and holds no model."""

_AMD = "0x1002"
_CARD = re.compile(r"card\d+")


def probe_rocm(root: Path = Path("/")) -> DeviceReport:
    """AMD GPUs in PCI order. Without amdkfd, ROCm cannot use them, which is a note."""
    found: list[Device] = []
    notes: list[str] = []
    for index, card in enumerate(_cards(root / "sys/class/drm")):
        total = file_number(card / "mem_info_vram_total")
        used = file_number(card / "mem_info_vram_used")
        name = file_text(card / "product_name") or f"AMD GPU {file_text(card / 'device')}".rstrip()
        if total is not None and total < LEAST_VRAM_BYTES:
            notes.append(
                f"{name} is not used: it has {format_bytes(total)} of memory of its own, "
                "as a GPU inside the processor has."
            )
            continue
        free = None if total is None or used is None else max(0, total - used)
        uuid = file_text(card / "unique_id") or None
        found.append(Device(f"rocm:{index}", "rocm", name, total, free, index, uuid=uuid))
    if found and not (root / "sys/class/kfd/kfd").is_dir():
        notes.append("AMD GPUs are not used: the kernel has no amdkfd, which ROCm needs.")
        found = []
    return DeviceReport(tuple(found), tuple(notes))


def rocm_process_bytes(pid: int, root: Path = Path("/")) -> int | None:
    """GPU memory that process ``pid`` holds on all AMD GPUs together; ``None`` if unknown."""
    files = (root / "sys/class/kfd/kfd/proc" / str(pid)).glob("vram_*")
    held = [n_bytes for n_bytes in map(file_number, files) if n_bytes is not None]
    return sum(held) if held else None


def _cards(drm: Path) -> Iterator[Path]:
    """The device folders of AMD cards, in PCI order, which is how HIP numbers them."""
    cards = [path / "device" for path in drm.glob("card*") if _CARD.fullmatch(path.name)]
    for card in sorted(cards, key=lambda card: (card.resolve().name, card.parent.name)):
        if file_text(card / "vendor") == _AMD:
            yield card
