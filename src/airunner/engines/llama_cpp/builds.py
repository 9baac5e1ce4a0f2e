"""The builds that there are of the bundled engine, and which of them suit a machine. Pure.

Owns what each build needs, as its publisher's package page says, and the order of
preference. Installing one is ``build_install``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from airunner.devices.machine import Gpu, Machine, Maker, Version

PACKAGE = "xllamacpp"
INDEXES = "https://xorbitsai.github.io/xllamacpp/whl"
"""Where the publisher has its GPU builds, one index a build, below this address."""

_CU132_NATIVE = ((7, 5), (8, 6), (8, 9), (12, 0))
_CU128_NATIVE = ((8, 6), (8, 9), (12, 0))
"""Generations with code of their own in a build. For others the driver compiles it at the
first start, which takes one for the same CUDA."""


@dataclass(frozen=True, slots=True)
class Build:
    """One build.

    ``makers`` are those of its GPUs, ``sees`` begins the names that it gives them; ``lacks``
    says what a machine lacks for it, empty for nothing. ``on_index`` is false of what the
    package index itself has.
    """

    name: str
    makers: tuple[Maker, ...]
    sees: tuple[str, ...]
    lacks: Callable[[Machine], str]
    on_index: bool = True


@dataclass(frozen=True, slots=True)
class Choice:
    """Builds for a machine, best first; ``lacking`` says why no other one for its GPUs is."""

    suitable: tuple[Build, ...]
    lacking: dict[str, str]


def choose(machine: Machine) -> Choice:
    """The GPU builds that suit a machine; none where the CPU build is the right one."""
    here = {gpu.maker for gpu in machine.gpus}
    meant = [build for build in BUILDS.values() if here.intersection(build.makers)]
    lacking = {build.name: build.lacks(machine) for build in meant}
    suitable = [BUILDS[name] for name, lack in lacking.items() if not lack]
    return Choice(tuple(suitable), {name: lack for name, lack in lacking.items() if lack})


def builds_named(wanted: str) -> list[Build]:
    """The builds that a user's word means: one, or all that it begins, as ``rocm`` does."""
    exact = BUILDS.get(wanted)
    return [exact] if exact else [b for name, b in BUILDS.items() if name.startswith(wanted)]


def _lacks_cuda(
    least_compute: Version, least_cuda: Version, native: Sequence[Version], glibc: Version | None
) -> Callable[[Machine], str]:
    def lacks(machine: Machine) -> str:
        gpus = machine.made_by("nvidia")
        if not gpus:
            return "there is no NVIDIA GPU"
        newest = max((gpu.compute or (0, 0) for gpu in gpus), default=(0, 0))
        if newest < least_compute:
            return f"{gpus[0].name} is too old for it"
        compiled = all(gpu.compute not in native for gpu in gpus)
        needed = least_cuda if compiled else (least_cuda[0], 0)
        if machine.cuda is None or machine.cuda < needed:
            has = "none" if machine.cuda is None else _dotted(machine.cuda)
            return f"it needs an NVIDIA driver for CUDA {_dotted(needed)}, this one has {has}"
        if glibc is not None and (machine.glibc is None or machine.glibc < glibc):
            has = "unknown" if machine.glibc is None else _dotted(machine.glibc)
            return f"it needs glibc {_dotted(glibc)}, this system has {has}"
        return ""

    return lacks


def _lacks_rocm(version: Version, targets: Sequence[str]) -> Callable[[Machine], str]:
    def suits(gpu: Gpu) -> bool:
        return gpu.target.startswith(tuple(targets))

    def lacks(machine: Machine) -> str:
        gpus = machine.made_by("amd")
        if not gpus:
            return "there is no AMD GPU"
        if not machine.has_amdkfd:
            return "the kernel has no amdkfd"
        if not any(map(suits, gpus)):
            return f"{gpus[0].name} is none that it was built for"
        if machine.rocm is not None and machine.rocm[0] != version[0]:
            return f"it needs ROCm {version[0]}, installed is {_dotted(machine.rocm)}"
        return ""

    return lacks


def _lacks_vulkan(machine: Machine) -> str:
    if not machine.gpus or machine.system != "linux":
        return "there is no GPU for it"
    return "" if machine.has_vulkan else "there is no Vulkan driver for a GPU"


def _lacks_metal(machine: Machine) -> str:
    return "" if machine.made_by("apple") else "this is no Mac with Apple silicon"


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))


_RDNA_2_AND_3 = ("gfx103", "gfx110", "gfx115")
_RDNA_2_TO_4 = (*_RDNA_2_AND_3, "gfx12")
_CU132 = _lacks_cuda((7, 5), (13, 2), _CU132_NATIVE, (2, 35))
_CU128 = _lacks_cuda((5, 0), (12, 8), _CU128_NATIVE, None)

BUILDS: dict[str, Build] = {
    build.name: build
    for build in (
        Build("metal", ("apple",), ("mtl", "metal"), _lacks_metal, on_index=False),
        Build("cu132", ("nvidia",), ("cuda",), _CU132),
        Build("cu128", ("nvidia",), ("cuda",), _CU128),
        Build("rocm-7.2.4", ("amd",), ("rocm", "hip"), _lacks_rocm((7, 2), _RDNA_2_TO_4)),
        Build("rocm-6.4.1", ("amd",), ("rocm", "hip"), _lacks_rocm((6, 4), _RDNA_2_AND_3)),
        Build("vulkan", ("nvidia", "amd", "intel"), ("vulkan",), _lacks_vulkan),
        Build("cpu", (), (), lambda _: "", on_index=False),
    )
}
"""Every build by its name, in the order of preference."""
