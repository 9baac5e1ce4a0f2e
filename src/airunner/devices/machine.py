"""What an engine's build has to match: GPUs with their generation, drivers, the C library.

Owns the facts, read without any model library; which build they ask for is an engine's.
Memory is ``devices.probe``'s. Sources: NVML's ``nvmlSystemGetCudaDriverVersion`` (1000 times
the major version and 10 times the minor one), amdkfd's ``topology/nodes/*/properties``
(``gfx_target_version``, 10000 times the major, 100 times the minor, and the stepping),
PCI class 3 in sysfs, and the Vulkan loader's folders of drivers.
"""

from __future__ import annotations

import ctypes.util
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from airunner.devices.cuda import driver_library
from airunner.devices.kernel_file import file_number, file_text
from airunner.devices.rocm import LEAST_VRAM_BYTES

Maker = Literal["nvidia", "amd", "intel", "apple"]
Version = tuple[int, int]

_MAKERS: dict[str, Maker] = {"0x10de": "nvidia", "0x1002": "amd", "0x8086": "intel"}
_DRIVER_FOLDERS = ("usr/share", "usr/local/share", "etc")
_ON_THE_CPU = "lvp"
"""Mesa's lavapipe, which is a Vulkan driver and no GPU."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU with memory of its own, or Apple's.

    ``compute`` is CUDA's compute capability, ``target`` ROCm's name such as ``gfx1100``;
    each is ``None`` or empty where it does not apply or nobody says.
    """

    maker: Maker
    name: str
    compute: Version | None = None
    target: str = ""


@dataclass(frozen=True, slots=True)
class Machine:
    """This machine. Versions are major and minor; ``None`` is unknown or not there.

    ``cuda`` is the newest CUDA that the NVIDIA driver runs, ``rocm`` the version of ROCm
    that is installed, ``glibc`` that of the C library, ``has_vulkan`` whether a Vulkan
    loader and a GPU's driver are here, ``has_amdkfd`` whether the kernel lets ROCm compute.
    """

    system: str = "linux"
    processor: str = "x86_64"
    glibc: Version | None = None
    gpus: tuple[Gpu, ...] = ()
    cuda: Version | None = None
    rocm: Version | None = None
    has_amdkfd: bool = False
    has_vulkan: bool = False

    def made_by(self, maker: Maker) -> list[Gpu]:
        """The GPUs of one maker."""
        return [gpu for gpu in self.gpus if gpu.maker == maker]


def probe_machine(
    root: Path = Path("/"),
    nvml: Any = None,
    system: str = sys.platform,
    processor: str | None = None,
    find_library: Callable[[str], str | None] = ctypes.util.find_library,
) -> Machine:
    """Look at this machine; takes milliseconds, and nothing that fails ends it."""
    processor = processor or platform.machine()
    if system == "darwin":
        apple = (Gpu("apple", "Apple GPU"),) if processor == "arm64" else ()
        return Machine(system, processor, gpus=apple)
    nvidia, cuda = _nvidia(nvml)
    others = tuple(gpus_of_sysfs(root, without_nvidia=bool(nvidia)))
    gpus = (*nvidia, *others)
    return Machine(
        system,
        processor,
        glibc=_version(platform.libc_ver()[1]),
        gpus=gpus,
        cuda=cuda,
        rocm=_version(file_text(root / "opt/rocm/.info/version")),
        has_amdkfd=(root / "sys/class/kfd/kfd").is_dir(),
        has_vulkan=bool(gpus) and _has_driver(root) and find_library("vulkan") is not None,
    )


def _nvidia(nvml: Any) -> tuple[tuple[Gpu, ...], Version | None]:
    nvml = nvml or driver_library()
    if nvml is None:
        return (), None
    found: list[Gpu] = []
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return (), None
    try:
        number = int(nvml.nvmlSystemGetCudaDriverVersion_v2())
        for index in range(nvml.nvmlDeviceGetCount()):
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            name = nvml.nvmlDeviceGetName(handle)
            major, minor = nvml.nvmlDeviceGetCudaComputeCapability(handle)
            text = name.decode(errors="replace") if isinstance(name, bytes) else str(name)
            found.append(Gpu("nvidia", text, (int(major), int(minor))))
        return tuple(found), (number // 1000, number % 1000 // 10)
    except nvml.NVMLError:
        return tuple(found), None
    finally:
        nvml.nvmlShutdown()


def gpus_of_sysfs(root: Path, *, without_nvidia: bool = True) -> Iterator[Gpu]:
    """GPUs by their PCI devices. One inside the processor holds no model and is left out."""
    targets = sorted(_amd_targets(root / "sys/class/kfd/kfd/topology/nodes"))
    for card in sorted((root / "sys/class/drm").glob("card*")):
        device = card / "device"
        maker = _MAKERS.get(file_text(device / "vendor"))
        if not card.name[len("card") :].isdecimal() or maker is None:
            continue
        if maker == "nvidia" and without_nvidia:
            continue
        if maker == "intel" and device.resolve().name.startswith("0000:00:"):
            continue  # on the processor's own bus
        vram_bytes = file_number(device / "mem_info_vram_total")
        if maker == "amd" and vram_bytes is not None and vram_bytes < LEAST_VRAM_BYTES:
            continue
        target = targets.pop(0) if maker == "amd" and targets else ""
        name = file_text(device / "product_name") or f"{maker.upper()} {target}".strip()
        yield Gpu(maker, name, target=target)


def _amd_targets(nodes: Path) -> Iterator[str]:
    for properties in nodes.glob("*/properties"):
        fields = dict(
            line.split(maxsplit=1) for line in file_text(properties).splitlines() if " " in line
        )
        number = fields.get("gfx_target_version", "")
        if number.isdecimal() and int(number):
            major, minor, stepping = int(number) // 10000, int(number) // 100 % 100, int(number)
            yield f"gfx{major}{minor:x}{stepping % 100:x}"


def _has_driver(root: Path) -> bool:
    drivers = [
        driver
        for folder in _DRIVER_FOLDERS
        for driver in (root / folder / "vulkan/icd.d").glob("*.json")
    ]
    return any(not driver.name.startswith(_ON_THE_CPU) for driver in drivers)


def _version(text: str) -> Version | None:
    numbers = [part for part in text.replace("-", ".").split(".") if part.isdecimal()]
    return (int(numbers[0]), int(numbers[1])) if len(numbers) > 1 else None
